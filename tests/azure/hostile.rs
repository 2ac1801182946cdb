//! Answers that no service should send: endless, compressed to nothing, full of escape codes, with absurd numbers.

use std::time::{Duration, Instant};

use azwi::azure::config::Endpoints;
use azwi::azure::{Azure, Config, Error, ErrorKind};
use azwi::oidc;
use azwi::wait::Wait;
use serde_json::json;

use super::environment::serve;
use super::fixtures::{ARM, azure, config, credential_json, identity, nobody, some, token};
use super::server::{Reply, Server};

/// Clears the screen of a terminal that obeys it.
const ESCAPE: &str = "\u{1b}[2J\u{9b}31m\u{7}";

fn wait() -> Wait {
    Wait::at_most(Duration::from_secs(20))
}

/// What reading an identity from this server fails with.
async fn failure(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Error {
    let server = serve(move |asked| token(asked).unwrap_or_else(&reply)).await;
    azure(&server).identities().get(&identity("shop"), &wait()).await.unwrap_err()
}

fn has_no_escape(text: &str) {
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}

#[tokio::test]
async fn endless_answer_is_an_error_that_names_the_bound() {
    for reply in [|| Reply::Endless, Reply::gzip_bomb] {
        let error = failure(reply).await;
        assert_eq!(error.kind, ErrorKind::Decode);
        assert!(error.message.contains("4096 KiB"), "{error}");
    }
}

#[tokio::test]
async fn list_is_bounded_over_all_its_pages() {
    let page: Vec<_> = (0..20).map(|_| credential_json(&"x".repeat(100_000), "https://i", "s")).collect();
    let server = serve(move |asked| {
        let next = format!("https://{}{}?api-version=1&page=1", asked.header("host").unwrap(), asked.path);
        token(asked).unwrap_or_else(|| Reply::json(200, json!({"value": page, "nextLink": next})))
    })
    .await;
    let error = azure(&server).credentials().list(&identity("shop"), &wait()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Decode);
    assert!(error.message.contains("16384 KiB"), "{error}");
    assert!(server.log().len() < 12, "{} requests", server.log().len());
}

#[tokio::test]
async fn endless_token_and_endless_keys_are_errors() {
    let server = serve(|_| Reply::Endless).await;
    let error = Azure::new(config(&server)).unwrap().token(ARM).await.unwrap_err();
    assert!(error.message.contains("KiB"), "{error}");
    let error = oidc::keys(&format!("{}/keys", server.url()), &wait()).await.unwrap_err();
    assert!(error.message.contains("1024 KiB"), "{error}");
}

#[tokio::test]
async fn many_error_details_are_told_in_part_and_at_once() {
    let details: Vec<_> =
        (0..40_000).map(|n| json!({"code": "Inner", "message": format!("Detail {n} is wrong.")})).collect();
    let body = json!({"error": {"code": "BadRequest", "message": "No.", "details": details}});
    let start = Instant::now();
    let error = failure(move || Reply::json(400, body.clone())).await;
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::BadRequest, Some("BadRequest")));
    assert!(error.message.starts_with("No. Inner: Detail 0 is wrong.") && error.message.len() < 3_000, "{error}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn escape_codes_are_shown_and_not_obeyed() {
    let arm = json!({"error": {"code": ESCAPE, "message": ESCAPE, "target": ESCAPE, "details": [{"code": ESCAPE, "message": "x"}]}});
    let bare = json!({"code": ESCAPE, "message": ESCAPE});
    let page = format!("<html>{ESCAPE}");
    let replies: [Box<dyn Fn() -> Reply + Send + Sync>; 5] = [
        Box::new(move || Reply::json(400, arm.clone())),
        Box::new(move || Reply::json(409, bare.clone())),
        Box::new(move || Reply::text(403, &page)),
        Box::new(|| Reply::text(200, ESCAPE)),
        Box::new(|| Reply::json(200, json!({"id": "/x", "name": "x", "tags": ESCAPE}))),
    ];
    for reply in replies {
        let error = failure(reply).await;
        has_no_escape(&error.to_string());
    }
}

