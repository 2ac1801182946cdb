//! A cluster whose kubeconfig and tokens somebody else hands out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use azwi::kubernetes::{Audience, Client, Error, Kind, Remote, Settings};
use azwi::wait::Wait;

use crate::between::{Between, Fate};
use crate::wait;

/// What a `Remote` says of a server that cannot be reached.
const EXPLANATION: &str = "Ask the one who knows.";

/// Hands out tokens `token-1`, `token-2`, … and another only when one was refused.
#[derive(Debug)]
struct Counting {
    server: String,
    user: &'static str,
    tokens: AtomicUsize,
}

#[async_trait]
impl Remote for Counting {
    async fn kubeconfig(&self, _: &Wait) -> Result<String, Error> {
        Ok(format!(
            "clusters: [{{name: c, cluster: {{server: '{}'}}}}]\nusers: [{{name: u, user: {}}}]\n\
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n",
            self.server, self.user
        ))
    }

    async fn token(&self, audience: &Audience, refused: Option<&str>, _: &Wait) -> Result<String, Error> {
        assert_eq!(audience.server_id.as_deref(), Some("the-server"));
        let so_far = self.tokens.load(Ordering::SeqCst);
        if so_far == 0 || refused == Some(format!("token-{so_far}").as_str()) {
            self.tokens.fetch_add(1, Ordering::SeqCst);
        }
        Ok(format!("token-{}", self.tokens.load(Ordering::SeqCst)))
    }

    async fn advise(&self, _: &Wait) -> String {
        EXPLANATION.to_owned()
    }
}

fn remote(server: &str, user: &'static str) -> Arc<Counting> {
    Arc::new(Counting { server: server.to_owned(), user, tokens: AtomicUsize::new(0) })
}

const PLUGIN: &str = "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: /nowhere/kubelogin, interactiveMode: Always, args: [get-token, --server-id, the-server]}}";

/// A server that refuses whoever asks first, so many times.
async fn refusing(times: usize) -> Between {
    Between::start(None, move |_, before| {
        let status = if before < times { 401 } else { 404 };
        async move { Fate::Answer(status, vec![], String::new()) }
    })
    .await
}

#[tokio::test]
async fn a_refused_token_is_replaced_by_another_and_the_plugin_is_never_run() {
    let server = refusing(1).await;
    let client = Client::of_remote(Settings::default(), remote(&server.url, PLUGIN));
    assert_eq!(client.service_account("app", "web", &wait()).await, Ok(None));
    assert_eq!(client.service_account("app", "web", &wait()).await, Ok(None));
    assert_eq!(server.signed_in(), ["Bearer token-1", "Bearer token-2", "Bearer token-2"]);
}

#[tokio::test]
async fn two_refusals_are_an_error() {
    let server = refusing(9).await;
    let client = Client::of_remote(Settings::default(), remote(&server.url, PLUGIN));
    let error = client.service_account("app", "web", &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unauthorized);
    assert_eq!(server.signed_in(), ["Bearer token-1", "Bearer token-2"]);
    assert!(!error.hint.is_empty(), "{error}");
}

#[tokio::test]
async fn a_credential_in_the_kubeconfig_is_used_as_it_is() {
    let server = refusing(1).await;
    let client = Client::of_remote(Settings::default(), remote(&server.url, "{token: local}"));
    assert_eq!(client.service_account("app", "web", &wait()).await.unwrap_err().kind, Kind::Unauthorized);
    assert_eq!(client.service_account("app", "web", &wait()).await, Ok(None));
    assert_eq!(server.signed_in(), ["Bearer local", "Bearer local"]);
}

#[tokio::test]
async fn who_handed_out_the_kubeconfig_is_asked_why_its_server_is_not_there() {
    let client = Client::of_remote(Settings::default(), remote("https://127.0.0.1:1", PLUGIN));
    let short = Wait::at_most(std::time::Duration::from_secs(1));
    let error = client.service_account("app", "web", &short).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.hint.ends_with(EXPLANATION), "{error}");
}
