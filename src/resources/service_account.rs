//! `azwi_service_account`: a service account whose annotations say which identity its pods act as.
//!
//! Either the whole object is ours, or only some of its annotations and labels are (`manage`). In both cases only the keys that are
//! configured are ours: what others put on the account is neither shown nor removed, and is overwritten with consent only.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::domain::account_error::{self, Account};
use crate::domain::account_import;
use crate::domain::service_account::{self as rules, CLIENT_ID, Map, TENANT_ID, TOKEN_EXPIRATION};
use crate::domain::subject;
use crate::error::{Error, Result};
use crate::kubernetes::ownership::Update;
use crate::kubernetes::{self, Client, Fields, Key};
use crate::lifecycle::plan::Plan;
use crate::resource::{IdentityAttribute, Resource};
use crate::resources::shared::account::{Establish, Trouble, establish, warn_of_keys};
use crate::schema::{
    Schema, boolean, computed, map_of_text, number, optional, optional_computed, required, set_of_text, text,
};
use crate::value::{self, Known, Value};

/// The resource.
pub(super) struct ServiceAccount;

const NAME: &str = "azwi_service_account";
/// `manage`: create the object, and delete it.
const OBJECT: &str = "object";
/// `manage`: only annotations and labels, on an object of somebody else's.
const ANNOTATIONS: &str = "annotations";
const MANAGE: &[&str] = &[OBJECT, ANNOTATIONS];
const FIELD_MANAGER: &str = "azwi";

/// A service account as plan and state hold it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Model {
    name: String,
    namespace: String,
    client_id: Option<String>,
    tenant_id: Option<String>,
    token_expiration_seconds: Option<i64>,
    labels: Option<Map>,
    annotations: Option<Map>,
    automount_service_account_token: Option<bool>,
    image_pull_secrets: Option<BTreeSet<String>>,
    manage: String,
    field_manager: String,
    force_conflicts: bool,
    id: Option<String>,
    subject: Option<String>,
    uid: Option<String>,
}

#[async_trait]
impl Resource for ServiceAccount {
    type Model = Model;

