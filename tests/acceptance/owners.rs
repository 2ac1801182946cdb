//! One owner for each object: two resources for one, replacements under `create_before_destroy`, subjects that move along a list, and
//! what somebody else has put in the place of a part. The races of these, many times over, are in `tests/resources/owners.rs`.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::azwi::{Azwi, NOTHING, changes, each_with_its_own_emulator, under_every_terraform};
use crate::binding::{self, IDENTITY, READER, binding_of, hurried, identity};
use crate::emulator::SUBSCRIPTION;
use crate::terraform::Run;
use crate::texts;

const CLIENT: &str = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11";
/// The attribute that is not to be spoken of.
const ADOPT: &str = "adopt_existing";
const FAST: &[&str] = &["apply", "-json", "-input=false", "-auto-approve", "-parallelism=30"];

/// The identity `app`, and what follows.
fn with_identity(more: &str) -> String {
    format!(
        r#"resource "azwi_user_assigned_identity" "app" {{
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}}
{more}"#
    )
}

fn scope(azwi: &Azwi) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{}", azwi.group)
}

fn slow(azwi: &Azwi) {
    azwi.emulator.settings(&json!({ "latency_ms": 100 }));
}

fn subjects(azwi: &Azwi) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let all = azwi.emulator.credentials(&identity(azwi));
    all.iter().map(|one| (text(&one["name"]), text(&one["properties"]["subject"]))).collect()
}

// Two owners.

#[test]
fn two_resources_of_one_known_name_fail_the_plan() {
    under_every_terraform(|azwi| {
        let twins = [
            (
                "name",
                r#"resource "azwi_user_assigned_identity" "twin" {
  count               = 2
  name                = "twin"
  resource_group_name = var.group
  location            = "westeurope"
}
"#,
            ),
            (
                "name",
                r#"resource "azwi_service_account" "twin" {
  count     = 2
  name      = "twin"
  namespace = var.namespace
}
"#,
            ),
        ];
        for (attribute, hcl) in twins {
            azwi.write(hcl);
            let kind = hcl.split('"').nth(1).unwrap();
            azwi.run(&["plan", "-json", "-input=false"]).failed().on(attribute, &[texts::TWO_OWNERS, kind, "twin"]);
        }
        // One of the two is in the state, and the other is new.
        azwi.write(&twins[0].1.replace("= 2", "= 1"));
        azwi.apply();
        azwi.write(twins[0].1);
        azwi.run(&["plan", "-json", "-input=false"]).failed().on("name", &[texts::TWO_OWNERS, "twin"]);
        azwi.write(&twins[0].1.replace("= 2", "= 1"));
        assert_eq!(azwi.plan(), NOTHING);
        azwi.run(&["apply", "-json", "-input=false", "-auto-approve", "-replace=azwi_user_assigned_identity.twin[0]"])
            .succeeded();
        azwi.destroy();
    });
}

#[test]
fn two_credentials_or_assignments_for_a_known_identity_fail_the_plan() {
    under_every_terraform(|azwi| {
        azwi.applied(&with_identity(""));
        azwi.write(&with_identity(
            r#"
resource "azwi_federated_identity_credential" "twin" {
  count                     = 2
  name                      = "twin"
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  issuer                    = "https://issuer.example/"
  subject                   = "system:serviceaccount:demo:${count.index}"
}
"#,
        ));
        let kind = "azwi_federated_identity_credential";
        azwi.run(&["plan", "-json", "-input=false"]).failed().on("name", &[texts::TWO_OWNERS, kind, "twin"]);
        azwi.write(&with_identity(
            r#"
resource "azwi_role_assignment" "twin" {
  count                = 2
  scope                = "/subscriptions/${var.subscription_id}/resourceGroups/${var.group}"
  role_definition_name = "Reader"
  principal_id         = azwi_user_assigned_identity.app.principal_id
}
"#,
        ));
        azwi.run(&["plan", "-json", "-input=false"]).failed().on("scope", &[texts::ROLE_HAS_TWO_OWNERS, "Reader"]);
        azwi.write(&with_identity(""));
        azwi.destroy();
    });
}

