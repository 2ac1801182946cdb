# The roles that an application may ask for, and what each is for. A team that needs another one asks for a line here.
locals {
  roles = {
    "Key Vault Secrets User"          = "Microsoft.KeyVault/vaults"
    "Storage Blob Data Reader"        = "Microsoft.Storage/storageAccounts"
    "Storage Blob Data Contributor"   = "Microsoft.Storage/storageAccounts"
    "Azure Service Bus Data Sender"   = "Microsoft.ServiceBus/namespaces"
    "Azure Service Bus Data Receiver" = "Microsoft.ServiceBus/namespaces"
  }
}
