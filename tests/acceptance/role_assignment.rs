//! `azwi_role_assignment`.

use serde_json::{Value as Json, json};

use crate::azwi::{Azwi, NOTHING, changes, each_with_its_own_emulator, under_every_terraform};
use crate::emulator::{OTHER_SUBSCRIPTION, SUBSCRIPTION};

const THIS: &str = "azwi_role_assignment.this";

/// "Key Vault Secrets User", one of Azure's built-in roles, whose GUIDs are the same everywhere.
const SECRETS_USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";

fn assignment(role: &str, more: &str) -> String {
    format!(
        r#"resource "azwi_user_assigned_identity" "app" {{
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}}

resource "azwi_role_assignment" "this" {{
  scope        = "/subscriptions/${{var.subscription_id}}/resourceGroups/${{var.group}}"
  principal_id = azwi_user_assigned_identity.app.principal_id
  {role}
  {more}
}}
"#
    )
}

fn simple() -> String {
    assignment("role_definition_name = \"Key Vault Secrets User\"", "")
}

fn scope(azwi: &Azwi) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{}", azwi.group)
}

fn only(azwi: &Azwi) -> Json {
    let all = azwi.emulator.role_assignments(&scope(azwi));
    assert_eq!(all.len(), 1, "{all:#?}");
    all[0].clone()
}

#[test]
fn a_role_is_assigned_by_name_described_in_place_and_taken_away() {
    under_every_terraform(|azwi| {
        let state = azwi.applied(&simple());
        let made = only(&azwi);
        let properties = &made["properties"];
        assert!(properties["roleDefinitionId"].as_str().unwrap().ends_with(SECRETS_USER));
        assert_eq!(properties["principalId"], state.get("azwi_user_assigned_identity.app", "principal_id"));
        assert_eq!(properties["principalType"], "ServicePrincipal");
        assert!(state.get(THIS, "id").eq_ignore_ascii_case(made["id"].as_str().unwrap()));

        let condition = "@Resource[Microsoft.KeyVault/vaults:name] StringEquals 'a'";
        let more =
            format!("description = \"for the app\"\n  condition = \"{condition}\"\n  condition_version = \"2.0\"");
        azwi.write(&assignment("role_definition_name = \"Key Vault Secrets User\"", &more));
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.apply();
        let changed = only(&azwi);
        assert_eq!(changed["name"], made["name"]);
        assert_eq!(changed["properties"]["description"], "for the app");
        assert_eq!(changed["properties"]["condition"], condition);
        assert_eq!(changed["properties"]["conditionVersion"], "2.0");
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn a_role_by_id_is_the_same_role_and_another_role_is_another_assignment() {
    under_every_terraform(|azwi| {
        azwi.applied(&simple());
        let first = only(&azwi);
        // The id without its subscription is how Azure lists built-in roles.
        let id = format!("role_definition_id = \"/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}\"");
        azwi.write(&assignment(&id, ""));
        azwi.apply();
        assert_eq!(only(&azwi)["name"], first["name"]);
        assert_eq!(azwi.plan(), NOTHING);

        azwi.write(&assignment("role_definition_name = \"Reader\"", ""));
        assert_eq!(azwi.plan(), changes([(THIS, "replace")]));
        azwi.apply();
        assert_ne!(only(&azwi)["name"], first["name"]);
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn a_name_is_derived_from_scope_role_and_principal_and_may_be_given() {
    under_every_terraform(|azwi| {
        azwi.applied(&simple());
        let first = only(&azwi);
        azwi.run(&["taint", THIS]).succeeded();
        assert_eq!(azwi.plan(), changes([(THIS, "replace")]));
        azwi.apply();
        assert_eq!(only(&azwi)["name"], first["name"], "the same three make the same name");

        let name = azwi.uuid.as_str();
        azwi.applied(&assignment("role_definition_name = \"Key Vault Secrets User\"", &format!("name = \"{name}\"")));
        assert_eq!(only(&azwi)["name"], name);
        azwi.destroy();
    });
}

#[test]
fn drift_of_a_role_assignment_is_planned_and_mended() {
    under_every_terraform(|azwi| {
        azwi.applied(&assignment("role_definition_name = \"Reader\"", "description = \"ours\""));
        let made = only(&azwi);
        let id = made["id"].as_str().unwrap();
        let mut theirs = made["properties"].clone();
        theirs["description"] = json!("theirs");
        azwi.emulator.put_role_assignment(id, &theirs);
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.apply();
        assert_eq!(only(&azwi)["properties"]["description"], "ours");

        azwi.emulator.delete_role_assignment(id);
        assert_eq!(azwi.plan(), changes([(THIS, "create")]));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);

        azwi.emulator.delete_role_assignment(id);
        azwi.destroy();
    });
}

#[test]
fn a_role_assignment_is_imported_by_block_by_command_and_by_resource_identity() {
    under_every_terraform(|azwi| {
        let id = azwi.applied(&simple()).get(THIS, "id");
        azwi.forget(THIS);
        azwi.run(&["import", "-no-color", "-input=false", THIS, &id]).succeeded();
        assert_eq!(azwi.plan(), NOTHING);

        azwi.forget(THIS);
        azwi.write(&format!("import {{\n  to = {THIS}\n  id = \"{id}\"\n}}\n{}", simple()));
        assert_eq!(azwi.plan(), changes([(THIS, "import")]));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        azwi.import_by_identity(THIS, &simple());
        azwi.destroy();
    });
}

#[test]
fn a_scope_is_a_subscription_a_group_or_a_single_resource() {
    under_every_terraform(|azwi| {
        let scopes = [
            format!("/subscriptions/{OTHER_SUBSCRIPTION}/resourceGroups/{}", azwi.group),
            format!("{}/providers/Microsoft.KeyVault/vaults/vault", scope(&azwi)),
            format!("/subscriptions/{OTHER_SUBSCRIPTION}"),
        ];
        for scope in scopes {
            let group = "\"/subscriptions/${var.subscription_id}/resourceGroups/${var.group}\"";
            azwi.applied(&simple().replace(group, &format!("\"{scope}\"")));
            let principal = azwi.state().get("azwi_user_assigned_identity.app", "principal_id");
            let mut found = azwi.emulator.role_assignments(&scope);
            found.retain(|one| one["properties"]["principalId"] == principal);
            assert_eq!(found.len(), 1, "at {scope}");
            azwi.destroy();
            let left = azwi.emulator.role_assignments(&scope);
            assert!(left.iter().all(|one| one["properties"]["principalId"] != principal), "{left:#?}");
        }
    });
}

#[test]
fn a_principal_that_is_not_replicated_yet_is_waited_for() {
    each_with_its_own_emulator(|azwi| {
        azwi.emulator.settings(&json!({
            "principal_replication_ms": 3000,
            "rules": { "principal_type_skips_replication": false },
        }));
        azwi.applied(&simple());
        let refused = azwi.emulator.log().iter().filter(|entry| entry["status"] == 400).count();
        assert!(refused > 0, "the emulator should have refused the principal at first");
        azwi.destroy();
    });
}