/// Two bindings of one identity that assign one role.
fn two_bindings(keys: &str) -> String {
    with_identity(&format!(
        r#"
resource "azwi_federated_credential_binding" "this" {{
  for_each                  = toset([{keys}])
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  cluster_id                = local.cluster_id
  issuer                    = local.issuer
  wait_until_usable         = false
  service_account = {{
    namespace = var.namespace
    name      = each.key
  }}
  {READER}
}}
"#
    ))
}

#[test]
fn of_two_bindings_that_assign_one_role_one_fails_and_the_other_keeps_it() {
    each_with_its_own_emulator(|azwi| {
        let azwi = hurried(azwi);
        slow(&azwi);
        azwi.write(&two_bindings("\"left\", \"right\""));
        azwi.run(FAST).failed().on("role_assignments", &["azwi_federated_credential_binding"]);
        let state = azwi.state();
        let made: Vec<&str> = state.addresses().into_iter().filter(|one| one.contains("binding")).collect();
        let [kept] = made[..] else { panic!("one of the two is in the state: {made:?}") };
        assert_eq!(azwi.emulator.role_assignments(&scope(&azwi)).len(), 1);
        let key = kept.split('"').nth(1).unwrap();
        azwi.write(&two_bindings(&format!("{key:?}")));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        assert_eq!(azwi.emulator.role_assignments(&scope(&azwi)).len(), 1, "it has kept its role");
        azwi.destroy();
    });
}

#[test]
fn two_identities_whose_name_is_known_in_apply_only_are_two_owners() {
    each_with_its_own_emulator(|azwi| {
        slow(&azwi);
        let hcl = r#"resource "terraform_data" "name" {
  input = "twin"
}

resource "azwi_user_assigned_identity" "twin" {
  count               = 2
  name                = terraform_data.name.output
  resource_group_name = var.group
  location            = "westeurope"
}
"#;
        azwi.write(hcl);
        azwi.run(FAST).failed().on("name", &[texts::TWO_OWNERS, "azwi_user_assigned_identity `twin`"]);
        azwi.write(&hcl.replace("  count               = 2\n", ""));
        azwi.run(&["state", "list"]).succeeded();
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
        azwi.emulator.assert_empty(&azwi.group, &azwi.namespace);
    });
}

// Replacements under `create_before_destroy`.

/// A resource that is created before its predecessor is destroyed. `{adopt}` stands for a line.
fn replaced_early(kind: &str, attributes: &str, adopt: bool) -> String {
    let adopt = if adopt { "adopt_existing = true" } else { "" };
    format!(
        "\nresource \"{kind}\" \"this\" {{\n  {attributes}\n  {adopt}\n  lifecycle {{\n    create_before_destroy = true\n  }}\n}}\n"
    )
}

/// One of each type, on the identity `app`.
fn one_of_each() -> Vec<(&'static str, &'static str)> {
    vec![
        (
            "azwi_user_assigned_identity",
            "name = \"early\"\n  resource_group_name = var.group\n  location = \"westeurope\"",
        ),
        (
            "azwi_federated_identity_credential",
            "name = \"early\"\n  user_assigned_identity_id = azwi_user_assigned_identity.app.id\n  \
             issuer = \"https://issuer.example/\"\n  subject = \"system:serviceaccount:demo:app\"",
        ),
        (
            "azwi_role_assignment",
            "scope = \"/subscriptions/${var.subscription_id}/resourceGroups/${var.group}\"\n  \
             role_definition_name = \"Reader\"\n  principal_id = azwi_user_assigned_identity.app.principal_id",
        ),
        ("azwi_service_account", "name = \"early\"\n  namespace = var.namespace\n  labels = { team = \"a\" }"),
        (
            "azwi_service_account",
            "name = \"default\"\n  namespace = var.namespace\n  manage = \"annotations\"\n  annotations = { team = \"a\" }",
        ),
        (
            "azwi_federated_credential_binding",
            "user_assigned_identity_id = azwi_user_assigned_identity.app.id\n  cluster_id = local.cluster_id\n  \
             issuer = local.issuer\n  wait_until_usable = false\n  credential_name = \"early\"\n  \
             service_account = {\n    namespace = var.namespace\n    name = \"early\"\n  }\n  role_assignments = [{\n    \
             scope = \"/subscriptions/${var.subscription_id}/resourceGroups/${var.group}\"\n    \
             role_definition_name = \"Reader\"\n  }]",
        ),
    ]
}

