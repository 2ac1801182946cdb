//! `autoscaling/v1` Scale: how many pods a workload is to have and has, as a resource below it.
//!
//! It is a view of its workload and kept nowhere: what is written to it becomes the workload's `spec.replicas`, owned
//! by whoever wrote it.

use http::StatusCode;
use serde_json::{Value, json};

use super::Target;
use super::patch;
use super::update::{check_name, replace};
use crate::core::http::{Request, Response};
use crate::kubernetes::body::{Expected, Received};
use crate::kubernetes::options::Options;
use crate::kubernetes::respond::{self, Form};
use crate::kubernetes::schema::{API_VERSION, Field, KIND, METADATA, Struct, Type};
use crate::kubernetes::status::{FieldError, Status};
use crate::kubernetes::{Context, decode, metadata};

const EXPECTED: Expected = Expected { of: &SCALE, group: "autoscaling", version: "v1", kind: "Scale" };

/// Answers a request to a scale.
///
/// # Errors
/// 404, 409 where the workload has changed since the scale was read, and whatever is wrong with a new one.
pub(super) fn answer(
    context: &mut Context<'_>,
    target: &Target,
    verb: &str,
    request: &Request,
) -> Result<Response, Status> {
    let Target { kind, namespace, name, subresource, .. } = target;
    // There is no table of a scale.
    Form::asked(request)?;
    let live = context.object(*kind, namespace, name).cloned().ok_or_else(|| kind.not_found(name))?;
    let typed = |object: &Value| Response::typed(StatusCode::OK, "application/json", &scale_of(object));
    let (wanted, options, warnings) = match verb {
        "get" => return Ok(typed(&live)),
        "update" => {
            let options = Options::of_update(request)?;
            let Received { object, warnings } = EXPECTED.read(request, options.unknown)?;
            (object, options, warnings)
        }
        _ => {
            let (patched, options) = patch::of_view(&EXPECTED, &scale_of(&live), request)?;
            (patched, options, Vec::new())
        }
    };
    check_name(*kind, &wanted, namespace, name)?;
    let replicas = wanted.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
    if replicas < 0 {
        let rule = "must be greater than or equal to 0";
        let error = FieldError::invalid_value("spec.replicas", &json!(replicas), rule);
        return Err(Status::invalid("Scale", "autoscaling", name, &[error]));
    }
    let mut object = live.clone();
    metadata::set(&mut object, "resourceVersion", json!(metadata::text(&wanted, "resourceVersion")));
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("replicas".to_owned(), json!(replicas));
    }
    let write = super::write(context, *kind, subresource, &options.manager);
    let new = write.update(Some(&live), &object);
    let written = replace(context, *kind, &live, new, (subresource, options.dry_run))?;
    Ok(respond::warned(typed(&written), &warnings))
}

/// The scale of a workload.
fn scale_of(workload: &Value) -> Value {
    let number = |pointer: &str| workload.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let pairs = workload.pointer("/spec/selector/matchLabels").and_then(Value::as_object).into_iter().flatten();
    let selector: Vec<String> =
        pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    let mut scale = decode::zero(&SCALE);
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        metadata::set(&mut scale, field, json!(metadata::text(workload, field)));
    }
    if let Some(scale) = scale.as_object_mut() {
        scale.insert("kind".to_owned(), json!(EXPECTED.kind));
        scale.insert("apiVersion".to_owned(), json!(EXPECTED.api_version()));
        if number("/spec/replicas") > 0 {
            scale.insert("spec".to_owned(), json!({"replicas": number("/spec/replicas")}));
        }
        let status = json!({"replicas": number("/status/replicas"), "selector": selector.join(",")});
        scale.insert("status".to_owned(), status);
    }
    scale
}

static SCALE: Struct = Struct {
    go: "Scale",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&SPEC)),
        Field::always("status", Type::Struct(&STATUS)),
    ],
};

static SPEC: Struct = Struct { go: "ScaleSpec", atomic: false, fields: &[Field::filled("replicas", Type::Integer)] };

static STATUS: Struct = Struct {
    go: "ScaleStatus",
    atomic: false,
    fields: &[Field::always("replicas", Type::Integer), Field::filled("selector", Type::String)],
};
