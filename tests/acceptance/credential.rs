//! `azwi_federated_identity_credential`.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::azwi::{Azwi, NOTHING, changes, each_with_its_own_emulator, under_every_terraform};
use crate::emulator::{Emulator, OTHER_SUBSCRIPTION, SUBSCRIPTION};

const THIS: &str = "azwi_federated_identity_credential.this";

const IDENTITY: &str = r#"resource "azwi_user_assigned_identity" "app" {
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}
"#;

fn credential(name: &str, issuer: &str, subject: &str, more: &str) -> String {
    format!(
        r#"{IDENTITY}
resource "azwi_federated_identity_credential" "this" {{
  name                      = "{name}"
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  issuer                    = "{issuer}"
  subject                   = "{subject}"
  {more}
}}
"#
    )
}

const ISSUER: &str = "https://issuer.example/cluster/";
const SUBJECT: &str = "system:serviceaccount:demo:app";

fn simple() -> String {
    credential("demo-app", ISSUER, SUBJECT, "")
}

fn identity(azwi: &Azwi) -> String {
    Emulator::identity_id(SUBSCRIPTION, &azwi.group, "app")
}

fn id(azwi: &Azwi) -> String {
    format!("{}/federatedIdentityCredentials/demo-app", identity(azwi))
}

fn body(issuer: &str, subject: &str) -> Json {
    json!({ "properties": { "issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"] } })
}

#[test]
fn a_credential_is_made_changed_in_place_and_destroyed() {
    under_every_terraform(|azwi| {
        let state = azwi.applied(&simple());
        let made = azwi.emulator.identity(&id(&azwi)).unwrap();
        assert_eq!(made["properties"], body(ISSUER, SUBJECT)["properties"]);
        assert_eq!(state.get(THIS, "id"), id(&azwi));
        assert_eq!(state.get(THIS, "audience"), "api://AzureADTokenExchange");

        let (issuer, subject) = ("https://issuer.example/other", "system:serviceaccount:demo:other");
        azwi.write(&credential("demo-app", issuer, subject, ""));
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.apply();
        assert_eq!(azwi.emulator.identity(&id(&azwi)).unwrap()["properties"], body(issuer, subject)["properties"]);
        assert_eq!(azwi.plan(), NOTHING);

        azwi.applied(&credential("demo-app", issuer, subject, "audience = \"api://Another\""));
        let changed = azwi.emulator.identity(&id(&azwi)).unwrap();
        assert_eq!(changed["properties"]["audiences"], json!(["api://Another"]));
        azwi.destroy();
    });
}

#[test]
fn a_credential_by_another_name_is_another_credential() {
    under_every_terraform(|azwi| {
        azwi.applied(&simple());
        azwi.write(&credential("demo-app-2", ISSUER, SUBJECT, ""));
        assert_eq!(azwi.plan(), changes([(THIS, "replace")]));
        azwi.apply();
        let names: Vec<Json> =
            azwi.emulator.credentials(&identity(&azwi)).iter().map(|one| one["name"].clone()).collect();
        assert_eq!(names, ["demo-app-2"]);
        azwi.destroy();
    });
}

#[test]
fn drift_of_a_credential_is_planned_and_mended() {
    under_every_terraform(|azwi| {
        azwi.applied(&simple());
        // A missing slash is what makes a token exchange fail; it must not pass for the same issuer.
        azwi.emulator.put_identity(&id(&azwi), &body(ISSUER.trim_end_matches('/'), SUBJECT));
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.apply();
        assert_eq!(azwi.emulator.identity(&id(&azwi)).unwrap()["properties"]["issuer"], ISSUER);

        azwi.emulator.delete_identity(&id(&azwi));
        assert_eq!(azwi.plan(), changes([(THIS, "create")]));
        azwi.apply();
        assert!(azwi.emulator.identity(&id(&azwi)).is_some());

        // With the identity all of its credentials go.
        azwi.emulator.delete_identity(&identity(&azwi));
        assert_eq!(azwi.plan(), changes([("azwi_user_assigned_identity.app", "create"), (THIS, "create")]));
        azwi.destroy();
    });
}

