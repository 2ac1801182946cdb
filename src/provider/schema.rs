//! The provider's attributes: azurerm's names for Azure, the kubernetes provider's for the cluster.
//!
//! An attribute states its environment variables, what contradicts it and what it needs; `resolve.rs` and the documentation
//! work from that.

use super::checks;
use crate::azure;
use crate::kubernetes::forms;
use crate::schema::{Attribute, Block, Schema, boolean, list_of_text, map_of_text, optional, text};

/// Where a list of paths in a variable is split, as `PATH` is.
const PATH_SEPARATOR: char = if cfg!(windows) { ';' } else { ':' };

/// The provider's schema.
pub(super) fn schema() -> Schema {
    let mut schema = Schema::new(
        "Manages Microsoft Entra Workload ID on Kubernetes: managed identities, federated identity credentials, annotated \
         service accounts and role assignments. Both planes are optional, and nothing is contacted before it is needed.",
        azure(),
    );
    schema.block.blocks.push(Block::named(
        "endpoint",
        "Endpoints that replace those of the cloud, each alone. For `environment = \"custom\"`, and for private clouds.",
        endpoints(),
    ));
    schema.block.blocks.push(
        Block::named(
            "kubernetes",
            "The cluster whose service accounts are managed. Without this block, and without the environment variables that \
             stand in for its attributes, no cluster is configured: the provider never falls back to localhost, and never to \
             the service account of the pod it runs in unless `in_cluster_config` says so. `KUBECONFIG` is not read.",
            kubernetes(),
        )
        .with(Block::named(
            "exec",
            "A command that prints credentials (`ExecCredential`), as in a kubeconfig.",
            vec![
                optional("api_version", text(), "The version that the command speaks, such as `client.authentication.k8s.io/v1`. Needed in this block."),
                optional("command", text(), "The command. Needed in this block."),
                optional("args", list_of_text(), "Its arguments."),
                optional("env", map_of_text(), "Its environment, in addition to this process's."),
            ],
        )),
    );
    schema
}

