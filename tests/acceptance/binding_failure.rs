//! What goes wrong with a binding: each step of a create, the right to request tokens, a full identity, what exists already.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::azwi::{
    Azwi, NOTHING, changes, each_with_its_own_emulator, on_an_emulated_cluster_only, under_every_terraform,
};
use crate::binding::{CLUSTER, IDENTITY, IN_AZURE, READER, THIS, binding_of, credential, hurried, identity};
use crate::emulator::{Emulator, SUBSCRIPTION};

const CLIENT_KEY: &str = "azure.workload.identity/client-id";

const FAULTS: &str = "faults are for the emulator's API server";

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
            "message": "the tests say so: cannot do this"})
    } else {
        json!({"error": {"code": "TestsSaySo", "message": "The tests say so."}})
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
            azwi.apply_fails().says(&["ests say so"]);
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
                "reason": "Forbidden", "message": "cannot create serviceaccounts"}}},
            {"match": {"method": "DELETE", "path": "federatedIdentityCredentials"},
             "effect": {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "May not delete."}}}},
        ]));
        azwi.write(&binding_of("", READER));
        azwi.apply_fails().says(&["cannot create serviceaccounts", "could not be undone", "May not delete"]);
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
fn without_the_right_to_request_tokens_it_is_a_warning_with_the_role_and_with_true_an_error() {
    on_an_emulated_cluster_only(FAULTS, |azwi| {
        let azwi = hurried(azwi);
        azwi.emulator.faults(&json!([{
            "match": { "method": "POST", "path": "serviceaccounts/[^/]+/token" },
            "effect": { "status": 403, "body": { "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403,
                "reason": "Forbidden", "message": "User \"ci\" cannot create resource \"serviceaccounts/token\"" } },
        }]));
        azwi.write(&binding_of("", ""));
        azwi.apply().warned().says(&["no right to request a token", "kind: Role", "serviceaccounts/token", "create"]);
        assert_eq!(azwi.state().get(THIS, "usable"), "null");
        assert_eq!(azwi.plan(), NOTHING, "what cannot be tried is not tried in every run");
        azwi.write(&binding_of("", "wait_until_usable = true"));
        azwi.apply_fails().says(&["no right to request a token", "kind: Role"]);
        assert_eq!(azwi.state().get(THIS, "usable"), "false");
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.emulator.faults(&json!([]));
        azwi.apply();
        assert_eq!(azwi.state().get(THIS, "usable"), "true");
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn a_probe_in_vain_keeps_everything_and_is_tried_again_by_the_next_apply() {
    each_with_its_own_emulator(|azwi| {
        let azwi = hurried(azwi);
        azwi.emulator.settings(&json!({ "credential_propagation_ms": 3_600_000 }));
        azwi.write(&binding_of("", "timeouts {\n    create = \"8s\"\n    update = \"30s\"\n  }"));
        azwi.apply().warned().says(&["not usable yet", "AADSTS70021"]);
        assert_eq!(azwi.state().get(THIS, "usable"), "false");
        credential(&azwi);
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.emulator.settings(&json!({ "credential_propagation_ms": 0 }));
        azwi.apply();
        assert_eq!(azwi.state().get(THIS, "usable"), "true");
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn a_credential_that_spreads_slowly_is_waited_for() {
    each_with_its_own_emulator(|azwi| {
        let azwi = hurried(azwi);
        azwi.emulator.settings(&json!({ "credential_propagation_ms": 3_000 }));
        azwi.applied(&binding_of("", "wait_until_usable = true"));
        let refused = azwi.emulator.log().iter().filter(|entry| entry["status"] == 401).count();
        assert!(refused > 0, "the emulator should have refused the token at first");
        assert_eq!(azwi.state().get(THIS, "usable"), "true");
        azwi.destroy();
    });
}

#[test]
fn an_answer_that_waiting_does_not_change_ends_the_probe_at_once() {
    each_with_its_own_emulator(|azwi| {
        let azwi = hurried(azwi);
        azwi.applied(binding_of("", "").split("resource \"azwi_federated").next().unwrap());
        azwi.write(&binding_of("", "wait_until_usable = false"));
        azwi.apply();
        assert_eq!(azwi.state().get(THIS, "usable"), "null");
        assert_eq!(azwi.plan(), NOTHING);
        let described = "AADSTS53003: Access has been blocked by Conditional Access policies. Trace ID: 1 Correlation ID: 2 Timestamp: 3";
        // The provider's own sign-in is the first request of each process to this endpoint; its token is kept.
        let fault = |nth: Json| {
            json!([{ "match": { "operation": "Token_v2", "nth": nth },
                "effect": { "status": 400, "body": { "error": "access_denied", "error_description": described, "error_codes": [53003] } } }])
        };
        azwi.write(&binding_of("labels = { probe = \"again\" }", ""));
        azwi.run(&["plan", "-input=false", "-out=saved"]).succeeded();
        azwi.emulator.faults(&fault(json!([2, 3, 4, 5, 6])));
        let start = Instant::now();
        azwi.run(&["apply", "-json", "-input=false", "saved"])
            .succeeded()
            .warned()
            .says(&["AADSTS53003", "waiting does not end"]);
        assert!(start.elapsed() < Duration::from_secs(15), "took {:?}", start.elapsed());
        azwi.emulator.faults(&json!([]));
        azwi.destroy();
    });
}

#[test]
fn an_account_of_another_identity_is_refused_with_whoever_set_it_and_what_to_do() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let theirs = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a22";
        azwi.emulator.create_account(&azwi.namespace, "app", &json!({ CLIENT_KEY: theirs }));
        azwi.write(&binding_of("manage = \"annotations\"", ""));
        azwi.apply_fails().says(&["already belongs to another identity", theirs, "kubectl-create", "annotate = false"]);
        assert_eq!(azwi.emulator.credentials(&identity(&azwi)), Vec::<Json>::new(), "nothing was written");
        // With the identity known, the plan says so, too.
        azwi.run(&["plan", "-json", "-input=false"])
            .succeeded()
            .warned()
            .says(&["already belongs to another identity", theirs]);
        azwi.write(&binding_of("", ""));
        azwi.apply_fails().says(&["exists already", "manage = \"annotations\""]);
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
        azwi.write(&binding_of("", "").replace("= var.namespace", "= \"no-such-namespace\""));
        azwi.apply_fails().says(&["no-such-namespace", "not found", "Create namespace \"no-such-namespace\" first"]);
        nothing_is_left(&azwi);
        let annotated = binding_of("manage = \"annotations\"", "");
        azwi.write(&annotated.replace("= var.namespace", "= \"no-such-namespace\""));
        azwi.apply_fails().says(&["Namespace \"no-such-namespace\" does not exist"]);
        azwi.write(&annotated);
        azwi.apply_fails().says(&["does not exist", "With `manage = \"annotations\"` somebody else makes the account"]);
        nothing_is_left(&azwi);
        azwi.write(&binding_of("", "").replace(
            "local.cluster_id",
            &format!("\"{}\"", CLUSTER.replace("managedClusters/demo", "managedClusters/absent")),
        ));
        azwi.apply_fails().says(&["cluster does not exist", "managedClusters/absent"]);
        azwi.write(&binding_of("", "").replace("local.cluster_id", "null").replace("local.issuer", "null"));
        azwi.apply_fails().says(&["Neither `issuer` nor `cluster_id`"]);
        azwi.write(&binding_of("", "role_assignments = [{ scope = \"/subscriptions/${var.subscription_id}\" }]"));
        azwi.apply_fails().says(&["role_definition_name"]);
        azwi.write(&binding_of("annotations = { \"azure.workload.identity/client-id\" = \"x\" }", ""));
        azwi.apply_fails().says(&["annotate = false"]);
        azwi.write(&binding_of("", &READER.replace("Reader", "Raeder")));
        azwi.apply_fails().says(&["Did you mean `Reader`"]);
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
        azwi.apply_fails().says(&["has no OIDC issuer", "az aks update", "--enable-oidc-issuer"]);
        nothing_is_left(&azwi);
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
        azwi.apply_fails().on("role_assignments", &["exists already", &id]);
        assert_eq!(azwi.emulator.credentials(&identity(&azwi)), Vec::<Json>::new(), "nothing was written");
        azwi.destroy();
    });
}

/// Twenty bindings of one identity, `app-0` to `app-19`, named by `name`, with one more resource.
fn full(more: &str) -> String {
    format!(
        r#"resource "azwi_user_assigned_identity" "app" {{
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}}

resource "azwi_federated_credential_binding" "this" {{
  count                     = 20
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  cluster_id                = local.cluster_id
  issuer                    = local.issuer
  wait_until_usable         = false
  credential_name           = "binding-${{count.index}}"
  service_account = {{
    namespace = var.namespace
    name      = "app-${{count.index}}"
  }}
}}
{more}
"#
    )
}

#[test]
fn the_twenty_first_credential_fails_at_plan_and_a_full_identity_can_be_rearranged() {
    each_with_its_own_emulator(|azwi| {
        let azwi = hurried(azwi);
        azwi.applied(&full(""));
        assert_eq!(azwi.emulator.credentials(&identity(&azwi)).len(), 20);
        for one_more in [
            r#"resource "azwi_federated_identity_credential" "more" {
  name                      = "one-more"
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  issuer                    = "https://issuer.example/"
  subject                   = "system:serviceaccount:a:b"
}"#
            .to_owned(),
            full("")
                .split("\n\n")
                .nth(1)
                .unwrap()
                .replace("\"this\"", "\"more\"")
                .replace("count                     = 20", "")
                .replace("-${count.index}", "-more"),
        ] {
            azwi.write(&full(&one_more));
            let told = azwi.run(&["plan", "-json", "-input=false"]).failed();
            told.says(&["21 credentials for one identity, which holds 20", "more", "binding-7"]);
        }
        // Renamed, replaced and swapped, all at once.
        let renamed = full("")
            .replace(
                "\"binding-${count.index}\"",
                "\"binding-${count.index < 3 ? \"renamed-${count.index}\" : count.index}\"",
            )
            .replace(
                "\"app-${count.index}\"",
                "\"app-${count.index == 10 ? 11 : count.index == 11 ? 10 : count.index}\"",
            );
        azwi.write(&renamed);
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        let names: Vec<String> = azwi
            .emulator
            .credentials(&identity(&azwi))
            .iter()
            .map(|one| format!("{} {}", one["name"].as_str().unwrap(), one["properties"]["subject"].as_str().unwrap()))
            .collect();
        assert_eq!(names.len(), 20);
        for expected in [
            "binding-renamed-1 ",
            "binding-10 system:serviceaccount:NS:app-11",
            "binding-11 system:serviceaccount:NS:app-10",
        ] {
            let expected = expected.replace("NS", &azwi.namespace);
            assert!(names.iter().any(|name| name.starts_with(&expected)), "{expected}: {names:#?}");
        }
        azwi.destroy();
    });
}

