//! `azwi_role_assignment`.

use serde_json::{Value as Json, json};

use crate::azwi::{Azwi, NOTHING, changes, each_with_its_own_emulator, under_every_terraform};
use crate::emulator::{OTHER_SUBSCRIPTION, SUBSCRIPTION};
use crate::terraform::{Diagnostic, Run};
use crate::texts;

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

/// The warnings of broad access that a run printed.
pub fn broad(run: &Run) -> Vec<Diagnostic> {
    let mut warnings = run.diagnostics("warning");
    warnings.retain(|warning| warning.to_string().contains(texts::BROAD_ACCESS));
    warnings
}

/// Plans, and returns the warnings of broad access.
#[track_caller]
pub fn planned_broad(azwi: &Azwi) -> Vec<Diagnostic> {
    broad(&azwi.run(&["plan", "-json", "-input=false"]).succeeded())
}

/// Whether a run wrote anything to Azure or to the cluster; `before` is how many requests there were before it. Tokens are had by
/// POST, too.
pub fn writes(azwi: &Azwi, before: usize) -> Vec<Json> {
    let mut log = azwi.emulator.log().split_off(before);
    log.retain(|entry| {
        let (method, path) = (entry["method"].as_str().unwrap(), entry["path"].as_str().unwrap());
        method != "GET" && !(method == "POST" && path.contains("/token"))
    });
    log
}

