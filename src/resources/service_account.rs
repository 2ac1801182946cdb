//! `azwi_service_account`: a service account whose annotations say which identity its pods act as.
//!
//! Either the whole object is ours, or only some of its annotations and labels are (`manage`). In both cases only the keys that are
//! configured are ours: what others put on the account is neither shown nor removed, and is overwritten with consent only.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::domain::existing::already_exists;
use crate::domain::service_account::{self as rules, CLIENT_ID, TENANT_ID, TOKEN_EXPIRATION};
use crate::domain::subject;
use crate::error::{Error, Result};
use crate::kubernetes::ownership::{Join, Update};
use crate::kubernetes::{self, Client, Fields, Key, Kind};
use crate::lifecycle::plan::Plan;
use crate::resource::{IdentityAttribute, Resource};
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

/// A map whose keys without a value are left alone: `{ team = var.team }` with a null variable.
type Map = BTreeMap<String, Option<String>>;

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
                optional("namespace", text(), "Namespace it is in, which must exist. Defaults to `default`.")
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
                     change in place; the way back needs `adopt_existing`. Defaults to `object`.",
                )
                .default(value::string(OBJECT))
                .one_of(MANAGE),
                optional(
                    "field_manager",
                    text(),
                    "Field manager of the server-side apply, 1 to 128 bytes. Two resources on one service account need different ones, or \
                     each would remove the other's keys. Defaults to `azwi`.",
                )
                .default(value::string(FIELD_MANAGER))
                .check(rules::check_field_manager),
                optional(
                    "force_conflicts",
                    boolean(),
                    "Whether keys that are configured here are overwritten where another field manager has set them to something else. \
                     Defaults to `false`, which makes that an error that names the manager.",
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

    async fn plan(&self, _context: &Context, plan: &mut Plan) -> Result<()> {
        let text = |name: &str| value::as_str(plan.planned(name)).map(str::to_owned);
        if let (Some(namespace), Some(name)) = (text("namespace"), text("name")) {
            plan.settle("id", value::string(format!("{namespace}/{name}")));
            plan.settle("subject", value::string(subject::of_service_account(&namespace, &name)));
        }
        let takes_over = value::as_str(value::attribute(&plan.prior, "manage")) == Some(ANNOTATIONS)
            && value::as_str(plan.planned("manage")) == Some(OBJECT);
        if takes_over && plan.replace.is_empty() && plan.planned("adopt_existing") == &value::boolean(false) {
            return Err(needs_consent());
        }
        Ok(())
    }

    async fn create(&self, context: &Context, plan: Model) -> Result<Model> {
        let client = context.clients()?.kubernetes()?;
        let wanted = plan.fields();
        let manager = &plan.field_manager;
        if plan.owns_object() && !context.adopt_existing {
            return match client
                .create_service_account(&plan.namespace, &plan.name, &wanted, manager, &context.wait)
                .await
            {
                Ok(made) => Ok(plan.made(&made)),
                Err(unfinished) => {
                    let error = explain(unfinished.error, &plan);
                    Err(match unfinished.made {
                        Some(made) => error.keeping(&plan.made(&made)),
                        None => error,
                    })
                }
            };
        }
        let found = read(client, &plan, context).await?;
        let Some(live) = found else {
            if !plan.owns_object() {
                return Err(missing(client, &plan, context).await);
            }
            let made =
                client.create_service_account(&plan.namespace, &plan.name, &wanted, manager, &context.wait).await;
            return made.map(|made| plan.made(&made)).map_err(|unfinished| {
                let error = explain(unfinished.error, &plan);
                unfinished.made.map_or_else(|| error.clone(), |made| error.clone().keeping(&plan.made(&made)))
            });
        };
        let join = Join {
            manager,
            wanted: &wanted,
            force: plan.force_conflicts || plan.owns_object(),
            shared_manager: context.adopt_existing,
            take_over: plan.owns_object(),
        };
        let joined = client.join_service_account(live, join, &context.wait).await;
        joined.map(|joined| plan.made(&joined)).map_err(|error| explain(error, &plan))
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
            return Err(needs_consent());
        }
        let (held, wanted) = (prior.fields(), plan.fields());
        let update = Update {
            uid: prior.uid.as_deref(),
            manager_before: &prior.field_manager,
            manager: &plan.field_manager,
            held: &held,
            wanted: &wanted,
            take_over: &keys_to_take_over(&prior, &plan),
            force_conflicts: plan.force_conflicts || adopts,
        };
        let updated = client.update_service_account(&plan.namespace, &plan.name, update, &context.wait).await;
        updated.map(|live| plan.made(&live)).map_err(|error| explain(error, &plan))
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
        ended.map_err(|error| explain(error, &prior))
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

    /// What this model applies.
    fn fields(&self) -> Fields {
        let known = |map: &Option<Map>| -> BTreeMap<String, String> {
            map.iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect()
        };
        let mut annotations = known(&self.annotations);
        annotations.extend(rules::annotations(
            self.client_id.as_deref(),
            self.tenant_id.as_deref(),
            self.token_expiration_seconds,
        ));
        Fields {
            annotations,
            labels: known(&self.labels),
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
        let now = |map: &Option<Map>, live: &BTreeMap<String, String>| {
            let still = |(key, value): (&String, &Option<String>)| match value {
                Some(_) => live.get(key).map(|value| (key.clone(), Some(value.clone()))),
                None => Some((key.clone(), None)),
            };
            map.as_ref().map(|map| map.iter().filter_map(still).collect())
        };
        let secrets = self.image_pull_secrets.as_ref();
        Self {
            client_id: self.client_id.as_ref().and_then(|_| annotation(CLIENT_ID)),
            tenant_id: self.tenant_id.as_ref().and_then(|_| annotation(TENANT_ID)),
            token_expiration_seconds: self
                .token_expiration_seconds
                .and_then(|_| annotation(TOKEN_EXPIRATION)?.parse().ok()),
            labels: now(&self.labels, &live.fields.labels),
            annotations: now(&self.annotations, &live.fields.annotations),
            image_pull_secrets: secrets.map(|_| live.fields.image_pull_secrets.clone().unwrap_or_default()),
            automount_service_account_token: live.fields.automount,
            ..self.clone()
        }
        .made(live)
    }
}

/// The account as an import finds it.
///
/// The managed fields tell the mode: where our manager has applied labels or annotations to what others own more of, they are
/// all that is ours; otherwise the object is. kubectl's one-off commands own nothing in this sense.
fn imported(live: &kubernetes::ServiceAccount) -> Model {
    let own = live.managers.applied_by(FIELD_MANAGER);
    let partial = |key: &Key| matches!(key, Key::Annotation(_) | Key::Label(_));
    let annotations_only = !own.is_empty() && own.iter().all(partial) && live.managers.has_owner_besides(FIELD_MANAGER);
    let taken = |key: Key, name: &str| own.contains(&key) || !annotations_only && !rules::is_of_kubernetes(name);
    let map = |live: &BTreeMap<String, String>, key: fn(String) -> Key| -> Option<Map> {
        let ours = live.iter().filter(|(name, _)| taken(key((*name).clone()), name));
        let ours: Map = ours
            .filter(|(name, _)| ![CLIENT_ID, TENANT_ID, TOKEN_EXPIRATION].contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect();
        (!ours.is_empty()).then_some(ours)
    };
    let annotation = |name: &str| {
        let value = live.fields.annotations.get(name).cloned();
        value.filter(|_| taken(Key::Annotation(name.to_owned()), name))
    };
    let secrets = live.fields.image_pull_secrets.clone().filter(|secrets| !secrets.is_empty() && !annotations_only);
    Model {
        name: live.name.clone(),
        namespace: live.namespace.clone(),
        client_id: annotation(CLIENT_ID),
        tenant_id: annotation(TENANT_ID),
        token_expiration_seconds: annotation(TOKEN_EXPIRATION).and_then(|seconds| seconds.parse().ok()),
        labels: map(&live.fields.labels, Key::Label),
        annotations: map(&live.fields.annotations, Key::Annotation),
        automount_service_account_token: None,
        image_pull_secrets: secrets,
        manage: (if annotations_only { ANNOTATIONS } else { OBJECT }).to_owned(),
        field_manager: FIELD_MANAGER.to_owned(),
        force_conflicts: false,
        id: None,
        subject: None,
        uid: None,
    }
    .made(live)
}

/// The keys of the state that must leave other managers' Update entries, or they could never be removed. Whoever owns only
/// annotations takes nothing; whoever stops owning the object takes what it goes on to manage.
fn keys_to_take_over(prior: &Model, plan: &Model) -> BTreeSet<Key> {
    let (held, wanted) = (prior.fields().keys(), plan.fields().keys());
    let mut keys: BTreeSet<Key> = match (prior.owns_object(), plan.owns_object()) {
        (true, true) => held,
        (true, false) => held.intersection(&wanted).cloned().collect(),
        (false, true) => held.union(&wanted).cloned().collect(),
        (false, false) => BTreeSet::new(),
    };
    // It is computed where it is not configured, and never removed.
    keys.remove(&Key::Automount);
    keys
}

async fn read(client: &Client, model: &Model, context: &Context) -> Result<Option<kubernetes::ServiceAccount>> {
    Ok(client.service_account(&model.namespace, &model.name, &context.wait).await?)
}

fn check_size(map: &Value) -> std::result::Result<(), String> {
    let Value::Value(Known::Map(map)) = map else { return Ok(()) };
    rules::check_annotations(map.iter().filter_map(|(key, value)| Some((key.as_str(), value::as_str(value)?))))
}

fn needs_consent() -> Error {
    Error::new(
        "The service account belongs to somebody else",
        "So far this resource managed only annotations and labels of it (`manage = \"annotations\"`). With `manage = \"object\"` it \
         would own the account and delete it on destroy. If that is meant, set `adopt_existing = true`.",
    )
    .at("manage")
}

async fn missing(client: &Client, plan: &Model, context: &Context) -> Error {
    let Model { namespace, name, .. } = plan;
    if client.namespace_exists(namespace, &context.wait).await == Some(false) {
        let detail =
            format!("Create namespace \"{namespace}\" first, or let this resource depend on the one that does.");
        return Error::new(format!("Namespace \"{namespace}\" does not exist"), detail).at("namespace");
    }
    Error::new(
        format!("Service account \"{namespace}/{name}\" does not exist"),
        "With `manage = \"annotations\"` somebody else makes the account. Let this resource depend on what does, or set \
         `manage = \"object\"` to create it here.",
    )
    .at("name")
}

/// A cluster's error for the person who wrote the configuration: what to change, and where.
fn explain(error: kubernetes::Error, model: &Model) -> Error {
    let Model { namespace, name, field_manager, .. } = model;
    let (kind, causes) = (error.kind, error.causes.clone());
    let keys = || {
        let told = causes.iter().map(|cause| format!("  - {} is owned by {}", cause.key, cause.owner()));
        told.collect::<Vec<_>>().join("\n")
    };
    let told = Error::from(error);
    match kind {
        Kind::AlreadyExists => {
            let mut error =
                already_exists(&format!("Service account \"{namespace}/{name}\""), NAME, &format!("{namespace}/{name}"));
            error.detail.push_str(
                "\n\nOr set `manage = \"annotations\"`, where the account is somebody else's and only annotations and labels are to \
                 be added.",
            );
            error.at("name")
        }
        Kind::Conflict => Error::new(
            format!("Another field manager owns keys of service account \"{namespace}/{name}\""),
            format!(
                "{}\n\nTheir values there differ from those configured here, and nothing was written. Remove the keys here, or where \
                 that manager sets them; or set `force_conflicts = true` to overwrite them.",
                keys()
            ),
        )
        .at("force_conflicts"),
        Kind::ManagerInUse => Error::new(
            format!("Field manager \"{field_manager}\" is in use on service account \"{namespace}/{name}\""),
            format!(
                "{}\n\nThis resource has not applied them, so another resource uses the same field manager on this account, and each \
                 would remove the other's keys. Give each its own `field_manager`. If they are left over from a run that did not \
                 finish, import the account, or create with `adopt_existing = true`.",
                keys()
            ),
        )
        .at("field_manager"),
        Kind::ChangedAfterPlan | Kind::Replaced | Kind::NotFound => {
            Error { detail: format!("{}\n\nNothing was written. Plan again.", told.detail), ..told }
        }
        Kind::NamespaceNotFound | Kind::NamespaceTerminating => told.at("namespace"),
        _ => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn model(json: serde_json::Value) -> Model {
        let mut full = json!({"name": "web", "namespace": "app", "manage": "object", "field_manager": "azwi", "force_conflicts": false});
        full.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
        serde_json::from_value(full).unwrap()
    }

    fn live(
        annotations: serde_json::Value,
        labels: serde_json::Value,
        managers: serde_json::Value,
    ) -> kubernetes::ServiceAccount {
        let wire: k8s_openapi::api::core::v1::ServiceAccount = serde_json::from_value(json!({"metadata": {
            "name": "web", "namespace": "app", "uid": "u", "annotations": annotations, "labels": labels, "managedFields": managers}}))
        .unwrap();
        wire.into()
    }

    fn entry(manager: &str, operation: &str, fields: serde_json::Value) -> serde_json::Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    #[test]
    fn foreign_keys_are_not_drift_and_changed_ones_are() {
        let state = model(json!({"client_id": "c", "labels": {"team": "a", "gone": "x", "unset": null}}));
        let live = live(
            json!({CLIENT_ID: "d", "foreign": "1"}),
            json!({"team": "b", "foreign": "2", "unset": "3"}),
            json!([]),
        );
        let now = state.refreshed(&live);
        assert_eq!(now.client_id.as_deref(), Some("d"));
        assert_eq!(now.annotations, None);
        assert_eq!(
            serde_json::to_value(now.labels).unwrap(),
            json!({"team": "b", "unset": null}),
            "a key that was left alone stays out"
        );
    }

    #[test]
    fn a_key_without_a_value_is_not_applied() {
        let fields = model(json!({"annotations": {"a": null, "b": ""}})).fields();
        assert_eq!(fields.annotations, [("b".to_owned(), String::new())].into());
    }

    #[test]
    fn annotations_mode_applies_annotations_and_labels_only() {
        let model = model(
            json!({"manage": "annotations", "automount_service_account_token": true, "image_pull_secrets": ["s"],
            "token_expiration_seconds": 7200}),
        );
        assert_eq!(model.fields().keys(), [Key::Annotation(TOKEN_EXPIRATION.to_owned())].into());
    }

    #[test]
    fn an_import_of_a_foreign_object_takes_all_but_what_is_kubernetes_own() {
        let live = live(
            json!({CLIENT_ID: "c", "kubectl.kubernetes.io/last-applied-configuration": "{}", "owner": "me"}),
            json!({"app.kubernetes.io/name": "web", "team": "a"}),
            json!([entry("Terraform", "Update", json!({"f:metadata": {"f:annotations": {"f:owner": {}}}}))]),
        );
        let state = imported(&live);
        assert_eq!(state.manage, OBJECT);
        assert_eq!(state.client_id.as_deref(), Some("c"));
        assert_eq!(serde_json::to_value(state.annotations).unwrap(), json!({"owner": "me"}));
        assert_eq!(serde_json::to_value(state.labels).unwrap(), json!({"team": "a"}));
        assert_eq!(state.subject.as_deref(), Some("system:serviceaccount:app:web"));
    }

    #[test]
    fn an_import_of_an_account_that_we_only_annotate_takes_our_keys() {
        let ours = json!({"f:metadata": {"f:annotations": {format!("f:{CLIENT_ID}"): {}}}});
        let theirs = json!({"f:metadata": {"f:labels": {".": {}, "f:team": {}}}});
        let of = |manager, operation| {
            let managers = json!([entry("azwi", "Apply", ours.clone()), entry(manager, operation, theirs.clone())]);
            imported(&live(json!({CLIENT_ID: "c"}), json!({"team": "a"}), managers))
        };
        let state = of("helm", "Update");
        assert_eq!((state.manage.as_str(), state.client_id.as_deref()), (ANNOTATIONS, Some("c")));
        assert_eq!(state.labels, None, "helm's");
        assert_eq!(of("kubectl-label", "Update").manage, OBJECT, "a label by hand makes nobody an owner");
    }

    #[test]
    fn an_import_takes_kubernetes_own_keys_where_we_apply_them() {
        let ours = json!({"f:metadata": {"f:labels": {"f:app.kubernetes.io/name": {}}}});
        let state =
            imported(&live(json!({}), json!({"app.kubernetes.io/name": "web"}), json!([entry("azwi", "Apply", ours)])));
        assert_eq!(serde_json::to_value(state.labels).unwrap(), json!({"app.kubernetes.io/name": "web"}));
    }

    #[test]
    fn leaving_the_object_to_others_takes_only_what_stays_managed() {
        let prior = model(
            json!({"labels": {"team": "a"}, "annotations": {"k": "v"}, "automount_service_account_token": false}),
        );
        let plan = model(json!({"manage": "annotations", "annotations": {"k": "v"}}));
        assert_eq!(keys_to_take_over(&prior, &plan), [Key::Annotation("k".to_owned())].into());
        assert_eq!(keys_to_take_over(&plan, &plan), BTreeSet::new());
        assert_eq!(keys_to_take_over(&prior, &prior).len(), 2, "what is computed is not taken");
    }
}
