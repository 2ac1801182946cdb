//! The verbs on service accounts, one request each. What may be written when is decided in [`super::ownership`].

use bytes::Bytes;
use k8s_openapi::{Resource as _, api::core::v1::ServiceAccount as Wire};
use kube::{
    Resource as _,
    api::{DeleteParams, GetParams, Patch, PatchParams, PostParams, Preconditions},
    core::Request,
};
use serde_json::json;

use super::{
    Client,
    error::{Error, Kind, Task},
    managed_fields::Managers,
    send::Repeat,
    service_account::{Fields, ServiceAccount},
};
use crate::wait::Wait;

/// What is applied, and as whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Apply<'a> {
    /// The field manager.
    pub(super) manager: &'a str,
    /// All that it wants to own from now on.
    pub(super) fields: &'a Fields,
    /// Take what other managers own and what differs.
    pub(super) force: bool,
}

impl Client {
    /// Reads a service account; `None` where it, or its namespace, does not exist.
    ///
    /// # Errors
    /// Everything but "not found".
    pub async fn service_account(
        &self,
        namespace: &str,
        name: &str,
        wait: &Wait,
    ) -> Result<Option<ServiceAccount>, Error> {
        let task = task("read", "get", namespace, name);
        let request = requests(namespace).get(name, &GetParams::default());
        match self.exchange(&task, request, Repeat::Safe, wait).await {
            Ok(body) => decode(&task, &body).map(Some),
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::NamespaceNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a namespace exists; `None` where we are not allowed to know.
    pub async fn namespace_exists(&self, namespace: &str, wait: &Wait) -> Option<bool> {
        let task = Task {
            resource: "namespaces",
            object: format!("namespace \"{namespace}\""),
            ..task("read", "get", namespace, "")
        };
        let request = Request::new("/api/v1/namespaces").get(namespace, &GetParams::default());
        match self.exchange(&task, request, Repeat::Safe, wait).await {
            Ok(_) => Some(true),
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::NamespaceNotFound) => Some(false),
            Err(_) => None,
        }
    }

    /// Makes a service account that must not exist yet. The fields will belong to `manager`/Update, which an apply cannot take
    /// away from it; see [`Managers::taken_over`].
    ///
    /// # Errors
    /// [`Kind::AlreadyExists`] decides a race. An ambiguous failure is left to the caller, who reads back.
    pub(super) async fn post(
        &self,
        namespace: &str,
        name: &str,
        fields: &Fields,
        manager: &str,
        wait: &Wait,
    ) -> Result<ServiceAccount, Error> {
        let task = task("create", "create", namespace, name);
        let body = encode(&task, &fields.body(name, None, None))?;
        let parameters = PostParams { field_manager: Some(manager.to_owned()), ..PostParams::default() };
        let request = requests(namespace).create(&parameters, body);
        decode(&task, &self.exchange(&task, request, Repeat::Never, wait).await?)
    }

    /// Applies to `account`, as long as it is still the object and the version that was read: without the uid, an apply makes what
    /// is missing. Keys that the manager applied before and that are not among the fields go, unless somebody else owns them
    /// too; with no fields at all everything of the manager's is released and the object stays.
    ///
    /// # Errors
    /// [`Kind::Conflict`] without `force`, [`Kind::Modified`] where the version has passed, [`Kind::Replaced`] where the object is gone
    /// or another has its name.
    pub(super) async fn apply(
        &self,
        account: &ServiceAccount,
        apply: Apply<'_>,
        wait: &Wait,
    ) -> Result<ServiceAccount, Error> {
        let (namespace, name) = (&account.namespace, &account.name);
        let task = task("apply to", "patch", namespace, name);
        let parameters =
            PatchParams { force: apply.force, field_manager: Some(apply.manager.to_owned()), ..PatchParams::default() };
        let patch = Patch::Apply(apply.fields.body(name, Some(&account.uid), Some(&account.resource_version)));
        let request = requests(namespace).patch(name, &parameters, &patch);
        decode(&task, &self.exchange(&task, request, Repeat::Safe, wait).await?)
    }

    /// Rewrites who owns what of `account`, as long as it is still the version that was read.
    ///
    /// # Errors
    /// [`Kind::Modified`] where it is not.
    pub(super) async fn set_managers(
        &self,
        account: &ServiceAccount,
        managers: &Managers,
        manager: &str,
        wait: &Wait,
    ) -> Result<ServiceAccount, Error> {
        let (namespace, name) = (&account.namespace, &account.name);
        let task = task("take over keys of", "patch", namespace, name);
        // Replacing the version by the one that was read is how a JSON patch asks to be refused when it is stale.
        let operations = json!([
            {"op": "replace", "path": "/metadata/managedFields", "value": managers.entries()},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": account.resource_version},
        ]);
        let patch = serde_json::from_value(operations)
            .map(Patch::<()>::Json)
            .map_err(|error| task.error(Kind::Unreadable, format!("the patch cannot be written: {error}"), ""))?;
        let parameters = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        let request = requests(namespace).patch(name, &parameters, &patch);
        decode(&task, &self.exchange(&task, request, Repeat::Safe, wait).await?)
    }

    /// Asks for the deletion of the object with this uid. Gone already, or replaced by another, is success.
    ///
    /// # Errors
    /// Whatever kept it from being asked for.
    pub(super) async fn delete(&self, namespace: &str, name: &str, uid: &str, wait: &Wait) -> Result<(), Error> {
        let task = task("delete", "delete", namespace, name);
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let request = requests(namespace).delete(name, &parameters);
        match self.exchange(&task, request, Repeat::Safe, wait).await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::NamespaceNotFound | Kind::Replaced) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn exchange(
        &self,
        task: &Task,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
        repeat: Repeat,
        wait: &Wait,
    ) -> Result<Bytes, Error> {
        let request = request.map_err(|error| task.error(Kind::Invalid, error.to_string(), ""))?;
        self.connection(wait).await?.send(task, request, repeat, wait).await
    }
}

pub(super) fn task(operation: &'static str, verb: &'static str, namespace: &str, name: &str) -> Task {
    Task {
        operation,
        object: format!("service account \"{namespace}/{name}\""),
        verb,
        resource: "serviceaccounts",
        namespace: namespace.to_owned(),
    }
}

pub(super) fn requests(namespace: &str) -> Request {
    Request::new(Wire::url_path(&(), Some(namespace)))
}

pub(super) fn encode(task: &Task, body: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(body)
        .map_err(|error| task.error(Kind::Unreadable, format!("the request cannot be written: {error}"), ""))
}

fn decode(task: &Task, body: &[u8]) -> Result<ServiceAccount, Error> {
    let wire: Wire = serde_json::from_slice(body).map_err(|error| {
        let hint = format!("Check that `host` is an API server: {} was expected.", Wire::KIND);
        task.error(Kind::Unreadable, format!("the answer is not what an API server sends: {error}"), hint)
    })?;
    Ok(wire.into())
}
