//! Broad access in the roles of a binding, and entries that are one assignment.

use serde_json::{Value as Json, json};

use crate::azwi::{
    Azwi, NOTHING, State, changes, each_with_its_own_emulator, on_an_emulated_cluster_only, under_every_terraform,
};
use crate::binding::{THIS, binding_of, hurried};
use crate::binding_failure::FAULTS;
use crate::emulator::{OTHER_SUBSCRIPTION, SUBSCRIPTION};
use crate::role_assignment::{broad, forget_the_attribute, planned_broad, writes};
use crate::texts;

/// Reader at the test's group, and at a whole subscription with `more` in that entry.
fn readers(more: &str) -> String {
    let role = "role_definition_name = \"Reader\"";
    binding_of(
        "",
        &format!(
            r#"role_assignments = [
    {{ scope = "/subscriptions/${{var.subscription_id}}/resourceGroups/${{var.group}}", {role} }},
    {{ scope = "/subscriptions/${{var.other_subscription_id}}", {role}, {more} }},
  ]"#
        ),
    )
}

const ACCEPTED: &str = "accept_broad_access = true";

fn ids(state: &State) -> Json {
    serde_json::from_str(&state.get(THIS, "role_assignment_ids")).unwrap()
}

/// What the plan says of the ids, which it leaves as they are.
#[track_caller]
fn planned_ids(azwi: &Azwi) -> Json {
    assert_eq!(azwi.plan(), changes([(THIS, "update")]));
    let run = azwi.run(&["show", "-json", "plan"]).succeeded();
    let plan: Json = serde_json::from_str(&run.stdout).unwrap();
    let all = plan["resource_changes"].as_array().unwrap();
    all.iter().find(|change| change["address"] == THIS).unwrap()["change"]["after"]["role_assignment_ids"].clone()
}

#[test]
fn the_broad_entry_of_a_binding_is_warned_of_until_it_is_accepted_which_writes_nothing() {
    each_with_its_own_emulator(|azwi| {
        let azwi = hurried(azwi);
        let warned = || {
            let run = azwi.run(&["plan", "-json", "-input=false"]).succeeded();
            assert_eq!(broad(&run).len(), 1, "the entry at the group is not broad: {run}");
            run.warned().on("role_assignments", &["`Reader`", texts::WHOLE_SUBSCRIPTION, OTHER_SUBSCRIPTION, ACCEPTED]);
        };
        azwi.write(&readers(""));
        warned();
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        warned();
        let made = ids(&azwi.state());
        let keys = [
            format!("/subscriptions/{OTHER_SUBSCRIPTION}|acdd72a7-3385-48ef-bd42-f606fba81ae7"),
            format!(
                "/subscriptions/{SUBSCRIPTION}/resourcegroups/{}|acdd72a7-3385-48ef-bd42-f606fba81ae7",
                azwi.group.to_lowercase()
            ),
        ];
        assert!(keys.iter().all(|key| made[key].is_string()), "{made:#}");

        let before = azwi.emulator.requests();
        for (more, silent) in [(ACCEPTED, true), ("", false)] {
            azwi.write(&readers(more));
            assert_eq!(planned_ids(&azwi), made, "the ids stay known");
            azwi.apply();
            azwi.run(&["apply", "-refresh-only", "-auto-approve", "-json", "-input=false"]).succeeded();
            assert_eq!(azwi.plan(), NOTHING);
            assert_eq!(planned_broad(&azwi).is_empty(), silent);
            let state = azwi.state();
            assert_eq!(ids(&state), made);
            assert_eq!(state.get(THIS, "role_assignments").contains("true"), silent);
        }
        assert_eq!(writes(&azwi, before), Vec::<Json>::new());

        forget_the_attribute(&azwi);
        assert_eq!(azwi.plan(), NOTHING, "a state of an older version");

        // With another change of the roles, only that one is made.
        let only_broad = binding_of(
            "",
            &format!(
                "role_assignments = [{{\n    scope = \"/subscriptions/{OTHER_SUBSCRIPTION}\"\n    role_definition_name = \"Reader\"\n    \
                 {ACCEPTED}\n  }}]"
            ),
        );
        let before = azwi.emulator.requests();
        let left = ids(&azwi.applied(&only_broad));
        assert_eq!(left, json!({ &keys[0]: made[&keys[0]] }));
        let written = writes(&azwi, before);
        assert!(written.len() == 1 && written[0]["method"] == "DELETE", "{written:#?}");
        azwi.destroy();
    });
}

#[test]
fn entries_that_differ_only_in_what_they_accept_are_one_assignment() {
    under_every_terraform(|azwi| {
        let azwi = hurried(azwi);
        let twice = |other: &str| {
            let scope = "scope = \"/subscriptions/${var.subscription_id}/resourceGroups/${var.group}\"";
            let other = other.replace("SCOPE", scope);
            binding_of(
                "",
                &format!("role_assignments = [{{ {scope}, role_definition_name = \"Reader\" }}, {{ {other} }}]"),
            )
        };
        for other in [
            "SCOPE, role_definition_name = \"Reader\", accept_broad_access = true",
            "SCOPE, role_definition_name = \"READER\"",
            "scope = \"/Subscriptions/${var.subscription_id}/resourcegroups/${var.group}/\", role_definition_name = \"Reader\"",
        ] {
            azwi.write(&twice(other));
            let told = azwi.run(&["plan", "-json", "-input=false"]).failed();
            told.on("role_assignments", &[texts::ASSIGNED_TWICE, "Reader", "accept_broad_access"]);
        }
        // That a name and an id are one role takes a lookup.
        let guid = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
        azwi.write(&twice(&format!(
            "SCOPE, role_definition_id = \"/providers/Microsoft.Authorization/roleDefinitions/{guid}\""
        )));
        azwi.apply_fails().on("role_assignments", &[texts::ASSIGNED_TWICE, guid]);
        azwi.destroy();
    });
}

#[test]
fn an_acceptance_whose_apply_fails_halfway_leaves_one_entry() {
    on_an_emulated_cluster_only(FAULTS, |azwi| {
        let azwi = hurried(azwi);
        azwi.applied(&readers(""));
        azwi.emulator.faults(&json!([{
            "match": { "method": "PUT", "path": "roleAssignments" },
            "effect": { "status": 400, "body": {"error": {"code": "TestsSaySo", "message": "No."}} },
        }]));
        // The new entry comes after the accepted one in the order of the set.
        let group = "scope = \"/subscriptions/${var.other_subscription_id}/resourceGroups/${var.group}\"";
        let more = readers(ACCEPTED).replace(
            "role_assignments = [",
            &format!("role_assignments = [\n    {{ {group}, role_definition_name = \"Reader\", {ACCEPTED} }},"),
        );
        azwi.write(&more);
        azwi.apply_fails().says(&["TestsSaySo"]);
        let state = azwi.state();
        let entries: Json = serde_json::from_str(&state.get(THIS, "role_assignments")).unwrap();
        assert_eq!(entries.as_array().unwrap().len(), 2, "{entries:#}");
        assert_eq!(ids(&state).as_object().unwrap().len(), 2);
        azwi.emulator.faults(&json!([]));
        azwi.applied(&more);
        assert_eq!(ids(&azwi.state()).as_object().unwrap().len(), 3);
        azwi.destroy();
    });
}
