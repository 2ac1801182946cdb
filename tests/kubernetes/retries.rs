//! What is tried again, how often, and when it ends.

use std::time::{Duration, Instant};

use azwi::kubernetes::{Fields, Kind};
use azwi::wait::Wait;
use tokio_util::sync::CancellationToken;

use crate::between::{Between, Fate};
use crate::{annotations, wait};

const ACCOUNT: &str = r#"{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"web","namespace":"app","uid":"u","resourceVersion":"1"}}"#;
const NOT_FOUND: &str = r#"{"kind":"Status","status":"Failure","message":"serviceaccounts \"web\" not found","reason":"NotFound","details":{"name":"web","kind":"serviceaccounts"},"code":404}"#;
const THROTTLED: &str =
    r#"{"kind":"Status","status":"Failure","message":"too many requests","reason":"TooManyRequests","code":429}"#;

fn answer(status: u16, body: &str) -> Fate {
    Fate::Answer(status, vec![], body.to_owned())
}

async fn first_then(status: u16, headers: &'static [(&'static str, &'static str)], body: &'static str) -> Between {
    Between::start(None, move |_, before| async move {
        if before == 0 { Fate::Answer(status, headers.to_vec(), body.to_owned()) } else { answer(200, ACCOUNT) }
    })
    .await
}

#[tokio::test]
async fn a_read_is_tried_again_where_the_server_is_away_for_a_moment() {
    for (status, body) in [(429, THROTTLED), (503, "<html>starting</html>"), (504, "")] {
        let stand_in = first_then(status, &[], body).await;
        let found = stand_in.client(None).service_account("app", "web", &wait()).await.unwrap();
        assert_eq!(found.unwrap().uid, "u");
        assert_eq!(stand_in.count("GET"), 2, "{status}");
    }
}