    fn name(&self) -> &'static str {
        NAME
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A Kubernetes service account, annotated with the identity that its pods act as. It is written by server-side apply: only \
             the keys that are configured here belong to this resource, and what others put on the account stays as it is.",
            vec![
                required("name", text(), "Name of the service account: at most 253 lower-case letters, digits, `-` and `.`.")
                    .replaces()
                    .check(rules::check_name),
                optional("namespace", text(), "Namespace it is in, which must exist.")
                    .default(value::string("default"))
                    .replaces()
                    .check(rules::check_namespace),
                optional(
                    "client_id",
                    text(),
                    "Client id of the managed identity or application that pods act as, for the annotation \
                     `azure.workload.identity/client-id`. Not its principal id.",
                )
                .check(rules::check_uuid),
                optional(
                    "tenant_id",
                    text(),
                    "Tenant of that identity, for the annotation `azure.workload.identity/tenant-id`. Without it the webhook uses the \
                     tenant that it was installed with.",
                )
                .check(rules::check_uuid),
                optional(
                    "token_expiration_seconds",
                    number(),
                    "Lifetime of the pods' projected tokens in seconds, from 3600 to 86400, for the annotation \
                     `azure.workload.identity/service-account-token-expiration`. Without it the webhook uses 3600. Pods that run keep theirs.",
                )
                .within(rules::TOKEN_EXPIRATION_SECONDS),
                optional(
                    "labels",
                    map_of_text(),
                    "Labels. Other labels on the account stay; a key whose value is null is left alone.",
                )
                .check_keys(rules::check_label_key)
                .check(rules::check_label_value),
                optional(
                    "annotations",
                    map_of_text(),
                    "Annotations besides those that have an attribute of their own. Other annotations on the account stay; a key \
                     whose value is null is left alone.",
                )
                .check_keys(rules::check_annotation_key)
                .check_value(check_size),
                optional_computed(
                    "automount_service_account_token",
                    boolean(),
                    "Whether pods get the account's API token mounted, unless they say otherwise. Workload identity does not need it. \
                     Not with `manage = \"annotations\"`.",
                )
                .stable_unless(&["manage"]),
                optional(
                    "image_pull_secrets",
                    set_of_text(),
                    "Names of the secrets with which pods pull images. The list has one owner: where this is set, nobody else can add \
                     to it. Not with `manage = \"annotations\"`.",
                )
                .check(rules::check_name),
                optional(
                    "manage",
                    text(),
                    "What belongs to this resource. With `object` a create makes the account, which must not exist, and a destroy \
                     deletes it. With `annotations` the account belongs to somebody else and must exist: only the annotations and \
                     labels that are configured here are added, and a destroy removes only them. From `object` to `annotations` is a \
                     change in place; the way back needs `adopt_existing`.",
                )
                .default(value::string(OBJECT))
                .one_of(MANAGE),
                optional(
                    "field_manager",
                    text(),
                    "Field manager of the server-side apply, 1 to 128 bytes. Two resources on one service account need different ones, or \
                     each would remove the other's keys.",
                )
                .default(value::string(FIELD_MANAGER))
                .check(rules::check_field_manager),
                optional(
                    "force_conflicts",
                    boolean(),
                    "Whether keys that are configured here are overwritten where another field manager has set them to something else. \
                     Without it that is an error that names the manager.",
                )
                .default(value::boolean(false)),
                computed("id", text(), "The account as `namespace/name`.").stable(),
                computed(
                    "subject",
                    text(),
                    "Subject of the account's tokens, `system:serviceaccount:<namespace>:<name>`, for the `subject` of a federated \
                     identity credential. Known at plan.",
                )
                .stable(),
                computed("uid", text(), "Uid of the object in the cluster.").stable(),
            ],
        )
    }

    fn identity_schema(&self) -> &'static [IdentityAttribute] {
        &[
            IdentityAttribute { name: "namespace", doc: "Namespace of the service account." },
            IdentityAttribute { name: "name", doc: "Name of the service account." },
        ]
    }

    fn identity(&self, model: &Model) -> Result<Vec<String>> {
        Ok(vec![model.namespace.clone(), model.name.clone()])
    }

    fn import_id(&self, identity: &[String]) -> String {
        identity.join("/")
    }

    fn validate(&self, config: &Value) -> Vec<Error> {
        if value::as_str(value::attribute(config, "manage")) != Some(ANNOTATIONS) {
            return Vec::new();
        }
        ["automount_service_account_token", "image_pull_secrets"]
            .into_iter()
            .filter(|name| !value::attribute(config, name).is_null())
            .map(|name| {
                let detail = format!(
                    "With `manage = \"annotations\"` the account belongs to somebody else, and only annotations and labels are \
                     written. Remove `{name}`, or set `manage = \"object\"`."
                );
                Error::new(format!("`{name}` cannot be set here"), detail).at(name)
            })
            .collect()
    }

    async fn plan(&self, context: &Context, plan: &mut Plan) -> Result<()> {
        warn_of_keys(context, &plan.config, None);
        let text = |name: &str| value::as_str(plan.planned(name)).map(str::to_owned);
        if let (Some(namespace), Some(name)) = (text("namespace"), text("name")) {
            plan.settle("id", value::string(format!("{namespace}/{name}")));
            plan.settle("subject", value::string(subject::of_service_account(&namespace, &name)));
        }
        let takes_over = value::as_str(value::attribute(&plan.prior, "manage")) == Some(ANNOTATIONS)
            && value::as_str(plan.planned("manage")) == Some(OBJECT);
        if takes_over && plan.replace.is_empty() && plan.planned("adopt_existing") == &value::boolean(false) {
            return Err(account_error::needs_consent());
        }
        Ok(())
    }

    fn reads_may_lag(&self) -> bool {
        false
    }

    async fn create(&self, context: &Context, plan: Model) -> Result<Model> {
        let client = context.clients()?.kubernetes()?;
        let wanted = plan.fields();
        let looks = context.adopt_existing || !plan.owns_object();
        let found = if looks { read(client, &plan, context).await? } else { None };
        let of = Establish {
            account: plan.account(),
            wanted: &wanted,
            owns_object: plan.owns_object(),
            adopt: context.adopt_existing,
            force: plan.force_conflicts,
        };
        match establish(client, found, of, &context.wait).await {
            Ok(live) => Ok(plan.made(&live)),
            Err(Trouble::Nothing(error)) => Err(error),
            Err(Trouble::Refused(error, None)) => Err(plan.explain(error)),
            Err(Trouble::Refused(error, Some(made))) => Err(plan.explain(error).keeping(&plan.made(&made))),
        }
    }

    async fn read(&self, context: &Context, state: Model) -> Result<Option<Model>> {
        let client = context.clients()?.kubernetes()?;
        let Some(live) = read(client, &state, context).await? else { return Ok(None) };
        // Another object of the same name is not the one that this resource made; its owner may be anybody.
        let replaced = state.owns_object() && state.uid.as_deref().is_some_and(|uid| uid != live.uid);
        if live.deleting || replaced {
            return Ok(None);
        }
        Ok(Some(state.refreshed(&live)))
    }

    async fn update(&self, context: &Context, prior: Model, plan: Model) -> Result<Model> {
        let client = context.clients()?.kubernetes()?;
        let adopts = !prior.owns_object() && plan.owns_object();
        if adopts && !context.adopt_existing {
            return Err(account_error::needs_consent());
        }
        let (held, wanted) = (prior.fields(), plan.fields());
        let update = Update {
            uid: prior.uid.as_deref(),
            manager_before: &prior.field_manager,
            manager: &plan.field_manager,
            held: &held,
            wanted: &wanted,
            take_over: &Key::to_take_over((&held, prior.owns_object()), (&wanted, plan.owns_object())),
            force_conflicts: plan.force_conflicts || adopts,
        };
        let updated = client.update_service_account(&plan.namespace, &plan.name, update, &context.wait).await;
        updated.map(|live| plan.made(&live)).map_err(|error| plan.explain(error))
    }

    async fn delete(&self, context: &Context, prior: Model) -> Result<()> {
        let client = context.clients()?.kubernetes()?;
        let (namespace, name) = (&prior.namespace, &prior.name);
        let ended = match (&prior.uid, prior.owns_object()) {
            (Some(uid), true) => client.delete_service_account(namespace, name, uid, &context.wait).await,
            (None, true) => Ok(()),
            (_, false) => {
                let (manager, held) = (&prior.field_manager, prior.fields());
                client.release_service_account(namespace, name, manager, &held, &context.wait).await
            }
        };
        ended.map_err(|error| prior.explain(error))
    }

    async fn import(&self, context: &Context, id: &str) -> Result<Option<Model>> {
        let (namespace, name) = rules::parse_id(id)
            .map_err(|rule| Error::new(format!("Cannot import {NAME}: `{id}` is not its id"), rule))?;
        let client = context.clients()?.kubernetes()?;
        let live = client.service_account(&namespace, &name, &context.wait).await?;
        Ok(live.filter(|live| !live.deleting).map(|live| imported(&live)))
    }
}

