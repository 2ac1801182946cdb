# Applies the configuration in the emulator, looks at what came of it, and destroys it:
#
#     azwi-emulator run -- terraform test

variables {
  cluster_id          = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
  key_vault_id        = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo"
  resource_group_name = "rg-demo"
  namespace           = "demo"
  name                = "tested"
}

run "binds_the_account_to_the_identity" {
  assert {
    condition     = azwi_federated_credential_binding.app.subject == "system:serviceaccount:demo:tested"
    error_message = "The credential must trust the account of the namespace."
  }

  assert {
    condition     = azwi_federated_credential_binding.app.client_id == azwi_user_assigned_identity.app.client_id
    error_message = "The account must be annotated with the identity's client id."
  }

  assert {
    condition     = azwi_federated_credential_binding.app.usable
    error_message = "A token of the account must have been exchanged at Entra ID."
  }
}

run "plans_nothing_more_afterwards" {
  command = plan

  assert {
    condition     = azwi_federated_credential_binding.app.client_id == azwi_user_assigned_identity.app.client_id
    error_message = "What a plan finds must be what was made: a client id that is to be made anew is unknown."
  }
}
