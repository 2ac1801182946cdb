//! `v1` Event: what clients and controllers note about other objects.
//!
//! `kubectl describe` lists them; the emulator's own controllers write none.

use serde_json::{Value, json};

use super::{Column, Kind};
use crate::kubernetes::metadata::{self, NameRule};
use crate::kubernetes::schema::{API_VERSION, Field, KIND, METADATA, Struct, Type};
use crate::kubernetes::status::FieldError;

/// `v1` Event.
pub(in crate::kubernetes) struct Event;

/// The fields of the object that an event is about which select it.
const INVOLVED: [&str; 7] = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];

impl Kind for Event {
    fn kind(&self) -> &'static str {
        "Event"
    }

    fn plural(&self) -> &'static str {
        "events"
    }

    fn short_names(&self) -> &'static [&'static str] {
        &["ev"]
    }

    fn storage_hash(&self) -> &'static str {
        "r2yiGXH7wu8="
    }

    fn schema(&self) -> &'static Struct {
        &EVENT
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate(object, true, NameRule::Subdomain);
        let of = object.pointer("/involvedObject/namespace").and_then(Value::as_str).unwrap_or_default();
        let namespace = metadata::text(object, "namespace");
        if of != namespace && !(of.is_empty() && namespace == "default") {
            errors.push(FieldError::invalid("involvedObject.namespace", of, "does not match event.namespace"));
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        metadata::validate_update(new, old)
    }

    fn selectable(&self, object: &Value) -> Vec<(&'static str, String)> {
        const NAMES: [&str; 7] = [
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
        ];
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut fields = vec![
            ("metadata.name", text("/metadata/name")),
            ("metadata.namespace", text("/metadata/namespace")),
            ("reason", text("/reason")),
            ("type", text("/type")),
            ("source", text("/source/component")),
            ("reportingComponent", text("/reportingComponent")),
        ];
        let of = NAMES.into_iter().zip(INVOLVED);
        fields.extend(of.map(|(name, field)| (name, text(&format!("/involvedObject/{field}")))));
        fields
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column::text("Type", "Normal or Warning.", |event| text(event, "/type")),
            Column::text("Reason", "Why it was noted, in one word.", |event| text(event, "/reason")),
            Column::text("Message", "What happened.", |event| text(event, "/message")),
        ];
        COLUMNS
    }
}

fn text(event: &Value, pointer: &str) -> Value {
    event.pointer(pointer).cloned().unwrap_or_else(|| json!(""))
}

static EVENT: Struct = Struct {
    go: "Event",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("involvedObject", Type::Struct(&REFERENCE)),
        Field::filled("reason", Type::String),
        Field::filled("message", Type::String),
        Field::always("source", Type::Struct(&SOURCE)),
        Field::nullable("firstTimestamp", Type::Time),
        Field::nullable("lastTimestamp", Type::Time),
        Field::filled("count", Type::Integer),
        Field::filled("type", Type::String),
        Field::nullable("eventTime", Type::Any),
        Field::given("series", Type::Any),
        Field::filled("action", Type::String),
        Field::given("related", Type::Struct(&REFERENCE)),
        Field::always("reportingComponent", Type::String),
        Field::always("reportingInstance", Type::String),
    ],
};

static REFERENCE: Struct = Struct {
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

static SOURCE: Struct = Struct {
    go: "EventSource",
    atomic: false,
    fields: &[Field::filled("component", Type::String), Field::filled("host", Type::String)],
};
