//! `v1` Pod.
//!
//! What admission adds to a new pod ([`crate::kubernetes::admission`]), and what its status says, belongs to
//! no manager.

use serde_json::{Value, json};

use super::pod_spec::POD_SPEC;
use super::{Column, Kind, Subresource, pod_defaults};
use crate::kubernetes::metadata::{self, NameRule};
use crate::kubernetes::schema::{API_VERSION, Elements, Field, KIND, METADATA, Struct, Type};
use crate::kubernetes::status::FieldError;

/// `v1` Pod.
pub(in crate::kubernetes) struct Pod;

impl Kind for Pod {
    fn kind(&self) -> &'static str {
        "Pod"
    }

    fn plural(&self) -> &'static str {
        "pods"
    }

    fn short_names(&self) -> &'static [&'static str] {
        &["po"]
    }

    fn categories(&self) -> &'static [&'static str] {
        &["all"]
    }

    fn storage_hash(&self) -> &'static str {
        "xPOwRZ+Yhw8="
    }

    fn subresources(&self) -> &'static [Subresource] {
        const VERBS: &[&str] = &["get", "patch", "update"];
        const STREAM: &[&str] = &["create", "get"];
        const fn part(name: &'static str, kind: &'static str, verbs: &'static [&'static str]) -> Subresource {
            Subresource { name, group: "", version: "", kind, verbs }
        }
        // Nothing runs in a pod, so those but the status only say so.
        const PARTS: &[Subresource] = &[
            part("attach", "PodAttachOptions", STREAM),
            part("exec", "PodExecOptions", STREAM),
            part("log", "Pod", &["get"]),
            part("portforward", "PodPortForwardOptions", STREAM),
            part("status", "Pod", VERBS),
        ];
        PARTS
    }

    fn schema(&self) -> &'static Struct {
        &POD
    }

    fn reset(&self, subresource: &str) -> &'static [&'static str] {
        if subresource == "status" { &["spec"] } else { &["status"] }
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn answers_deletion_with_object(&self) -> bool {
        true
    }

    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec") else { return };
        if let Some(spec) = spec.as_object_mut() {
            pod_defaults::set(spec, "enableServiceLinks", json!(true));
        }
        pod_defaults::fill(spec);
    }

    fn prepare_create(&self, object: &mut Value) {
        let class = quality(object);
        if let Some(object) = object.as_object_mut() {
            object.insert("status".to_owned(), json!({"phase": "Pending", "qosClass": class}));
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate(object, true, NameRule::Subdomain);
        errors.extend(validate_spec(object.get("spec").unwrap_or(&Value::Null), "spec"));
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate_update(new, old);
        if fixed(new, old) != *old.get("spec").unwrap_or(&Value::Null) {
            let rule = "pod updates may not change fields other than `spec.containers[*].image`,\
                        `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions \
                        to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                        previously negative)";
            errors.push(FieldError::forbidden("spec", rule));
        }
        errors
    }

    fn selectable(&self, object: &Value) -> Vec<(&'static str, String)> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let host = object.pointer("/spec/hostNetwork").and_then(Value::as_bool).unwrap_or_default();
        vec![
            ("metadata.name", text("/metadata/name")),
            ("metadata.namespace", text("/metadata/namespace")),
            ("spec.nodeName", text("/spec/nodeName")),
            ("spec.restartPolicy", text("/spec/restartPolicy")),
            ("spec.schedulerName", text("/spec/schedulerName")),
            ("spec.serviceAccountName", text("/spec/serviceAccountName")),
            ("spec.hostNetwork", host.to_string()),
            ("status.phase", text("/status/phase")),
            ("status.podIP", text("/status/podIP")),
            ("status.nominatedNodeName", text("/status/nominatedNodeName")),
        ]
    }

    fn unselectable(&self, field: &str) -> String {
        format!("field label not supported: {field}")
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column::text("Ready", "How many of its containers are ready.", |pod| json!(ready(pod))),
            Column::text("Status", "Where in its life it is.", |pod| json!(state(pod))),
            Column::text("Restarts", "How often its containers were restarted.", |pod| {
                let counts = statuses(pod).iter().filter_map(|status| status.get("restartCount")?.as_i64());
                json!(counts.sum::<i64>().to_string())
            }),
        ];
        COLUMNS
    }

    fn wide_columns(&self) -> &'static [Column] {
        const NONE: &str = "<none>";
        const COLUMNS: &[Column] = &[
            Column::text("IP", "Its address.", |pod| text_or(pod, "/status/podIP", NONE)),
            Column::text("Node", "Where it runs.", |pod| text_or(pod, "/spec/nodeName", NONE)),
            Column::text("Nominated Node", "Where it is to run.", |pod| {
                text_or(pod, "/status/nominatedNodeName", NONE)
            }),
            Column::text("Readiness Gates", "What else must hold before it is ready.", |_| json!(NONE)),
        ];
        COLUMNS
    }
}

