# One application with several service accounts: one identity, and from a catalogue of data roles those that the application uses.

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

# An error with the command to run, where the cluster has no OIDC issuer or no workload identity.
data "azwi_cluster" "this" {
  cluster_id = var.cluster_id
}

locals {
  containers = "${var.storage_account_id}/blobServices/default/containers"
  queues     = "${var.service_bus_namespace_id}/queues"

  # What an application may want to do with data, the role for it, and the one resource where it does. The names of the roles are
  # Azure's: guides shorten some of them.
  catalogue = {
    read_secrets     = { role = "Key Vault Secrets User", scope = var.key_vault_id }
    read_blobs       = { role = "Storage Blob Data Reader", scope = "${local.containers}/${var.read_container}" }
    write_blobs      = { role = "Storage Blob Data Contributor", scope = "${local.containers}/${var.write_container}" }
    send_messages    = { role = "Azure Service Bus Data Sender", scope = "${local.queues}/${var.send_queue}" }
    receive_messages = { role = "Azure Service Bus Data Receiver", scope = "${local.queues}/${var.receive_queue}" }
  }
}

module "application" {
  source = "../modules/workload-identity"

  name                = var.name
  resource_group_name = var.resource_group_name
  location            = coalesce(var.location, data.azwi_cluster.this.location)
  tags                = merge(var.tags, { application = var.name, team = var.team })

  cluster_id       = data.azwi_cluster.this.id
  service_accounts = { for account in var.service_accounts : account => { namespace = var.namespace } }

  role_assignments = {
    for access in var.access : access => {
      scope                = local.catalogue[access].scope
      role_definition_name = local.catalogue[access].role
      description          = "${var.name} (${var.team}): ${replace(access, "_", " ")}"
    }
  }
}
