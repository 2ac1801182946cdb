//! What a Deployment and a ReplicaSet have in common, which is nearly all: pods by a template, a selector that finds them,
//! and a scale.

use serde_json::{Map, Value, json};

use super::{Column, Kind, Subresource, pod, pod_defaults};
use crate::kubernetes::metadata::{self, NameRule};
use crate::kubernetes::schema::Struct;
use crate::kubernetes::status::FieldError;

/// A kind of `apps/v1` that makes pods. Its pods, and what its status says of them, come from a controller
/// ([`crate::kubernetes::workloads`]).
pub(in crate::kubernetes) struct Workload {
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    pub(super) short_names: &'static [&'static str],
    pub(super) storage_hash: &'static str,
    pub(super) schema: &'static Struct,
    /// Fills in its spec, but for what all have.
    pub(super) fill: fn(&mut Map<String, Value>),
    /// The status that a new one has.
    pub(super) new_status: fn() -> Value,
    pub(super) columns: &'static [Column],
    pub(super) subresources: &'static [Subresource],
}

/// The subresources of a workload whose kind is this.
pub(super) const fn subresources(kind: &'static str) -> [Subresource; 2] {
    const VERBS: &[&str] = &["get", "patch", "update"];
    [
        Subresource { name: "scale", group: "autoscaling", version: "v1", kind: "Scale", verbs: VERBS },
        Subresource { name: "status", group: "", version: "", kind, verbs: VERBS },
    ]
}

impl Kind for Workload {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn plural(&self) -> &'static str {
        self.plural
    }

    fn group(&self) -> &'static str {
        "apps"
    }

    fn short_names(&self) -> &'static [&'static str] {
        self.short_names
    }

    fn categories(&self) -> &'static [&'static str] {
        &["all"]
    }

    fn storage_hash(&self) -> &'static str {
        self.storage_hash
    }

    fn subresources(&self) -> &'static [Subresource] {
        self.subresources
    }

    fn schema(&self) -> &'static Struct {
        self.schema
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
        (self.fill)(spec);
        if let Some(template) = spec.get_mut("template").and_then(|template| template.get_mut("spec")) {
            pod_defaults::fill(template);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        if let Some(object) = object.as_object_mut() {
            object.insert("status".to_owned(), (self.new_status)());
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate(object, true, NameRule::Subdomain);
        errors.extend(validate_spec(object));
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate_update(new, old);
        errors.extend(validate_spec(new));
        errors.extend(validate_selector_kept(new, old));
        errors
    }

    fn columns(&self) -> &'static [Column] {
        self.columns
    }

    fn wide_columns(&self) -> &'static [Column] {
        WIDE_COLUMNS
    }
}

/// The columns that `kubectl get -o wide` adds.
const WIDE_COLUMNS: &[Column] = &[
    Column::text("Containers", "The names of its containers.", |it| json!(of_containers(it, "name"))),
    Column::text("Images", "The images of its containers.", |it| json!(of_containers(it, "image"))),
    Column::text("Selector", "How its pods are found.", |it| {
        let labels = it.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        let pairs = labels.into_iter().flatten().map(|(key, value)| {
            let value = value.as_str().unwrap_or_default();
            format!("{key}={value}")
        });
        json!(pairs.collect::<Vec<_>>().join(","))
    }),
];

/// What is wrong with selector and template.
fn validate_spec(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let null = Value::Null;
    let selector = object.pointer("/spec/selector").unwrap_or(&null);
    let wanted = selector.get("matchLabels").and_then(Value::as_object);
    let has_expressions = selector.get("matchExpressions").is_some();
    if selector.is_null() {
        errors.push(FieldError::required("spec.selector", ""));
    } else if wanted.is_none() && !has_expressions {
        let rule = "empty selector is invalid for deployment";
        errors.push(FieldError::invalid_value("spec.selector", selector, rule));
    } else {
        let labels = object.pointer("/spec/template/metadata/labels").unwrap_or(&null);
        if wanted.into_iter().flatten().any(|(key, value)| labels.get(key) != Some(value)) {
            let rule = "`selector` does not match template `labels`";
            errors.push(FieldError::invalid_value("spec.template.metadata.labels", labels, rule));
        }
    }
    let spec = object.pointer("/spec/template/spec").unwrap_or(&null);
    errors.extend(pod::validate_spec(spec, "spec.template.spec"));
    if let Some(policy) = spec.get("restartPolicy").and_then(Value::as_str).filter(|policy| *policy != "Always") {
        errors.push(FieldError::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    if let Some(count) = object.pointer("/spec/replicas").filter(|count| count.as_i64().is_some_and(|count| count < 0))
    {
        errors.push(FieldError::invalid_value("spec.replicas", count, "must be greater than or equal to 0"));
    }
    errors
}

/// Refuses another selector: the pods of the old one would be nobody's.
fn validate_selector_kept(new: &Value, old: &Value) -> Option<FieldError> {
    let selector = new.pointer("/spec/selector").unwrap_or(&Value::Null);
    let kept = Some(selector) == old.pointer("/spec/selector");
    (!kept).then(|| FieldError::invalid_value("spec.selector", selector, "field is immutable"))
}

/// A count of the status.
pub(super) fn count(object: &Value, field: &str) -> i64 {
    object.get("status").and_then(|status| status.get(field)).and_then(Value::as_i64).unwrap_or(0)
}

fn of_containers(object: &Value, field: &str) -> String {
    let containers = object.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let texts = containers.into_iter().flatten().filter_map(|container| container.get(field)?.as_str());
    texts.collect::<Vec<_>>().join(",")
}
