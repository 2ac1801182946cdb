//! What Azure Resource Manager starts with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A subscription.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// A GUID.
    pub id: String,
    /// The display name.
    pub name: String,
    /// The tenant's GUID; the first tenant when it is left out.
    #[serde(default)]
    pub tenant: Option<String>,
}

/// A resource group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceGroup {
    /// The name.
    pub name: String,
    /// The region, such as `westeurope`.
    pub location: String,
    /// The subscription's GUID; the first subscription when it is left out.
    #[serde(default)]
    pub subscription: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: Map<String, Value>,
}

/// The resource of a cluster in Azure, which has the cluster's name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterResource {
    /// The resource group, which must exist.
    pub resource_group: String,
    /// The group's subscription, a GUID; the first subscription when it is left out.
    #[serde(default)]
    pub subscription: Option<String>,
    /// AKS when it is left out.
    #[serde(default)]
    pub kind: ClusterKind,
    /// Whether its issuer is published; it is when this is left out.
    #[serde(default = "yes")]
    pub oidc_issuer: bool,
    /// Whether the webhook is there; it is when this is left out.
    #[serde(default = "yes")]
    pub workload_identity: bool,
    /// Whether users of Entra ID may sign in.
    #[serde(default)]
    pub entra: bool,
    /// Whether the administrator's credential is handed out; it is when this is left out.
    #[serde(default = "yes")]
    pub local_accounts: bool,
    /// Whether the API server has a private name only. The emulated one answers nevertheless.
    #[serde(default)]
    pub private: bool,
}

/// What a cluster is in Azure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterKind {
    /// A managed cluster.
    #[default]
    Aks,
    /// A connected cluster.
    Arc,
}

/// A Key Vault with Azure RBAC, in the region of its group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    /// The name, unique among all vaults: 3 to 24 letters, digits and `-`.
    pub name: String,
    /// The resource group, which must exist.
    pub resource_group: String,
    /// The group's subscription, a GUID; the first subscription when it is left out.
    #[serde(default)]
    pub subscription: Option<String>,
    /// Secrets: names and values.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}
