//! Every resource with exactly the rights that docs/guides/least-privilege.md lists for it, in Azure and in a cluster that
//! honours roles. The table, the role definitions and the manifests are read out of the guide itself.
//!
//! That the rights suffice shows in that nothing fails; that none is superfluous in the emulator's log, which tells the right
//! that each request needed.

mod account;
pub mod guide;
mod lives;

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use self::account::{allowed, signed_in};
use self::guide::{Guide, Rights, Row, objects, verbs};
use self::lives::{CLIENT, LIVES, Life, OTHER_CLIENT, PRINCIPAL};
use crate::azwi::{Azwi, NOTHING, changes, on_an_emulated_cluster_only};
use crate::texts;

/// Why none of this runs against a real cluster.
const RIGHTS: &str = "the rights that were asked for are in the emulator's log";

#[test]
fn every_resource_lives_with_exactly_the_rights_of_its_rows() {
    each_life(|life| !life.address.is_empty());
}

#[test]
fn every_data_source_reads_with_exactly_the_rights_of_its_rows() {
    each_life(|life| life.address.is_empty());
}

fn each_life(wanted: fn(&&Life) -> bool) {
    let guide = Guide::read();
    on_an_emulated_cluster_only(RIGHTS, |mut azwi| {
        azwi.emulator.settings(&json!({ "rbac": true }));
        for (number, life) in LIVES.iter().filter(wanted).enumerate() {
            (life.before)(&azwi);
            let everything = guide.rights(|row| life.is_of(row) && row.to != "explain");
            azwi.environment = allowed(&azwi, &format!("life-{number}"), &everything);
            lives(&azwi, life, &guide);
        }
    });
}

fn lives(azwi: &Azwi, life: &Life, guide: &Guide) {
    let rows = |to: &str| guide.rights(|row| life.is_of(row) && row.to == to);
    let hcl = life.hcl(azwi);
    let mut last = azwi.emulator.requests();
    let mut used = || {
        let log = azwi.emulator.log().split_off(last);
        last += log.len();
        let refused = |entry: &&Json| matches!(entry["status"].as_u64(), Some(401 | 403));
        assert!(!log.iter().any(|entry| refused(&entry)), "{}: refused: {log:#?}", life.row);
        log.iter().filter_map(|entry| entry["right"].as_str()).map(str::to_owned).collect::<Rights>()
    };
    azwi.write(&hcl);
    assert_eq!(azwi.plan() == NOTHING, life.address.is_empty(), "{}", life.row);
    let mut planned = used();
    azwi.apply();
    let created = used();
    // What comes on top of a resource is imported no other way than that, and may not be known from an id.
    if life.upon.is_empty() && !life.address.is_empty() {
        let id = azwi.state().get(life.address, "id");
        azwi.forget(life.address);
        azwi.run(&["import", "-no-color", "-input=false", life.address, &id]).succeeded();
    }
    assert_eq!(azwi.plan(), NOTHING, "{}", life.row);
    planned.extend(used());
    azwi.write(&life.changed(&hcl));
    azwi.apply();
    let updated = used();
    azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
    let deleted = used();

    let reads = rows("plan");
    // The look before a create is a read that no plan of a new object makes.
    planned.extend(created.intersection(&reads).cloned());
    assert_eq!(planned, reads, "{}: what plan, refresh and import ask for, and what the guide lists", life.row);
    for (to, used) in [("create", created), ("update", updated), ("delete", deleted)] {
        let more: Rights = used.difference(&reads).cloned().collect();
        assert_eq!(more, rows(to), "{}: what {to} asks for, and what the guide lists", life.row);
    }
}

#[test]
fn a_pipeline_with_the_guide_s_read_only_roles_plans_everything_and_changes_nothing() {
    let guide = Guide::read();
    on_an_emulated_cluster_only(RIGHTS, |mut azwi| {
        azwi.emulator.settings(&json!({ "rbac": true }));
        let whole = whole(&azwi);
        let all = Some(guide.role("azwi"));
        let all = signed_in(&azwi, "all", all, &guide.manifest("azwi"));
        let read_only = signed_in(&azwi, "read-only", Some(guide.role("azwi plan")), &guide.manifest("azwi-plan"));

        azwi.environment = read_only.clone();
        azwi.write(&whole);
        assert_eq!(azwi.plan().len(), 5, "before anything exists");
        azwi.environment = all.clone();
        azwi.apply();
        azwi.environment = read_only.clone();
        assert_eq!(azwi.plan(), NOTHING);
        azwi.write(&whole.replace("one", "two").replace(CLIENT, OTHER_CLIENT));
        let update = |address| (address, "update");
        let expected = changes([
            update("azwi_federated_credential_binding.this"),
            update("azwi_federated_identity_credential.this"),
            update("azwi_role_assignment.this"),
            update("azwi_service_account.this"),
            update("azwi_user_assigned_identity.this"),
        ]);
        assert_eq!(azwi.plan(), expected);
        let told = azwi.apply_fails();
        told.says(&["Microsoft.ManagedIdentity/userAssignedIdentities/write"]);
        told.says(&["patch", "serviceaccounts"]);
        azwi.environment = all;
        azwi.apply();
        azwi.destroy();
    });
}

