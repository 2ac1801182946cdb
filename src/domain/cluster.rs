//! What a cluster has to have switched on, as the command that does it.

use crate::azure::ClusterId;
use crate::azure::clusters::Cluster;
use crate::azure::id::ClusterKind;

/// The flags of both features that workload identity needs; the Azure CLI has the same for AKS and Azure Arc.
pub(crate) const BOTH_FEATURES: &str = "--enable-oidc-issuer --enable-workload-identity";

/// How features of a cluster are switched on: a sentence and the command of the Azure CLI, to copy.
pub(crate) fn enable(id: &ClusterId, cluster: &Cluster, flags: &str) -> String {
    let (subscription, group, name) = (id.subscription(), id.group().name(), id.name());
    let named = format!("--subscription {subscription} --resource-group {group} --name {name}");
    // <https://learn.microsoft.com/azure/aks/aksarc/workload-identity>, the note on the preview.
    if cluster.arc.as_ref().is_some_and(|arc| arc.provisioned) {
        return format!(
            "A cluster of AKS on Azure Local gets them when it is made, and at no later time. Make one that has them, with what you \
             gave the first one:\n\n  az aksarc create {named} … {BOTH_FEATURES}"
        );
    }
    let command = match id.kind() {
        ClusterKind::Aks => "az aks update",
        ClusterKind::Arc => "az connectedk8s update",
    };
    format!("Enable it:\n\n  {command} {named} {flags}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::clusters::Connected;

    const SUBSCRIPTION: &str = "20000000-0000-4000-8000-000000000001";

    fn told(kind: &str, provisioned: bool) -> String {
        let id: ClusterId =
            format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/{kind}/c").parse().unwrap();
        let arc = (id.kind() == ClusterKind::Arc).then(|| Connected { provisioned, ..Connected::default() });
        let cluster = Cluster {
            id: id.to_string(),
            kind: id.kind(),
            name: "c".to_owned(),
            location: "westeurope".to_owned(),
            issuer: None,
            oidc_issuer_enabled: false,
            workload_identity_enabled: false,
            api_server: None,
            private: false,
            tenant_id: None,
            provisioning_state: None,
            power_state: None,
            kubernetes_version: None,
            local_accounts_disabled: false,
            entra: None,
            arc,
        };
        enable(&id, &cluster, BOTH_FEATURES)
    }

    #[test]
    fn the_command_names_the_cluster_whole() {
        for (kind, command) in [
            ("Microsoft.ContainerService/managedClusters", "az aks update"),
            ("Microsoft.Kubernetes/connectedClusters", "az connectedk8s update"),
        ] {
            assert_eq!(
                told(kind, false),
                format!(
                    "Enable it:\n\n  {command} --subscription {SUBSCRIPTION} --resource-group g --name c --enable-oidc-issuer \
                     --enable-workload-identity"
                )
            );
        }
    }

    #[test]
    fn what_only_a_new_cluster_can_have_is_not_switched_on_later() {
        let told = told("Microsoft.Kubernetes/connectedClusters", true);
        assert!(told.contains("az aksarc create") && !told.contains("az connectedk8s update"), "{told}");
    }
}
