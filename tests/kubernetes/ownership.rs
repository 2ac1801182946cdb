//! What a service account looks like after we and others have written to it.

use std::collections::BTreeSet;
use std::time::Duration;

use azwi::kubernetes::ownership::{Join, Update};
use azwi::kubernetes::{Fields, Key, Kind};
use azwi::wait::Wait;
use serde_json::json;

use crate::between::{Between, Fate};
use crate::cluster::{Cluster, managers};
use crate::{annotations, labels, map, wait};

const CLIENT_ID: &str = "azure.workload.identity/client-id";

/// Nothing to take over.
static NONE: BTreeSet<Key> = BTreeSet::new();

fn everything() -> Fields {
    Fields {
        annotations: map(&[(CLIENT_ID, "c")]),
        labels: map(&[("team", "a")]),
        automount: Some(false),
        image_pull_secrets: Some(["registry".to_owned()].into()),
    }
}

fn update<'a>(held: &'a Fields, wanted: &'a Fields, take_over: &'a BTreeSet<Key>) -> Update<'a> {
    Update { uid: None, manager_before: "azwi", manager: "azwi", held, wanted, take_over, force_conflicts: false }
}

fn join<'a>(wanted: &'a Fields) -> Join<'a> {
    Join { manager: "azwi", wanted, force: false, shared_manager: false, take_over: false }
}

fn annotation(name: &str) -> Key {
    Key::Annotation(name.to_owned())
}

#[tokio::test]
async fn a_new_account_is_whole_from_the_first_moment_and_belongs_to_our_apply() {
    let cluster = Cluster::new().await;
    let made = cluster
        .client()
        .create_service_account(&cluster.namespace, "web", &everything(), "azwi", &wait())
        .await
        .unwrap();
    assert_eq!(made.fields, everything());
    let live = cluster.get("web").await.unwrap();
    assert_eq!(live["metadata"]["uid"], made.uid);
    assert_eq!(managers(&live), ["azwi/Apply"]);
}

#[tokio::test]
async fn a_key_of_the_creation_can_be_dropped_later() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    client.create_service_account(&cluster.namespace, "web", &everything(), "azwi", &wait()).await.unwrap();
    let wanted = labels(&[("team", "a")]);
    let held = everything();
    let update = update(&held, &wanted, &NONE);
    client.update_service_account(&cluster.namespace, "web", update, &wait()).await.unwrap();
    let live = cluster.get("web").await.unwrap();
    assert_eq!(live["metadata"]["labels"], json!({"team": "a"}));
    for gone in ["imagePullSecrets", "automountServiceAccountToken"] {
        assert!(live.get(gone).is_none(), "{gone} in {live}");
    }
    assert!(live["metadata"].get("annotations").is_none(), "{live}");
}

#[tokio::test]
async fn an_account_that_exists_is_left_as_it_is() {
    let cluster = Cluster::new().await;
    let before = cluster.post("helm", "web", json!({"metadata": {"annotations": {"k": "theirs"}}})).await;
    let failed = cluster
        .client()
        .create_service_account(&cluster.namespace, "web", &annotations(&[("k", "ours")]), "azwi", &wait())
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind, Kind::AlreadyExists);
    assert!(failed.made.is_none());
    assert_eq!(cluster.get("web").await.unwrap(), before);
}

#[tokio::test]
async fn a_race_for_a_name_is_decided_by_the_server() {
    let cluster = Cluster::new().await;
    let (wanted, client) = (everything(), cluster.client());
    let wait = wait();
    let creates = (0..8).map(|_| client.create_service_account(&cluster.namespace, "web", &wanted, "azwi", &wait));
    let results = futures::future::join_all(creates).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for failed in results.into_iter().filter_map(Result::err) {
        assert_eq!(failed.error.kind, Kind::AlreadyExists, "{}", failed.error);
    }
}

#[tokio::test]
async fn what_others_put_on_an_account_survives_our_update() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let held = annotations(&[("a", "1"), ("b", "1")]);
    client.create_service_account(&cluster.namespace, "web", &held, "azwi", &wait()).await.unwrap();
    cluster.merge("kubectl-annotate", "web", json!({"metadata": {"annotations": {"theirs": "x"}}})).await;
    let wanted = annotations(&[("a", "2")]);
    client.update_service_account(&cluster.namespace, "web", update(&held, &wanted, &NONE), &wait()).await.unwrap();
    assert_eq!(cluster.get("web").await.unwrap()["metadata"]["annotations"], json!({"a": "2", "theirs": "x"}));
}

