variable "subscription_id" {
  description = "The subscription of the resource group, a UUID."
  type        = string
}

variable "resource_group_name" {
  description = "The resource group that the identity is made in, and may read the secrets of. It must exist."
  type        = string
}

variable "location" {
  description = "The region of the identity."
  type        = string
  default     = "westeurope"
}

variable "issuer" {
  description = "The cluster's OIDC issuer, byte for byte: az aks show --query oidcIssuerProfile.issuerUrl"
  type        = string
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

variable "role" {
  description = "What the identity may do with the resource group and all in it."
  type        = string
  default     = "Key Vault Secrets User"
}
