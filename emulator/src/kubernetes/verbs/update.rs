//! PUT: a whole object in place of another.

use http::StatusCode;
use serde_json::{Value, json};

use super::Target;
use crate::core::http::{Request, Response};
use crate::kubernetes::body::{Expected, Received};
use crate::kubernetes::fields;
use crate::kubernetes::kinds::Kind;
use crate::kubernetes::metadata::{self, NameRule};
use crate::kubernetes::options::Options;
use crate::kubernetes::respond::{self, Form};
use crate::kubernetes::status::Status;
use crate::kubernetes::{Context, controllers, go};

/// Answers a PUT.
///
/// # Errors
/// Whatever is wrong with it.
pub(super) fn update(context: &mut Context<'_>, target: &Target, request: &Request) -> Result<Response, Status> {
    let Target { kind, namespace, name, subresource, .. } = target;
    let form = Form::asked(request)?;
    let options = Options::of_update(request)?;
    let Received { mut object, warnings } = Expected::of_kind(*kind).read(request, options.unknown)?;
    check_name(*kind, &object, namespace, name)?;
    metadata::set(&mut object, "namespace", if kind.namespaced() { json!(namespace) } else { Value::Null });
    kind.default(&mut object);
    let old = context.object(*kind, namespace, name).cloned();
    let old = old.ok_or_else(|| kind.not_found(name))?;
    check_uid(*kind, &object, &old)?;
    let write = super::write(context, *kind, subresource, &options.manager);
    let new = write.update(Some(&old), &object);
    let updated = replace(context, *kind, &old, new, (subresource, options.dry_run))?;
    Ok(respond::warned(form.object(context, StatusCode::OK, *kind, &updated), &warnings))
}

/// Puts a changed object in place of the old one, unless nothing changed or this is a dry run, and deletes it where its
/// deletion waited for this change. The last pair is the subresource that was written and whether this is a dry run.
///
/// # Errors
/// 409 where the object has changed since the new one was read, and whatever is wrong with the change.
pub(in crate::kubernetes) fn replace(
    context: &mut Context<'_>,
    kind: &dyn Kind,
    old: &Value,
    mut new: Value,
    (subresource, dry_run): (&str, bool),
) -> Result<Value, Status> {
    let name = metadata::text(old, "name").to_owned();
    check_revision(kind, &new, old, &name)?;
    keep_metadata(&mut new, old);
    for field in kind.kept(subresource) {
        if let Some(new) = new.as_object_mut() {
            match old.get(*field) {
                Some(value) => drop(new.insert((*field).to_owned(), value.clone())),
                None => drop(new.remove(*field)),
            }
        }
    }
    kind.prepare_update(&mut new);
    if kind.has_generation() && new.get("spec") != old.get("spec") {
        count_generation(&mut new);
    }
    let mut errors = metadata::validate(&new, kind.namespaced(), NameRule::PathSegment);
    errors.extend(metadata::validate_update(&new, old));
    errors.extend(kind.validate_update(&new, old));
    if !errors.is_empty() {
        return Err(kind.invalid(&name, &errors));
    }
    if fields::same_but_for_times(&new, old) {
        return Ok(old.clone());
    }
    if dry_run {
        return Ok(new);
    }
    if !metadata::text(&new, "deletionTimestamp").is_empty() && kind.is_released(&new) {
        context.erase(kind, new.clone());
        controllers::deleted(context, kind, &new);
        return Ok(new);
    }
    Ok(context.write(kind, new))
}

/// Counts a change of what is wanted.
pub(super) fn count_generation(object: &mut Value) {
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
    metadata::set(object, "generation", json!(generation + 1));
}

/// Refuses an object that says it is another than that of the path.
pub(super) fn check_name(kind: &dyn Kind, object: &Value, namespace: &str, name: &str) -> Result<(), Status> {
    let own = metadata::text(object, "name");
    if own.is_empty() {
        let why = format!("the name of the object ({name} based on URL) was undeterminable: name must be provided");
        return Err(Status::bad_request(why));
    }
    if own != name {
        let why = format!("the name of the object ({own}) does not match the name on the URL ({name})");
        return Err(Status::bad_request(why));
    }
    let own = metadata::text(object, "namespace");
    if kind.namespaced() && !own.is_empty() && own != namespace {
        return Err(Status::another_namespace());
    }
    Ok(())
}

/// Refuses a PUT that carries the uid of another object; it is a precondition, not a change of the uid.
fn check_uid(kind: &dyn Kind, new: &Value, old: &Value) -> Result<(), Status> {
    let (wanted, found) = (metadata::text(new, "uid"), metadata::text(old, "uid"));
    if wanted.is_empty() || wanted == found {
        return Ok(());
    }
    let (namespace, name) = (metadata::text(old, "namespace"), metadata::text(old, "name"));
    let place = if kind.namespaced() { format!("{namespace}/{name}") } else { name.to_owned() };
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{}/{place}, ResourceVersion: 0, AdditionalErrorMsg: \
         Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}",
        kind.plural()
    );
    Err(Status::conflict(kind.plural(), kind.group(), name, &why))
}

fn check_revision(kind: &dyn Kind, new: &Value, old: &Value, name: &str) -> Result<(), Status> {
    let wanted = metadata::text(new, "resourceVersion");
    if wanted.is_empty() || wanted == "0" {
        return Ok(());
    }
    if wanted.parse::<u64>().is_err() {
        return Err(Status::internal(format!("strconv.ParseUint: parsing {}: invalid syntax", go::quote(wanted))));
    }
    if wanted == metadata::text(old, "resourceVersion") { Ok(()) } else { Err(Status::modified(kind, name)) }
}

/// Keeps of the metadata what no client can change, and fills in what it may leave out.
fn keep_metadata(new: &mut Value, old: &Value) {
    let of_old = |field: &str| old.pointer(&format!("/metadata/{field}")).cloned().unwrap_or(Value::Null);
    for field in ["creationTimestamp", "resourceVersion", "generation"] {
        metadata::set(new, field, of_old(field));
    }
    if metadata::text(new, "uid").is_empty() {
        metadata::set(new, "uid", of_old("uid"));
    }
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        if !of_old(field).is_null() {
            metadata::set(new, field, of_old(field));
        }
    }
}
