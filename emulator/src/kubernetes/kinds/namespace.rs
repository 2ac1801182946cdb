//! `v1` Namespace.
//!
//! A namespace that is deleted first only says so: what is in it goes, then the namespace itself, both by a controller
//! ([`crate::kubernetes::controllers`]).

use serde_json::{Value, json};

use super::{Column, Kind, Subresource};
use crate::kubernetes::metadata::{self, NameRule};
use crate::kubernetes::schema::{API_VERSION, Elements, Field, KIND, METADATA, STRING_LIST, Struct, Type};
use crate::kubernetes::status::FieldError;

/// `v1` Namespace.
pub(in crate::kubernetes) struct Namespace;

impl Kind for Namespace {
    fn kind(&self) -> &'static str {
        "Namespace"
    }

    fn plural(&self) -> &'static str {
        "namespaces"
    }

    fn namespaced(&self) -> bool {
        false
    }

    fn short_names(&self) -> &'static [&'static str] {
        &["ns"]
    }

    fn verbs(&self) -> &'static [&'static str] {
        &["create", "delete", "get", "list", "patch", "update", "watch"]
    }

    fn storage_hash(&self) -> &'static str {
        "Q3oi5N2YM8M="
    }

    fn subresources(&self) -> &'static [Subresource] {
        const NAMESPACE: Subresource = Subresource { name: "", group: "", version: "", kind: "Namespace", verbs: &[] };
        &[
            Subresource { name: "finalize", verbs: &["update"], ..NAMESPACE },
            Subresource { name: "status", verbs: &["get", "patch", "update"], ..NAMESPACE },
        ]
    }

    fn answers_deletion_with_object(&self) -> bool {
        true
    }

    fn schema(&self) -> &'static Struct {
        &NAMESPACE
    }

    fn reset(&self, subresource: &str) -> &'static [&'static str] {
        match subresource {
            "status" => &["spec"],
            "finalize" => &["status"],
            _ => &["status"],
        }
    }

    fn kept(&self, subresource: &str) -> &'static [&'static str] {
        if subresource.is_empty() { &["spec", "status"] } else { self.reset(subresource) }
    }

    fn default(&self, object: &mut Value) {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        let Some(name) = metadata.get("name").cloned() else { return };
        let labels = metadata.entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert("kubernetes.io/metadata.name".to_owned(), name);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        if let Some(object) = object.as_object_mut() {
            object.insert("status".to_owned(), json!({"phase": "Active"}));
            let spec = object.entry("spec").or_insert_with(|| json!({}));
            if let Some(spec) = spec.as_object_mut() {
                let finalizers = spec.entry("finalizers").or_insert_with(|| json!([]));
                if let Some(finalizers) = finalizers.as_array_mut()
                    && !finalizers.contains(&json!("kubernetes"))
                {
                    finalizers.push(json!("kubernetes"));
                }
            }
        }
    }

    fn is_released(&self, object: &Value) -> bool {
        let held = object.pointer("/spec/finalizers").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        !held && metadata::list(object, "finalizers").is_empty()
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        metadata::validate(object, false, NameRule::Label)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        metadata::validate_update(new, old)
    }

    fn selectable(&self, object: &Value) -> Vec<(&'static str, String)> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        vec![
            ("metadata.name", text("/metadata/name")),
            ("name", text("/metadata/name")),
            ("status.phase", text("/status/phase")),
        ]
    }

    fn unselectable(&self, field: &str) -> String {
        format!("field label not supported: {field}")
    }

    fn columns(&self) -> &'static [Column] {
        &[Column {
            name: "Status",
            about: "Whether the namespace is in use or being deleted.",
            cell: |object| object.pointer("/status/phase").cloned().unwrap_or(Value::Null),
        }]
    }
}

static NAMESPACE: Struct = Struct {
    go: "Namespace",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&SPEC)),
        Field::always("status", Type::Struct(&STATUS)),
    ],
};

static SPEC: Struct =
    Struct { go: "NamespaceSpec", atomic: false, fields: &[Field::filled("finalizers", STRING_LIST)] };

static STATUS: Struct = Struct {
    go: "NamespaceStatus",
    atomic: false,
    fields: &[
        Field::filled("phase", Type::String),
        Field::filled("conditions", Type::List(&Type::Struct(&CONDITION), Elements::Keyed(&["type"]))),
    ],
};

static CONDITION: Struct = Struct {
    go: "NamespaceCondition",
    atomic: false,
    fields: &[
        Field::always("type", Type::String),
        Field::always("status", Type::String),
        Field::nullable("lastTransitionTime", Type::Time),
        Field::filled("reason", Type::String),
        Field::filled("message", Type::String),
    ],
};
