//! `v1` Service: a name and an address for pods.
//!
//! Nothing is behind its address here. It is for whoever deploys an application, whose manifests have one.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Column, Kind, Subresource, pod_defaults};
use crate::kubernetes::metadata::{self, NameRule};
use crate::kubernetes::schema::{API_VERSION, Elements, Field, KIND, METADATA, STRING_LIST, STRINGS, Struct, Type};
use crate::kubernetes::status::FieldError;

/// `v1` Service.
pub(in crate::kubernetes) struct Service;

/// The types of services.
const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const EXTERNAL: &str = "ExternalName";

impl Kind for Service {
    fn kind(&self) -> &'static str {
        "Service"
    }

    fn plural(&self) -> &'static str {
        "services"
    }

    fn short_names(&self) -> &'static [&'static str] {
        &["svc"]
    }

    fn categories(&self) -> &'static [&'static str] {
        &["all"]
    }

    fn storage_hash(&self) -> &'static str {
        "0/CO1lhkEBI="
    }

    fn subresources(&self) -> &'static [Subresource] {
        const VERBS: &[&str] = &["get", "patch", "update"];
        &[Subresource { name: "status", group: "", version: "", kind: "Service", verbs: VERBS }]
    }

    fn schema(&self) -> &'static Struct {
        &SERVICE
    }

    fn reset(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }

    fn answers_deletion_with_object(&self) -> bool {
        true
    }

    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
        pod_defaults::set(spec, "type", json!("ClusterIP"));
        pod_defaults::set(spec, "sessionAffinity", json!("None"));
        if spec.get("type") != Some(&json!(EXTERNAL)) {
            pod_defaults::set(spec, "internalTrafficPolicy", json!("Cluster"));
        }
        for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(port) = port.as_object_mut() else { continue };
            pod_defaults::set(port, "protocol", json!("TCP"));
            let number = port.get("port").cloned().unwrap_or_default();
            pod_defaults::set(port, "targetPort", number);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        let name = format!("{}/{}", metadata::text(object, "namespace"), metadata::text(object, "name"));
        let Some(object) = object.as_object_mut() else { return };
        object.insert("status".to_owned(), json!({"loadBalancer": {}}));
        let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
        if spec.get("type") == Some(&json!(EXTERNAL)) {
            return;
        }
        let address = spec.get("clusterIP").cloned().unwrap_or_else(|| json!(address_of(&name)));
        spec.insert("clusterIPs".to_owned(), json!([address]));
        spec.insert("clusterIP".to_owned(), address);
        pod_defaults::set(spec, "ipFamilies", json!(["IPv4"]));
        pod_defaults::set(spec, "ipFamilyPolicy", json!("SingleStack"));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate(object, true, NameRule::Subdomain);
        errors.extend(validate_spec(object));
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate_update(new, old);
        errors.extend(validate_spec(new));
        let address = |object: &Value| object.pointer("/spec/clusterIP").cloned().unwrap_or_default();
        if address(new) != address(old) && !address(old).is_null() {
            let value = json!([address(new)]);
            errors.push(FieldError::invalid_value("spec.clusterIPs[0]", &value, "may not change once set"));
        }
        errors
    }

    fn selectable(&self, object: &Value) -> Vec<(&'static str, String)> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        vec![
            ("metadata.name", text("/metadata/name")),
            ("metadata.namespace", text("/metadata/namespace")),
            ("spec.clusterIP", text("/spec/clusterIP")),
            ("spec.type", text("/spec/type")),
        ]
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column::text("Type", "How it is reached.", |it| text_or(it, "/spec/type", "<unknown>")),
            Column::text("Cluster-IP", "Its address in the cluster.", |it| text_or(it, "/spec/clusterIP", "<none>")),
            Column::text("External-IP", "Its address elsewhere.", |it| match it.pointer("/spec/type") {
                Some(kind) if kind == "LoadBalancer" => json!("<pending>"),
                _ => text_or(it, "/spec/externalName", "<none>"),
            }),
            Column::text("Port(s)", "Its ports.", |it| {
                let ports = it.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten();
                let shown: Vec<String> = ports
                    .map(|port| {
                        let number = port.get("port").and_then(Value::as_i64).unwrap_or(0);
                        format!("{number}/{}", port.get("protocol").and_then(Value::as_str).unwrap_or("TCP"))
                    })
                    .collect();
                json!(if shown.is_empty() { "<none>".to_owned() } else { shown.join(",") })
            }),
        ];
        COLUMNS
    }

    fn wide_columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[Column::text("Selector", "How its pods are found.", |it| {
            let labels = it.pointer("/spec/selector").and_then(Value::as_object).into_iter().flatten();
            let pairs: Vec<String> =
                labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
            json!(if pairs.is_empty() { "<none>".to_owned() } else { pairs.join(",") })
        })];
        COLUMNS
    }
}

