resource "azwi_user_assigned_identity" "orders" {
  name                = "orders"
  resource_group_name = "rg-demo"
  location            = "westeurope"
}

# Lets the service account `orders` in the namespace `demo` of one cluster act as the identity.
resource "azwi_federated_identity_credential" "this" {
  name                      = "demo-orders"
  user_assigned_identity_id = azwi_user_assigned_identity.orders.id

  # Byte for byte what the cluster says, with its slash at the end:
  # az aks show --name NAME --resource-group GROUP --query oidcIssuerProfile.issuerUrl
  issuer  = "https://westeurope.oic.prod-aks.azure.com/10000000-0000-4000-8000-000000000001/5f0d3c52-7b1e-4d0e-9a55-0c1f4f6c2d11/"
  subject = "system:serviceaccount:demo:orders"
}
