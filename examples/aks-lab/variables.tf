variable "cluster_id" {
  description = "The cluster of AKS: az aks show --resource-group GROUP --name CLUSTER --query id --output tsv"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\\.ContainerService/managedClusters/[^/]+$", var.cluster_id))
    error_message = "This is not the id of a cluster of AKS. Print it with: az aks show --resource-group GROUP --name CLUSTER --query id --output tsv"
  }
}

variable "key_vault_id" {
  description = "The vault that holds the secret: az keyvault show --name VAULT --query id --output tsv"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\\.KeyVault/vaults/[a-z][-a-z0-9]{1,22}[a-z0-9]$", var.key_vault_id))
    error_message = "This is not the id of a Key Vault; its name or its URL is not enough. Print it with: az keyvault show --name VAULT --query id --output tsv"
  }
}

variable "key_vault_url" {
  description = "The vault's URL; https://VAULT.vault.azure.net/ where it is not given. For other clouds: az keyvault show --name VAULT --query properties.vaultUri --output tsv"
  type        = string
  default     = null

  validation {
    condition     = var.key_vault_url == null || can(regex("^https://[^/]+/?$", var.key_vault_url))
    error_message = "A vault's URL is https:// and a host. Print it with: az keyvault show --name VAULT --query properties.vaultUri --output tsv"
  }
}

variable "secret_name" {
  description = "The secret that the pods read: az keyvault secret list --vault-name VAULT --query '[].name' --output tsv"
  type        = string
  default     = "db-password"

  validation {
    condition     = can(regex("^[-a-zA-Z0-9]{1,127}$", var.secret_name))
    error_message = "A secret has a name of 1 to 127 letters, digits and '-'. List them with: az keyvault secret list --vault-name VAULT --query '[].name' --output tsv"
  }
}

variable "resource_group_name" {
  description = "The resource group that the identity is made in. It must exist: az group list --query '[].name' --output tsv"
  type        = string

  validation {
    condition     = can(regex("^[-\\w.()]{0,89}[-\\w()]$", var.resource_group_name))
    error_message = "A resource group has a name of 1 to 90 letters, digits, '-', '_', '.', '(' and ')', and no '.' at its end. Its id is too much. List them with: az group list --query '[].name' --output tsv"
  }
}

variable "location" {
  description = "The region of the identity; that of the cluster where it is not given. To list them: az account list-locations --query '[].name' --output tsv"
  type        = string
  default     = null

  validation {
    condition     = var.location == null || can(regex("^[a-z0-9]+$", var.location))
    error_message = "Write the region as Azure does, in lower case and without spaces, such as westeurope. List them with: az account list-locations --query '[].name' --output tsv"
  }
}

variable "namespace" {
  description = "The namespace of the service account and the pods. It must exist: kubectl create namespace NAME"
  type        = string
  default     = "aks-lab"

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "A namespace has a name of 1 to 63 lower-case letters, digits and '-', the first and the last no '-'. List them with: kubectl get namespaces"
  }
}

variable "name" {
  description = "The name of the identity and of the service account."
  type        = string
  default     = "aks-lab"

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{1,61}[a-z0-9]$", var.name))
    error_message = "Choose a name of 3 to 63 lower-case letters, digits and '-', the first a letter and the last no '-': it names the identity and the service account."
  }
}

variable "tags" {
  description = "The tags of the identity."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.tags) <= 50 && alltrue([for key, value in var.tags : can(regex("^[^<>%&\\\\?/]{1,512}$", key)) && length(value) <= 256])
    error_message = "Azure takes 50 tags at most, with keys of 1 to 512 characters without < > % & \\ ? / and values of at most 256 characters."
  }
}
