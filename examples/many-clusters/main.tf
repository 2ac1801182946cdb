# The same application in two clusters, such as two regions or blue and green: one identity, and a credential for each cluster.

terraform {
  required_version = ">= 1.9"

  required_providers {
    azwi = {
      source = "azwi/azwi"
    }
  }
}

# Azure alone: the identity and its roles are there once, whichever clusters come and go.
provider "azwi" {}

# A provider configuration is one cluster. It must stay until the last thing in that cluster is destroyed: see README.md.
provider "azwi" {
  alias = "west"

  kubernetes {
    cluster_id = var.cluster_ids.west
  }
}

provider "azwi" {
  alias = "east"

  kubernetes {
    cluster_id = var.cluster_ids.east
  }
}

resource "azwi_user_assigned_identity" "app" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = coalesce(var.location, data.azwi_cluster.west.location)
  tags                = var.tags
}

resource "azwi_role_assignment" "secrets" {
  scope                = var.key_vault_id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azwi_user_assigned_identity.app.principal_id
}

# What both clusters get. Which cluster it is about, the provider says: the module needs no cluster_id.
locals {
  service_accounts = { (var.name) = { namespace = var.namespace } }
}

# An error with the command to run, where a cluster has no OIDC issuer or no workload identity.
data "azwi_cluster" "west" {
  cluster_id = var.cluster_ids.west
}

module "west" {
  source    = "../modules/workload-identity"
  providers = { azwi = azwi.west }

  existing_identity = { id = azwi_user_assigned_identity.app.id }
  service_accounts  = local.service_accounts
}

data "azwi_cluster" "east" {
  cluster_id = var.cluster_ids.east
}

module "east" {
  source    = "../modules/workload-identity"
  providers = { azwi = azwi.east }

  existing_identity = { id = azwi_user_assigned_identity.app.id }
  service_accounts  = local.service_accounts
}
