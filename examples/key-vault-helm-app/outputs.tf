output "values" {
  description = "Values for the chart, as YAML: terraform output -raw values > values.yaml"
  # yamlencode puts each key in quotes, which nobody writes.
  value = replace(local.values, "/(?m)^( *)\"(\\w+)\":/", "$1$2:")
}

locals {
  values = yamlencode(merge(
    {
      for component, account in local.accounts : component => {
        serviceAccount = {
          create = false
          name   = account
        }
        podLabels = azwi_federated_credential_binding.account[account].pod_labels
      }
    },
    {
      azureKeyVault = {
        name     = local.key_vault_name
        url      = local.key_vault_url
        clientId = azwi_user_assigned_identity.app.client_id
        tenantId = azwi_user_assigned_identity.app.tenant_id
      }
    },
  ))
}

output "service_accounts" {
  description = "The service account that each component runs under."
  value       = local.accounts
}

output "client_id" {
  description = "What the pods sign in as; the accounts are annotated with it."
  value       = azwi_user_assigned_identity.app.client_id
}

output "key_vault_name" {
  description = "The vault that holds the application's secrets."
  value       = local.key_vault_name
}

output "key_vault_url" {
  description = "Where that vault is."
  value       = local.key_vault_url
}

output "pod_labels" {
  description = "What every pod of every component must carry."
  value       = one(distinct([for binding in azwi_federated_credential_binding.account : binding.pod_labels]))
}

output "usable" {
  description = "For each service account, whether a token of it was exchanged at Entra ID."
  value       = { for account, binding in azwi_federated_credential_binding.account : account => binding.usable }
}
