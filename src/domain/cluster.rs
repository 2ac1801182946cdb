//! What a cluster has to have switched on, as the command that does it.

use crate::azure::ClusterId;
use crate::azure::id::ClusterKind;

/// The flags of both features that workload identity needs; the Azure CLI has the same for AKS and Azure Arc.
pub const BOTH_FEATURES: &str = "--enable-oidc-issuer --enable-workload-identity";

/// The command of the Azure CLI that switches features of a cluster on, to copy.
pub fn enable(id: &ClusterId, flags: &str) -> String {
    let command = match id.kind() {
        ClusterKind::Aks => "az aks update",
        ClusterKind::Arc => "az connectedk8s update",
    };
    let (subscription, group, name) = (id.subscription(), id.group().name(), id.name());
    format!("{command} --subscription {subscription} --resource-group {group} --name {name} {flags}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_the_cluster_whole() {
        for (kind, command) in [
            ("Microsoft.ContainerService/managedClusters", "az aks update"),
            ("Microsoft.Kubernetes/connectedClusters", "az connectedk8s update"),
        ] {
            let subscription = "20000000-0000-4000-8000-000000000001";
            let id = format!("/subscriptions/{subscription}/resourceGroups/g/providers/{kind}/c").parse().unwrap();
            assert_eq!(
                enable(&id, BOTH_FEATURES),
                format!(
                    "{command} --subscription {subscription} --resource-group g --name c --enable-oidc-issuer --enable-workload-identity"
                )
            );
        }
    }
}
