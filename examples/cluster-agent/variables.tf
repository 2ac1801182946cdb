variable "cluster_id" {
  description = "The cluster, of AKS or Azure Arc: az aks show --resource-group GROUP --name CLUSTER --query id --output tsv"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\\.(ContainerService/managedClusters|Kubernetes/connectedClusters)/[^/]+$", var.cluster_id))
    error_message = "This is not the id of a cluster of AKS or Azure Arc. Print it with: az aks show --resource-group GROUP --name CLUSTER --query id --output tsv"
  }
}

variable "subscription_id" {
  description = "The subscription that the agent reads; that of the cluster where it is not given: az account show --query id --output tsv"
  type        = string
  default     = null

  validation {
    condition     = var.subscription_id == null || can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", var.subscription_id))
    error_message = "A subscription's id is a GUID; its name is not enough, and /subscriptions/ is too much. Print it with: az account show --query id --output tsv"
  }
}

variable "accept_broad_access" {
  description = "Whether it is understood that the agent reads a whole subscription. True ends the warning about it, and changes nothing else."
  type        = bool
  default     = false
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
  description = "The namespace that the agent is installed in. It must exist: kubectl create namespace NAME"
  type        = string
  default     = "resiliency-system"

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "A namespace has a name of 1 to 63 lower-case letters, digits and '-', the first and the last no '-'. List them with: kubectl get namespaces"
  }
}

variable "name" {
  description = "The name of the identity and of the agent's service account."
  type        = string
  default     = "cluster-agent"

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
