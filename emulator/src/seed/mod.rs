//! What an emulator starts with, or is given while it runs: tenants, subscriptions, resource groups, applications, clusters.
//!
//! A seed is a JSON or YAML document; every list may be left out:
//!
//! ```yaml
//! tenants:
//!   - {id: 10000000-0000-4000-8000-000000000001, name: demo.example}
//! subscriptions:
//!   - {id: 20000000-0000-4000-8000-000000000001, name: Demo}          # tenant: the first one
//! resource_groups:
//!   - {name: rg-demo, location: westeurope}                          # subscription: the first one
//! applications:
//!   - client_id: 30000000-0000-4000-8000-000000000001
//!     name: terraform
//!     secrets: [a-secret]
//!     certificates: []                                               # PEM texts
//!     permissions:                                                   # everything in ARM when left out
//!       - {actions: ["Microsoft.ManagedIdentity/*/read"], scope: /subscriptions/20000000-0000-4000-8000-000000000001}
//!     federated_identity_credentials:
//!       - {name: ci, issuer: "https://token.actions.githubusercontent.com", subject: "repo:a/b:ref:refs/heads/main"}
//! principals:
//!   - {object_id: 50000000-0000-4000-8000-000000000001, name: Alice, kind: User}
//! clusters:
//!   - name: demo
//!     namespaces: [default, app]
//!     azure:                                                         # its resource in Azure; none when left out
//!       {resource_group: rg-demo, kind: aks, oidc_issuer: true, workload_identity: true, entra: false, local_accounts: true}
//! vaults:                                                            # with Azure RBAC; each has a port of its own
//!   - {name: kv-demo, resource_group: rg-demo, secrets: {db-password: hunter2}}
//! issuers:                                                           # published keys of issuers that are elsewhere
//!   - {issuer: "https://token.actions.githubusercontent.com", jwks: {keys: []}}
//! ```
//!
//! The first tenant, subscription and application are the ones that the `env` file names.

mod default;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use self::default::default_seed;
pub use super::arm::rights::Permission;
use super::kubernetes::cluster::Cluster;
use super::world::World;
use super::{arm, entra};

/// The audience of a federated credential that names none.
pub(crate) const DEFAULT_AUDIENCE: &str = "api://AzureADTokenExchange";

/// The whole document.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// Directories.
    pub tenants: Vec<Tenant>,
    /// Subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// Resource groups.
    pub resource_groups: Vec<ResourceGroup>,
    /// App registrations with their service principals.
    pub applications: Vec<Application>,
    /// Other objects of the directory that roles can be assigned to.
    pub principals: Vec<Principal>,
    /// Kubernetes clusters.
    pub clusters: Vec<ClusterSeed>,
    /// Key Vaults.
    pub vaults: Vec<Vault>,
    /// Keys of issuers outside the emulator, which are then not fetched over the network.
    pub issuers: Vec<Issuer>,
}

/// A directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// A GUID.
    pub id: String,
    /// Its domain, which works in place of the GUID.
    pub name: String,
}

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

/// A Kubernetes cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSeed {
    /// The name, which is part of its URL, its issuer and its context in the kubeconfig: letters, digits, `-`, `_`.
    pub name: String,
    /// Namespaces beside the ones every cluster has.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// What it is in Azure; nothing when it is left out.
    #[serde(default)]
    pub azure: Option<ClusterResource>,
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

fn yes() -> bool {
    true
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

/// An issuer whose keys are given rather than fetched.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The issuer, byte for byte as its tokens have it.
    pub issuer: String,
    /// Its JSON Web Key set.
    pub jwks: Value,
}

impl Seed {
    /// Reads a seed from JSON or YAML text.
    ///
    /// # Errors
    /// When the text is neither, or has a field that a seed has not; with line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }

