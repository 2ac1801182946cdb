# The world that the emulator starts with. It believes that a scope exists: it has no storage and no Service Bus.
cluster_id               = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
key_vault_id             = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo"
storage_account_id       = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.Storage/storageAccounts/stdemo"
service_bus_namespace_id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ServiceBus/namespaces/sb-demo"
resource_group_name      = "rg-demo"
namespace                = "demo"
