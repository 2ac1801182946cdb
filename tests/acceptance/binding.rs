//! `azwi_federated_credential_binding`: made, drifted, changed, imported, destroyed. What fails halfway is in `binding_failure.rs`.

use serde_json::{Value as Json, json};

use crate::azwi::{Azwi, NOTHING, State, changes, on_an_emulated_cluster_only, under_every_terraform};
use crate::clusters;
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::texts;

/// The binding under test.
pub const THIS: &str = "azwi_federated_credential_binding.this";
/// Its identity.
pub const IDENTITY: &str = "azwi_user_assigned_identity.app";
const CLIENT_KEY: &str = "azure.workload.identity/client-id";
const TENANT_KEY: &str = "azure.workload.identity/tenant-id";
const OTHER_CLIENT: &str = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a22";

/// Why a real cluster cannot play.
pub const IN_AZURE: &str = "Azure knows no cluster outside the emulator";

/// The demo cluster's id in Azure.
pub const CLUSTER: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo";

/// Waits fifty times shorter than they are, and what `binding_of` says of the cluster: a real one has no id in Azure.
pub fn hurried(mut azwi: Azwi) -> Azwi {
    azwi.environment.insert("AZWI_TEST_HURRY".to_owned(), "50".to_owned());
    let (cluster, issuer) = match clusters::real() {
        None => (format!("\"{CLUSTER}\""), "null".to_owned()),
        Some(_) => ("null".to_owned(), format!("\"{}\"", azwi.emulator.issuer())),
    };
    azwi.file("cluster.tf", &format!("locals {{\n  cluster_id = {cluster}\n  issuer     = {issuer}\n}}\n"));
    azwi
}

/// An identity and its binding; `account` and `more` are further lines of it.
pub fn binding_of(account: &str, more: &str) -> String {
    format!(
        r#"resource "azwi_user_assigned_identity" "app" {{
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}}

resource "azwi_federated_credential_binding" "this" {{
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  cluster_id                = local.cluster_id
  issuer                    = local.issuer
  service_account = {{
    namespace = var.namespace
    name      = "app"
    {account}
  }}
  {more}
}}
"#
    )
}

/// A role at the test's resource group.
pub const READER: &str = r#"role_assignments = [{
    scope                = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}"
    role_definition_name = "Reader"
  }]"#;

/// The identity of the test.
pub fn identity(azwi: &Azwi) -> String {
    Emulator::identity_id(SUBSCRIPTION, &azwi.group, "app")
}

/// The one credential on it.
#[track_caller]
pub fn credential(azwi: &Azwi) -> Json {
    let all = azwi.emulator.credentials(&identity(azwi));
    assert_eq!(all.len(), 1, "{all:#?}");
    all[0].clone()
}

fn account(azwi: &Azwi) -> Json {
    azwi.emulator.account(&azwi.namespace, "app").unwrap_or_else(|| panic!("there is no service account"))
}

fn annotation(azwi: &Azwi, key: &str) -> Json {
    account(azwi)["metadata"]["annotations"][key].clone()
}

fn scope(azwi: &Azwi) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{}", azwi.group)
}