#[tokio::test]
async fn escape_codes_of_entra_and_of_an_issuer_are_not_obeyed() {
    let refusal = json!({"error": ESCAPE, "error_description": format!("AADSTS7000215: {ESCAPE}"), "trace_id": ESCAPE, "correlation_id": ESCAPE});
    let server = serve(move |_| Reply::json(401, refusal.clone())).await;
    let error = Azure::new(config(&server)).unwrap().token(ARM).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("AADSTS7000215"));
    has_no_escape(&error.to_string());

    let body = json!({"issuer": "https://x/", "id_token_signing_alg_values_supported": ESCAPE});
    let server = serve(move |_| Reply::json(200, body.clone())).await;
    has_no_escape(&oidc::discovery(&server.url(), &wait()).await.unwrap_err().to_string());
    has_no_escape(&oidc::keys(&format!("https://127.0.0.1:1/{ESCAPE}"), &wait()).await.unwrap_err().to_string());
}

#[tokio::test]
async fn absurd_retry_after_is_not_waited_for() {
    for (header, value) in [
        ("retry-after", "9223372036854775808"),
        ("retry-after", "99999999999999999999999"),
        ("retry-after-ms", "18446744073709551615"),
        ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        for status in [429, 503] {
            let start = Instant::now();
            let error = failure(move || Reply::error(status, "Busy", "later").with(header, value)).await;
            assert_eq!(error.status, Some(status), "{header}: {value}: {error}");
            assert!(start.elapsed() < Duration::from_secs(15), "{header}: {value}");
        }
    }
}

#[tokio::test]
async fn absurd_lifetime_of_a_token_is_no_panic() {
    for lifetime in [i64::MAX, i64::MIN, -62_135_596_800, 253_402_300_799] {
        let server = serve(move |_| Reply::json(200, json!({"access_token": "t", "expires_in": lifetime}))).await;
        let error = Azure::new(config(&server)).unwrap().token(ARM).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Decode, "{error}");
        for name in ["expires_in", "expires_on"] {
            let server = serve(move |_| Reply::json(200, json!({"access_token": "t", name: lifetime}))).await;
            let endpoint = format!("{}/identity?sig=s3cret", server.url());
            let azure = Azure::new(Config { use_msi: true, msi_endpoint: some(&endpoint), ..nobody(&server) }).unwrap();
            for _ in 0..2 {
                if let Err(error) = azure.token(ARM).await {
                    assert!(!error.to_string().contains("s3cret"), "{error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn url_is_told_without_user_password_and_query() {
    let server = serve(|asked| {
        token(asked).unwrap_or_else(|| {
            Reply::json(
                200,
                json!({"value": [], "nextLink": "https://user:hunter2@elsewhere.example/next?sig=hunter2"}),
            )
        })
    })
    .await;
    let error = azure(&server).credentials().list(&identity("shop"), &wait()).await.unwrap_err();
    assert!(error.message.contains("https://elsewhere.example/next"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");

    for address in
        ["https://user:hunter2@127.0.0.1:1", "http://user:hunter2@127.0.0.1:1", "https://user:hunter2@host?x"]
    {
        let endpoints = Endpoints { resource_manager_endpoint: some(address), ..config(&server).endpoints };
        let short = Wait::at_most(Duration::from_secs(1));
        let error = match Azure::new(Config { endpoints, ..config(&server) }) {
            Ok(azure) => azure.identities().get(&identity("shop"), &short).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    let host = Config { metadata_host: some("user:hunter2@127.0.0.1:1"), ..config(&server) };
    let error = Azure::new(host).unwrap_err();
    assert!(error.message.contains("127.0.0.1:1") && !error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn redirect_of_an_issuer_is_told_without_its_query() {
    let server: Server =
        serve(|_| Reply::text(302, "").with("location", "https://user:hunter2@other.example/x?code=hunter2")).await;
    let error = oidc::discovery(&server.url(), &wait()).await.unwrap_err();
    assert!(error.message.contains("https://other.example/x") && !error.to_string().contains("hunter2"), "{error}");
}
