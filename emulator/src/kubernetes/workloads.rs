//! The controllers and the node that make something of workloads: a deployment makes a replica set of its template, a
//! replica set makes pods, and a pod runs at once.
//!
//! A pod is made as any client makes it, so the service account and the webhook have their say: a restarted deployment
//! has pods that are injected anew, and one whose pods are refused says so in its status and keeps the old ones.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::kinds::{DEPLOYMENT, Kind, Pod, REPLICA_SET};
use super::verbs::{self, Deletion};
use super::{Context, metadata};

/// The label that tells apart the pods of a deployment's templates.
const HASH_LABEL: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const NODE: &str = "node-1";

/// Brings every workload of the cluster to what is wanted of it.
pub(super) fn tick(context: &mut Context<'_>) {
    for (_, deployment) in context.objects(&DEPLOYMENT, None) {
        let paused = deployment.pointer("/spec/paused") == Some(&json!(true));
        if metadata::text(&deployment, "deletionTimestamp").is_empty() && !paused {
            roll(context, &deployment);
        }
    }
    for (_, set) in context.objects(&REPLICA_SET, None) {
        if metadata::text(&set, "deletionTimestamp").is_empty() {
            let refused = scale(context, &set).err();
            report_set(context, &set, refused.as_deref());
        }
    }
}

/// Starts a pod on the one node there is.
pub(super) fn start(context: &mut Context<'_>, pod: &Value) {
    let now = context.now();
    let mut running = pod.clone();
    let list =
        |name: &str| pod.pointer(&format!("/spec/{name}")).and_then(Value::as_array).cloned().unwrap_or_default();
    let status_of = |container: &Value, state: Value| {
        json!({
            "name": container.get("name"), "image": container.get("image"), "imageID": "", "ready": true,
            "restartCount": 0, "started": true, "state": state, "lastState": {},
        })
    };
    let is_sidecar = |container: &&Value| container.get("restartPolicy") == Some(&json!("Always"));
    let runs = json!({"running": {"startedAt": now}});
    let ended = json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}});
    let first: Vec<Value> = list("initContainers")
        .iter()
        .map(|container| status_of(container, if is_sidecar(&container) { runs.clone() } else { ended.clone() }))
        .collect();
    let rest: Vec<Value> = list("containers").iter().map(|container| status_of(container, runs.clone())).collect();
    let address = address_of(metadata::text(pod, "uid"));
    let condition =
        |kind: &str| json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
    let conditions: Vec<Value> =
        ["Initialized", "Ready", "ContainersReady", "PodScheduled"].into_iter().map(condition).collect();
    if let Some(spec) = running.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("nodeName".to_owned(), json!(NODE));
    }
    if let Some(status) = running.get_mut("status").and_then(Value::as_object_mut) {
        let mut more = json!({
            "phase": "Running", "conditions": conditions, "hostIP": "10.0.0.1", "hostIPs": [{"ip": "10.0.0.1"}],
            "podIP": address, "podIPs": [{"ip": address}], "startTime": now, "containerStatuses": rest,
        });
        if !first.is_empty() {
            put(&mut more, "initContainerStatuses", json!(first));
        }
        if let Some(more) = more.as_object_mut() {
            status.append(more);
        }
    }
    context.write(&Pod, running);
}

/// Deletes what an object that is gone owned.
pub(super) fn collect(context: &mut Context<'_>, owner: &Value) {
    let (namespace, uid) = (metadata::text(owner, "namespace").to_owned(), metadata::text(owner, "uid").to_owned());
    let kinds: [&dyn Kind; 2] = [&REPLICA_SET, &Pod];
    for kind in kinds {
        for object in owned_by(context, kind, &namespace, &uid) {
            // Without preconditions nothing is refused.
            let _ = verbs::delete_object(context, kind, object, &Deletion::default());
        }
    }
}

