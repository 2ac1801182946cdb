//! Credentials: one writer at a time, one conflict that is waited for, and every other one an answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use azwi::azure::ErrorKind;
use azwi::azure::credentials::Trust;
use azwi::wait::Wait;
use http::Method;
use serde_json::json;

use super::environment::serve;
use super::fixtures::{azure, credential, credential_json, identity, identity_json, token, wait};
use super::server::Reply;

const CONCURRENT: &str = "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity";

fn trust() -> Trust {
    Trust {
        issuer: "https://issuer/".to_owned(),
        subject: "system:serviceaccount:shop:web".to_owned(),
        audience: "api://AzureADTokenExchange".to_owned(),
    }
}

fn trusted(name: &str) -> Reply {
    Reply::json(201, credential_json(name, &trust().issuer, &trust().subject))
}

#[tokio::test]
async fn writes_to_one_identity_never_meet_and_those_to_others_do_not_wait() {
    let writing: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
    let server = serve(move |asked| {
        if let Some(token) = token(asked) {
            return token;
        }
        let identity = asked.path.split('/').nth(8).unwrap().to_lowercase();
        let mut writing = writing.lock().unwrap();
        let busy = writing.get(&identity).is_some_and(|until| Instant::now() < *until);
        if busy {
            return Reply::error(409, CONCURRENT, "Too many Federated Identity Credentials are written concurrently");
        }
        writing.insert(identity, Instant::now() + Duration::from_millis(40));
        let reply = if asked.method == Method::PUT { trusted("any") } else { Reply::text(200, "") };
        reply.after(Duration::from_millis(50))
    })
    .await;
    let azure = azure(&server);
    azure.token("https://arm.example/.default").await.unwrap();
    let start = Instant::now();
    let mut writes = tokio::task::JoinSet::new();
    for name in 0..30 {
        let azure = azure.clone();
        writes.spawn(async move {
            // Whatever the casing, it is the same identity.
            let of = ["shop", "SHOP", "cart"][name % 3];
            let id = credential(of, &format!("name-{name}"));
            azure.credentials().put(&id, &trust(), &wait()).await.unwrap();
            azure.credentials().delete(&id, &wait()).await.unwrap();
        });
    }
    while let Some(done) = writes.join_next().await {
        done.unwrap();
    }
    assert_eq!(server.count(Method::POST, "/token"), 1);
    assert_eq!(server.log().len(), 61, "not one write was refused");
    // 40 writes of 50 ms one after the other on one identity, while the other's 20 go beside them.
    assert!(start.elapsed() < Duration::from_millis(2_900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_concurrent_write_of_another_process_is_waited_for() {
    let refusals = AtomicUsize::new(0);
    let server = serve(move |asked| {
        token(asked).unwrap_or_else(|| match refusals.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Reply::error(409, CONCURRENT, "Too many Federated Identity Credentials are written concurrently"),
            2 => trusted("web"),
            3 => Reply::error(409, CONCURRENT, "Too many Federated Identity Credentials are written concurrently"),
            _ => Reply::text(200, ""),
        })
    })
    .await;
    let azure = azure(&server);
    azure.credentials().put(&credential("busy", "web"), &trust(), &wait()).await.unwrap();
    azure.credentials().delete(&credential("busy", "web"), &wait()).await.unwrap();
    assert_eq!(server.count(Method::PUT, "/web"), 3);
    assert_eq!(server.count(Method::DELETE, "/web"), 2);
}

#[tokio::test]
async fn a_collision_that_does_not_end_is_reported_at_the_timeout() {
    let server = serve(|asked| {
        token(asked).unwrap_or_else(|| {
            Reply::error(409, CONCURRENT, "Too many Federated Identity Credentials are written concurrently")
        })
    })
    .await;
    let error = azure(&server)
        .credentials()
        .put(&credential("stuck", "web"), &trust(), &Wait::at_most(Duration::from_millis(2500)))
        .await
        .unwrap_err();
    assert!(error.is_concurrent_credential_write() && error.hint.is_some(), "{error}");
}

#[tokio::test]
async fn a_duplicate_pair_is_a_conflict_at_once_under_either_status() {
    for (status, code) in [(400, "BadRequest"), (409, "Conflict")] {
        let server = serve(move |asked| {
            token(asked).unwrap_or_else(|| {
                Reply::error(status, code, "Issuer and subject combination already exists for this Managed Identity.")
            })
        })
        .await;
        let error = azure(&server).credentials().put(&credential("dup", "web"), &trust(), &wait()).await.unwrap_err();
        assert_eq!((error.kind, error.status), (ErrorKind::Conflict, Some(status)));
        assert!(error.is_duplicate_issuer_and_subject());
        assert!(error.to_string().contains("az identity federated-credential list"), "{error}");
        assert_eq!(server.log().len(), 2, "a token and one write");
    }
}

#[tokio::test]
async fn a_full_identity_is_given_a_while_and_then_named_as_full() {
    // The service's text for it is not documented: one that says so, and one that does not.
    for message in ["Too many federated identity credentials: the limit is 20.", "The request is invalid."] {
        let server = serve(move |asked| match asked.method {
            Method::PUT => Reply::error(400, "BadRequest", message),
            Method::GET => {
                let all: Vec<_> =
                    (0..20).map(|n| credential_json(&format!("other-{n}"), "https://i", &n.to_string())).collect();
                Reply::json(200, json!({"value": all}))
            }
            _ => token(asked).unwrap(),
        })
        .await;
        let error = azure(&server).credentials().put(&credential("full", "web"), &trust(), &wait()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains("20 credentials"), "{error}");
        assert!(server.count(Method::PUT, "/web") > 1);
    }
}

#[tokio::test]
async fn an_identity_that_cannot_be_seen_yet_is_waited_for_and_a_missing_one_is_not() {
    for exists in [true, false] {
        let writes = AtomicUsize::new(0);
        let server = serve(move |asked| match asked.method {
            Method::PUT if exists && writes.fetch_add(1, Ordering::SeqCst) > 1 => trusted("web"),
            Method::PUT => Reply::error(
                404,
                "ParentResourceNotFound",
                "Failed to perform 'write' on resource: the parent was not found.",
            ),
            Method::GET if exists => Reply::json(200, identity_json("new")),
            Method::GET => Reply::error(404, "ResourceNotFound", "not found"),
            _ => token(asked).unwrap(),
        })
        .await;
        let put = azure(&server).credentials().put(&credential("new", "web"), &trust(), &wait()).await;
        match put {
            Ok(_) => assert!(exists && server.count(Method::PUT, "/web") == 3),
            Err(error) => {
                assert!(!exists && error.kind == ErrorKind::NotFound, "{error}");
                assert!(error.has_code("ParentResourceNotFound") && error.hint.is_some(), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_not_written_twice() {
    for (arrives, writes_expected) in [(true, 1), (false, 2)] {
        let writes = AtomicUsize::new(0);
        let server = serve(move |asked| match asked.method {
            Method::PUT if writes.fetch_add(1, Ordering::SeqCst) == 0 => Reply::Close,
            Method::PUT => trusted("web"),
            Method::GET if arrives => trusted("web"),
            Method::GET => Reply::error(404, "NotFound", "not found"),
            _ => token(asked).unwrap(),
        })
        .await;
        azure(&server).credentials().put(&credential("lost", "web"), &trust(), &wait()).await.unwrap();
        assert_eq!(server.count(Method::PUT, "/web"), writes_expected);
    }
}

#[tokio::test]
async fn who_holds_an_identity_reads_and_writes_in_peace() {
    let server = serve(|asked| match asked.method {
        Method::PUT => trusted("web"),
        Method::GET => Reply::error(404, "NotFound", "not found"),
        _ => token(asked).unwrap_or_else(|| Reply::text(200, "")),
    })
    .await;
    let azure = azure(&server);
    let credentials = azure.credentials();
    let held = credentials.hold(&identity("held"), &wait()).await.unwrap();
    assert!(credentials.get(&credential("held", "web"), &wait()).await.unwrap().is_none());
    let other = credentials
        .put(&credential("Held", "other"), &trust(), &Wait::at_most(Duration::from_millis(100)))
        .await
        .unwrap_err();
    assert_eq!(other.kind, ErrorKind::Timeout);
    assert!(other.to_string().contains("other writes"), "{other}");
    held.put(&credential("held", "web"), &trust(), &wait()).await.unwrap();
    held.delete(&credential("held", "web"), &wait()).await.unwrap();
    let strange = held.put(&credential("shop", "web"), &trust(), &wait()).await.unwrap_err();
    assert!(strange.to_string().contains(&credential("shop", "web").to_string()), "{strange}");
    drop(held);
    credentials.put(&credential("held", "other"), &trust(), &wait()).await.unwrap();
}
