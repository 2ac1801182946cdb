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

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::default::default_seed;
use crate::arm;
pub use crate::arm::seed::{ClusterKind, ClusterResource, ResourceGroup, Subscription, Vault};
use crate::core::world::World;
use crate::entra;
pub use crate::entra::seed::{Application, Credential, Issuer, Permission, Principal, Tenant};
use crate::key_vault;
use crate::kubernetes::cluster::Cluster;

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
            key_vault::secret::seed(world, vault)?;
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
        Cluster::serve(world, &self.name, tenant, &self.namespaces)
    }
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
        let mut world = crate::test::world();
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
