# What the pipelines beside this file test, plan and apply: a service account that acts as a managed identity, as in the quickstart.

terraform {
  required_providers {
    azwi = {
      source = "azwi/azwi"
    }
  }
}

# Who signs in is not said here: the plan of a pull request and the apply on main are two identities.
provider "azwi" {
  kubernetes {
    cluster_id = var.cluster_id
  }
}

data "azwi_cluster" "this" {
  cluster_id = var.cluster_id
}

resource "azwi_user_assigned_identity" "app" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = coalesce(var.location, data.azwi_cluster.this.location)
  tags                = var.tags
}

resource "azwi_federated_credential_binding" "app" {
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
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