#[test]
fn a_replacement_that_adopts_its_predecessors_object_keeps_it() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        for (kind, attributes) in one_of_each() {
            azwi.applied(&with_identity(&replaced_early(kind, attributes, true)));
            let run = azwi
                .run(&["apply", "-json", "-input=false", "-auto-approve", &format!("-replace={kind}.this")])
                .succeeded();
            run.warned().says(&[texts::NOT_DELETED, kind]);
            assert_eq!(azwi.plan(), NOTHING, "{kind}: nothing is missing");
            azwi.destroy();
        }
    });
}

#[test]
fn a_binding_replaced_early_with_its_credentials_name_keeps_the_credential() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let (kind, attributes) = one_of_each().pop().unwrap();
        azwi.applied(&with_identity(&replaced_early(kind, attributes, true)));
        let moved = attributes.replace("name = \"early\"\n  }", "name = \"late\"\n  }");
        azwi.applied(&with_identity(&replaced_early(kind, &moved, true)));
        let subject = format!("system:serviceaccount:{}:late", azwi.namespace);
        assert_eq!(subjects(&azwi), [("early".to_owned(), subject)]);
        assert!(azwi.emulator.account(&azwi.namespace, "early").is_none(), "what is not the new one's is destroyed");
        azwi.destroy();
    });
}

#[test]
fn a_replacement_that_cannot_come_first_says_so_and_does_not_speak_of_adopting() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        for (kind, attributes) in one_of_each() {
            azwi.applied(&with_identity(&replaced_early(kind, attributes, false)));
            let run = azwi.run(&["apply", "-json", "-input=false", "-auto-approve", &format!("-replace={kind}.this")]);
            let told = run.failed();
            let error = told.says(&[texts::PREDECESSOR]);
            assert!(!error.detail.contains(ADOPT), "{kind}: {}", error.detail);
            assert_eq!(azwi.plan(), NOTHING, "{kind}: nothing was touched");
            azwi.destroy();
        }
    });
}

// Subjects and names that move.

/// `count` credentials over a list of subjects.
fn list_of(subjects: &[&str]) -> String {
    with_identity(&format!(
        r#"
locals {{
  subjects = {subjects:?}
}}

resource "azwi_federated_identity_credential" "this" {{
  count                     = length(local.subjects)
  name                      = "list-${{count.index}}"
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  issuer                    = "https://issuer.example/"
  subject                   = "system:serviceaccount:demo:${{local.subjects[count.index]}}"
}}
"#
    ))
}

fn fast(azwi: &Azwi) -> Run {
    let run = azwi.run(FAST).succeeded();
    assert_eq!(azwi.plan(), NOTHING);
    run
}

#[test]
fn a_list_of_credentials_that_loses_its_first_or_turns_is_one_apply() {
    each_with_its_own_emulator(|azwi| {
        azwi.applied(&list_of(&["a", "b", "c", "d", "e", "f"]));
        slow(&azwi);
        azwi.write(&list_of(&["b", "c", "d", "e", "f"]));
        fast(&azwi);
        azwi.write(&list_of(&["c", "d", "e", "f", "b"]));
        fast(&azwi);
        azwi.write(&list_of(&["d", "c", "f", "e", "b"]));
        fast(&azwi);
        let expected = ["d", "c", "f", "e", "b"].iter().enumerate();
        let expected =
            expected.map(|(number, one)| (format!("list-{number}"), format!("system:serviceaccount:demo:{one}")));
        assert_eq!(subjects(&azwi), expected.collect::<Vec<_>>());
        azwi.destroy();
    });
}

