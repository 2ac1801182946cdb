# Every input that is refused, and who says so. Nothing runs but Terraform: the provider is a mock, so this needs no emulator either.

mock_provider "azwi" {
  # OpenTofu makes values up in the plan already, and the provider's own validation sees them: they must be of the right shape.
  mock_resource "azwi_user_assigned_identity" {
    defaults = {
      id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/orders"
    }
  }
}

# What is right; each run below makes one thing of it wrong.
variables {
  name                = "orders"
  resource_group_name = "rg-demo"
  location            = "westeurope"
  service_accounts    = { orders = { namespace = "demo" } }
}

run "what_is_right_is_taken" {
  command = plan

  assert {
    condition     = output.service_account_names == { orders = "orders" }
    error_message = "An account is named by its key."
  }
}

run "a_name_that_azure_would_refuse" {
  command = plan
  variables { name = "o" }
  expect_failures = [var.name]
}

run "neither_a_name_nor_an_existing_identity" {
  command = plan
  variables {
    name                = null
    resource_group_name = null
    location            = null
  }
  expect_failures = [var.name, var.resource_group_name, var.location]
}

run "a_name_and_an_existing_identity" {
  command = plan
  variables {
    existing_identity = { id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shared" }
    tags              = { team = "payments" }
  }
  expect_failures = [var.name, var.resource_group_name, var.location, var.tags]
}

run "an_identity_without_a_resource_group" {
  command = plan
  variables { resource_group_name = null }
  expect_failures = [var.resource_group_name]
}

run "an_id_where_the_name_of_a_resource_group_belongs" {
  command = plan
  variables { resource_group_name = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo" }
  expect_failures = [var.resource_group_name]
}

run "an_identity_without_a_location" {
  command = plan
  variables { location = null }
  expect_failures = [var.location]
}

run "an_id_where_a_location_belongs" {
  command = plan
  variables { location = "/subscriptions/20000000-0000-4000-8000-000000000001" }
  expect_failures = [var.location]
}

run "more_tags_than_azure_takes" {
  command = plan
  variables { tags = { for number in range(51) : "tag-${number}" => "x" } }
  expect_failures = [var.tags]
}

run "a_tag_with_a_slash_in_its_name" {
  command = plan
  variables { tags = { "cost/centre" = "4711" } }
  expect_failures = [var.tags]
}

run "a_client_id_where_the_id_of_an_identity_belongs" {
  command = plan
  variables {
    name                = null
    resource_group_name = null
    location            = null
    existing_identity   = { id = "30000000-0000-4000-8000-000000000001" }
  }
  expect_failures = [var.existing_identity]
}

run "a_vault_where_a_cluster_belongs" {
  command = plan
  variables { cluster_id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo" }
  expect_failures = [var.cluster_id]
}

run "an_issuer_without_https" {
  command = plan
  variables { issuer = "http://issuer.example/" }
  expect_failures = [var.issuer]
}

run "an_issuer_beside_a_cluster_that_has_one" {
  command = plan
  variables {
    issuer     = "https://issuer.example/"
    cluster_id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
  }
  expect_failures = [var.issuer]
}

run "no_service_account" {
  command = plan
  variables { service_accounts = {} }
  expect_failures = [var.service_accounts]
}

run "twenty_service_accounts_are_taken" {
  command = plan
  variables { service_accounts = { for number in range(20) : "app-${number}" => { namespace = "demo" } } }

  assert {
    condition     = length(azwi_federated_credential_binding.this) == 20
    error_message = "An identity takes twenty credentials."
  }
}

run "more_service_accounts_than_an_identity_takes" {
  command = plan
  variables { service_accounts = { for number in range(21) : "app-${number}" => { namespace = "demo" } } }
  expect_failures = [var.service_accounts]
}

run "a_namespace_with_capitals" {
  command = plan
  variables { service_accounts = { orders = { namespace = "Demo" } } }
  expect_failures = [var.service_accounts]
}

run "a_key_that_names_no_account" {
  command = plan
  variables { service_accounts = { "Orders API" = { namespace = "demo" } } }
  expect_failures = [var.service_accounts]
}

run "any_key_is_right_where_the_account_has_a_name" {
  command = plan
  variables { service_accounts = { "Orders API" = { namespace = "demo", name = "orders-api" } } }

  assert {
    condition     = output.service_account_names == { "Orders API" = "orders-api" }
    error_message = "The account has the name that it is given."
  }
}

run "one_account_twice" {
  command = plan
  variables {
    service_accounts = {
      orders = { namespace = "demo" }
      again  = { namespace = "demo", name = "orders" }
    }
  }
  expect_failures = [var.service_accounts]
}

run "one_name_in_two_namespaces_is_two_accounts" {
  command = plan
  variables {
    service_accounts = {
      orders = { namespace = "demo" }
      other  = { namespace = "default", name = "orders" }
    }
  }

  assert {
    condition     = length(azwi_federated_credential_binding.this) == 2
    error_message = "Accounts are told apart by namespace and name."
  }
}

run "a_word_that_manage_does_not_know" {
  command = plan
  variables { service_accounts = { orders = { namespace = "demo", manage = "annotation" } } }
  expect_failures = [var.service_accounts]
}

run "tokens_that_would_last_a_minute" {
  command = plan
  variables { service_accounts = { orders = { namespace = "demo", token_expiration_seconds = 60 } } }
  expect_failures = [var.service_accounts]
}

run "a_credential_name_that_azure_would_refuse" {
  command = plan
  variables { service_accounts = { orders = { namespace = "demo", credential_name = "demo/orders" } } }
  expect_failures = [var.service_accounts]
}

run "the_name_of_a_vault_where_a_scope_belongs" {
  command = plan
  variables { role_assignments = { secrets = { scope = "kv-demo", role_definition_name = "Key Vault Secrets User" } } }
  expect_failures = [var.role_assignments]
}

run "a_role_without_a_name" {
  command = plan
  variables { role_assignments = { secrets = { scope = "/subscriptions/20000000-0000-4000-8000-000000000001" } } }
  expect_failures = [var.role_assignments]
}

run "a_role_named_twice" {
  command = plan
  variables {
    role_assignments = {
      secrets = {
        scope                = "/subscriptions/20000000-0000-4000-8000-000000000001"
        role_definition_name = "Reader"
        role_definition_id   = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
      }
    }
  }
  expect_failures = [var.role_assignments]
}

run "one_role_twice_at_one_scope" {
  command = plan
  variables {
    role_assignments = {
      read  = { scope = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo", role_definition_name = "Reader" }
      again = { scope = "/subscriptions/20000000-0000-4000-8000-000000000001/resourcegroups/rg-demo", role_definition_name = "Reader" }
    }
  }
  expect_failures = [var.role_assignments]
}
