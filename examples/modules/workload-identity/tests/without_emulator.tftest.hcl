# What the module asks of the provider, with a mock in the provider's place: it takes seconds, and needs neither account nor emulator.
# What Azure and the cluster make of it, no mock can tell; emulator.tftest.hcl does.

mock_provider "azwi" {
  mock_resource "azwi_user_assigned_identity" {
    defaults = {
      id           = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/orders"
      principal_id = "50000000-0000-4000-8000-000000000001"
    }
  }

  mock_resource "azwi_federated_credential_binding" {
    defaults = {
      pod_labels = { "azure.workload.identity/use" = "true" }
    }
  }

  mock_data "azwi_user_assigned_identity" {
    defaults = {
      id           = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shared"
      principal_id = "50000000-0000-4000-8000-000000000002"
    }
  }
}

variables {
  service_accounts = {
    web    = { namespace = "shop" }
    worker = { namespace = "shop", manage = "annotations" }
  }
  role_assignments = {
    secrets = {
      scope                = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo"
      role_definition_name = "Key Vault Secrets User"
    }
  }
}

run "an_identity_of_its_own" {
  variables {
    name                = "orders"
    resource_group_name = "rg-demo"
    location            = "westeurope"
    tags                = { team = "payments" }
  }

  assert {
    condition     = azwi_user_assigned_identity.this[0].tags == tomap({ team = "payments" })
    error_message = "The tags are the identity's."
  }

  assert {
    condition     = alltrue([for binding in azwi_federated_credential_binding.this : binding.user_assigned_identity_id == output.identity_id])
    error_message = "Every account is bound to the identity."
  }

  assert {
    condition     = azwi_federated_credential_binding.this["worker"].service_account.manage == "annotations"
    error_message = "An account that a chart makes is only annotated."
  }

  assert {
    condition     = azwi_role_assignment.this["secrets"].principal_id == output.principal_id
    error_message = "Roles go to the object id of the identity, and not to its client id."
  }

  assert {
    condition     = output.pod_labels["azure.workload.identity/use"] == "true"
    error_message = "The label that pods need is an output."
  }
}

run "an_identity_that_is_there" {
  variables {
    existing_identity = { id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shared" }
  }

  assert {
    condition     = length(azwi_user_assigned_identity.this) == 0
    error_message = "No second identity is made."
  }

  assert {
    condition     = data.azwi_user_assigned_identity.existing[0].name == "shared"
    error_message = "The identity is looked up by what its id says."
  }

  assert {
    condition     = azwi_role_assignment.this["secrets"].principal_id == "50000000-0000-4000-8000-000000000002"
    error_message = "Roles go to the identity that is there."
  }
}

run "broad_access_is_accepted_where_it_is_meant" {
  variables {
    existing_identity = { id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shared" }
    role_assignments = {
      inventory = {
        scope                = "/subscriptions/20000000-0000-4000-8000-000000000001"
        role_definition_name = "Reader"
        accept_broad_access  = true
      }
    }
  }

  assert {
    condition     = azwi_role_assignment.this["inventory"].accept_broad_access
    error_message = "Whoever means the whole subscription says so once, here."
  }
}
