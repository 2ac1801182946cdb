# Whom the pipelines sign in as: an identity that reads, for plans, and one that writes, for applies. No secret is made.

terraform {
  required_providers {
    azwi = {
      source = "azwi/azwi"
    }
  }
}

# An administrator's own sign-in: ARM_* variables or the Azure CLI. A pipeline cannot make what it signs in as.
provider "azwi" {}

data "azwi_client_config" "this" {}

data "azwi_cluster" "this" {
  cluster_id = var.cluster_id
}

resource "azwi_user_assigned_identity" "pipeline" {
  for_each = toset(["plan", "apply"])

  name                = "${var.name}-${each.key}"
  resource_group_name = var.resource_group_name
  location            = coalesce(var.location, data.azwi_cluster.this.location)
  tags                = var.tags
}

locals {
  # For each system its issuer, and the subjects of the tokens that its jobs get. Entra ID compares both byte for byte.
  systems = {
    github = var.github == null ? null : {
      issuer = "https://token.actions.githubusercontent.com"
      plan   = ["repo:${var.github.repository}:pull_request"]
      apply  = ["repo:${var.github.repository}:environment:${var.github.environment}"]
    }
    azure-devops = var.azure_devops == null ? null : {
      issuer = var.azure_devops.issuer
      plan   = [var.azure_devops.plan_subject]
      apply  = [var.azure_devops.apply_subject]
    }
    gitlab = var.gitlab == null ? null : {
      issuer = var.gitlab.url
      plan   = var.gitlab.plan_subjects
      apply  = [var.gitlab.apply_subject]
    }
  }

  credentials = merge([
    for system, trusted in local.systems : merge([
      for job in ["plan", "apply"] : {
        for subject in trusted[job] : "${system}-${job}-${substr(sha256(subject), 0, 8)}" => {
          identity = azwi_user_assigned_identity.pipeline[job].id
          issuer   = trusted.issuer
          subject  = subject
        }
      }
    ]...) if trusted != null
  ]...)

  # What each identity may do, and where: see docs/guides/least-privilege.md of the provider.
  roles = {
    plan = {
      group   = "Reader"
      vault   = "Reader"
      cluster = "Azure Kubernetes Service Cluster User Role"
    }
    apply = {
      group   = "Managed Identity Contributor"
      vault   = "Role Based Access Control Administrator"
      cluster = "Azure Kubernetes Service Cluster User Role"
    }
  }

  scopes = {
    group   = "/subscriptions/${data.azwi_client_config.this.subscription_id}/resourceGroups/${var.resource_group_name}"
    vault   = var.key_vault_id
    cluster = data.azwi_cluster.this.id
  }

  # Key Vault Secrets User, to managed identities, and nothing else: who may assign roles freely may become anything.
  only_secrets_user = <<-EOT
    (
     (
      !(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})
     )
     OR
     (
      @Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {4633458b-17de-408a-b874-0445c86b69e6}
      AND
      @Request[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'}
     )
    )
    AND
    (
     (
      !(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})
     )
     OR
     (
      @Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {4633458b-17de-408a-b874-0445c86b69e6}
      AND
      @Resource[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'}
     )
    )
  EOT
}

resource "azwi_federated_identity_credential" "pipeline" {
  for_each = local.credentials

  name                      = each.key
  user_assigned_identity_id = each.value.identity
  issuer                    = each.value.issuer
  subject                   = each.value.subject
}

resource "azwi_role_assignment" "pipeline" {
  for_each = merge([
    for job, roles in local.roles : {
      for at, role in roles : "${job}-${at}" => { job = job, at = at, role = role }
    }
  ]...)

  scope                = local.scopes[each.value.at]
  role_definition_name = each.value.role
  principal_id         = azwi_user_assigned_identity.pipeline[each.value.job].principal_id
  condition            = each.key == "apply-vault" ? local.only_secrets_user : null
}
