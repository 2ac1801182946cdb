//! Spellings of what means the same, nulls and values that are not known, under real Terraform: it compares a plan with the
//! configuration, and a result with the plan, to the letter. `tests/planning` has every text in every spelling.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::azwi::{Azwi, NOTHING, changes, each_with_its_own_emulator, under_every_terraform};
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::texts;

const ASSIGNMENT: &str = "azwi_role_assignment.this";
const IDENTITY: &str = "azwi_user_assigned_identity.app";
const SECRETS_USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";

fn identity(more: &str) -> String {
    format!(
        r#"resource "azwi_user_assigned_identity" "app" {{
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
  {more}
}}
"#
    )
}

fn assignment(role: &str, more: &str) -> String {
    format!(
        r#"{}
resource "azwi_role_assignment" "this" {{
  scope        = "/subscriptions/${{var.subscription_id}}/resourceGroups/${{var.group}}"
  principal_id = azwi_user_assigned_identity.app.principal_id
  {role}
  {more}
}}
"#,
        identity("")
    )
}

fn scope(azwi: &Azwi) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{}", azwi.group)
}

fn tags(azwi: &Azwi) -> Json {
    azwi.emulator.identity(&Emulator::identity_id(SUBSCRIPTION, &azwi.group, "app")).unwrap()["tags"].clone()
}

#[test]
fn a_subscription_in_either_form_is_one_and_keeps_the_identity() {
    under_every_terraform(|mut azwi| {
        let state = azwi.applied(&identity("subscription_id = \"/subscriptions/${var.subscription_id}\""));
        let client_id = state.get(IDENTITY, "client_id");
        azwi.write(&identity("subscription_id = var.subscription_id"));
        assert_eq!(azwi.plan(), NOTHING);

        azwi.environment.insert("ARM_SUBSCRIPTION_ID".to_owned(), format!("/subscriptions/{SUBSCRIPTION}"));
        let state = azwi.applied(&identity(""));
        assert_eq!(state.get(IDENTITY, "client_id"), client_id);
        azwi.destroy();
    });
}

#[test]
fn an_empty_description_and_condition_are_none() {
    under_every_terraform(|azwi| {
        let role = "role_definition_name = \"Reader\"";
        let state = azwi.applied(&assignment(role, "description = \"\"\n  condition = \"\""));
        let id = state.get(ASSIGNMENT, "id");
        azwi.applied(&assignment(role, ""));
        azwi.applied(&assignment(role, "description = \"for the app\""));
        let state = azwi.applied(&assignment(role, "description = \" \""));
        assert_eq!(state.get(ASSIGNMENT, "id"), id);
        assert_eq!(azwi.emulator.role_assignments(&scope(&azwi))[0]["properties"]["description"], json!(null));
        azwi.destroy();
    });
}

#[test]
fn a_role_s_id_may_be_azurerm_s_its_guid_or_azure_s() {
    under_every_terraform(|azwi| {
        let path =
            format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}");
        let ids = [format!("{path}|/subscriptions/{SUBSCRIPTION}"), path, SECRETS_USER.to_owned()];
        let written = ids.map(|id| format!("role_definition_id = \"{id}\""));
        azwi.applied(&assignment(&written[0], ""));
        for other in &written[1..] {
            azwi.write(&assignment(other, ""));
            assert_eq!(azwi.plan(), NOTHING);
        }
        azwi.destroy();
    });
}

#[test]
fn null_elements_of_maps_are_left_out() {
    under_every_terraform(|azwi| {
        let account = r#"
resource "azwi_service_account" "app" {
  name        = "app"
  namespace   = var.namespace
  labels      = { team = null, app = "x" }
  annotations = { note = null }
}
"#;
        azwi.applied(&format!("{}{account}", identity("tags = { team = null, app = \"x\" }")));
        assert_eq!(tags(&azwi), json!({"app": "x"}));
        azwi.write(&format!("{}{account}", identity("tags = { App = \"x\" }")));
        assert_eq!(azwi.plan(), NOTHING, "tags have no case");
        azwi.applied(&format!("{}{account}", identity("tags = { app = null }")));
        assert_eq!(tags(&azwi), json!({}));
        azwi.destroy();
    });
}

#[test]
fn a_null_element_of_a_set_is_refused() {
    under_every_terraform(|azwi| {
        azwi.write(
            "resource \"azwi_service_account\" \"app\" {\n  name = \"app\"\n  namespace = var.namespace\n  image_pull_secrets = \
             [\"a\", null]\n}\n",
        );
        azwi.run(&["validate", "-json"]).failed().on("image_pull_secrets", &[texts::NULL_ELEMENT]);
    });
}

