//! From attributes and environment to the settings of both planes. Contacts nobody and reads no file.

use std::str::FromStr;

use tf_provider::AttributePath;

use super::source::{Environment, Source};
use crate::azure;
use crate::clients::{self, PlanChecks};
use crate::error::Error;
use crate::kubernetes;
use crate::value::{self, Known, Value};

/// What a configuration says, as far as it is known.
pub(super) struct Settings {
    /// The settings of Azure, or the attributes that are still unknown.
    pub(super) azure: clients::Known<azure::Config>,
    /// The settings of the cluster, or the attributes that are still unknown.
    pub(super) kubernetes: clients::Known<kubernetes::Settings>,
    /// What a plan may ask beyond reading the state.
    pub(super) plan_checks: PlanChecks,
    /// What is wrong.
    pub(super) errors: Vec<Error>,
}

/// Reads the provider's configuration.
pub(super) fn resolve(config: &Value, environment: Environment<'_>) -> Settings {
    let mut root = Source::new(config, "", environment);
    let mut endpoint = Source::new(value::attribute(config, "endpoint"), "endpoint.", environment);
    let azure = azure(&mut root, &mut endpoint, environment);
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
    errors.extend(endpoint.errors);
    errors.extend(cluster.errors);
    // Some of it may only be known now.
    errors.extend(conflicts(config));
    root.unknown.extend(endpoint.unknown);
    cluster.unknown.extend(exec.unknown);
    let azure = match azure {
        Ok(config) => known(config, root.unknown),
        Err(error) => {
            errors.push(error);
            known(azure::Config::default(), root.unknown)
        }
    };
    Settings { azure, kubernetes: known(kubernetes, cluster.unknown), plan_checks, errors }
}

fn known<T>(settings: T, unknown: Vec<String>) -> clients::Known<T> {
    if unknown.is_empty() { clients::Known::Yes(settings) } else { clients::Known::Not(unknown) }
}

fn azure(
    root: &mut Source<'_>,
    endpoint: &mut Source<'_>,
    environment: Environment<'_>,
) -> Result<azure::Config, Error> {
    let cloud = root.text("environment", &["ARM_ENVIRONMENT"]);
    let cloud = cloud.as_deref().map(azure::Environment::from_str).transpose().map_err(|error| {
        Error::new("The cloud is not known", format!("{error}. It comes from `environment` or ARM_ENVIRONMENT."))
            .at("environment")
    })?;
    let auxiliary_tenant_ids = root.list("auxiliary_tenant_ids", &["ARM_AUXILIARY_TENANT_IDS"], ';');
    if auxiliary_tenant_ids.len() > 3 {
        return Err(Error::new(
            "Too many auxiliary tenants",
            "At most three tenants' tokens can go along with a request.",
        )
        .at("auxiliary_tenant_ids"));
    }
    Ok(azure::Config {
        tenant_id: root.text("tenant_id", &["ARM_TENANT_ID"]),
        subscription_id: root.text("subscription_id", &["ARM_SUBSCRIPTION_ID"]),
        auxiliary_tenant_ids,
        environment: cloud.unwrap_or_default(),
        metadata_host: root.text("metadata_host", &["ARM_METADATA_HOSTNAME"]),
        endpoints: azure::config::Endpoints {
            active_directory_authority_host: endpoint
                .text("active_directory_authority_host", &["ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST"]),
            resource_manager_endpoint: endpoint.text("resource_manager_endpoint", &["ARM_RESOURCE_MANAGER_ENDPOINT"]),
            resource_manager_audience: endpoint.text("resource_manager_audience", &["ARM_RESOURCE_MANAGER_AUDIENCE"]),
            microsoft_graph_endpoint: endpoint.text("microsoft_graph_endpoint", &["ARM_MICROSOFT_GRAPH_ENDPOINT"]),
        },
        disable_instance_discovery: root.flag("disable_instance_discovery", &["ARM_DISABLE_INSTANCE_DISCOVERY"], false),
        client_id: root.text("client_id", &["ARM_CLIENT_ID"]),
        client_id_file_path: root.text("client_id_file_path", &["ARM_CLIENT_ID_FILE_PATH"]),
        client_secret: root.secret("client_secret", &["ARM_CLIENT_SECRET"]),
        client_secret_file_path: root.text("client_secret_file_path", &["ARM_CLIENT_SECRET_FILE_PATH"]),
        client_certificate: root.secret("client_certificate", &["ARM_CLIENT_CERTIFICATE"]),
        client_certificate_path: root.text("client_certificate_path", &["ARM_CLIENT_CERTIFICATE_PATH"]),
        client_certificate_password: root.secret("client_certificate_password", &["ARM_CLIENT_CERTIFICATE_PASSWORD"]),
        use_oidc: root.flag("use_oidc", &["ARM_USE_OIDC"], false),
        oidc_token: root.secret("oidc_token", &["ARM_OIDC_TOKEN"]),
        oidc_token_file_path: root.text("oidc_token_file_path", &["ARM_OIDC_TOKEN_FILE_PATH"]),
        oidc_request_token: root.secret(
            "oidc_request_token",
            &["ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN"],
        ),
        oidc_request_url: root.text(
            "oidc_request_url",
            &["ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"],
        ),
        ado_pipeline_service_connection_id: root.text(
            "ado_pipeline_service_connection_id",
            &[
                "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID",
                "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",
                "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
            ],
        ),
        use_aks_workload_identity: root.flag("use_aks_workload_identity", &["ARM_USE_AKS_WORKLOAD_IDENTITY"], false),
        aks_workload: azure::config::AksWorkload {
            client_id: environment("AZURE_CLIENT_ID"),
            tenant_id: environment("AZURE_TENANT_ID"),
            token_file: environment("AZURE_FEDERATED_TOKEN_FILE"),
        },
        use_msi: root.flag("use_msi", &["ARM_USE_MSI"], false),
        msi_endpoint: root.text("msi_endpoint", &["ARM_MSI_ENDPOINT"]),
        msi_api_version: root.text("msi_api_version", &["ARM_MSI_API_VERSION"]),
        use_cli: root.flag("use_cli", &["ARM_USE_CLI"], true),
        disable_correlation_request_id: root.flag(
            "disable_correlation_request_id",
            &["ARM_DISABLE_CORRELATION_REQUEST_ID"],
            false,
        ),
        correlation_request_id: environment("ARM_CORRELATION_REQUEST_ID"),
        user_agent_suffix: environment("AZURE_HTTP_USER_AGENT"),
        patience: patience(environment),
    })
}

