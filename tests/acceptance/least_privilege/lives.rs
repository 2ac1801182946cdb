//! What each row of the guide's table is proved with: a configuration, and a change of it.

use serde_json::json;

use super::guide::Row;
use crate::azwi::Azwi;
use crate::emulator::{Emulator, SUBSCRIPTION};

pub const PRINCIPAL: &str = "50000000-0000-4000-8000-0000000000a1";
pub const CLIENT: &str = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11";
pub const OTHER_CLIENT: &str = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a22";

/// The life of one resource, or of one way to use it.
pub struct Life {
    /// What the table has in its first column.
    pub row: &'static str,
    /// A row that the rights of this one come on top of; none where it is empty.
    pub upon: &'static str,
    /// The address of the resource; empty for a data source, which only reads.
    pub address: &'static str,
    /// The configuration. `ISSUER` is that of the cluster `demo`, `CLUSTER` its id in the test's resource group,
    /// `ARC` its id there as a cluster of Azure Arc.
    pub hcl: &'static str,
    /// What is replaced in the configuration to change it in place, and by what.
    pub change: &'static [(&'static str, &'static str)],
    /// Makes what must be there already.
    pub before: fn(&Azwi),
}

/// One for each first cell of the table. A new resource needs its rows there and its life here.
pub const LIVES: &[Life] = &[
    Life {
        row: "azwi_user_assigned_identity",
        upon: "",
        address: "azwi_user_assigned_identity.this",
        hcl: r#"resource "azwi_user_assigned_identity" "this" {
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
  tags                = { team = "one" }
}"#,
        change: &[("one", "two")],
        before: |_| {},
    },
    Life {
        row: "azwi_federated_identity_credential",
        upon: "",
        address: "azwi_federated_identity_credential.this",
        hcl: r#"resource "azwi_federated_identity_credential" "this" {
  name                      = "pod"
  user_assigned_identity_id = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/theirs"
  issuer                    = "https://issuer.example/"
  subject                   = "system:serviceaccount:app:one"
}"#,
        change: &[("app:one", "app:two")],
        before: put_theirs,
    },
    Life {
        row: "azwi_role_assignment",
        upon: "",
        address: "azwi_role_assignment.this",
        hcl: r#"resource "azwi_role_assignment" "this" {
  scope                = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}"
  role_definition_name = "Reader"
  principal_id         = "50000000-0000-4000-8000-0000000000a1"
  description          = "one"
}"#,
        change: &[("\"one\"", "\"two\"")],
        before: |azwi| {
            let principal = json!({ "object_id": PRINCIPAL, "name": "app", "kind": "ServicePrincipal" });
            azwi.emulator.seed(&json!({ "principals": [principal] }));
        },
    },
    Life {
        row: "azwi_service_account",
        upon: "",
        address: "azwi_service_account.this",
        hcl: r#"resource "azwi_service_account" "this" {
  name      = "app"
  namespace = var.namespace
  client_id = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11"
}"#,
        change: &[(CLIENT, OTHER_CLIENT)],
        before: |_| {},
    },
    Life {
        row: "azwi_service_account with manage = \"annotations\"",
        upon: "",
        address: "azwi_service_account.this",
        hcl: r#"resource "azwi_service_account" "this" {
  name      = "theirs"
  namespace = var.namespace
  client_id = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11"
  manage    = "annotations"
}"#,
        change: &[(CLIENT, OTHER_CLIENT)],
        before: |azwi| {
            azwi.emulator.create_account(&azwi.namespace, "theirs", &json!({ "example.com/owner": "helm" }));
        },
    },
    Life {
        row: "azwi_federated_credential_binding",
        upon: "",
        address: "azwi_federated_credential_binding.this",
        hcl: r#"resource "azwi_federated_credential_binding" "this" {
  user_assigned_identity_id = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/theirs"
  issuer                    = "ISSUER"
  audience                  = "api://one"
  service_account = {
    name        = "app"
    namespace   = var.namespace
    annotations = { "example.com/team" = "one" }
  }
}"#,
        change: &[("one", "two")],
        before: put_theirs,
    },
    Life {
        row: "azwi_federated_credential_binding also with cluster_id",
        upon: "azwi_federated_credential_binding",
        address: "azwi_federated_credential_binding.this",
        hcl: r#"resource "azwi_federated_credential_binding" "this" {
  user_assigned_identity_id = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/theirs"
  cluster_id                = "CLUSTER"
  audience                  = "api://one"
  service_account           = { name = "app", namespace = var.namespace, annotations = { "example.com/team" = "one" } }
}"#,
        change: &[("one", "two")],
        before: |azwi| {
            put_theirs(azwi);
            put_cluster(azwi);
        },
    },
    Life {
        row: "azwi_federated_credential_binding also with role_assignments",
        upon: "azwi_federated_credential_binding",
        address: "azwi_federated_credential_binding.this",
        hcl: r#"resource "azwi_federated_credential_binding" "this" {
  user_assigned_identity_id = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/theirs"
  issuer                    = "ISSUER"
  audience                  = "api://one"
  service_account           = { name = "app", namespace = var.namespace, annotations = { "example.com/team" = "one" } }
  role_assignments = [{
    scope                = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}"
    role_definition_name = "Reader"
  }]
}"#,
        change: &[("one", "two"), ("Reader", "Contributor")],
        before: put_theirs,
    },
    Life {
        row: "provider also with kubernetes.cluster_id",
        upon: "azwi_service_account",
        address: "azwi_service_account.this",
        hcl: r#"provider "azwi" {
  kubernetes {
    cluster_id = "CLUSTER"
  }
}

