//! Plain objects of each resource, which together have every text that can be configured.

use serde_json::{Value as Json, json};

pub(crate) const SUBSCRIPTION: &str = "20000000-0000-4000-8000-000000000001";
/// "Reader", which has the same GUID everywhere.
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const GUID: &str = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11";
/// The identity that the others refer to.
pub(crate) const IDENTITY: &str = "spelled";

/// A configuration in its plain spelling.
pub(crate) struct Base {
    pub(crate) kind: &'static str,
    pub(crate) config: Json,
}

/// The plain objects of a resource. `%PRINCIPAL%` stands for the principal of [`IDENTITY`], `%ISSUER%` for the cluster's issuer.
pub(crate) fn bases(kind: &str) -> Vec<Base> {
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-demo");
    let identity = format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{IDENTITY}");
    let cluster = format!("{group}/providers/Microsoft.ContainerService/managedClusters/demo");
    let role = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{READER}");
    let vault = format!("{group}/providers/Microsoft.KeyVault/vaults/kv-spelled");
    let of = |kind, configs: Vec<Json>| configs.into_iter().map(|config| Base { kind, config }).collect();
    match kind {
        "azwi_user_assigned_identity" => of(
            "azwi_user_assigned_identity",
            vec![json!({
                "name": "plain", "resource_group_name": "rg-demo", "location": "westeurope", "subscription_id": SUBSCRIPTION,
                "isolation_scope": "None", "tags": {"team": "shop", "app": "x"},
            })],
        ),
        "azwi_federated_identity_credential" => of(
            "azwi_federated_identity_credential",
            vec![json!({
                "name": "plain", "user_assigned_identity_id": identity, "issuer": "https://issuer.example/",
                "subject": "system:serviceaccount:demo:app", "audience": "api://AzureADTokenExchange",
            })],
        ),
        "azwi_service_account" => of(
            "azwi_service_account",
            vec![json!({
                "name": "plain", "namespace": "demo", "client_id": GUID, "tenant_id": GUID, "labels": {"team": "shop", "app": "x"},
                "annotations": {"team": "shop"}, "image_pull_secrets": ["one", "two"], "manage": "object",
                "field_manager": "azwi",
            })],
        ),
        "azwi_role_assignment" => of(
            "azwi_role_assignment",
            vec![
                json!({
                    "scope": group, "role_definition_name": "Reader", "principal_id": "%PRINCIPAL%",
                    "principal_type": "ServicePrincipal", "description": "for the shop",
                    "condition": "@Resource[Microsoft.KeyVault/vaults:name] StringEquals 'a'", "condition_version": "2.0",
                    "name": GUID,
                }),
                json!({
                    "scope": vault, "role_definition_id": role, "principal_id": "%PRINCIPAL%",
                    "delegated_managed_identity_resource_id": identity,
                }),
                json!({"scope": format!("/subscriptions/{SUBSCRIPTION}"), "role_definition_id": READER, "principal_id": "%PRINCIPAL%"}),
            ],
        ),
        "azwi_federated_credential_binding" => of(
            "azwi_federated_credential_binding",
            vec![json!({
                "user_assigned_identity_id": identity, "cluster_id": cluster, "issuer": "%ISSUER%",
                "service_account": {
                    "namespace": "demo", "name": "bound", "manage": "object", "labels": {"team": "shop"},
                    "annotations": {"team": "shop"},
                },
                "credential_name": "plain", "audience": "api://AzureADTokenExchange", "wait_until_usable": false,
                "role_assignments": [
                    {"scope": group, "role_definition_name": "Reader"},
                    {"scope": vault, "role_definition_id": role},
                ],
            })],
        ),
        other => panic!("objects.rs has no plain {other}"),
    }
}