#[tokio::test]
async fn a_key_that_changed_after_the_plan_is_an_error_that_says_who_and_what() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let held = annotations(&[("a", "1")]);
    client.create_service_account(&cluster.namespace, "web", &held, "azwi", &wait()).await.unwrap();
    cluster.merge("kubectl-annotate", "web", json!({"metadata": {"annotations": {"a": "3"}}})).await;
    let wanted = annotations(&[("a", "2")]);
    let error = client
        .update_service_account(&cluster.namespace, "web", update(&held, &wanted, &NONE), &wait())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::ChangedAfterPlan);
    for part in ["annotation \"a\"", "\"1\"", "\"3\"", "kubectl-annotate"] {
        assert!(error.message.contains(part), "{part} in {}", error.message);
    }
    assert_eq!(cluster.get("web").await.unwrap()["metadata"]["annotations"]["a"], "3");
}

#[tokio::test]
async fn a_key_that_already_has_the_wanted_value_is_no_change_after_the_plan() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let held = annotations(&[("a", "1")]);
    client.create_service_account(&cluster.namespace, "web", &held, "azwi", &wait()).await.unwrap();
    cluster.merge("kubectl-annotate", "web", json!({"metadata": {"annotations": {"a": "2"}}})).await;
    let wanted = annotations(&[("a", "2")]);
    client.update_service_account(&cluster.namespace, "web", update(&held, &wanted, &NONE), &wait()).await.unwrap();
}

#[tokio::test]
async fn a_new_key_that_somebody_else_set_differently_needs_consent() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let held = annotations(&[("a", "1")]);
    client.create_service_account(&cluster.namespace, "web", &held, "azwi", &wait()).await.unwrap();
    cluster.merge("kubectl-annotate", "web", json!({"metadata": {"annotations": {"b": "theirs"}}})).await;
    let wanted = annotations(&[("a", "1"), ("b", "ours")]);
    let change = update(&held, &wanted, &NONE);
    let error = client.update_service_account(&cluster.namespace, "web", change, &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    assert_eq!(
        (error.causes[0].manager.as_str(), &error.causes[0].key),
        ("\"kubectl-annotate\" using v1", &annotation("b"))
    );
    let consent = Update { force_conflicts: true, ..change };
    client.update_service_account(&cluster.namespace, "web", consent, &wait()).await.unwrap();
    assert_eq!(cluster.get("web").await.unwrap()["metadata"]["annotations"]["b"], "ours");
}

#[tokio::test]
async fn keys_under_our_manager_that_nobody_remembers_are_an_error() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let held = annotations(&[("a", "1")]);
    client.create_service_account(&cluster.namespace, "web", &held, "azwi", &wait()).await.unwrap();
    // Another resource, in another state, with the same field manager.
    cluster.apply("azwi", "web", json!({"metadata": {"annotations": {"a": "1", "other": "x"}}})).await;
    let wanted = annotations(&[("a", "2")]);
    let change = update(&held, &wanted, &NONE);
    let error = client.update_service_account(&cluster.namespace, "web", change, &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::ManagerInUse);
    assert!(error.message.contains("\"azwi\"") && error.message.contains("annotation \"other\""), "{}", error.message);
    let error = client.release_service_account(&cluster.namespace, "web", "azwi", &held, &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::ManagerInUse);
    assert_eq!(cluster.get("web").await.unwrap()["metadata"]["annotations"], json!({"a": "1", "other": "x"}));
}

#[tokio::test]
async fn what_a_run_applied_before_it_crashed_is_no_obstacle() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let held = annotations(&[("a", "1")]);
    client.create_service_account(&cluster.namespace, "web", &held, "azwi", &wait()).await.unwrap();
    cluster.apply("azwi", "web", json!({"metadata": {"annotations": {"a": "1", "new": "x"}}})).await;
    let wanted = annotations(&[("a", "1"), ("new", "x")]);
    client.update_service_account(&cluster.namespace, "web", update(&held, &wanted, &NONE), &wait()).await.unwrap();
}

#[tokio::test]
async fn joining_does_not_force_and_a_conflict_names_manager_and_key() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    cluster.post("helm", "web", json!({"metadata": {"annotations": {CLIENT_ID: "theirs"}}})).await;
    cluster.apply("argocd", "web", json!({"metadata": {"labels": {"team": "theirs"}}})).await;
    let live = client.service_account(&cluster.namespace, "web", &wait()).await.unwrap().unwrap();
    let wanted = Fields { labels: map(&[("team", "a")]), ..annotations(&[(CLIENT_ID, "ours")]) };
    let error = client.join_service_account(live.clone(), join(&wanted), &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    let mut causes: Vec<_> = error.causes.iter().map(|cause| (cause.manager.clone(), cause.key.clone())).collect();
    causes.sort();
    assert_eq!(
        causes,
        [
            ("\"argocd\"".to_owned(), Key::Label("team".to_owned())),
            ("\"helm\" using v1".to_owned(), annotation(CLIENT_ID)),
        ]
    );
    let forced = Join { force: true, ..join(&wanted) };
    let joined = client.join_service_account(live, forced, &wait()).await.unwrap();
    assert_eq!(joined.fields.annotations[CLIENT_ID], "ours");
}

