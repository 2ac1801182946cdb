//! `v1` ServiceAccount.
//!
//! Its pull secrets are one list with one owner, in an apply as in a strategic merge patch; its secrets are told apart
//! by name.

use serde_json::Value;

use super::{Column, Kind, Subresource};
use crate::kubernetes::metadata::{self, NameRule};
use crate::kubernetes::schema::{API_VERSION, Elements, Field, KIND, METADATA, Struct, Type};
use crate::kubernetes::status::FieldError;

/// `v1` ServiceAccount.
pub(in crate::kubernetes) struct ServiceAccount;

impl Kind for ServiceAccount {
    fn kind(&self) -> &'static str {
        "ServiceAccount"
    }

    fn plural(&self) -> &'static str {
        "serviceaccounts"
    }

    fn short_names(&self) -> &'static [&'static str] {
        &["sa"]
    }

    fn storage_hash(&self) -> &'static str {
        "pbx9ZvyFpBE="
    }

    fn subresources(&self) -> &'static [Subresource] {
        &[Subresource {
            name: "token",
            group: "authentication.k8s.io",
            version: "v1",
            kind: "TokenRequest",
            verbs: &["create"],
        }]
    }

    fn answers_deletion_with_object(&self) -> bool {
        true
    }

    fn schema(&self) -> &'static Struct {
        &SERVICE_ACCOUNT
    }

    /// Of a reference to a secret only the name is kept.
    fn prepare_update(&self, object: &mut Value) {
        let secrets = object.get_mut("secrets").and_then(Value::as_array_mut);
        for secret in secrets.into_iter().flatten().filter_map(Value::as_object_mut) {
            secret.retain(|field, _| field == "name");
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        metadata::validate(object, true, NameRule::Subdomain)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate_update(new, old);
        errors.extend(self.validate(new));
        errors
    }

    fn columns(&self) -> &'static [Column] {
        &[Column {
            name: "Secrets",
            about: "How many secrets pods with this service account may use.",
            cell: |object| Value::from(object.get("secrets").and_then(Value::as_array).map_or(0, Vec::len)),
        }]
    }
}

static SERVICE_ACCOUNT: Struct = Struct {
    go: "ServiceAccount",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::filled("secrets", Type::List(&Type::Struct(&OBJECT_REFERENCE), Elements::Keyed(&["name"]))),
        Field::filled("imagePullSecrets", Type::List(&Type::Struct(&LOCAL_OBJECT_REFERENCE), Elements::Atomic)),
        Field::given("automountServiceAccountToken", Type::Boolean),
    ],
};

static OBJECT_REFERENCE: Struct = Struct {
    go: "ObjectReference",
    atomic: true,
    fields: &[
        KIND,
        Field::filled("namespace", Type::String),
        Field::filled("name", Type::String),
        Field::filled("uid", Type::String),
        API_VERSION,
        Field::filled("resourceVersion", Type::String),
        Field::filled("fieldPath", Type::String),
    ],
};

static LOCAL_OBJECT_REFERENCE: Struct =
    Struct { go: "LocalObjectReference", atomic: true, fields: &[Field::filled("name", Type::String)] };
