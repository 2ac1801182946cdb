# An agent in a namespace of its own that looks at a whole subscription, and may change nothing in it.

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

# An error with the command to run, where the cluster has no OIDC issuer or no workload identity.
data "azwi_cluster" "this" {
  cluster_id = var.cluster_id
}

locals {
  subscription_id = lower(coalesce(var.subscription_id, split("/", var.cluster_id)[2]))
}

resource "azwi_user_assigned_identity" "agent" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = coalesce(var.location, data.azwi_cluster.this.location)
  tags                = var.tags
}

# The credential with the cluster's own issuer, the annotated account and the role; done when Entra ID takes the account's tokens.
resource "azwi_federated_credential_binding" "agent" {
  user_assigned_identity_id = azwi_user_assigned_identity.agent.id
  cluster_id                = data.azwi_cluster.this.id

  service_account = {
    namespace = var.namespace
    name      = var.name
  }

  role_assignments = [{
    scope                = "/subscriptions/${local.subscription_id}"
    role_definition_name = "Reader"
    # The plan warns of a role on a whole subscription, unless this says that it is meant.
    accept_broad_access = var.accept_broad_access
  }]
}
