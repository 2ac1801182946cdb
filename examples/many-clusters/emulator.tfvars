# The world that the emulator starts with: it has two clusters.
cluster_ids = {
  west = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
  east = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/second"
}
key_vault_id        = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo"
resource_group_name = "rg-demo"
namespace           = "demo"
tags                = { team = "storefront" }
