//! Several bindings of one identity, which holds twenty credentials, no two for one issuer and subject.

use serde_json::json;

use crate::azwi::{Azwi, NOTHING, each_with_its_own_emulator, under_every_terraform};
use crate::binding::{binding_of, hurried, identity};
use crate::texts;

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
fn twenty_first_credential_fails_plan_and_a_full_identity_is_rearranged() {
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
            let credential_limit = format!("21 {} 20", texts::CREDENTIAL_LIMIT);
            told.says(&[&credential_limit, "more", "binding-7"]);
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
fn duplicate_trust_fails_plan_and_names_both() {
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
        told.says(&[texts::DUPLICATE_TRUST, "first", "twin", &issuer]);
        azwi.write(&identity);
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
                let told = azwi.run(&["plan", "-json", "-input=false"]).succeeded().warned();
                told.says(&[texts::IDENTITY_FILLS_UP, "18", "20"]);
            }
        }
        // Some of them may go in the same run, as far as a plan can tell.
        azwi.run(&["plan", "-json", "-input=false"]).succeeded().warned().says(&[texts::IDENTITY_FULL, "21", "20"]);
        azwi.apply_fails().says(&["20"]);
        assert_eq!(azwi.emulator.account(&azwi.namespace, "app"), None, "nothing is left");
        azwi.write(&alone);
        azwi.destroy();
    });
}

#[test]
fn two_processes_that_bind_one_identity_at_once_both_succeed() {
    each_with_its_own_emulator(|azwi| {
        let azwi = hurried(azwi);
        let alone = binding_of("", "").split("resource \"azwi_federated").next().unwrap().to_owned();
        azwi.applied(&alone);
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
        // With latency the emulator refuses the second of two writes on one identity that overlap, as Azure does. On a busy machine
        // one process may be done before the other begins: then they are given more time to meet.
        let met = [150, 600, 2000].into_iter().any(|latency| {
            azwi.emulator.settings(&json!({ "latency_ms": latency }));
            let (one, two) = (azwi.start_apply(), other.start_apply());
            azwi.finish_apply(one).succeeded();
            other.finish_apply(two).succeeded();
            assert_eq!(azwi.emulator.credentials(&identity(&azwi)).len(), 20);
            azwi.emulator.settings(&json!({ "latency_ms": 0 }));
            other.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
            azwi.run(&[
                "destroy",
                "-json",
                "-input=false",
                "-auto-approve",
                "-target=azwi_federated_credential_binding.this",
            ])
            .succeeded();
            azwi.emulator.log().iter().any(|entry| entry["status"] == 409)
        });
        assert!(met, "the two never met, so this shows nothing");
        azwi.destroy();
    });
}
