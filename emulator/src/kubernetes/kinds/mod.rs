//! The kinds of objects that a cluster keeps: each says of itself what the rest of this folder asks, in one file, and is
//! one line of [`ALL`].

mod deployment;
mod event;
mod namespace;
mod pod;
mod pod_defaults;
mod pod_spec;
mod replica_set;
mod role;
mod role_binding;
mod service;
mod service_account;
mod workload;

use serde_json::Value;

use super::go;
use super::metadata;
use super::schema::Struct;
use super::status::{FieldError, Status};

pub(super) use self::deployment::DEPLOYMENT;
use self::event::Event;
pub(super) use self::namespace::Namespace;
pub(super) use self::pod::Pod;
pub(super) use self::replica_set::REPLICA_SET;
pub(super) use self::role::{ClusterRole, GROUP as RBAC_GROUP, Role};
pub(super) use self::role_binding::{ClusterRoleBinding, RoleBinding};
use self::service::Service;
pub(super) use self::service_account::ServiceAccount;

/// The kinds, in the order in which discovery lists the resources of a group.
pub(super) static ALL: &[&dyn Kind] = &[
    &Event,
    &Namespace,
    &Pod,
    &ServiceAccount,
    &Service,
    &DEPLOYMENT,
    &REPLICA_SET,
    &ClusterRoleBinding,
    &ClusterRole,
    &RoleBinding,
    &Role,
];

/// A kind of object and its resource.
///
/// The provided methods are what most kinds are: in the core group, namespaced, with all verbs, no defaults and nothing
/// beside metadata and spec.
pub(super) trait Kind: Sync {
    /// The kind, in camel case.
    fn kind(&self) -> &'static str;

    /// The resource: the kind in lower case and plural.
    fn plural(&self) -> &'static str;

    /// The API group; the core group is empty.
    fn group(&self) -> &'static str {
        ""
    }

    /// The version of the group.
    fn version(&self) -> &'static str {
        "v1"
    }

    /// Whether its objects live in a namespace.
    fn namespaced(&self) -> bool {
        true
    }

    /// Names that kubectl takes for the resource.
    fn short_names(&self) -> &'static [&'static str] {
        &[]
    }

    /// Groups of resources that kubectl knows, such as `all`.
    fn categories(&self) -> &'static [&'static str] {
        &[]
    }

    /// What may be done with it.
    fn verbs(&self) -> &'static [&'static str] {
        &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    }

    /// What discovery calls the version in which it is stored; clients only compare it.
    fn storage_hash(&self) -> &'static str;

    /// The resources below an object of it.
    fn subresources(&self) -> &'static [Subresource] {
        &[]
    }

    /// The fields of an object.
    fn schema(&self) -> &'static Struct;

    /// The fields of the root that a write cannot own: of the object itself where the subresource is empty.
    fn reset(&self, _subresource: &str) -> &'static [&'static str] {
        &[]
    }

    /// The fields of the root that an update cannot change.
    fn kept(&self, subresource: &str) -> &'static [&'static str] {
        self.reset(subresource)
    }

    /// Whether its metadata counts the changes of all but metadata and status.
    fn has_generation(&self) -> bool {
        false
    }

    /// Whether the answer to a deletion that is done is the object: of most kinds it is a Status.
    fn answers_deletion_with_object(&self) -> bool {
        false
    }

    /// Fills in what a client may leave out, before ownership is decided.
    fn default(&self, _object: &mut Value) {}

    /// Sets what the server alone decides on a new object, after ownership is decided.
    fn prepare_create(&self, object: &mut Value) {
        self.prepare_update(object);
    }

    /// Drops from a changed object what the server does not keep, after ownership is decided.
    fn prepare_update(&self, _object: &mut Value) {}

    /// Whether an object that is being deleted may go: nobody holds it any more.
    fn is_released(&self, object: &Value) -> bool {
        metadata::list(object, "finalizers").is_empty()
    }

    /// What is wrong with a new object.
    fn validate(&self, object: &Value) -> Vec<FieldError>;

    /// What is wrong with a changed object, beside what is wrong with any.
    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError>;

    /// The fields that a field selector may name, with their values.
    fn selectable(&self, object: &Value) -> Vec<(&'static str, String)> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut fields = vec![("metadata.name", text("/metadata/name"))];
        if self.namespaced() {
            fields.push(("metadata.namespace", text("/metadata/namespace")));
        }
        fields
    }

    /// What is said of a field that it cannot be selected by.
    fn unselectable(&self, field: &str) -> String {
        let known: Vec<_> = self.selectable(&Value::Null).iter().map(|(name, _)| go::quote(name)).collect();
        format!("{} is not a known field selector: only {}", go::quote(field), known.join(", "))
    }

    /// The columns of `kubectl get` between the name and the age.
    fn columns(&self) -> &'static [Column] {
        &[]
    }

    /// The columns that `kubectl get -o wide` adds after the age.
    fn wide_columns(&self) -> &'static [Column] {
        &[]
    }
}

/// A resource below an object.
pub(super) struct Subresource {
    pub(super) name: &'static str,
    /// Group, version and kind of what it takes and gives; empty group and version are those of its parent.
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) verbs: &'static [&'static str],
}

/// A column of a table.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) cell: fn(&Value) -> Value,
}

impl Column {
    /// A column of this name, what it says, and how.
    const fn text(name: &'static str, about: &'static str, cell: fn(&Value) -> Value) -> Self {
        Self { name, about, cell }
    }
}

/// The kind of this resource.
///
/// # Errors
/// 404 where the group has no such resource.
pub(super) fn find(group: &str, version: &str, plural: &str) -> Result<&'static dyn Kind, Status> {
    ALL.iter()
        .copied()
        .find(|kind| kind.group() == group && kind.version() == version && kind.plural() == plural)
        .ok_or_else(Status::no_resource)
}

impl dyn Kind + '_ {
    /// Group and version as `apiVersion` has them.
    pub(super) fn api_version(&self) -> String {
        if self.group().is_empty() { self.version().to_owned() } else { format!("{}/{}", self.group(), self.version()) }
    }

    /// The resource with its group, as keys and messages name it.
    pub(super) fn resource(&self) -> String {
        if self.group().is_empty() { self.plural().to_owned() } else { format!("{}.{}", self.plural(), self.group()) }
    }

    /// 404 for an object of this kind.
    pub(super) fn not_found(&self, name: &str) -> Status {
        Status::not_found(self.plural(), self.group(), name)
    }

    /// 422 for an object of this kind.
    pub(super) fn invalid(&self, name: &str, errors: &[FieldError]) -> Status {
        Status::invalid(self.kind(), self.group(), name, errors)
    }
}
