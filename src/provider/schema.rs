//! The provider's attributes: azurerm's names for Azure, the kubernetes provider's for the cluster.

use crate::azure::ClusterId;
use crate::schema::{Attribute, Block, Schema, boolean, list_of_text, map_of_text, optional, text};

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
        optional("subscription_id", text(), "The subscription used where a resource names none. Defaults to `ARM_SUBSCRIPTION_ID`, then to the Azure CLI's default subscription where the CLI signs in."),
        optional("tenant_id", text(), "The tenant to sign in to. Defaults to `ARM_TENANT_ID`."),
        optional("auxiliary_tenant_ids", list_of_text(), "Up to three other tenants whose tokens go along with each request. Defaults to `ARM_AUXILIARY_TENANT_IDS`, split at `;`."),
        optional("environment", text(), "The cloud: `public`, `usgovernment`, `china`, or `custom` with the `endpoint` block. Defaults to `ARM_ENVIRONMENT`, then to `public`."),
        optional("metadata_host", text(), "A host that describes its cloud at `/metadata/endpoints`. Defaults to `ARM_METADATA_HOSTNAME`."),
        optional("client_id", text(), "The application, or the user-assigned identity, to sign in as. Defaults to `ARM_CLIENT_ID`."),
        optional("client_id_file_path", text(), "A file that holds the client id. Defaults to `ARM_CLIENT_ID_FILE_PATH`."),
        optional("client_secret", text(), "The application's secret. Defaults to `ARM_CLIENT_SECRET`.").sensitive(),
        optional("client_secret_file_path", text(), "A file that holds the secret. Defaults to `ARM_CLIENT_SECRET_FILE_PATH`."),
        optional("client_certificate", text(), "The application's certificate and key: a PKCS#12 bundle in base64. Defaults to `ARM_CLIENT_CERTIFICATE`.").sensitive(),
        optional("client_certificate_path", text(), "A file with that PKCS#12 bundle. Defaults to `ARM_CLIENT_CERTIFICATE_PATH`."),
        optional("client_certificate_password", text(), "The bundle's password. Defaults to `ARM_CLIENT_CERTIFICATE_PASSWORD`.").sensitive(),
        optional("use_oidc", boolean(), "Whether to sign in with a token of another issuer (GitHub Actions, Azure DevOps, GitLab, …). Defaults to `ARM_USE_OIDC`, then to false."),
        optional("oidc_token", text(), "That token itself. Defaults to `ARM_OIDC_TOKEN`.").sensitive(),
        optional("oidc_token_file_path", text(), "A file that holds the token; it is read again for each sign-in. Defaults to `ARM_OIDC_TOKEN_FILE_PATH`."),
        optional("oidc_request_token", text(), "What entitles this run to ask for a token. Defaults to `ARM_OIDC_REQUEST_TOKEN`, `ACTIONS_ID_TOKEN_REQUEST_TOKEN` (GitHub) or `SYSTEM_ACCESSTOKEN` (Azure DevOps).").sensitive(),
        optional("oidc_request_url", text(), "Where to ask for a token. Defaults to `ARM_OIDC_REQUEST_URL`, `ACTIONS_ID_TOKEN_REQUEST_URL` (GitHub) or `SYSTEM_OIDCREQUESTURI` (Azure DevOps)."),
        optional("ado_pipeline_service_connection_id", text(), "The service connection of an Azure DevOps pipeline. Defaults to `ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID`, `ARM_OIDC_AZURE_SERVICE_CONNECTION_ID` or `AZURESUBSCRIPTION_SERVICE_CONNECTION_ID`."),
        optional("use_aks_workload_identity", boolean(), "Whether to sign in as the service account of the pod that this runs in, by what the workload identity webhook put there (`AZURE_CLIENT_ID`, `AZURE_TENANT_ID`, `AZURE_FEDERATED_TOKEN_FILE`). Defaults to `ARM_USE_AKS_WORKLOAD_IDENTITY`, then to false."),
        optional("use_msi", boolean(), "Whether to sign in as the managed identity of the machine that this runs on. Defaults to `ARM_USE_MSI`, then to false."),
        optional("msi_endpoint", text(), "Where managed identities are asked for tokens, if not at the machine's metadata service. Defaults to `ARM_MSI_ENDPOINT`."),
        optional("msi_api_version", text(), "The version to ask of `msi_endpoint`. Defaults to `ARM_MSI_API_VERSION`, then to `2018-02-01`."),
        optional("use_cli", boolean(), "Whether to sign in as the Azure CLI is signed in, where nothing else is configured. Defaults to `ARM_USE_CLI`, then to true."),
        optional("disable_instance_discovery", boolean(), "Accepted so that configurations of azapi work: this provider never asks Microsoft whether an authority is a real one. Defaults to `ARM_DISABLE_INSTANCE_DISCOVERY`."),
        optional("disable_correlation_request_id", boolean(), "Whether to leave out the header `x-ms-correlation-request-id`. Defaults to `ARM_DISABLE_CORRELATION_REQUEST_ID`, then to false. Its value is `ARM_CORRELATION_REQUEST_ID`, or made up for each run."),
        optional("plan_checks", text(), "What a plan asks of Azure and the cluster beyond reading what is in the state, such as whether a name is still free: `auto` checks what can be checked and skips the rest with one warning, `off` checks nothing, `required` makes a check that cannot be made an error. Every check runs again in apply, before the first write. Defaults to `auto`.")
            .one_of(&["auto", "off", "required"]),
    ]
}

