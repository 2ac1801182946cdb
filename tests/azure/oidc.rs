//! What an issuer publishes, fetched over real TLS: redirects, sizes, failures that pass and those that do not.

use std::sync::atomic::{AtomicUsize, Ordering};

use azwi::oidc;
use http::Method;
use serde_json::json;

use super::environment::{serve, serve_untrusted, setup};
use super::fixtures::wait;
use super::server::Reply;

const DISCOVERY: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn a_document_and_its_keys_are_read_whatever_else_they_say_and_without_a_token() {
    let server = serve(|asked| match asked.path.as_str() {
        "/a/.well-known/openid-configuration" => {
            Reply::json(200, json!({"issuer": "https://x/", "jwks_uri": "https://y/keys", "new": [1]}))
        }
        _ => Reply::json(200, json!({"keys": [{"kid": "1", "kty": "RSA", "use": "sig", "n": "…"}, {}]})),
    })
    .await;
    let found = oidc::discovery(&format!("{}/a/", server.url()), &wait()).await.unwrap();
    assert_eq!((found.issuer.as_str(), found.jwks_uri.as_str()), ("https://x/", "https://y/keys"));
    let keys = oidc::keys(&format!("{}/keys", server.url()), &wait()).await.unwrap();
    assert_eq!((keys.len(), keys[0].kid.as_deref(), keys[0].alg.as_deref()), (2, Some("1"), None));
    assert!(server.log().iter().all(|asked| asked.header("authorization").is_none()));
}

#[tokio::test]
async fn a_redirect_is_followed_on_its_own_host_only() {
    let other = serve(|_| Reply::json(200, json!({"issuer": "https://evil/"}))).await;
    let elsewhere = other.url();
    let server = serve(move |asked| match asked.path.as_str() {
        "/near/.well-known/openid-configuration" => Reply::text(302, "").with("location", "/here"),
        "/here" => Reply::json(200, json!({"issuer": "https://near/"})),
        "/round/.well-known/openid-configuration" | "/round" => Reply::text(302, "").with("location", "/round"),
        "/plain/.well-known/openid-configuration" => Reply::text(302, "").with("location", "http://127.0.0.1:1/x"),
        _ => Reply::text(307, "").with("location", &format!("{elsewhere}/x")),
    })
    .await;
    let ask = async |path: &str| oidc::discovery(&format!("{}/{path}", server.url()), &wait()).await;
    assert_eq!(ask("near").await.unwrap().issuer, "https://near/");
    let error = ask("far").await.unwrap_err();
    assert!(error.message.contains(&other.url()), "{error}");
    assert!(ask("plain").await.unwrap_err().message.contains("http://127.0.0.1:1/x"));
    ask("round").await.unwrap_err();
    assert!(server.count(Method::GET, "/round") < 20);
    assert!(other.log().is_empty(), "the other host was never asked");
}

#[tokio::test]
async fn a_failure_that_passes_is_tried_again_and_one_that_stays_is_told() {
    let failures = AtomicUsize::new(0);
    let server = serve(move |asked| match asked.path.as_str() {
        "/passing/.well-known/openid-configuration" if failures.fetch_add(1, Ordering::SeqCst) < 2 => {
            Reply::text(503, "")
        }
        "/passing/.well-known/openid-configuration" => Reply::json(200, json!({"issuer": "https://x/"})),
        "/gone/.well-known/openid-configuration" => Reply::text(404, ""),
        "/page/.well-known/openid-configuration" => Reply::text(200, "<html>"),
        "/large/.well-known/openid-configuration" => Reply::text(200, &" ".repeat(2 << 20)),
        _ => Reply::Close,
    })
    .await;
    let ask = async |path: &str| oidc::discovery(&format!("{}/{path}", server.url()), &wait()).await;
    assert_eq!(ask("passing").await.unwrap().issuer, "https://x/");
    for (path, told) in [
        ("gone", "404"),
        ("page", "not a discovery document"),
        ("large", "larger than"),
        ("dropped", "cannot be reached"),
    ] {
        let error = ask(path).await.unwrap_err();
        assert!(error.message.contains(told) && error.url.ends_with(DISCOVERY), "{path}: {error}");
    }
    assert_eq!(server.count(Method::GET, "/gone/.well-known/openid-configuration"), 1);
    assert_eq!(server.count(Method::GET, "/dropped/.well-known/openid-configuration"), 4);
}

#[tokio::test]
async fn a_host_that_nobody_vouches_for_is_not_believed() {
    setup();
    let server = serve_untrusted().await;
    let error = oidc::discovery(&server.url(), &wait()).await.unwrap_err();
    assert!(error.message.contains("ertificate"), "{error}");
}
