# One workload: an identity, the service accounts whose pods act as it, and what it may do.

resource "azwi_user_assigned_identity" "this" {
  count = var.existing_identity == null ? 1 : 0

  name                = var.name
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
  adopt_existing      = var.adopt_existing
}

data "azwi_user_assigned_identity" "existing" {
  count = var.existing_identity == null ? 0 : 1

  # /subscriptions/{2}/resourceGroups/{4}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{8}
  subscription_id     = split("/", var.existing_identity.id)[2]
  resource_group_name = split("/", var.existing_identity.id)[4]
  name                = split("/", var.existing_identity.id)[8]
}

locals {
  identity = one(concat(azwi_user_assigned_identity.this, data.azwi_user_assigned_identity.existing))
}

# For each account the credential with the cluster's own issuer and the annotations; done when Entra ID takes the account's tokens.
resource "azwi_federated_credential_binding" "this" {
  for_each = var.service_accounts

  user_assigned_identity_id = local.identity.id
  cluster_id                = var.cluster_id
  issuer                    = var.issuer
  credential_name           = each.value.credential_name
  wait_until_usable         = var.wait_until_usable
  adopt_existing            = var.adopt_existing

  service_account = {
    namespace                = each.value.namespace
    name                     = coalesce(each.value.name, each.key)
    manage                   = each.value.manage
    annotate                 = each.value.annotate
    annotations              = each.value.annotations
    labels                   = each.value.labels
    token_expiration_seconds = each.value.token_expiration_seconds
  }
}

# Resources of their own, because the roles belong to the identity and not to one of its accounts.
resource "azwi_role_assignment" "this" {
  for_each = var.role_assignments

  scope                = each.value.scope
  role_definition_name = each.value.role_definition_name
  role_definition_id   = each.value.role_definition_id
  principal_id         = local.identity.principal_id
  condition            = each.value.condition
  description          = each.value.description
  accept_broad_access  = each.value.accept_broad_access
  adopt_existing       = var.adopt_existing
}
