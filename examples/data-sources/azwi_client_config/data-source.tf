data "azwi_client_config" "this" {}

output "tenant_id" {
  value = data.azwi_client_config.this.tenant_id
}
