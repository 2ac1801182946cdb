//! annotate, label and patch.

use serde_json::{Value, json};

use crate::cluster::{Cluster, in_cluster};

fn metadata(cluster: &Cluster, part: &str) -> Value {
    cluster.has("serviceaccounts", "web").unwrap()["metadata"][part].clone()
}

#[test]
fn an_annotation_is_set_not_overwritten_unasked_and_removed() {
    in_cluster(|cluster| {
        // Whose owners were never tracked, because it was made with nothing that is owned, is not tracked later.
        let account =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web", "labels": {"a": "b"}}});
        cluster.fed(&account.to_string(), "create -f -");
        assert_eq!(cluster.ok("annotate sa web a=1 b=2"), "serviceaccount/web annotated\n");
        let refused = cluster.refused("annotate sa web a=3");
        assert_eq!(
            refused,
            "error: --overwrite is false but found the following declared annotation(s): 'a' already has a value (1)\n"
        );
        cluster.ok("annotate sa web a=3 --overwrite");
        cluster.ok("annotate sa web b-");
        assert_eq!(metadata(cluster, "annotations"), json!({"a": "3"}));
        assert_eq!(cluster.ok("annotate sa web --list"), "a=3\n");
        let version = metadata(cluster, "resourceVersion");
        let stale = cluster.refused("annotate sa web a=4 --overwrite --resource-version=1");
        assert!(stale.contains("the object has been modified"), "{stale}");
        assert_eq!(metadata(cluster, "resourceVersion"), version);
        assert!(metadata(cluster, "managedFields").to_string().contains("kubectl-annotate"));
    });
}

#[test]
fn a_label_is_set_not_overwritten_unasked_and_removed() {
    in_cluster(|cluster| {
        cluster.ok("create sa web");
        assert_eq!(cluster.ok("label sa web tier=front"), "serviceaccount/web labeled\n");
        assert_eq!(
            cluster.refused("label sa web tier=back"),
            "error: 'tier' already has a value (front), and --overwrite is false\n"
        );
        assert_eq!(cluster.ok("label sa web tier=front"), "serviceaccount/web not labeled\n");
        cluster.ok("label sa web tier=back --overwrite");
        assert_eq!(metadata(cluster, "labels"), json!({"tier": "back"}));
        assert_eq!(cluster.ok("label sa web tier-"), "serviceaccount/web unlabeled\n");
        assert_eq!(metadata(cluster, "labels"), Value::Null);
        assert!(cluster.refused("label sa web tier=a/b").contains("a valid label must be"));
    });
}

#[test]
fn the_three_patches_change_what_they_say() {
    in_cluster(|cluster| {
        cluster.ok("create sa web");
        let secrets = |cluster: &Cluster| cluster.has("serviceaccounts", "web").unwrap()["secrets"].clone();
        cluster.ok(r#"patch sa web -p '{"secrets":[{"name":"one"}]}'"#);
        cluster.ok(r#"patch sa web -p '{"secrets":[{"name":"two"}]}'"#);
        let names: Vec<Value> = secrets(cluster).as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
        assert_eq!(names.len(), 2, "a strategic patch merges a list by its key: {names:?}");
        cluster.ok(r#"patch sa web --type=merge -p '{"secrets":[{"name":"three"}]}'"#);
        assert_eq!(secrets(cluster), json!([{"name": "three"}]), "a merge patch replaces it");
        let json = r#"patch sa web --type=json -p '[{"op":"test","path":"/secrets/0/name","value":"three"},{"op":"remove","path":"/secrets"}]'"#;
        assert_eq!(cluster.ok(json), "serviceaccount/web patched\n");
        assert_eq!(secrets(cluster), Value::Null);
        assert!(cluster.refused(json).contains("the server rejected our request due to an error in our request"));
        assert_eq!(cluster.ok(r#"patch sa web --type=merge -p '{}'"#), "serviceaccount/web patched (no change)\n");
        assert!(cluster.refused(r#"patch sa nobody --type=merge -p '{}'"#).contains("(NotFound)"));
    });
}
