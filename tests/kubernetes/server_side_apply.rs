//! The behaviour of server-side apply that `ownership` is built around, held to the cluster under test. Where one of these fails,
//! the cluster is not what this provider was written for, and the reasons in `azwi::kubernetes::ownership` no longer hold.

use reqwest::Method;
use serde_json::{Value, json};

use crate::cluster::{Cluster, managers};

const APPLY: &str = "application/apply-patch+yaml";

async fn apply(cluster: &Cluster, query: &str, name: &str, body: Value) -> (u16, Value) {
    let mut full = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
    json_patch::merge(&mut full, &body);
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/{name}?{query}", cluster.namespace);
    cluster.request(Method::PATCH, &path, APPLY, full).await
}

#[tokio::test]
async fn an_apply_makes_what_is_missing_unless_it_carries_a_uid() {
    let cluster = Cluster::new().await;
    let unknown = json!({"metadata": {"uid": "00000000-0000-0000-0000-000000000000"}});
    let (status, answer) = apply(&cluster, "fieldManager=azwi", "web", unknown.clone()).await;
    assert_eq!(status, 409);
    assert!(answer["message"].as_str().unwrap().contains("uid mismatch"), "{answer}");
    assert_eq!(apply(&cluster, "fieldManager=azwi", "web", json!({"metadata": {"resourceVersion": "5"}})).await.0, 201);
    let (status, answer) = apply(&cluster, "fieldManager=azwi", "web", unknown).await;
    assert_eq!((status, answer["details"]["causes"][0]["field"].as_str()), (422, Some("metadata.uid")));
}

#[tokio::test]
async fn keys_written_by_post_survive_an_apply_without_them_and_conflict_with_one_that_changes_them() {
    let cluster = Cluster::new().await;
    cluster.post("azwi", "web", json!({"metadata": {"annotations": {"k": "v"}}})).await;
    let (_, after) = apply(&cluster, "fieldManager=azwi", "web", json!({})).await;
    assert_eq!(after["metadata"]["annotations"]["k"], "v");
    let (status, answer) =
        apply(&cluster, "fieldManager=azwi", "web", json!({"metadata": {"annotations": {"k": "w"}}})).await;
    assert_eq!(status, 409);
    assert_eq!(answer["details"]["causes"][0]["message"], "conflict with \"azwi\" using v1");
}

#[tokio::test]
async fn pull_secrets_have_one_owner_for_the_whole_list() {
    let cluster = Cluster::new().await;
    cluster.apply("azwi", "web", json!({"imagePullSecrets": [{"name": "a"}]})).await;
    let (status, answer) =
        apply(&cluster, "fieldManager=other", "web", json!({"imagePullSecrets": [{"name": "b"}]})).await;
    assert_eq!((status, answer["details"]["causes"][0]["field"].as_str()), (409, Some(".imagePullSecrets")));
}

#[tokio::test]
async fn an_unknown_field_is_a_500_without_a_reason() {
    let cluster = Cluster::new().await;
    let (status, answer) = apply(&cluster, "fieldManager=azwi", "web", json!({"colour": "blue"})).await;
    assert_eq!(status, 500);
    assert!(answer["message"].as_str().unwrap().starts_with("failed to create"), "{answer}");
    assert_eq!(answer.get("reason"), None);
}

#[tokio::test]
async fn ownership_moves_by_a_json_patch_that_is_refused_when_it_is_stale() {
    let cluster = Cluster::new().await;
    let posted = cluster.post("once", "web", json!({"metadata": {"annotations": {"a": "1", "b": "2"}}})).await;
    let fields = json!({"f:metadata": {"f:annotations": {"f:a": {}, "f:b": {}}}});
    let entry = json!({"manager": "azwi", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields});
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/web?fieldManager=azwi", cluster.namespace);
    let patch = json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": [entry]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": posted["metadata"]["resourceVersion"]},
    ]);
    let (status, moved) = cluster.request(Method::PATCH, &path, "application/json-patch+json", patch.clone()).await;
    assert_eq!((status, managers(&moved)), (200, vec!["azwi/Apply".to_owned()]));
    let (status, answer) = cluster.request(Method::PATCH, &path, "application/json-patch+json", patch).await;
    assert_eq!((status, answer["reason"].as_str()), (409, Some("Conflict")), "{answer}");
    let (_, after) =
        apply(&cluster, "fieldManager=azwi", "web", json!({"metadata": {"annotations": {"a": "1"}}})).await;
    assert_eq!(after["metadata"]["annotations"], json!({"a": "1"}), "what we own now, we can drop");
}
