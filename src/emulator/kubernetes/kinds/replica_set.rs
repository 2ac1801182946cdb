//! `apps/v1` ReplicaSet: one template's worth of a deployment's pods.

use serde_json::{Value, json};

use super::pod_spec::{LABEL_SELECTOR, POD_TEMPLATE};
use super::workload;
use super::{Column, Kind, Subresource, pod_defaults};
use crate::emulator::kubernetes::metadata::{self, NameRule};
use crate::emulator::kubernetes::schema::{API_VERSION, Elements, Field, KIND, METADATA, Struct, Type};
use crate::emulator::kubernetes::status::FieldError;

/// `apps/v1` ReplicaSet.
pub(in crate::emulator::kubernetes) struct ReplicaSet;

impl Kind for ReplicaSet {
    fn kind(&self) -> &'static str {
        "ReplicaSet"
    }

    fn plural(&self) -> &'static str {
        "replicasets"
    }

    fn group(&self) -> &'static str {
        "apps"
    }

    fn short_names(&self) -> &'static [&'static str] {
        &["rs"]
    }

    fn categories(&self) -> &'static [&'static str] {
        &["all"]
    }

    fn storage_hash(&self) -> &'static str {
        "P1RzHs8/mWQ="
    }

    fn subresources(&self) -> &'static [Subresource] {
        const VERBS: &[&str] = &["get", "patch", "update"];
        &[Subresource { name: "status", group: "", version: "", kind: "ReplicaSet", verbs: VERBS }]
    }

    fn schema(&self) -> &'static Struct {
        &REPLICA_SET
    }

    fn reset(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
        pod_defaults::set(spec, "replicas", json!(1));
        if let Some(template) = spec.get_mut("template").and_then(|template| template.get_mut("spec")) {
            pod_defaults::fill(template);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        if let Some(object) = object.as_object_mut() {
            object.insert("status".to_owned(), json!({"replicas": 0}));
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate(object, true, NameRule::Subdomain);
        errors.extend(workload::validate_spec(object));
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate_update(new, old);
        errors.extend(workload::validate_spec(new));
        errors.extend(workload::validate_selector_kept(new, old));
        errors
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column::text("Desired", "How many pods it is to have.", |it| {
                it.pointer("/spec/replicas").cloned().unwrap_or_else(|| json!(0))
            }),
            Column::text("Current", "How many pods it has.", |it| json!(workload::count(it, "replicas"))),
            Column::text("Ready", "How many of them are ready.", |it| json!(workload::count(it, "readyReplicas"))),
        ];
        COLUMNS
    }

    fn wide_columns(&self) -> &'static [Column] {
        workload::WIDE_COLUMNS
    }
}

static REPLICA_SET: Struct = Struct {
    go: "ReplicaSet",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&SPEC)),
        Field::always("status", Type::Struct(&STATUS)),
    ],
};

static SPEC: Struct = Struct {
    go: "ReplicaSetSpec",
    atomic: false,
    fields: &[
        Field::given("replicas", Type::Integer),
        Field::filled("minReadySeconds", Type::Integer),
        Field::nullable("selector", Type::Struct(&LABEL_SELECTOR)),
        Field::always("template", Type::Struct(&POD_TEMPLATE)),
    ],
};

static STATUS: Struct = Struct {
    go: "ReplicaSetStatus",
    atomic: false,
    fields: &[
        Field::always("replicas", Type::Integer),
        Field::filled("fullyLabeledReplicas", Type::Integer),
        Field::filled("readyReplicas", Type::Integer),
        Field::filled("availableReplicas", Type::Integer),
        Field::given("terminatingReplicas", Type::Integer),
        Field::filled("observedGeneration", Type::Integer),
        Field::filled("conditions", Type::List(&Type::Any, Elements::Keyed(&["type"]))),
    ],
};