#[test]
fn a_binding_makes_the_whole_chain_proves_it_and_ends_it() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let state = azwi.applied(&binding_of("labels = { team = \"a\" }\n    token_expiration_seconds = 7200", READER));
        let made = credential(&azwi);
        let issuer = azwi.emulator.issuer();
        assert_eq!(
            made["properties"],
            json!({"issuer": issuer, "subject": format!("system:serviceaccount:{}:app", azwi.namespace),
                "audiences": ["api://AzureADTokenExchange"]})
        );
        let name = made["name"].as_str().unwrap();
        assert!(
            name.starts_with(&format!("{}-app-", azwi.namespace)) && name.len() == azwi.namespace.len() + 13,
            "{name}"
        );
        let id = format!("{}/federatedIdentityCredentials/{name}", identity(&azwi));
        for (attribute, expected) in [
            ("id", id.as_str()),
            ("credential_id", &id),
            ("credential_name", name),
            ("issuer", &issuer),
            ("usable", "true"),
            ("subject", &format!("system:serviceaccount:{}:app", azwi.namespace)),
            ("client_id", &state.get(IDENTITY, "client_id")),
            ("tenant_id", &state.get(IDENTITY, "tenant_id")),
            ("principal_id", &state.get(IDENTITY, "principal_id")),
            ("pod_labels", r#"{"azure.workload.identity/use":"true"}"#),
        ] {
            assert_eq!(state.get(THIS, attribute), expected, "{attribute}");
        }
        let metadata = &account(&azwi)["metadata"];
        assert_eq!(
            metadata["annotations"],
            json!({CLIENT_KEY: state.get(IDENTITY, "client_id"), TENANT_KEY: state.get(IDENTITY, "tenant_id"),
                "azure.workload.identity/service-account-token-expiration": "7200"})
        );
        assert_eq!(metadata["labels"], json!({"team": "a"}));
        let managers = metadata["managedFields"].as_array().unwrap();
        assert!(
            managers.iter().all(|entry| entry["manager"].as_str().unwrap().starts_with("azwi-binding-")),
            "{managers:#?}"
        );
        let roles = azwi.emulator.role_assignments(&scope(&azwi));
        assert_eq!(roles.len(), 1);
        let ids: Json = serde_json::from_str(&state.get(THIS, "role_assignment_ids")).unwrap();
        let key = format!("{}|acdd72a7-3385-48ef-bd42-f606fba81ae7", scope(&azwi).to_lowercase());
        assert!(ids[&key].as_str().unwrap().eq_ignore_ascii_case(roles[0]["id"].as_str().unwrap()), "{ids}");
        azwi.destroy();
    });
}

#[test]
fn token_issuer_mismatch_fails_apply() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let with = |issuer: &str| {
            binding_of("", "").replace("local.cluster_id", "null").replace("local.issuer", &format!("\"{issuer}\""))
        };
        let issuer = azwi.emulator.issuer();
        azwi.write(&with(issuer.trim_end_matches('/')));
        azwi.apply_fails()
            .on("issuer", &[texts::TOKEN_ISSUER_MISMATCH, texts::LACKS_SLASH, &format!("issuer = \"{issuer}\"")]);
        assert!(!azwi.state().has(THIS));
        assert_eq!(azwi.emulator.credentials(&identity(&azwi)), Vec::<Json>::new(), "nothing was written");
        assert_eq!(azwi.emulator.account(&azwi.namespace, "app"), None, "nothing was written");
        let state = azwi.applied(&with(&issuer));
        assert_eq!(state.get(THIS, "cluster_id"), "null");
        assert_eq!(state.get(THIS, "usable"), "true");
        azwi.destroy();
    });
}

#[test]
fn issuer_mismatch_fails_plan() {
    on_an_emulated_cluster_only(IN_AZURE, |azwi| {
        let azwi = hurried(azwi);
        let issuer = azwi.emulator.issuer();
        for (written, difference) in [
            (issuer.trim_end_matches('/').to_owned(), texts::LACKS_SLASH),
            (issuer.replace("/oidc/", "/OIDC/"), texts::DIFFERS_IN_CASE),
        ] {
            azwi.write(&binding_of("", "").replace("local.issuer", &format!("\"{written}\"")));
            let told = azwi.run(&["plan", "-json", "-input=false"]).failed();
            told.on("issuer", &[texts::ISSUER_MISMATCH, difference, &format!("issuer = \"{issuer}\"")]);
        }
        azwi.applied(&binding_of("", "").replace("local.issuer", &format!("\"{issuer}\"")));
        azwi.destroy();
    });
}

