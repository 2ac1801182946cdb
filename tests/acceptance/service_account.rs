//! `azwi_service_account`.

use serde_json::{Value as Json, json};

use crate::azwi::{Azwi, NOTHING, changes, on_an_emulated_cluster_only, under_every_terraform};
use crate::texts;

const THIS: &str = "azwi_service_account.this";
const CLIENT: &str = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11";
const OTHER_CLIENT: &str = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a22";
const CLIENT_KEY: &str = "azure.workload.identity/client-id";
const TENANT_KEY: &str = "azure.workload.identity/tenant-id";
const EXPIRATION_KEY: &str = "azure.workload.identity/service-account-token-expiration";

fn account(client: &str, more: &str) -> String {
    format!(
        r#"resource "azwi_service_account" "this" {{
  name      = "app"
  namespace = var.namespace
  client_id = "{client}"
  {more}
}}
"#
    )
}

fn found(azwi: &Azwi) -> Json {
    azwi.emulator.account(&azwi.namespace, "app").unwrap_or_else(|| panic!("there is no service account"))
}

fn annotation(azwi: &Azwi, key: &str) -> Json {
    found(azwi)["metadata"]["annotations"][key].clone()
}

#[test]
fn an_account_is_made_changed_in_place_and_destroyed() {
    under_every_terraform(|azwi| {
        let tenant = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a33";
        let state = azwi.applied(&account(
            CLIENT,
            &format!(
                r#"tenant_id                       = "{tenant}"
  token_expiration_seconds        = 7200
  labels                          = {{ app = "demo" }}
  annotations                     = {{ "example.com/team" = "a", "example.com/gone" = "soon" }}
  automount_service_account_token = false
  image_pull_secrets              = ["registry"]"#
            ),
        ));
        let made = found(&azwi);
        let annotations = &made["metadata"]["annotations"];
        assert_eq!(annotations[CLIENT_KEY], CLIENT);
        assert_eq!(annotations[TENANT_KEY], tenant);
        assert_eq!(annotations[EXPIRATION_KEY], "7200");
        assert_eq!(annotations["example.com/team"], "a");
        assert_eq!(made["metadata"]["labels"], json!({ "app": "demo" }));
        assert_eq!(made["automountServiceAccountToken"], false);
        assert_eq!(made["imagePullSecrets"], json!([{ "name": "registry" }]));
        assert_eq!(state.get(THIS, "id"), format!("{}/app", azwi.namespace));
        assert_eq!(state.get(THIS, "subject"), format!("system:serviceaccount:{}:app", azwi.namespace));
        assert_eq!(state.get(THIS, "uid"), made["metadata"]["uid"].as_str().unwrap());

        azwi.write(&account(OTHER_CLIENT, "annotations = { \"example.com/team\" = \"b\" }"));
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.apply();
        let changed = found(&azwi);
        assert_eq!(changed["metadata"]["uid"], made["metadata"]["uid"], "in place");
        assert_eq!(
            changed["metadata"]["annotations"],
            json!({ CLIENT_KEY: OTHER_CLIENT, "example.com/team": "b" }),
            "what is no longer configured is gone"
        );
        assert!(changed["metadata"]["labels"].as_object().is_none_or(|labels| labels.is_empty()), "{changed:#}");
        assert_eq!(changed["imagePullSecrets"], Json::Null);
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn an_account_by_another_name_is_another_account() {
    under_every_terraform(|azwi| {
        azwi.applied(&account(CLIENT, ""));
        azwi.write(&account(CLIENT, "").replace("\"app\"", "\"app-2\""));
        assert_eq!(azwi.plan(), changes([(THIS, "replace")]));
        azwi.apply();
        assert_eq!(azwi.emulator.account(&azwi.namespace, "app"), None);
        assert!(azwi.emulator.account(&azwi.namespace, "app-2").is_some());
        azwi.destroy();
    });
}

#[test]
fn drift_of_an_account_is_planned_and_mended() {
    under_every_terraform(|azwi| {
        azwi.applied(&account(CLIENT, ""));
        let theirs = json!({ "metadata": { "annotations": { CLIENT_KEY: OTHER_CLIENT } } });
        azwi.emulator.patch_account(&azwi.namespace, "app", &theirs);
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.apply();
        assert_eq!(annotation(&azwi, CLIENT_KEY), CLIENT);

        azwi.emulator.delete_account(&azwi.namespace, "app");
        assert_eq!(azwi.plan(), changes([(THIS, "create")]));
        azwi.apply();
        assert_eq!(annotation(&azwi, CLIENT_KEY), CLIENT);

        azwi.emulator.delete_account(&azwi.namespace, "app");
        azwi.destroy();
    });
}

#[test]
fn an_account_s_successor_of_the_same_name_is_not_ours() {
    under_every_terraform(|azwi| {
        azwi.applied(&account(CLIENT, ""));
        azwi.emulator.delete_account(&azwi.namespace, "app");
        azwi.emulator.create_account(&azwi.namespace, "app", &json!({ "example.com/owner": "them" }));
        azwi.apply_fails().says(&["app", "import {"]);
        assert_eq!(found(&azwi)["metadata"]["annotations"], json!({ "example.com/owner": "them" }));
        azwi.emulator.delete_account(&azwi.namespace, "app");
        azwi.destroy();
    });
}

#[test]
fn keys_of_others_are_neither_drift_nor_removed() {
    under_every_terraform(|azwi| {
        azwi.applied(&account(CLIENT, ""));
        let theirs = json!({ "metadata": {
            "annotations": { "example.com/theirs": "kept" }, "labels": { "example.com/theirs": "kept" },
        } });
        azwi.emulator.patch_account(&azwi.namespace, "app", &theirs);
        assert_eq!(azwi.plan(), NOTHING);
        azwi.applied(&account(OTHER_CLIENT, ""));
        assert_eq!(annotation(&azwi, "example.com/theirs"), "kept");
        assert_eq!(found(&azwi)["metadata"]["labels"], json!({ "example.com/theirs": "kept" }));
        azwi.destroy();
    });
}

#[test]
fn an_account_is_imported_by_block_by_command_and_by_resource_identity() {
    under_every_terraform(|azwi| {
        let theirs = json!({ CLIENT_KEY: CLIENT, "example.com/team": "a" });
        azwi.emulator.create_account(&azwi.namespace, "app", &theirs);
        let id = format!("{}/app", azwi.namespace);
        let hcl = account(CLIENT, "annotations = { \"example.com/team\" = \"a\" }");
        azwi.write(&hcl);
        azwi.run(&["import", "-no-color", "-input=false", THIS, &id]).succeeded();
        assert_eq!(azwi.plan(), NOTHING);

        azwi.forget(THIS);
        azwi.write(&format!("import {{\n  to = {THIS}\n  id = \"{id}\"\n}}\n{hcl}"));
        assert_eq!(azwi.plan(), changes([(THIS, "import")]));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);

        azwi.import_by_identity(THIS, &hcl);

        // What was imported was written by somebody else's manager, and must still be ours to change and to drop.
        azwi.applied(&account(OTHER_CLIENT, ""));
        assert_eq!(found(&azwi)["metadata"]["annotations"], json!({ CLIENT_KEY: OTHER_CLIENT }));
        azwi.destroy();
    });
}

#[test]
fn a_tainted_account_is_made_anew() {
    under_every_terraform(|azwi| {
        let first = azwi.applied(&account(CLIENT, "")).get(THIS, "uid");
        azwi.run(&["taint", THIS]).succeeded();
        assert_eq!(azwi.plan(), changes([(THIS, "replace")]));
        azwi.apply();
        assert_ne!(azwi.state().get(THIS, "uid"), first);
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn somebody_else_s_account_gets_our_annotations_and_loses_only_them() {
    under_every_terraform(|azwi| {
        azwi.emulator.create_account(&azwi.namespace, "app", &json!({ "example.com/owner": "helm" }));
        let before = found(&azwi);
        azwi.applied(&account(CLIENT, "manage = \"annotations\""));
        let after = found(&azwi);
        assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
        assert_eq!(after["metadata"]["annotations"], json!({ "example.com/owner": "helm", CLIENT_KEY: CLIENT }));
        azwi.applied(&account(OTHER_CLIENT, "manage = \"annotations\""));
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
        assert_eq!(found(&azwi)["metadata"]["annotations"], json!({ "example.com/owner": "helm" }));
    });
}

#[test]
fn an_account_that_is_to_be_annotated_must_exist() {
    under_every_terraform(|azwi| {
        azwi.write(&account(CLIENT, "manage = \"annotations\""));
        azwi.apply_fails().says(&["app", &azwi.namespace, "manage"]);
        assert_eq!(azwi.emulator.account(&azwi.namespace, "app"), None);
    });
}

#[test]
fn a_conflict_names_the_other_manager_and_the_key_and_force_conflicts_settles_it() {
    under_every_terraform(|azwi| {
        // An account that was made with nothing in it would have no managers to name, whatever is written to it later.
        azwi.emulator.create_account(&azwi.namespace, "app", &json!({ "example.com/owner": "helm" }));
        let theirs = json!({ "metadata": { "annotations": { CLIENT_KEY: OTHER_CLIENT } } });
        azwi.emulator.patch_account(&azwi.namespace, "app", &theirs);
        azwi.write(&account(CLIENT, "manage = \"annotations\""));
        azwi.apply_fails().says(&["kubectl-annotate", CLIENT_KEY, "force_conflicts"]);
        assert_eq!(annotation(&azwi, CLIENT_KEY), OTHER_CLIENT);

        azwi.applied(&account(CLIENT, "manage = \"annotations\"\n  force_conflicts = true"));
        assert_eq!(annotation(&azwi, CLIENT_KEY), CLIENT);
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
        assert_eq!(annotation(&azwi, CLIENT_KEY), Json::Null);
    });
}

#[test]
fn accounts_of_two_clusters_come_from_two_provider_configurations() {
    under_every_terraform(|azwi| {
        azwi.applied(&format!(
            r#"provider "azwi" {{}}

provider "azwi" {{
  alias = "second"
  kubernetes {{
    config_context = "second"
  }}
}}

{}
resource "azwi_service_account" "second" {{
  provider  = azwi.second
  name      = "app"
  namespace = var.namespace
  client_id = "{OTHER_CLIENT}"
}}
"#,
            account(CLIENT, "")
        ));
        assert_eq!(annotation(&azwi, CLIENT_KEY), CLIENT);
        let second = azwi.emulator.account_of("second", &azwi.namespace, "app").unwrap();
        assert_eq!(second["metadata"]["annotations"][CLIENT_KEY], OTHER_CLIENT);
        azwi.destroy();
    });
}

#[test]
fn an_account_that_is_being_deleted_is_waited_for_within_bounds() {
    on_an_emulated_cluster_only("a finalizer that nobody removes would keep the namespace for ever", |mut azwi| {
        let (namespace, finalizers) = (azwi.namespace.clone(), json!(["example.org/hold"]));
        azwi.emulator.create_account(&namespace, "app", &json!({}));
        azwi.emulator.patch_account(&namespace, "app", &json!({"metadata": {"finalizers": finalizers}}));
        azwi.emulator.delete_account(&namespace, "app");
        azwi.environment.insert("TF_LOG_PROVIDER".to_owned(), "info".to_owned());
        azwi.write(
            "resource \"azwi_service_account\" \"app\" {\n  name = \"app\"\n  namespace = var.namespace\n  timeouts {\n    create = \
             \"2s\"\n  }\n}\n",
        );
        let run = azwi.run(&["apply", "-json", "-input=false", "-auto-approve"]);
        assert!(
            run.stderr.lines().any(|line| line.contains("example.org/hold")),
            "the log says what is waited for: {run}"
        );
        run.failed().says(&[texts::STILL_DELETING, "example.org/hold", &namespace]);
    });
}