fn validate_spec(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let kind = object.pointer("/spec/type").and_then(Value::as_str).unwrap_or_default();
    if !TYPES.contains(&kind) {
        errors.push(FieldError::not_supported("spec.type", kind, &TYPES));
    }
    let ports = object.pointer("/spec/ports").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let headless = object.pointer("/spec/clusterIP") == Some(&json!("None"));
    if ports.is_empty() && !headless && kind != EXTERNAL {
        errors.push(FieldError::required("spec.ports", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        let number = port.get("port").cloned().unwrap_or_default();
        if !number.as_i64().is_some_and(|number| (1..=65_535).contains(&number)) {
            let rule = "must be between 1 and 65535, inclusive";
            errors.push(FieldError::invalid_value(format!("spec.ports[{index}].port"), &number, rule));
        }
        if ports.len() > 1 && port.get("name").is_none() {
            errors.push(FieldError::required(format!("spec.ports[{index}].name"), ""));
        }
    }
    errors
}

fn text_or(object: &Value, pointer: &str, other: &str) -> Value {
    object.pointer(pointer).cloned().unwrap_or_else(|| json!(other))
}

/// An address of the services' network, always the same for the same service.
fn address_of(name: &str) -> String {
    let digest = Sha256::digest(name);
    let byte = |at: usize| digest.get(at).copied().unwrap_or(1).clamp(1, 254);
    format!("10.0.{}.{}", byte(0), byte(1))
}

static SERVICE: Struct = Struct {
    go: "Service",
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
    go: "ServiceSpec",
    atomic: false,
    fields: &[
        Field::filled("ports", Type::List(&Type::Struct(&PORT), Elements::Keyed(&["port", "protocol"]))),
        Field::filled("selector", STRINGS),
        Field::filled("clusterIP", Type::String),
        Field::filled("clusterIPs", STRING_LIST),
        Field::filled("type", Type::String),
        Field::filled("externalIPs", STRING_LIST),
        Field::filled("sessionAffinity", Type::String),
        Field::filled("loadBalancerIP", Type::String),
        Field::filled("loadBalancerSourceRanges", STRING_LIST),
        Field::filled("externalName", Type::String),
        Field::filled("externalTrafficPolicy", Type::String),
        Field::filled("healthCheckNodePort", Type::Integer),
        Field::filled("publishNotReadyAddresses", Type::Boolean),
        Field::given("sessionAffinityConfig", Type::Any),
        Field::filled("ipFamilies", STRING_LIST),
        Field::given("ipFamilyPolicy", Type::String),
        Field::given("allocateLoadBalancerNodePorts", Type::Boolean),
        Field::given("loadBalancerClass", Type::String),
        Field::given("internalTrafficPolicy", Type::String),
        Field::given("trafficDistribution", Type::String),
    ],
};

static PORT: Struct = Struct {
    go: "ServicePort",
    atomic: false,
    fields: &[
        Field::filled("name", Type::String),
        Field::filled("protocol", Type::String),
        Field::given("appProtocol", Type::String),
        Field::always("port", Type::Integer),
        Field::filled("targetPort", Type::Any),
        Field::filled("nodePort", Type::Integer),
    ],
};

static STATUS: Struct = Struct {
    go: "ServiceStatus",
    atomic: false,
    fields: &[
        Field::always("loadBalancer", Type::Any),
        Field::filled("conditions", Type::List(&Type::Any, Elements::Keyed(&["type"]))),
    ],
};
