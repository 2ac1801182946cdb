//! A write whose answer never comes: what it did is found out, and nothing is done twice or forgotten.

use std::collections::BTreeSet;

use azwi::kubernetes::ownership::Update;
use azwi::kubernetes::{Fields, Kind};
use serde_json::json;

use crate::between::{Between, Fate};
use crate::cluster::{Cluster, managers};
use crate::{annotations, wait};

/// A stand-in that loses the first request of a method, before or after its effect.
async fn losing(cluster: &Cluster, method: &'static str, after: bool) -> Between {
    Between::start(Some(cluster), move |request, before| {
        let lose = request.starts_with(method) && before == 0;
        async move {
            match (lose, after) {
                (false, _) => Fate::Pass,
                (true, false) => Fate::LoseRequest,
                (true, true) => Fate::LoseAnswer,
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_knows_its_object() {
    let cluster = Cluster::new().await;
    for (name, wanted) in [("web", annotations(&[("a", "1")])), ("bare", Fields::default())] {
        let stand_in = losing(&cluster, "POST", true).await;
        let client = stand_in.client(Some(&cluster));
        let made = client.create_service_account(&cluster.namespace, name, &wanted, "azwi", &wait()).await.unwrap();
        assert_eq!(stand_in.count("POST"), 1, "{:?}", stand_in.seen());
        let live = cluster.get(name).await.unwrap();
        assert_eq!(live["metadata"]["uid"], made.uid);
        assert!(managers(&live).iter().all(|manager| manager == "azwi/Apply"), "{live}");
    }
}

#[tokio::test]
async fn a_create_that_never_arrived_is_sent_again() {
    let cluster = Cluster::new().await;
    let stand_in = losing(&cluster, "POST", false).await;
    let client = stand_in.client(Some(&cluster));
    client
        .create_service_account(&cluster.namespace, "web", &annotations(&[("a", "1")]), "azwi", &wait())
        .await
        .unwrap();
    assert_eq!(stand_in.count("POST"), 2);
    assert!(cluster.get("web").await.is_some());
}

#[tokio::test]
async fn an_account_that_somebody_else_made_meanwhile_is_not_taken_for_ours() {
    let cluster = Cluster::new().await;
    let between = cluster.clone();
    let stand_in = Between::start(Some(&cluster), move |request, _| {
        let (posts, cluster) = (request.starts_with("POST"), between.clone());
        async move {
            if !posts {
                return Fate::Pass;
            }
            cluster.post("azwi", "web", json!({"metadata": {"annotations": {"a": "1"}}})).await;
            Fate::LoseRequest
        }
    })
    .await;
    let client = stand_in.client(Some(&cluster));
    let wanted = annotations(&[("a", "1")]);
    let failed = client.create_service_account(&cluster.namespace, "web", &wanted, "azwi", &wait()).await.unwrap_err();
    assert_eq!(failed.error.kind, Kind::AlreadyExists);
    assert!(failed.made.is_none());
    assert_eq!(managers(&cluster.get("web").await.unwrap()), ["azwi/Update"]);
}

#[tokio::test]
async fn a_create_that_cannot_be_finished_says_what_it_made() {
    let cluster = Cluster::new().await;
    let stand_in = Between::start(Some(&cluster), |request, _| {
        let patches = request.starts_with("PATCH");
        async move {
            let denied = r#"{"kind":"Status","message":"serviceaccounts \"web\" is forbidden: User \"u\" cannot patch resource \"serviceaccounts\"","reason":"Forbidden","code":403}"#;
            if patches { Fate::Answer(403, vec![], denied.to_owned()) } else { Fate::Pass }
        }
    })
    .await;
    let client = stand_in.client(Some(&cluster));
    let wanted = annotations(&[("a", "1")]);
    let failed = client.create_service_account(&cluster.namespace, "web", &wanted, "azwi", &wait()).await.unwrap_err();
    assert_eq!(failed.error.kind, Kind::Forbidden);
    assert_eq!(failed.made.unwrap().uid, cluster.get("web").await.unwrap()["metadata"]["uid"].as_str().unwrap());
}

#[tokio::test]
async fn an_update_whose_answer_is_lost_is_found_to_be_done() {
    let cluster = Cluster::new().await;
    let held = annotations(&[("a", "1"), ("b", "1")]);
    cluster.client().create_service_account(&cluster.namespace, "web", &held, "azwi", &wait()).await.unwrap();
    for after in [true, false] {
        let stand_in = losing(&cluster, "PATCH", after).await;
        let wanted = annotations(&[("a", if after { "2" } else { "3" })]);
        let held = if after { held.clone() } else { annotations(&[("a", "2")]) };
        let update = Update {
            uid: None,
            manager_before: "azwi",
            manager: "azwi",
            held: &held,
            wanted: &wanted,
            take_over: &BTreeSet::new(),
            force_conflicts: false,
        };
        let client = stand_in.client(Some(&cluster));
        client.update_service_account(&cluster.namespace, "web", update, &wait()).await.unwrap();
        let live = cluster.get("web").await.unwrap();
        assert_eq!(live["metadata"]["annotations"], serde_json::to_value(&wanted.annotations).unwrap());
    }
}

#[tokio::test]
async fn a_delete_whose_answer_is_lost_is_found_to_be_done() {
    let cluster = Cluster::new().await;
    let made = cluster
        .client()
        .create_service_account(&cluster.namespace, "web", &Fields::default(), "azwi", &wait())
        .await
        .unwrap();
    let stand_in = losing(&cluster, "DELETE", true).await;
    stand_in
        .client(Some(&cluster))
        .delete_service_account(&cluster.namespace, "web", &made.uid, &wait())
        .await
        .unwrap();
    assert_eq!(cluster.get("web").await, None);
}

#[tokio::test]
async fn what_took_the_place_of_our_object_before_it_was_finished_is_left_alone() {
    let cluster = Cluster::new().await;
    let between = cluster.clone();
    let stand_in = Between::start(Some(&cluster), move |request, before| {
        let (replace, cluster) = (request.starts_with("PATCH") && before == 0, between.clone());
        async move {
            if replace {
                cluster.delete("web").await;
                cluster.post("helm", "web", json!({"metadata": {"annotations": {"a": "theirs"}}})).await;
            }
            Fate::Pass
        }
    })
    .await;
    let client = stand_in.client(Some(&cluster));
    let wanted = annotations(&[("a", "1")]);
    let failed = client.create_service_account(&cluster.namespace, "web", &wanted, "azwi", &wait()).await.unwrap_err();
    assert_eq!((failed.error.kind, failed.made), (Kind::Replaced, None));
    let live = cluster.get("web").await.unwrap();
    assert_eq!(live["metadata"]["annotations"], json!({"a": "theirs"}));
    assert_eq!(managers(&live), ["helm/Update"]);
}
