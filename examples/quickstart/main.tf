# A Kubernetes service account that acts as a managed identity: no secret is made, stored or rotated.

terraform {
  required_providers {
    azwi = {
      source = "azwi/azwi"
    }
  }
}

# Sign-in and cluster come from the environment: ARM_* and KUBE_CONFIG_PATH.
provider "azwi" {}

resource "azwi_user_assigned_identity" "app" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = var.location
}

resource "azwi_service_account" "app" {
  name      = var.name
  namespace = var.namespace
  client_id = azwi_user_assigned_identity.app.client_id
  tenant_id = azwi_user_assigned_identity.app.tenant_id
}

resource "azwi_federated_identity_credential" "app" {
  name                      = "${var.namespace}-${var.name}"
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  issuer                    = var.issuer
  subject                   = azwi_service_account.app.subject
}

resource "azwi_role_assignment" "app" {
  scope                = "/subscriptions/${var.subscription_id}/resourceGroups/${var.resource_group_name}"
  role_definition_name = var.role
  principal_id         = azwi_user_assigned_identity.app.principal_id
}
