output "client_id" {
  description = "What the pods sign in as."
  value       = azwi_federated_credential_binding.app.client_id
}

output "issuer" {
  description = "The issuer of the cluster's tokens, as Azure Arc publishes it."
  value       = data.azwi_cluster.this.issuer
}

output "cluster" {
  description = "What Azure Arc says of the cluster and its agents."
  value = {
    connectivity_status = data.azwi_cluster.this.connectivity_status
    agent_state         = data.azwi_cluster.this.agent_state
    agent_version       = data.azwi_cluster.this.agent_version
    distribution        = data.azwi_cluster.this.distribution
    kubernetes_version  = data.azwi_cluster.this.kubernetes_version
  }
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
