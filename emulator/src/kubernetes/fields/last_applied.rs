//! What `kubectl apply` without `--server-side` left behind: the annotation with what was applied last.
//!
//! An apply by the manager `kubectl` takes over what that annotation tells, without a conflict, and keeps the annotation up to date; for
//! any other manager it is an annotation like others. So somebody can go from the one apply to the other.

use serde_json::Value;

use super::compare::Comparison;
use super::set::FieldSet;
use super::typed;
use crate::kubernetes::schema::Type;

/// The manager of `kubectl apply --server-side`.
const KUBECTL: &str = "kubectl";
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The fields that this manager may take from others: those that were applied last, and are as they were then.
pub(super) fn takeable(manager: &str, of: &Type, version: &str, live: &Value) -> FieldSet {
    let last =
        annotation(live).filter(|_| manager == KUBECTL).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let of_this_version = |last: &Value| last.get("apiVersion").and_then(Value::as_str) == Some(version);
    let Some(last) = last.filter(of_this_version).filter(|last| typed::check(of, last).is_ok()) else {
        return FieldSet::default();
    };
    let changed = Comparison::of(of, &last, live);
    typed::fields_of(of, &last).difference(&changed.set()).difference(&changed.removed)
}

/// Writes into the annotation, where there is one, what this manager applied.
pub(super) fn update(manager: &str, object: &mut Value, applied: &Value) {
    if manager != KUBECTL || annotation(object).is_none() {
        return;
    }
    let mut applied = applied.clone();
    if let Some(annotations) = applied.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(ANNOTATION);
    }
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.insert(ANNOTATION.to_owned(), Value::from(format!("{applied}\n")));
    }
}

fn annotation(object: &Value) -> Option<&str> {
    object.pointer("/metadata/annotations")?.get(ANNOTATION)?.as_str()
}
