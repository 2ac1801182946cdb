output "client_id" {
  description = "What the pods sign in as."
  value       = azwi_federated_credential_binding.app.client_id
}

output "credential_id" {
  description = "The federated identity credential."
  value       = azwi_federated_credential_binding.app.credential_id
}

output "subject" {
  description = "What the cluster's tokens say of the service account, and the credential trusts."
  value       = azwi_federated_credential_binding.app.subject
}

output "pod_labels" {
  description = "What every pod under the service account must carry."
  value       = azwi_federated_credential_binding.app.pod_labels
}

output "usable" {
  description = "Whether a token of the account was exchanged at Entra ID."
  value       = azwi_federated_credential_binding.app.usable
}
