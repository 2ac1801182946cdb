//! The provider's configuration: what is unknown at plan, and what a plan does without.

use crate::azwi::{NOTHING, changes, each_with_its_own_emulator, under_every_terraform};

const CHAIN: &str = r#"
resource "azwi_user_assigned_identity" "app" {
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}

resource "azwi_federated_identity_credential" "app" {
  name                      = "demo"
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  issuer                    = "https://issuer.example/"
  subject                   = azwi_service_account.app.subject
}

resource "azwi_service_account" "app" {
  name      = "app"
  namespace = var.namespace
  client_id = azwi_user_assigned_identity.app.client_id
}

resource "azwi_role_assignment" "app" {
  scope                = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}"
  role_definition_name = "Reader"
  principal_id         = azwi_user_assigned_identity.app.principal_id
}
"#;

const CREATES: [(&str, &str); 4] = [
    ("azwi_federated_identity_credential.app", "create"),
    ("azwi_role_assignment.app", "create"),
    ("azwi_service_account.app", "create"),
    ("azwi_user_assigned_identity.app", "create"),
];

#[test]
fn new_objects_are_planned_without_sign_in_and_without_network() {
    each_with_its_own_emulator(|mut azwi| {
        azwi.environment
            .retain(|name, _| !name.starts_with("ARM_") && !name.starts_with("KUBE") && !name.starts_with("AZURE_"));
        azwi.write(&CHAIN.replace("location ", "subscription_id = var.subscription_id\n  location "));
        let before = azwi.emulator.requests();
        assert_eq!(azwi.plan(), changes(CREATES));
        assert_eq!(azwi.emulator.requests(), before);
    });
}

#[test]
fn nothing_is_asked_to_plan_what_is_new_and_does_not_name_a_role() {
    each_with_its_own_emulator(|azwi| {
        azwi.write(CHAIN.split("resource \"azwi_role_assignment\"").next().unwrap());
        let before = azwi.emulator.requests();
        azwi.plan();
        assert_eq!(azwi.emulator.requests(), before);
    });
}

#[test]
fn a_configuration_that_only_the_apply_knows_works_in_one_apply() {
    under_every_terraform(|mut azwi| {
        let subscription = azwi.environment.remove("ARM_SUBSCRIPTION_ID").unwrap();
        let kubeconfig = azwi.environment.remove("KUBE_CONFIG_PATH").unwrap();
        let unknown = |cluster: u32| {
            format!(
                r#"resource "terraform_data" "subscription" {{
  input = "{subscription}"
}}

# Stands for a cluster, whose output is unknown before each apply that creates it.
resource "terraform_data" "cluster" {{
  input            = "{kubeconfig}"
  triggers_replace = {cluster}
}}

provider "azwi" {{
  subscription_id = terraform_data.subscription.output
  kubernetes {{
    config_path = terraform_data.cluster.output
  }}
}}
{CHAIN}"#
            )
        };
        azwi.applied(&unknown(1));
        let uid = azwi.state().get("azwi_service_account.app", "uid");

        // The cluster is being replaced: its account in the state is neither lost nor looked for on localhost.
        azwi.write(&unknown(2));
        assert_eq!(azwi.plan(), changes([("terraform_data.cluster", "replace")]));
        azwi.apply();
        assert_eq!(azwi.state().get("azwi_service_account.app", "uid"), uid);
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn both_planes_are_optional() {
    under_every_terraform(|mut azwi| {
        let kubernetes: Vec<(String, String)> =
            azwi.environment.extract_if(.., |name, _| name.starts_with("KUBE")).collect();
        azwi.applied(CHAIN.split("resource \"azwi_federated").next().unwrap());
        azwi.destroy();

        azwi.environment.retain(|name, _| !name.starts_with("ARM_"));
        azwi.environment.extend(kubernetes);
        azwi.applied(
            r#"resource "azwi_service_account" "app" {
  name      = "app"
  namespace = var.namespace
  client_id = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11"
}
"#,
        );
        azwi.destroy();
    });
}

#[test]
fn a_secret_is_in_no_output_and_not_in_the_log() {
    under_every_terraform(|mut azwi| {
        let secret = azwi.environment["ARM_CLIENT_SECRET"].clone();
        azwi.environment.insert("TF_LOG".to_owned(), "TRACE".to_owned());
        azwi.write(CHAIN);
        let run = azwi.apply();
        assert!(run.stderr.contains("azwi"), "there should be a log:\n{run}");
        // Terraform's own lines may tell the environment; ours may not tell the secret, nor a token.
        for line in run.stderr.lines().filter(|line| line.contains("provider.terraform-provider-azwi")) {
            assert!(!line.contains(&secret) && !line.contains("eyJ"), "{line}");
        }
        azwi.environment.remove("TF_LOG");
        azwi.destroy();
    });
}
