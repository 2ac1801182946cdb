variable "cluster_id" {
  description = "The cluster, of AKS or Azure Arc: az aks show --query id"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/(Microsoft\\.ContainerService/managedClusters|Microsoft\\.Kubernetes/connectedClusters)/[^/]+$", var.cluster_id))
    error_message = "This is not the id of a cluster. Print it with az aks show --query id, or az connectedk8s show --query id."
  }
}

variable "applications_file" {
  description = "The file with the applications."
  type        = string
  default     = "applications.yaml"

  validation {
    condition     = fileexists(var.applications_file)
    error_message = "There is no file ${var.applications_file}."
  }

  validation {
    condition     = !fileexists(var.applications_file) || can(length([for entry in yamldecode(file(var.applications_file)).applications : keys(entry)]))
    error_message = can(yamldecode(file(var.applications_file))) ? "${var.applications_file} has no list `applications` of entries such as `- name: web`." : "${var.applications_file} is no valid YAML. Look at its indentation, brackets and quotes."
  }
}

variable "resources" {
  description = "What the file may name at `at`, and the id of each: az resource show --query id"
  type        = map(string)

  validation {
    condition     = alltrue([for id in values(var.resources) : can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/[^/]+/[^/]+/[^/]+", id))])
    error_message = "Each resource needs its id, such as /subscriptions/…/resourceGroups/…/providers/Microsoft.KeyVault/vaults/…. A whole group or subscription is more than an application needs."
  }
}

variable "resource_group_name" {
  description = "The resource group that the identities are made in, which must exist: az group list --query [].name"
  type        = string

  validation {
    condition     = can(regex("^[-\\w.()]{0,89}[-\\w()]$", var.resource_group_name))
    error_message = "This is not the name of a resource group, and its id will not do. Print the names with az group list --query [].name."
  }
}

variable "location" {
  description = "The region of the identities; that of the cluster where it is not given: az account list-locations --query [].name"
  type        = string
  default     = null
}

variable "tags" {
  description = "Further tags of each identity; application and team are there already."
  type        = map(string)
  default     = {}
}
