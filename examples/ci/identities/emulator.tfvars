cluster_id          = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
key_vault_id        = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo"
resource_group_name = "rg-demo"

github = {
  repository = "acme/payments"
}

azure_devops = {
  issuer        = "https://login.microsoftonline.com/10000000-0000-4000-8000-000000000001/v2.0"
  plan_subject  = "/eid1/c/pub/t/acme/a/devops/sc/60000000-0000-4000-8000-000000000001/60000000-0000-4000-8000-0000000000a1"
  apply_subject = "/eid1/c/pub/t/acme/a/devops/sc/60000000-0000-4000-8000-000000000001/60000000-0000-4000-8000-0000000000a2"
}

gitlab = {
  plan_subjects = ["project_path:acme/payments:ref_type:branch:ref:terraform"]
  apply_subject = "project_path:acme/payments:ref_type:branch:ref:main"
}
