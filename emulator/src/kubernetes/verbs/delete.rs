//! DELETE: of one object and of a collection.
//!
//! An object that somebody holds by a finalizer stays, with the time of its deletion, until the last finalizer goes. The
//! answer is the object, not a Status.

use http::StatusCode;
use serde_json::{Value, json};

use super::update::count_generation;
use super::{Target, list};
use crate::core::http::{Request, Response};
use crate::kubernetes::kinds::{Kind, Pod};
use crate::kubernetes::options::{dry_run_errors, exact};
use crate::kubernetes::respond::Form;
use crate::kubernetes::status::{FieldError, Status};
use crate::kubernetes::{Context, body, controllers, decode, go, metadata, protobuf};

/// Namespaces that cannot be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// The options of a deletion.
#[derive(Debug, Default)]
pub(in crate::kubernetes) struct Deletion {
    uid: Option<String>,
    revision: Option<String>,
    /// What becomes of dependents, as a finalizer of the garbage collector: none where they go later; nothing at all
    /// where the client leaves it to what the object already says.
    policy: Option<Option<&'static str>>,
    /// How long a pod may take to end, in seconds.
    grace: Option<i64>,
    dry_run: bool,
}

/// Answers a DELETE of one object.
///
/// # Errors
/// 404, and 409 where a precondition does not hold.
pub(super) fn delete_one(context: &mut Context<'_>, target: &Target, request: &Request) -> Result<Response, Status> {
    let Target { kind, namespace, name, .. } = target;
    let form = Form::asked(request)?;
    let deletion = Deletion::read(request)?;
    let object = context.object(*kind, namespace, name).cloned().ok_or_else(|| kind.not_found(name))?;
    let (uid, dry_run) = (metadata::text(&object, "uid").to_owned(), deletion.dry_run);
    let deleted = delete(context, *kind, object, &deletion)?;
    let is_gone = dry_run || context.object(*kind, namespace, name).is_none_or(|it| metadata::text(it, "uid") != uid);
    if is_gone && !kind.answers_deletion_with_object() {
        let details = json!({"name": name, "group": kind.group(), "kind": kind.plural(), "uid": uid});
        let (status, version) = ("Success", "v1");
        let body =
            json!({"kind": "Status", "apiVersion": version, "metadata": {}, "status": status, "details": details});
        return Ok(Response::typed(StatusCode::OK, "application/json", &body));
    }
    Ok(form.object(context, StatusCode::OK, *kind, &deleted))
}

/// Answers a DELETE of a collection.
///
/// # Errors
/// 400 for a bad selector, and whatever one of the deletions refuses.
pub(super) fn delete_collection(
    context: &mut Context<'_>,
    target: &Target,
    request: &Request,
) -> Result<Response, Status> {
    let form = Form::asked(request)?;
    let deletion = Deletion::read(request)?;
    let page = list::page(context, target, request)?;
    for object in &page.objects {
        delete(context, target.kind, object.clone(), &deletion)?;
    }
    Ok(form.list(context, target.kind, &page.metadata, &page.objects))
}

/// Deletes an object, or notes that it is to go, and returns what it was.
///
/// # Errors
/// 409 where a precondition does not hold.
pub(in crate::kubernetes) fn delete(
    context: &mut Context<'_>,
    kind: &dyn Kind,
    object: Value,
    deletion: &Deletion,
) -> Result<Value, Status> {
    deletion.check(kind, &object)?;
    if kind.kind() == "Namespace" {
        return delete_namespace(context, kind, object, deletion);
    }
    let mut object = object;
    let deleting = !metadata::text(&object, "deletionTimestamp").is_empty();
    let mut changed = !deleting;
    if let Some(policy) = deletion.policy {
        let had = metadata::list(&object, "finalizers");
        let mut finalizers = had.clone();
        finalizers.retain(|finalizer| !matches!(*finalizer, "foregroundDeletion" | "orphan"));
        finalizers.extend(policy);
        changed |= finalizers != had;
        let finalizers = if finalizers.is_empty() { Value::Null } else { json!(finalizers) };
        metadata::set(&mut object, "finalizers", finalizers);
    }
    if kind.kind() == Pod.kind() && !deleting {
        let seconds = deletion.grace(&object);
        let ends = context.clock.now() + time::Duration::seconds(seconds);
        metadata::set(&mut object, "deletionTimestamp", Value::from(decode::timestamp(ends)));
        metadata::set(&mut object, "deletionGracePeriodSeconds", json!(seconds));
        count_generation(&mut object);
    }
    if kind.is_released(&object) {
        if deletion.dry_run {
            return Ok(object);
        }
        let gone = context.erase(kind, object);
        controllers::deleted(context, kind, &gone);
        return Ok(gone);
    }
    if !deleting && metadata::text(&object, "deletionTimestamp").is_empty() {
        metadata::set(&mut object, "deletionTimestamp", Value::from(context.now()));
        metadata::set(&mut object, "deletionGracePeriodSeconds", json!(0));
        if kind.has_generation() {
            count_generation(&mut object);
        }
    }
    if deletion.dry_run || !changed {
        return Ok(object);
    }
    let marked = context.write(kind, object);
    controllers::marked(context, kind, &marked);
    Ok(marked)
}

