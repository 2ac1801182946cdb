//! What may be done with objects: one file per verb, the same for every kind.

mod create;
mod delete;
mod list;
mod patch;
mod scale;
mod strategic;
mod update;
mod watch;

use http::StatusCode;

use super::Context;
use super::authentication::User;
use super::fields::Write;
use super::kinds::{Kind, Namespace};
use super::metadata;
use super::respond::Form;
use super::status::Status;
use crate::core::http::{Request, Response};

pub(super) use self::create::keep as create_object;
pub(super) use self::delete::{Deletion, delete as delete_object};
pub(super) use self::update::replace as update_object;

/// What a request is about.
pub(super) struct Target {
    pub(super) kind: &'static dyn Kind,
    /// Empty for all namespaces, and for a kind that has none.
    pub(super) namespace: String,
    /// Empty for a collection.
    pub(super) name: String,
    pub(super) subresource: String,
    /// Who asks. What he asks for is authorized already.
    pub(super) user: User,
}

/// Answers a request on a kind.
///
/// # Errors
/// Whatever the verb refuses; 404 and 405 for what the kind does not have.
pub(super) fn answer(
    context: &mut Context<'_>,
    target: &Target,
    verb: &str,
    request: &Request,
) -> Result<Response, Status> {
    let is_collection = target.name.is_empty();
    let allowed = if target.subresource.is_empty() {
        target.kind.verbs()
    } else {
        let found = target.kind.subresources().iter().find(|it| it.name == target.subresource);
        found.ok_or_else(Status::no_resource)?.verbs
    };
    // A kind with namespaces is written in one of them; without one it can only be listed.
    let everywhere = target.kind.namespaced() && target.namespace.is_empty();
    let fits = match verb {
        // What is below an object, such as a stream from it, is asked for by a POST, too.
        "create" if !target.subresource.is_empty() => !everywhere,
        "create" | "deletecollection" => is_collection && !everywhere,
        "list" | "watch" => true,
        _ => !is_collection && !everywhere,
    };
    if !fits || !allowed.contains(&verb) {
        return Err(Status::method_not_allowed());
    }
    match target.subresource.as_str() {
        "scale" => return scale::answer(context, target, verb, request),
        "attach" | "exec" | "log" | "portforward" => return Err(not_run(context, target)),
        _ => {}
    }
    match verb {
        "get" => get(context, target, request),
        "list" => list::list(context, target, request),
        "watch" => watch::watch(context, target, request),
        "create" => create::create(context, target, request),
        "update" => update::update(context, target, request),
        "patch" => patch::patch(context, target, request),
        "delete" => delete::delete_one(context, target, request),
        _ => delete::delete_collection(context, target, request),
    }
}

/// A write to an object of this kind, or to something below it, as far as ownership depends on it.
fn write<'a>(context: &Context<'_>, kind: &'static dyn Kind, subresource: &'a str, manager: &'a str) -> Write<'a> {
    Write {
        of: kind.schema(),
        version: kind.api_version(),
        kind: kind.kind(),
        manager,
        subresource,
        reset: kind.reset(subresource),
        now: context.now(),
    }
}

fn get(context: &Context<'_>, target: &Target, request: &Request) -> Result<Response, Status> {
    let form = Form::asked(request)?;
    let object = context
        .object(target.kind, &target.namespace, &target.name)
        .ok_or_else(|| target.kind.not_found(&target.name))?;
    Ok(form.object(context, StatusCode::OK, target.kind, object))
}

/// Why there is nothing to see or do in a pod.
fn not_run(context: &Context<'_>, target: &Target) -> Status {
    let Target { kind, namespace, name, subresource, .. } = target;
    if context.object(*kind, namespace, name).is_none() {
        return kind.not_found(name);
    }
    let why = format!("the emulator runs no containers: pod \"{name}\" has no {subresource}");
    Status::new(501, "NotImplemented", why)
}

/// Refuses a new object in a namespace that is missing or being deleted.
pub(super) fn admit_to_namespace(
    context: &Context<'_>,
    kind: &dyn Kind,
    namespace: &str,
    name: &str,
) -> Result<(), Status> {
    if !kind.namespaced() {
        return Ok(());
    }
    let found =
        context.object(&Namespace, "", namespace).ok_or_else(|| (&Namespace as &dyn Kind).not_found(namespace))?;
    if metadata::text(found, "deletionTimestamp").is_empty() {
        Ok(())
    } else {
        Err(Status::namespace_terminating(kind, name, namespace))
    }
}
