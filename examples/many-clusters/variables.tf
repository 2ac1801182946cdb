variable "cluster_ids" {
  description = "The clusters, of AKS or Azure Arc: az aks show --query id"
  type = object({
    west = string
    east = string
  })

  validation {
    condition     = alltrue([for id in values(var.cluster_ids) : can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/(Microsoft\\.ContainerService/managedClusters|Microsoft\\.Kubernetes/connectedClusters)/[^/]+$", id))])
    error_message = "One of these is not the id of a cluster. Print it with az aks show --query id, or az connectedk8s show --query id."
  }

  validation {
    condition     = lower(var.cluster_ids.west) != lower(var.cluster_ids.east)
    error_message = "Both are the same cluster, and the account can be made in it once. Name two clusters, or see examples/quickstart for one."
  }
}

variable "key_vault_id" {
  description = "The vault whose secrets the application reads, in whichever cluster it runs: az keyvault show --query id"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.KeyVault/vaults/[^/]+$", var.key_vault_id))
    error_message = "This is not the id of a vault, and its name or URL will not do. Print it with az keyvault show --query id."
  }
}

variable "resource_group_name" {
  description = "The resource group that the identity is made in, which must exist: az group list --query [].name"
  type        = string

  validation {
    condition     = can(regex("^[-\\w.()]{0,89}[-\\w()]$", var.resource_group_name))
    error_message = "This is not the name of a resource group, and its id will not do. Print the names with az group list --query [].name."
  }
}

variable "location" {
  description = "The region of the identity; that of the western cluster where it is not given: az account list-locations --query [].name"
  type        = string
  default     = null
}

variable "namespace" {
  description = "The namespace of the service account, which must exist in both clusters: kubectl get namespaces"
  type        = string
  default     = "default"

  validation {
    condition     = length(var.namespace) <= 63 && can(regex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", var.namespace))
    error_message = "A namespace has at most 63 lower-case letters, digits and -, with a letter or digit at both ends."
  }
}

variable "name" {
  description = "The name of the identity and of the service account in both clusters."
  type        = string
  default     = "storefront"

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 63 lower-case letters, digits and -, with a letter or digit at both ends: it names an identity and an account."
  }
}

variable "tags" {
  description = "Tags of the identity."
  type        = map(string)
  default     = {}
}
