resource "azwi_user_assigned_identity" "orders" {
  name                = "orders"
  resource_group_name = "rg-demo"
  location            = "westeurope"
}

# In practice an identity that another configuration made.
data "azwi_user_assigned_identity" "this" {
  name                = "orders"
  resource_group_name = "rg-demo"

  depends_on = [azwi_user_assigned_identity.orders]
}

output "principal_id" {
  value = data.azwi_user_assigned_identity.this.principal_id
}
