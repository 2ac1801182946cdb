output "pods" {
  description = "The manifests of pods/ for this account and vault: terraform output -raw pods | kubectl apply --filename -"
  value = join("---\n", [
    for file in sort(fileset(path.module, "pods/*.yaml")) : templatefile("${path.module}/${file}", {
      namespace       = azwi_federated_credential_binding.lab.service_account.namespace
      service_account = azwi_federated_credential_binding.lab.service_account.name
      labels          = azwi_federated_credential_binding.lab.pod_labels
      key_vault_url   = local.key_vault_url
      secret_name     = var.secret_name
    })
  ])
}

output "client_id" {
  description = "What the pods sign in as."
  value       = azwi_federated_credential_binding.lab.client_id
}

output "issuer" {
  description = "The cluster's issuer, which the credential trusts."
  value       = data.azwi_cluster.this.issuer
}

output "subject" {
  description = "What the cluster's tokens say of the service account, and the credential trusts."
  value       = azwi_federated_credential_binding.lab.subject
}

output "key_vault_url" {
  description = "Where the vault is."
  value       = local.key_vault_url
}

output "usable" {
  description = "Whether a token of the account was exchanged at Entra ID."
  value       = azwi_federated_credential_binding.lab.usable
}
