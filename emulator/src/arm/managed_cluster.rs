//! `Microsoft.ContainerService/managedClusters`: AKS, in front of the emulated Kubernetes clusters.
//!
//! A cluster that is made here gets an emulated cluster of its own, whose name and issuer nobody had before: one that is made
//! again under its old name has another issuer, as in Azure. `_cluster` in a document is that emulated cluster's name.

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::Error;
use super::resource::Resource;
use super::seed;
use super::{ResourceType, id, kubeconfig, long_running, role_assignment, subscription};
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Operation};
use crate::core::store::Store;
use crate::core::world::World;
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::entra;

/// Those with `oidcIssuerProfile` and `securityProfile.workloadIdentity`.
pub(super) const VERSIONS: &[&str] = &[
    "2023-01-01",
    "2023-02-01",
    "2023-03-01",
    "2023-04-01",
    "2023-05-01",
    "2023-06-01",
    "2023-07-01",
    "2023-08-01",
    "2023-09-01",
    "2023-10-01",
    "2023-11-01",
    "2024-01-01",
    "2024-02-01",
    "2024-05-01",
    "2024-06-01",
    "2024-07-01",
    "2024-08-01",
    "2024-09-01",
    "2024-10-01",
    "2025-01-01",
    "2025-02-01",
    "2025-03-01",
    "2025-04-01",
    "2025-05-01",
    "2025-06-01",
    "2025-07-01",
    "2025-08-01",
    "2025-09-01",
    "2025-10-01",
    "2026-01-01",
    "2026-02-01",
    "2026-03-01",
    "2026-05-01",
    "2026-06-01",
    "2026-08-01",
];
const CLUSTERS: Resource =
    Resource { of: TYPE, parameter: "cluster", shown: |world, _, cluster| shown(world, cluster) };
const TYPE: ResourceType = ResourceType { name: "Microsoft.ContainerService/managedClusters", versions: VERSIONS };
const USER_CREDENTIAL: ResourceType =
    ResourceType { name: "Microsoft.ContainerService/managedClusters/listClusterUserCredential", versions: VERSIONS };
const ADMIN_CREDENTIAL: ResourceType =
    ResourceType { name: "Microsoft.ContainerService/managedClusters/listClusterAdminCredential", versions: VERSIONS };
const ONE: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerService/managedClusters/{cluster}";

pub(crate) const OPERATIONS: &[Operation] = &[
    TYPE.operation("ManagedClusters_CreateOrUpdate", "PUT", ONE, put),
    TYPE.operation("ManagedClusters_Update", "PATCH", ONE, patch),
    TYPE.operation("ManagedClusters_Get", "GET", ONE, |world, call| CLUSTERS.get(world, call)),
    TYPE.operation("ManagedClusters_Delete", "DELETE", ONE, delete),
    TYPE.operation(
        "ManagedClusters_ListByResourceGroup",
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerService/managedClusters",
        |world, call| CLUSTERS.list(world, call),
    ),
    TYPE.operation(
        "ManagedClusters_List",
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.ContainerService/managedClusters",
        |world, call| CLUSTERS.list(world, call),
    ),
    USER_CREDENTIAL.operation(
        "ManagedClusters_ListClusterUserCredentials",
        "POST",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerService/managedClusters/{cluster}/listClusterUserCredential",
        user_credential,
    ),
    ADMIN_CREDENTIAL.operation(
        "ManagedClusters_ListClusterAdminCredentials",
        "POST",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerService/managedClusters/{cluster}/listClusterAdminCredential",
        admin_credential,
    ),
];

fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let resource_id = CLUSTERS.id(world, call)?;
    let name = call.parameter("cluster");
    id::check_name(name, "managed cluster", 1, 63, "-_")?;
    let body = id::body(call)?;
    let location = CLUSTERS.location(&body)?;
    let tags = id::tags(&body)?.unwrap_or_else(|| json!({}));
    let before = world.store.get(&id::key(&resource_id)).cloned();
    let tenant = subscription::tenant(&world.store, call.parameter("subscription")).unwrap_or_default();
    if let Some(before) = &before {
        refuse_while_busy(world, before)?;
        if before.text("location") != location {
            return Err(
                Error::bad_request("PropertyChangeNotAllowed", "Changing property 'location' is not allowed.").into()
            );
        }
    }
    let old = before.as_ref().map_or(&Value::Null, |before| before.at("properties"));
    let properties = properties(old, body.at("properties"), &tenant)?;
    let mut resource = before.clone().unwrap_or_else(|| {
        let sku = json!({"name": "Base", "tier": "Free"});
        json!({"id": resource_id, "name": name, "type": TYPE.name, "location": location, "sku": sku})
    });
    if before.is_none() {
        let made = make_cluster(world, name, &tenant)?;
        json_patch::merge(&mut resource, &json!({"_cluster": made}));
    }
    for field in ["identity", "sku"] {
        json_patch::merge(&mut resource, &json!({field: body.at(field)}));
    }
    if let Some(resource) = resource.as_object_mut() {
        resource.retain(|_, value| !value.is_null());
        resource.insert("tags".to_owned(), tags);
        resource.insert("properties".to_owned(), properties);
    }
    let (status, state) =
        if before.is_some() { (StatusCode::OK, "Updating") } else { (StatusCode::CREATED, "Creating") };
    Ok(write(world, call, resource, status, state))
}