#[tokio::test]
async fn a_key_of_the_same_value_is_shared_and_stays_when_we_leave() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    cluster.post("helm", "web", json!({"metadata": {"annotations": {"shared": "x", "theirs": "y"}}})).await;
    let live = client.service_account(&cluster.namespace, "web", &wait()).await.unwrap().unwrap();
    let wanted = annotations(&[("shared", "x"), ("ours", "z")]);
    client.join_service_account(live, join(&wanted), &wait()).await.unwrap();
    client.release_service_account(&cluster.namespace, "web", "azwi", &wanted, &wait()).await.unwrap();
    let live = cluster.get("web").await.unwrap();
    assert_eq!(live["metadata"]["annotations"], json!({"shared": "x", "theirs": "y"}));
    assert_eq!(managers(&live), ["helm/Update"]);
    client.release_service_account(&cluster.namespace, "web", "azwi", &wanted, &wait()).await.unwrap();
}

#[tokio::test]
async fn joining_an_account_on_which_our_manager_is_in_use_needs_consent() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    cluster.post("helm", "web", json!({})).await;
    cluster.apply("azwi", "web", json!({"metadata": {"annotations": {"a": "1"}}})).await;
    let live = client.service_account(&cluster.namespace, "web", &wait()).await.unwrap().unwrap();
    let wanted = annotations(&[("b", "2")]);
    let error = client.join_service_account(live.clone(), join(&wanted), &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::ManagerInUse);
    let adopting = Join { shared_manager: true, ..join(&wanted) };
    client.join_service_account(live, adopting, &wait()).await.unwrap();
    assert_eq!(cluster.get("web").await.unwrap()["metadata"]["annotations"], json!({"b": "2"}));
}

#[tokio::test]
async fn keys_of_another_managers_update_can_be_removed_once_taken_over() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    cluster
        .post(
            "Terraform",
            "web",
            json!({"metadata": {"labels": {"team": "a", "keep": "x"}, "annotations": {"theirs": "y"}}}),
        )
        .await;
    // As after an import, or a move from the kubernetes provider.
    let held = labels(&[("team", "a"), ("keep", "x")]);
    let wanted = labels(&[("keep", "x")]);
    client
        .update_service_account(&cluster.namespace, "web", update(&held, &wanted, &held.keys()), &wait())
        .await
        .unwrap();
    let live = cluster.get("web").await.unwrap();
    assert_eq!(live["metadata"]["labels"], json!({"keep": "x"}));
    assert_eq!(live["metadata"]["annotations"], json!({"theirs": "y"}), "not in our state, not ours");
    assert_eq!(managers(&live), ["Terraform/Update", "azwi/Apply"]);
}

#[tokio::test]
async fn adopting_takes_keys_over_at_once() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    cluster
        .post("kubectl-create", "web", json!({"metadata": {"labels": {"team": "theirs"}, "annotations": {"k": "v"}}}))
        .await;
    let live = client.service_account(&cluster.namespace, "web", &wait()).await.unwrap().unwrap();
    let wanted = Fields { labels: map(&[("team", "ours")]), ..annotations(&[("k", "v")]) };
    let adopt = Join { force: true, shared_manager: true, take_over: true, ..join(&wanted) };
    client.join_service_account(live, adopt, &wait()).await.unwrap();
    let live = cluster.get("web").await.unwrap();
    assert_eq!(live["metadata"]["labels"], json!({"team": "ours"}));
    assert_eq!(managers(&live), ["azwi/Apply"], "nothing of the old owner is left");
}

#[tokio::test]
async fn a_new_field_manager_inherits_the_keys() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let held = annotations(&[("a", "1"), ("b", "1")]);
    client.create_service_account(&cluster.namespace, "web", &held, "azwi", &wait()).await.unwrap();
    let wanted = annotations(&[("a", "1")]);
    let change = Update { manager: "team-a", ..update(&held, &wanted, &NONE) };
    client.update_service_account(&cluster.namespace, "web", change, &wait()).await.unwrap();
    let live = cluster.get("web").await.unwrap();
    assert_eq!(live["metadata"]["annotations"], json!({"a": "1"}));
    assert_eq!(managers(&live), ["team-a/Apply"]);
}