#[test]
fn each_part_that_drifts_is_shown_and_mended_alone() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let state = azwi.applied(&binding_of("labels = { team = \"a\" }", READER));
        let id = state.get(THIS, "id");
        let uid = account(&azwi)["metadata"]["uid"].clone();
        let mended = |what: &str, attribute: &str| {
            let before = shown(&azwi, attribute);
            assert!(before.0 != before.1, "{what} should be shown at `{attribute}`: {before:?}");
            azwi.apply();
            assert_eq!(azwi.plan(), NOTHING, "after {what}");
        };
        let client = state.get(THIS, "client_id");

        let theirs = json!({ "metadata": { "annotations": { CLIENT_KEY: OTHER_CLIENT } } });
        azwi.emulator.patch_account(&azwi.namespace, "app", &theirs);
        assert!(shown(&azwi, "service_account").0.to_string().contains(OTHER_CLIENT), "the foreign value is named");
        mended("a changed annotation", "service_account");
        assert_eq!(annotation(&azwi, CLIENT_KEY), client);

        azwi.emulator.patch_account(&azwi.namespace, "app", &json!({"metadata": {"annotations": {TENANT_KEY: null}}}));
        mended("a removed annotation", "service_account");
        assert_eq!(annotation(&azwi, TENANT_KEY), state.get(THIS, "tenant_id"));

        azwi.emulator.patch_account(&azwi.namespace, "app", &json!({"metadata": {"labels": {"team": "b"}}}));
        mended("a changed label", "service_account");
        assert_eq!(account(&azwi)["metadata"]["uid"], uid, "in place");

        azwi.emulator.delete_account(&azwi.namespace, "app");
        mended("a deleted account", "service_account");
        assert_eq!(annotation(&azwi, CLIENT_KEY), client);

        let body = credential(&azwi);
        for (what, attribute, changed) in [
            ("a changed issuer", "issuer", json!({"issuer": "https://elsewhere.example/"})),
            ("a changed subject", "subject", json!({"subject": "system:serviceaccount:else:where"})),
            ("a changed audience", "audience", json!({"audiences": ["api://Another"]})),
        ] {
            let mut theirs = json!({ "properties": body["properties"] });
            for (key, value) in changed.as_object().unwrap() {
                theirs["properties"][key] = value.clone();
            }
            azwi.emulator.put_identity(&id, &theirs);
            mended(what, attribute);
            assert_eq!(credential(&azwi)["properties"], body["properties"]);
        }
        azwi.emulator.delete_identity(&id);
        mended("a deleted credential", "credential_id");
        assert_eq!(credential(&azwi)["properties"], body["properties"]);

        let role = azwi.emulator.role_assignments(&scope(&azwi))[0]["id"].as_str().unwrap().to_owned();
        azwi.emulator.delete_role_assignment(&role);
        mended("a deleted role assignment", "role_assignments");
        assert_eq!(azwi.emulator.role_assignments(&scope(&azwi)).len(), 1);
        assert_eq!(azwi.state().get(THIS, "usable"), "true");

        azwi.emulator.delete_identity(&id);
        azwi.emulator.delete_account(&azwi.namespace, "app");
        azwi.emulator.delete_role_assignment(&role);
        assert_eq!(azwi.plan(), changes([(THIS, "create")]), "without any part there is no binding");
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

/// What the plan shows of an attribute of the binding, which it updates: before and after, null where that is not known.
#[track_caller]
fn shown(azwi: &Azwi, attribute: &str) -> (Json, Json) {
    assert_eq!(azwi.plan(), changes([(THIS, "update")]));
    let run = azwi.run(&["show", "-json", "plan"]).succeeded();
    let plan: Json = serde_json::from_str(&run.stdout).unwrap();
    let of = |change: &&Json| change["address"] == THIS;
    let change = plan["resource_changes"].as_array().unwrap().iter().find(of).unwrap()["change"].clone();
    (change["before"][attribute].clone(), change["after"][attribute].clone())
}