impl Model {
    fn owns_object(&self) -> bool {
        self.manage == OBJECT
    }

    fn account(&self) -> Account<'_> {
        let Self { namespace, name, field_manager, .. } = self;
        Account { type_name: NAME, namespace, name, field_manager }
    }

    fn explain(&self, error: kubernetes::Error) -> Error {
        account_error::explain(error, self.account())
    }

    /// What this model applies.
    fn fields(&self) -> Fields {
        let mut annotations = rules::given(self.annotations.as_ref());
        annotations.extend(rules::annotations(
            self.client_id.as_deref(),
            self.tenant_id.as_deref(),
            self.token_expiration_seconds,
        ));
        Fields {
            annotations,
            labels: rules::given(self.labels.as_ref()),
            automount: self.automount_service_account_token.filter(|_| self.owns_object()),
            image_pull_secrets: self.image_pull_secrets.clone().filter(|_| self.owns_object()),
        }
    }

    /// The plan, with what only the cluster knows.
    fn made(&self, live: &kubernetes::ServiceAccount) -> Self {
        let automount = self.automount_service_account_token.or(live.fields.automount);
        Self {
            automount_service_account_token: automount.filter(|_| self.owns_object()),
            id: Some(format!("{}/{}", self.namespace, self.name)),
            subject: Some(subject::of_service_account(&self.namespace, &self.name)),
            uid: Some(live.uid.clone()),
            ..self.clone()
        }
    }

    /// The state, with the values that its keys have now. What is not in the state stays out of it.
    fn refreshed(&self, live: &kubernetes::ServiceAccount) -> Self {
        let annotation = |key: &str| live.fields.annotations.get(key).cloned();
        let secrets = self.image_pull_secrets.as_ref();
        Self {
            client_id: self.client_id.as_ref().and_then(|_| annotation(CLIENT_ID)),
            tenant_id: self.tenant_id.as_ref().and_then(|_| annotation(TENANT_ID)),
            token_expiration_seconds: self
                .token_expiration_seconds
                .and_then(|_| annotation(TOKEN_EXPIRATION)?.parse().ok()),
            labels: rules::still(self.labels.as_ref(), &live.fields.labels),
            annotations: rules::still(self.annotations.as_ref(), &live.fields.annotations),
            image_pull_secrets: secrets.map(|_| live.fields.image_pull_secrets.clone().unwrap_or_default()),
            automount_service_account_token: live.fields.automount,
            ..self.clone()
        }
        .made(live)
    }
}

/// The account as an import finds it.
fn imported(live: &kubernetes::ServiceAccount) -> Model {
    let claim = account_import::claim(live, FIELD_MANAGER);
    let Fields { mut annotations, labels, image_pull_secrets, .. } = claim.fields;
    let client_id = annotations.remove(CLIENT_ID);
    let tenant_id = annotations.remove(TENANT_ID);
    let token_expiration_seconds = annotations.remove(TOKEN_EXPIRATION).and_then(|seconds| seconds.parse().ok());
    let map = |map: BTreeMap<String, String>| -> Option<Map> {
        (!map.is_empty()).then(|| map.into_iter().map(|(key, value)| (key, Some(value))).collect())
    };
    Model {
        name: live.name.clone(),
        namespace: live.namespace.clone(),
        client_id,
        tenant_id,
        token_expiration_seconds,
        labels: map(labels),
        annotations: map(annotations),
        automount_service_account_token: None,
        image_pull_secrets,
        manage: (if claim.annotations_only { ANNOTATIONS } else { OBJECT }).to_owned(),
        field_manager: FIELD_MANAGER.to_owned(),
        force_conflicts: false,
        id: None,
        subject: None,
        uid: None,
    }
    .made(live)
}

async fn read(client: &Client, model: &Model, context: &Context) -> Result<Option<kubernetes::ServiceAccount>> {
    Ok(client.service_account(&model.namespace, &model.name, &context.wait).await?)
}

fn check_size(map: &Value) -> std::result::Result<(), String> {
    let Value::Value(Known::Map(map)) = map else { return Ok(()) };
    rules::check_annotations(map.iter().filter_map(|(key, value)| Some((key.as_str(), value::as_str(value)?))))
}
