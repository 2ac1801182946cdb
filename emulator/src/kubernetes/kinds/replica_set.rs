//! `apps/v1` ReplicaSet: one template's worth of a deployment's pods.

use serde_json::json;

use super::Column;
use super::pod_spec::{LABEL_SELECTOR, POD_TEMPLATE};
use super::workload::{self, Workload};
use crate::kubernetes::schema::{API_VERSION, Elements, Field, KIND, METADATA, Struct, Type};

/// `apps/v1` ReplicaSet.
pub(in crate::kubernetes) static REPLICA_SET: Workload = Workload {
    kind: "ReplicaSet",
    plural: "replicasets",
    short_names: &["rs"],
    storage_hash: "P1RzHs8/mWQ=",
    schema: &SCHEMA,
    fill: |_| {},
    new_status: || json!({"replicas": 0}),
    columns: &[
        Column::text("Desired", "How many pods it is to have.", |it| {
            it.pointer("/spec/replicas").cloned().unwrap_or_else(|| json!(0))
        }),
        Column::text("Current", "How many pods it has.", |it| json!(workload::count(it, "replicas"))),
        Column::text("Ready", "How many of them are ready.", |it| json!(workload::count(it, "readyReplicas"))),
    ],
    subresources: &workload::subresources("ReplicaSet"),
};

static SCHEMA: Struct = Struct {
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
