//! `apps/v1` Deployment.
//!
//! Its pods, and what its status says of them, come from a controller ([`crate::emulator::kubernetes::workloads`]).

use serde_json::{Value, json};

use super::pod_spec::{LABEL_SELECTOR, POD_TEMPLATE};
use super::workload;
use super::{Column, Kind, Subresource, pod_defaults};
use crate::emulator::kubernetes::metadata::{self, NameRule};
use crate::emulator::kubernetes::schema::{API_VERSION, Elements, Field, KIND, METADATA, Struct, Type};
use crate::emulator::kubernetes::status::FieldError;

/// `apps/v1` Deployment.
pub(in crate::emulator::kubernetes) struct Deployment;

impl Kind for Deployment {
    fn kind(&self) -> &'static str {
        "Deployment"
    }

    fn plural(&self) -> &'static str {
        "deployments"
    }

    fn group(&self) -> &'static str {
        "apps"
    }

    fn short_names(&self) -> &'static [&'static str] {
        &["deploy"]
    }

    fn categories(&self) -> &'static [&'static str] {
        &["all"]
    }

    fn storage_hash(&self) -> &'static str {
        "8aSe+NMegvE="
    }

    fn subresources(&self) -> &'static [Subresource] {
        const VERBS: &[&str] = &["get", "patch", "update"];
        &[Subresource { name: "status", group: "", version: "", kind: "Deployment", verbs: VERBS }]
    }

    fn schema(&self) -> &'static Struct {
        &DEPLOYMENT
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
        if let Some(template) = spec.get_mut("template").and_then(|template| template.get_mut("spec")) {
            pod_defaults::fill(template);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        if let Some(object) = object.as_object_mut() {
            object.insert("status".to_owned(), json!({}));
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
        ];
        COLUMNS
    }

    fn wide_columns(&self) -> &'static [Column] {
        workload::WIDE_COLUMNS
    }
}

static DEPLOYMENT: Struct = Struct {
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
