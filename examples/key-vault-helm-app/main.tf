# An application from a Helm chart, in several components, whose pods keep their secrets in one Key Vault without holding one.

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
  # The account that each component runs under: the one that all share, or one of its own.
  accounts = {
    for component in var.components : component => var.account_per_component ? "${var.name}-${lower(component)}" : var.name
  }

  key_vault_name = regex("[^/]+$", var.key_vault_id)
  key_vault_url  = coalesce(var.key_vault_url, "https://${lower(local.key_vault_name)}.vault.azure.net/")
}

resource "azwi_user_assigned_identity" "app" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = coalesce(var.location, data.azwi_cluster.this.location)
  tags                = var.tags
}

# Reads, writes and deletes secrets, and neither keys nor certificates nor the vault itself. It belongs to the identity, however
# many accounts act as it.
resource "azwi_role_assignment" "secrets" {
  scope                = var.key_vault_id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = azwi_user_assigned_identity.app.principal_id
  description          = "${var.name} in ${data.azwi_cluster.this.name} keeps its secrets here."
}

# An annotated account and the credential that trusts it; one of each for every account.
resource "azwi_federated_credential_binding" "account" {
  for_each = toset(values(local.accounts))

  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  cluster_id                = data.azwi_cluster.this.id

  service_account = {
    namespace = var.namespace
    name      = each.key
    labels    = { "app.kubernetes.io/part-of" = var.name }
  }
}
