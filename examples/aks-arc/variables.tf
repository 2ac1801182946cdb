variable "cluster_id" {
  description = "The connected cluster: az connectedk8s show --resource-group GROUP --name NAME --query id --output tsv"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Kubernetes/connectedClusters/[^/]+$", var.cluster_id))
    error_message = "cluster_id is the resource id of a cluster that Azure Arc connects (Microsoft.Kubernetes/connectedClusters), also of one that AKS made on Azure Local. Print it with: az connectedk8s show --resource-group GROUP --name NAME --query id --output tsv"
  }
}

variable "key_vault_id" {
  description = "The vault whose secrets the account's pods may read: az keyvault show --name VAULT --query id"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.KeyVault/vaults/[^/]+$", var.key_vault_id))
    error_message = "This is not the id of a Key Vault; az keyvault show --query id prints it."
  }
}

variable "resource_group_name" {
  description = "The resource group that the identity is made in. It must exist: az group list --query [].name --output tsv"
  type        = string

  validation {
    condition     = can(regex("^[-\\w().]{1,90}$", var.resource_group_name)) && !endswith(var.resource_group_name, ".")
    error_message = "resource_group_name is a name, not an id: 1 to 90 letters, digits, and -_().; the last is not a dot."
  }
}

variable "location" {
  description = "The region of the identity; that of the cluster where it is not given."
  type        = string
  default     = null
}

variable "namespace" {
  description = "The namespace of the service account. It must exist: kubectl get namespaces"
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "A namespace is up to 63 lower-case letters, digits and dashes, with no dash at its ends."
  }
}

variable "name" {
  description = "The name of the identity and of the service account."
  type        = string
  default     = "edge-app"

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{1,61}[a-z0-9])$", var.name))
    error_message = "The name is 3 to 63 lower-case letters, digits and dashes, with no dash at its ends: it has to do for the identity and for the service account."
  }
}

variable "tags" {
  description = "Tags of the identity."
  type        = map(string)
  default     = {}
}

variable "token_expiration_seconds" {
  description = "How long the token of a pod lasts, in seconds. At most a day, which is also the most that a cluster of AKS enabled by Azure Arc gives."
  type        = number
  default     = 3600

  validation {
    condition     = var.token_expiration_seconds >= 3600 && var.token_expiration_seconds <= 86400
    error_message = "token_expiration_seconds is between an hour (3600) and a day (86400), which are the bounds of the webhook."
  }
}
