//! The world of an emulator that was given no seed. Guides, examples and tests name what is in it.

use std::collections::BTreeMap;

use serde_json::Map;

use super::{Application, ClusterKind, ClusterResource, ClusterSeed, ResourceGroup, Seed, Subscription, Tenant, Vault};

/// The seed of an emulator that was given none: one tenant, two subscriptions, an application that may do everything in Azure
/// Resource Manager, three clusters (two of AKS, and `edge` of Azure Arc), and a vault that nobody may read yet.
pub fn default_seed() -> Seed {
    let names = |names: &[&str]| -> Vec<String> { names.iter().map(|&name| name.to_owned()).collect() };
    let subscription = |last: u8, name: &str| Subscription {
        id: format!("20000000-0000-4000-8000-00000000000{last}"),
        name: name.to_owned(),
        tenant: None,
    };
    let group = |name: &str, subscription: Option<String>| ResourceGroup {
        name: name.to_owned(),
        location: "westeurope".to_owned(),
        subscription,
        tags: Map::new(),
    };
    let cluster = |name: &str, kind: ClusterKind, entra: bool| ClusterSeed {
        name: name.to_owned(),
        namespaces: names(&["default", "demo"]),
        azure: Some(ClusterResource {
            resource_group: "rg-demo".to_owned(),
            subscription: None,
            kind,
            oidc_issuer: true,
            workload_identity: true,
            entra,
            local_accounts: true,
            private: false,
        }),
    };
    let subscriptions = vec![subscription(1, "Demo"), subscription(2, "Second")];
    let second = subscriptions.get(1).map(|subscription| subscription.id.clone());
    Seed {
        tenants: vec![Tenant {
            id: "10000000-0000-4000-8000-000000000001".to_owned(),
            name: "azwi-emulator.onmicrosoft.com".to_owned(),
        }],
        resource_groups: vec![group("rg-demo", None), group("rg-second", second)],
        subscriptions,
        applications: vec![Application {
            client_id: "30000000-0000-4000-8000-000000000001".to_owned(),
            object_id: Some("40000000-0000-4000-8000-000000000001".to_owned()),
            name: "terraform".to_owned(),
            tenant: None,
            secrets: names(&["azwi-emulator-secret"]),
            expired_secrets: Vec::new(),
            service_principal: true,
            certificates: Vec::new(),
            federated_identity_credentials: Vec::new(),
            permissions: None,
        }],
        principals: Vec::new(),
        clusters: vec![
            cluster("demo", ClusterKind::Aks, true),
            cluster("second", ClusterKind::Aks, false),
            cluster("edge", ClusterKind::Arc, true),
        ],
        vaults: vec![Vault {
            name: "kv-demo".to_owned(),
            resource_group: "rg-demo".to_owned(),
            subscription: None,
            secrets: BTreeMap::from([("db-password".to_owned(), "correct horse battery staple".to_owned())]),
        }],
        issuers: Vec::new(),
    }
}
