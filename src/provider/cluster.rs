//! The settings of the cluster.

use super::source::{Environment, Source};
use crate::error::Error;
use crate::kubernetes;

/// Whatever signs in to a cluster.
const CREDENTIALS: [&str; 4] = ["token", "username", "client_certificate", "exec"];

/// Takes back the variables that cannot apply beside the rest, beyond what each attribute says of itself.
pub(super) fn ignore_what_cannot_apply(cluster: &mut Source<'_>) {
    // As in the kubernetes provider, one path comes before several.
    if cluster.has("config_path") {
        cluster.ignore_variables(&["config_paths"]);
    }
    // A host with a credential needs no kubeconfig, and one of the environment may well be of another cluster.
    if cluster.is_configured("host") && CREDENTIALS.iter().any(|name| cluster.is_configured(name)) {
        cluster.ignore_variables(&["config_path", "config_paths"]);
    }
    if !cluster.has("config_path") && !cluster.has("config_paths") {
        cluster.ignore_variables(&["config_context", "config_context_auth_info", "config_context_cluster"]);
    }
}

/// The settings that the block and the environment amount to.
pub(super) fn settings(
    cluster: &Source<'_>,
    exec: &Source<'_>,
    environment: Environment<'_>,
) -> Result<kubernetes::Settings, Error> {
    let (command, api_version) = (exec.text("command"), exec.text("api_version"));
    let plugin = cluster.is_configured("exec").then(|| kubernetes::Exec {
        api_version: api_version.unwrap_or_default(),
        command: command.unwrap_or_default(),
        args: exec.list("args"),
        env: exec.map("env"),
    });
    Ok(kubernetes::Settings {
        host: cluster.text("host"),
        username: cluster.text("username"),
        password: cluster.text("password"),
        insecure: cluster.flag("insecure"),
        tls_server_name: cluster.text("tls_server_name"),
        client_certificate: cluster.text("client_certificate"),
        client_key: cluster.text("client_key"),
        cluster_ca_certificate: cluster.text("cluster_ca_certificate"),
        config_path: cluster.text("config_path"),
        config_paths: cluster.list("config_paths"),
        config_context: cluster.text("config_context"),
        config_context_auth_info: cluster.text("config_context_auth_info"),
        config_context_cluster: cluster.text("config_context_cluster"),
        token: cluster.text("token"),
        proxy_url: cluster.text("proxy_url"),
        exec: plugin,
        in_cluster_config: cluster.flag("in_cluster_config").unwrap_or(false),
        cluster_id: cluster.text("cluster_id"),
        environment: kubernetes::Environment::read(environment),
        origins: cluster.origins.clone(),
    })
}
