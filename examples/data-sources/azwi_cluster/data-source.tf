data "azwi_cluster" "this" {
  cluster_id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
}

# The issuer of a federated identity credential, byte for byte.
output "issuer" {
  value = data.azwi_cluster.this.issuer
}
