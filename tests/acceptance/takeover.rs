//! Nothing is taken over silently: what exists already is an error that shows how to import it, and `adopt_existing` takes
//! it.

use serde_json::json;

use crate::azwi::{Azwi, NOTHING, under_every_terraform};
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::texts;

const CLIENT: &str = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11";

/// Applies a resource that exists already, pastes the import block of the error as printed, and applies again.
#[track_caller]
fn refused_then_imported(azwi: &Azwi, hcl: &str) {
    azwi.write(hcl);
    let run = azwi.run(&["apply", "-no-color", "-input=false", "-auto-approve"]);
    assert!(!run.status.success(), "should have refused what exists:\n{run}");
    let block = printed_import_block(&run.stderr).unwrap_or_else(|| panic!("prints no import block:\n{run}"));
    azwi.write(&format!("{block}\n{hcl}"));
    azwi.apply();
    assert_eq!(azwi.plan(), NOTHING);
}

/// The import block in what Terraform prints around a diagnostic: a frame of `│` on its left, no word of which is ours.
fn printed_import_block(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(|line| line.trim_start_matches(['│', '╷', '╵']).trim()).collect();
    let start = lines.iter().position(|line| *line == "import {")?;
    let end = start + lines[start..].iter().position(|line| *line == "}")?;
    Some(lines[start..=end].join("\n"))
}

fn adopting(hcl: &str) -> String {
    let end = hcl.trim_end().rfind('}').unwrap();
    format!("{}  adopt_existing = true\n}}\n", &hcl[..end])
}

const IDENTITY: &str = r#"resource "azwi_user_assigned_identity" "this" {
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}
"#;

#[test]
fn an_existing_identity_is_refused_then_imported_or_adopted() {
    under_every_terraform(|azwi| {
        let id = Emulator::identity_id(SUBSCRIPTION, &azwi.group, "app");
        let theirs = azwi.emulator.put_identity(&id, &json!({ "location": "westeurope", "tags": { "owner": "them" } }));
        azwi.write(IDENTITY);
        azwi.apply_fails().says(&[texts::ALREADY_EXISTS, &id, "adopt_existing"]);
        assert_eq!(azwi.emulator.identity(&id).unwrap(), theirs, "what exists is not touched");
        let owned = IDENTITY.replace("\"westeurope\"", "\"westeurope\"\n  tags = { owner = \"them\" }");
        refused_then_imported(&azwi, &owned);

        azwi.forget("azwi_user_assigned_identity.this");
        azwi.applied(&adopting(IDENTITY));
        let adopted = azwi.emulator.identity(&id).unwrap();
        assert_eq!(adopted["properties"]["principalId"], theirs["properties"]["principalId"]);
        azwi.destroy();
    });
}

#[test]
fn an_existing_credential_is_refused_then_imported_or_adopted() {
    under_every_terraform(|azwi| {
        let identity = Emulator::identity_id(SUBSCRIPTION, &azwi.group, "app");
        azwi.emulator.put_identity(&identity, &json!({ "location": "westeurope" }));
        let id = format!("{identity}/federatedIdentityCredentials/demo");
        let theirs = json!({ "properties": {
            "issuer": "https://issuer.example/", "subject": "system:serviceaccount:demo:app",
            "audiences": ["api://AzureADTokenExchange"],
        } });
        azwi.emulator.put_identity(&id, &theirs);
        let hcl = format!(
            r#"resource "azwi_federated_identity_credential" "this" {{
  name                      = "demo"
  user_assigned_identity_id = "{identity}"
  issuer                    = "https://issuer.example/"
  subject                   = "system:serviceaccount:demo:app"
}}
"#
        );
        refused_then_imported(&azwi, &hcl);

        azwi.forget("azwi_federated_identity_credential.this");
        azwi.applied(&adopting(&hcl.replace(":app\"", ":other\"")));
        let adopted = azwi.emulator.identity(&id).unwrap();
        assert_eq!(adopted["properties"]["subject"], "system:serviceaccount:demo:other");
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
        assert_eq!(azwi.emulator.identity(&id), None);
    });
}

#[test]
fn an_existing_role_assignment_is_refused_whatever_its_name_then_imported_or_adopted() {
    under_every_terraform(|azwi| {
        let identity = Emulator::identity_id(SUBSCRIPTION, &azwi.group, "app");
        let made = azwi.emulator.put_identity(&identity, &json!({ "location": "westeurope" }));
        let principal = made["properties"]["principalId"].as_str().unwrap();
        let scope = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{}", azwi.group);
        let name = azwi.uuid.as_str();
        let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
        let reader = format!(
            "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
        );
        let theirs =
            json!({ "roleDefinitionId": reader, "principalId": principal, "principalType": "ServicePrincipal" });
        azwi.emulator.put_role_assignment(&id, &theirs);
        let hcl = format!(
            r#"resource "azwi_role_assignment" "this" {{
  scope                = "{scope}"
  role_definition_name = "Reader"
  principal_id         = "{principal}"
}}
"#
        );
        refused_then_imported(&azwi, &hcl);
        assert!(azwi.state().get("azwi_role_assignment.this", "id").ends_with(name));

        azwi.forget("azwi_role_assignment.this");
        azwi.applied(&adopting(&hcl));
        assert!(azwi.state().get("azwi_role_assignment.this", "id").ends_with(name));
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
        assert_eq!(azwi.emulator.role_assignment(&id), None);
    });
}

#[test]
fn an_existing_service_account_is_refused_then_imported_or_adopted() {
    under_every_terraform(|azwi| {
        azwi.emulator.create_account(&azwi.namespace, "app", &json!({ "azure.workload.identity/client-id": CLIENT }));
        let theirs = azwi.emulator.account(&azwi.namespace, "app").unwrap();
        let hcl = format!(
            r#"resource "azwi_service_account" "this" {{
  name      = "app"
  namespace = var.namespace
  client_id = "{CLIENT}"
}}
"#
        );
        azwi.write(&hcl);
        azwi.apply_fails().says(&[texts::ALREADY_EXISTS, "import {", "manage = \"annotations\"", "adopt_existing"]);
        assert_eq!(azwi.emulator.account(&azwi.namespace, "app").unwrap(), theirs, "what exists is not touched");
        refused_then_imported(&azwi, &hcl);

        azwi.forget("azwi_service_account.this");
        azwi.applied(&adopting(&hcl.replace("0a11", "0a22")));
        let adopted = azwi.emulator.account(&azwi.namespace, "app").unwrap();
        assert_eq!(adopted["metadata"]["uid"], theirs["metadata"]["uid"]);
        assert_eq!(
            adopted["metadata"]["annotations"]["azure.workload.identity/client-id"],
            CLIENT.replace("0a11", "0a22")
        );
        azwi.destroy();
    });
}