resource "azwi_service_account" "this" {
  name      = "app"
  namespace = var.namespace
  client_id = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11"
}"#,
        change: &[(CLIENT, OTHER_CLIENT)],
        before: put_cluster,
    },
    Life {
        row: "provider also with kubernetes.cluster_id of Azure Arc",
        upon: "azwi_service_account",
        address: "azwi_service_account.this",
        hcl: r#"provider "azwi" {
  kubernetes {
    cluster_id = "ARC"
  }
}

resource "azwi_service_account" "this" {
  name      = "app"
  namespace = var.namespace
  client_id = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11"
}"#,
        change: &[(CLIENT, OTHER_CLIENT)],
        before: put_cluster,
    },
    Life {
        row: "data.azwi_cluster",
        upon: "",
        address: "",
        hcl: r#"data "azwi_cluster" "this" {
  cluster_id = "CLUSTER"
}"#,
        change: &[],
        before: put_cluster,
    },
    Life {
        row: "data.azwi_cluster of Azure Arc",
        upon: "",
        address: "",
        hcl: r#"data "azwi_cluster" "this" {
  cluster_id = "ARC"
}"#,
        change: &[],
        before: put_cluster,
    },
    Life {
        row: "data.azwi_oidc_issuer",
        upon: "",
        address: "",
        hcl: r#"data "azwi_oidc_issuer" "this" {
  issuer = "ISSUER"
}"#,
        change: &[],
        before: |_| {},
    },
    Life {
        row: "data.azwi_user_assigned_identity",
        upon: "",
        address: "",
        hcl: r#"data "azwi_user_assigned_identity" "this" {
  name                = "theirs"
  resource_group_name = var.group
}"#,
        change: &[],
        before: put_theirs,
    },
    Life {
        row: "data.azwi_federated_identity_credentials",
        upon: "",
        address: "",
        hcl: r#"data "azwi_federated_identity_credentials" "this" {
  user_assigned_identity_id = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/theirs"
}"#,
        change: &[],
        before: put_theirs,
    },
    Life {
        row: "data.azwi_service_account",
        upon: "",
        address: "",
        hcl: r#"data "azwi_service_account" "this" {
  name      = "read"
  namespace = var.namespace
}"#,
        change: &[],
        before: |azwi| {
            azwi.emulator.create_account(&azwi.namespace, "read", &json!({}));
        },
    },
    Life {
        row: "data.azwi_role_definition",
        upon: "",
        address: "",
        hcl: r#"data "azwi_role_definition" "this" {
  name  = "Reader"
  scope = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}"
}"#,
        change: &[],
        before: |_| {},
    },
    Life {
        row: "data.azwi_client_config",
        upon: "",
        address: "",
        hcl: r#"data "azwi_client_config" "this" {}"#,
        change: &[],
        before: |_| {},
    },
];

impl Life {
    /// Whether this life has the rights of a row.
    pub fn is_of(&self, row: &Row) -> bool {
        row.of == self.row || row.of == self.upon
    }

    /// A configuration with the changes made in it.
    pub fn changed(&self, hcl: &str) -> String {
        self.change.iter().fold(hcl.to_owned(), |hcl, (one, two)| hcl.replace(one, two))
    }

    /// The configuration for this test.
    pub fn hcl(&self, azwi: &Azwi) -> String {
        let cluster = Emulator::cluster_id(&azwi.group, "demo");
        let arc =
            cluster.replace("Microsoft.ContainerService/managedClusters", "Microsoft.Kubernetes/connectedClusters");
        self.hcl.replace("ISSUER", &azwi.emulator.issuer()).replace("CLUSTER", &cluster).replace("ARC", &arc)
    }
}

/// An identity of somebody else's.
fn put_theirs(azwi: &Azwi) {
    let id = Emulator::identity_id(SUBSCRIPTION, &azwi.group, "theirs");
    azwi.emulator.put_identity(&id, &json!({ "location": "westeurope" }));
}

/// The cluster `demo` as two resources in the test's group, of AKS and of Azure Arc, with users of Entra ID.
fn put_cluster(azwi: &Azwi) {
    for kind in ["aks", "arc"] {
        let azure = json!({ "resource_group": azwi.group, "kind": kind, "entra": true });
        azwi.emulator.seed(&json!({ "clusters": [{ "name": "demo", "azure": azure }] }));
    }
}