/// What is wrong with the spec of a pod or of a template.
pub(super) fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let list = |name: &str| spec.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if list("containers").is_empty() {
        errors.push(FieldError::required(format!("{path}.containers"), ""));
    }
    for name in ["containers", "initContainers"] {
        for (index, container) in list(name).iter().enumerate() {
            for field in ["name", "image"] {
                if container.get(field).and_then(Value::as_str).unwrap_or_default().is_empty() {
                    errors.push(FieldError::required(format!("{path}.{name}[{index}].{field}"), ""));
                }
            }
            for (at, mount) in container.get("volumeMounts").and_then(Value::as_array).into_iter().flatten().enumerate()
            {
                let of = mount.get("name").unwrap_or(&Value::Null);
                if !list("volumes").iter().any(|volume| volume.get("name") == Some(of)) {
                    let field = format!("{path}.{name}[{index}].volumeMounts[{at}].name");
                    errors.push(FieldError::not_found(field, of.as_str().unwrap_or_default()));
                }
            }
        }
    }
    errors
}

/// The spec of a changed pod with what may change as it was.
fn fixed(new: &Value, old: &Value) -> Value {
    let (mut spec, null) = (new.get("spec").cloned().unwrap_or(Value::Null), Value::Null);
    let was = old.get("spec").unwrap_or(&null);
    for list in ["containers", "initContainers"] {
        let before = was.get(list).and_then(Value::as_array).into_iter().flatten();
        let after = spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for (after, before) in after.zip(before) {
            if let (Some(after), Some(image)) = (after.as_object_mut(), before.get("image")) {
                after.insert("image".to_owned(), image.clone());
            }
        }
    }
    let tolerations = |spec: &Value| spec.get("tolerations").and_then(Value::as_array).cloned().unwrap_or_default();
    let kept = tolerations(was).iter().all(|toleration| tolerations(&spec).contains(toleration));
    let free = if kept { &["activeDeadlineSeconds", "tolerations"][..] } else { &["activeDeadlineSeconds"] };
    if let Some(spec) = spec.as_object_mut() {
        for field in free {
            match was.get(field) {
                Some(value) => drop(spec.insert((*field).to_owned(), value.clone())),
                None => drop(spec.remove(*field)),
            }
        }
    }
    spec
}

/// How it is treated when memory is short: by what its containers request and are limited to.
fn quality(pod: &Value) -> &'static str {
    let containers = ["containers", "initContainers"].into_iter().filter_map(|list| pod.get("spec")?.get(list));
    let resources: Vec<&Value> =
        containers.filter_map(Value::as_array).flatten().filter_map(|container| container.get("resources")).collect();
    let amount = |resources: &Value, kind: &str, name: &str| resources.get(kind).and_then(|of| of.get(name)).cloned();
    let names = ["cpu", "memory"];
    let nothing = |of: &&Value| {
        let given = |kind: &str| names.iter().any(|name| amount(of, kind, name).is_some());
        !given("requests") && !given("limits")
    };
    let guaranteed = |of: &&Value| {
        names.iter().all(|name| {
            let limit = amount(of, "limits", name);
            limit.is_some() && amount(of, "requests", name).is_none_or(|request| Some(request) == limit)
        })
    };
    if resources.iter().all(nothing) {
        "BestEffort"
    } else if resources.iter().all(guaranteed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

fn statuses(pod: &Value) -> &[Value] {
    pod.pointer("/status/containerStatuses").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn ready(pod: &Value) -> String {
    let ready = statuses(pod).iter().filter(|status| status.get("ready") == Some(&json!(true))).count();
    let all = pod.pointer("/spec/containers").and_then(Value::as_array).map_or(0, Vec::len);
    format!("{ready}/{all}")
}

fn state(pod: &Value) -> &str {
    if metadata::text(pod, "deletionTimestamp").is_empty() {
        pod.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default()
    } else {
        "Terminating"
    }
}

fn text_or(object: &Value, pointer: &str, other: &str) -> Value {
    object.pointer(pointer).filter(|text| **text != json!("")).cloned().unwrap_or_else(|| json!(other))
}

static POD: Struct = Struct {
    go: "Pod",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&POD_SPEC)),
        Field::always("status", Type::Struct(&STATUS)),
    ],
};

static STATUS: Struct = Struct {
    go: "PodStatus",
    atomic: false,
    fields: &[
        Field::filled("observedGeneration", Type::Integer),
        Field::filled("phase", Type::String),
        Field::filled("conditions", Type::List(&Type::Struct(&CONDITION), Elements::Keyed(&["type"]))),
        Field::filled("message", Type::String),
        Field::filled("reason", Type::String),
        Field::filled("nominatedNodeName", Type::String),
        Field::filled("hostIP", Type::String),
        Field::filled("hostIPs", Type::List(&Type::Any, Elements::Atomic)),
        Field::filled("podIP", Type::String),
        Field::filled("podIPs", Type::List(&Type::Any, Elements::Keyed(&["ip"]))),
        Field::given("startTime", Type::Time),
        Field::filled("initContainerStatuses", Type::List(&Type::Any, Elements::Atomic)),
        Field::filled("containerStatuses", Type::List(&Type::Any, Elements::Atomic)),
        Field::filled("qosClass", Type::String),
    ],
};

static CONDITION: Struct = Struct {
    go: "PodCondition",
    atomic: false,
    fields: &[
        Field::always("type", Type::String),
        Field::filled("observedGeneration", Type::Integer),
        Field::always("status", Type::String),
        Field::nullable("lastProbeTime", Type::Time),
        Field::nullable("lastTransitionTime", Type::Time),
        Field::filled("reason", Type::String),
        Field::filled("message", Type::String),
    ],
};
