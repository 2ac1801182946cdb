//! What the controllers of a real cluster do beside its API server, as far as a client waits for it: make each
//! namespace's `default` service account, empty and remove a namespace that is deleted, and collect what waits only for
//! the garbage collector.
//!
//! Nothing runs in the background. What a controller does at once is done within the request; what takes it a moment
//! is done at the first request after that moment, by the emulated clock.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::kinds::{self, Kind, Namespace, ServiceAccount};
use super::verbs::{self, Deletion};
use super::{Context, metadata, workloads};

/// How long a namespace says that it is being deleted, when nothing holds it.
const TERMINATION: Duration = Duration::seconds(2);

/// Makes a namespace, unless it is there.
///
/// # Errors
/// With the rule that its name breaks.
pub(super) fn establish(context: &mut Context<'_>, name: &str) -> Result<(), String> {
    if context.object(&Namespace, "", name).is_some() {
        return Ok(());
    }
    let labels = json!({"kubernetes.io/metadata.name": name});
    let object = json!({
        "kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name, "labels": labels}, "spec": {}, "status": {},
    });
    verbs::create_object(context, &Namespace, object, false)
        .map(drop)
        .map_err(|status| status.body().get("message").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// Follows a creation.
pub(super) fn created(context: &mut Context<'_>, kind: &dyn Kind, object: &Value) {
    if kind.kind() == "Namespace" {
        make_default_account(context, metadata::text(object, "name"));
    }
    if kind.kind() == "Pod" && context.cluster.has_controllers() {
        workloads::start(context, object);
    }
}

/// Follows the deletion of an object that is gone.
pub(super) fn deleted(context: &mut Context<'_>, kind: &dyn Kind, object: &Value) {
    if kind.kind() == "ServiceAccount" && metadata::text(object, "name") == "default" {
        make_default_account(context, metadata::text(object, "namespace"));
    }
    if kind.group() == "apps" && context.cluster.has_controllers() {
        workloads::collect(context, object);
    }
}

/// Follows the deletion of an object that is still held.
pub(super) fn marked(context: &mut Context<'_>, kind: &dyn Kind, object: &Value) {
    if !context.cluster.has_controllers() {
        return;
    }
    if kind.kind() == "Namespace" {
        empty(context, metadata::text(object, "name"));
        return;
    }
    if metadata::list(object, "finalizers").contains(&"orphan") {
        workloads::orphan(context, object);
    }
    // Dependents go with their owner, which is let go first: nobody can tell, within one request.
    let mut finalizers = metadata::list(object, "finalizers");
    finalizers.retain(|finalizer| !matches!(*finalizer, "foregroundDeletion" | "orphan"));
    if finalizers.len() < metadata::list(object, "finalizers").len() {
        let mut released = object.clone();
        let finalizers = if finalizers.is_empty() { Value::Null } else { json!(finalizers) };
        metadata::set(&mut released, "finalizers", finalizers);
        // A refusal leaves the object held, which is what a controller that fails does.
        let _ = verbs::update_object(context, kind, object, released, ("", false));
    }
}

/// Removes the namespaces whose time has come.
pub(super) fn tick(context: &mut Context<'_>) {
    if !context.cluster.has_controllers() {
        return;
    }
    workloads::tick(context);
    for (name, namespace) in context.objects(&Namespace, None) {
        let marked = OffsetDateTime::parse(metadata::text(&namespace, "deletionTimestamp"), &Rfc3339);
        if marked.is_ok_and(|at| context.clock.now() - at >= TERMINATION) {
            empty(context, &name);
            let held = kinds::ALL
                .iter()
                .filter(|kind| kind.namespaced())
                .any(|kind| !context.objects(*kind, Some(&name)).is_empty());
            if !held && metadata::list(&namespace, "finalizers").is_empty() {
                context.erase(&Namespace, namespace);
            }
        }
    }
}

fn make_default_account(context: &mut Context<'_>, namespace: &str) {
    if !context.cluster.has_controllers() || context.object(&ServiceAccount, namespace, "default").is_some() {
        return;
    }
    let metadata = json!({"name": "default", "namespace": namespace});
    let object = json!({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": metadata});
    // Refused in a namespace that is being deleted, where there is to be none.
    let _ = verbs::create_object(context, &ServiceAccount, object, false);
}

fn empty(context: &mut Context<'_>, namespace: &str) {
    for kind in kinds::ALL.iter().filter(|kind| kind.namespaced()) {
        for (_, object) in context.objects(*kind, Some(namespace)) {
            // Without preconditions nothing is refused.
            let _ = verbs::delete_object(context, *kind, object, &Deletion::default());
        }
    }
}
