variable "name" {
  description = "The name of the identity that is made. Null with `existing_identity`."
  type        = string
  default     = null

  validation {
    condition     = var.name == null || can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$", var.name))
    error_message = "The identity's name must have 3 to 128 letters, digits, - or _, the first a letter or digit."
  }

  validation {
    condition     = (var.name == null) != (var.existing_identity == null)
    error_message = "Set name for an identity that is made, or existing_identity for one that is there already: one of the two."
  }
}

variable "resource_group_name" {
  description = "The resource group that the identity is made in, which must exist. Needed with `name`."
  type        = string
  default     = null

  validation {
    condition     = var.resource_group_name == null || can(regex("^[-\\w.()]{0,89}[-\\w()]$", var.resource_group_name))
    error_message = "A resource group's name has at most 90 letters, digits, -, _, ., ( or ), and no dot at its end. It is not an id: az group list --query [].name prints the names."
  }

  validation {
    condition     = (var.resource_group_name == null) == (var.existing_identity != null)
    error_message = "Set resource_group_name for an identity that is made. An existing one has its own: remove it there."
  }
}

variable "location" {
  description = "The region of the identity that is made, such as `westeurope`. Needed with `name`."
  type        = string
  default     = null

  validation {
    condition     = var.location == null || can(regex("^[A-Za-z][A-Za-z0-9 ]+$", var.location))
    error_message = "A location is a region's name, such as westeurope or West Europe: az account list-locations --query [].name prints them."
  }

  validation {
    condition     = (var.location == null) == (var.existing_identity != null)
    error_message = "Set location for an identity that is made. An existing one has its own: remove it there."
  }
}

variable "tags" {
  description = "Tags of the identity that is made. They replace all tags that are there."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.tags) <= 50
    error_message = "Azure takes at most 50 tags, and here are ${length(var.tags)}."
  }

  validation {
    condition     = alltrue([for key, value in var.tags : can(regex("^[^<>%&\\\\?/]{1,512}$", key)) && length(value) <= 256])
    error_message = "A tag's name has 1 to 512 characters without < > % & \\ ? and /, its value at most 256."
  }

  validation {
    condition     = var.existing_identity == null || length(var.tags) == 0
    error_message = "An existing identity keeps the tags that it has. Remove tags, or set them where the identity is made."
  }
}

variable "existing_identity" {
  description = "An identity that somebody else makes, by its id, instead of a new one. An object, so that the id may be unknown until apply."
  type = object({
    id = string # az identity show --query id
  })
  default = null

  validation {
    condition     = var.existing_identity == null || can(regex("(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\\.ManagedIdentity/userAssignedIdentities/[^/]+$", var.existing_identity.id))
    error_message = "The identity's id looks like /subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/…. Print it with az identity show --query id; client id and principal id are other things."
  }
}

variable "cluster_id" {
  description = "The id of the cluster, of AKS or Azure Arc. Null means the one in the provider's `kubernetes` block."
  type        = string
  default     = null

  validation {
    condition     = var.cluster_id == null || can(regex("(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/(Microsoft\\.ContainerService/managedClusters|Microsoft\\.Kubernetes/connectedClusters)/[^/]+$", var.cluster_id))
    error_message = "The cluster's id looks like /subscriptions/…/resourceGroups/…/providers/Microsoft.ContainerService/managedClusters/…, or …/Microsoft.Kubernetes/connectedClusters/…. Print it with az aks show --query id, or az connectedk8s show --query id."
  }
}

variable "issuer" {
  description = "The issuer of the cluster's tokens, byte for byte, for a cluster that Azure does not know."
  type        = string
  default     = null

  validation {
    condition     = var.issuer == null || can(regex("^https://[^ ]{1,592}$", var.issuer))
    error_message = "An issuer is an https URL of at most 600 characters: kubectl get --raw /.well-known/openid-configuration prints it."
  }

  validation {
    condition     = var.issuer == null || var.cluster_id == null
    error_message = "cluster_id has its own issuer. Set issuer only for a cluster that is not in Azure, and then no cluster_id."
  }
}

