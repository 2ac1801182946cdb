output "client_id" {
  description = "What the pods of all accounts sign in as."
  value       = module.application.client_id
}

output "service_account_names" {
  description = "For serviceAccountName of the pods."
  value       = sort(values(module.application.service_account_names))
}

output "pod_labels" {
  description = "What every pod under the accounts must carry."
  value       = module.application.pod_labels
}

output "subjects" {
  description = "What the identity trusts, for each account."
  value       = module.application.subjects
}

output "may" {
  description = "What the identity may do, and where."
  value       = { for access in var.access : access => "${local.catalogue[access].role} at ${regex("[^/]+/[^/]+$", local.catalogue[access].scope)}" }
}

output "usable" {
  description = "Whether a token of each account was exchanged at Entra ID."
  value       = module.application.usable
}
