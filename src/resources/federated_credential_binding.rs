//! `azwi_federated_credential_binding`: one service account, one identity, and the proof that a pod's token is accepted.
//!
//! It makes what three resources make, in the order check, credential, service account, roles, and then exchanges a token as a pod
//! would. A part that fails undoes the parts before it; a part that drifts is mended alone. The steps are in `binding/`.

use async_trait::async_trait;

use super::binding::check::{assigned_twice, check};
use super::binding::model::{ANNOTATIONS, Model};
use super::binding::probe::{self, prove};
use super::binding::progress::{self, Progress};
use super::binding::{NAME, plan, refresh};
use super::federated_identity_credential::same_identity;
use crate::azure::id::same_name;
use crate::azure::{ClusterId, IdError, IdentityId, Scope};
use crate::context::Context;
use crate::domain::account_error;
use crate::domain::binding::advice::within_account;
use crate::domain::credential::{check_audience, check_issuer};
use crate::domain::role_assignment::{check_role_id, check_role_name, same_role, same_scope};
use crate::domain::service_account as rules;
use crate::error::{Error, Result};
use crate::lifecycle::plan::Plan;
use crate::resource::{IdentityAttribute, Resource};
use crate::resources::shared::credential as shared;
use crate::resources::shared::role;
use crate::schema::{
    Attribute, Kind, Nesting, Schema, boolean, computed, map_of_text, number, optional, optional_computed, required,
    text,
};
use crate::value::{self, Known, Value};

/// The resource.
pub(super) struct FederatedCredentialBinding;

#[async_trait]
impl Resource for FederatedCredentialBinding {
    type Model = Model;

