//! Refreshing many objects of one place takes few requests, and never believes a list about what is gone.

use azwi::azure::credentials::Trust;
use azwi::azure::{RoleAssignmentId, Scope};
use http::Method;
use serde_json::json;

use super::environment::serve;
use super::fixtures::{PRINCIPAL, ROLE, SUBSCRIPTION, azure, credential, credential_json, token, wait};
use super::server::{Asked, Reply};

/// Twenty credentials, of which the list forgets one, and one of which is gone.
fn twenty(asked: &Asked) -> Reply {
    let one = |name: &str| credential_json(name, "https://i", name);
    let last = asked.path.rsplit('/').next().unwrap();
    match asked.method {
        Method::PUT => Reply::json(200, one(last)),
        Method::GET if last == "federatedIdentityCredentials" => {
            Reply::json(200, json!({"value": (0..20).map(|n| one(&format!("NAME-{n}"))).collect::<Vec<_>>()}))
        }
        Method::GET if last == "gone" => Reply::error(404, "NotFound", "not found"),
        _ => token(asked).unwrap_or_else(|| Reply::json(200, one(last))),
    }
}

#[tokio::test]
async fn reading_all_credentials_of_an_identity_takes_one_list() {
    let server = serve(twenty).await;
    let azure = azure(&server);
    let credentials = azure.credentials();
    for n in 0..20 {
        let id = credential("shop", &format!("name-{n}"));
        let found = credentials.read(&id, &wait()).await.unwrap().unwrap();
        assert_eq!(found.name.to_lowercase(), format!("name-{n}"));
    }
    assert_eq!((server.count(Method::GET, "s"), server.count(Method::GET, "/name-0")), (1, 1));
    assert_eq!(server.log().len(), 3, "a token, one credential, one list");

    assert!(credentials.read(&credential("shop", "new"), &wait()).await.unwrap().is_some(), "the list lacks it");
    assert!(credentials.read(&credential("shop", "gone"), &wait()).await.unwrap().is_none());
    assert_eq!((server.count(Method::GET, "/new"), server.count(Method::GET, "/gone")), (1, 1));

    credentials.get(&credential("shop", "name-1"), &wait()).await.unwrap();
    assert_eq!(server.count(Method::GET, "/name-1"), 1, "who is about to write asks the service");
}

#[tokio::test]
async fn a_write_of_ours_ends_the_view() {
    let server = serve(twenty).await;
    let azure = azure(&server);
    let credentials = azure.credentials();
    for _ in 0..3 {
        credentials.read(&credential("shop", "name-1"), &wait()).await.unwrap();
    }
    assert_eq!((server.count(Method::GET, "/name-1"), server.count(Method::GET, "s")), (1, 1));
    let trust = Trust { issuer: "https://i".into(), subject: "s".into(), audience: "a".into() };
    credentials.put(&credential("shop", "name-2"), &trust, &wait()).await.unwrap();
    credentials.read(&credential("shop", "name-1"), &wait()).await.unwrap();
    assert_eq!((server.count(Method::GET, "/name-1"), server.count(Method::GET, "s")), (2, 1));
}

#[tokio::test]
async fn reading_all_assignments_at_a_scope_takes_one_list_of_that_scope_s_own() {
    let scope = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/shop");
    let name = |n: usize| format!("66666666-7777-8888-9999-00000000000{n}");
    let at = scope.clone();
    let server = serve(move |asked| {
        let one = |n: usize, scope: &str| {
            json!({"id": "/x", "name": name(n), "properties": {"scope": scope, "roleDefinitionId": ROLE, "principalId": PRINCIPAL}})
        };
        if asked.is(Method::GET, "/roleAssignments") {
            assert_eq!(asked.query("$filter").as_deref(), Some("atScope()"));
            // The sixth is inherited: it is in the list, but not at this scope.
            let mut all: Vec<_> = (0..5).map(|n| one(n, &at.to_lowercase())).collect();
            all.push(one(5, &format!("/subscriptions/{SUBSCRIPTION}")));
            return Reply::json(200, json!({ "value": all }));
        }
        match asked.path.ends_with("5") {
            true => Reply::error(404, "RoleAssignmentNotFound", "not found"),
            false => token(asked).unwrap_or_else(|| Reply::json(200, one(0, &at))),
        }
    })
    .await;
    let azure = azure(&server);
    let read = async |n: usize| {
        let id = RoleAssignmentId::new(scope.parse::<Scope>().unwrap(), &name(n)).unwrap();
        azure.role_assignments().read(&id, &wait()).await.unwrap()
    };
    for n in 0..5 {
        assert!(read(n).await.is_some());
    }
    assert_eq!(server.log().len(), 3, "a token, one assignment, one list");
    assert_eq!(read(5).await, None);
}
