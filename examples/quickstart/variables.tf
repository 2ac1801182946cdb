variable "cluster_id" {
  description = "The cluster, of AKS or Azure Arc: az aks show --query id"
  type        = string
}

variable "key_vault_id" {
  description = "The vault whose secrets the account's pods may read: az keyvault show --query id"
  type        = string
}

variable "resource_group_name" {
  description = "The resource group that the identity is made in. It must exist."
  type        = string
}

variable "location" {
  description = "The region of the identity; that of the cluster where it is not given."
  type        = string
  default     = null
}

variable "namespace" {
  description = "The namespace of the service account. It must exist."
  type        = string
  default     = "default"
}

variable "name" {
  description = "The name of the identity and of the service account."
  type        = string
  default     = "quickstart"
}