#[test]
fn two_credentials_for_one_issuer_and_subject_are_both_named_at_plan() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let identity = binding_of("", "").split("resource \"azwi_federated").next().unwrap().to_owned();
        azwi.applied(&identity);
        let issuer = azwi.emulator.issuer();
        let twice = format!(
            r#"{}
resource "azwi_federated_identity_credential" "twin" {{
  name                      = "twin"
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  issuer                    = "{issuer}"
  subject                   = "system:serviceaccount:${{var.namespace}}:app"
}}
"#,
            binding_of("", "credential_name = \"first\"")
        );
        azwi.write(&twice);
        let told = azwi.run(&["plan", "-json", "-input=false"]).failed();
        told.says(&["same issuer and subject", "first", "twin", &issuer]);
        azwi.write(&identity);
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
        azwi.apply_fails().says(&["exists already", "import {", &id, THIS]);
        azwi.applied(&binding_of("", "adopt_existing = true"));
        azwi.destroy();
    });
}

#[test]
fn a_create_that_must_be_usable_and_is_not_fails_and_is_tainted_until_it_is_untainted() {
    each_with_its_own_emulator(|azwi| {
        let azwi = hurried(azwi);
        azwi.emulator.settings(&json!({ "credential_propagation_ms": 3_600_000 }));
        azwi.write(&binding_of("", "wait_until_usable = true\n  timeouts {\n    create = \"6s\"\n  }"));
        azwi.apply_fails().on("wait_until_usable", &["not usable yet", "terraform untaint"]);
        assert_eq!(azwi.state().get(THIS, "usable"), "false");
        let made = credential(&azwi);
        assert_eq!(azwi.plan(), changes([(THIS, "replace")]), "Terraform replaces what a failed create has left");
        azwi.run(&["untaint", THIS]).succeeded();
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.emulator.settings(&json!({ "credential_propagation_ms": 0 }));
        azwi.apply();
        assert_eq!(azwi.state().get(THIS, "usable"), "true");
        assert_eq!(credential(&azwi), made);
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn an_identity_that_fills_up_is_told_at_plan() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let alone = binding_of("", "").split("resource \"azwi_federated").next().unwrap().to_owned();
        azwi.applied(&alone);
        for number in 0..20 {
            let id = format!("{}/federatedIdentityCredentials/theirs-{number}", identity(&azwi));
            let subject = format!("system:serviceaccount:theirs:{number}");
            let body =
                json!({"properties": {"issuer": "https://issuer.example/", "subject": subject, "audiences": ["a"]}});
            azwi.emulator.put_identity(&id, &body);
            if number == 16 {
                azwi.write(&binding_of("", ""));
                azwi.run(&["plan", "-json", "-input=false"]).succeeded().warned().says(&["fills up: 18 of at most 20"]);
            }
        }
        // Some of them may go in the same run, as far as a plan can tell.
        azwi.run(&["plan", "-json", "-input=false"]).succeeded().warned().says(&["would hold 21 of at most 20"]);
        azwi.apply_fails().says(&["20"]);
        assert_eq!(azwi.emulator.account(&azwi.namespace, "app"), None, "nothing is left");
        azwi.write(&alone);
        azwi.destroy();
    });
}

