//! `azwi_user_assigned_identity`.

use serde_json::json;

use crate::azwi::{Azwi, NOTHING, changes, under_every_terraform};
use crate::emulator::{Emulator, OTHER_SUBSCRIPTION, SUBSCRIPTION};

const THIS: &str = "azwi_user_assigned_identity.this";

fn identity(more: &str) -> String {
    format!(
        r#"resource "azwi_user_assigned_identity" "this" {{
  name                = "app"
  resource_group_name = var.group
  {more}
}}
"#
    )
}

fn id(azwi: &Azwi, name: &str) -> String {
    Emulator::identity_id(SUBSCRIPTION, &azwi.group, name)
}

#[test]
fn an_identity_is_made_changed_in_place_and_destroyed() {
    under_every_terraform(|azwi| {
        let state = azwi.applied(&identity("location = \"westeurope\"\n  tags = { team = \"a\" }"));
        let made = azwi.emulator.identity(&id(&azwi, "app")).unwrap();
        assert_eq!(made["location"], "westeurope");
        assert_eq!(made["tags"], json!({ "team": "a" }));
        for (attribute, property) in
            [("client_id", "clientId"), ("principal_id", "principalId"), ("tenant_id", "tenantId")]
        {
            assert_eq!(state.get(THIS, attribute), made["properties"][property].as_str().unwrap());
        }
        assert_eq!(state.get(THIS, "id"), id(&azwi, "app"));

        azwi.write(&identity("location = \"westeurope\"\n  tags = { team = \"b\", cost = \"1\" }"));
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.apply();
        let changed = azwi.emulator.identity(&id(&azwi, "app")).unwrap();
        assert_eq!(changed["tags"], json!({ "team": "b", "cost": "1" }));
        assert_eq!(changed["properties"]["principalId"], made["properties"]["principalId"]);
        assert_eq!(azwi.plan(), NOTHING);

        azwi.applied(&identity("location = \"westeurope\""));
        let bare = azwi.emulator.identity(&id(&azwi, "app")).unwrap();
        assert!(bare["tags"].as_object().is_none_or(|tags| tags.is_empty()), "{bare}");
        azwi.destroy();
    });
}

#[test]
fn an_identity_elsewhere_or_by_another_name_is_another_identity() {
    under_every_terraform(|azwi| {
        azwi.applied(&identity("location = \"westeurope\""));
        let first = azwi.emulator.identity(&id(&azwi, "app")).unwrap();

        azwi.write(&identity("location = \"northeurope\""));
        assert_eq!(azwi.plan(), changes([(THIS, "replace")]));
        azwi.apply();
        let moved = azwi.emulator.identity(&id(&azwi, "app")).unwrap();
        assert_eq!(moved["location"], "northeurope");
        assert_ne!(moved["properties"]["principalId"], first["properties"]["principalId"]);

        azwi.applied(&identity("location = \"northeurope\"").replace("\"app\"", "\"app-2\""));
        assert_eq!(azwi.emulator.identity(&id(&azwi, "app")), None);
        assert!(azwi.emulator.identity(&id(&azwi, "app-2")).is_some());
        azwi.destroy();
    });
}

