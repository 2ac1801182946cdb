resource "azwi_user_assigned_identity" "orders" {
  name                = "orders"
  resource_group_name = "rg-demo"
  location            = "westeurope"
}

data "azwi_federated_identity_credentials" "this" {
  user_assigned_identity_id = azwi_user_assigned_identity.orders.id
}

# Says so before an identity is full.
check "room_for_more_clusters" {
  assert {
    condition     = data.azwi_federated_identity_credentials.this.remaining >= 2
    error_message = "Only ${data.azwi_federated_identity_credentials.this.remaining} credentials are left on the identity."
  }
}