/// Makes the state one that a version without `accept_broad_access` wrote.
#[track_caller]
pub fn forget_the_attribute(azwi: &Azwi) {
    fn strip(json: &mut Json) {
        match json {
            Json::Object(map) => {
                map.remove("accept_broad_access");
                map.values_mut().for_each(strip);
            }
            Json::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut state: Json = serde_json::from_str(&azwi.run(&["state", "pull"]).succeeded().stdout).unwrap();
    assert!(state.to_string().contains("accept_broad_access"), "{state:#}");
    strip(&mut state["resources"]);
    state["serial"] = json!(state["serial"].as_u64().unwrap() + 1);
    azwi.file("old.json", &state.to_string());
    azwi.run(&["state", "push", "old.json"]).succeeded();
}

/// `simple`, with Reader at another scope and with further lines.
fn reader_at(scope: &str, more: &str) -> String {
    let group = "\"/subscriptions/${var.subscription_id}/resourceGroups/${var.group}\"";
    assignment("role_definition_name = \"Reader\"", more).replace(group, scope)
}

#[test]
fn a_broad_scope_is_warned_of_on_every_plan_until_it_is_accepted() {
    each_with_its_own_emulator(|azwi| {
        let scope = format!("\"/subscriptions/{OTHER_SUBSCRIPTION}\"");
        let (open, accepted) = (reader_at(&scope, ""), reader_at(&scope, "accept_broad_access = true"));
        let reader = format!("`Reader` {}", texts::WHOLE_SUBSCRIPTION);
        let warned = || {
            let run = azwi.run(&["plan", "-json", "-input=false"]).succeeded().warned();
            run.on("scope", &[&reader, OTHER_SUBSCRIPTION, "accept_broad_access = true"]);
        };
        azwi.write(&open);
        warned();
        azwi.apply();
        warned();
        let id = azwi.state().get(THIS, "id");
        let made = azwi.emulator.role_assignment(&id).unwrap();

        // Accepted, taken back, refused in so many words: nothing of it is for Azure.
        let before = azwi.emulator.requests();
        for (hcl, state) in [(&accepted, "true"), (&open, "null")] {
            azwi.write(hcl);
            assert_eq!(azwi.plan(), changes([(THIS, "update")]));
            azwi.apply();
            assert_eq!(azwi.state().get(THIS, "accept_broad_access"), state);
            azwi.run(&["apply", "-refresh-only", "-auto-approve", "-json", "-input=false"]).succeeded();
            assert_eq!(azwi.state().get(THIS, "accept_broad_access"), state);
            assert_eq!(azwi.plan(), NOTHING);
            assert_eq!(planned_broad(&azwi).is_empty(), state == "true");
        }
        azwi.write(&reader_at(&scope, "accept_broad_access = false"));
        warned();
        azwi.apply();
        assert_eq!(writes(&azwi, before), Vec::<Json>::new());
        assert_eq!(azwi.emulator.role_assignment(&id).unwrap(), made);

        // Together with something that is for Azure it is kept, too.
        let described = reader_at(&scope, "accept_broad_access = true\n  description = \"for the agent\"");
        let state = azwi.applied(&described);
        assert_eq!(state.get(THIS, "accept_broad_access"), "true");
        assert_eq!(azwi.emulator.role_assignment(&id).unwrap()["properties"]["description"], "for the agent");

        azwi.applied(&open);
        forget_the_attribute(&azwi);
        assert_eq!(azwi.plan(), NOTHING, "a state of an older version");
        azwi.forget(THIS);
        azwi.run(&["import", "-no-color", "-input=false", THIS, &id]).succeeded();
        assert_eq!(azwi.state().get(THIS, "accept_broad_access"), "null");
        assert_eq!(azwi.plan(), NOTHING);
        warned();
        azwi.destroy();
    });
}

#[test]
fn a_broad_role_is_warned_of_by_its_name_and_by_its_id_and_once() {
    under_every_terraform(|azwi| {
        let by_id = |guid: &str| {
            format!(
                "role_definition_id = \"/providers/Microsoft.Authorization/roleDefinitions/{}\"",
                guid.to_uppercase()
            )
        };
        let (owner, rbac) = ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "f58310d9-a9f6-439a-9e8d-f62e7b41a168");
        let condition = |attribute: &str| {
            format!("condition = \"@Request[{attribute}] ForAnyOfAnyValues:GuidEquals {{{SECRETS_USER}}}\"")
        };
        let limit = condition("Microsoft.Authorization/roleAssignments:RoleDefinitionId");
        let beside = condition("Microsoft.Storage/storageAccounts/blobServices/containers:name");
        for (role, more, attribute, texts) in [
            (
                "role_definition_name = \"owner\"".to_owned(),
                "",
                "role_definition_name",
                ["`Owner`", "Key Vault Secrets User"],
            ),
            (by_id(owner), "", "role_definition_id", ["`Owner`", "Storage Blob Data Reader"]),
            (by_id(owner), &limit, "role_definition_id", ["`Owner`", texts::ANY_ROLE]),
            (
                by_id(rbac),
                "",
                "role_definition_id",
                ["`Role Based Access Control Administrator`", texts::LIMIT_BY_CONDITION],
            ),
            (by_id(rbac), &beside, "role_definition_id", [texts::ANY_PRINCIPAL, texts::ASSIGN_APART]),
        ] {
            azwi.write(&assignment(&role, more));
            let run = azwi.run(&["plan", "-json", "-input=false"]).succeeded();
            assert_eq!(broad(&run).len(), 1, "{run}");
            run.warned().on(attribute, &texts);
        }
        for (role, more) in [
            (by_id(rbac), limit.as_str()),
            (by_id(owner), "accept_broad_access = true"),
            (by_id(SECRETS_USER), ""),
            (by_id(SECRETS_USER), "accept_broad_access = true"),
        ] {
            azwi.write(&assignment(&role, more));
            assert!(planned_broad(&azwi).is_empty(), "{role} {more}");
        }
        // Both reasons are one warning.
        let contributor = format!("`Contributor` {}", texts::WHOLE_SUBSCRIPTION);
        let scope = "\"/subscriptions/${var.other_subscription_id}\"";
        azwi.write(&reader_at(scope, "").replace("Reader", "Contributor"));
        let run = azwi.run(&["plan", "-json", "-input=false"]).succeeded();
        assert_eq!(broad(&run).len(), 1, "{run}");
        run.warned().on("scope", &[&contributor, texts::CAN_CHANGE, texts::NARROWER_SCOPE]);
    });
}

#[test]
fn a_scope_or_an_acceptance_that_is_not_known_at_plan_is_told_when_it_is() {
    under_every_terraform(|azwi| {
        let made = "azwi_user_assigned_identity.app.client_id";
        let scope = format!("{made} == \"\" ? \"/\" : \"/subscriptions/{OTHER_SUBSCRIPTION}\"");
        azwi.write(&reader_at(&scope, ""));
        assert!(planned_broad(&azwi).is_empty());
        azwi.apply().warned().on("scope", &["`Reader`", texts::WHOLE_SUBSCRIPTION]);
        azwi.destroy();

        azwi.write(&reader_at(&scope, &format!("accept_broad_access = {made} != \"\"")));
        assert!(planned_broad(&azwi).is_empty());
        assert!(broad(&azwi.apply()).is_empty());
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}