#[tokio::test]
async fn an_update_never_makes_what_is_gone_nor_touches_a_successor() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let held = annotations(&[("a", "1")]);
    let made = client.create_service_account(&cluster.namespace, "web", &held, "azwi", &wait()).await.unwrap();
    cluster.delete("web").await;
    let wanted = annotations(&[("a", "2")]);
    let change = Update { uid: Some(&made.uid), ..update(&held, &wanted, &NONE) };
    let error = client.update_service_account(&cluster.namespace, "web", change, &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert_eq!(cluster.get("web").await, None);
    let successor = cluster.post("helm", "web", json!({})).await;
    let error = client.update_service_account(&cluster.namespace, "web", change, &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Replaced);
    client.delete_service_account(&cluster.namespace, "web", &made.uid, &wait()).await.unwrap();
    assert_eq!(cluster.get("web").await.unwrap(), successor);
}

#[tokio::test]
async fn an_account_that_goes_between_read_and_apply_is_not_made_anew() {
    let cluster = Cluster::new().await;
    let held = annotations(&[("a", "1")]);
    cluster.client().create_service_account(&cluster.namespace, "web", &held, "azwi", &wait()).await.unwrap();
    let between = cluster.clone();
    let stand_in = Between::start(Some(&cluster), move |request, before| {
        let (deletes, cluster) = (request.starts_with("PATCH") && before == 0, between.clone());
        async move {
            if deletes {
                cluster.delete("web").await;
            }
            Fate::Pass
        }
    })
    .await;
    let wanted = annotations(&[("a", "2")]);
    let error = stand_in
        .client(Some(&cluster))
        .update_service_account(&cluster.namespace, "web", update(&held, &wanted, &NONE), &wait())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert_eq!(cluster.get("web").await, None);
}

#[tokio::test]
async fn somebody_who_is_faster_is_looked_at_again() {
    let cluster = Cluster::new().await;
    let held = annotations(&[("a", "1")]);
    cluster.client().create_service_account(&cluster.namespace, "web", &held, "azwi", &wait()).await.unwrap();
    let between = cluster.clone();
    let stand_in = Between::start(Some(&cluster), move |request, before| {
        let (writes, cluster) = (request.starts_with("PATCH") && before < 2, between.clone());
        let round = before.to_string();
        async move {
            if writes {
                cluster.merge("controller", "web", json!({"metadata": {"annotations": {"round": round}}})).await;
            }
            Fate::Pass
        }
    })
    .await;
    let wanted = annotations(&[("a", "2")]);
    let change = update(&held, &wanted, &NONE);
    stand_in.client(Some(&cluster)).update_service_account(&cluster.namespace, "web", change, &wait()).await.unwrap();
    assert_eq!(stand_in.count("PATCH"), 3);
    assert_eq!(cluster.get("web").await.unwrap()["metadata"]["annotations"], json!({"a": "2", "round": "1"}));
}

#[tokio::test]
async fn deleting_waits_for_finalizers_and_names_them() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let held = cluster.post("helm", "web", json!({"metadata": {"finalizers": ["example.org/hold"]}})).await;
    let uid = held["metadata"]["uid"].as_str().unwrap();
    let short = Wait::at_most(Duration::from_millis(600));
    let error = client.delete_service_account(&cluster.namespace, "web", uid, &short).await.unwrap_err();
    assert_eq!(error.kind, Kind::TimedOut);
    assert!(error.message.contains("example.org/hold"), "{}", error.message);
    // A create waits for it, too, and goes on as soon as it is gone.
    let (wanted, patience) = (annotations(&[("a", "1")]), wait());
    let (made, ()) =
        tokio::join!(client.create_service_account(&cluster.namespace, "web", &wanted, "azwi", &patience), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            cluster.merge("helm", "web", json!({"metadata": {"finalizers": null}})).await;
        });
    assert_ne!(made.unwrap().uid, uid);
    client.delete_service_account(&cluster.namespace, "web", uid, &wait()).await.unwrap();
    assert!(cluster.get("web").await.is_some(), "the successor has another uid");
}

#[tokio::test]
async fn deleting_what_is_gone_succeeds() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let made =
        client.create_service_account(&cluster.namespace, "web", &Fields::default(), "azwi", &wait()).await.unwrap();
    for _ in 0..2 {
        client.delete_service_account(&cluster.namespace, "web", &made.uid, &wait()).await.unwrap();
        assert_eq!(cluster.get("web").await, None);
    }
    client.release_service_account(&cluster.namespace, "web", "azwi", &Fields::default(), &wait()).await.unwrap();
}

#[tokio::test]
async fn a_namespace_that_does_not_exist_is_named() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let failed = client.create_service_account("nope", "web", &Fields::default(), "azwi", &wait()).await.unwrap_err();
    assert_eq!(failed.error.kind, Kind::NamespaceNotFound);
    assert!(failed.error.hint.contains("\"nope\""), "{}", failed.error);
    assert_eq!(client.namespace_exists("nope", &wait()).await, Some(false));
    assert_eq!(client.namespace_exists(&cluster.namespace, &wait()).await, Some(true));
}
