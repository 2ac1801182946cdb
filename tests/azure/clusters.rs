//! Clusters of AKS and Arc: read, and their kubeconfigs asked for.

use std::sync::atomic::{AtomicUsize, Ordering};

use azwi::azure::clusters::CredentialKind;
use azwi::azure::{ClusterId, ErrorKind};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Method;
use serde_json::json;

use super::environment::serve;
use super::fixtures::{SUBSCRIPTION, azure, token, wait};
use super::server::Reply;

fn cluster(of: &str) -> ClusterId {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/shop/providers/{of}").parse().unwrap()
}

fn aks() -> ClusterId {
    cluster("Microsoft.ContainerService/managedClusters/prod")
}

fn arc() -> ClusterId {
    cluster("Microsoft.Kubernetes/connectedClusters/edge")
}

fn kubeconfig(text: &str) -> Reply {
    Reply::json(200, json!({"kubeconfigs": [{"name": "clusterUser", "value": BASE64_STANDARD.encode(text)}]}))
}

#[tokio::test]
async fn a_cluster_is_read_and_one_that_is_gone_is_none() {
    let server = serve(|asked| {
        token(asked).unwrap_or_else(|| match asked.path.rsplit('/').next() {
            Some("prod") => Reply::json(
                200,
                json!({"id": aks().key(), "name": "prod", "location": "eastus",
                    "properties": {"oidcIssuerProfile": {"enabled": true, "issuerURL": "https://issuer/"}}}),
            ),
            _ => Reply::error(404, "ResourceNotFound", "The Resource was not found."),
        })
    })
    .await;
    let azure = azure(&server);
    let found = azure.clusters().get(&aks(), &wait()).await.unwrap().unwrap();
    assert_eq!(found.issuer.as_deref(), Some("https://issuer/"));
    assert_eq!(azure.clusters().get(&arc(), &wait()).await.unwrap(), None);
    assert!(server.log().iter().any(|asked| asked.query("api-version").as_deref() == Some("2026-05-01")));
}

#[tokio::test]
async fn fifty_who_ask_about_one_cluster_at_once_take_one_request_and_a_missing_feature_is_asked_for_again() {
    let server = serve(|asked| {
        let webhook = asked.path.ends_with("prod");
        token(asked).unwrap_or_else(|| {
            Reply::json(
                200,
                json!({"id": "/x", "name": "x", "location": "eastus", "properties": {
                    "oidcIssuerProfile": {"enabled": true, "issuerURL": "https://issuer/"},
                    "securityProfile": {"workloadIdentity": {"enabled": webhook}}}}),
            )
        })
    })
    .await;
    let azure = azure(&server);
    let (id, wait) = (aks(), wait());
    let ask = async || azure.clusters().recent(&id, &wait).await.unwrap().unwrap().issuer;
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    assert_eq!((first.as_deref(), &first, &first), (Some("https://issuer/"), &second, &third));
    for _ in 3..50 {
        ask().await;
    }
    assert_eq!(server.count(Method::GET, "prod"), 1);
    azure.clusters().get(&id, &wait).await.unwrap();
    assert_eq!(server.count(Method::GET, "prod"), 2, "a data source asks the service");

    let off = cluster("Microsoft.ContainerService/managedClusters/off");
    for _ in 0..2 {
        azure.clusters().recent(&off, &wait).await.unwrap();
    }
    assert_eq!(server.count(Method::GET, "off"), 2, "it may have been switched on meanwhile");
}

#[tokio::test]
async fn each_kind_of_kubeconfig_is_asked_for_as_its_service_wants_it_even_when_an_answer_is_lost() {
    let lost = AtomicUsize::new(0);
    let server = serve(move |asked| {
        token(asked).unwrap_or_else(|| match asked.path.rsplit('/').next() {
            Some("listClusterUserCredential") if lost.fetch_add(1, Ordering::SeqCst) == 0 => Reply::Close,
            Some("listClusterUserCredential") => kubeconfig("user"),
            _ => kubeconfig("admin"),
        })
    })
    .await;
    let azure = azure(&server);
    let clusters = azure.clusters();
    let user = clusters.credential(&aks(), CredentialKind::User, &wait()).await.unwrap();
    assert_eq!((user.name.as_str(), user.kubeconfig.expose()), ("clusterUser", "user"));
    assert!(!format!("{user:?}").contains("\"user\""));
    let admin = clusters.credential(&aks(), CredentialKind::Admin, &wait()).await.unwrap();
    assert_eq!(admin.kubeconfig.expose(), "admin");
    clusters.credential(&arc(), CredentialKind::User, &wait()).await.unwrap();
    let log: Vec<_> = server.log().into_iter().filter(|asked| token(asked).is_none()).collect();
    assert!(log.iter().all(|asked| asked.method == Method::POST));
    assert_eq!(server.count(Method::POST, "managedClusters/prod/listClusterUserCredential"), 2, "lost, and again");
    assert_eq!(log[0].query("format").as_deref(), Some("exec"));
    assert_eq!(log.last().unwrap().json(), json!({"authenticationMethod": "AAD", "clientProxy": false}));
}

#[tokio::test]
async fn an_answer_without_a_kubeconfig_is_an_error_that_quotes_nothing() {
    let secret = "aHVudGVyMg";
    for body in [
        json!({"kubeconfigs": []}),
        json!({"kubeconfigs": null}),
        json!({"kubeconfigs": [{"name": "x", "value": "!aHVudGVyMg"}]}),
        json!({"kubeconfigs": "aHVudGVyMg"}),
    ] {
        let server = serve(move |asked| token(asked).unwrap_or_else(|| Reply::json(200, body.clone()))).await;
        let error = azure(&server).clusters().credential(&aks(), CredentialKind::User, &wait()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Decode);
        assert!(!error.to_string().contains(secret) && error.to_string().contains("kubeconfig"), "{error}");
    }
}
