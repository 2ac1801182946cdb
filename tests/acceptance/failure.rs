//! What goes wrong halfway: what exists is kept, waits end, and the next apply goes on from there.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::azwi::{Azwi, NOTHING, each_with_its_own_emulator, on_an_emulated_cluster_only};
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::texts;

const IDENTITY: &str = "azwi_user_assigned_identity.app";
const CREDENTIAL: &str = "azwi_federated_identity_credential.this";
const ACCOUNT: &str = "azwi_service_account.this";

const CHAIN: &str = r#"resource "azwi_user_assigned_identity" "app" {
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}

resource "azwi_federated_identity_credential" "this" {
  name                      = "demo"
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  issuer                    = "https://issuer.example/"
  subject                   = azwi_service_account.this.subject
}

resource "azwi_service_account" "this" {
  name      = "app"
  namespace = var.namespace
  client_id = azwi_user_assigned_identity.app.client_id
}
"#;

/// What an API server says of a patch that it cannot read.
const REFUSED: &str = "failed to create typed patch object";

/// Why some of this is not for a real cluster.
const FAULTS: &str = "its API server would have to fail on purpose";

fn credentials(azwi: &Azwi) -> Vec<Json> {
    azwi.emulator.credentials(&Emulator::identity_id(SUBSCRIPTION, &azwi.group, "app"))
}

/// Applies until it works, which it must do at once, and sees that nothing was made twice.
#[track_caller]
fn converges(azwi: &Azwi) {
    azwi.emulator.faults(&json!([]));
    azwi.apply();
    assert_eq!(azwi.plan(), NOTHING);
    assert_eq!(credentials(azwi).len(), 1);
    azwi.destroy();
}

#[test]
fn what_was_made_before_a_failure_is_kept() {
    each_with_its_own_emulator(|azwi| {
        azwi.emulator.faults(&json!([{
            "match": { "method": "PUT", "path": "federatedIdentityCredentials" },
            "effect": { "status": 403, "body": { "error": {
                "code": "AuthorizationFailed",
                "message": "The client does not have authorization to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write'.",
            } } },
        }]));
        azwi.write(CHAIN);
        azwi.apply_fails().says(&["AuthorizationFailed", "federatedIdentityCredentials/write"]);
        let state = azwi.state();
        assert!(state.has(IDENTITY) && state.has(ACCOUNT) && !state.has(CREDENTIAL));
        let principal = state.get(IDENTITY, "principal_id");
        azwi.emulator.faults(&json!([]));
        azwi.apply();
        assert_eq!(azwi.state().get(IDENTITY, "principal_id"), principal, "the identity was not made anew");
        converges(&azwi);
    });
}

#[test]
fn a_connection_that_is_lost_after_the_effect_is_made_good_by_reading_back() {
    for path in ["userAssignedIdentities/app\\?", "federatedIdentityCredentials"] {
        each_with_its_own_emulator(|azwi| loses_a_connection(&azwi, "PUT", path));
    }
}

#[test]
fn a_connection_to_the_cluster_that_is_lost_after_the_effect_is_made_good_by_reading_back() {
    on_an_emulated_cluster_only(FAULTS, |azwi| loses_a_connection(&azwi, "POST", "serviceaccounts"));
}

#[track_caller]
fn loses_a_connection(azwi: &Azwi, method: &str, path: &str) {
    azwi.emulator.faults(&json!([{
        "match": { "method": method, "path": path, "nth": 1 },
        "effect": { "drop": "after" },
    }]));
    azwi.write(CHAIN);
    azwi.apply();
    assert!(azwi.emulator.log().iter().any(|entry| entry["fault"].is_string()), "no connection was lost");
    converges(azwi);
}

#[test]
fn an_account_that_was_made_and_not_annotated_is_in_the_state() {
    on_an_emulated_cluster_only(FAULTS, |azwi| {
        azwi.emulator.faults(&json!([{
            "match": { "method": "PATCH", "path": "serviceaccounts/app" },
            "effect": { "status": 500, "body": { "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500,
                "message": REFUSED } },
        }]));
        azwi.write(CHAIN);
        azwi.apply_fails().says(&[REFUSED]);
        // Either the bare object was taken back, or the state knows of it; a later create must not find a stranger.
        let exists = azwi.emulator.account(&azwi.namespace, "app").is_some();
        assert_eq!(azwi.state().has(ACCOUNT), exists);
        converges(&azwi);
    });
}

#[test]
fn a_server_that_is_busy_is_asked_again_after_the_time_it_names() {
    each_with_its_own_emulator(|azwi| {
        azwi.emulator.faults(&json!([{
            "match": { "method": "PUT", "path": "federatedIdentityCredentials", "nth": 1 },
            "effect": { "status": 429, "headers": { "Retry-After": "2" }, "body": { "error": { "code": "TooManyRequests", "message": "Slow down." } } },
        }, {
            "match": { "method": "GET", "path": "userAssignedIdentities", "nth": [1, 2] },
            "effect": { "status": 503, "body": { "error": { "code": "ServiceUnavailable", "message": "Not now." } } },
        }]));
        azwi.write(CHAIN);
        let start = Instant::now();
        azwi.apply();
        assert!(start.elapsed() >= Duration::from_secs(2));
        converges(&azwi);
    });
}

#[test]
fn a_wait_ends_with_the_configured_timeout() {
    each_with_its_own_emulator(|azwi| {
        azwi.emulator.faults(&endless_collision());
        azwi.write(&CHAIN.replace("  subject ", "  timeouts { create = \"3s\" }\n  subject "));
        let start = Instant::now();
        azwi.apply_fails().says(&[texts::TIMED_OUT]);
        assert!(start.elapsed() < Duration::from_secs(30), "took {:?}", start.elapsed());
        converges(&azwi);
    });
}

#[test]
fn ctrl_c_ends_a_wait_and_keeps_what_was_done() {
    each_with_its_own_emulator(|azwi| {
        azwi.emulator.faults(&endless_collision());
        azwi.write(CHAIN);
        let apply = azwi.start_apply();
        azwi.emulator.wait_until("the credential has been refused twice", |emulator| {
            emulator.log().iter().filter(|entry| entry["status"] == 409).count() >= 2
        });
        // The whole group is signalled, as a terminal does: Terraform and the provider.
        let group = format!("-{}", apply.id());
        assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
        let start = Instant::now();
        let run = azwi.finish_apply(apply);
        assert!(start.elapsed() < Duration::from_secs(15), "took {:?}", start.elapsed());
        run.failed();
        let state = azwi.state();
        assert!(state.has(IDENTITY) && state.has(ACCOUNT) && !state.has(CREDENTIAL));
        converges(&azwi);
    });
}

fn endless_collision() -> Json {
    json!([{
        "match": { "method": "PUT", "path": "federatedIdentityCredentials" },
        "effect": { "status": 409, "body": { "error": {
            "code": "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
            "message": "Too many Federated Identity Credentials are written concurrently for the managed identity.",
        } } },
    }])
}

#[test]
fn a_read_that_misses_a_fresh_object_does_not_plan_another() {
    each_with_its_own_emulator(|azwi| {
        azwi.write(CHAIN);
        azwi.apply();
        let missing =
            json!({ "status": 404, "body": { "error": { "code": "ResourceNotFound", "message": "was not found" } } });
        let once = |path: &str| json!({ "match": { "method": "GET", "path": path, "nth": 1 }, "effect": missing });
        azwi.emulator.faults(&json!([once(r"userAssignedIdentities/app\?"), once("federatedIdentityCredentials")]));
        assert_eq!(azwi.plan(), NOTHING);
    });
}