fn azure() -> Vec<Attribute> {
    vec![
        optional("subscription_id", text(), "The ID of the subscription used where a resource names none. Defaults to the Azure CLI's default subscription if the CLI signs in.")
            .env(&["ARM_SUBSCRIPTION_ID"])
            .check(checks::subscription),
        optional("tenant_id", text(), "The tenant to sign in to: its ID or one of its domain names.").env(&["ARM_TENANT_ID"]).check(checks::tenant),
        optional("auxiliary_tenant_ids", list_of_text(), "Up to three other tenants whose tokens go along with each request. The variable is split at `;`.")
            .env(&["ARM_AUXILIARY_TENANT_IDS"])
            .split_at(';')
            .check(checks::tenant)
            .check_value(checks::three_tenants),
        optional("environment", text(), "The cloud: `public`, `usgovernment`, `china`, or `custom` with the `endpoint` block. Defaults to `public`.")
            .env(&["ARM_ENVIRONMENT"])
            .check(checks::unless_empty(|name| name.parse::<azure::Environment>().map(drop))),
        optional("metadata_host", text(), "A host that describes its cloud at `/metadata/endpoints`.")
            .env(&["ARM_METADATA_HOSTNAME"])
            .check(checks::unless_empty(azure::cloud::check_metadata_host)),
        optional("client_id", text(), "The client ID of the application, or of the user-assigned identity, to sign in as.")
            .env(&["ARM_CLIENT_ID"])
            .yields_to(&["client_id_file_path"])
            .check(checks::client),
        optional("client_id_file_path", text(), "A file that holds the client ID.").env(&["ARM_CLIENT_ID_FILE_PATH"]).yields_to(&["client_id"]),
        optional("client_secret", text(), "The application's secret.").env(&["ARM_CLIENT_SECRET"]).yields_to(&["client_secret_file_path"]).sensitive(),
        optional("client_secret_file_path", text(), "A file that holds the secret.").env(&["ARM_CLIENT_SECRET_FILE_PATH"]).yields_to(&["client_secret"]),
        optional("client_certificate", text(), "The application's certificate and key: a PKCS#12 bundle in base64.")
            .env(&["ARM_CLIENT_CERTIFICATE"])
            .conflicts_with(&["client_certificate_path"])
            .sensitive(),
        optional("client_certificate_path", text(), "A file with that PKCS#12 bundle.").env(&["ARM_CLIENT_CERTIFICATE_PATH"]),
        optional("client_certificate_password", text(), "The bundle's password.").env(&["ARM_CLIENT_CERTIFICATE_PASSWORD"]).verbatim().sensitive(),
        optional("use_oidc", boolean(), "Whether to sign in with a token of another issuer (GitHub Actions, Azure DevOps, GitLab, …). Defaults to false.")
            .env(&["ARM_USE_OIDC"]),
        optional("oidc_token", text(), "That token itself.")
            .env(&["ARM_OIDC_TOKEN"])
            .yields_to(&["oidc_token_file_path", "ado_pipeline_service_connection_id", "oidc_request_url"])
            .check(checks::token)
            .sensitive(),
        optional("oidc_token_file_path", text(), "A file that holds the token; it is read again for each sign-in.")
            .env(&["ARM_OIDC_TOKEN_FILE_PATH"])
            .yields_to(&["oidc_token", "ado_pipeline_service_connection_id", "oidc_request_url"]),
        optional("oidc_request_token", text(), "The token that entitles this run to request one. The second variable is GitHub's, the third that of Azure DevOps.")
            .env(&["ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN"])
            .check(checks::token)
            .sensitive(),
        optional("oidc_request_url", text(), "The URL to request a token from. The second variable is GitHub's, the third that of Azure DevOps.")
            .env(&["ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"])
            .check(checks::http_url),
        optional("ado_pipeline_service_connection_id", text(), "The service connection of an Azure DevOps pipeline.")
            .env(&["ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"]),
        optional("use_aks_workload_identity", boolean(), "Whether to sign in as the service account of the pod that this runs in, by what the workload identity webhook put there (`AZURE_CLIENT_ID`, `AZURE_TENANT_ID`, `AZURE_FEDERATED_TOKEN_FILE`). Defaults to false.")
            .env(&["ARM_USE_AKS_WORKLOAD_IDENTITY"])
            .yields_to(&["use_oidc", "oidc_token", "oidc_token_file_path", "oidc_request_url", "oidc_request_token", "ado_pipeline_service_connection_id"]),
        optional("use_msi", boolean(), "Whether to sign in as the managed identity of the machine that this runs on. Defaults to false.").env(&["ARM_USE_MSI"]),
        optional("msi_endpoint", text(), "The URL that hands out the tokens of managed identities, if not the machine's metadata service.")
            .env(&["ARM_MSI_ENDPOINT"])
            .check(checks::http_url),
        optional("msi_api_version", text(), "The API version of `msi_endpoint`. Defaults to `2018-02-01`.").env(&["ARM_MSI_API_VERSION"]).check(checks::word),
        optional("use_cli", boolean(), "Whether to sign in as the Azure CLI is signed in, if nothing else is configured. Defaults to true.").env(&["ARM_USE_CLI"]),
        optional("disable_instance_discovery", boolean(), "Accepted so that configurations of azapi work: this provider never asks Microsoft whether an authority is a real one.")
            .env(&["ARM_DISABLE_INSTANCE_DISCOVERY"]),
        optional("disable_correlation_request_id", boolean(), "Whether to leave out the header `x-ms-correlation-request-id`. Defaults to false. Its value is `ARM_CORRELATION_REQUEST_ID`, or made up for each run.")
            .env(&["ARM_DISABLE_CORRELATION_REQUEST_ID"]),
        optional("plan_checks", text(), "What a plan asks of Azure and the cluster beyond reading what is in the state, such as whether a name is still free: `auto` checks what can be checked and skips the rest with one warning, `off` checks nothing, `required` makes a check that cannot be made an error. Every check runs again in apply, before the first write. Defaults to `auto`.")
            .one_of(&["auto", "off", "required"]),
    ]
}

fn endpoints() -> Vec<Attribute> {
    let endpoint = checks::unless_empty(azure::cloud::check_endpoint);
    vec![
        optional(
            "active_directory_authority_host",
            text(),
            "Where to sign in, such as `https://login.microsoftonline.com`.",
        )
        .env(&["ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST"])
        .check(endpoint),
        optional(
            "resource_manager_endpoint",
            text(),
            "Azure Resource Manager, such as `https://management.azure.com`.",
        )
        .env(&["ARM_RESOURCE_MANAGER_ENDPOINT"])
        .check(endpoint),
        optional(
            "resource_manager_audience",
            text(),
            "The audience of a token for Azure Resource Manager, if not its endpoint.",
        )
        .env(&["ARM_RESOURCE_MANAGER_AUDIENCE"])
        .check(checks::word),
        optional("microsoft_graph_endpoint", text(), "Microsoft Graph, such as `https://graph.microsoft.com`.")
            .env(&["ARM_MICROSOFT_GRAPH_ENDPOINT"])
            .check(endpoint),
    ]
}

