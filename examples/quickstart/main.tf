# A Kubernetes service account that acts as a managed identity: no secret is made, stored or rotated.

terraform {
  required_providers {
    azwi = {
      source = "azwi/azwi"
    }
  }
}

# Signs in to Azure by ARM_* variables or the Azure CLI, and to the cluster by its id: no kubeconfig and no kubelogin.
provider "azwi" {
  kubernetes {
    cluster_id = var.cluster_id
  }
}

# An error with the command to run, where the cluster has no OIDC issuer or no workload identity.
data "azwi_cluster" "this" {
  cluster_id = var.cluster_id
}

resource "azwi_user_assigned_identity" "app" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = coalesce(var.location, data.azwi_cluster.this.location)
}

# The credential with the cluster's own issuer, the annotated account and the role; done when Entra ID takes the account's tokens.
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
