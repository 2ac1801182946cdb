# AKS enabled by Azure Arc, and any other cluster at the edge that Arc connects: a service account whose pods read the secrets of a vault.

terraform {
  required_providers {
    azwi = {
      source = "azwi/azwi"
    }
  }
}

# The cluster is reached through Azure, by its id. Where cluster connect is off, see docs/guides/clusters.md for the other ways.
provider "azwi" {
  kubernetes {
    cluster_id = var.cluster_id
  }
}

# An error with what to do about it, where the cluster has no OIDC issuer or no workload identity.
data "azwi_cluster" "this" {
  cluster_id = var.cluster_id

  lifecycle {
    postcondition {
      condition     = self.connectivity_status == "Connected"
      error_message = "Azure Arc says that cluster ${self.name} is ${coalesce(self.connectivity_status, "unknown")}, and that it heard of it last at ${coalesce(self.last_connectivity_time, "no time at all")}. Nothing can be written into it, and its keys are not published when they rotate. Look at its agents: kubectl --namespace azure-arc get pods"
    }

    postcondition {
      condition     = coalesce(self.agent_state, "Succeeded") == "Succeeded"
      error_message = "The agents of Azure Arc in cluster ${self.name} are in state ${coalesce(self.agent_state, "unknown")}. They bring the webhook of workload identity and publish the issuer's keys. See what is wrong with them: az connectedk8s show --resource-group ${self.resource_group_name} --name ${self.name} --query arcAgentProfile.agentErrors"
    }
  }
}

resource "azwi_user_assigned_identity" "app" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = coalesce(var.location, data.azwi_cluster.this.location)
  tags                = var.tags
}

# The credential with the cluster's own issuer, the annotated account and the role; done when Entra ID takes the account's tokens.
resource "azwi_federated_credential_binding" "app" {
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  cluster_id                = data.azwi_cluster.this.id

  service_account = {
    namespace                = var.namespace
    name                     = var.name
    token_expiration_seconds = var.token_expiration_seconds
  }

  role_assignments = [{
    scope                = var.key_vault_id
    role_definition_name = "Key Vault Secrets User"
  }]
}
