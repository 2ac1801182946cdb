//! From attributes and environment to the settings of both planes. Contacts nobody and reads no file.

use super::source::{Environment, Source};
use crate::error::Error;
use crate::kubernetes;
use crate::value::{self, Value};

/// What a configuration says, as far as it is known.
pub(super) struct Settings {
    /// The settings of the cluster, or the attributes that are still unknown.
    pub(super) kubernetes: Known<kubernetes::Settings>,
    /// What a plan may ask beyond reading the state.
    pub(super) plan_checks: PlanChecks,
    /// What is wrong.
    pub(super) errors: Vec<Error>,
}

/// Settings, or the names of the attributes that keep them from being known.
#[derive(Debug, Clone)]
pub enum Known<T> {
    /// All is known.
    Yes(T),
    /// These attributes are not.
    Not(Vec<String>),
}

/// The provider's attribute `plan_checks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlanChecks {
    /// Check what can be checked.
    #[default]
    Auto,
    /// Check nothing.
    Off,
    /// A check that cannot be made is an error.
    Required,
}

/// Reads the provider's configuration.
pub(super) fn resolve(config: &Value, environment: Environment<'_>) -> Settings {
    let mut root = Source::new(config, "", environment);
    let plan_checks = match root.text("plan_checks", &[]).as_deref() {
        Some("off") => PlanChecks::Off,
        Some("required") => PlanChecks::Required,
        _ => PlanChecks::Auto,
    };
    let block = value::attribute(config, "kubernetes");
    let mut cluster = Source::new(block, "kubernetes.", environment);
    let mut exec = Source::new(value::attribute(block, "exec"), "kubernetes.exec.", environment);
    let kubernetes = kubernetes(&mut cluster, &mut exec, environment);
    let mut errors = root.errors;
    errors.extend(cluster.errors);
    cluster.unknown.extend(exec.unknown);
    Settings { kubernetes: known(kubernetes, cluster.unknown), plan_checks, errors }
}

fn known<T>(settings: T, unknown: Vec<String>) -> Known<T> {
    if unknown.is_empty() { Known::Yes(settings) } else { Known::Not(unknown) }
}

fn kubernetes(cluster: &mut Source<'_>, exec: &mut Source<'_>, environment: Environment<'_>) -> kubernetes::Settings {
    let config_path = cluster.text("config_path", &[]);
    let config_paths = cluster.list("config_paths", &[], ':');
    // The variables for paths stand in only where neither attribute says where the kubeconfig is.
    let open = config_path.is_none() && config_paths.is_empty() && cluster.unknown.is_empty();
    let config_path =
        config_path.or_else(|| if open { cluster.text("config_path", &["KUBE_CONFIG_PATH"]) } else { None });
    let config_paths = if open && config_path.is_none() {
        environment("KUBE_CONFIG_PATHS")
            .map(|paths| std::env::split_paths(&paths).map(|path| path.to_string_lossy().into_owned()).collect())
            .unwrap_or_default()
    } else {
        config_paths
    };
    let command = exec.text("command", &[]);
    let api_version = exec.text("api_version", &[]);
    let (args, variables) = (exec.list("args", &[], ' '), exec.map("env"));
    let plugin = (command.is_some() || api_version.is_some()).then(|| kubernetes::Exec {
        api_version: api_version.unwrap_or_default(),
        command: command.unwrap_or_default(),
        args,
        env: variables.into_iter().collect(),
    });
    kubernetes::Settings {
        host: cluster.text("host", &["KUBE_HOST"]),
        username: cluster.text("username", &["KUBE_USER"]),
        password: cluster.text("password", &["KUBE_PASSWORD"]),
        insecure: Some(cluster.flag("insecure", &["KUBE_INSECURE"], false)),
        tls_server_name: cluster.text("tls_server_name", &["KUBE_TLS_SERVER_NAME"]),
        client_certificate: cluster.text("client_certificate", &["KUBE_CLIENT_CERT_DATA"]),
        client_key: cluster.text("client_key", &["KUBE_CLIENT_KEY_DATA"]),
        cluster_ca_certificate: cluster.text("cluster_ca_certificate", &["KUBE_CLUSTER_CA_CERT_DATA"]),
        config_path,
        config_paths,
        config_context: cluster.text("config_context", &["KUBE_CTX"]),
        config_context_auth_info: cluster.text("config_context_auth_info", &["KUBE_CTX_AUTH_INFO"]),
        config_context_cluster: cluster.text("config_context_cluster", &["KUBE_CTX_CLUSTER"]),
        token: cluster.text("token", &["KUBE_TOKEN"]),
        proxy_url: cluster.text("proxy_url", &["KUBE_PROXY_URL"]),
        exec: plugin,
        in_cluster_config: cluster.flag("in_cluster_config", &[], false),
        environment: kubernetes::Environment::read(environment),
    }
}
