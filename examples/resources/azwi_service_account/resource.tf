resource "azwi_user_assigned_identity" "orders" {
  name                = "orders"
  resource_group_name = "rg-demo"
  location            = "westeurope"
}

# A pod that runs under this account, and carries the label azure.workload.identity/use: "true", acts as the identity.
resource "azwi_service_account" "this" {
  name      = "orders"
  namespace = "demo"
  client_id = azwi_user_assigned_identity.orders.client_id
  tenant_id = azwi_user_assigned_identity.orders.tenant_id

  labels = {
    "app.kubernetes.io/name" = "orders"
  }
}

# An account that somebody else makes, such as a Helm chart, keeps its owner and gets the annotations only.
resource "azwi_service_account" "default" {
  name      = "default"
  namespace = "demo"
  manage    = "annotations"
  client_id = azwi_user_assigned_identity.orders.client_id
}
