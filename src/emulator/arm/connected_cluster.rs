//! `Microsoft.Kubernetes/connectedClusters`: clusters enabled by Azure Arc. They are seeded and only read.
//!
//! Arc writes `issuerUrl` where AKS writes `issuerURL`. A real kubeconfig leads through Arc's relay; the emulator has none,
//! so its kubeconfig names the emulated API server itself.

use http::StatusCode;
use serde_json::{Value, json};

use super::error::{Error, resource_not_found};
use super::{ResourceType, id, kubeconfig, page, subscription};
use crate::emulator::http::Response;
use crate::emulator::json::Json as _;
use crate::emulator::kubernetes::entra;
use crate::emulator::operation::{Answer, Call, Operation};
use crate::emulator::seed;
use crate::emulator::world::World;

const VERSIONS: &[&str] = &["2021-03-01", "2021-10-01", "2024-01-01", "2026-05-01"];
const TYPE: ResourceType = ResourceType { name: "Microsoft.Kubernetes/connectedClusters", versions: VERSIONS };
const USER_CREDENTIAL: ResourceType =
    ResourceType { name: "Microsoft.Kubernetes/connectedClusters/listClusterUserCredential", versions: VERSIONS };

pub(crate) const OPERATIONS: &[Operation] = &[
    TYPE.operation(
        "ConnectedCluster_Get",
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Kubernetes/connectedClusters/{cluster}",
        get,
    ),
    TYPE.operation(
        "ConnectedCluster_ListByResourceGroup",
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Kubernetes/connectedClusters",
        list_by_group,
    ),
    TYPE.operation(
        "ConnectedCluster_ListBySubscription",
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Kubernetes/connectedClusters",
        list_by_subscription,
    ),
    USER_CREDENTIAL.operation(
        "ConnectedCluster_ListClusterUserCredential",
        "POST",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Kubernetes/connectedClusters/{cluster}/listClusterUserCredential",
        user_credential,
    ),
];

fn find<'a>(world: &'a World, call: &Call<'_>) -> Result<&'a Value, Error> {
    let (group, name) = (id::group_id(world, call)?, call.parameter("cluster"));
    let found = world.store.get(&id::key(&format!("{group}/providers/{}/{name}", TYPE.name)));
    found.ok_or_else(|| resource_not_found(TYPE.name, name, call.parameter("group")))
}

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

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    Ok(Response::json(StatusCode::OK, &shown(world, find(world, call)?)))
}

fn list_by_group(world: &mut World, call: &Call<'_>) -> Answer {
    let group = id::group_id(world, call)?;
    list(world, call, &format!("{}/", id::key(&group)))
}

fn list_by_subscription(world: &mut World, call: &Call<'_>) -> Answer {
    let subscription = call.parameter("subscription");
    subscription::require(&world.store, subscription)?;
    list(world, call, &id::key(&format!("/subscriptions/{subscription}/")))
}

fn list(world: &World, call: &Call<'_>, prefix: &str) -> Answer {
    let clusters = world.store.under(prefix).filter(|(_, document)| document.text("type") == TYPE.name);
    let items = clusters.map(|(_, cluster)| shown(world, cluster)).collect();
    Ok(page::answer(world, call.request, &page::sorted(items))?)
}

fn user_credential(world: &mut World, call: &Call<'_>) -> Answer {
    let resource = find(world, call)?;
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
            "agentVersion": "1.27.0", "distribution": "generic", "infrastructure": "generic",
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