#[test]
fn a_respelled_scope_is_no_other_role_of_a_binding() {
    under_every_terraform(|azwi| {
        let binding = |scope: &str, role: &str| {
            format!(
                r#"{}
resource "azwi_federated_credential_binding" "app" {{
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  issuer                    = "{}"
  wait_until_usable         = false
  service_account           = {{ namespace = var.namespace, name = "app" }}
  role_assignments = [
    {{ scope = "{scope}", role_definition_name = "{role}" }},
    {{ scope = "{scope}", role_definition_name = "Key Vault Secrets User" }},
  ]
}}
"#,
                identity(""),
                azwi.emulator.issuer()
            )
        };
        azwi.applied(&binding(&scope(&azwi), "Reader"));
        azwi.write(&binding(
            &format!("{}/", scope(&azwi).to_uppercase().replace("/SUBSCRIPTIONS", "/Subscriptions")),
            "READER",
        ));
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn a_role_that_does_not_exist_costs_no_assignment() {
    under_every_terraform(|azwi| {
        azwi.applied(&assignment("role_definition_name = \"Reader\"", ""));
        let before = azwi.emulator.role_assignments(&scope(&azwi));
        let id = "role_definition_id = \"/providers/Microsoft.Authorization/roleDefinitions/7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11\"";
        for role in ["role_definition_name = \"Reador\"", id] {
            azwi.write(&assignment(role, ""));
            assert_eq!(azwi.plan(), changes([(ASSIGNMENT, "replace")]));
            azwi.apply_fails().says(&[texts::NOTHING_DELETED]);
            assert_eq!(azwi.emulator.role_assignments(&scope(&azwi)), before);
        }
        azwi.write(&assignment("role_definition_name = \"Reader \"", ""));
        azwi.run(&["validate", "-json"]).failed().on("role_definition_name", &["Reader"]);
        azwi.applied(&assignment("role_definition_name = \"Reader\"", ""));
        assert_eq!(azwi.emulator.role_assignments(&scope(&azwi)), before);
        azwi.destroy();
    });
}

#[test]
fn a_replacement_for_an_unknown_value_is_told() {
    each_with_its_own_emulator(|azwi| {
        azwi.write(&identity(""));
        azwi.apply();
        std::fs::create_dir(azwi.path("lookup")).unwrap();
        azwi.file(
            "lookup/main.tf",
            "terraform {\n  required_providers {\n    azwi = { source = \"azwi/azwi\" }\n  }\n}\nvariable \"group\" {}\n\
             data \"azwi_user_assigned_identity\" \"app\" {\n  name = \"app\"\n  resource_group_name = var.group\n}\n\
             output \"identity\" { value = data.azwi_user_assigned_identity.app }\n",
        );
        let all = |tag: &str| {
            format!(
                r#"{}
module "lookup" {{
  source     = "./lookup"
  group      = var.group
  depends_on = [azwi_user_assigned_identity.app]
}}

resource "azwi_federated_identity_credential" "app" {{
  name                      = "app"
  user_assigned_identity_id = module.lookup.identity.id
  issuer                    = "https://issuer.example/"
  subject                   = "system:serviceaccount:demo:app"
}}

resource "azwi_role_assignment" "app" {{
  scope                = "/subscriptions/${{var.subscription_id}}/resourceGroups/${{var.group}}"
  role_definition_name = "Reader"
  principal_id         = module.lookup.identity.principal_id
}}
"#,
                identity(&format!("tags = {{ v = \"{tag}\" }}"))
            )
        };
        azwi.write(&all("1"));
        azwi.run(&["get"]).succeeded();
        azwi.applied(&all("1"));
        azwi.write(&all("2"));
        let warned = azwi.run(&["plan", "-json", "-input=false"]).succeeded().warned();
        warned.on("user_assigned_identity_id", &[texts::REPLACED_FOR_UNKNOWN]);
        warned.on("principal_id", &[texts::REPLACED_FOR_UNKNOWN]);
        // What is replaced for a reason that is known is not told.
        azwi.write(&all("1").replace("\"https://issuer", "\"https://other").replace("\"Reader\"", "\"Contributor\""));
        let run = azwi.run(&["plan", "-json", "-input=false"]).succeeded();
        assert!(
            run.diagnostics("warning").iter().all(|one| !one.to_string().contains(texts::REPLACED_FOR_UNKNOWN)),
            "{run}"
        );
    });
}

#[test]
fn a_key_that_the_webhook_does_not_read_is_told() {
    under_every_terraform(|azwi| {
        azwi.write(
            r#"resource "azwi_service_account" "app" {
  name        = "app"
  namespace   = var.namespace
  annotations = { "azure.workload.identity/client_id" = "x", "azure.workload.identity/skip-containers" = "y" }
  labels      = { "azure.workload.identity/Use" = "true" }
}
"#,
        );
        let warned = azwi.run(&["plan", "-json", "-input=false"]).succeeded().warned();
        warned.on("annotations", &["azure.workload.identity/client-id"]);
        warned.on("labels", &["azure.workload.identity/use"]);
        // One more is about the provider under test.
        assert_eq!(warned.count(), 3);
    });
}

#[test]
fn a_credential_with_an_expression_is_neither_imported_nor_adopted_nor_overwritten() {
    under_every_terraform(|azwi| {
        let credential = |more: &str| {
            format!(
                r#"{}
resource "azwi_federated_identity_credential" "app" {{
  name                      = "app"
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  issuer                    = "https://issuer.example/"
  subject                   = "system:serviceaccount:demo:app"
  {more}
}}
"#,
                identity("")
            )
        };
        let state = azwi.applied(&credential(""));
        let id = state.get("azwi_federated_identity_credential.app", "id");
        let flexible = json!({"issuer": "https://issuer.example/", "audiences": ["api://AzureADTokenExchange"],
            "claimsMatchingExpression": {"value": "claims['sub'] matches 'a*'", "languageVersion": 1}});
        let version = "2025-01-31-preview";
        let (status, made) = azwi.emulator.arm(Method::PUT, &id, version, Some(&json!({"properties": flexible})));
        assert_eq!(status, 200, "{made}");
        azwi.apply_fails().says(&[texts::HAS_EXPRESSION]);
        azwi.forget("azwi_federated_identity_credential.app");
        let import = azwi.run(&["import", "-no-color", "-input=false", "azwi_federated_identity_credential.app", &id]);
        assert!(!import.status.success() && import.stderr.contains(texts::HAS_EXPRESSION), "{import}");
        azwi.write(&credential("adopt_existing = true"));
        azwi.apply_fails().on("subject", &[texts::HAS_EXPRESSION]);
        let (_, found) = azwi.emulator.arm(Method::GET, &id, version, None);
        assert!(found["properties"]["claimsMatchingExpression"].is_object(), "{found}");
    });
}
