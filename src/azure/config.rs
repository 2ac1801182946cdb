//! What a user can say about Azure: clouds, endpoints and ways to sign in.
//!
//! Plain data: configuration and environment are already merged when it gets here, so nothing in `azure/` reads an
//! environment variable that a user sets for this provider. Each field names the variable that stands in for its
//! attribute; the names are those of azurerm 5.2 and, for the endpoints, of azapi.

use super::error::Error;
use super::id::SubscriptionId;
use super::patience::Patience;
use super::secret::Secret;
use crate::origin::Origins;

/// The configuration of the Azure side. `Debug` shows no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The tenant to sign in to: a GUID or a domain name. `ARM_TENANT_ID`.
    pub tenant_id: Option<String>,
    /// The subscription used where a resource names none. `ARM_SUBSCRIPTION_ID`; with the Azure CLI, its default.
    pub subscription_id: Option<String>,
    /// Other tenants whose tokens go along with each request, three at most. `ARM_AUXILIARY_TENANT_IDS`, split at `;`.
    pub auxiliary_tenant_ids: Vec<String>,
    /// The cloud. `ARM_ENVIRONMENT`.
    pub environment: Environment,
    /// A host that describes its cloud at `/metadata/endpoints`, asked at first use. `ARM_METADATA_HOSTNAME`.
    pub metadata_host: Option<String>,
    /// Endpoints that replace those of the cloud.
    pub endpoints: Endpoints,
    /// Accepted for azapi's sake: nothing here asks Microsoft whether an authority is a real one.
    /// `ARM_DISABLE_INSTANCE_DISCOVERY`.
    pub disable_instance_discovery: bool,

    /// The application or user-assigned identity to sign in as. `ARM_CLIENT_ID`.
    pub client_id: Option<String>,
    /// A file that holds `client_id`. `ARM_CLIENT_ID_FILE_PATH`.
    pub client_id_file_path: Option<String>,
    /// `ARM_CLIENT_SECRET`.
    pub client_secret: Option<Secret>,
    /// A file that holds `client_secret`. `ARM_CLIENT_SECRET_FILE_PATH`.
    pub client_secret_file_path: Option<String>,
    /// A PKCS#12 bundle in base64. `ARM_CLIENT_CERTIFICATE`.
    pub client_certificate: Option<Secret>,
    /// A file with a PKCS#12 bundle. `ARM_CLIENT_CERTIFICATE_PATH`.
    pub client_certificate_path: Option<String>,
    /// The bundle's password. `ARM_CLIENT_CERTIFICATE_PASSWORD`.
    pub client_certificate_password: Option<Secret>,

    /// `ARM_USE_OIDC`.
    pub use_oidc: bool,
    /// A token of another issuer that Entra ID trusts. `ARM_OIDC_TOKEN`.
    pub oidc_token: Option<Secret>,
    /// A file that holds such a token; read again for each sign-in. `ARM_OIDC_TOKEN_FILE_PATH`.
    pub oidc_token_file_path: Option<String>,
    /// What entitles to ask for a token. `ARM_OIDC_REQUEST_TOKEN`, `ACTIONS_ID_TOKEN_REQUEST_TOKEN`, `SYSTEM_ACCESSTOKEN`.
    pub oidc_request_token: Option<Secret>,
    /// Where to ask for it. `ARM_OIDC_REQUEST_URL`, `ACTIONS_ID_TOKEN_REQUEST_URL`, `SYSTEM_OIDCREQUESTURI`.
    pub oidc_request_url: Option<String>,
    /// The service connection of an Azure DevOps pipeline; asks Azure DevOps instead of GitHub.
    /// `ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID`, `ARM_OIDC_AZURE_SERVICE_CONNECTION_ID`, `AZURESUBSCRIPTION_SERVICE_CONNECTION_ID`.
    pub ado_pipeline_service_connection_id: Option<String>,

    /// Sign in as the service account of the pod this runs in. `ARM_USE_AKS_WORKLOAD_IDENTITY`.
    pub use_aks_workload_identity: bool,
    /// What the workload identity webhook put into this pod's environment; looked at only with `use_aks_workload_identity`.
    pub aks_workload: AksWorkload,

    /// `ARM_USE_MSI`.
    pub use_msi: bool,
    /// Where managed identities are asked for tokens. `ARM_MSI_ENDPOINT`; without it the metadata service of the virtual
    /// machine, or the one that App Service names in `IDENTITY_ENDPOINT`.
    pub msi_endpoint: Option<String>,
    /// The version asked of `msi_endpoint`, 2018-02-01 where not set. `ARM_MSI_API_VERSION`.
    pub msi_api_version: Option<String>,

    /// `ARM_USE_CLI`; true where not set.
    pub use_cli: bool,

    /// Leave out `x-ms-correlation-request-id`. `ARM_DISABLE_CORRELATION_REQUEST_ID`.
    pub disable_correlation_request_id: bool,
    /// One id for all requests of a run; made up where not set. `ARM_CORRELATION_REQUEST_ID`.
    pub correlation_request_id: Option<String>,
    /// Appended to the user agent. `AZURE_HTTP_USER_AGENT`.
    pub user_agent_suffix: Option<String>,

    /// How long Azure's own slowness is waited for. Only this project's tests change it.
    pub patience: Patience,
    /// Who set what of this, by the attribute's name.
    pub origins: Origins,
}