/// Makes what an object owns its own master.
pub(super) fn orphan(context: &mut Context<'_>, owner: &Value) {
    let (namespace, uid) = (metadata::text(owner, "namespace").to_owned(), metadata::text(owner, "uid").to_owned());
    let kinds: [&dyn Kind; 2] = [&REPLICA_SET, &Pod];
    for kind in kinds {
        for mut object in owned_by(context, kind, &namespace, &uid) {
            metadata::set(&mut object, "ownerReferences", Value::Null);
            context.write(kind, object);
        }
    }
}

/// Makes the replica set of a deployment's template, and empties the others once its pods are there.
fn roll(context: &mut Context<'_>, deployment: &Value) {
    let (namespace, name) = (metadata::text(deployment, "namespace"), metadata::text(deployment, "name"));
    let wanted = deployment.pointer("/spec/replicas").cloned().unwrap_or_else(|| json!(1));
    let hash = hash_of(deployment.pointer("/spec/template").unwrap_or(&Value::Null));
    let sets = owned_by(context, &REPLICA_SET, namespace, metadata::text(deployment, "uid"));
    let is_present = |set: &&Value| set.pointer(&format!("/metadata/labels/{HASH_LABEL}")) == Some(&json!(hash));
    let newest = sets.iter().map(revision_of).max().unwrap_or(0);
    let present = match sets.iter().find(is_present) {
        Some(set) => {
            // A template that is gone back to is the newest one again.
            let revision = if revision_of(set) == newest { newest } else { newest + 1 };
            let mut changed = set.clone();
            metadata::set(&mut changed, "annotations", annotations(deployment, revision));
            let set = verbs::update_object(context, &REPLICA_SET, set, changed, ("", false)).ok();
            set.and_then(|set| set_replicas(context, &set, &wanted))
        }
        None => {
            let set = replica_set(deployment, &format!("{name}-{hash}"), &hash, newest + 1, &wanted);
            verbs::create_object(context, &REPLICA_SET, set, false).ok()
        }
    };
    let Some(present) = present else { return };
    let refused = scale(context, &present).err();
    if refused.is_none() {
        let mut old: Vec<&Value> = sets.iter().filter(|set| !is_present(set)).collect();
        old.sort_by_key(|set| std::cmp::Reverse(revision_of(set)));
        for set in &old {
            if let Some(set) = set_replicas(context, set, &json!(0)) {
                // Taking pods away is never refused.
                let _ = scale(context, &set);
            }
        }
        let kept = deployment.pointer("/spec/revisionHistoryLimit").and_then(Value::as_u64).unwrap_or(10);
        for set in old.into_iter().skip(usize::try_from(kept).unwrap_or(usize::MAX)) {
            // Without preconditions nothing is refused.
            let _ = verbs::delete_object(context, &REPLICA_SET, set.clone(), &Deletion::default());
        }
    }
    report(context, deployment, &present, refused.as_deref());
}

/// A replica set with this number of pods wanted.
fn set_replicas(context: &mut Context<'_>, set: &Value, wanted: &Value) -> Option<Value> {
    if set.pointer("/spec/replicas") == Some(wanted) {
        return Some(set.clone());
    }
    let mut changed = set.clone();
    changed.get_mut("spec")?.as_object_mut()?.insert("replicas".to_owned(), wanted.clone());
    verbs::update_object(context, &REPLICA_SET, set, changed, ("", false)).ok()
}

fn replica_set(deployment: &Value, name: &str, hash: &str, revision: i64, wanted: &Value) -> Value {
    let mut template = deployment.pointer("/spec/template").cloned().unwrap_or(Value::Null);
    let mut selector = deployment.pointer("/spec/selector").cloned().unwrap_or(Value::Null);
    let mut labels = template.pointer("/metadata/labels").cloned().unwrap_or_else(|| json!({}));
    for map in [labels.as_object_mut(), selector.get_mut("matchLabels").and_then(Value::as_object_mut)] {
        map.and_then(|map| map.insert(HASH_LABEL.to_owned(), json!(hash)));
    }
    metadata::set(&mut template, "labels", labels.clone());
    let metadata = json!({
        "name": name, "namespace": metadata::text(deployment, "namespace"), "labels": labels,
        "annotations": annotations(deployment, revision), "ownerReferences": [owner(&DEPLOYMENT, deployment)],
    });
    json!({
        "kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": metadata,
        "spec": {"replicas": wanted, "selector": selector, "template": template},
    })
}

