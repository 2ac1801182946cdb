output "client_id" {
  description = "What the pods sign in as. It is there when all of this is, so that what takes it, such as a Helm release, comes after."
  value       = local.identity.client_id
  depends_on  = [azwi_federated_credential_binding.this, azwi_role_assignment.this]
}

output "tenant_id" {
  description = "The tenant of the identity."
  value       = local.identity.tenant_id
}

output "principal_id" {
  description = "The object id of the identity, for role assignments elsewhere. It is not the client id."
  value       = local.identity.principal_id
}

output "identity_id" {
  description = "The id of the identity, for the `existing_identity` of another call of this module."
  value       = local.identity.id
}

output "pod_labels" {
  description = "What every pod under the accounts must carry, or it gets no token: for `podLabels` of a chart."
  value       = one(distinct([for binding in azwi_federated_credential_binding.this : binding.pod_labels]))
}

output "service_account_names" {
  description = "The names of the accounts, by the keys of `service_accounts`: for `serviceAccountName` of pods."
  value       = { for key, account in var.service_accounts : key => coalesce(account.name, key) }
}

output "subjects" {
  description = "What the credentials trust, `system:serviceaccount:<namespace>:<name>`, by the keys of `service_accounts`."
  value       = { for key, binding in azwi_federated_credential_binding.this : key => binding.subject }
}

output "credential_ids" {
  description = "The federated identity credentials, by the keys of `service_accounts`."
  value       = { for key, binding in azwi_federated_credential_binding.this : key => binding.credential_id }
}

output "usable" {
  description = "Whether Entra ID accepted the accounts' tokens, by the keys of `service_accounts`; null where that was not tried."
  value       = { for key, binding in azwi_federated_credential_binding.this : key => binding.usable }
}

output "role_assignment_ids" {
  description = "The role assignments, by the keys of `role_assignments`."
  value       = { for key, assignment in azwi_role_assignment.this : key => assignment.id }
}