impl Config {
    /// What a person calls an attribute that is set: by its name, or by that of the variable that set it.
    pub(super) fn name(&self, attribute: &str) -> String {
        self.origins.name("", attribute)
    }

    /// The subscription that is configured.
    ///
    /// # Errors
    /// If it is not the ID of one.
    pub fn subscription(&self) -> Result<Option<SubscriptionId>, Error> {
        let Some(text) = &self.subscription_id else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|error: super::IdError| Error::setting(self.name("subscription_id"), format!("{error}.")))
    }
}

/// Endpoints that replace those of the cloud, each alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Where to sign in, such as `https://login.microsoftonline.com`. `ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST`.
    pub active_directory_authority_host: Option<String>,
    /// Azure Resource Manager, such as `https://management.azure.com`. `ARM_RESOURCE_MANAGER_ENDPOINT`.
    pub resource_manager_endpoint: Option<String>,
    /// What a token for it is for, where that is not its endpoint. `ARM_RESOURCE_MANAGER_AUDIENCE`.
    pub resource_manager_audience: Option<String>,
    /// Microsoft Graph, such as `https://graph.microsoft.com`. `ARM_MICROSOFT_GRAPH_ENDPOINT`.
    pub microsoft_graph_endpoint: Option<String>,
}

/// `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and `AZURE_FEDERATED_TOKEN_FILE`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AksWorkload {
    /// `AZURE_CLIENT_ID`.
    pub client_id: Option<String>,
    /// `AZURE_TENANT_ID`.
    pub tenant_id: Option<String>,
    /// `AZURE_FEDERATED_TOKEN_FILE`.
    pub token_file: Option<String>,
}

/// The clouds by azurerm's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Environment {
    /// `public`.
    #[default]
    Public,
    /// `usgovernment`.
    UsGovernment,
    /// `china`.
    China,
    /// `custom`: the endpoints say it all.
    Custom,
}

impl Environment {
    /// The name in configurations.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::UsGovernment => "usgovernment",
            Self::China => "china",
            Self::Custom => "custom",
        }
    }

    /// The audience that Entra ID of this cloud expects in a federated token.
    pub(crate) fn token_exchange_audience(self) -> &'static str {
        match self {
            Self::Public | Self::Custom => "api://AzureADTokenExchange",
            Self::UsGovernment => "api://AzureADTokenExchangeUSGov",
            Self::China => "api://AzureADTokenExchangeChina",
        }
    }
}

impl std::str::FromStr for Environment {
    type Err = String;

    /// Takes azurerm's names and the Azure CLI's, in any case.
    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "public" | "azurecloud" | "azurepubliccloud" => Ok(Self::Public),
            "usgovernment" | "azureusgovernment" | "usgovernmentl4" | "azureusgovernmentcloud" => {
                Ok(Self::UsGovernment)
            }
            "china" | "azurechinacloud" => Ok(Self::China),
            "custom" => Ok(Self::Custom),
            _ => Err(format!("`{name}` is no cloud: expected `public`, `usgovernment`, `china` or `custom`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let secret = || Some(Secret::new("hunter2"));
        let config = Config {
            client_secret: secret(),
            client_certificate: secret(),
            client_certificate_password: secret(),
            oidc_token: secret(),
            oidc_request_token: secret(),
            ..Config::default()
        };
        assert!(!format!("{config:?}{config:#?}").contains("hunter2"));
    }

    #[test]
    fn clouds_are_known_by_azurerm_s_names_and_the_cli_s() {
        assert_eq!("AzureUSGovernment".parse(), Ok(Environment::UsGovernment));
        assert_eq!("china".parse(), Ok(Environment::China));
        assert!("germany".parse::<Environment>().unwrap_err().contains("`usgovernment`"));
    }
}
