variable "cluster_id" {
  description = "The cluster, of AKS or Azure Arc: az aks show --resource-group GROUP --name CLUSTER --query id --output tsv"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\\.(ContainerService/managedClusters|Kubernetes/connectedClusters)/[^/]+$", var.cluster_id))
    error_message = "This is not the id of a cluster of AKS or Azure Arc. Print it with: az aks show --resource-group GROUP --name CLUSTER --query id --output tsv"
  }
}

variable "key_vault_id" {
  description = "The vault that holds the application's secrets: az keyvault show --name VAULT --query id --output tsv"
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
  description = "The namespace that the chart is installed in. It must exist: kubectl create namespace NAME"
  type        = string
  default     = "orchestrator"

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "A namespace has a name of 1 to 63 lower-case letters, digits and '-', the first and the last no '-'. List them with: kubectl get namespaces"
  }
}

variable "name" {
  description = "The name of the application: of its identity and, at the front, of its service accounts."
  type        = string
  default     = "orchestrator"

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{1,38}[a-z0-9]$", var.name))
    error_message = "Choose a name of 3 to 40 lower-case letters, digits and '-', the first a letter and the last no '-': it names the identity and the service accounts."
  }
}

variable "components" {
  description = "The components of the application, each by the key that it has in the chart's values: helm show values CHART"
  type        = set(string)
  default     = ["webserver", "scheduler", "worker"]

  validation {
    condition     = length(var.components) > 0 && alltrue([for component in var.components : can(regex("^[a-zA-Z][a-zA-Z0-9]{0,20}$", component))])
    error_message = "Name at least one component, by its key in the chart's values: 1 to 21 letters and digits, the first a letter. Print them with: helm show values CHART"
  }

  validation {
    condition     = length(var.components) <= 20 && length(distinct([for component in var.components : lower(component)])) == length(var.components)
    error_message = "An identity trusts at most 20 accounts, and accounts are named in lower case: name at most 20 components that differ in more than case."
  }
}

variable "account_per_component" {
  description = "Whether each component has a service account and a credential of its own, so that one of them can be taken away alone. Else they share one."
  type        = bool
  default     = false
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
