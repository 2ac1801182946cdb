output "client_id" {
  description = "What the pod signs in as."
  value       = azwi_user_assigned_identity.app.client_id
}

output "subject" {
  description = "What the cluster's tokens say of the service account, and the credential trusts."
  value       = azwi_federated_identity_credential.app.subject
}

output "pod_label" {
  description = "What every pod under the service account must carry."
  value       = { "azure.workload.identity/use" = "true" }
}
