//! What docs/guides/versions.md says of the versions of Terraform and OpenTofu, as far as no other test proves it.

use std::fs;

use serde_json::Value as Json;

use crate::azwi::{Azwi, NOTHING, State, always_under_every_terraform, changes};
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::pages::markdown::root;
use crate::texts;

fn identity(label: &str) -> String {
    format!(
        "resource \"azwi_user_assigned_identity\" \"{label}\" {{\n  name                = \"kept\"\n  \
         resource_group_name = var.group\n  location            = \"westeurope\"\n}}\n"
    )
}

fn id(azwi: &Azwi) -> String {
    Emulator::identity_id(SUBSCRIPTION, &azwi.group, "kept")
}

#[test]
fn a_resource_is_renamed_by_a_moved_block_and_forgotten_by_a_removed_block() {
    always_under_every_terraform(|azwi| {
        let before = azwi.applied(&identity("old")).get("azwi_user_assigned_identity.old", "client_id");
        let moved = "moved {\n  from = azwi_user_assigned_identity.old\n  to   = azwi_user_assigned_identity.new\n}\n";
        azwi.write(&(moved.to_owned() + &identity("new")));
        assert_eq!(azwi.plan(), NOTHING);
        azwi.apply();
        assert_eq!(azwi.state().get("azwi_user_assigned_identity.new", "client_id"), before);

        azwi.write("removed {\n  from = azwi_user_assigned_identity.new\n  lifecycle {\n    destroy = false\n  }\n}\n");
        azwi.apply();
        assert_eq!(azwi.state().addresses(), <[&str; 0]>::default());
        assert_eq!(azwi.emulator.identity(&id(&azwi)).unwrap()["properties"]["clientId"], before);
        azwi.emulator.delete_identity(&id(&azwi));
    });
}

#[test]
fn a_moved_block_from_another_type_is_refused() {
    always_under_every_terraform(|azwi| {
        azwi.applied(&identity("old"));
        azwi.write(
            "moved {\n  from = azwi_user_assigned_identity.old\n  to   = azwi_service_account.new\n}\n\n\
             resource \"azwi_service_account\" \"new\" {\n  name      = \"new\"\n  namespace = var.namespace\n}\n",
        );
        let told = azwi.run(&["plan", "-json", "-input=false"]).failed();
        // Terraform asks the provider whether it can; OpenTofu lets it try.
        let refuses = if azwi.terraform.name.starts_with("OpenTofu") {
            [texts::CANNOT_MOVE, "azwi_user_assigned_identity", "azwi_service_account"]
        } else {
            [texts::NO_MOVE_ACROSS_TYPES, "azwi/azwi", "azwi"]
        };
        told.says(&refuses);
        azwi.write(&identity("old"));
        azwi.destroy();
    });
}

#[test]
fn the_configuration_of_what_is_imported_is_written() {
    always_under_every_terraform(|azwi| {
        let id = id(&azwi);
        azwi.emulator.put_identity(&id, &serde_json::json!({ "location": "westeurope", "tags": { "team": "a" } }));
        let import = |provider: &str| {
            let block = format!("import {{\n  to = azwi_user_assigned_identity.found\n  id = \"{id}\"\n{provider}}}\n");
            azwi.file("import.tf", &block);
        };
        // Terraform 1.16 looks for hashicorp/azwi until the resource is written, and takes `provider` only until then:
        // https://github.com/hashicorp/terraform/issues/39144
        let is_1_16 = azwi.terraform.is_at_least(1, 16) && !azwi.terraform.is_at_least(1, 17);
        import(if is_1_16 { "  provider = azwi\n" } else { "" });
        azwi.write("");
        azwi.run(&["plan", "-json", "-input=false", "-generate-config-out=generated.tf"]).succeeded();
        import("");
        let written = fs::read_to_string(azwi.path("generated.tf")).unwrap();
        assert!(written.contains("team = \"a\"") && !written.contains("client_id"), "{written}");
        // Terraform 1.15 leaves that to the provider, which leaves out what is the default anyway.
        assert_eq!(written.contains("isolation_scope"), !of_the_provider(&azwi), "{written}");
        assert_eq!(azwi.plan(), changes([("azwi_user_assigned_identity.found", "import")]));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        let state: State = azwi.state();
        assert_eq!(state.get("azwi_user_assigned_identity.found", "id"), id);
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve", "-target=azwi_user_assigned_identity.found"])
            .succeeded();
    });
}

fn of_the_provider(azwi: &Azwi) -> bool {
    azwi.terraform.is_at_least(1, 15) && !azwi.terraform.name.starts_with("OpenTofu")
}

#[test]
fn the_provider_has_resources_and_data_sources_and_nothing_else_so_far() {
    let guide = fs::read_to_string(root().join("docs/guides/versions.md")).unwrap();
    assert!(guide.contains(texts::NOT_IN_THIS_VERSION));
    always_under_every_terraform(|azwi| {
        azwi.write("");
        let run = azwi.run(&["providers", "schema", "-json"]).succeeded();
        let all: Json = serde_json::from_str(&run.stdout).unwrap();
        let schemas = all["provider_schemas"].as_object().unwrap().values().next().unwrap();
        let kinds = ["data_source_schemas", "provider", "resource_identity_schemas", "resource_schemas"];
        for (kind, members) in schemas.as_object().unwrap() {
            let none = members.as_object().is_none_or(serde_json::Map::is_empty);
            assert!(
                kinds.contains(&kind.as_str()) || none,
                "the guide says that there is nothing of {kind}: {members}"
            );
        }
        assert_eq!(schemas["resource_identity_schemas"].is_object(), azwi.terraform.is_at_least(1, 12));
        let said = schemas["resource_schemas"].to_string();
        assert!(!said.contains("\"write_only\":true"), "the guide says that no attribute is write-only");
    });
}

#[test]
fn the_guide_names_the_versions_that_are_set_up_for_tests() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let guide = read("docs/guides/versions.md");
    for (product, file, before) in [
        ("Terraform", "tools/python/terraform-1.15.txt", "# Terraform "),
        ("Terraform", "tools/terraform/go.mod", "github.com/hashicorp/terraform v"),
        ("OpenTofu", "tools/opentofu/go.mod", "github.com/opentofu/opentofu v"),
    ] {
        let text = read(file);
        let version = text.split(before).nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
        assert!(guide.contains(&format!("{product} {version}")), "docs/guides/versions.md has no {product} {version}");
    }
}