#[test]
fn a_list_that_moves_one_call_at_a_time_fails_within_seconds_and_converges() {
    under_every_terraform(|azwi| {
        azwi.applied(&list_of(&["a", "b"]));
        azwi.write(&list_of(&["b", "a"]));
        let mut applies = 0;
        loop {
            let start = Instant::now();
            let run = azwi.run(&["apply", "-json", "-input=false", "-auto-approve", "-parallelism=1"]);
            assert!(start.elapsed() < Duration::from_secs(40), "took {:?}", start.elapsed());
            if run.status.success() {
                break;
            }
            run.failed().on("user_assigned_identity_id", &["list-"]);
            applies += 1;
            assert!(applies < 4, "it does not converge");
        }
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn a_pair_that_another_credential_keeps_is_refused_with_its_name() {
    under_every_terraform(|azwi| {
        azwi.applied(&list_of(&["a"]));
        let theirs = json!({ "properties": { "issuer": "https://issuer.example/",
            "subject": "system:serviceaccount:demo:b", "audiences": ["api://AzureADTokenExchange"] } });
        azwi.emulator.put_identity(&format!("{}/federatedIdentityCredentials/theirs", identity(&azwi)), &theirs);
        azwi.write(&list_of(&["b"]));
        let start = Instant::now();
        azwi.apply_fails().on("user_assigned_identity_id", &["`theirs`"]);
        assert!(start.elapsed() < Duration::from_secs(30), "took {:?}", start.elapsed());
        assert!(subjects(&azwi).contains(&("list-0".to_owned(), "system:serviceaccount:demo:a".to_owned())));
        azwi.destroy();
    });
}

#[test]
fn objects_whose_for_each_key_changes_while_the_name_stays_are_one_apply() {
    each_with_its_own_emulator(|azwi| {
        let azwi = hurried(azwi);
        let under = |key: &str| {
            with_identity(&format!(
                r#"
resource "azwi_user_assigned_identity" "renamed" {{
  for_each            = toset(["{key}-0", "{key}-1"])
  name                = "same-${{split("-", each.key)[1]}}"
  resource_group_name = var.group
  location            = "westeurope"
}}

resource "azwi_service_account" "renamed" {{
  for_each  = toset(["{key}-0", "{key}-1"])
  name      = "same-${{split("-", each.key)[1]}}"
  namespace = var.namespace
}}

resource "azwi_federated_credential_binding" "renamed" {{
  for_each                  = toset(["{key}-0", "{key}-1"])
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  cluster_id                = local.cluster_id
  issuer                    = local.issuer
  wait_until_usable         = false
  service_account = {{
    namespace = var.namespace
    name      = "bound-${{split("-", each.key)[1]}}"
  }}
}}
"#
            ))
        };
        azwi.applied(&under("old"));
        slow(&azwi);
        azwi.write(&under("new"));
        fast(&azwi);
        azwi.destroy();
    });
}

#[test]
fn bindings_whose_accounts_move_along_a_list_are_one_apply() {
    each_with_its_own_emulator(|azwi| {
        let azwi = hurried(azwi);
        let over = |accounts: [&str; 3]| {
            with_identity(&format!(
                r#"
locals {{
  accounts = {accounts:?}
}}

resource "azwi_federated_credential_binding" "this" {{
  for_each                  = {{ for index, name in local.accounts : index => name }}
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  cluster_id                = local.cluster_id
  issuer                    = local.issuer
  wait_until_usable         = false
  service_account = {{
    namespace = var.namespace
    name      = each.value
  }}
}}
"#
            ))
        };
        azwi.applied(&over(["a", "b", "c"]));
        slow(&azwi);
        azwi.write(&over(["b", "c", "a"]));
        fast(&azwi);
        azwi.write(&over(["c", "b", "d"]));
        fast(&azwi);
        azwi.destroy();
    });
}

// What somebody else has put in the place of a part.

#[test]
fn the_role_of_an_identity_that_was_created_anew_is_assigned_to_its_new_principal() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        azwi.applied(&binding_of("", READER));
        let old = azwi.emulator.role_assignments(&scope(&azwi)).remove(0);
        for with_credential in [false, true] {
            let credential = azwi.emulator.credentials(&identity(&azwi)).remove(0);
            azwi.emulator.delete_identity(&identity(&azwi));
            let made = azwi.emulator.put_identity(&identity(&azwi), &json!({ "location": "westeurope" }));
            if with_credential {
                let id = credential["id"].as_str().unwrap();
                azwi.emulator.put_identity(id, &json!({ "properties": credential["properties"] }));
            }
            let plan = azwi.plan();
            assert!(plan.contains(&(binding::THIS.to_owned(), "update".to_owned())), "{plan:?}");
            azwi.apply();
            let all = azwi.emulator.role_assignments(&scope(&azwi));
            let principals: Vec<&Json> = all.iter().map(|one| &one["properties"]["principalId"]).collect();
            assert_eq!(principals, [&made["properties"]["principalId"]], "and the old one's is gone");
            assert_ne!(old["properties"]["principalId"], made["properties"]["principalId"]);
            let account = azwi.emulator.account(&azwi.namespace, "app").unwrap();
            let annotations = &account["metadata"]["annotations"];
            assert_eq!(annotations["azure.workload.identity/client-id"], made["properties"]["clientId"]);
            assert_eq!(azwi.plan(), NOTHING);
        }
        azwi.destroy();
    });
}

