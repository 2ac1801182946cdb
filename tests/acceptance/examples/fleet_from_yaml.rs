//! examples/fleet-from-yaml: fifty applications of one file, where a change to one is a change to one.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use super::example::{Example, of_an_example};
use crate::azwi::changes;
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::texts;

/// The file in the example's copy.
fn applications(example: &Example<'_>) -> std::path::PathBuf {
    example.azwi.path(&format!("{}/applications.yaml", example.folder()))
}

/// The entry of an application, from its dash to the blank line.
fn entry<'a>(file: &'a str, name: &str) -> &'a str {
    let begin = file.find(&format!("  - name: {name}\n")).unwrap();
    let end = file[begin..].find("\n\n").map_or(file.len(), |end| begin + end + 2);
    &file[begin..end]
}

/// How many documents of a kind the emulator holds.
fn count(example: &Example<'_>, kind: &str) -> usize {
    example.azwi.emulator.state().as_object().unwrap().keys().filter(|key| key.contains(kind)).count()
}

fn requests(example: &Example<'_>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for entry in example.azwi.emulator.log() {
        *counts.entry(entry["operation"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn fifty_applications_come_from_one_file_and_a_change_to_one_touches_that_one() {
    of_an_example("fleet-from-yaml", |example| {
        example.follow("Try it in the emulator");
        let emulator = &example.azwi.emulator;
        let identities = example.output("client_ids");
        assert_eq!(identities.as_object().unwrap().len(), 50);
        assert_eq!(example.output("proved"), json!(["payments-api"]));
        let before = requests(example);
        example.plan_is_empty();
        let took: BTreeMap<String, usize> = requests(example)
            .into_iter()
            .map(|(operation, after)| (operation.clone(), after - before.get(&operation).unwrap_or(&0)))
            .filter(|(_, took)| *took > 0)
            .collect();
        println!("a plan of the fleet: {took:?}");
        // An identity, a credential and an account each; of the roles a list for each scope, and of the cluster one or two reads.
        assert!(took.values().sum::<usize>() <= 175, "{took:?}");
        assert!(took["ManagedClusters_Get"] <= 2, "{took:?}");

        let identity = Emulator::identity_id(SUBSCRIPTION, "rg-demo", "checkout");
        assert_eq!(
            emulator.identity(&identity).unwrap()["tags"],
            json!({"application": "checkout", "team": "storefront"})
        );
        assert_eq!(emulator.credentials(&identity).len(), 2, "checkout has two accounts");
        let chart = emulator.account("platform", "external-secrets").unwrap();
        assert_eq!(
            chart["metadata"]["annotations"]["azure.workload.identity/client-id"],
            identities["external-secrets"]
        );

        one_changes_one_goes_and_one_is_renamed(example);
        example.follow("Clean up");
        // Without anything to refresh a plan is quick.
        mistakes_are_told(example);
    });
}

fn one_changes_one_goes_and_one_is_renamed(example: &Example<'_>) {
    let file = fs::read_to_string(applications(example)).unwrap();
    let (held, assigned) = (count(example, "/userassignedidentities/"), count(example, "/roleassignments/"));
    let changed = "  - name: cost-report\n    team: platform\n    namespace: platform\n";
    let access = "    access:\n      - {role: Storage Blob Data Reader, at: documents}\n";
    let edited = file
        .replace(changed, &format!("{changed}{access}"))
        .replace(entry(&file, "dunning"), "")
        .replace("  - name: tracking\n", "  - name: parcel-tracking\n");
    fs::write(applications(example), edited).unwrap();
    let of = |name: &str, rest: &str| format!("module.application[\"{name}\"].{rest}");
    let identity = "azwi_user_assigned_identity.this[0]";
    let binding = |name: &str| of(name, &format!("azwi_federated_credential_binding.this[\"{name}\"]"));
    let role = |role: &str, at: &str| format!("azwi_role_assignment.this[\"{role} at {at}\"]");
    let (reads, sends) =
        (role("Storage Blob Data Reader", "documents"), role("Azure Service Bus Data Sender", "events"));
    let receives = role("Azure Service Bus Data Receiver", "events");
    assert_eq!(
        example.change(&[]),
        changes([
            (&of("cost-report", &reads), "create"),
            (&of("dunning", identity), "delete"),
            (&binding("dunning"), "delete"),
            (&of("dunning", &sends), "delete"),
            (&of("tracking", identity), "delete"),
            (&binding("tracking"), "delete"),
            (&of("tracking", &receives), "delete"),
            (&of("parcel-tracking", identity), "create"),
            (&binding("parcel-tracking"), "create"),
            (&of("parcel-tracking", &receives), "create"),
        ])
    );
    // An identity and its credential have gone with dunning, and a role; cost-report has one now.
    assert_eq!(count(example, "/userassignedidentities/"), held - 2);
    assert_eq!(count(example, "/roleassignments/"), assigned);
    assert!(example.azwi.emulator.account("payments", "dunning").is_none());
    assert!(example.azwi.emulator.account("logistics", "parcel-tracking").is_some());
}

/// All of them at once, in the words of the file, and nothing else.
fn mistakes_are_told(example: &Example<'_>) {
    let right = fs::read_to_string(applications(example)).unwrap();
    let wrong = right.clone()
        + r#"
  - name: web
    team: storefront
    namespace: storefront
  - name: Web Shop
    team: storefront
    namespaces: storefront
  - name: typos
    team: storefront
    namespace: storefront
    prove: perhaps
    service_accounts: [web]
    access:
      - {role: Key Vault Secret User, at: vault}
      - {role: Storage Blob Data Reader, at: vault}
      - {role: Key Vault Secrets User, at: volt}
      - {role: Key Vault Secrets User, at: vault}
      - {role: Key Vault Secrets User, at: vault}
  - team: nobody
    namespace: demo
"#;
    let plan = |text: &str| {
        fs::write(applications(example), text).unwrap();
        let told = example.plan_fails(&[]);
        fs::write(applications(example), &right).unwrap();
        told
    };
    let told = plan(&wrong);
    told.says(&[
        texts::HAS_MISTAKES,
        &format!("- web {}", texts::NAMED_TWICE),
        &format!("- Web Shop {}", texts::MALFORMED_NAME),
        &format!("- Web Shop has `namespaces`, {}", texts::UNUSED_KEY),
        &format!("- Web Shop {}", texts::NO_NAMESPACE),
        "- typos has a `prove`",
        texts::NOT_TRUE_OR_FALSE,
        &format!("Key Vault Secret User, {}", texts::NO_SUCH_ROLE),
        &format!("at vault, {}", texts::WRONG_KIND_OF_RESOURCE),
        &format!("at volt, {}", texts::NO_SUCH_RESOURCE),
        &format!("Key Vault Secrets User {}", texts::ROLE_TWICE),
        texts::NO_NAME,
        &format!("storefront/web {}", texts::SHARED_ACCOUNT),
    ]);
    assert_eq!(told.count(), 1, "a mistake is told once");
    plan("applications: []\n").says(&[texts::NO_APPLICATION]);
    plan("applications:\n  - name: [\n").says(&[texts::NOT_YAML]);
    plan("apps: []\n").says(&[texts::NO_LIST, "`applications`"]);
    example.plan_fails(&[("applications_file", "missing.yaml")]).says(&[texts::NO_FILE, "missing.yaml"]);
    example.plan_fails(&[("resources", r#"{"vault": "kv-demo"}"#)]).says(&[texts::NO_RESOURCE_ID]);
    example.plan_fails(&[("cluster_id", "demo")]).says(&[texts::NOT_A_CLUSTER]);
}
