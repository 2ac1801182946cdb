locals {
  agent = {
    AZURE_CLIENT_ID       = azwi_federated_credential_binding.agent.client_id
    AZURE_TENANT_ID       = azwi_federated_credential_binding.agent.tenant_id
    AZURE_SUBSCRIPTION_ID = local.subscription_id
    SERVICE_ACCOUNT_NAME  = azwi_federated_credential_binding.agent.service_account.name
  }
}

output "agent" {
  description = "What the agent's configuration wants, as one object: terraform output -json agent"
  value       = local.agent
}

output "env" {
  description = "The same as lines of an env file: terraform output -raw env > agent.env"
  value       = join("", [for name, value in local.agent : "${name}=${value}\n"])
}

output "client_id" {
  description = "What the agent signs in as."
  value       = azwi_federated_credential_binding.agent.client_id
}

output "tenant_id" {
  description = "The tenant that it signs in to."
  value       = azwi_federated_credential_binding.agent.tenant_id
}

output "subscription_id" {
  description = "The subscription that it reads."
  value       = local.subscription_id
}

output "namespace" {
  description = "The namespace to install the agent in."
  value       = azwi_federated_credential_binding.agent.service_account.namespace
}

output "service_account_name" {
  description = "The service account to run the agent under."
  value       = azwi_federated_credential_binding.agent.service_account.name
}

output "pod_labels" {
  description = "What the agent's pods must carry."
  value       = azwi_federated_credential_binding.agent.pod_labels
}

output "usable" {
  description = "Whether a token of the account was exchanged at Entra ID."
  value       = azwi_federated_credential_binding.agent.usable
}
