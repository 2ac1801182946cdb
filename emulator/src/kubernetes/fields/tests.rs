//! Ownership beyond what was recorded: what two managers do to one list, one map and one scalar.

use serde_json::{Value, json};

use super::Write;
use crate::kubernetes::kinds::{Kind, ServiceAccount};

fn write(manager: &str) -> Write<'_> {
    Write {
        of: ServiceAccount.schema(),
        version: "v1".to_owned(),
        kind: "ServiceAccount",
        manager,
        subresource: "",
        reset: &[],
        now: "2026-01-01T00:00:00Z".to_owned(),
    }
}

fn account(mut fields: Value) -> Value {
    fields["kind"] = json!("ServiceAccount");
    fields["apiVersion"] = json!("v1");
    fields["metadata"]["name"] = json!("web");
    fields
}

/// What `manager` owns by this operation.
fn owned(object: &Value, manager: &str, operation: &str) -> Value {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let found = entries.into_iter().find(|entry| entry["manager"] == manager && entry["operation"] == operation);
    found.map_or(Value::Null, |entry| entry["fieldsV1"].clone())
}

fn apply(live: Option<&Value>, manager: &str, fields: Value) -> Value {
    write(manager).apply(live, &account(fields), false).unwrap()
}

fn conflict(live: &Value, manager: &str, fields: Value) -> String {
    let refused = write(manager).apply(Some(live), &account(fields), false).unwrap_err();
    refused.body()["message"].as_str().unwrap().to_owned()
}

#[test]
fn two_appliers_own_each_their_elements_of_a_keyed_list() {
    let live = apply(None, "one", json!({"secrets": [{"name": "a"}, {"name": "b"}]}));
    let live = apply(Some(&live), "two", json!({"secrets": [{"name": "c"}, {"name": "b"}]}));
    assert_eq!(live["secrets"], json!([{"name": "a"}, {"name": "c"}, {"name": "b"}]));
    let live = apply(Some(&live), "one", json!({}));
    assert_eq!(live["secrets"], json!([{"name": "c"}, {"name": "b"}]), "b is also the other's");
    assert_eq!(owned(&live, "one", "Apply"), Value::Null);
}

#[test]
fn an_element_with_one_owner_conflicts_as_a_whole() {
    let live = apply(None, "one", json!({"secrets": [{"name": "a"}]}));
    assert_eq!(
        conflict(&live, "two", json!({"secrets": [{"name": "a", "namespace": "x"}]})),
        "Apply failed with 1 conflict: conflict with \"one\": .secrets[name=\"a\"]"
    );
}

#[test]
fn a_finalizer_goes_with_its_last_applier() {
    let live = apply(None, "one", json!({"metadata": {"finalizers": ["x/a", "x/b"]}}));
    let live = apply(Some(&live), "two", json!({"metadata": {"finalizers": ["x/c", "x/a"]}}));
    assert_eq!(live["metadata"]["finalizers"], json!(["x/c", "x/a", "x/b"]));
    let live = apply(Some(&live), "one", json!({"metadata": {"finalizers": ["x/b"]}}));
    assert_eq!(live["metadata"]["finalizers"], json!(["x/c", "x/a", "x/b"]));
    let live = apply(Some(&live), "two", json!({}));
    assert_eq!(live["metadata"]["finalizers"], json!(["x/b"]));
}

#[test]
fn force_takes_a_scalar_and_its_old_owner_no_longer_can_drop_it() {
    let live = apply(None, "one", json!({"automountServiceAccountToken": true}));
    let applied = account(json!({"automountServiceAccountToken": false}));
    let live = write("two").apply(Some(&live), &applied, true).unwrap();
    assert_eq!(owned(&live, "one", "Apply"), Value::Null);
    let live = apply(Some(&live), "one", json!({}));
    assert_eq!(live["automountServiceAccountToken"], json!(false));
}

#[test]
fn an_update_takes_what_it_changes_and_leaves_the_rest() {
    let live = apply(None, "azwi", json!({"metadata": {"annotations": {"a": "1", "b": "2"}}}));
    let changed = account(json!({"metadata": {"annotations": {"a": "1", "b": "3", "c": "4"}}}));
    let mut new = changed.clone();
    new["metadata"]["managedFields"] = live["metadata"]["managedFields"].clone();
    let live = write("kubectl").update(Some(&live), &new);
    assert_eq!(owned(&live, "azwi", "Apply"), json!({"f:metadata": {"f:annotations": {"f:a": {}}}}));
    assert_eq!(owned(&live, "kubectl", "Update"), json!({"f:metadata": {"f:annotations": {"f:b": {}, "f:c": {}}}}));
}

#[test]
fn taking_an_update_entry_over_makes_its_keys_removable() {
    let made = write("Terraform").update(None, &account(json!({"metadata": {"annotations": {"k": "v", "l": "m"}}})));
    let mut moved = made.clone();
    moved["metadata"]["managedFields"] = json!([{
        "manager": "azwi", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:annotations": {"f:k": {}}}},
    }, {
        "manager": "Terraform", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, "f:l": {}}}},
    }]);
    let live = write("azwi").update(Some(&made), &moved);
    let live = apply(Some(&live), "azwi", json!({}));
    assert_eq!(live["metadata"]["annotations"], json!({"l": "m"}));
}

#[test]
fn more_than_ten_updaters_are_merged_into_one() {
    let mut live = write("m00").update(None, &account(json!({"metadata": {"annotations": {"k00": "v"}}})));
    for index in 1..13 {
        let mut new = live.clone();
        new["metadata"]["annotations"][format!("k{index:02}")] = json!("v");
        live = write(&format!("m{index:02}")).update(Some(&live), &new);
    }
    assert_eq!(live["metadata"]["managedFields"].as_array().unwrap().len(), 10);
    let merged = owned(&live, "ancient-changes", "Update");
    for key in ["f:k00", "f:k01", "f:k02", "f:k03"] {
        assert!(merged["f:metadata"]["f:annotations"].get(key).is_some(), "{key} in {merged}");
    }
}

#[test]
fn an_apply_that_is_not_of_the_type_says_where() {
    let say = |fields: Value| conflict(&account(json!({})), "a", fields);
    let prefix = "failed to create typed patch object (/web; /v1, Kind=ServiceAccount): ";
    assert_eq!(
        say(json!({"secrets": [{"name": "a"}, {"name": "a"}]})),
        format!("{prefix}.secrets: duplicate entries for key [name=\"a\"]")
    );
    assert_eq!(
        say(json!({"imagePullSecrets": {}})),
        format!("{prefix}.imagePullSecrets: expected list, got &{{map[]}}")
    );
    assert_eq!(
        say(json!({"metadata": {"labels": {"a": ["b"]}}})),
        format!(
            "{prefix}.metadata.labels.a: expected string, got &value.valueUnstructured{{Value:[]interface {{}}{{\"b\"}}}}"
        )
    );
}
