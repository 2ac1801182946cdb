//! `Microsoft.Kubernetes/connectedClusters`: clusters enabled by Azure Arc. They are seeded and only read.
//!
//! Arc writes `issuerUrl` where AKS writes `issuerURL`. A real kubeconfig leads through Arc's relay; the emulator has none,
//! so its kubeconfig names the emulated API server itself.

use serde_json::{Value, json};

use super::error::Error;
use super::resource::Resource;
use super::seed;
use super::{ResourceType, id, kubeconfig, subscription};
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Operation};
use crate::core::world::World;
use crate::kubernetes::entra;

const VERSIONS: &[&str] = &["2021-03-01", "2021-10-01", "2024-01-01", "2026-05-01"];
const TYPE: ResourceType = ResourceType { name: "Microsoft.Kubernetes/connectedClusters", versions: VERSIONS };
const CLUSTERS: Resource =
    Resource { of: TYPE, parameter: "cluster", shown: |world, _, cluster| shown(world, cluster) };
const USER_CREDENTIAL: ResourceType =
    ResourceType { name: "Microsoft.Kubernetes/connectedClusters/listClusterUserCredential", versions: VERSIONS };

pub(crate) const OPERATIONS: &[Operation] = &[
    TYPE.operation(
        "ConnectedCluster_Get",
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Kubernetes/connectedClusters/{cluster}",
        |world, call| CLUSTERS.get(world, call),
    ),
    TYPE.operation(
        "ConnectedCluster_ListByResourceGroup",
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Kubernetes/connectedClusters",
        |world, call| CLUSTERS.list(world, call),
    ),
    TYPE.operation(
        "ConnectedCluster_ListBySubscription",
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Kubernetes/connectedClusters",
        |world, call| CLUSTERS.list(world, call),
    ),
    USER_CREDENTIAL.operation(
        "ConnectedCluster_ListClusterUserCredential",
        "POST",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Kubernetes/connectedClusters/{cluster}/listClusterUserCredential",
        user_credential,
    ),
];

fn shown(world: &World, resource: &Value) -> Value {
    let mut shown = resource.clone();
    if let Some(shown) = shown.as_object_mut() {
        shown.retain(|name, _| !name.starts_with('_'));
    }
    let enabled = resource.at("properties").at("oidcIssuerProfile").at("enabled") == true;
    let issuer = kubeconfig::cluster_of(world, resource).filter(|_| enabled).map(|it| it.issuer().to_owned());
    json_patch::merge(&mut shown, &json!({"properties": {"oidcIssuerProfile": {"issuerUrl": issuer}}}));
    shown
}

fn user_credential(world: &mut World, call: &Call<'_>) -> Answer {
    let resource = CLUSTERS.find(world, call)?;
    let body = id::body(call)?;
    let user = match body.text("authenticationMethod") {
        "AAD" => kubeconfig::kubelogin(
            &subscription::tenant(&world.store, call.parameter("subscription")).unwrap_or_default(),
        ),
        // Whoever asks for this has a service account's token and adds it.
        "Token" => json!({}),
        other => {
            let message = format!("The authenticationMethod '{other}' is none of 'AAD' and 'Token'.");
            return Err(Error::bad_request("BadRequest", message).into());
        }
    };
    Ok(kubeconfig::answer(world, resource, "clusterUser", &user))
}

/// Puts the resource of a seeded cluster there, unless it is there.
///
/// # Errors
/// When there is no such group.
pub(crate) fn seed(
    world: &mut World,
    cluster: &str,
    azure: &seed::ClusterResource,
    subscription: &str,
) -> Result<(), String> {
    let group = id::find_group(&world.store, subscription, &azure.resource_group)
        .map_err(|_| format!("cluster `{cluster}`: there is no resource group `{}`", azure.resource_group))?;
    let resource_id = format!("{group}/providers/{}/{cluster}", TYPE.name);
    if world.store.get(&id::key(&resource_id)).is_some() {
        return Ok(());
    }
    let tenant = subscription::tenant(&world.store, subscription).unwrap_or_default();
    let location = world.store.get(&id::key(&group)).map(|group| group.text("location").to_owned());
    let resource = json!({
        "id": resource_id, "name": cluster, "type": TYPE.name, "location": location, "tags": {}, "_cluster": cluster,
        "properties": {
            "agentVersion": "1.27.0", "arcAgentProfile": {"agentAutoUpgrade": "Enabled", "agentState": "Succeeded"}, "distribution": "generic", "infrastructure": "generic",
            "kubernetesVersion": "1.33.0", "totalNodeCount": 1, "totalCoreCount": 4,
            "provisioningState": "Succeeded", "connectivityStatus": "Connected", "privateLinkState": "Disabled",
            "oidcIssuerProfile": {"enabled": azure.oidc_issuer},
            "securityProfile": {"workloadIdentity": {"enabled": azure.workload_identity}},
        },
    });
    entra::trust(&mut world.store, cluster, azure.entra.then_some(tenant.as_str()));
    world.store.put(id::key(&resource_id), resource);
    Ok(())
}
