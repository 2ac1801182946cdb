# The module at work: what it makes is really made, in azwi-emulator, and what it puts out is what Azure and the cluster say.

provider "azwi" {
  kubernetes {
    cluster_id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
  }
}

variables {
  name                = "module-test"
  resource_group_name = "rg-demo"
  location            = "westeurope"
  tags                = { team = "payments" }
  wait_until_usable   = false
  service_accounts = {
    web = { namespace = "demo", labels = { "app.kubernetes.io/name" = "web" } }
  }
  role_assignments = {
    secrets = {
      scope                = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo"
      role_definition_name = "Key Vault Secrets User"
      description          = "Reads its passwords."
    }
  }
}

run "a_plan_of_everything_contacts_nothing_that_is_not_there" {
  command = plan

  assert {
    condition     = output.subjects == { web = "system:serviceaccount:demo:web" }
    error_message = "The subject is known before anything is made."
  }
}

run "a_workload_is_made_and_its_tokens_are_accepted" {
  variables { wait_until_usable = true }

  assert {
    condition     = output.usable == { web = true }
    error_message = "Entra ID must take the account's tokens."
  }

  assert {
    condition     = output.client_id != output.principal_id
    error_message = "Client id and principal id are two things."
  }

  assert {
    condition     = azwi_user_assigned_identity.this[0].tags == tomap({ team = "payments" })
    error_message = "The identity has the tags."
  }

  assert {
    condition     = startswith(lower(output.role_assignment_ids["secrets"]), lower("${var.role_assignments["secrets"].scope}/"))
    error_message = "The role is assigned at the vault, and no further up."
  }

  assert {
    condition     = output.pod_labels == tomap({ "azure.workload.identity/use" = "true" })
    error_message = "Pods need this label."
  }
}

run "a_second_account_acts_as_the_same_identity" {
  variables {
    service_accounts = {
      web    = { namespace = "demo", labels = { "app.kubernetes.io/name" = "web" } }
      worker = { namespace = "demo", name = "web-worker" }
    }
  }

  assert {
    condition     = length(distinct([for binding in azwi_federated_credential_binding.this : binding.client_id])) == 1
    error_message = "Both accounts sign in as one identity."
  }

  assert {
    condition     = length(distinct(values(output.credential_ids))) == 2
    error_message = "Each account has a credential of its own."
  }

  assert {
    condition     = output.subjects["worker"] == "system:serviceaccount:demo:web-worker"
    error_message = "The second account has the name that it is given."
  }

  assert {
    condition     = output.usable["web"]
    error_message = "What was proved of the first account still holds."
  }
}

run "an_account_that_is_not_wanted_any_more_goes" {
  assert {
    condition     = keys(output.credential_ids) == ["web"]
    error_message = "Only the first account is left."
  }
}
