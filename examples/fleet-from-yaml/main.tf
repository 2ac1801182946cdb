# Fifty applications, or five hundred: what there is stands in applications.yaml, and here what it means.

terraform {
  required_version = ">= 1.9"

  required_providers {
    azwi = {
      source = "azwi/azwi"
    }
  }
}

# Signs in to Azure by ARM_* variables or the Azure CLI, and to the cluster by its id: no kubeconfig and no kubelogin.
provider "azwi" {
  kubernetes {
    cluster_id = var.cluster_id
  }
}

# An error with the command to run, where the cluster has no OIDC issuer or no workload identity; read once for the whole fleet.
data "azwi_cluster" "this" {
  cluster_id = var.cluster_id

  lifecycle {
    precondition {
      condition     = length(local.mistakes) == 0
      error_message = "${var.applications_file} has mistakes:\n\n${join("\n", formatlist("- %s", local.mistakes))}"
    }
  }
}

module "application" {
  source = "../modules/workload-identity"

  # None of a file with mistakes, which the precondition above lists: else every mistake would be told again in worse words.
  for_each = { for name, application in local.applications : name => application if length(local.mistakes) == 0 }

  name                = each.key
  resource_group_name = var.resource_group_name
  location            = coalesce(var.location, data.azwi_cluster.this.location)
  tags                = merge(var.tags, { application = each.key, team = each.value.team })

  service_accounts = {
    for account in each.value.service_accounts : account => {
      namespace = each.value.namespace
      manage    = each.value.chart ? "annotations" : "object"
    }
  }

  role_assignments = {
    for access in each.value.access : "${access.role} at ${access.at}" => {
      scope                = var.resources[access.at]
      role_definition_name = access.role
      description          = "${each.key} (${each.value.team})"
    }
  }

  # One application proves what all have in common; to try each would take minutes and prove it again: see README.md.
  wait_until_usable = each.value.prove
}
