//! What a pod's spec is filled in with where its author left it out, as the API server does before it looks at ownership.

use serde_json::{Map, Value, json};

/// Mode 0644, in which files of a volume are made.
const FILE_MODE: i64 = 0o644;
const TOKEN_SECONDS: i64 = 3600;

/// Fills in the spec of a pod or of a template.
pub(super) fn fill(spec: &mut Value) {
    let Some(spec) = spec.as_object_mut() else { return };
    set(spec, "restartPolicy", json!("Always"));
    set(spec, "terminationGracePeriodSeconds", json!(30));
    set(spec, "dnsPolicy", json!("ClusterFirst"));
    set(spec, "securityContext", json!({}));
    set(spec, "schedulerName", json!("default-scheduler"));
    mirror_account(spec);
    let uses_host_ports = spec.get("hostNetwork") == Some(&json!(true));
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            fill_container(container, uses_host_ports);
        }
    }
    for volume in spec.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        fill_volume(volume);
    }
}

/// The account has two fields, of which the older follows the newer.
pub(super) fn mirror_account(spec: &mut Map<String, Value>) {
    if let Some(name) = spec.get("serviceAccountName").or_else(|| spec.get("serviceAccount")).cloned() {
        spec.insert("serviceAccountName".to_owned(), name.clone());
        spec.insert("serviceAccount".to_owned(), name);
    }
}

fn fill_container(container: &mut Value, uses_host_ports: bool) {
    let Some(container) = container.as_object_mut() else { return };
    set(container, "terminationMessagePath", json!("/dev/termination-log"));
    set(container, "terminationMessagePolicy", json!("File"));
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let policy = if is_latest(image) { "Always" } else { "IfNotPresent" };
    set(container, "imagePullPolicy", json!(policy));
    for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(port) = port.as_object_mut() else { continue };
        set(port, "protocol", json!("TCP"));
        if uses_host_ports && let Some(number) = port.get("containerPort").cloned() {
            set(port, "hostPort", number);
        }
    }
    for variable in container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef").and_then(Value::as_object_mut) {
            set(field, "apiVersion", json!("v1"));
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(probe).and_then(Value::as_object_mut) else { continue };
        for (field, value) in [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1)] {
            set(probe, field, json!(value));
        }
        set(probe, "failureThreshold", json!(3));
        if let Some(get) = probe.get_mut("httpGet").and_then(Value::as_object_mut) {
            set(get, "path", json!("/"));
            set(get, "scheme", json!("HTTP"));
        }
    }
}

/// Whether an image may change under its name: it has the tag `latest`, or neither tag nor digest.
fn is_latest(image: &str) -> bool {
    let (named, digest) = image.split_once('@').map_or((image, false), |(named, _)| (named, true));
    let last = named.rsplit('/').next().unwrap_or_default();
    match last.split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => !digest,
    }
}

fn fill_volume(volume: &mut Value) {
    let Some(volume) = volume.as_object_mut() else { return };
    if volume.keys().all(|key| key == "name") {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = volume.get_mut(source).and_then(Value::as_object_mut) {
            set(source, "defaultMode", json!(FILE_MODE));
        }
    }
    let sources = volume.get_mut("projected").and_then(|projected| projected.get_mut("sources"));
    for source in sources.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(token) = source.get_mut("serviceAccountToken").and_then(Value::as_object_mut) {
            set(token, "expirationSeconds", json!(TOKEN_SECONDS));
        }
    }
}

/// Sets a field that is not there.
pub(super) fn set(object: &mut Map<String, Value>, field: &str, value: Value) {
    if !object.contains_key(field) {
        object.insert(field.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_tag_or_with_latest_is_always_pulled() {
        for image in ["nginx", "nginx:latest", "registry.example:5000/nginx"] {
            assert!(is_latest(image), "{image}");
        }
        for image in ["nginx:1.29", "registry.example:5000/nginx:1", "nginx@sha256:0123"] {
            assert!(!is_latest(image), "{image}");
        }
    }
}
