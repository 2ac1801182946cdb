//! Managed identities: written by a version that knows isolation scopes, and never half lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use azwi::azure::identities::{IdentityPatch, IdentitySpec};
use azwi::azure::{ErrorKind, Scope};
use http::Method;
use serde_json::json;

use super::environment::serve;
use super::fixtures::{SUBSCRIPTION, azure, identity, identity_json, token, wait};
use super::server::Reply;

fn spec() -> IdentitySpec {
    IdentitySpec { location: "East US".to_owned(), ..IdentitySpec::default() }
}

#[tokio::test]
async fn an_identity_is_created_patched_listed_and_deleted() {
    let server = serve(|asked| match asked.method {
        Method::PUT => Reply::json(201, identity_json("shop")),
        Method::DELETE => Reply::text(204, ""),
        Method::GET if asked.path.ends_with("userAssignedIdentities") => {
            Reply::json(200, json!({"value": [identity_json("shop")]}))
        }
        _ => token(asked).unwrap_or_else(|| Reply::json(200, identity_json("shop"))),
    })
    .await;
    let azure = azure(&server);
    let (identities, id) = (azure.identities(), identity("shop"));
    let regional = IdentitySpec { isolation_scope: Some("Regional".to_owned()), ..spec() };
    identities.put(&id, &regional, &wait()).await.unwrap();
    let tags = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
    identities.patch(&id, &IdentityPatch { tags: Some(tags), ..IdentityPatch::default() }, &wait()).await.unwrap();
    let scope: Scope = format!("/subscriptions/{SUBSCRIPTION}").parse().unwrap();
    assert_eq!(identities.list(&scope, &wait()).await.unwrap().len(), 1);
    identities.delete(&id, &wait()).await.unwrap();
    let log: Vec<_> = server.log().into_iter().filter(|asked| token(asked).is_none()).collect();
    assert_eq!(log[0].json(), json!({"location": "East US", "tags": {}, "properties": {"isolationScope": "Regional"}}));
    assert_eq!(log[1].json(), json!({"tags": {"team": "shop"}}));
    assert!(log.iter().all(|asked| asked.query("api-version").as_deref() == Some("2024-11-30")));
}

#[tokio::test]
async fn a_service_that_drops_every_write_is_not_asked_for_ever() {
    let server = serve(|asked| match asked.method {
        Method::PUT => Reply::Close,
        Method::GET => Reply::error(404, "ResourceNotFound", "not found"),
        _ => token(asked).unwrap(),
    })
    .await;
    let error = azure(&server).identities().put(&identity("shop"), &spec(), &wait()).await.unwrap_err();
    assert!(error.kind == ErrorKind::Network && error.ambiguous, "{error}");
    assert_eq!(server.count(Method::PUT, "/shop"), 8);
}

#[tokio::test]
async fn gone_is_an_answer_but_a_page_of_a_proxy_is_not() {
    let server = serve(|asked| match asked.path.rsplit('/').next() {
        Some("gone") => Reply::error(404, "ResourceNotFound", "The Resource was not found."),
        Some("proxy") => Reply::text(404, "<html>"),
        _ => token(asked).unwrap(),
    })
    .await;
    let azure = azure(&server);
    assert_eq!(azure.identities().get(&identity("gone"), &wait()).await.unwrap(), None);
    azure.identities().delete(&identity("gone"), &wait()).await.unwrap();
    assert_eq!(azure.identities().get(&identity("proxy"), &wait()).await.unwrap_err().kind, ErrorKind::Decode);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_resolved_by_reading_back() {
    for arrives in [true, false] {
        let writes = AtomicUsize::new(0);
        let server = serve(move |asked| match asked.method {
            Method::PUT if writes.fetch_add(1, Ordering::SeqCst) == 0 => Reply::Close,
            Method::PUT => Reply::json(201, identity_json("shop")),
            Method::GET if arrives => Reply::json(200, identity_json("shop")),
            Method::GET => Reply::error(404, "ResourceNotFound", "not found"),
            _ => token(asked).unwrap(),
        })
        .await;
        azure(&server).identities().put(&identity("shop"), &spec(), &wait()).await.unwrap();
        assert_eq!(server.count(Method::PUT, "/shop"), if arrives { 1 } else { 2 });
        assert_eq!(server.count(Method::GET, "/shop"), 1);
    }
}
