//! The built-in roles that guides about workload identity use. Names and ids are Azure's; the permissions are as Azure
//! documents them, without what concerns services that the emulator has not.

/// One built-in role.
pub(crate) struct Role {
    pub(crate) name: &'static str,
    pub(crate) id: &'static str,
    pub(crate) actions: &'static [&'static str],
    pub(crate) not_actions: &'static [&'static str],
    pub(crate) data_actions: &'static [&'static str],
}

const fn role(
    name: &'static str,
    id: &'static str,
    actions: &'static [&'static str],
    data_actions: &'static [&'static str],
) -> Role {
    Role { name, id, actions, not_actions: &[], data_actions }
}

const VAULT_READ: &[&str] = &[
    "Microsoft.Authorization/*/read",
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read",
    "Microsoft.KeyVault/vaults/*/read",
    "Microsoft.KeyVault/operations/read",
];
const BLOB_READ: &[&str] = &[
    "Microsoft.Storage/storageAccounts/blobServices/containers/read",
    "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
];

/// All of them, in the order of their documentation: general, vaults, storage, messages, identities, Kubernetes, the rest.
pub(crate) const ROLES: &[Role] = &[
    role("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", &["*"], &[]),
    Role {
        name: "Contributor",
        id: "b24988ac-6180-42a0-ab88-20f7382dd24c",
        actions: &["*"],
        not_actions: &[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
        ],
        data_actions: &[],
    },
    role("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7", &["*/read"], &[]),
    role(
        "User Access Administrator",
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        &["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
        &[],
    ),
    role(
        "Role Based Access Control Administrator",
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        &[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ],
        &[],
    ),
    role(
        "Key Vault Administrator",
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        VAULT_READ,
        &["Microsoft.KeyVault/vaults/*"],
    ),
    role(
        "Key Vault Reader",
        "21090545-7ca7-4776-b22c-e363652d74d2",
        VAULT_READ,
        &["Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"],
    ),
    role(
        "Key Vault Secrets Officer",
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        VAULT_READ,
        &["Microsoft.KeyVault/vaults/secrets/*"],
    ),
    role(
        "Key Vault Secrets User",
        "4633458b-17de-408a-b874-0445c86b69e6",
        &[],
        &[
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
        ],
    ),
    role(
        "Storage Blob Data Reader",
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        BLOB_READ,
        &["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"],
    ),
    role(
        "Storage Blob Data Contributor",
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        &[
            "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
            "Microsoft.Storage/storageAccounts/blobServices/containers/read",
            "Microsoft.Storage/storageAccounts/blobServices/containers/write",
            "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
        ],
        &[
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/move/action",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
        ],
    ),
    role(
        "Storage Blob Data Owner",
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
        &[
            "Microsoft.Storage/storageAccounts/blobServices/containers/*",
            "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
        ],
        &["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*"],
    ),
    role(
        "Storage Queue Data Reader",
        "19e7f393-937e-4f77-808e-94535e297925",
        &["Microsoft.Storage/storageAccounts/queueServices/queues/read"],
        &["Microsoft.Storage/storageAccounts/queueServices/queues/messages/read"],
    ),
    role(
        "Storage Queue Data Contributor",
        "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
        &[
            "Microsoft.Storage/storageAccounts/queueServices/queues/delete",
            "Microsoft.Storage/storageAccounts/queueServices/queues/read",
            "Microsoft.Storage/storageAccounts/queueServices/queues/write",
        ],
        &["Microsoft.Storage/storageAccounts/queueServices/queues/messages/*"],
    ),
    role(
        "Storage Table Data Contributor",
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
        &[
            "Microsoft.Storage/storageAccounts/tableServices/tables/read",
            "Microsoft.Storage/storageAccounts/tableServices/tables/write",
            "Microsoft.Storage/storageAccounts/tableServices/tables/delete",
        ],
        &["Microsoft.Storage/storageAccounts/tableServices/tables/entities/*"],
    ),
    role(
        "Azure Service Bus Data Owner",
        "090c5cfd-751d-490a-894a-3ce6f1109419",
        &["Microsoft.ServiceBus/*"],
        &["Microsoft.ServiceBus/*"],
    ),
    role(
        "Azure Service Bus Data Receiver",
        "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
        &[
            "Microsoft.ServiceBus/*/queues/read",
            "Microsoft.ServiceBus/*/topics/read",
            "Microsoft.ServiceBus/*/topics/subscriptions/read",
        ],
        &["Microsoft.ServiceBus/*/receive/action"],
    ),
    role(
        "Azure Service Bus Data Sender",
        "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",
        &[
            "Microsoft.ServiceBus/*/queues/read",
            "Microsoft.ServiceBus/*/topics/read",
            "Microsoft.ServiceBus/*/topics/subscriptions/read",
        ],
        &["Microsoft.ServiceBus/*/send/action"],
    ),
    role(
        "Azure Event Hubs Data Receiver",
        "a638d3c7-ab3a-418d-83e6-5f17a39d4fde",
        &["Microsoft.EventHub/*/eventhubs/consumergroups/read"],
        &["Microsoft.EventHub/*/receive/action"],
    ),
    role(
        "Azure Event Hubs Data Sender",
        "2b629674-e913-4c01-ae53-ef4638d8f975",
        &["Microsoft.EventHub/*/eventhubs/read"],
        &["Microsoft.EventHub/*/send/action"],
    ),
    role(
        "Managed Identity Operator",
        "f1a07417-d97a-45cb-824c-7a7467783830",
        &[
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
        &[],
    ),
    role(
        "Managed Identity Contributor",
        "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59",
        &[
            "Microsoft.ManagedIdentity/userAssignedIdentities/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/write",
            "Microsoft.ManagedIdentity/userAssignedIdentities/delete",
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/*",
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
        &[],
    ),
    role(
        "Azure Kubernetes Service Cluster User Role",
        "4abbcc35-e782-43d8-92c5-2d3f1bd2253f",
        &[
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
            "Microsoft.ContainerService/managedClusters/read",
        ],
        &[],
    ),
    role(
        "Azure Kubernetes Service Cluster Admin Role",
        "0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8",
        &[
            "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
            "Microsoft.ContainerService/managedClusters/accessProfiles/listCredential/action",
            "Microsoft.ContainerService/managedClusters/read",
            "Microsoft.ContainerService/managedClusters/runcommand/action",
        ],
        &[],
    ),
    role(
        "Azure Kubernetes Service RBAC Cluster Admin",
        "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
        &[
            "Microsoft.Authorization/*/read",
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        ],
        &["Microsoft.ContainerService/managedClusters/*"],
    ),
    role(
        "Azure Kubernetes Service RBAC Admin",
        "3498e952-d568-435e-9b2c-8d77e338d7f7",
        &[
            "Microsoft.Authorization/*/read",
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        ],
        &["Microsoft.ContainerService/managedClusters/*"],
    ),
    role(
        "Azure Kubernetes Service RBAC Writer",
        "a7ffa36f-339b-4b5c-8bdf-e2c188b2c0eb",
        &["Microsoft.Authorization/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read"],
        &["Microsoft.ContainerService/managedClusters/*/read", "Microsoft.ContainerService/managedClusters/*/write"],
    ),
    role(
        "Azure Kubernetes Service RBAC Reader",
        "7f6c6a51-bcf8-42ba-9220-52d62157d7db",
        &["Microsoft.Authorization/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read"],
        &["Microsoft.ContainerService/managedClusters/*/read"],
    ),
    role(
        "Azure Arc Kubernetes Viewer",
        "63f0a09d-1495-4db4-a681-037d84835eb4",
        &["Microsoft.Authorization/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read"],
        &["Microsoft.Kubernetes/connectedClusters/*/read"],
    ),
    role(
        "Azure Arc Enabled Kubernetes Cluster User Role",
        "00493d72-78f6-4148-b6c5-d3ce8e4799dd",
        &[
            "Microsoft.Resources/subscriptions/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Kubernetes/connectedClusters/listClusterUserCredentials/action",
            "Microsoft.Authorization/*/read",
            "Microsoft.Kubernetes/connectedClusters/listClusterUserCredential/action",
        ],
        &[],
    ),
    role("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d", &["Microsoft.ContainerRegistry/registries/pull/read"], &[]),
    role(
        "App Configuration Data Reader",
        "516239f1-63e1-4d78-a4de-a74fb236a071",
        &["Microsoft.AppConfiguration/configurationStores/read"],
        &["Microsoft.AppConfiguration/configurationStores/*/read"],
    ),
    role(
        "DocumentDB Account Contributor",
        "5bd9cd88-fe45-4216-938b-f97437e15450",
        &["Microsoft.DocumentDb/databaseAccounts/*", "Microsoft.Authorization/*/read"],
        &[],
    ),
    role(
        "Cosmos DB Account Reader Role",
        "fbdf93bf-df7d-467e-a4d2-9458aa1360c8",
        &["Microsoft.DocumentDB/*/read", "Microsoft.DocumentDB/databaseAccounts/readonlykeys/action"],
        &[],
    ),
    Role {
        name: "Cosmos DB Operator",
        id: "230815da-be43-4aae-9cb4-875f7bd000aa",
        actions: &["Microsoft.DocumentDb/databaseAccounts/*", "Microsoft.Authorization/*/read"],
        not_actions: &[
            "Microsoft.DocumentDB/databaseAccounts/readonlyKeys/*",
            "Microsoft.DocumentDB/databaseAccounts/regenerateKey/*",
            "Microsoft.DocumentDB/databaseAccounts/listKeys/*",
            "Microsoft.DocumentDB/databaseAccounts/listConnectionStrings/*",
        ],
        data_actions: &[],
    },
    role(
        "Monitoring Metrics Publisher",
        "3913510d-42f4-4e42-8a64-420c390055eb",
        &[
            "Microsoft.Insights/Register/Action",
            "Microsoft.Support/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
        &["Microsoft.Insights/Metrics/Write", "Microsoft.Insights/Telemetry/Write"],
    ),
];

/// The role with this GUID.
pub(crate) fn find(id: &str) -> Option<&'static Role> {
    ROLES.iter().find(|role| role.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_a_name_and_a_guid_of_its_own() {
        let count =
            |of: fn(&Role) -> &'static str| ROLES.iter().map(of).collect::<std::collections::BTreeSet<_>>().len();
        assert_eq!((count(|role| role.id), count(|role| role.name)), (ROLES.len(), ROLES.len()));
        assert!(ROLES.iter().all(|role| uuid::Uuid::try_parse(role.id).is_ok()));
    }
}