variable "service_accounts" {
  description = "The service accounts that act as the identity, at most 20. The keys are yours; a key is the account's name where `name` is not set."
  type = map(object({
    namespace                = string                     # The namespace, which must exist.
    name                     = optional(string)           # The account's name, where it is not the key.
    manage                   = optional(string, "object") # `object` makes the account; `annotations` only annotates one that a chart makes.
    annotate                 = optional(bool, true)       # `false` for an account that serves several identities: its pods then set `AZURE_CLIENT_ID`.
    annotations              = optional(map(string), {})  # Further annotations.
    labels                   = optional(map(string), {})  # Labels of the account.
    token_expiration_seconds = optional(number)           # Lifetime of the pods' tokens, from 3600 to 86400.
    credential_name          = optional(string)           # The name of the credential, where it is not to be derived.
  }))
  nullable = false

  validation {
    condition     = length(var.service_accounts) > 0
    error_message = "There is no service account. Name at least one, such as { app = { namespace = \"default\" } }."
  }

  validation {
    condition     = length(var.service_accounts) <= 20
    error_message = "An identity has at most 20 federated identity credentials, one for each service account of each cluster, and here are ${length(var.service_accounts)} service accounts. Give some of them another identity: a second call of this module."
  }

  validation {
    condition = alltrue([
      for account in var.service_accounts : length(account.namespace) <= 63 && can(regex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", account.namespace))
    ])
    error_message = "A namespace has at most 63 lower-case letters, digits and -, with a letter or digit at both ends."
  }

  validation {
    condition = alltrue([
      for key, account in var.service_accounts : length(coalesce(account.name, key, "-")) <= 253 && can(regex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", coalesce(account.name, key, "-")))
    ])
    error_message = "A service account's name (its key, where name is not set) has at most 253 lower-case letters, digits, - and ., with a letter or digit at both ends."
  }

  validation {
    condition     = length(distinct([for key, account in var.service_accounts : "${account.namespace}/${coalesce(account.name, key, "-")}"])) == length(var.service_accounts)
    error_message = "Two entries of service_accounts name the same account in the same namespace. An identity can trust it once: remove one."
  }

  validation {
    condition     = alltrue([for account in var.service_accounts : contains(["object", "annotations"], account.manage)])
    error_message = "manage is object, for an account that is made here, or annotations, for one that a chart or somebody else makes."
  }

  validation {
    condition     = alltrue([for account in var.service_accounts : try(account.token_expiration_seconds >= 3600 && account.token_expiration_seconds <= 86400, account.token_expiration_seconds == null)])
    error_message = "token_expiration_seconds is from 3600 (an hour) to 86400 (a day)."
  }

  validation {
    condition     = alltrue([for account in var.service_accounts : account.credential_name == null || can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$", account.credential_name))])
    error_message = "A credential's name has 3 to 120 letters, digits, - or _, the first a letter or digit."
  }
}

variable "role_assignments" {
  description = "What the identity may do, and where. The keys are yours."
  type = map(object({
    scope                = string           # The id of the resource. A group's or a subscription's is wider than most workloads need.
    role_definition_name = optional(string) # The role's name, such as `Key Vault Secrets User`, or
    role_definition_id   = optional(string) # its id, for a role of your own.
    condition            = optional(string) # A condition (ABAC) that narrows it, such as to one container of a storage account.
    description          = optional(string) # Why the workload needs it.
    accept_broad_access  = optional(bool)   # `true` where a whole subscription, or a role such as `Contributor`, is meant: no plan warns of it then.
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for role in var.role_assignments : can(regex("(?i)^(/subscriptions/[0-9a-f-]{36}(/.+)?|/providers/Microsoft\\.Management/managementGroups/[^/]+)$", role.scope))])
    error_message = "A scope is an id from its slash on, such as /subscriptions/…/resourceGroups/…/providers/Microsoft.KeyVault/vaults/…: az resource show --query id prints it."
  }

  validation {
    condition     = alltrue([for role in var.role_assignments : (role.role_definition_name == null) != (role.role_definition_id == null)])
    error_message = "Name each role once: role_definition_name, or role_definition_id."
  }

  validation {
    condition     = length(distinct([for role in var.role_assignments : lower("${role.scope} ${coalesce(role.role_definition_name, role.role_definition_id, "-")}")])) == length(var.role_assignments)
    error_message = "Two entries of role_assignments give the same role at the same scope. Azure has one such assignment: remove one."
  }
}

variable "wait_until_usable" {
  description = "Whether apply waits until Entra ID accepts the accounts' tokens. `true`: it fails unless it does; null: it warns; `false`: it does not try, which saves about a minute."
  type        = bool
  default     = null
}

variable "adopt_existing" {
  description = "Whether to take over what is there under these names already, such as what `az` and `kubectl` made, instead of an error."
  type        = bool
  default     = false
  nullable    = false
}