fn endpoints() -> Vec<Attribute> {
    vec![
        optional(
            "active_directory_authority_host",
            text(),
            "Where to sign in, such as `https://login.microsoftonline.com`. Defaults to `ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST`.",
        ),
        optional(
            "resource_manager_endpoint",
            text(),
            "Azure Resource Manager, such as `https://management.azure.com`. Defaults to `ARM_RESOURCE_MANAGER_ENDPOINT`.",
        ),
        optional(
            "resource_manager_audience",
            text(),
            "What a token for Azure Resource Manager is for, if not its endpoint. Defaults to `ARM_RESOURCE_MANAGER_AUDIENCE`.",
        ),
        optional(
            "microsoft_graph_endpoint",
            text(),
            "Microsoft Graph, such as `https://graph.microsoft.com`. Defaults to `ARM_MICROSOFT_GRAPH_ENDPOINT`.",
        ),
    ]
}

fn kubernetes() -> Vec<Attribute> {
    vec![
        optional(
            "cluster_id",
            text(),
            "A cluster by its Azure resource id, of AKS (`Microsoft.ContainerService/managedClusters`) or Azure Arc \
             (`Microsoft.Kubernetes/connectedClusters`). Its kubeconfig is asked of Azure Resource Manager, and where the cluster has \
             Entra ID, the provider signs in to it with its own token, so that neither a kubeconfig file nor kubelogin is needed. Apart \
             from `proxy_url` and `tls_server_name` nothing else may be set in this block, and the other `KUBE_` variables are not read. Defaults to `KUBE_CLUSTER_ID`.",
        )
        .check(|id| match id {
            // As everywhere in this block, empty is not set.
            "" => Ok(()),
            id => id.parse::<ClusterId>().map(drop).map_err(|error| format!("{error}.")),
        }),
        optional("host", text(), "The API server's URL. Defaults to `KUBE_HOST`."),
        optional("username", text(), "The user of basic authentication. Defaults to `KUBE_USER`."),
        optional("password", text(), "The password of basic authentication. Defaults to `KUBE_PASSWORD`.").sensitive(),
        optional(
            "insecure",
            boolean(),
            "Whether not to verify the API server's certificate. Defaults to `KUBE_INSECURE`, then to false.",
        ),
        optional(
            "tls_server_name",
            text(),
            "The name that the API server's certificate must carry, if not the host's. Defaults to `KUBE_TLS_SERVER_NAME`.",
        ),
        optional("client_certificate", text(), "The client certificate in PEM. Defaults to `KUBE_CLIENT_CERT_DATA`."),
        optional("client_key", text(), "Its key in PEM. Defaults to `KUBE_CLIENT_KEY_DATA`.").sensitive(),
        optional(
            "cluster_ca_certificate",
            text(),
            "The authorities that may have signed the API server's certificate, in PEM. Defaults to `KUBE_CLUSTER_CA_CERT_DATA`.",
        ),
        optional("config_path", text(), "A kubeconfig file; `~` is the home folder. Defaults to `KUBE_CONFIG_PATH`."),
        optional(
            "config_paths",
            list_of_text(),
            "Several kubeconfig files that are merged. Defaults to `KUBE_CONFIG_PATHS`.",
        ),
        optional(
            "config_context",
            text(),
            "The kubeconfig's context. Defaults to `KUBE_CTX`, then to its current one.",
        ),
        optional(
            "config_context_auth_info",
            text(),
            "The kubeconfig's user, instead of the context's. Defaults to `KUBE_CTX_AUTH_INFO`.",
        ),
        optional(
            "config_context_cluster",
            text(),
            "The kubeconfig's cluster, instead of the context's. Defaults to `KUBE_CTX_CLUSTER`.",
        ),
        optional("token", text(), "A bearer token. Defaults to `KUBE_TOKEN`.").sensitive(),
        optional("proxy_url", text(), "A proxy: `http://`, `https://` or `socks5://`. Defaults to `KUBE_PROXY_URL`."),
        optional(
            "in_cluster_config",
            boolean(),
            "Whether to use the service account of the pod that this runs in. Defaults to false.",
        ),
    ]
}
