# An error about an assignment that exists already prints its id. To look for it:
# az role assignment list --scope SCOPE --assignee PRINCIPAL --query [].id
terraform import azwi_role_assignment.this /subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-orders/providers/Microsoft.Authorization/roleAssignments/6f1d8b4e-0c55-4d12-9a35-b8a1f1f5c0de
