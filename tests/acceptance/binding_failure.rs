//! What goes wrong with a binding: each step of a create, bad input, what exists already.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::azwi::{Azwi, NOTHING, changes, on_an_emulated_cluster_only, under_every_terraform};
use crate::binding::{CLUSTER, IDENTITY, IN_AZURE, READER, THIS, binding_of, credential, hurried, identity};
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::texts;

const CLIENT_KEY: &str = "azure.workload.identity/client-id";

/// Why a real cluster cannot play.
pub const FAULTS: &str = "faults are for the emulator's API server";

/// What the server says that refuses a step.
const SAID: &str = "the tests cannot do this";

/// The writes of a create, as the emulator names them: method, path.
const STEPS: [(&str, &str); 3] =
    [("PUT", "federatedIdentityCredentials"), ("POST", "serviceaccounts(\\?|$)"), ("PUT", "roleAssignments")];

fn nothing_is_left(azwi: &Azwi) {
    assert_eq!(azwi.emulator.credentials(&identity(azwi)), Vec::<Json>::new());
    assert_eq!(azwi.emulator.account(&azwi.namespace, "app"), None);
    let scope = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{}", azwi.group);
    assert_eq!(azwi.emulator.role_assignments(&scope), Vec::<Json>::new());
}

/// Refuses every request of a step with 500 before or after its effect.
fn refuse(azwi: &Azwi, (method, path): (&str, &str), after: bool) {
    let body = if path.starts_with("service") {
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403, "reason": "Forbidden",
            "message": SAID})
    } else {
        json!({"error": {"code": "TestsSaySo", "message": SAID}})
    };
    let status = if path.starts_with("service") { 403 } else { 400 };
    azwi.emulator.faults(&json!([{
        "match": { "method": method, "path": path },
        "effect": { "status": status, "after_effect": after, "body": body },
    }]));
}

#[test]
fn a_step_of_a_create_that_fails_undoes_the_steps_before_it() {
    on_an_emulated_cluster_only(FAULTS, |azwi| {
        let azwi = hurried(azwi);
        for step in STEPS {
            refuse(&azwi, step, false);
            azwi.write(&binding_of("", READER));
            azwi.apply_fails().says(&[SAID]);
            assert!(!azwi.state().has(THIS), "{step:?}: nothing is left, so nothing is in the state");
            nothing_is_left(&azwi);
            azwi.emulator.faults(&json!([]));
            azwi.apply();
            assert_eq!(azwi.plan(), NOTHING);
            azwi.destroy();
        }
    });
}

#[test]
fn a_step_whose_answer_is_lost_is_undone_or_known_to_the_state() {
    on_an_emulated_cluster_only(FAULTS, |azwi| {
        let azwi = hurried(azwi);
        for (method, path) in STEPS {
            for status in [500, 504] {
                azwi.emulator.faults(&json!([{
                    "match": { "method": method, "path": path },
                    "effect": { "status": status, "after_effect": true, "body": "lost" },
                }]));
                azwi.write(
                    &binding_of("", READER)
                        .replace("  role_assignments", "  timeouts {\n    create = \"15s\"\n  }\n  role_assignments"),
                );
                azwi.run(&["apply", "-json", "-input=false", "-auto-approve"]);
                if azwi.state().has(THIS) {
                    // It may have been found out that the write took effect; then all is well, or the state has what there is.
                    azwi.emulator.faults(&json!([]));
                    azwi.apply();
                } else {
                    nothing_is_left(&azwi);
                    azwi.emulator.faults(&json!([]));
                    azwi.apply();
                }
                assert_eq!(azwi.plan(), NOTHING, "{method} {path} {status}");
                azwi.destroy();
            }
        }
    });
}

#[test]
fn what_cannot_be_undone_is_in_the_state_and_ends_with_the_next_apply() {
    on_an_emulated_cluster_only(FAULTS, |azwi| {
        let azwi = hurried(azwi);
        azwi.emulator.faults(&json!([
            {"match": {"method": "POST", "path": "serviceaccounts(\\?|$)"},
             "effect": {"status": 403, "body": {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403,
                "reason": "Forbidden", "message": SAID}}},
            {"match": {"method": "DELETE", "path": "federatedIdentityCredentials"},
             "effect": {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "May not delete."}}}},
        ]));
        azwi.write(&binding_of("", READER));
        azwi.apply_fails().says(&[texts::ROLLBACK_INCOMPLETE, SAID, "AuthorizationFailed"]);
        let state = azwi.state();
        assert_eq!(state.get(THIS, "credential_id"), state.get(THIS, "id"));
        assert_eq!(state.get(THIS, "service_account"), "null");
        azwi.emulator.faults(&json!([]));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        credential(&azwi);
        azwi.destroy();
    });
}

