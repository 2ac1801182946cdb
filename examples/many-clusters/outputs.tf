output "client_id" {
  description = "What the pods sign in as, in both clusters."
  value       = azwi_user_assigned_identity.app.client_id
}

output "pod_labels" {
  description = "What every pod under the account must carry."
  value       = module.west.pod_labels
}

output "issuers" {
  description = "The issuer of each cluster: the one thing in which the two credentials differ."
  value       = { west = data.azwi_cluster.west.issuer, east = data.azwi_cluster.east.issuer }
}

output "credential_ids" {
  description = "The federated identity credential for each cluster."
  value       = { west = module.west.credential_ids[var.name], east = module.east.credential_ids[var.name] }
}

output "usable" {
  description = "Whether a token of the account was exchanged at Entra ID, from each cluster."
  value       = { west = module.west.usable[var.name], east = module.east.usable[var.name] }
}
