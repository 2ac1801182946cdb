data "azwi_role_definition" "this" {
  name = "Key Vault Secrets User"
}

output "data_actions" {
  value = flatten(data.azwi_role_definition.this.permissions[*].data_actions)
}