fn delete_namespace(
    context: &mut Context<'_>,
    kind: &dyn Kind,
    mut object: Value,
    deletion: &Deletion,
) -> Result<Value, Status> {
    let name = metadata::text(&object, "name").to_owned();
    if IMMORTAL.contains(&name.as_str()) {
        return Err(Status::forbidden(kind.plural(), kind.group(), &name, "this namespace may not be deleted"));
    }
    if !metadata::text(&object, "deletionTimestamp").is_empty() {
        return Ok(object);
    }
    metadata::set(&mut object, "deletionTimestamp", Value::from(context.now()));
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status.insert("phase".to_owned(), json!("Terminating"));
    }
    if deletion.dry_run {
        return Ok(object);
    }
    let marked = context.write(kind, object);
    controllers::marked(context, kind, &marked);
    Ok(marked)
}

impl Deletion {
    /// Reads the options from the body, or from the query where there is none.
    fn read(request: &Request) -> Result<Self, Status> {
        let options = if request.body.is_empty() {
            json!({
                "propagationPolicy": exact(request, "propagationPolicy"),
                "dryRun": request.query.iter().filter(|(key, _)| key == "dryRun").map(|(_, value)| value).collect::<Vec<_>>(),
                "gracePeriodSeconds": exact(request, "gracePeriodSeconds").and_then(|text| text.parse::<i64>().ok()),
                "orphanDependents": exact(request, "orphanDependents").map(|value| value != "false"),
            })
        } else {
            Self::parse(request)?
        };
        let text = |pointer: &str| options.pointer(pointer).and_then(Value::as_str);
        let mut errors = Vec::new();
        let mut policy = match text("/propagationPolicy") {
            None | Some("") => None,
            Some("Background") => Some(None),
            Some("Foreground") => Some(Some("foregroundDeletion")),
            Some("Orphan") => Some(Some("orphan")),
            Some(other) => {
                let supported = ["Foreground", "Background", "Orphan", "nil"];
                errors.push(FieldError::not_supported("propagationPolicy", other, &supported));
                None
            }
        };
        if let Some(orphan) = options.get("orphanDependents").and_then(Value::as_bool) {
            policy = Some(orphan.then_some("orphan"));
        }
        let dry_run: Vec<&str> =
            options.get("dryRun").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        errors.extend(dry_run_errors(&dry_run));
        if !errors.is_empty() {
            return Err(Status::invalid("DeleteOptions", "meta.k8s.io", "", &errors));
        }
        let owned = |pointer: &str| text(pointer).map(str::to_owned);
        Ok(Self {
            uid: owned("/preconditions/uid"),
            revision: owned("/preconditions/resourceVersion"),
            policy,
            grace: options.get("gracePeriodSeconds").and_then(Value::as_i64),
            dry_run: !dry_run.is_empty(),
        })
    }

    /// How long this pod may take to end, in seconds. One that runs nowhere has nothing to end.
    fn grace(&self, pod: &Value) -> i64 {
        let placed = pod.pointer("/spec/nodeName").is_some();
        let own = pod.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
        if placed { self.grace.or(own).unwrap_or(0) } else { 0 }
    }

    fn parse(request: &Request) -> Result<Value, Status> {
        let media_type = body::media_type(request);
        if !matches!(media_type.as_str(), "" | "application/json" | "application/yaml" | body::PROTOBUF) {
            return Err(Status::unknown_body_format());
        }
        let bytes = body::bytes(request)?;
        let options = match media_type.as_str() {
            "application/yaml" => body::yaml(&bytes).map_err(Status::internal)?,
            body::PROTOBUF => protobuf::read(&bytes).ok_or_else(Status::unknown_body_format)?,
            _ => go::parse_json(&bytes).map_err(|problem| {
                Status::internal(format!("couldn't get version/kind; json parse error: {problem}"))
            })?,
        };
        let text = |name: &str| options.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("kind") {
            "" | "DeleteOptions" => Ok(options),
            kind => {
                let version = if text("apiVersion").is_empty() { "meta.k8s.io/v1" } else { text("apiVersion") };
                let scheme = "pkg/runtime/scheme.go:110";
                let why = format!("no kind \"{kind}\" is registered for version \"{version}\" in scheme \"{scheme}\"");
                Err(Status::internal(why))
            }
        }
    }

    fn check(&self, kind: &dyn Kind, object: &Value) -> Result<(), Status> {
        let name = metadata::text(object, "name");
        let refuse = |what: &str, wanted: &str, found: &str, maybe: &str| {
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). The object \
                 might have been {maybe}"
            );
            // The one message that names the kind where all others name the resource.
            Err(Status::conflict(kind.kind(), kind.group(), name, &why))
        };
        let (uid, revision) = (metadata::text(object, "uid"), metadata::text(object, "resourceVersion"));
        match (&self.uid, &self.revision) {
            // A namespace is marked by an update, whose precondition says it in other words.
            (Some(wanted), _) if wanted != uid && kind.kind() == "Namespace" => {
                let why = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}");
                Err(Status::conflict(kind.plural(), kind.group(), name, &why))
            }
            (Some(wanted), _) if wanted != uid => refuse("UID", wanted, uid, "deleted and then recreated"),
            (_, Some(wanted)) if wanted != revision => refuse("ResourceVersion", wanted, revision, "modified"),
            _ => Ok(()),
        }
    }
}