    /// Puts everything into the world. What is there already under the same id is replaced; clusters and groups are kept.
    ///
    /// # Errors
    /// At the first entry that cannot be, named; what came before it stays.
    pub(crate) fn apply(&self, world: &mut World) -> Result<(), String> {
        for tenant in &self.tenants {
            entra::tenant::put(&mut world.store, tenant)?;
        }
        let mut defaults = world.store.get("emulator/defaults").cloned().unwrap_or_else(|| json!({}));
        let mut default = |key: &str, first: Option<&str>| {
            if defaults.get(key).is_none()
                && let Some(first) = first
                && let Some(map) = defaults.as_object_mut()
            {
                map.insert(key.to_owned(), json!(first));
            }
        };
        default("tenant", self.tenants.first().map(|tenant| tenant.id.as_str()));
        default("subscription", self.subscriptions.first().map(|subscription| subscription.id.as_str()));
        default("client_id", self.applications.first().map(|application| application.client_id.as_str()));
        let secret = self.applications.first().and_then(|application| application.secrets.first());
        default("client_secret", secret.map(String::as_str));
        default("cluster", self.clusters.first().map(|cluster| cluster.name.as_str()));
        world.store.put("emulator/defaults", defaults.clone());
        let or_first = |given: &Option<String>, key: &str| {
            let first = defaults.get(key).and_then(Value::as_str).map(str::to_owned);
            given.clone().or(first).ok_or_else(|| format!("the seed has no {key}, and one of its entries needs one"))
        };

        for subscription in &self.subscriptions {
            arm::subscription::put(&mut world.store, subscription, &or_first(&subscription.tenant, "tenant")?)?;
        }
        for group in &self.resource_groups {
            arm::resource_group::seed(&mut world.store, group, &or_first(&group.subscription, "subscription")?)?;
        }
        for application in &self.applications {
            entra::client::put_application(&mut world.store, application, &or_first(&application.tenant, "tenant")?)?;
        }
        for principal in &self.principals {
            entra::principal::seed(&mut world.store, principal, &or_first(&principal.tenant, "tenant")?)?;
        }
        for issuer in &self.issuers {
            entra::issuer::register(&mut world.store, issuer)?;
        }
        let tenant = self.tenants.first().map_or("", |tenant| tenant.id.as_str());
        for cluster in &self.clusters {
            cluster.create(world, tenant)?;
            if let Some(azure) = &cluster.azure {
                let subscription = or_first(&azure.subscription, "subscription")?;
                match azure.kind {
                    ClusterKind::Aks => arm::managed_cluster::seed(world, &cluster.name, azure, &subscription)?,
                    ClusterKind::Arc => arm::connected_cluster::seed(world, &cluster.name, azure, &subscription)?,
                }
            }
        }
        for vault in &self.vaults {
            arm::vault::seed(world, vault, &or_first(&vault.subscription, "subscription")?)?;
        }
        Ok(())
    }
}

impl ClusterSeed {
    fn create(&self, world: &mut World, tenant: &str) -> Result<(), String> {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if self.name.is_empty() || self.name.len() > 63 || !self.name.bytes().all(sound) {
            return Err(format!("`{}` is not a cluster's name: 1 to 63 letters, digits, `-` and `_`", self.name));
        }
        if Cluster::load(&world.store, &self.name).is_some() {
            return Ok(());
        }
        let (url, issuer) = (world.cluster_url(&self.name), format!("{}/oidc/{}/", world.url, self.name));
        let mut cluster = Cluster::create(&mut world.store, &world.clock, &self.name, &url, &issuer, &self.namespaces)?;
        cluster.set_webhook(&mut world.store, tenant, &format!("{}/", world.url));
        Ok(())
    }
}

/// Checks a GUID and gives it in lower case, as ids are compared.
///
/// # Errors
/// When it is not 8-4-4-4-12 hexadecimal digits; `what` says what it should have been.
pub(crate) fn guid(text: &str, what: &str) -> Result<String, String> {
    if text.len() == 36
        && let Ok(id) = uuid::Uuid::try_parse(text)
    {
        return Ok(id.to_string());
    }
    Err(format!("`{text}` is not the GUID of {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_json_or_yaml_and_a_misspelt_field_is_named() {
        let yaml = "tenants:\n  - {id: 10000000-0000-4000-8000-000000000009, name: a.example}\nclusters: [{name: x}]\n";
        assert_eq!(Seed::parse(yaml).unwrap().clusters[0].name, "x");
        assert_eq!(Seed::parse(r#"{"clusters": [{"name": "x"}]}"#).unwrap().clusters.len(), 1);
        assert!(Seed::parse("cluster: []").unwrap_err().contains("cluster"));
    }

    #[test]
    fn a_seed_without_a_tenant_of_its_own_joins_the_first() {
        let mut world = World::test();
        let tenant = world.default("tenant").to_owned();
        let more = "subscriptions: [{id: 20000000-0000-4000-8000-0000000000aa, name: More}]\nclusters: [{name: c3}]";
        Seed::parse(more).unwrap().apply(&mut world).unwrap();
        assert_eq!(arm::subscription::tenant(&world.store, "20000000-0000-4000-8000-0000000000AA"), Some(tenant));
        assert!(Cluster::load(&world.store, "c3").unwrap().issuer().ends_with("/oidc/c3/"));
        let bad = Seed::parse("subscriptions: [{id: nope, name: X}]").unwrap().apply(&mut world).unwrap_err();
        assert!(bad.contains("`nope`"), "{bad}");
        assert!(Seed::parse("clusters: [{name: ../x}]").unwrap().apply(&mut world).is_err());
    }
}
