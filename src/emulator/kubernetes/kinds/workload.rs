//! What a Deployment and a ReplicaSet have in common: a template of pods and a selector that finds them.

use serde_json::{Value, json};

use super::{Column, pod};
use crate::emulator::kubernetes::status::FieldError;

/// The columns that `kubectl get -o wide` adds.
pub(super) const WIDE_COLUMNS: &[Column] = &[
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
pub(super) fn validate_spec(object: &Value) -> Vec<FieldError> {
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
pub(super) fn validate_selector_kept(new: &Value, old: &Value) -> Option<FieldError> {
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