#[test]
fn a_condition_on_a_bindings_role_is_drift() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        azwi.applied(&binding_of("", READER));
        let role = azwi.emulator.role_assignments(&scope(&azwi)).remove(0);
        let properties = &role["properties"];
        azwi.emulator.put_role_assignment(
            role["id"].as_str().unwrap(),
            &json!({ "roleDefinitionId": properties["roleDefinitionId"], "principalId": properties["principalId"],
                "principalType": "ServicePrincipal", "condition": "@Resource[x] StringEquals 'y'", "conditionVersion": "2.0" }),
        );
        assert_eq!(azwi.plan(), changes([(binding::THIS, "update")]));
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        let mended = azwi.emulator.role_assignments(&scope(&azwi)).remove(0);
        assert_eq!((&mended["id"], &mended["properties"]["condition"]), (&role["id"], &Json::Null));
        azwi.destroy();
    });
}

#[test]
fn an_audience_that_somebody_changed_is_drift_where_the_configuration_leaves_the_default() {
    under_every_terraform(|azwi| {
        azwi.applied(&list_of(&["a"]));
        let id = format!("{}/federatedIdentityCredentials/list-0", identity(&azwi));
        let theirs = json!({ "properties": { "issuer": "https://issuer.example/",
            "subject": "system:serviceaccount:demo:a", "audiences": ["api://Another"] } });
        azwi.emulator.put_identity(&id, &theirs);
        assert_eq!(azwi.plan(), changes([("azwi_federated_identity_credential.this[0]", "update")]));
        azwi.apply();
        let mended = azwi.emulator.identity(&id).unwrap();
        assert_eq!(mended["properties"]["audiences"], json!(["api://AzureADTokenExchange"]));
        azwi.destroy();
    });
}

