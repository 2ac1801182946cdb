output "client_id" {
  description = "What the pods sign in as."
  value       = azwi_federated_credential_binding.app.client_id
}

output "subject" {
  description = "What the cluster's tokens say of the service account, and the credential trusts."
  value       = azwi_federated_credential_binding.app.subject
}
