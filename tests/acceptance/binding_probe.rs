//! The probe of a binding: waited for, in vain, not possible, and refused for good.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::azwi::{NOTHING, changes, each_with_its_own_emulator, on_an_emulated_cluster_only};
use crate::binding::{THIS, binding_of, credential, hurried};
use crate::binding_failure::FAULTS;
use crate::texts;

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
        azwi.apply().warned().says(&[texts::TOKEN_NOT_PERMITTED, "kind: Role", "serviceaccounts/token", "create"]);
        assert_eq!(azwi.state().get(THIS, "usable"), "null");
        assert_eq!(azwi.plan(), NOTHING, "what cannot be tried is not tried in every run");
        azwi.write(&binding_of("", "wait_until_usable = true"));
        azwi.apply_fails().says(&[texts::TOKEN_NOT_PERMITTED, "kind: Role"]);
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
        azwi.apply().warned().says(&[texts::NOT_USABLE_YET, "AADSTS70021"]);
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
            .says(&[texts::NEVER_USABLE, "AADSTS53003"]);
        assert!(start.elapsed() < Duration::from_secs(15), "took {:?}", start.elapsed());
        azwi.emulator.faults(&json!([]));
        azwi.destroy();
    });
}

#[test]
fn a_create_that_must_be_usable_and_is_not_fails_and_is_tainted_until_it_is_untainted() {
    each_with_its_own_emulator(|azwi| {
        let azwi = hurried(azwi);
        azwi.emulator.settings(&json!({ "credential_propagation_ms": 3_600_000 }));
        azwi.write(&binding_of("", "wait_until_usable = true\n  timeouts {\n    create = \"6s\"\n  }"));
        azwi.apply_fails().on("wait_until_usable", &[texts::NOT_USABLE_YET, "terraform untaint"]);
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
