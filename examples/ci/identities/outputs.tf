output "client_ids" {
  description = "What the jobs sign in as: the variables AZURE_PLAN_CLIENT_ID and AZURE_APPLY_CLIENT_ID, and the service principal ids of the service connections."
  value       = { for job, identity in azwi_user_assigned_identity.pipeline : job => identity.client_id }
}

output "principal_ids" {
  description = "Who they are in the cluster: the names of users in its role bindings."
  value       = { for job, identity in azwi_user_assigned_identity.pipeline : job => identity.principal_id }
}

output "tenant_id" {
  description = "The tenant to sign in to: AZURE_TENANT_ID."
  value       = data.azwi_client_config.this.tenant_id
}

output "subscription_id" {
  description = "The subscription to work in: AZURE_SUBSCRIPTION_ID."
  value       = data.azwi_client_config.this.subscription_id
}
