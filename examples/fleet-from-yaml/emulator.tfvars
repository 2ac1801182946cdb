# The world that the emulator starts with. It believes that a scope exists: it has no storage and no Service Bus.
cluster_id          = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
resource_group_name = "rg-demo"

resources = {
  vault     = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo"
  documents = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.Storage/storageAccounts/stdemo/blobServices/default/containers/documents"
  orders    = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ServiceBus/namespaces/sb-demo/queues/orders"
  events    = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ServiceBus/namespaces/sb-demo/queues/events"
}