#[test]
fn a_binding_keeps_an_assignment_under_an_earlier_name_and_takes_its_own_back() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        // The name that bindings gave their assignments before it covered the credential.
        let state = azwi.applied(&with_identity(""));
        let (principal, role) = (state.get(IDENTITY, "principal_id"), "acdd72a7-3385-48ef-bd42-f606fba81ae7");
        let key = format!("{}|{role}|{principal}", scope(&azwi)).to_lowercase();
        let name = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, key.as_bytes());
        let id = format!("{}/providers/Microsoft.Authorization/roleAssignments/{name}", scope(&azwi));
        let definition =
            format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}");
        let theirs =
            json!({ "roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal" });
        azwi.emulator.put_role_assignment(&id, &theirs);
        azwi.applied(&binding_of("", &format!("{READER}\n  adopt_existing = true")));
        azwi.applied(&binding_of("", READER));
        let ids = azwi.state().get(binding::THIS, "role_assignment_ids");
        assert!(ids.to_lowercase().contains(&name.to_string()), "{ids}");
        azwi.applied(&binding_of("labels = { team = \"a\" }", READER));
        assert_eq!(azwi.emulator.role_assignments(&scope(&azwi)).len(), 1);

        // Under its own name it is what an interrupted run left.
        azwi.applied(&binding_of("", ""));
        azwi.applied(&binding_of("", READER));
        azwi.forget(binding::THIS);
        let credential = azwi.emulator.credentials(&identity(&azwi)).remove(0);
        azwi.emulator.delete_identity(credential["id"].as_str().unwrap());
        azwi.emulator.delete_account(&azwi.namespace, "app");
        azwi.applied(&binding_of("", READER));
        assert_eq!(azwi.emulator.role_assignments(&scope(&azwi)).len(), 1);
        azwi.destroy();
    });
}

// Accounts that come later.

#[test]
fn an_account_that_another_owner_creates_a_few_seconds_later_is_awaited() {
    under_every_terraform(|azwi| {
        let mut azwi = hurried(azwi);
        azwi.environment.remove("AZWI_TEST_HURRY");
        azwi.environment.insert("TF_LOG_PROVIDER".to_owned(), "INFO".to_owned());
        let account = format!(
            r#"resource "azwi_service_account" "this" {{
  name      = "late"
  namespace = var.namespace
  manage    = "annotations"
  client_id = "{CLIENT}"
}}
"#
        );
        let binding = binding_of("manage = \"annotations\"", "wait_until_usable = false");
        for (name, hcl) in [("late", &account), ("app", &binding)] {
            azwi.write(hcl);
            let apply = azwi.start_apply();
            std::thread::sleep(Duration::from_secs(6));
            azwi.emulator.create_account(&azwi.namespace, name, &json!({}));
            let run = azwi.finish_apply(apply).succeeded();
            assert!(run.stderr.contains("waits for the service account"), "{run}");
            assert_eq!(azwi.plan(), NOTHING);
            azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
            azwi.emulator.delete_account(&azwi.namespace, name);
        }
        azwi.emulator.assert_empty(&azwi.group, &azwi.namespace);
    });
}

#[test]
fn an_account_that_never_comes_is_an_error_within_a_minute() {
    under_every_terraform(|mut azwi| {
        azwi.environment.insert("AZWI_TEST_HURRY".to_owned(), "10".to_owned());
        azwi.write(
            "resource \"azwi_service_account\" \"this\" {\n  name = \"never\"\n  namespace = var.namespace\n  manage = \"annotations\"\n  annotations = { a = \"b\" }\n}\n",
        );
        azwi.apply_fails().on("name", &["never"]);
        assert!(!azwi.state().has("azwi_service_account.this"));
        azwi.emulator.assert_empty(&azwi.group, &azwi.namespace);
    });
}

#[test]
fn a_second_owner_in_another_configuration_is_refused_by_azure_itself() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        azwi.applied(&binding_of("", READER));
        let principal = azwi.state().get(IDENTITY, "principal_id");
        let other = format!(
            r#"resource "azwi_role_assignment" "this" {{
  scope                = "{}"
  role_definition_name = "Reader"
  principal_id         = "{principal}"
}}
"#,
            scope(&azwi)
        );
        let elsewhere = Azwi::anywhere(&azwi.terraform, std::sync::Arc::clone(&azwi.emulator));
        elsewhere.file(
            "header.tf",
            "terraform {\n  required_providers {\n    azwi = {\n      source = \"azwi/azwi\"\n    }\n  }\n}\n",
        );
        elsewhere.write(&other);
        let id = azwi.emulator.role_assignments(&scope(&azwi)).remove(0)["id"].as_str().unwrap().to_owned();
        elsewhere.apply_fails().on("scope", &[texts::ALREADY_EXISTS, &id]);
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}
