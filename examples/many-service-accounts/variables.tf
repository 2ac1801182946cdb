variable "cluster_id" {
  description = "The cluster, of AKS or Azure Arc: az aks show --query id"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/(Microsoft\\.ContainerService/managedClusters|Microsoft\\.Kubernetes/connectedClusters)/[^/]+$", var.cluster_id))
    error_message = "This is not the id of a cluster. Print it with az aks show --query id, or az connectedk8s show --query id."
  }
}

variable "key_vault_id" {
  description = "The vault whose secrets the application reads: az keyvault show --query id"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.KeyVault/vaults/[^/]+$", var.key_vault_id))
    error_message = "This is not the id of a vault, and its name or URL will not do. Print it with az keyvault show --query id."
  }
}

variable "storage_account_id" {
  description = "The storage account that has both containers: az storage account show --query id"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.Storage/storageAccounts/[a-z0-9]{3,24}$", var.storage_account_id))
    error_message = "This is not the id of a storage account. Print it with az storage account show --query id."
  }
}

variable "read_container" {
  description = "The container that the application reads: az storage container list --query [].name"
  type        = string
  default     = "catalogue"

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9]){2,62}$", var.read_container))
    error_message = "A container's name has 3 to 63 lower-case letters, digits and single hyphens. It is not a URL."
  }
}

variable "write_container" {
  description = "The container that the application writes, and reads: az storage container list --query [].name"
  type        = string
  default     = "invoices"

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9]){2,62}$", var.write_container))
    error_message = "A container's name has 3 to 63 lower-case letters, digits and single hyphens. It is not a URL."
  }
}

variable "service_bus_namespace_id" {
  description = "The Service Bus namespace that has both queues: az servicebus namespace show --query id"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.ServiceBus/namespaces/[^/]+$", var.service_bus_namespace_id))
    error_message = "This is not the id of a Service Bus namespace. Print it with az servicebus namespace show --query id."
  }
}

variable "send_queue" {
  description = "The queue that the application sends to: az servicebus queue list --query [].name"
  type        = string
  default     = "shipments"

  validation {
    condition     = can(regex("^[A-Za-z0-9]([\\w./-]{0,258}[A-Za-z0-9])?$", var.send_queue))
    error_message = "A queue's name has letters, digits, and . - _ / between them."
  }
}

variable "receive_queue" {
  description = "The queue that the application receives from: az servicebus queue list --query [].name"
  type        = string
  default     = "orders"

  validation {
    condition     = can(regex("^[A-Za-z0-9]([\\w./-]{0,258}[A-Za-z0-9])?$", var.receive_queue))
    error_message = "A queue's name has letters, digits, and . - _ / between them."
  }
}

variable "access" {
  description = "What the application does, out of the catalogue in main.tf. What is not here it may not do."
  type        = set(string)
  default     = ["read_secrets", "read_blobs", "write_blobs", "send_messages", "receive_messages"]

  validation {
    condition     = length(setsubtract(var.access, ["read_secrets", "read_blobs", "write_blobs", "send_messages", "receive_messages"])) == 0
    error_message = "Choose from read_secrets, read_blobs, write_blobs, send_messages and receive_messages, or add to the catalogue in main.tf."
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
  description = "The region of the identity; that of the cluster where it is not given: az account list-locations --query [].name"
  type        = string
  default     = null
}

variable "namespace" {
  description = "The namespace of the service accounts, which must exist: kubectl get namespaces"
  type        = string
  default     = "default"

  validation {
    condition     = length(var.namespace) <= 63 && can(regex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", var.namespace))
    error_message = "A namespace has at most 63 lower-case letters, digits and -, with a letter or digit at both ends."
  }
}

variable "service_accounts" {
  description = "The names of the service accounts, at most 20: kubectl --namespace NAMESPACE get serviceaccounts shows that they are free"
  type        = set(string)
  default     = ["web", "worker", "scheduler"]

  validation {
    condition     = length(var.service_accounts) >= 1 && length(var.service_accounts) <= 20
    error_message = "One identity serves 1 to 20 service accounts, and here are ${length(var.service_accounts)}. Give some of them an identity of their own, with another call of the module."
  }
}

variable "name" {
  description = "The name of the application, and of its identity."
  type        = string
  default     = "shop"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$", var.name))
    error_message = "An identity's name has 3 to 128 letters, digits, - or _, the first a letter or digit."
  }
}

variable "team" {
  description = "The team that owns the application, for the tag team."
  type        = string
  default     = "storefront"

  validation {
    condition     = length(var.team) >= 1 && length(var.team) <= 256
    error_message = "Name a team, in at most 256 characters: the value of a tag has no room for more."
  }
}

variable "tags" {
  description = "Further tags of the identity; application and team are there already."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.tags), ["application", "team"])) == 0
    error_message = "The tags application and team come from the variables name and team. Set those."
  }
}