    fn name(&self) -> &'static str {
        NAME
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Binds one Kubernetes service account to one managed identity, and sees that it works. It makes the federated identity \
             credential from the cluster's own issuer, makes or annotates the service account, assigns roles, and then exchanges a \
             token of the account at Entra ID, as a pod would, until that is accepted several times in a row. A create that fails \
             undoes what it made. A part that drifts is shown in the plan and mended alone: a null `credential_id` or \
             `service_account` in the state is a part that is gone.",
            vec![
                required(
                    "user_assigned_identity_id",
                    text(),
                    "The id of the identity: `/subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/…`. \
                     It may be in any subscription that the provider's account can write to.",
                )
                .replaces()
                .check(|id| id.parse::<IdentityId>().map(drop).map_err(|error| error.to_string()))
                .same(same_identity),
                optional_computed(
                    "cluster_id",
                    text(),
                    "The id of the cluster, of AKS or Azure Arc, whose issuer the credential trusts. Defaults to `cluster_id` in the \
                     provider's `kubernetes` block, and may not be another. Changes in place.",
                )
                .check(|id| id.parse::<ClusterId>().map(drop).map_err(|error| error.to_string()))
                .same(same_cluster)
                .stable(),
                optional_computed(
                    "issuer",
                    text(),
                    "The issuer of the cluster's tokens, exactly as they carry it, for a cluster that is not in Azure. Defaults to the \
                     issuer of `cluster_id`, which it must equal to the letter where both are given. Changes in place.",
                )
                .check(check_issuer)
                .stable_unless(&["cluster_id"]),
                required("service_account", Kind::Nested(Nesting::Single, service_account()), "The service account."),
                optional_computed(
                    "credential_name",
                    text(),
                    "The name of the credential: 3 to 120 letters, digits, `-` or `_`, the first a letter or digit. Defaults to \
                     `<namespace>-<name>-<8 hexadecimal digits>`, the digits derived from issuer, namespace and name. Stays once it \
                     is made.",
                )
                .replaces()
                .check(crate::azure::id::check_credential_name)
                .same(same_name)
                .stable(),
                optional_computed(
                    "audience",
                    text(),
                    "The audience of the tokens, exactly one. Defaults to that of the provider's cloud, `api://AzureADTokenExchange` \
                     in the public one. Changes in place.",
                )
                .check(check_audience)
                .stable(),
                optional(
                    "role_assignments",
                    Kind::Nested(Nesting::Set, role_assignment()),
                    "Roles that the identity gets, and loses when they are removed here. A role that it has already through another \
                     assignment is an error. They take effect some minutes after they are assigned, which is not waited for.",
                ),
                optional(
                    "wait_until_usable",
                    boolean(),
                    "Whether to wait until Entra ID accepts the account's tokens. Without it that is tried, and ends in a warning \
                     where it is not possible, such as without the right to request tokens. With `true` the apply fails unless it \
                     succeeds; with `false` it is not tried. It takes half a minute to a few minutes; `timeouts` limit it.",
                ),
                computed("id", text(), "The id that the credential has, whether it is there or not.").stable(),
                computed("client_id", text(), "The identity's client id, which pods sign in as.").stable(),
                computed("tenant_id", text(), "The identity's tenant.").stable(),
                computed("principal_id", text(), "The object id of the identity's service principal, which roles are assigned to.")
                    .stable(),
                computed("subject", text(), "The subject of the account's tokens, `system:serviceaccount:<namespace>:<name>`.")
                    .stable(),
                computed("credential_id", text(), "The id of the credential; null where it is gone.").stable(),
                computed(
                    "service_account_uid",
                    text(),
                    "Uid of the service account, where the whole object belongs to this resource.",
                )
                .stable(),
                computed(
                    "role_assignment_ids",
                    map_of_text(),
                    "The ids of the role assignments, by `<scope>|<GUID of the role>` in lower case.",
                )
                .stable_unless(&["role_assignments"]),
                computed(
                    "usable",
                    boolean(),
                    "Whether Entra ID accepted the account's tokens; null where that was not tried. With `false` the next apply tries \
                     again.",
                )
                .stable(),
                computed("pod_labels", map_of_text(), "The labels that a pod needs so that the webhook injects the token.")
                    .stable(),
            ],
        )
    }

    fn identity_schema(&self) -> &'static [IdentityAttribute] {
        &shared::IDENTITY
    }

    fn identity(&self, model: &Model) -> Result<Vec<String>> {
        Ok(shared::identity_parts(&model.credential()?))
    }

    fn import_id(&self, identity: &[String]) -> String {
        shared::import_id(identity)
    }

    fn validate(&self, config: &Value) -> Vec<Error> {
        let mut errors = Vec::new();
        let roles = match value::attribute(config, "role_assignments") {
            Value::Value(Known::List(roles)) => roles.as_slice(),
            _ => &[],
        };
        for role in roles {
            let (name, id) =
                (value::attribute(role, "role_definition_name"), value::attribute(role, "role_definition_id"));
            let place =
                value::as_str(value::attribute(role, "scope")).map(|scope| format!(" at {scope}")).unwrap_or_default();
            let named = match (name.is_null(), id.is_null()) {
                (true, true) => "neither `role_definition_name` nor `role_definition_id`",
                (false, false) if name.is_value() && id.is_value() => {
                    "both `role_definition_name` and `role_definition_id`"
                }
                _ => continue,
            };
            let told = format!("The role{place} has {named}. Set one of them.");
            errors.push(Error::new("A role is named in no way or in two", told).at("role_assignments"));
        }
        for (index, role) in roles.iter().enumerate() {
            if let Some((scope, name)) = roles.iter().take(index).find_map(|other| same_assignment(role, other)) {
                errors.push(assigned_twice(&format!("`{name}` at {scope}")).at("role_assignments"));
            }
        }
        errors
    }

    async fn plan(&self, context: &Context, plan: &mut Plan) -> Result<()> {
        plan::plan(context, plan).await?;
        let manage = |object: &Value| {
            value::as_str(value::attribute(value::attribute(object, "service_account"), "manage")).map(str::to_owned)
        };
        let takes_over = manage(&plan.prior).as_deref() == Some(ANNOTATIONS)
            && manage(&plan.planned).as_deref() != Some(ANNOTATIONS)
            && plan.planned("service_account").is_value();
        if takes_over && plan.replace.is_empty() && plan.planned("adopt_existing") == &value::boolean(false) {
            return Err(account_error::needs_consent().at_path(within_account("manage")));
        }
        Ok(())
    }

    async fn check_replacement(&self, context: &Context, successor: &Value) -> Result<()> {
        for assignment in value::as_list(value::attribute(successor, "role_assignments")) {
            role::check_exists(context, assignment).await.map_err(|error| error.at("role_assignments"))?;
        }
        Ok(())
    }

    async fn create(&self, context: &Context, plan: Model) -> Result<Model> {
        let checked = check(context, plan, None).await?;
        let nothing = Model {
            service_account: None,
            credential_id: None,
            service_account_uid: None,
            role_assignments: None,
            role_assignment_ids: None,
            usable: None,
            ..checked.plan.clone()
        };
        let mut progress = Progress::new(context, nothing)?;
        if let Err(error) = progress.write(&checked).await {
            return Err(progress.give_up(error).await);
        }
        proven(context, progress.now).await
    }

    async fn read(&self, context: &Context, state: Model) -> Result<Option<Model>> {
        refresh::read(context, state).await
    }

    async fn update(&self, context: &Context, prior: Model, plan: Model) -> Result<Model> {
        let (due, touched) = (probe::is_due(Some(&prior), &plan), probe::touches(&prior, &plan));
        let usable = if plan.wait_until_usable == Some(false) && touched { None } else { prior.usable };
        let checked = check(context, plan, Some(&prior)).await?;
        let mut progress = Progress::new(context, Model { usable, ..prior })?;
        if let Err(error) = progress.write(&checked).await {
            return Err(error.keeping(&progress.now));
        }
        let now = Model { wait_until_usable: checked.plan.wait_until_usable, ..progress.now };
        if due { proven(context, now).await } else { Ok(now) }
    }

    async fn delete(&self, context: &Context, prior: Model) -> Result<()> {
        progress::delete(context, prior).await
    }

    async fn import(&self, context: &Context, id: &str) -> Result<Option<Model>> {
        refresh::import(context, id).await
    }
}