#[test]
fn a_credential_is_imported_by_block_by_command_and_by_resource_identity() {
    under_every_terraform(|azwi| {
        azwi.applied(&simple());
        azwi.forget(THIS);
        azwi.run(&["import", "-no-color", "-input=false", THIS, &id(&azwi)]).succeeded();
        assert_eq!(azwi.plan(), NOTHING);

        azwi.forget(THIS);
        azwi.write(&format!("import {{\n  to = {THIS}\n  id = \"{}\"\n}}\n{}", id(&azwi), simple()));
        assert_eq!(azwi.plan(), changes([(THIS, "import")]));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        azwi.import_by_identity(THIS, &simple());
        azwi.destroy();
    });
}

#[test]
fn a_tainted_credential_is_made_anew() {
    under_every_terraform(|azwi| {
        azwi.applied(&simple());
        azwi.run(&["taint", THIS]).succeeded();
        assert_eq!(azwi.plan(), changes([(THIS, "replace")]));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        assert_eq!(azwi.emulator.credentials(&identity(&azwi)).len(), 1);
        azwi.destroy();
    });
}

#[test]
fn a_credential_follows_its_identity_into_another_subscription() {
    under_every_terraform(|azwi| {
        let there =
            simple().replace("= \"westeurope\"", "= \"westeurope\"\n  subscription_id = var.other_subscription_id");
        azwi.applied(&there);
        let identity = Emulator::identity_id(OTHER_SUBSCRIPTION, &azwi.group, "app");
        assert_eq!(azwi.emulator.credentials(&identity).len(), 1);
        azwi.destroy();
    });
}

#[test]
fn sixty_credentials_for_three_identities_are_written_thirty_at_a_time() {
    each_with_its_own_emulator(|azwi| {
        // With latency the emulator refuses the second of two writes on one identity that overlap, as Azure does.
        azwi.emulator.settings(&json!({ "latency_ms": 20 }));
        azwi.write(
            r#"resource "azwi_user_assigned_identity" "app" {
  count               = 3
  name                = "app-${count.index}"
  resource_group_name = var.group
  location            = "westeurope"
}

resource "azwi_federated_identity_credential" "this" {
  count                     = 60
  name                      = "credential-${count.index}"
  user_assigned_identity_id = azwi_user_assigned_identity.app[count.index % 3].id
  issuer                    = "https://issuer.example/"
  subject                   = "system:serviceaccount:demo:app-${count.index}"
}
"#,
        );
        azwi.run(&["apply", "-json", "-input=false", "-auto-approve", "-parallelism=30"]).succeeded();
        assert_eq!(azwi.plan(), NOTHING);
        for number in 0..3 {
            let identity = Emulator::identity_id(SUBSCRIPTION, &azwi.group, &format!("app-{number}"));
            assert_eq!(azwi.emulator.credentials(&identity).len(), 20);
        }
        let refused = azwi.emulator.log().iter().filter(|entry| entry["status"] == 409).count();
        assert_eq!(refused, 0, "the queue of an identity should leave nothing to refuse");
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve", "-parallelism=30"]).succeeded();
        azwi.emulator.assert_empty(&azwi.group, &azwi.namespace);
    });
}

#[test]
fn a_write_that_collides_with_another_process_is_tried_again() {
    each_with_its_own_emulator(|azwi| {
        let message = "Too many Federated Identity Credentials are written concurrently for the managed identity.";
        azwi.emulator.faults(&json!([{
            "match": { "method": "PUT", "path": "federatedIdentityCredentials", "nth": [1, 2] },
            "effect": { "status": 409, "body": { "error": {
                "code": "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity", "message": message,
            } } },
        }]));
        azwi.applied(&simple());
        assert!(azwi.emulator.identity(&id(&azwi)).is_some());
        azwi.destroy();
    });
}

#[test]
fn a_second_credential_with_the_same_issuer_and_subject_fails_within_seconds() {
    each_with_its_own_emulator(|azwi| {
        for (status, code) in [(400, "BadRequest"), (409, "Conflict")] {
            azwi.emulator.settings(
                &json!({ "rules": { "duplicate_credential_status": status, "duplicate_credential_code": code } }),
            );
            azwi.applied(IDENTITY);
            azwi.emulator.put_identity(
                &format!("{}/federatedIdentityCredentials/theirs", identity(&azwi)),
                &body(ISSUER, SUBJECT),
            );
            azwi.write(&simple());
            let start = Instant::now();
            azwi.apply_fails().says(&["issuer", "subject"]);
            assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
            assert!(!azwi.state().has(THIS), "what was refused is not in the state");
            azwi.destroy();
        }
    });
}
