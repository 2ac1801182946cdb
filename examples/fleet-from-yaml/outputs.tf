output "applications" {
  description = "How many applications there are, for each team."
  value       = { for team in distinct([for application in local.applications : application.team]) : team => length([for application in local.applications : application if application.team == team]) }
}

output "client_ids" {
  description = "What the pods of each application sign in as."
  value       = { for name, application in module.application : name => application.client_id }
}

output "proved" {
  description = "The applications whose tokens Entra ID took before apply ended."
  value       = [for name, application in module.application : name if anytrue([for usable in values(application.usable) : usable == true])]
}