/// Makes the emulated cluster of a new resource and returns its name.
fn make_cluster(world: &mut World, name: &str, tenant: &str) -> Result<String, Error> {
    let suffix: String = Uuid::new_v4().simple().to_string().chars().take(8).collect();
    let cluster = format!("{name}-{suffix}");
    Cluster::serve(world, &cluster, tenant, &["default", "kube-system"].map(str::to_owned))
        .map_err(|error| Error::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", error))?;
    Ok(cluster)
}

/// Stores a resource that was written, begins its operation, and answers with it as it is on the way.
fn write(world: &mut World, call: &Call<'_>, mut resource: Value, status: StatusCode, state: &str) -> Response {
    json_patch::merge(
        &mut resource,
        &json!({"_state": state, "_endMs": long_running::ends(world), "eTag": Uuid::new_v4().to_string()}),
    );
    let tenant = resource.at("properties").at("aadProfile").at("tenantID").as_str();
    entra::trust(&mut world.store, resource.text("_cluster"), tenant);
    world.store.put(id::key(resource.text("id")), resource.clone());
    let mut body = shown(world, &resource);
    json_patch::merge(&mut body, &json!({"properties": {"provisioningState": state}}));
    let location = resource.text("location").to_owned();
    long_running::begin(world, call, &location, Response::json(status, &body))
}

fn busy<'a>(world: &World, resource: &'a Value) -> Option<&'a str> {
    let ends = resource.at("_endMs").as_i64().unwrap_or_default();
    (ends > world.now_ms()).then(|| resource.text("_state"))
}

fn refuse_while_busy(world: &World, resource: &Value) -> Result<(), Error> {
    let Some(state) = busy(world, resource) else { return Ok(()) };
    let message = format!(
        "Operation is not allowed because there's an in progress operation on the managed cluster '{}' ({state}). Please wait \
         for it to finish before starting a new operation.",
        resource.text("name")
    );
    Err(Error::conflict("OperationNotAllowed", message))
}

/// The properties after a write: those before, what the body changes, and what the service adds.
fn properties(before: &Value, given: &Value, tenant: &str) -> Result<Value, Error> {
    if !given.is_object() {
        return Err(Error::content("The property 'properties' must be an object"));
    }
    for (profile, member) in [("oidcIssuerProfile", "enabled"), ("aadProfile", "managed")] {
        let (profile_given, value) = (given.at(profile), given.at(profile).at(member));
        if !(profile_given.is_null() || profile_given.is_object()) || !(value.is_null() || value.is_boolean()) {
            return Err(Error::content(format!("The property '{profile}.{member}' must be a boolean")));
        }
    }
    let mut all = defaults();
    // A patch that is null would leave nothing of it.
    if before.is_object() {
        json_patch::merge(&mut all, before);
    }
    json_patch::merge(&mut all, given);
    // What only the service writes.
    json_patch::merge(
        &mut all,
        &json!({"provisioningState": null, "fqdn": null, "privateFQDN": null, "azurePortalFQDN": null}),
    );
    if before.at("oidcIssuerProfile").at("enabled") == true && all.at("oidcIssuerProfile").at("enabled") != true {
        let message = "OIDC issuer feature cannot be disabled once it is enabled.";
        return Err(Error::bad_request("OIDCIssuerFeatureCannotBeDisabled", message));
    }
    let workload_identity = all.at("securityProfile").at("workloadIdentity").at("enabled") == true;
    if workload_identity && all.at("oidcIssuerProfile").at("enabled") != true {
        let message = "Workload identity needs the OIDC issuer: enable oidcIssuerProfile as well.";
        return Err(Error::bad_request("BadRequest", message));
    }
    if all.at("aadProfile").at("managed") == true {
        json_patch::merge(&mut all, &json!({"aadProfile": {"tenantID": tenant}}));
    } else if all.at("disableLocalAccounts") == true {
        let message = "Local accounts can only be disabled on a cluster with managed Entra ID integration.";
        return Err(Error::bad_request("BadRequest", message));
    }
    Ok(all)
}