#[test]
fn a_location_is_the_same_with_other_spaces_and_capitals() {
    under_every_terraform(|azwi| {
        azwi.applied(&identity("location = \"West Europe\""));
        azwi.write(&identity("location = \"westeurope\""));
        assert!(!azwi.plan().contains(&(THIS.to_owned(), "replace".to_owned())));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn an_isolation_scope_is_set_and_survives_a_change_of_tags() {
    under_every_terraform(|azwi| {
        azwi.applied(&identity("location = \"westeurope\"\n  isolation_scope = \"Regional\""));
        let scope =
            |azwi: &Azwi| azwi.emulator.identity(&id(azwi, "app")).unwrap()["properties"]["isolationScope"].clone();
        assert_eq!(scope(&azwi), "Regional");
        azwi.applied(&identity("location = \"westeurope\"\n  isolation_scope = \"Regional\"\n  tags = { a = \"b\" }"));
        assert_eq!(scope(&azwi), "Regional");
        azwi.destroy();
    });
}

#[test]
fn drift_of_an_identity_is_planned_and_mended() {
    under_every_terraform(|azwi| {
        azwi.applied(&identity("location = \"westeurope\"\n  tags = { team = \"a\" }"));
        let theirs = json!({ "location": "westeurope", "tags": { "team": "theirs" } });
        azwi.emulator.put_identity(&id(&azwi, "app"), &theirs);
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.apply();
        assert_eq!(azwi.emulator.identity(&id(&azwi, "app")).unwrap()["tags"], json!({ "team": "a" }));

        azwi.emulator.delete_identity(&id(&azwi, "app"));
        assert_eq!(azwi.plan(), changes([(THIS, "create")]));
        azwi.apply();
        assert!(azwi.emulator.identity(&id(&azwi, "app")).is_some());

        azwi.emulator.delete_identity(&id(&azwi, "app"));
        azwi.destroy();
    });
}

#[test]
fn an_identity_is_imported_by_block_by_command_and_by_resource_identity() {
    under_every_terraform(|azwi| {
        let theirs = json!({ "location": "westeurope", "tags": { "team": "a" } });
        azwi.emulator.put_identity(&id(&azwi, "app"), &theirs);
        let hcl = identity("location = \"westeurope\"\n  tags = { team = \"a\" }");
        azwi.write(&hcl);
        azwi.run(&["import", "-no-color", "-input=false", THIS, &id(&azwi, "app")]).succeeded();
        assert_eq!(azwi.plan(), NOTHING);

        azwi.forget(THIS);
        // Azure compares ids without case, so a user may have copied one that Azure spells its own way.
        let lower = id(&azwi, "app").replace("resourceGroups", "resourcegroups");
        azwi.write(&format!("import {{\n  to = {THIS}\n  id = \"{lower}\"\n}}\n{hcl}"));
        assert_eq!(azwi.plan(), changes([(THIS, "import")]));
        azwi.apply();
        assert_eq!(azwi.state().get(THIS, "id"), id(&azwi, "app"));
        assert_eq!(azwi.plan(), NOTHING);

        azwi.import_by_identity(THIS, &hcl);
        azwi.destroy();
    });
}

#[test]
fn a_tainted_identity_is_made_anew() {
    under_every_terraform(|azwi| {
        azwi.applied(&identity("location = \"westeurope\""));
        let first = azwi.emulator.identity(&id(&azwi, "app")).unwrap();
        azwi.run(&["taint", THIS]).succeeded();
        assert_eq!(azwi.plan(), changes([(THIS, "replace")]));
        azwi.run(&["untaint", THIS]).succeeded();
        assert_eq!(azwi.plan(), NOTHING);
        azwi.run(&["taint", THIS]).succeeded();
        azwi.apply();
        let second = azwi.emulator.identity(&id(&azwi, "app")).unwrap();
        assert_ne!(first["properties"]["principalId"], second["properties"]["principalId"]);
        azwi.destroy();
    });
}

#[test]
fn an_identity_may_be_in_another_subscription_than_the_provider_s() {
    under_every_terraform(|azwi| {
        azwi.applied(&identity("location = \"westeurope\"\n  subscription_id = var.other_subscription_id"));
        assert_eq!(azwi.emulator.identity(&id(&azwi, "app")), None);
        assert!(azwi.emulator.identity(&Emulator::identity_id(OTHER_SUBSCRIPTION, &azwi.group, "app")).is_some());
        azwi.destroy();
    });
}

#[test]
fn an_identity_may_come_from_any_of_several_provider_configurations() {
    under_every_terraform(|azwi| {
        azwi.applied(
            r#"provider "azwi" {}

provider "azwi" {
  alias           = "other"
  subscription_id = var.other_subscription_id
}

resource "azwi_user_assigned_identity" "here" {
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}

resource "azwi_user_assigned_identity" "there" {
  provider            = azwi.other
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}
"#,
        );
        for subscription in [SUBSCRIPTION, OTHER_SUBSCRIPTION] {
            let id = Emulator::identity_id(subscription, &azwi.group, "app");
            assert!(azwi.emulator.identity(&id).is_some(), "{id}");
        }
        azwi.destroy();
    });
}
