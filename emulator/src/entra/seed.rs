//! What Entra ID starts with.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The audience of a federated credential that names none.
pub(crate) const DEFAULT_AUDIENCE: &str = "api://AzureADTokenExchange";

/// A directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// A GUID.
    pub id: String,
    /// Its domain, which works in place of the GUID.
    pub name: String,
}

/// An app registration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// The application (client) id, a GUID.
    pub client_id: String,
    /// The object id of its service principal; derived from the client id when it is left out.
    #[serde(default)]
    pub object_id: Option<String>,
    /// The display name.
    pub name: String,
    /// The tenant's GUID; the first tenant when it is left out.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Client secrets.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Client secrets that are good no longer.
    #[serde(default)]
    pub expired_secrets: Vec<String>,
    /// Whether it has a service principal in its tenant, without which it cannot sign in; it has when this is left out.
    #[serde(default = "yes")]
    pub service_principal: bool,
    /// Certificates, PEM, whose keys may sign client assertions.
    #[serde(default)]
    pub certificates: Vec<String>,
    /// Federated identity credentials on the application.
    #[serde(default)]
    pub federated_identity_credentials: Vec<Credential>,
    /// What it may do in Azure Resource Manager besides what roles that are assigned to it let it do; everything when this is
    /// left out.
    #[serde(default)]
    pub permissions: Option<Vec<Permission>>,
}

/// A federated identity credential on an application.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The name.
    pub name: String,
    /// The issuer, compared byte for byte.
    pub issuer: String,
    /// The subject, compared byte for byte.
    pub subject: String,
    /// The audience; `api://AzureADTokenExchange` when it is left out.
    #[serde(default)]
    pub audience: Option<String>,
}

/// A user, a group or a service principal from nowhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// The object id, a GUID.
    pub object_id: String,
    /// The display name.
    pub name: String,
    /// `User`, `Group` or `ServicePrincipal`.
    pub kind: String,
    /// The tenant's GUID; the first tenant when it is left out.
    #[serde(default)]
    pub tenant: Option<String>,
}

/// An issuer whose keys are given rather than fetched.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The issuer, byte for byte as its tokens have it.
    pub issuer: String,
    /// Its JSON Web Key set.
    pub jwks: Value,
}

/// What an application may do, as a role definition says it, and where.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// Such as `Microsoft.ManagedIdentity/userAssignedIdentities/read`; `*` is any text.
    pub actions: Vec<String>,
    /// Those that are taken out of them.
    #[serde(default)]
    pub not_actions: Vec<String>,
    /// At this resource id and below it; everywhere in the tenant when it is left out.
    #[serde(default)]
    pub scope: Option<String>,
}

fn yes() -> bool {
    true
}