#[test]
fn a_binding_that_is_interrupted_anywhere_is_finished_by_the_next_apply() {
    on_an_emulated_cluster_only(FAULTS, |azwi| {
        let mut azwi = hurried(azwi);
        azwi.environment.insert("AZWI_TEST_HURRY".to_owned(), "2".to_owned());
        let steps = STEPS.into_iter().chain([("PATCH", "serviceaccounts/app"), ("POST", "/token")]);
        for (method, path) in steps {
            let number = azwi.emulator.requests();
            azwi.emulator.faults(&json!([{
                "match": { "method": method, "path": path },
                "effect": { "delay_ms": 3000 },
            }]));
            azwi.write(&binding_of("", READER));
            let apply = azwi.start_apply();
            let is_step = |entry: &Json| {
                entry["method"] == method
                    && !entry["path"].as_str().unwrap().contains("oauth2")
                    && regex::Regex::new(path).unwrap().is_match(entry["path"].as_str().unwrap())
            };
            // The log has a request when it is answered, so what is waited for is what comes before the slow step, in time.
            azwi.emulator.wait_until(&format!("{method} {path} is under way or done"), |emulator| {
                emulator.log()[number..].iter().any(is_step) || began(emulator, number, method, path)
            });
            let group = format!("-{}", apply.id());
            assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
            let start = Instant::now();
            let run = azwi.finish_apply(apply);
            assert!(start.elapsed() < Duration::from_secs(25), "took {:?}:\n{run}", start.elapsed());
            azwi.emulator.faults(&json!([]));
            azwi.apply();
            assert_eq!(azwi.plan(), NOTHING, "{method} {path}");
            credential(&azwi);
            azwi.destroy();
        }
    });
}

/// Whether what goes before a step has been answered.
fn began(emulator: &Emulator, since: usize, method: &str, path: &str) -> bool {
    let before = match (method, path) {
        ("PUT", "federatedIdentityCredentials") => ("GET", "federatedIdentityCredentials/"),
        ("POST", "/token") => ("PUT", "roleAssignments"),
        ("PUT", _) => ("PATCH", "serviceaccounts/app"),
        ("POST", _) => ("PUT", "federatedIdentityCredentials"),
        _ => ("POST", "serviceaccounts"),
    };
    emulator.log()[since..]
        .iter()
        .any(|entry| entry["method"] == before.0 && entry["path"].as_str().unwrap().contains(before.1))
}

#[test]
fn an_account_of_another_identity_is_refused_with_whoever_set_it_and_what_to_do() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let theirs = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a22";
        azwi.emulator.create_account(&azwi.namespace, "app", &json!({ CLIENT_KEY: theirs }));
        azwi.write(&binding_of("manage = \"annotations\"", ""));
        azwi.apply_fails().says(&[texts::OTHER_IDENTITY, theirs, "kubectl-create", "annotate = false"]);
        assert_eq!(azwi.emulator.credentials(&identity(&azwi)), Vec::<Json>::new(), "nothing was written");
        // With the identity known, the plan says so, too.
        azwi.run(&["plan", "-json", "-input=false"]).succeeded().warned().says(&[texts::OTHER_IDENTITY, theirs]);
        azwi.write(&binding_of("", ""));
        azwi.apply_fails().says(&[texts::ALREADY_EXISTS, "manage = \"annotations\""]);
        assert_eq!(azwi.emulator.credentials(&identity(&azwi)), Vec::<Json>::new(), "the credential is undone");
        azwi.applied(&binding_of("manage = \"annotations\"", "adopt_existing = true"));
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
        azwi.emulator.delete_account(&azwi.namespace, "app");
        azwi.emulator.assert_empty(&azwi.group, &azwi.namespace);
    });
}

#[test]
fn bad_input_is_named_with_what_to_do() {
    on_an_emulated_cluster_only(IN_AZURE, |azwi| {
        let azwi = hurried(azwi);
        let create_namespace = format!("{} \"no-such-namespace\"", texts::CREATE_NAMESPACE);
        azwi.write(&binding_of("", "").replace("= var.namespace", "= \"no-such-namespace\""));
        azwi.apply_fails().says(&["\"no-such-namespace\" not found", &create_namespace]);
        nothing_is_left(&azwi);
        let annotated = binding_of("manage = \"annotations\"", "");
        azwi.write(&annotated.replace("= var.namespace", "= \"no-such-namespace\""));
        azwi.apply_fails().says(&[texts::NOT_FOUND, "\"no-such-namespace\"", &create_namespace]);
        azwi.write(&annotated);
        azwi.apply_fails().says(&[texts::NOT_FOUND, "`manage = \"annotations\"`", texts::ANNOTATIONS_NEED_THE_ACCOUNT]);
        nothing_is_left(&azwi);
        azwi.write(&binding_of("", "").replace(
            "local.cluster_id",
            &format!("\"{}\"", CLUSTER.replace("managedClusters/demo", "managedClusters/absent")),
        ));
        azwi.apply_fails().says(&[texts::NOT_FOUND, "managedClusters/absent"]);
        azwi.write(&binding_of("", "").replace("local.cluster_id", "null").replace("local.issuer", "null"));
        azwi.apply_fails().says(&[texts::NO_SOURCE_OF_ISSUER]);
        azwi.write(&binding_of("", "role_assignments = [{ scope = \"/subscriptions/${var.subscription_id}\" }]"));
        azwi.apply_fails().says(&["role_definition_name"]);
        azwi.write(&binding_of("annotations = { \"azure.workload.identity/client-id\" = \"x\" }", ""));
        azwi.apply_fails().says(&["annotate = false"]);
        azwi.write(&binding_of("", &READER.replace("Reader", "Raeder")));
        azwi.apply_fails().says(&[texts::DID_YOU_MEAN, "`Reader`"]);
        nothing_is_left(&azwi);
        azwi.destroy();
    });
}