#[test]
fn two_processes_that_bind_one_identity_at_once_both_succeed() {
    each_with_its_own_emulator(|azwi| {
        // With latency the emulator refuses the second of two writes on one identity that overlap, as Azure does.
        let azwi = hurried(azwi);
        let alone = binding_of("", "").split("resource \"azwi_federated").next().unwrap().to_owned();
        azwi.applied(&alone);
        azwi.emulator.settings(&json!({ "latency_ms": 30 }));
        let ten = |from: u32| {
            full("")
                .split_once("\n\n")
                .unwrap()
                .1
                .replace("= 20", "= 10")
                .replace("azwi_user_assigned_identity.app.id", &format!("\"{}\"", identity(&azwi)))
                .replace("${count.index}", &format!("${{count.index + {from}}}"))
        };
        let mut other = hurried(Azwi::anywhere(&azwi.terraform, std::sync::Arc::clone(&azwi.emulator)));
        other.environment.extend(azwi.environment.clone());
        other.file("variables.tf", "variable \"namespace\" {}\n");
        other.file("header.tf", "terraform {\n  required_providers {\n    azwi = { source = \"azwi/azwi\" }\n  }\n}\n");
        other.write(&ten(10));
        azwi.write(&(alone + &ten(0)));
        let (one, two) = (azwi.start_apply(), other.start_apply());
        azwi.finish_apply(one).succeeded();
        other.finish_apply(two).succeeded();
        assert_eq!(azwi.emulator.credentials(&identity(&azwi)).len(), 20);
        let collided = azwi.emulator.log().iter().filter(|entry| entry["status"] == 409).count();
        assert!(collided > 0, "the two never met, so this shows nothing");
        other.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
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
        azwi.apply_fails().on("user_assigned_identity_id", &["another tenant", "tenant_id"]);
        assert!(!azwi.state().has(THIS));
        azwi.destroy();
    });
}
