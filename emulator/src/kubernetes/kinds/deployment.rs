//! `apps/v1` Deployment.

use serde_json::{Map, Value, json};

use super::pod_spec::{LABEL_SELECTOR, POD_TEMPLATE};
use super::workload::{self, Workload};
use super::{Column, pod_defaults};
use crate::kubernetes::schema::{API_VERSION, Elements, Field, KIND, METADATA, Struct, Type};

/// `apps/v1` Deployment.
pub(in crate::kubernetes) static DEPLOYMENT: Workload = Workload {
    kind: "Deployment",
    plural: "deployments",
    short_names: &["deploy"],
    storage_hash: "8aSe+NMegvE=",
    schema: &SCHEMA,
    fill,
    new_status: || json!({}),
    columns: &[
        Column::text("Ready", "How many pods are ready, of how many.", |it| {
            let all = it.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
            json!(format!("{}/{all}", workload::count(it, "readyReplicas")))
        }),
        Column::text("Up-to-date", "How many pods are of the present template.", |it| {
            json!(workload::count(it, "updatedReplicas"))
        }),
        Column::text("Available", "How many pods have been ready for long enough.", |it| {
            json!(workload::count(it, "availableReplicas"))
        }),
    ],
    subresources: &workload::subresources("Deployment"),
};

fn fill(spec: &mut Map<String, Value>) {
    pod_defaults::set(spec, "revisionHistoryLimit", json!(10));
    pod_defaults::set(spec, "progressDeadlineSeconds", json!(600));
    if let Some(strategy) = spec.entry("strategy").or_insert_with(|| json!({})).as_object_mut() {
        pod_defaults::set(strategy, "type", json!("RollingUpdate"));
        if strategy.get("type") == Some(&json!("RollingUpdate"))
            && let Some(rolling) = strategy.entry("rollingUpdate").or_insert_with(|| json!({})).as_object_mut()
        {
            pod_defaults::set(rolling, "maxUnavailable", json!("25%"));
            pod_defaults::set(rolling, "maxSurge", json!("25%"));
        }
    }
}

static SCHEMA: Struct = Struct {
    go: "Deployment",
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
    go: "DeploymentSpec",
    atomic: false,
    fields: &[
        Field::given("replicas", Type::Integer),
        Field::nullable("selector", Type::Struct(&LABEL_SELECTOR)),
        Field::always("template", Type::Struct(&POD_TEMPLATE)),
        Field::always("strategy", Type::Struct(&STRATEGY)),
        Field::filled("minReadySeconds", Type::Integer),
        Field::given("revisionHistoryLimit", Type::Integer),
        Field::filled("paused", Type::Boolean),
        Field::given("progressDeadlineSeconds", Type::Integer),
    ],
};

static STRATEGY: Struct = Struct {
    go: "DeploymentStrategy",
    atomic: false,
    fields: &[Field::filled("type", Type::String), Field::given("rollingUpdate", Type::Struct(&ROLLING_UPDATE))],
};

static ROLLING_UPDATE: Struct = Struct {
    go: "RollingUpdateDeployment",
    atomic: false,
    fields: &[Field::given("maxUnavailable", Type::Any), Field::given("maxSurge", Type::Any)],
};

static STATUS: Struct = Struct {
    go: "DeploymentStatus",
    atomic: false,
    fields: &[
        Field::filled("observedGeneration", Type::Integer),
        Field::filled("replicas", Type::Integer),
        Field::filled("updatedReplicas", Type::Integer),
        Field::filled("readyReplicas", Type::Integer),
        Field::filled("availableReplicas", Type::Integer),
        Field::filled("unavailableReplicas", Type::Integer),
        Field::given("terminatingReplicas", Type::Integer),
        Field::filled("conditions", Type::List(&Type::Struct(&CONDITION), Elements::Keyed(&["type"]))),
        Field::given("collisionCount", Type::Integer),
    ],
};

static CONDITION: Struct = Struct {
    go: "DeploymentCondition",
    atomic: false,
    fields: &[
        Field::always("type", Type::String),
        Field::always("status", Type::String),
        Field::nullable("lastUpdateTime", Type::Time),
        Field::nullable("lastTransitionTime", Type::Time),
        Field::filled("reason", Type::String),
        Field::filled("message", Type::String),
    ],
};
