resource "azwi_user_assigned_identity" "orders" {
  name                = "orders"
  resource_group_name = "rg-demo"
  location            = "westeurope"
}

# Makes the credential and the service account, and tries until Entra ID accepts the account's tokens.
resource "azwi_federated_credential_binding" "this" {
  user_assigned_identity_id = azwi_user_assigned_identity.orders.id
  cluster_id                = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
  credential_name           = "demo-orders"

  service_account = {
    namespace = "demo"
    name      = "orders"
  }
}

# An account that somebody else makes, such as a Helm chart, keeps its owner and gets the annotations only. The identity may
# read the secrets of one vault, and the apply fails unless a token of the account is accepted.
resource "azwi_federated_credential_binding" "default" {
  user_assigned_identity_id = azwi_user_assigned_identity.orders.id
  cluster_id                = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
  wait_until_usable         = true

  service_account = {
    namespace = "demo"
    name      = "default"
    manage    = "annotations"
  }

  role_assignments = [{
    scope                = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo"
    role_definition_name = "Key Vault Secrets User"
  }]
}