/// The binding with what the probe said of it. A probe that fails undoes nothing.
async fn proven(context: &Context, now: Model) -> Result<Model> {
    if now.wait_until_usable == Some(false) {
        return Ok(now);
    }
    match prove(context, &now).await {
        Ok(usable) => Ok(Model { usable, ..now }),
        Err(error) => Err(error.keeping(&Model { usable: Some(false), ..now })),
    }
}

fn service_account() -> Vec<Attribute> {
    vec![
        required("namespace", text(), "Namespace of the account, which must exist.").replaces().check(rules::check_namespace),
        required("name", text(), "Name of the account: at most 253 lower-case letters, digits, `-` and `.`.")
            .replaces()
            .check(rules::check_name),
        optional(
            "manage",
            text(),
            "What of the account belongs to this resource. With `object` a create makes the account, which must not exist, and a \
             destroy deletes it. With `annotations` the account belongs to somebody else and must exist: only annotations and labels \
             are added, and a destroy removes only them. From `object` to `annotations` is a change in place; the way back needs \
             `adopt_existing`. Defaults to `object`.",
        )
        .one_of(&["object", ANNOTATIONS]),
        optional(
            "annotate",
            boolean(),
            "Whether the account gets the annotations with client id and tenant id of the identity. Set it to `false` for an account \
             that serves several identities. Defaults to `true`.",
        ),
        optional("labels", map_of_text(), "Labels. Other labels on the account stay; a key whose value is null is left alone.")
            .check_keys(rules::check_label_key)
            .check(rules::check_label_value),
        optional(
            "annotations",
            map_of_text(),
            "Annotations besides those of workload identity. Other annotations on the account stay; a key whose value is null is \
             left alone. In a state, the annotations of workload identity stand here where somebody has given them other values.",
        )
        .check_keys(|key| {
            rules::check_annotation_key(key).map_err(|_| {
                format!("`{key}` follows from the identity, or from `token_expiration_seconds`. Remove it, or set `annotate = false`.")
            })
        }),
        optional(
            "token_expiration_seconds",
            number(),
            "Lifetime of the pods' projected tokens in seconds, from 3600 to 86400. Without it the webhook uses 3600. Pods that run \
             keep theirs.",
        )
        .within(rules::TOKEN_EXPIRATION_SECONDS),
    ]
}

fn role_assignment() -> Vec<Attribute> {
    vec![
        required(
            "scope",
            text(),
            "Where the role holds: the id of a management group, subscription, resource group or resource, from its slash on.",
        )
        .check(|scope| scope.parse::<Scope>().map(drop).map_err(|error| error.to_string()))
        .same(same_scope),
        optional("role_definition_name", text(), "The role's name, such as `Key Vault Secrets User`.")
            .check(check_role_name)
            .same(same_name),
        optional("role_definition_id", text(), "The role's id: its GUID, the id that Azure gives it in any scope, or that of `azurerm_role_definition`.")
            .check(check_role_id)
            .same(same_role),
        role::accept_broad_access(),
    ]
}

/// Scope and role of two entries that assign the same, as far as that can be told without a lookup.
fn same_assignment<'a>(a: &'a Value, b: &Value) -> Option<(&'a str, &'a str)> {
    let same = |name: &str, same: fn(&str, &str) -> bool| {
        let text = value::as_str(value::attribute(a, name))?;
        value::as_str(value::attribute(b, name)).is_some_and(|other| same(text, other)).then_some(text)
    };
    let role = same("role_definition_id", same_role).or_else(|| same("role_definition_name", same_name))?;
    Some((same("scope", same_scope)?, role))
}

fn same_cluster(a: &str, b: &str) -> bool {
    let parse = |id: &str| -> std::result::Result<ClusterId, IdError> { id.parse() };
    parse(a).is_ok_and(|a| parse(b).is_ok_and(|b| a == b))
}
