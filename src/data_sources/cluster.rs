//! `azwi_cluster`: what Azure knows of a cluster, of AKS or of Azure Arc, under one set of names.
//!
//! A cluster without issuer or without the webhook is found as well, but cannot do what this provider is for: that is an error
//! with the command that mends it, unless the configuration asks for a warning.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::azure::{ClusterId, ClusterKind, clusters};
use crate::context::Context;
use crate::data_source::DataSource;
use crate::domain::cluster::{BOTH_FEATURES, enable};
use crate::error::{Error, Result};
use crate::schema::{Schema, boolean, computed, optional, required, text};

/// The data source.
pub(super) struct Cluster;

#[derive(Serialize, Deserialize)]
pub(super) struct Model {
    cluster_id: String,
    on_missing_feature: Option<String>,
    id: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    resource_group_name: Option<String>,
    location: Option<String>,
    issuer: Option<String>,
    oidc_issuer_enabled: Option<bool>,
    workload_identity_enabled: Option<bool>,
    api_server: Option<String>,
    private_cluster_enabled: Option<bool>,
    tenant_id: Option<String>,
    kubernetes_version: Option<String>,
    provisioning_state: Option<String>,
    power_state: Option<String>,
    local_account_disabled: Option<bool>,
    azure_rbac_enabled: Option<bool>,
    agent_version: Option<String>,
    agent_state: Option<String>,
    connectivity_status: Option<String>,
    last_connectivity_time: Option<String>,
    distribution: Option<String>,
}

