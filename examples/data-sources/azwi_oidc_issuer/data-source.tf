data "azwi_cluster" "demo" {
  cluster_id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
}

# Fails where the document that the issuer publishes names another one, even by a slash.
data "azwi_oidc_issuer" "this" {
  issuer = data.azwi_cluster.demo.issuer
}

output "key_ids" {
  value = data.azwi_oidc_issuer.this.keys[*].kid
}