#[test]
fn a_cluster_without_an_issuer_is_refused_with_the_command() {
    on_an_emulated_cluster_only(IN_AZURE, |azwi| {
        let azwi = hurried(azwi);
        let cluster = azwi.emulator.arm(reqwest::Method::GET, CLUSTER, "2026-05-01", None).1;
        let id = CLUSTER.replace("managedClusters/demo", "managedClusters/bare");
        let body = json!({"location": cluster["location"], "identity": {"type": "SystemAssigned"}, "properties": {"dnsPrefix": "bare",
            "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D2s_v3"}]}});
        let (status, made) = azwi.emulator.arm(reqwest::Method::PUT, &id, "2026-05-01", Some(&body));
        assert!(status < 300, "{status}: {made}");
        azwi.write(&binding_of("", "").replace("local.cluster_id", &format!("\"{id}\"")));
        azwi.apply_fails().says(&[texts::ISSUER_OFF, "az aks update", "--enable-oidc-issuer"]);
        nothing_is_left(&azwi);
    });
}

#[test]
fn a_role_that_does_not_exist_is_told_at_plan_and_refused_before_anything_is_written() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        azwi.write(&binding_of("", &READER.replace("Reader", "Raeder")));
        azwi.run(&["plan", "-json", "-input=false"])
            .succeeded()
            .warned()
            .on("role_assignments", &[texts::DID_YOU_MEAN, "`Raeder`", "`Reader`"]);
        azwi.apply_fails().on("role_assignments", &[texts::DID_YOU_MEAN, "`Raeder`", "`Reader`"]);
        assert_eq!(azwi.emulator.credentials(&identity(&azwi)), Vec::<Json>::new(), "nothing was written");
        azwi.destroy();
    });
}

#[test]
fn a_role_that_the_identity_has_already_is_named() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let elsewhere = r#"
resource "azwi_role_assignment" "theirs" {
  scope                = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}"
  role_definition_name = "Reader"
  principal_id         = azwi_user_assigned_identity.app.principal_id
}
"#;
        let hcl = binding_of("", READER);
        let id = azwi.applied(&(hcl.split("resource \"azwi_federated").next().unwrap().to_owned() + elsewhere));
        let id = id.get("azwi_role_assignment.theirs", "id");
        azwi.write(&(hcl + elsewhere));
        azwi.apply_fails().on("role_assignments", &[texts::ALREADY_EXISTS, &id]);
        assert_eq!(azwi.emulator.credentials(&identity(&azwi)), Vec::<Json>::new(), "nothing was written");
        azwi.destroy();
    });
}

#[test]
fn a_binding_with_everything_unknown_is_planned_as_such_and_applied_in_one_go() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        azwi.write(&binding_of("", READER));
        assert_eq!(azwi.plan(), changes([(IDENTITY, "create"), (THIS, "create")]));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn a_credential_that_exists_is_refused_then_imported() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let hcl = binding_of("", "");
        let id = azwi.applied(&hcl).get(THIS, "id");
        azwi.forget(THIS);
        azwi.write(&hcl);
        azwi.apply_fails().says(&[texts::ALREADY_EXISTS, "import {", &id, THIS]);
        azwi.applied(&binding_of("", "adopt_existing = true"));
        azwi.destroy();
    });
}

#[test]
fn an_identity_of_another_tenant_is_refused_with_what_to_do() {
    on_an_emulated_cluster_only(IN_AZURE, |azwi| {
        let azwi = hurried(azwi);
        let (tenant, subscription) = ("10000000-0000-4000-8000-0000000000bb", "20000000-0000-4000-8000-0000000000bb");
        azwi.emulator.seed(&json!({
            "tenants": [{ "id": tenant, "name": "other.example" }],
            "subscriptions": [{ "id": subscription, "name": "Other", "tenant": tenant }],
        }));
        let elsewhere = Emulator::identity_id(subscription, "rg-demo", "app");
        azwi.write(&binding_of("", "").replace("= azwi_user_assigned_identity.app.id", &format!("= \"{elsewhere}\"")));
        azwi.apply_fails().on("user_assigned_identity_id", &[texts::OTHER_TENANT, "tenant_id"]);
        assert!(!azwi.state().has(THIS));
        azwi.destroy();
    });
}
