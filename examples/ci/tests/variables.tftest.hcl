# Wrong values are refused before anybody is asked. The provider is a mock, so that these tests need neither an emulator nor a network.

mock_provider "azwi" {
  # A mock makes up what is computed; what it makes up for an id is none, and the provider's checks still hold.
  mock_data "azwi_cluster" {
    defaults = {
      id       = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
      location = "westeurope"
    }
  }

  # OpenTofu makes it up for a plan already, Terraform only for an apply.
  mock_resource "azwi_user_assigned_identity" {
    defaults = {
      id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/payments"
    }
  }
}

variables {
  cluster_id          = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
  key_vault_id        = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo"
  resource_group_name = "rg-demo"
  namespace           = "demo"
}

run "refuses_a_name_where_an_id_belongs" {
  command = plan

  variables {
    cluster_id   = "demo"
    key_vault_id = "kv-demo"
  }

  expect_failures = [var.cluster_id, var.key_vault_id]
}

run "refuses_a_namespace_that_kubernetes_would_refuse" {
  command = plan

  variables {
    namespace = "Demo"
  }

  expect_failures = [var.namespace]
}

run "takes_right_values" {
  command = plan

  assert {
    condition     = azwi_user_assigned_identity.app.location == "westeurope"
    error_message = "The identity is where the cluster is."
  }
}
