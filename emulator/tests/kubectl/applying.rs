//! apply, client-side and server-side, diff, create and replace.

use serde_json::{Value, json};

use crate::cluster::{Cluster, in_cluster};

fn account(cluster: &Cluster, annotations: &Value) -> String {
    let metadata = json!({"name": "web", "namespace": cluster.namespace, "annotations": annotations});
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}).to_string()
}

fn annotations(cluster: &Cluster) -> Value {
    let mut annotations = cluster.has("serviceaccounts", "web").unwrap()["metadata"]["annotations"].clone();
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    annotations
}

/// The managers of the account, with what they did.
fn managers(cluster: &Cluster) -> Vec<String> {
    let account = cluster.has("serviceaccounts", "web").unwrap();
    let entries = account["metadata"]["managedFields"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    entries.iter().map(|entry| format!("{} {}", text(&entry["manager"]), text(&entry["operation"]))).collect()
}

#[test]
fn an_apply_creates_leaves_alone_changes_and_removes_what_it_no_longer_has() {
    in_cluster(|cluster| {
        let both = account(cluster, &json!({"a": "1", "b": "2"}));
        assert_eq!(cluster.fed(&both, "apply -f -"), "serviceaccount/web created\n");
        assert_eq!(cluster.fed(&both, "apply -f -"), "serviceaccount/web unchanged\n");
        cluster.ok("annotate sa web other=kept");
        let one = account(cluster, &json!({"a": "9"}));
        assert_eq!(cluster.fed(&one, "apply -f -"), "serviceaccount/web configured\n");
        assert_eq!(annotations(cluster), json!({"a": "9", "other": "kept"}), "b was applied last time and is not now");
        assert!(cluster.ok("apply view-last-applied sa web").contains("a: \"9\""));
    });
}

#[test]
fn a_server_side_apply_conflicts_names_the_manager_and_can_be_forced() {
    in_cluster(|cluster| {
        let first = account(cluster, &json!({"a": "1"}));
        assert_eq!(
            cluster.fed(&first, "apply --server-side --field-manager=one -f -"),
            "serviceaccount/web serverside-applied\n"
        );
        let second = account(cluster, &json!({"a": "2"}));
        let run = cluster.run(&second, "apply --server-side --field-manager=two -f -");
        assert_eq!(run.code, 1);
        let wanted = "error: Apply failed with 1 conflict: conflict with \"one\": .metadata.annotations.a\n";
        assert!(run.err.starts_with(wanted) && run.err.contains("--force-conflicts"), "{}", run.err);
        assert_eq!(annotations(cluster), json!({"a": "1"}));
        cluster.fed(&second, "apply --server-side --field-manager=two --force-conflicts -f -");
        assert_eq!(annotations(cluster), json!({"a": "2"}));
        assert_eq!(managers(cluster), ["two Apply"], "one owns nothing any more");
        let none = account(cluster, &json!({}));
        cluster.fed(&none, "apply --server-side --field-manager=two -f -");
        assert_eq!(annotations(cluster), Value::Null);
    });
}

#[test]
fn an_applied_object_passes_from_the_client_to_the_server() {
    in_cluster(|cluster| {
        cluster.fed(&account(cluster, &json!({"a": "1"})), "apply -f -");
        assert_eq!(managers(cluster), ["kubectl-client-side-apply Update"]);
        cluster.fed(&account(cluster, &json!({"a": "1"})), "apply --server-side -f -");
        // kubectl moves its own fields over, and keeps the annotation under a manager of its own.
        assert_eq!(managers(cluster), ["kubectl Apply", "kubectl-last-applied Apply"]);
        cluster.fed(&account(cluster, &json!({"a": "2"})), "apply --server-side -f -");
        assert_eq!(annotations(cluster), json!({"a": "2"}));
    });
}

#[test]
fn a_dry_run_and_a_diff_change_nothing() {
    in_cluster(|cluster| {
        let (old, new) = (account(cluster, &json!({"a": "1"})), account(cluster, &json!({"a": "2"})));
        let said = cluster.fed(&old, "apply --dry-run=server -f -");
        assert_eq!(said, "serviceaccount/web created (server dry run)\n");
        assert!(cluster.has("serviceaccounts", "web").is_none());
        cluster.fed(&old, "apply -f -");
        assert_eq!(cluster.run(&old, "diff -f -").code, 0);
        for how in ["", "--server-side --force-conflicts"] {
            let run = cluster.run(&new, &format!("diff {how} -f -"));
            assert_eq!(run.code, 1, "{}{}", run.out, run.err);
            assert!(run.out.contains("-    a: \"1\"") && run.out.contains("+    a: \"2\""), "{}", run.out);
        }
        assert_eq!(annotations(cluster), json!({"a": "1"}));
    });
}

#[test]
fn create_refuses_what_is_there_and_replace_what_is_not_or_has_changed() {
    in_cluster(|cluster| {
        let one = account(cluster, &json!({"a": "1"}));
        let run = cluster.run(&one, "replace -f -");
        assert!(run.err.contains("Error from server (NotFound)") && run.code == 1, "{}", run.err);
        assert_eq!(cluster.fed(&one, "create -f -"), "serviceaccount/web created\n");
        let run = cluster.run(&one, "create -f -");
        assert!(run.err.contains("(AlreadyExists)") && run.err.contains("serviceaccounts \"web\" already exists"));
        let read = cluster.ok("get sa web -o json");
        cluster.ok("annotate sa web a=5 --overwrite");
        let run = cluster.run(&read, "replace -f -");
        assert!(
            run.err.contains("the object has been modified; please apply your changes to the latest version"),
            "{}",
            run.err
        );
        let uid = |cluster: &Cluster| cluster.has("serviceaccounts", "web").unwrap()["metadata"]["uid"].clone();
        let before = uid(cluster);
        cluster.fed(&account(cluster, &json!({})), "replace -f -");
        assert_eq!(annotations(cluster), Value::Null);
        assert_eq!(uid(cluster), before);
        cluster.fed(&one, "replace --force -f -");
        assert_ne!(uid(cluster), before, "deleted and created anew");
    });
}

#[test]
fn what_has_an_unknown_field_or_a_bad_name_is_refused() {
    in_cluster(|cluster| {
        let odd = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "odd"}, "secretz": []});
        let run = cluster.run(&odd.to_string(), "apply -f -");
        assert!(run.code == 1 && run.err.contains("strict decoding error: unknown field \"secretz\""), "{}", run.err);
        assert!(
            cluster
                .refused("create serviceaccount Bad_Name")
                .contains("a lowercase RFC 1123 subdomain must consist of")
        );
        let unknown = json!({"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "x"}});
        let run = cluster.run(&unknown.to_string(), "apply -f -");
        assert!(run.err.contains("no matches for kind \"Thing\" in version \"example.org/v1\""), "{}", run.err);
    });
}
