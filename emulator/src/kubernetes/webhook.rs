//! The workload identity webhook: what it adds to a pod that is labelled for it, and what it refuses.
//!
//! As version 1.6.0 does, whose answers were recorded from a real API server. It looks at a pod only when it is made: a
//! later change of the service account reaches a pod that is there only when it is made again.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cluster::Cluster;
use super::go;
use super::status::Status;

/// What the keys of all its labels and annotations begin with.
const PREFIX: &str = "azure.workload.identity/";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const FOLDER: &str = "/var/run/secrets/azure/wi";
const TOKEN_FILE: &str = "token/azure-identity-token";
const DEFAULT_SECONDS: i64 = 3600;
const SECONDS: std::ops::RangeInclusive<i64> = 3600..=86400;
const DEFAULT_PORT: i64 = 8000;
const PROXY_IMAGE: &str = "mcr.microsoft.com/oss/v2/azure/workload-identity/proxy:v1.6.0";
const PROXY_INIT_IMAGE: &str = "mcr.microsoft.com/oss/v2/azure/workload-identity/proxy-init:v1.6.0";

/// Whether the webhook is asked about this pod.
pub(super) fn chooses(pod: &Value) -> bool {
    entry(pod, "labels", "use") == Some("true")
}

/// Adds to a new pod what lets it sign in as its service account.
///
/// # Errors
/// 400 for an expiration that is none or out of range, and for a proxy that cannot be.
pub(super) fn inject(cluster: &Cluster, account: &Value, pod: &mut Value) -> Result<(), Status> {
    let seconds = expiration(account, pod)?;
    let of_account = |key: &str| entry(account, "annotations", key).filter(|value| !value.is_empty());
    let variables: Vec<(&str, String)> = [
        ("AZURE_CLIENT_ID", of_account("client-id").unwrap_or_default().to_owned()),
        ("AZURE_TENANT_ID", of_account("tenant-id").unwrap_or(cluster.tenant()).to_owned()),
        ("AZURE_FEDERATED_TOKEN_FILE", format!("{FOLDER}/{TOKEN_FILE}")),
        ("AZURE_AUTHORITY_HOST", cluster.authority().to_owned()),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .collect();
    let volume = volume_name(pod);
    let skipped: Vec<String> = entry(pod, "annotations", "skip-containers")
        .map(|list| list.split(';').map(|name| name.trim().to_owned()).collect())
        .unwrap_or_default();
    if entry(pod, "annotations", "inject-proxy-sidecar").is_some() {
        add_proxy(pod)?;
    }
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return Ok(()) };
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
            if !skipped.iter().any(|skipped| skipped == name) {
                add_to_container(container, &variables, &volume);
            }
        }
    }
    let token = json!({"audience": AUDIENCE, "expirationSeconds": seconds, "path": TOKEN_FILE});
    let projected = json!({"sources": [{"serviceAccountToken": token}]});
    if let Some(volumes) = spec.entry("volumes").or_insert_with(|| json!([])).as_array_mut()
        && !volumes.iter().any(|other| other.get("name") == Some(&json!(volume)))
    {
        volumes.push(json!({"name": volume, "projected": projected}));
    }
    Ok(())
}

/// How long the token is to last: what the pod says, else its account.
fn expiration(account: &Value, pod: &Value) -> Result<i64, Status> {
    let key = "service-account-token-expiration";
    let Some(text) = entry(pod, "annotations", key).or_else(|| entry(account, "annotations", key)) else {
        return Ok(DEFAULT_SECONDS);
    };
    let seconds = parse(text).map_err(|why| Status::denied_by_webhook(&why))?;
    if SECONDS.contains(&seconds) {
        return Ok(seconds);
    }
    let (least, most) = (SECONDS.start(), SECONDS.end());
    let why = format!("token expiration {seconds} not valid. Expected value to be between {least} and {most}");
    Err(Status::denied_by_webhook(&why))
}

/// Reads a number as Go does, and complains as Go does.
fn parse(text: &str) -> Result<i64, String> {
    text.parse().map_err(|error: std::num::ParseIntError| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let what = match error.kind() {
            PosOverflow | NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.ParseInt: parsing {}: {what}", go::quote(text))
    })
}

/// The name of the token's volume, after the pod's. A pod whose name is generated has none yet when it is admitted.
fn volume_name(pod: &Value) -> String {
    let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let digest: String = Sha256::digest(name).iter().take(15).map(|byte| format!("{byte:02x}")).collect();
    format!("azure-workload-identity-reserved-{digest}")
}

fn add_to_container(container: &mut Value, variables: &[(&str, String)], volume: &str) {
    let Some(container) = container.as_object_mut() else { return };
    if let Some(env) = container.entry("env").or_insert_with(|| json!([])).as_array_mut() {
        for (name, value) in variables {
            if !env.iter().any(|variable| variable.get("name") == Some(&json!(name))) {
                env.push(json!({"name": name, "value": value}));
            }
        }
    }
    if let Some(mounts) = container.entry("volumeMounts").or_insert_with(|| json!([])).as_array_mut()
        && !mounts.iter().any(|mount| mount.get("mountPath") == Some(&json!(FOLDER)))
    {
        mounts.push(json!({"name": volume, "readOnly": true, "mountPath": FOLDER}));
    }
}

/// Puts a proxy before the instance metadata service. The annotation asks for it whatever its value.
fn add_proxy(pod: &mut Value) -> Result<(), Status> {
    if pod.pointer("/spec/hostNetwork") == Some(&json!(true)) {
        return Err(Status::denied_by_webhook("hostNetwork is set to true, cannot inject proxy sidecar"));
    }
    let port = match entry(pod, "annotations", "proxy-sidecar-port") {
        None => DEFAULT_PORT,
        Some(text) => parse(text)
            .map_err(|why| Status::denied_by_webhook(&format!("failed to parse proxy sidecar port: {why}")))?,
    };
    let argument = format!("--proxy-port={port}");
    let proxy = json!({
        "name": "azwi-proxy", "image": PROXY_IMAGE, "imagePullPolicy": "IfNotPresent", "restartPolicy": "Always",
        "args": [argument, "--log-level=info"], "ports": [{"containerPort": port}], "resources": {},
        "lifecycle": {"postStart": {"exec": {"command": ["/proxy", argument, "--probe", "--log-level=info"]}}},
        "securityContext": {
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "privileged": false,
            "readOnlyRootFilesystem": true, "runAsNonRoot": true,
        },
    });
    let init = json!({
        "name": "azwi-proxy-init", "image": PROXY_INIT_IMAGE, "imagePullPolicy": "IfNotPresent", "resources": {},
        "env": [{"name": "PROXY_PORT", "value": port.to_string()}],
        "securityContext": {
            "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "privileged": true, "runAsNonRoot": false,
            "runAsUser": 0,
        },
    });
    if let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut)
        && let Some(list) = spec.entry("initContainers").or_insert_with(|| json!([])).as_array_mut()
    {
        list.splice(0..0, [proxy, init]);
    }
    Ok(())
}

/// The value of one of the webhook's labels or annotations.
fn entry<'a>(object: &'a Value, map: &str, key: &str) -> Option<&'a str> {
    object.get("metadata")?.get(map)?.get(format!("{PREFIX}{key}"))?.as_str()
}
