# The id of the credential, and behind a bar that of the cluster where the configuration names one. Namespace and name are in the
# credential's subject. Role assignments are not imported.
terraform import azwi_federated_credential_binding.this '/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/orders/federatedIdentityCredentials/demo-orders|/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo'