#[tokio::test]
async fn the_servers_own_pause_is_kept() {
    let stand_in = first_then(429, &[("retry-after", "1")], THROTTLED).await;
    let start = Instant::now();
    stand_in.client(None).service_account("app", "web", &wait()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_pause_beyond_the_deadline_is_not_waited_for() {
    let stand_in = first_then(429, &[("retry-after", "30")], THROTTLED).await;
    let start = Instant::now();
    let short = Wait::at_most(Duration::from_secs(5));
    let error = stand_in.client(None).service_account("app", "web", &short).await.unwrap_err();
    assert_eq!(error.kind, Kind::Throttled);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_500_is_never_sent_again_and_our_own_mistake_is_called_that() {
    let mistake = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"failed to create typed patch object (/web; /v1, Kind=ServiceAccount): .colour: field not declared in schema","code":500}"#;
    let stand_in = Between::start(None, move |_, _| async move { answer(500, mistake) }).await;
    let error = stand_in.client(None).service_account("app", "web", &wait()).await.unwrap_err();
    assert_eq!((error.kind, error.status), (Kind::Server, Some(500)));
    assert!(error.hint.contains("defect"), "{}", error.hint);
    assert_eq!(stand_in.seen().len(), 1);
}

#[tokio::test]
async fn retries_end() {
    let stand_in =
        Between::start(None, |_, _| async { Fate::Answer(503, vec![("retry-after", "0")], String::new()) }).await;
    let error = stand_in.client(None).service_account("app", "web", &wait()).await.unwrap_err();
    assert_eq!((error.kind, error.status), (Kind::Server, Some(503)));
    assert_eq!(stand_in.seen().len(), 6);
}

#[tokio::test]
async fn a_throttled_create_is_sent_again_because_it_had_no_effect() {
    let stand_in = Between::start(None, |request, before| {
        let fate = match (request.starts_with("POST"), before) {
            (false, _) => answer(404, NOT_FOUND),
            (true, 0) => answer(429, THROTTLED),
            (true, _) => answer(201, ACCOUNT),
        };
        async { fate }
    })
    .await;
    let client = stand_in.client(None);
    client.create_service_account("app", "web", &Fields::default(), "azwi", &wait()).await.unwrap();
    assert_eq!(stand_in.count("POST"), 2);
    assert_eq!(stand_in.count("GET"), 1, "nothing had to be found out");
}

#[tokio::test]
async fn a_create_that_ended_in_a_504_is_looked_for_before_it_is_sent_again() {
    let stand_in = Between::start(None, |request, before| {
        let fate = match (request.starts_with("POST"), before) {
            (true, 0) => answer(504, ""),
            (true, _) => answer(201, ACCOUNT),
            (false, _) => answer(404, NOT_FOUND),
        };
        async { fate }
    })
    .await;
    let client = stand_in.client(None);
    client.create_service_account("app", "web", &Fields::default(), "azwi", &wait()).await.unwrap();
    let verbs: Vec<String> =
        stand_in.seen().iter().map(|request| request.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(verbs, ["GET", "POST", "GET", "POST"]);
}

#[tokio::test]
async fn an_interrupted_wait_ends_at_once() {
    let stand_in =
        Between::start(None, |_, _| async { Fate::Answer(429, vec![("retry-after", "20")], THROTTLED.to_owned()) })
            .await;
    let cancel = CancellationToken::new();
    let wait = Wait::new(Duration::from_secs(60), cancel.clone());
    let client = stand_in.client(None);
    let wanted = annotations(&[]);
    let start = Instant::now();
    let (ended, ()) = tokio::join!(client.create_service_account("app", "web", &wanted, "azwi", &wait), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cancel.cancel();
    });
    assert_eq!(ended.unwrap_err().error.kind, Kind::Cancelled);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_answer_that_is_no_status_is_quoted_shortly() {
    let page = format!("<html>\n<h1>Bad  Gateway</h1>{}</html>", "x".repeat(1000));
    let stand_in = Between::start(None, move |_, _| {
        let page = page.clone();
        async move { answer(502, &page) }
    })
    .await;
    let error = stand_in.client(None).service_account("app", "web", &wait()).await.unwrap_err();
    assert!(error.message.starts_with("HTTP 502 Bad Gateway: <html> <h1>Bad Gateway</h1>"), "{}", error.message);
    assert!(error.message.len() < 300);
}

#[tokio::test]
async fn a_missing_permission_comes_with_the_rule_that_grants_it() {
    let denied = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"serviceaccounts \"web\" is forbidden: User \"dev\" cannot get resource \"serviceaccounts\" in API group \"\" in the namespace \"app\"","reason":"Forbidden","details":{"name":"web","kind":"serviceaccounts"},"code":403}"#;
    let stand_in = Between::start(None, move |_, _| async move { answer(403, denied) }).await;
    let error = stand_in.client(None).service_account("app", "web", &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Forbidden);
    for part in ["namespace \"app\"", "resources: [\"serviceaccounts\"]", "verbs: [\"get\"]"] {
        assert!(error.hint.contains(part), "{}", error.hint);
    }
}

#[tokio::test]
async fn a_namespace_that_goes_away_and_a_policy_that_refuses_are_told_apart_from_a_missing_permission() {
    let going = r#"{"kind":"Status","status":"Failure","message":"serviceaccounts \"late\" is forbidden: unable to create new content in namespace app because it is being terminated","reason":"Forbidden","details":{"name":"late","kind":"serviceaccounts","causes":[{"reason":"NamespaceTerminating","message":"namespace app is being terminated","field":"metadata.namespace"}]},"code":403}"#;
    let policy = r#"{"kind":"Status","status":"Failure","message":"admission webhook \"policy.example.org\" denied the request: label team is missing","reason":"Forbidden","code":403}"#;
    for (body, kind) in [(going, Kind::NamespaceTerminating), (policy, Kind::Refused)] {
        let stand_in = Between::start(None, move |request, _| {
            let fate = if request.starts_with("GET") { answer(404, NOT_FOUND) } else { answer(403, body) };
            async { fate }
        })
        .await;
        let failed =
            stand_in.client(None).create_service_account("app", "web", &Fields::default(), "azwi", &wait()).await;
        let error = failed.unwrap_err().error;
        assert_eq!(error.kind, kind);
        assert!(!error.hint.contains("Role"), "{}", error.hint);
    }
}
