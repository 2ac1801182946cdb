# Two pods in an existing AKS cluster that read a secret of a Key Vault, and hold none.

terraform {
  required_providers {
    azwi = {
      source = "azwi/azwi"
    }
  }
}

provider "azwi" {
  kubernetes {
    cluster_id = var.cluster_id
  }
}

# A cluster without OIDC issuer or workload identity is an error with the az command that switches them on.
data "azwi_cluster" "this" {
  cluster_id = var.cluster_id

  lifecycle {
    postcondition {
      condition     = self.power_state != "Stopped"
      error_message = "The cluster is stopped. Start it: az aks start --resource-group ${self.resource_group_name} --name ${self.name}"
    }
  }
}

locals {
  key_vault_name = regex("[^/]+$", var.key_vault_id)
  key_vault_url  = trimsuffix(coalesce(var.key_vault_url, "https://${lower(local.key_vault_name)}.vault.azure.net"), "/")
}

resource "azwi_user_assigned_identity" "lab" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = coalesce(var.location, data.azwi_cluster.this.location)
  tags                = var.tags
}

# The credential with the cluster's own issuer, the annotated account and the role; done when Entra ID takes the account's tokens.
resource "azwi_federated_credential_binding" "lab" {
  user_assigned_identity_id = azwi_user_assigned_identity.lab.id
  cluster_id                = data.azwi_cluster.this.id

  service_account = {
    namespace = var.namespace
    name      = var.name
  }

  role_assignments = [{
    scope                = var.key_vault_id
    role_definition_name = "Key Vault Secrets User"
  }]
}