/// Whatever says where a cluster is or how to sign in to it, and so contradicts `cluster_id`.
const BESIDE_CLUSTER_ID: &[&str] = &[
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

/// What signs in to a cluster instead of a token.
const BESIDE_TOKEN: &[&str] = &["client_certificate", "client_key", "config_context_auth_info"];
/// What signs in to a cluster instead of a client certificate.
const BESIDE_CERTIFICATE: &[&str] = &["token", "username", "password", "exec", "config_context_auth_info"];

const KUBECONFIG: &[&str] = &["config_path", "config_paths"];

fn kubernetes() -> Vec<Attribute> {
    vec![
        optional(
            "cluster_id",
            text(),
            "A cluster by its Azure resource id, of AKS (`Microsoft.ContainerService/managedClusters`) or Azure Arc \
             (`Microsoft.Kubernetes/connectedClusters`). Its kubeconfig is asked of Azure Resource Manager, and where the cluster has \
             Entra ID, the provider signs in to it with its own token, so that neither a kubeconfig file nor kubelogin is needed. Apart \
             from `proxy_url` and `tls_server_name` nothing else may be set in this block, and the other `KUBE_` variables are not read.",
        )
        .env(&["KUBE_CLUSTER_ID"])
        .conflicts_with(BESIDE_CLUSTER_ID)
        .check(checks::unless_empty(|id| id.parse::<azure::ClusterId>().map(drop).map_err(|error| format!("{error}.")))),
        optional("host", text(), "The API server's URL.")
            .env(&["KUBE_HOST"])
            .conflicts_with(&["in_cluster_config"])
            .check(checks::unless_empty(|text| forms::host(text).map(drop))),
        optional("username", text(), "The user of basic authentication.")
            .env(&["KUBE_USER"])
            .requires(&["password"])
            .conflicts_with(&["token", "exec"])
            .yields_to(BESIDE_TOKEN),
        optional("password", text(), "The password of basic authentication.")
            .env(&["KUBE_PASSWORD"])
            .requires(&["username"])
            .conflicts_with(&["token", "exec"])
            .yields_to(BESIDE_TOKEN)
            .verbatim()
            .sensitive(),
        optional("insecure", boolean(), "Whether not to verify the API server's certificate. Defaults to false.")
            .env(&["KUBE_INSECURE"])
            .conflicts_with(&["cluster_ca_certificate"]),
        optional("tls_server_name", text(), "The name that the API server's certificate must carry, if not the host's.")
            .env(&["KUBE_TLS_SERVER_NAME"])
            .check(checks::unless_empty(forms::server_name)),
        optional("client_certificate", text(), "The client certificate in PEM.")
            .env(&["KUBE_CLIENT_CERT_DATA"])
            .requires(&["client_key"])
            .yields_to(BESIDE_CERTIFICATE)
            .check(checks::unless_empty(|pem| forms::certificates(pem).map(drop))),
        optional("client_key", text(), "Its key in PEM.")
            .env(&["KUBE_CLIENT_KEY_DATA"])
            .requires(&["client_certificate"])
            .yields_to(BESIDE_CERTIFICATE)
            .check(checks::unless_empty(|pem| forms::key(pem).map(drop)))
            .sensitive(),
        optional("cluster_ca_certificate", text(), "The authorities that may have signed the API server's certificate, in PEM.")
            .env(&["KUBE_CLUSTER_CA_CERT_DATA"])
            .check(checks::unless_empty(|pem| forms::authorities(pem).map(drop))),
        optional("config_path", text(), "A kubeconfig file; `~` is the home folder.")
            .env(&["KUBE_CONFIG_PATH"])
            .conflicts_with(&["config_paths", "in_cluster_config"]),
        optional("config_paths", list_of_text(), "Several kubeconfig files that are merged. One that does not exist is skipped, if another does.")
            .env(&["KUBE_CONFIG_PATHS"])
            .split_at(PATH_SEPARATOR)
            .conflicts_with(&["in_cluster_config"]),
        optional("config_context", text(), "The kubeconfig's context. Defaults to its current one.").env(&["KUBE_CTX"]).requires(KUBECONFIG),
        optional("config_context_auth_info", text(), "The kubeconfig's user, instead of the context's.").env(&["KUBE_CTX_AUTH_INFO"]).requires(KUBECONFIG),
        optional("config_context_cluster", text(), "The kubeconfig's cluster, instead of the context's.").env(&["KUBE_CTX_CLUSTER"]).requires(KUBECONFIG),
        optional("token", text(), "A bearer token.")
            .env(&["KUBE_TOKEN"])
            .conflicts_with(&["exec"])
            .yields_to(BESIDE_TOKEN)
            .check(checks::token)
            .sensitive(),
        optional("proxy_url", text(), "A proxy: `http://`, `https://` or `socks5://`.")
            .env(&["KUBE_PROXY_URL"])
            .check(checks::unless_empty(|text| forms::proxy(text).map(drop))),
        optional("in_cluster_config", boolean(), "Whether to use the service account of the pod that this runs in. Defaults to false."),
    ]
}
