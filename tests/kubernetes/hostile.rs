//! Answers that no API server should send: endless, full of escape codes, with absurd numbers.

use std::time::{Duration, Instant};

use azwi::kubernetes::{Client, Error, Kind, Settings};
use azwi::wait::Wait;
use serde_json::json;

use crate::between::{Between, Fate};
use crate::server::Reply;
use crate::wait;

/// Clears the screen of a terminal that obeys it.
const ESCAPE: &str = "\u{1b}[2J\u{9b}31m\u{7}";

/// What reading an account from a server that answers so fails with.
async fn failure(reply: Reply) -> Error {
    let server = Between::start(None, move |_, _| std::future::ready(Fate::Reply(reply.clone()))).await;
    server.client(None).service_account("app", "web", &wait()).await.unwrap_err()
}

#[tokio::test]
async fn endless_answer_is_an_error_that_names_the_bound() {
    let error = failure(Reply::Endless).await;
    assert_eq!(error.kind, Kind::Unreadable);
    assert!(error.message.contains("4096 KiB"), "{error}");
}

#[tokio::test]
async fn compressed_answer_that_was_not_asked_for_is_not_decompressed() {
    assert_eq!(failure(Reply::gzip(b"{}")).await.kind, Kind::Unreadable);
    assert_eq!(failure(Reply::gzip_bomb()).await.kind, Kind::Unreadable);
}

#[tokio::test]
async fn answer_that_ends_early_is_lost() {
    let half = Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":");
    let server = Between::start(None, move |_, _| std::future::ready(Fate::Reply(half.clone()))).await;
    let short = Wait::at_most(Duration::from_secs(2));
    let error = server.client(None).service_account("app", "web", &short).await.unwrap_err();
    assert_eq!(error.kind, Kind::Lost);
    assert!(server.count("GET") > 1, "a read is tried again");
}

#[tokio::test]
async fn escape_codes_are_shown_and_not_obeyed() {
    let cause = json!({"reason": "FieldManagerConflict", "message": ESCAPE, "field": ".metadata.labels.a"});
    let status =
        json!({"kind": "Status", "message": ESCAPE, "reason": ESCAPE, "code": 409, "details": {"causes": [cause]}});
    let account = json!({"kind": "ServiceAccount", "metadata": ESCAPE});
    for reply in
        [Reply::json(409, status), Reply::text(502, ESCAPE), Reply::text(200, ESCAPE), Reply::json(200, account)]
    {
        let error = failure(reply).await;
        let texts = [
            error.to_string(),
            error.reason.clone(),
            format!("{:?}", error.causes.first().map(|c| c.owner().to_owned())),
        ];
        for text in texts {
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        }
    }
}

#[tokio::test]
async fn absurd_retry_after_is_not_waited_for() {
    for value in ["9223372036854775808", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let start = Instant::now();
        let error = failure(Reply::text(429, "").with("retry-after", value)).await;
        assert_eq!((error.kind, error.status), (Kind::Throttled, Some(429)), "{value}");
        assert!(start.elapsed() < Duration::from_secs(10), "{value}");
    }
}

#[tokio::test]
async fn exhausted_tries_are_counted_in_the_error() {
    let error = failure(Reply::text(503, "").with("retry-after", "0")).await;
    assert_eq!((error.kind, error.status), (Kind::Server, Some(503)));
    assert!(error.hint.contains("6 times"), "{error}");
}

#[tokio::test]
async fn server_is_told_without_user_and_password() {
    let short = Wait::at_most(Duration::from_secs(1));
    for host in ["http://user:hunter2@127.0.0.1:1", "ftp://user:hunter2@127.0.0.1:1", "user:hunter2@host"] {
        let settings = Settings { host: Some(host.to_owned()), ..Settings::default() };
        assert!(!format!("{settings:?}").contains("hunter2"));
        let error = Client::new(settings).service_account("app", "web", &short).await.unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
