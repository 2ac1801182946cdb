//! PATCH: server-side apply, and the three patches that are made of the live object.
//!
//! Only an apply creates what is missing. A patch that names an old resourceVersion conflicts; one that names none is
//! made on whatever is live.

use http::StatusCode;
use json_patch::{AddOperation, PatchOperation, ReplaceOperation};
use serde_json::{Value, json};

use super::create::keep;
use super::update::{check_name, replace};
use super::{Target, strategic};
use crate::core::http::{Request, Response};
use crate::kubernetes::authorization::{self, Attributes};
use crate::kubernetes::body::{self, Expected};
use crate::kubernetes::options::{Options, Unknown};
use crate::kubernetes::respond::{self, Form};
use crate::kubernetes::schema::{Struct, Type};
use crate::kubernetes::status::{FieldError, Status};
use crate::kubernetes::{Context, decode, go, metadata};

/// As many operations as kube-apiserver takes in one JSON patch.
const MOST_OPERATIONS: usize = 10_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Apply,
    Json,
    Merge,
    Strategic,
}

impl Kind {
    fn of(request: &Request) -> Result<Self, Status> {
        Ok(match body::media_type(request).as_str() {
            "application/apply-patch+yaml" => Self::Apply,
            "application/json-patch+json" => Self::Json,
            "application/merge-patch+json" => Self::Merge,
            "application/strategic-merge-patch+json" => Self::Strategic,
            _ => return Err(Status::unknown_patch_format()),
        })
    }
}

/// Answers a PATCH.
///
/// # Errors
/// Whatever is wrong with it.
pub(super) fn patch(context: &mut Context<'_>, target: &Target, request: &Request) -> Result<Response, Status> {
    let form = Form::asked(request)?;
    let patch = Kind::of(request)?;
    let bytes = body::bytes(request)?;
    let options = Options::of_patch(request, patch == Kind::Apply)?;
    match patch {
        Kind::Apply => apply(context, target, &bytes, (form, options)),
        _ => change(context, target, (patch, &bytes), (form, options)),
    }
}

fn apply(
    context: &mut Context<'_>,
    target: &Target,
    bytes: &[u8],
    (form, options): (Form, Options),
) -> Result<Response, Status> {
    let Target { kind, namespace, name, subresource, user } = target;
    let applied = body::yaml(bytes).map_err(|problem| {
        Status::bad_request(format!("error decoding YAML: error converting YAML to JSON: {problem}"))
    })?;
    if !applied.is_object() {
        if applied.is_null() {
            return Err(Status::bad_request("invalid object type: /, Kind="));
        }
        let found = go::kind_of(&applied);
        let why = format!(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go \
             value of type map[string]interface {{}}"
        );
        return Err(Status::bad_request(why));
    }
    check_type(&kind.api_version(), kind.kind(), &applied)?;
    let write = super::write(context, *kind, subresource, &options.manager);
    let live = context.object(*kind, namespace, name).cloned();
    let mut object = write.apply(live.as_ref(), &applied, options.force)?;
    kind.default(&mut object);
    let uid = metadata::text(&object, "uid");
    if live.is_none() && !uid.is_empty() {
        let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
        return Err(Status::conflict(kind.plural(), kind.group(), name, &why));
    }
    check_name(*kind, &object, namespace, name)?;
    metadata::set(&mut object, "namespace", if kind.namespaced() { json!(namespace) } else { Value::Null });
    let (code, object) = match &live {
        Some(live) => (StatusCode::OK, replace(context, *kind, live, object, (subresource, options.dry_run))?),
        None if !subresource.is_empty() => return Err(kind.not_found(name)),
        None => {
            // The right to patch does not include the right to make what is missing.
            let (group, resource) = (kind.group(), kind.plural());
            let asked = Attributes { verb: "create", group, resource, namespace, name, ..Attributes::default() };
            authorization::authorize(context, user, &asked)?;
            (StatusCode::CREATED, keep(context, *kind, object, options.dry_run)?)
        }
    };
    Ok(form.object(context, code, *kind, &object))
}

fn check_type(version: &str, kind: &str, applied: &Value) -> Result<(), Status> {
    let text = |name: &str| applied.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("apiVersion") == version && text("kind") == kind {
        return Ok(());
    }
    let shown = if text("apiVersion").contains('/') { String::new() } else { "/".to_owned() };
    Err(Status::bad_request(format!("invalid object type: {shown}{}, Kind={}", text("apiVersion"), text("kind"))))
}

