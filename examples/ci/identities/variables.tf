variable "cluster_id" {
  description = "The cluster that the pipelines work in: az aks show --resource-group GROUP --name NAME --query id --output tsv"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.ContainerService/managedClusters/[^/]+$", var.cluster_id))
    error_message = "cluster_id is the resource id of a cluster of AKS. Print it with: az aks show --resource-group GROUP --name NAME --query id --output tsv"
  }
}

variable "key_vault_id" {
  description = "The vault that the pipelines give applications access to: az keyvault show --name NAME --query id --output tsv"
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.KeyVault/vaults/[^/]+$", var.key_vault_id))
    error_message = "key_vault_id is the resource id of a Key Vault. Print it with: az keyvault show --name NAME --query id --output tsv"
  }
}

variable "resource_group_name" {
  description = "The resource group of the identities: the pipelines' own and those that they make. It must exist: az group list --query [].name --output tsv"
  type        = string

  validation {
    condition     = can(regex("^[-\\w().]{1,90}$", var.resource_group_name)) && !endswith(var.resource_group_name, ".")
    error_message = "resource_group_name is a name, not an id: 1 to 90 letters, digits, and -_().; the last is not a dot."
  }
}

variable "location" {
  description = "The region of the identities; that of the cluster where it is not given."
  type        = string
  default     = null
}

variable "name" {
  description = "What the names of the two identities begin with: NAME-plan and NAME-apply."
  type        = string
  default     = "terraform"

  validation {
    condition     = can(regex("^[a-zA-Z0-9][-\\w]{1,100}$", var.name))
    error_message = "name is 2 to 101 letters, digits, - and _, and begins with a letter or digit."
  }
}

variable "tags" {
  description = "Tags of the identities."
  type        = map(string)
  default     = {}
}

variable "github" {
  description = "The repository whose pull requests are planned, as OWNER/REPOSITORY, and the environment that applies. A repository with immutable subjects is OWNER@ID/REPOSITORY@ID: gh api repos/OWNER/REPOSITORY --jq '\"\\(.owner.login)@\\(.owner.id)/\\(.name)@\\(.id)\"'"
  type = object({
    repository  = string
    environment = optional(string, "production")
  })
  default = null

  validation {
    condition     = var.github == null || can(regex("^[-\\w]+(@\\d+)?/[-.\\w]+(@\\d+)?$", var.github.repository))
    error_message = "github.repository is OWNER/REPOSITORY, or OWNER@ID/REPOSITORY@ID, without https://github.com/ and without .git."
  }

  validation {
    condition     = var.github == null || can(regex("^[^:\\s]+$", var.github.environment))
    error_message = "github.environment is the name of one environment, without colons and blanks, which GitHub would escape in the subject."
  }
}

variable "azure_devops" {
  description = "What the pages of the service connections azwi-plan and azwi-apply show as issuer and subject identifier, to the letter."
  type = object({
    issuer        = string
    plan_subject  = string
    apply_subject = string
  })
  default = null

  validation {
    condition     = var.azure_devops == null || can(regex("^https://(login\\.microsoftonline\\.com/[-0-9a-f]{36}/v2\\.0|vstoken\\.dev\\.azure\\.com/[-0-9a-f]{36})$", var.azure_devops.issuer))
    error_message = "azure_devops.issuer is https://login.microsoftonline.com/TENANT/v2.0, or, for an older service connection, https://vstoken.dev.azure.com/ORGANIZATION; the page of the service connection shows it."
  }

  validation {
    condition = var.azure_devops == null || alltrue([
      for subject in try([var.azure_devops.plan_subject, var.azure_devops.apply_subject], []) :
      can(regex("^(sc://[^/]+/[^/]+/[^/]+|/eid1/.+/sc/.+)$", subject))
    ])
    error_message = "The subjects of azure_devops are what the pages of the service connections show: /eid1/…/sc/ORGANIZATION/CONNECTION, or sc://ORGANIZATION/PROJECT/CONNECTION of an older one."
  }

  validation {
    condition     = var.azure_devops == null || try(var.azure_devops.plan_subject != var.azure_devops.apply_subject, true)
    error_message = "azure_devops has one subject for both: use two service connections, or whoever plans could apply."
  }
}

variable "gitlab" {
  description = "GitLab's address, and the subjects of the tokens of jobs that plan and that apply: project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH"
  type = object({
    url           = optional(string, "https://gitlab.com")
    plan_subjects = set(string)
    apply_subject = string
  })
  default = null

  validation {
    condition     = var.gitlab == null || can(regex("^https://[^/]+$", var.gitlab.url))
    error_message = "gitlab.url is https:// and the host, without a slash at its end: that is how the tokens carry it."
  }

  validation {
    condition = var.gitlab == null || alltrue([
      for subject in try(setunion(var.gitlab.plan_subjects, [var.gitlab.apply_subject]), []) :
      can(regex("^project_path:[^:*]+/[^:*]+:[^*]+$", subject))
    ])
    error_message = "The subjects of gitlab are project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH, each for one branch: Entra ID compares them whole and knows no *."
  }

  validation {
    condition     = var.gitlab == null || try(!contains(var.gitlab.plan_subjects, var.gitlab.apply_subject), true)
    error_message = "gitlab.apply_subject is among the plan_subjects: whoever plans could apply."
  }

  validation {
    condition     = var.gitlab == null || try(length(var.gitlab.plan_subjects) <= 18, true)
    error_message = "An identity has at most 20 federated credentials: name at most 18 branches, and leave room for GitHub and Azure DevOps."
  }
}