/// A replica set's annotations: its deployment's, such as the cause of a change that `kubectl rollout history` shows.
fn annotations(deployment: &Value, revision: i64) -> Value {
    let mut annotations = deployment.pointer("/metadata/annotations").cloned().unwrap_or_else(|| json!({}));
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    put(&mut annotations, REVISION, json!(revision.to_string()));
    annotations
}

/// Makes or deletes pods until a replica set has as many as it wants.
///
/// # Errors
/// With why a pod was refused.
fn scale(context: &mut Context<'_>, set: &Value) -> Result<(), String> {
    let (namespace, name) = (metadata::text(set, "namespace"), metadata::text(set, "name"));
    let wanted = set.pointer("/spec/replicas").and_then(Value::as_u64).and_then(|it| usize::try_from(it).ok());
    let wanted = wanted.unwrap_or(0);
    let pods = owned_by(context, &Pod, namespace, metadata::text(set, "uid"));
    for pod in pods.iter().skip(wanted) {
        // Without preconditions nothing is refused.
        let _ = verbs::delete_object(context, &Pod, pod.clone(), &Deletion::default());
    }
    let template = set.pointer("/spec/template").cloned().unwrap_or(Value::Null);
    for _ in pods.len()..wanted {
        let mut metadata = template.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        metadata.insert("generateName".to_owned(), json!(format!("{name}-")));
        metadata.insert("namespace".to_owned(), json!(namespace));
        metadata.insert("ownerReferences".to_owned(), json!([owner(&REPLICA_SET, set)]));
        let mut pod = json!({
            "kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": template.get("spec"), "status": {},
        });
        Pod.default(&mut pod);
        verbs::create_object(context, &Pod, pod, false).map_err(|status| status.message().to_owned())?;
    }
    Ok(())
}

fn report_set(context: &mut Context<'_>, set: &Value, refused: Option<&str>) {
    let Some(live) =
        context.object(&REPLICA_SET, metadata::text(set, "namespace"), metadata::text(set, "name")).cloned()
    else {
        return;
    };
    let pods = owned_by(context, &Pod, metadata::text(set, "namespace"), metadata::text(set, "uid")).len();
    let mut status = json!({"replicas": pods, "observedGeneration": live.pointer("/metadata/generation")});
    if pods > 0 {
        for field in ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] {
            put(&mut status, field, json!(pods));
        }
    }
    if let Some(why) = refused {
        let condition = failure(&live, why, &context.now(), "lastTransitionTime");
        put(&mut status, "conditions", json!([condition]));
    }
    write_status(context, &REPLICA_SET, live, status);
}