#[async_trait]
impl DataSource for Cluster {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_cluster"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A cluster that Azure knows: one of AKS, or one elsewhere that is connected by Azure Arc. A cluster that has not switched on \
             its OIDC issuer or workload identity is an error that shows the command for it.",
            vec![
                required(
                    "cluster_id",
                    text(),
                    "The cluster's resource id: of AKS (`Microsoft.ContainerService/managedClusters`) or of Azure Arc \
                     (`Microsoft.Kubernetes/connectedClusters`).",
                )
                .check(|id| id.parse::<ClusterId>().map(drop).map_err(|error| format!("{error}."))),
                optional(
                    "on_missing_feature",
                    text(),
                    "What a cluster without OIDC issuer or without workload identity is: `error`, or `warning`, for example where the \
                     webhook is installed in another way. Defaults to `error`.",
                )
                .one_of(&["error", "warning"]),
                computed("id", text(), "The cluster's resource id."),
                computed("kind", text(), "`aks` or `arc`."),
                computed("name", text(), "The name."),
                computed("resource_group_name", text(), "The resource group."),
                computed("location", text(), "The region."),
                computed("issuer", text(), "The issuer of its service account tokens, byte for byte as a federated identity credential needs it. Null where the cluster publishes none."),
                computed("oidc_issuer_enabled", boolean(), "Whether the cluster publishes an issuer."),
                computed("workload_identity_enabled", boolean(), "Whether Azure installed the webhook of workload identity."),
                computed("api_server", text(), "The host name of its API server. Null for Azure Arc, which names none."),
                computed("private_cluster_enabled", boolean(), "Whether the API server has an address in a virtual network only. Null for Azure Arc, which does not know."),
                computed("tenant_id", text(), "The tenant of its users where it has Entra ID, else that of its own identity. Null where Azure names neither."),
                computed("kubernetes_version", text(), "The version of Kubernetes that it runs."),
                computed("provisioning_state", text(), "What Azure last did with it, such as `Succeeded` or `Updating`."),
                computed("power_state", text(), "`Running` or `Stopped`. Null for Azure Arc."),
                computed("local_account_disabled", boolean(), "Whether its own accounts are off, so that Entra ID is the only way in. Null for Azure Arc."),
                computed("azure_rbac_enabled", boolean(), "Whether Azure roles decide what its users may do. Null for Azure Arc."),
                computed("agent_version", text(), "The version of Azure Arc's agents. Null for AKS."),
                computed("agent_state", text(), "The state of Azure Arc's agents, such as `Succeeded` or `Failed`. Null for AKS."),
                computed("connectivity_status", text(), "Whether Azure Arc's agents are connected: `Connected`, `Connecting`, `Offline` or `Expired`. Null for AKS."),
                computed("last_connectivity_time", text(), "When Azure last heard of the agents, RFC 3339. Null for AKS."),
                computed("distribution", text(), "The distribution of Kubernetes, as Azure Arc found it. Null for AKS."),
            ],
        )
    }

    async fn read(&self, context: &Context, config: Model) -> Result<Model> {
        let id: ClusterId = config
            .cluster_id
            .parse()
            .map_err(|error| Error::new("The cluster's id is malformed", format!("{error}.")).at("cluster_id"))?;
        let found = context.clients()?.azure()?.clusters().get(&id, &context.wait).await?;
        let found = found.ok_or_else(|| {
            Error::new(
                format!("Cluster `{}` does not exist", id.name()),
                format!(
                    "Azure knows no `{id}`. Check the id, and whether the provider is signed in to the tenant of this subscription. \
                     Where the same configuration makes the cluster, refer to its `id`, or give this data source a `depends_on`."
                ),
            )
            .at("cluster_id")
        })?;
        if let Some(missing) = missing_feature(&id, &found) {
            if config.on_missing_feature.as_deref() != Some("warning") {
                return Err(missing.at("cluster_id"));
            }
            context.warn(missing.at("cluster_id"));
        }
        let aks = id.kind() == ClusterKind::Aks;
        let arc = found.arc.unwrap_or_default();
        Ok(Model {
            id: Some(id.to_string()),
            kind: Some(id.kind().as_str().to_owned()),
            name: Some(found.name),
            resource_group_name: Some(id.group().name().to_owned()),
            location: Some(found.location),
            issuer: found.issuer,
            oidc_issuer_enabled: Some(found.oidc_issuer_enabled),
            workload_identity_enabled: Some(found.workload_identity_enabled),
            api_server: found.api_server,
            private_cluster_enabled: aks.then_some(found.private),
            tenant_id: found.tenant_id,
            kubernetes_version: found.kubernetes_version,
            provisioning_state: found.provisioning_state,
            power_state: found.power_state,
            local_account_disabled: aks.then_some(found.local_accounts_disabled),
            azure_rbac_enabled: aks.then_some(found.entra.is_some_and(|entra| entra.azure_rbac)),
            agent_version: arc.agent_version,
            agent_state: arc.agent_state,
            connectivity_status: arc.connectivity_status,
            last_connectivity_time: arc.last_connectivity_time,
            distribution: arc.distribution,
            ..config
        })
    }
}

/// What keeps workload identity from working in a cluster, with the command that ends it.
fn missing_feature(id: &ClusterId, found: &clusters::Cluster) -> Option<Error> {
    let (what, flags) = match (found.oidc_issuer_enabled, found.workload_identity_enabled) {
        (true, true) if found.issuer.is_some() => return None,
        (true, true) => {
            return Some(Error::new(
                format!("Cluster `{}` has no issuer yet", id.name()),
                format!(
                    "Its OIDC issuer is enabled, but Azure does not name it; the cluster's provisioning state is `{}`. Apply again when \
                     that is `Succeeded`.",
                    found.provisioning_state.as_deref().unwrap_or("unknown")
                ),
            ));
        }
        (false, true) => ("its OIDC issuer", "--enable-oidc-issuer"),
        (true, false) => ("workload identity", "--enable-workload-identity"),
        (false, false) => ("its OIDC issuer and workload identity", BOTH_FEATURES),
    };
    Some(Error::new(
        format!("Cluster `{}` has not enabled {what}", id.name()),
        format!(
            "Without it no pod of the cluster can act as an identity. {}\n\nOr set `on_missing_feature = \"warning\"`, where this is \
             known.",
            enable(id, found, flags)
        ),
    ))
}