fn change(
    context: &mut Context<'_>,
    target: &Target,
    (patch, bytes): (Kind, &[u8]),
    (form, options): (Form, Options),
) -> Result<Response, Status> {
    let Target { kind, namespace, name, subresource, .. } = target;
    let live = context.object(*kind, namespace, name).cloned().ok_or_else(|| kind.not_found(name))?;
    let (patched, shown) = patched(kind.schema(), &live, (patch, bytes))?;
    let unfit = |problem: &str| Status::invalid("", "", "", &[FieldError::invalid("patch", &shown, problem)]);
    Expected::of_kind(*kind).check_type(&patched).map_err(|problem| unfit(&problem))?;
    let decoded = decode::decode(kind.schema(), &patched).map_err(|problem| unfit(&problem))?;
    let unknown: Vec<_> = decoded.unknown.iter().map(|path| format!("unknown field {}", go::quote(path))).collect();
    if options.unknown == Unknown::Refused && !unknown.is_empty() {
        return Err(unfit(&format!("strict decoding error: {}", unknown.join(", "))));
    }
    let mut object = decoded.object;
    if let Some(object) = object.as_object_mut() {
        object.insert("kind".to_owned(), json!(kind.kind()));
        object.insert("apiVersion".to_owned(), json!(kind.api_version()));
    }
    check_name(*kind, &object, namespace, name)?;
    kind.default(&mut object);
    let write = super::write(context, *kind, subresource, &options.manager);
    let new = write.update(Some(&live), &object);
    let object = replace(context, *kind, &live, new, (subresource, options.dry_run))?;
    let warnings = if options.unknown == Unknown::Warned { unknown } else { Vec::new() };
    Ok(respond::warned(form.object(context, StatusCode::OK, *kind, &object), &warnings))
}

/// What a patch makes of an object, and what a refusal shows: a strategic patch itself, as Go prints it, or else what was
/// made.
fn patched(of: &'static Struct, live: &Value, (patch, bytes): (Kind, &[u8])) -> Result<(Value, String), Status> {
    Ok(match patch {
        Kind::Json => {
            let patched = json_patched(live, bytes)?;
            (patched.clone(), patched.to_string())
        }
        Kind::Strategic => {
            let patch = object_of(bytes).map_err(Status::bad_request)?;
            let patched = strategic::merge(&Type::Struct(of), Some(live), &patch);
            (patched.map_err(Status::internal)?, go::plain(&patch))
        }
        Kind::Merge | Kind::Apply => {
            let mut patched = live.clone();
            json_patch::merge(&mut patched, &merge_patch(bytes)?);
            (patched.clone(), patched.to_string())
        }
    })
}

/// What a patch makes of what is no object of its own but a view of one, and its options. Nobody applies such.
///
/// # Errors
/// 415 for an apply, and whatever is wrong with another patch.
pub(super) fn of_view(of: &Expected, live: &Value, request: &Request) -> Result<(Value, Options), Status> {
    let patch = Kind::of(request)?;
    if patch == Kind::Apply {
        return Err(Status::unknown_patch_format());
    }
    let options = Options::of_patch(request, false)?;
    let (patched, _) = patched(of.of, live, (patch, &body::bytes(request)?))?;
    Ok((of.decode(patched, options.unknown)?.object, options))
}

fn object_of(bytes: &[u8]) -> Result<Value, String> {
    let patch = go::parse_json(bytes)?;
    if patch.is_object() {
        return Ok(patch);
    }
    let found = go::kind_of(&patch);
    Err(format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"))
}

fn merge_patch(bytes: &[u8]) -> Result<Value, Status> {
    if bytes.trim_ascii() == b"null" {
        return Err(Status::bad_request("Invalid JSON Patch"));
    }
    object_of(bytes).map_err(|problem| Status::bad_request(format!("error decoding patch: {problem}")))
}

fn json_patched(live: &Value, bytes: &[u8]) -> Result<Value, Status> {
    let undecoded = |problem: String| Status::bad_request(format!("error decoding patch: {problem}"));
    let operations = go::parse_json(bytes).map_err(undecoded)?;
    let mistyped = |value: &Value, of: &str| {
        undecoded(format!("json: cannot unmarshal {} into Go value of type {of}", go::kind_of(value)))
    };
    let Some(list) = operations.as_array() else { return Err(mistyped(&operations, "[]handlers.jsonPatchOp")) };
    if let Some(other) = list.iter().find(|operation| !operation.is_object()) {
        return Err(mistyped(other, "handlers.jsonPatchOp"));
    }
    if list.len() > MOST_OPERATIONS {
        let count = list.len();
        let why = format!("The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {count}");
        return Err(Status::new(413, "RequestEntityTooLarge", why));
    }
    // An operation that is none is as unfit as one that does not apply.
    let patch: json_patch::Patch = serde_json::from_value(operations).map_err(|_| Status::unfit_patch())?;
    let mut patched = live.clone();
    for operation in patch.0 {
        let operation = lenient(&patched, operation);
        json_patch::patch(&mut patched, std::slice::from_ref(&operation)).map_err(|_| Status::unfit_patch())?;
    }
    Ok(patched)
}

/// The API server's library replaces a key of an object that is not there, which RFC 6902 forbids.
fn lenient(document: &Value, operation: PatchOperation) -> PatchOperation {
    match operation {
        PatchOperation::Replace(ReplaceOperation { path, value }) if document.pointer(path.as_str()).is_none() => {
            PatchOperation::Add(AddOperation { path, value })
        }
        other => other,
    }
}