/// What the service decides where nobody says otherwise. Nothing in it has an effect here, but `az aks update` reads all of a
/// cluster and stops where it has no pool of nodes or no network.
fn defaults() -> Value {
    let pool = json!({
        "name": "nodepool1", "count": 1, "vmSize": "Standard_D2s_v5", "osType": "Linux", "osSKU": "Ubuntu", "mode": "System",
        "type": "VirtualMachineScaleSets", "orchestratorVersion": "1.33.0", "currentOrchestratorVersion": "1.33.0",
        "provisioningState": "Succeeded", "powerState": {"code": "Running"}, "maxPods": 250, "enableAutoScaling": false,
    });
    let network = json!({
        "networkPlugin": "azure", "networkPluginMode": "overlay", "networkDataplane": "azure", "loadBalancerSku": "standard",
        "outboundType": "loadBalancer", "podCidr": "10.244.0.0/16", "serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10",
    });
    json!({
        "kubernetesVersion": "1.33.0", "enableRBAC": true, "disableLocalAccounts": false, "agentPoolProfiles": [pool],
        "networkProfile": network, "powerState": {"code": "Running"}, "supportPlan": "KubernetesOfficial",
    })
}

/// The resource as it is now.
fn shown(world: &World, resource: &Value) -> Value {
    let mut shown = resource.clone();
    if let Some(shown) = shown.as_object_mut() {
        shown.retain(|name, _| !name.starts_with('_'));
    }
    let properties = resource.at("properties");
    let group = resource.text("id").split('/').nth(4).unwrap_or_default();
    let (name, location) = (resource.text("name"), resource.text("location"));
    let prefix = properties.at("dnsPrefix").as_str().unwrap_or(name);
    let private = properties.at("apiServerAccessProfile").at("enablePrivateCluster") == true;
    let host = if private {
        format!("{prefix}.privatelink.{location}.azmk8s.io")
    } else {
        format!("{prefix}.hcp.{location}.azmk8s.io")
    };
    let node_group = properties
        .at("nodeResourceGroup")
        .as_str()
        .map_or_else(|| format!("MC_{group}_{name}_{location}"), str::to_owned);
    let computed = json!({
        "provisioningState": busy(world, resource).unwrap_or("Succeeded"),
        "dnsPrefix": prefix,
        "nodeResourceGroup": node_group,
        "identityProfile": {"kubeletidentity": kubelet(resource, &node_group)},
        "currentKubernetesVersion": properties.at("kubernetesVersion"),
        "fqdn": (!private).then_some(&host),
        "privateFQDN": private.then_some(&host),
        "azurePortalFQDN": (!private).then(|| format!("{prefix}.portal.hcp.{location}.azmk8s.io")),
    });
    json_patch::merge(&mut shown, &json!({"properties": computed}));
    let issuer = kubeconfig::cluster_of(world, resource).map(|cluster| cluster.issuer().to_owned());
    let enabled = properties.at("oidcIssuerProfile").at("enabled") == true;
    let issuer = issuer.filter(|_| enabled);
    json_patch::merge(
        &mut shown,
        &json!({"properties": {"oidcIssuerProfile": {"enabled": enabled, "issuerURL": issuer}}}),
    );
    shown
}

/// The identity of the cluster's nodes, which no principal stands for.
fn kubelet(resource: &Value, node_group: &str) -> Value {
    let (id, name) = (resource.text("id"), resource.text("name"));
    let subscription = id.split('/').nth(2).unwrap_or_default();
    let derived =
        |what: &str| Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{}|{what}", id.to_lowercase()).as_bytes()).to_string();
    json!({
        "resourceId": format!(
            "/subscriptions/{subscription}/resourcegroups/{node_group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}-agentpool"
        ),
        "clientId": derived("client"),
        "objectId": derived("object"),
    })
}

fn patch(world: &mut World, call: &Call<'_>) -> Answer {
    let mut resource = CLUSTERS.find(world, call)?.clone();
    refuse_while_busy(world, &resource)?;
    let body = id::body(call)?;
    let tenant = subscription::tenant(&world.store, call.parameter("subscription")).unwrap_or_default();
    let tags = id::tags(&body)?;
    if !body.at("properties").is_null() {
        let changed = properties(resource.at("properties"), body.at("properties"), &tenant)?;
        if let Some(resource) = resource.as_object_mut() {
            resource.insert("properties".to_owned(), changed);
        }
    }
    if let (Some(tags), Some(resource)) = (tags, resource.as_object_mut()) {
        resource.insert("tags".to_owned(), tags);
    }
    Ok(write(world, call, resource, StatusCode::ACCEPTED, "Updating"))
}

fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    id::group_id(world, call)?;
    let Ok(resource) = CLUSTERS.find(world, call).cloned() else { return Ok(Response::empty(StatusCode::NO_CONTENT)) };
    refuse_while_busy(world, &resource)?;
    role_assignment::forget_within(&mut world.store, resource.text("id"));
    super::forget(&mut world.store, &id::key(resource.text("id")));
    Ok(long_running::begin(world, call, resource.text("location"), Response::empty(StatusCode::ACCEPTED)))
}

/// What goes with a resource that was removed, if it is one of these: its emulated cluster. A cluster of Arc is its owner's
/// and stays.
pub(super) fn forget(store: &mut Store, document: &Value) {
    if document.text("type") == TYPE.name
        && let Some(cluster) = document.at("_cluster").as_str().and_then(|name| Cluster::load(store, name))
    {
        cluster.delete(store);
    }
}

fn user_credential(world: &mut World, call: &Call<'_>) -> Answer {
    let resource = CLUSTERS.find(world, call)?;
    let user = match resource.at("properties").at("aadProfile").at("tenantID").as_str() {
        None => local_account(world, resource),
        Some(tenant) => match call.request.query("format").unwrap_or("exec") {
            "exec" => kubeconfig::kubelogin(tenant),
            "azure" => kubeconfig::auth_provider(tenant),
            other => {
                let message = format!("The format '{other}' is none of 'azure' and 'exec'.");
                return Err(Error::bad_request("InvalidParameter", message).into());
            }
        },
    };
    Ok(kubeconfig::answer(world, resource, "clusterUser", &user))
}

fn admin_credential(world: &mut World, call: &Call<'_>) -> Answer {
    let resource = CLUSTERS.find(world, call)?;
    if resource.at("properties").at("disableLocalAccounts") == true {
        let message = "Getting static credential is not allowed because this cluster is set to disable local accounts.";
        return Err(Error::bad_request("BadRequest", message).into());
    }
    Ok(kubeconfig::answer(world, resource, "clusterAdmin", &local_account(world, resource)))
}

fn local_account(world: &World, resource: &Value) -> Value {
    json!({"token": kubeconfig::cluster_of(world, resource).map(|cluster| cluster.admin_token().to_owned())})
}

/// Puts the resource of a seeded cluster there, unless it is there.
///
/// # Errors
/// When there is no such group, or the cluster cannot be so.
pub(crate) fn seed(
    world: &mut World,
    cluster: &str,
    azure: &seed::ClusterResource,
    subscription: &str,
) -> Result<(), String> {
    let group = id::find_group(&world.store, subscription, &azure.resource_group)
        .map_err(|_| format!("cluster `{cluster}`: there is no resource group `{}`", azure.resource_group))?;
    let tenant = subscription::tenant(&world.store, subscription).unwrap_or_default();
    let resource_id = format!("{group}/providers/{}/{cluster}", TYPE.name);
    if world.store.get(&id::key(&resource_id)).is_some() {
        return Ok(());
    }
    let mut given = json!({
        "dnsPrefix": cluster,
        "oidcIssuerProfile": {"enabled": azure.oidc_issuer},
        "securityProfile": {"workloadIdentity": {"enabled": azure.workload_identity}},
        "disableLocalAccounts": !azure.local_accounts,
        "apiServerAccessProfile": {"enablePrivateCluster": azure.private},
    });
    if azure.entra {
        json_patch::merge(&mut given, &json!({"aadProfile": {"managed": true, "enableAzureRBAC": true}}));
    }
    let properties = properties(&Value::Null, &given, &tenant).map_err(|_| {
        format!("cluster `{cluster}`: workload identity needs the OIDC issuer, and no local accounts need Entra ID")
    })?;
    let location = world.store.get(&id::key(&group)).map(|group| group.text("location").to_owned());
    let resource = json!({
        "id": resource_id, "name": cluster, "type": TYPE.name, "location": location, "tags": {},
        "identity": {"type": "SystemAssigned"}, "sku": {"name": "Base", "tier": "Free"}, "eTag": Uuid::new_v4().to_string(),
        "_cluster": cluster, "properties": properties,
    });
    entra::trust(&mut world.store, cluster, azure.entra.then_some(tenant.as_str()));
    world.store.put(id::key(&resource_id), resource);
    Ok(())
}

#[cfg(test)]
#[path = "managed_cluster_tests.rs"]
mod tests;
