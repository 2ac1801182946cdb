resource "azwi_user_assigned_identity" "this" {
  name                = "orders"
  resource_group_name = "rg-demo"
  location            = "westeurope"

  tags = {
    team = "payments"
  }
}
