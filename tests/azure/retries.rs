//! What is tried again, how long, and how it ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use azwi::azure::ErrorKind;
use azwi::wait::Wait;
use http::Method;
use tokio_util::sync::CancellationToken;

use super::environment::serve;
use super::fixtures::{azure, identity, identity_json, token, wait};
use super::server::{Reply, Server};

/// Answers tokens, and everything else by how often it was asked before.
async fn in_turn(answers: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Server {
    let asked_before = AtomicUsize::new(0);
    serve(move |asked| token(asked).unwrap_or_else(|| answers(asked_before.fetch_add(1, Ordering::SeqCst)))).await
}

fn found() -> Reply {
    Reply::json(200, identity_json("shop"))
}

#[tokio::test]
async fn too_many_requests_are_answered_by_waiting_as_told() {
    let server = in_turn(|before| match before {
        0 => Reply::error(429, "TooManyRequests", "slow down").with("retry-after", "1"),
        _ => found(),
    })
    .await;
    let start = Instant::now();
    azure(&server).identities().get(&identity("shop"), &wait()).await.unwrap().unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.count(Method::GET, "/shop"), 2);
}

#[tokio::test]
async fn one_refusal_stands_for_all_requests_of_its_sort() {
    let server = in_turn(|before| match before {
        0 => Reply::error(429, "TooManyRequests", "slow down").with("retry-after-ms", "300"),
        _ => found(),
    })
    .await;
    let azure = azure(&server);
    let (id, wait) = (identity("shop"), wait());
    let identities = azure.identities();
    let late = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        identities.get(&id, &wait).await
    };
    let start = Instant::now();
    let (first, late) = tokio::join!(identities.get(&id, &wait), late);
    first.unwrap();
    late.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(2), "the second read has its own slot, 2 s after the first");
    assert_eq!(server.count(Method::GET, "/shop"), 3, "nobody else is refused");
}

#[tokio::test]
async fn a_wait_that_would_outlast_the_timeout_is_not_begun() {
    let server = in_turn(|_| Reply::error(429, "TooManyRequests", "slow down").with("retry-after", "60")).await;
    let start = Instant::now();
    let error =
        azure(&server).identities().get(&identity("shop"), &Wait::at_most(Duration::from_secs(10))).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Throttled, Some(429)));
    let hint = error.hint.as_deref().unwrap();
    assert!(hint.contains("1m") && !hint.contains("`timeouts`"), "the pause that the service asks for: {error}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_failing_service_is_tried_again_and_its_last_words_are_kept() {
    let server = in_turn(|before| match before {
        0 => Reply::text(502, "<html>bad gateway</html>"),
        1 => Reply::Close,
        _ => found(),
    })
    .await;
    azure(&server).identities().get(&identity("shop"), &wait()).await.unwrap().unwrap();
    assert_eq!(server.count(Method::GET, "/shop"), 3);

    let server = in_turn(|_| Reply::error(503, "ServerBusy", "come back later").with("x-ms-request-id", "r-1")).await;
    let error =
        azure(&server).identities().get(&identity("shop"), &Wait::at_most(Duration::from_secs(2))).await.unwrap_err();
    assert_eq!((error.kind, error.request_id.as_deref()), (ErrorKind::Unavailable, Some("r-1")));
    assert!(error.to_string().contains("503 ServerBusy: come back later"), "{error}");
}

#[tokio::test]
async fn other_refusals_end_at_once() {
    for (status, code, kind) in [
        (400, "BadRequest", ErrorKind::BadRequest),
        (401, "ExpiredAuthenticationToken", ErrorKind::Unauthorized),
        (403, "AuthorizationFailed", ErrorKind::Forbidden),
        (404, "SubscriptionNotFound", ErrorKind::NotFound),
        (409, "Conflict", ErrorKind::Conflict),
    ] {
        let server = in_turn(move |_| Reply::error(status, code, "no")).await;
        let error = azure(&server).identities().get(&identity("shop"), &wait()).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)));
        assert_eq!(server.count(Method::GET, "/shop"), 1, "{code}");
    }
}

#[tokio::test]
async fn stopping_ends_a_wait_at_once() {
    let server = in_turn(|_| Reply::error(429, "TooManyRequests", "slow down").with("retry-after", "20")).await;
    let cancel = CancellationToken::new();
    let wait = Wait::new(Duration::from_secs(60), cancel.clone());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    });
    let start = Instant::now();
    let error = azure(&server).identities().get(&identity("shop"), &wait).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_left_at_the_timeout() {
    let server = in_turn(|_| found().after(Duration::from_secs(20))).await;
    let azure = azure(&server);
    let start = Instant::now();
    let error = azure.identities().get(&identity("shop"), &Wait::at_most(Duration::from_secs(1))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_says_where_to_look() {
    let server = in_turn(|_| found()).await;
    let mut config = super::fixtures::config(&server);
    config.endpoints.resource_manager_endpoint = Some("https://127.0.0.1:1".to_owned());
    let azure = azwi::azure::Azure::new(config).unwrap();
    let error = azure.identities().get(&identity("shop"), &Wait::at_most(Duration::from_secs(2))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.to_string().contains("127.0.0.1") && error.to_string().contains("HTTPS_PROXY"), "{error}");
    assert!(!error.ambiguous);
}