/// All resources in one configuration, each with a `one` or a client id that can be changed in place.
fn whole(azwi: &Azwi) -> String {
    let identity = "azwi_user_assigned_identity.this";
    let of_ours = |row: &str| -> String {
        let hcl = LIVES.iter().find(|life| life.row == row).unwrap().hcl(azwi);
        let line = |line: &str| match line.split_once("user_assigned_identity_id =") {
            Some((indent, _)) => format!("{indent}user_assigned_identity_id = {identity}.id\n"),
            None => format!("{line}\n"),
        };
        hcl.lines()
            .map(line)
            .collect::<String>()
            .replace(&format!("\"{PRINCIPAL}\""), &format!("{identity}.principal_id"))
    };
    // Two resources may not have one account.
    let binding = of_ours("azwi_federated_credential_binding").replace("\"app\"", "\"bound\"");
    let others = [
        "azwi_user_assigned_identity",
        "azwi_federated_identity_credential",
        "azwi_role_assignment",
        "azwi_service_account",
    ];
    others.map(of_ours).concat() + &binding
}

#[test]
fn annotating_needs_no_azure_and_tells_a_missing_namespace_only_with_the_right_to_look() {
    let guide = Guide::read();
    on_an_emulated_cluster_only(RIGHTS, |mut azwi| {
        azwi.emulator.settings(&json!({ "rbac": true }));
        let manifest = guide.manifest("azwi-annotate");
        let annotate = signed_in(&azwi, "annotate", None, &manifest);
        let rule = "  - apiGroups: [\"\"]\n    resources: [namespaces]\n    verbs: [get]\n";
        assert!(manifest.contains(rule), "{manifest}");
        let blind = signed_in(&azwi, "blind", None, &manifest.replace(rule, "").replace("azwi-annotate", "blind"));

        let explained: Vec<&Life> = LIVES
            .iter()
            .filter(|life| guide.rows.iter().any(|row| row.of == life.row && row.to == "explain"))
            .collect();
        assert!(!explained.is_empty(), "the table explains nothing");
        for life in explained {
            azwi.write(&life.hcl(&azwi).replace("var.namespace", "\"nowhere\""));
            azwi.environment.clone_from(&annotate);
            let last = azwi.emulator.requests();
            azwi.apply_fails().says(&[texts::NOT_FOUND, "nowhere"]);
            let asked: Rights = azwi.emulator.log().split_off(last).iter().filter_map(right).collect();
            let listed = guide.rights(|row| row.of == life.row && matches!(row.to.as_str(), "plan" | "explain"));
            assert_eq!(asked, listed, "{}: what is asked for to explain a failure, and what the guide lists", life.row);
            azwi.environment.clone_from(&blind);
            azwi.apply_fails().says(&["nowhere"]);
        }

        azwi.environment = annotate;
        let hcl = LIVES.iter().find(|life| life.row.contains("annotations")).unwrap().hcl;
        azwi.emulator.create_account(&azwi.namespace, "theirs", &json!({ "example.com/owner": "helm" }));
        azwi.applied(hcl);
    });
}

fn right(entry: &Json) -> Option<String> {
    entry["right"].as_str().map(str::to_owned)
}

/// A role of the guide by its name, and the rows that it is made of.
type Use = (&'static str, fn(&Row) -> bool);

#[test]
fn the_guide_has_rows_for_every_resource_and_its_roles_are_made_of_them() {
    let guide = Guide::read();
    let listed: BTreeSet<&str> = guide.listed.iter().map(String::as_str).collect();
    let resources = azwi::resources::ALL.iter().map(|resource| resource.type_name().to_owned());
    let data_sources = azwi::data_sources::ALL.iter().map(|source| format!("data.{}", source.type_name()));
    for name in resources.chain(data_sources) {
        assert!(listed.contains(name.as_str()), "docs/guides/least-privilege.md has no rows for {name}");
    }
    let lived: BTreeSet<&str> = LIVES.iter().map(|life| life.row).collect();
    assert_eq!(listed, lived, "the first cells of the table, and the lives of this test");

    let of_azure = |right: &String| right.contains('/') && right.starts_with("Microsoft.");
    let uses: [Use; 3] = [
        ("azwi", |_| true),
        ("azwi plan", |row| row.to == "plan"),
        ("azwi credentials", |row| row.of == "azwi_federated_identity_credential"),
    ];
    for (name, wanted) in uses {
        let expected: Rights = guide.rights(wanted).into_iter().filter(of_azure).collect();
        let actions = guide.role(name);
        let given: Rights = actions.iter().cloned().collect();
        assert_eq!(given, expected, "the role definition `{name}`");
        assert_eq!(given.len(), actions.len(), "the role definition `{name}` says something twice");
    }
    let uses: [Use; 3] = [
        ("azwi", |row| row.to != "explain"),
        ("azwi-plan", |row| row.to == "plan"),
        ("azwi-annotate", |row| row.of.contains("annotations")),
    ];
    for (name, wanted) in uses {
        let expected: Rights = guide.rights(wanted).into_iter().filter(|right| !of_azure(right)).collect();
        assert_eq!(verbs(&objects(&guide.manifest(name))[0]), expected, "the manifest `{name}`");
    }
}