fn report(context: &mut Context<'_>, deployment: &Value, set: &Value, refused: Option<&str>) {
    let (namespace, uid) = (metadata::text(deployment, "namespace"), metadata::text(deployment, "uid"));
    let mut ready = 0;
    for set in owned_by(context, &REPLICA_SET, namespace, uid) {
        ready += owned_by(context, &Pod, namespace, metadata::text(&set, "uid")).len();
    }
    let updated = owned_by(context, &Pod, namespace, metadata::text(set, "uid")).len();
    let wanted = deployment.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(0);
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let now = context.now();
    let condition = |kind: &str, holds: bool, reason: &str, message: String| {
        let status = if holds { "True" } else { "False" };
        let before = before(deployment, kind).filter(|before| before.get("status") == Some(&json!(status)));
        let at = |field: &str| before.and_then(|before| before.get(field)).cloned().unwrap_or_else(|| json!(now));
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastUpdateTime": at("lastUpdateTime"), "lastTransitionTime": at("lastTransitionTime"),
        })
    };
    let name = metadata::text(set, "name");
    let available = ready >= wanted;
    let (reason, has) =
        if available { ("MinimumReplicasAvailable", "has") } else { ("MinimumReplicasUnavailable", "does not have") };
    let mut conditions =
        vec![condition("Available", available, reason, format!("Deployment {has} minimum availability."))];
    conditions.push(match refused {
        None => {
            let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
            condition("Progressing", true, "NewReplicaSetAvailable", message)
        }
        Some(_) => {
            condition("Progressing", true, "ReplicaSetUpdated", format!("ReplicaSet \"{name}\" is progressing."))
        }
    });
    conditions.extend(refused.map(|why| failure(deployment, why, &now, "lastUpdateTime")));
    let counts = [
        ("observedGeneration", deployment.pointer("/metadata/generation").and_then(Value::as_u64).unwrap_or(0)),
        ("replicas", ready as u64),
        ("updatedReplicas", updated as u64),
        ("readyReplicas", ready as u64),
        ("availableReplicas", ready as u64),
        ("unavailableReplicas", wanted.saturating_sub(ready) as u64),
    ];
    let mut status = Map::new();
    for (field, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        status.insert(field.to_owned(), json!(count));
    }
    status.insert("conditions".to_owned(), json!(conditions));
    let Some(mut live) = context.object(&DEPLOYMENT, namespace, metadata::text(deployment, "name")).cloned() else {
        return;
    };
    let mut annotations = live.pointer("/metadata/annotations").cloned().unwrap_or_else(|| json!({}));
    put(&mut annotations, REVISION, json!(revision_of(set).to_string()));
    metadata::set(&mut live, "annotations", annotations);
    write_status(context, &DEPLOYMENT, live, Value::Object(status));
}

/// A condition that a deployment has already.
fn before<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|condition| condition.get("type") == Some(&json!(kind)))
}

/// The condition of a workload whose pods are refused.
fn failure(object: &Value, why: &str, now: &str, update: &str) -> Value {
    let mut condition = json!({
        "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": why,
        "lastTransitionTime": now, update: now,
    });
    if let Some(before) = before(object, "ReplicaFailure")
        && before.get("message") == condition.get("message")
    {
        condition = before.clone();
    }
    condition
}

/// Writes a status, unless it says so already.
fn write_status(context: &mut Context<'_>, kind: &dyn Kind, mut object: Value, status: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert("status".to_owned(), status);
    }
    let live = context.object(kind, metadata::text(&object, "namespace"), metadata::text(&object, "name"));
    if live != Some(&object) {
        context.write(kind, object);
    }
}

fn owned_by(context: &Context<'_>, kind: &dyn Kind, namespace: &str, uid: &str) -> Vec<Value> {
    let is_owned = |object: &Value| {
        let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        owners.into_iter().flatten().any(|owner| owner.get("uid") == Some(&json!(uid)))
    };
    context.objects(kind, Some(namespace)).into_iter().map(|(_, object)| object).filter(is_owned).collect()
}

fn owner(kind: &dyn Kind, object: &Value) -> Value {
    json!({
        "apiVersion": kind.api_version(), "kind": kind.kind(), "name": metadata::text(object, "name"),
        "uid": metadata::text(object, "uid"), "controller": true, "blockOwnerDeletion": true,
    })
}

fn put(object: &mut Value, field: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(field.to_owned(), value);
    }
}

fn revision_of(set: &Value) -> i64 {
    let revision = set.get("metadata").and_then(|metadata| metadata.get("annotations")?.get(REVISION)?.as_str());
    revision.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn hash_of(template: &Value) -> String {
    Sha256::digest(template.to_string()).iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// An address of the pods' network, always the same for the same pod.
fn address_of(uid: &str) -> String {
    let digest = Sha256::digest(uid);
    let byte = |at: usize| digest.get(at).copied().unwrap_or(1).clamp(1, 254);
    format!("10.244.{}.{}", byte(0), byte(1))
}