#[test]
fn roles_cluster_and_audience_change_in_place_and_names_replace() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        azwi.applied(&binding_of("", ""));
        let first = credential(&azwi);
        azwi.write(&binding_of("", READER));
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        assert_eq!(azwi.emulator.role_assignments(&scope(&azwi)).len(), 1);
        // The same role by its id is the same assignment.
        let id = "/providers/Microsoft.Authorization/roleDefinitions/ACDD72A7-3385-48ef-bd42-f606fba81ae7";
        let by_id = READER.replace("role_definition_name = \"Reader\"", &format!("role_definition_id = \"{id}\""));
        let before = azwi.emulator.role_assignments(&scope(&azwi));
        azwi.applied(&binding_of("", &by_id));
        assert_eq!(azwi.emulator.role_assignments(&scope(&azwi)), before);
        azwi.applied(&binding_of("", "role_assignments = []"));
        assert_eq!(azwi.emulator.role_assignments(&scope(&azwi)).len(), 0);

        azwi.write(&binding_of("", "audience = \"api://Another\"\n  wait_until_usable = false"));
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.apply();
        assert_eq!(credential(&azwi)["properties"]["audiences"], json!(["api://Another"]));
        assert_eq!(credential(&azwi)["name"], first["name"]);
        assert_eq!(azwi.plan(), NOTHING);

        for changed in [
            binding_of("", "credential_name = \"another\""),
            binding_of("", "").replace("\"app\"\n    \n", "\"app-2\"\n"),
        ] {
            azwi.write(&changed);
            assert_eq!(azwi.plan(), changes([(THIS, "replace")]));
            azwi.apply();
            assert_eq!(azwi.plan(), NOTHING);
            credential(&azwi);
        }
        assert_eq!(azwi.emulator.account(&azwi.namespace, "app"), None);
        assert!(azwi.emulator.account(&azwi.namespace, "app-2").is_some());
        azwi.destroy();
    });
}

#[test]
fn foreign_account_is_annotated_and_restored() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        azwi.emulator.create_account(&azwi.namespace, "app", &json!({ "owner": "them" }));
        azwi.applied(&binding_of("manage = \"annotations\"", ""));
        assert_eq!(annotation(&azwi, "owner"), "them");
        assert_eq!(annotation(&azwi, CLIENT_KEY), azwi.state().get(IDENTITY, "client_id"));
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
        assert_eq!(account(&azwi)["metadata"]["annotations"], json!({ "owner": "them" }));
        azwi.emulator.delete_account(&azwi.namespace, "app");
        azwi.emulator.assert_empty(&azwi.group, &azwi.namespace);
    });
}

#[test]
fn an_account_of_several_identities_is_not_annotated() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        azwi.emulator.create_account(&azwi.namespace, "app", &json!({ CLIENT_KEY: OTHER_CLIENT }));
        let state = azwi.applied(&binding_of("manage = \"annotations\"\n    annotate = false", ""));
        assert_eq!(state.get(THIS, "usable"), "true", "the exchange needs no annotation");
        assert_eq!(annotation(&azwi, CLIENT_KEY), OTHER_CLIENT);
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
        assert_eq!(annotation(&azwi, CLIENT_KEY), OTHER_CLIENT);
        azwi.emulator.delete_account(&azwi.namespace, "app");
    });
}

#[test]
fn a_binding_is_imported_by_block_by_command_and_by_resource_identity() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let hcl = binding_of("labels = { team = \"a\" }", "");
        let import = |state: &State| match clusters::real() {
            None => format!("{}|{CLUSTER}", state.get(THIS, "id")),
            Some(_) => state.get(THIS, "id"),
        };
        let id = import(&azwi.applied(&hcl));
        azwi.forget(THIS);
        azwi.run(&["import", "-no-color", "-input=false", THIS, &id]).succeeded();
        assert_eq!(azwi.plan(), NOTHING);

        azwi.forget(THIS);
        azwi.write(&format!("import {{\n  to = {THIS}\n  id = \"{id}\"\n}}\n{hcl}"));
        assert_eq!(azwi.plan(), changes([(THIS, "import")]));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);

        // A resource identity names no cluster, and so fits a configuration with an issuer.
        let issuer = format!("\"{}\"", azwi.emulator.issuer());
        let by_issuer = hcl.replace("local.cluster_id", "null").replace("local.issuer", &issuer);
        azwi.applied(&by_issuer);
        azwi.import_by_identity(THIS, &by_issuer);
        azwi.destroy();

        // What somebody else owns of the account stays theirs.
        azwi.emulator.create_account(&azwi.namespace, "app", &json!({ "owner": "them" }));
        let joined = binding_of("manage = \"annotations\"", "");
        let id = import(&azwi.applied(&joined));
        azwi.forget(THIS);
        azwi.run(&["import", "-no-color", "-input=false", THIS, &id]).succeeded();
        assert_eq!(azwi.plan(), NOTHING);
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
        assert_eq!(account(&azwi)["metadata"]["annotations"], json!({ "owner": "them" }));
        azwi.emulator.delete_account(&azwi.namespace, "app");
    });
}
