resource "azwi_service_account" "orders" {
  name      = "orders"
  namespace = "demo"
}

# In practice an account that a Helm chart made.
data "azwi_service_account" "this" {
  name      = azwi_service_account.orders.name
  namespace = azwi_service_account.orders.namespace

  depends_on = [azwi_service_account.orders]
}

output "subject" {
  value = data.azwi_service_account.this.subject
}
