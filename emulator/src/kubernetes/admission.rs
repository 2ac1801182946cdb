//! What the API server adds to a new pod, or refuses it for, before it is kept: its service account and the account's
//! token, its priority and its tolerations, and then the workload identity webhook ([`super::webhook`]).
//!
//! None of it is owned by anybody: ownership was decided on what the client sent.

use rand::distr::{Distribution, Uniform};
use serde_json::{Value, json};

use super::kinds::{Kind, Pod, ServiceAccount};
use super::status::Status;
use super::{Context, metadata, webhook};

const TOKEN_FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// An hour, and seven seconds by which an old token is told apart from an extended one.
const TOKEN_SECONDS: i64 = 3607;

/// Completes a new object of a kind that is admitted, or refuses it.
///
/// # Errors
/// 403 for a pod whose account is missing, and what the webhook refuses.
pub(super) fn admit(context: &Context<'_>, kind: &dyn Kind, object: &mut Value) -> Result<(), Status> {
    if kind.kind() != Pod.kind() {
        return Ok(());
    }
    let account = enter_account(context, object)?;
    let volume = format!("kube-api-access-{}", random_suffix());
    if mounts_token(object, &account) {
        add_token(object, &volume);
    }
    add_priority(object);
    add_tolerations(object);
    if context.cluster.has_controllers() && webhook::chooses(object) {
        webhook::inject(context.cluster, &account, object)?;
        // What the webhook added is admitted once more, as its configuration asks for.
        if mounts_token(object, &account) {
            add_token(object, &volume);
        }
        kind.default(object);
    }
    Ok(())
}

/// Names the pod's account, and returns it.
fn enter_account(context: &Context<'_>, pod: &mut Value) -> Result<Value, Status> {
    let (namespace, own) = (metadata::text(pod, "namespace").to_owned(), metadata::text(pod, "name").to_owned());
    let named = pod.pointer("/spec/serviceAccountName").and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = named.unwrap_or("default").to_owned();
    let account = context.object(&ServiceAccount, &namespace, &name).cloned().ok_or_else(|| {
        let why = format!(
            "error looking up service account {namespace}/{name}: serviceaccount {} not found",
            super::go::quote(&name)
        );
        Status::forbidden(Pod.plural(), "", &own, &why)
    })?;
    if let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("serviceAccountName".to_owned(), json!(name));
        spec.insert("serviceAccount".to_owned(), json!(name));
        if let (None, Some(secrets)) = (spec.get("imagePullSecrets"), account.get("imagePullSecrets")) {
            spec.insert("imagePullSecrets".to_owned(), secrets.clone());
        }
    }
    Ok(account)
}

/// Whether the pod gets the account's token: it decides, else the account, else it does.
fn mounts_token(pod: &Value, account: &Value) -> bool {
    let of_pod = pod.pointer("/spec/automountServiceAccountToken").and_then(Value::as_bool);
    of_pod.or_else(|| account.get("automountServiceAccountToken").and_then(Value::as_bool)).unwrap_or(true)
}

fn add_token(pod: &mut Value, volume: &str) {
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let mut mounted = false;
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(container) = container.as_object_mut() else { continue };
            let mounts = container.entry("volumeMounts").or_insert_with(|| json!([]));
            let Some(mounts) = mounts.as_array_mut() else { continue };
            if mounts.iter().any(|mount| mount.get("mountPath") == Some(&json!(TOKEN_FOLDER))) {
                continue;
            }
            mounts.push(json!({"name": volume, "readOnly": true, "mountPath": TOKEN_FOLDER}));
            mounted = true;
        }
    }
    let volumes = spec.entry("volumes").or_insert_with(|| json!([]));
    let Some(volumes) = volumes.as_array_mut() else { return };
    if mounted && !volumes.iter().any(|other| other.get("name") == Some(&json!(volume))) {
        volumes.push(json!({"name": volume, "projected": {"defaultMode": 0o644, "sources": [
            {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [
                {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
            ]}},
        ]}}));
    }
    if volumes.is_empty() {
        spec.remove("volumes");
    }
}

fn add_priority(pod: &mut Value) {
    if let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) {
        spec.entry("priority").or_insert_with(|| json!(0));
        spec.entry("preemptionPolicy").or_insert_with(|| json!("PreemptLowerPriority"));
    }
}

/// A pod bears a node that is not ready or not reached for five minutes, unless it says otherwise.
fn add_tolerations(pod: &mut Value) {
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    let Some(tolerations) = tolerations.as_array_mut() else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covered = tolerations.iter().any(|toleration| {
            let says = |field: &str, value: &str| {
                let text = toleration.get(field).and_then(Value::as_str).unwrap_or_default();
                text.is_empty() || text == value
            };
            says("key", key) && says("effect", "NoExecute")
        });
        if !covered {
            let toleration = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
            tolerations.push(toleration);
        }
    }
}

/// Five letters of those that Kubernetes makes names of.
fn random_suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let Ok(places) = Uniform::new(0, LETTERS.len()) else { return String::new() };
    let places = places.sample_iter(rand::rng()).take(5);
    places.filter_map(|place| LETTERS.get(place)).map(|letter| char::from(*letter)).collect()
}
