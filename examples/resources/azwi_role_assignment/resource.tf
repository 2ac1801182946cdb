resource "azwi_user_assigned_identity" "orders" {
  name                = "orders"
  resource_group_name = "rg-demo"
  location            = "westeurope"
}

# As narrow as it can be: one role, on one vault.
resource "azwi_role_assignment" "this" {
  scope                = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-orders"
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azwi_user_assigned_identity.orders.principal_id
  description          = "The orders service reads its secrets."
}