/// What else says where a cluster is or how to sign in to it, and so contradicts `cluster_id`.
const BESIDE_CLUSTER_ID: [&str; 15] = [
    "host",
    "config_path",
    "config_paths",
    "config_context",
    "config_context_auth_info",
    "config_context_cluster",
    "token",
    "username",
    "password",
    "client_certificate",
    "client_key",
    "cluster_ca_certificate",
    "insecure",
    "in_cluster_config",
    "exec",
];

/// An error on each attribute of the `kubernetes` block that contradicts `cluster_id`. What is unknown may still become null.
pub(super) fn conflicts(config: &Value) -> Vec<Error> {
    let block = value::attribute(config, "kubernetes");
    if value::as_str(value::attribute(block, "cluster_id")).is_none_or(str::is_empty) {
        return Vec::new();
    }
    let is_set = |name: &str| match value::attribute(block, name) {
        Value::Value(Known::Bool(flag)) => *flag,
        Value::Value(Known::String(text)) => !text.is_empty(),
        other => other.is_value(),
    };
    let error = |name: &str| {
        Error::new(
            format!("cluster_id and {name} exclude each other"),
            format!(
                "With `cluster_id` the way to the cluster comes from Azure. Remove `{name}`, or remove `cluster_id` and describe the \
                 connection yourself. Only `proxy_url` and `tls_server_name` go with it."
            ),
        )
        .at_path(AttributePath::new("kubernetes").attribute(name.to_owned()))
    };
    BESIDE_CLUSTER_ID.into_iter().filter(|name| is_set(name)).map(error).collect()
}

#[cfg(feature = "test-clock")]
use super::test_clock::patience;

#[cfg(not(feature = "test-clock"))]
fn patience(_: Environment<'_>) -> azure::Patience {
    azure::Patience::default()
}

fn kubernetes(cluster: &mut Source<'_>, exec: &mut Source<'_>, environment: Environment<'_>) -> kubernetes::Settings {
    if let Some(cluster_id) = cluster.text("cluster_id", &[]) {
        // The environment has no say in what `cluster_id` decides.
        return kubernetes::Settings {
            cluster_id: Some(cluster_id),
            tls_server_name: cluster.text("tls_server_name", &["KUBE_TLS_SERVER_NAME"]),
            proxy_url: cluster.text("proxy_url", &["KUBE_PROXY_URL"]),
            environment: kubernetes::Environment::read(environment),
            ..kubernetes::Settings::default()
        };
    }
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
    // The variable only counts where no attribute says which cluster.
    let cluster_is_given = BESIDE_CLUSTER_ID.iter().any(|name| !value::attribute(cluster.block, name).is_null());
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
        cluster_id: if cluster_is_given { None } else { environment("KUBE_CLUSTER_ID") },
        environment: kubernetes::Environment::read(environment),
    }
}
