//! What an issuer of tokens publishes: its discovery document and its keys (OpenID Connect Discovery 1.0, §4). Knows nothing of
//! Terraform.
//!
//! Entra ID fetches both itself, anonymously, when a token is exchanged. So does this: over https, without a token, and
//! without following a redirect to another host, which would be another issuer's word.

use std::error::Error as _;
use std::sync::LazyLock;
use std::time::Duration;

use reqwest::{Client, StatusCode, redirect};
use serde::Deserialize;
use url::Url;

use crate::wait::{Interrupted, Wait};

/// How long a host may take to take a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one document may take.
const WHOLE: Duration = Duration::from_secs(30);
/// How often a document is asked for where the service fails.
const TRIES: u32 = 4;
/// The largest document that is read. Real ones have a few kilobytes.
const LARGEST: usize = 1 << 20;
const REDIRECTS: usize = 5;

/// The discovery document, as far as Entra ID looks at it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Discovery {
    /// Whom it speaks for.
    pub issuer: String,
    /// Where the keys are.
    pub jwks_uri: String,
    /// What its tokens are signed with.
    pub id_token_signing_alg_values_supported: Vec<String>,
}

/// One public key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Key {
    /// What a token's header calls it.
    pub kid: Option<String>,
    /// `RSA` or `EC`.
    pub kty: Option<String>,
    /// What it signs with, such as `RS256`.
    pub alg: Option<String>,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: Option<String>,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

/// A document that could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {message}")]
pub struct Failure {
    /// The document's address.
    pub url: String,
    /// What happened.
    pub message: String,
}

/// One pool of connections for the process.
static CLIENT: LazyLock<Result<Client, String>> = LazyLock::new(|| {
    let policy = redirect::Policy::custom(|attempt| {
        let first = attempt.previous().first();
        if attempt.previous().len() > REDIRECTS || !first.is_some_and(|first| first.origin() == attempt.url().origin())
        {
            attempt.stop()
        } else {
            attempt.follow()
        }
    });
    Client::builder()
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .https_only(true)
        .redirect(policy)
        .user_agent(concat!("terraform-provider-azwi/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| error.to_string())
});

/// Where an issuer's discovery document is: behind the issuer, whose slash at its end counts once.
pub fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer))
}

/// The discovery document of an issuer, whatever issuer it names.
///
/// # Errors
/// Where it cannot be had, or is none.
pub async fn discovery(issuer: &str, wait: &Wait) -> Result<Discovery, Failure> {
    document(&discovery_url(issuer), "a discovery document", wait).await
}

/// The keys at an address.
///
/// # Errors
/// Where they cannot be had, or are none.
pub async fn keys(jwks_uri: &str, wait: &Wait) -> Result<Vec<Key>, Failure> {
    document::<Keys>(jwks_uri, "a JSON Web Key set", wait).await.map(|set| set.keys)
}

async fn document<T: for<'de> Deserialize<'de>>(url: &str, what: &str, wait: &Wait) -> Result<T, Failure> {
    let failure = |message: String| Failure { url: url.to_owned(), message };
    match Url::parse(url) {
        Ok(parsed) if parsed.scheme() == "https" => {}
        Ok(_) => return Err(failure("it is no https URL, and only those are fetched".to_owned())),
        Err(error) => return Err(failure(format!("it is no URL: {error}"))),
    }
    let mut pause = Duration::from_millis(500);
    let mut tries = 1;
    let body = loop {
        let (message, passing) = match wait.bound(fetch(url)).await {
            Ok(Ok(body)) => break body,
            Ok(Err(failed)) => failed,
            Err(Interrupted::Cancelled) => return Err(failure("the operation was stopped".to_owned())),
            Err(Interrupted::Deadline) => return Err(failure("the timeout was over before it answered".to_owned())),
        };
        tracing::debug!(url, tries, message, "the document was not to be had");
        if !passing || tries >= TRIES || wait.sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await.is_err() {
            return Err(failure(message));
        }
        pause *= 2;
        tries += 1;
    };
    serde_json::from_slice(&body).map_err(|error| failure(format!("the answer is not {what}: {error}")))
}

/// One try; the failure says whether another may go better.
async fn fetch(url: &str) -> Result<Vec<u8>, (String, bool)> {
    let client = CLIENT.as_ref().map_err(|error| (format!("no client can be made: {error}"), false))?;
    let lost = |error: reqwest::Error| {
        let told = chain(&error);
        // A certificate that is not trusted will not be so in a moment.
        let passing = !error.is_builder() && !told.contains("ertificate");
        (told, passing)
    };
    let mut answer = client.get(url).header("accept", "application/json").send().await.map_err(lost)?;
    let status = answer.status();
    if status.is_redirection() {
        let to = answer.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or("nowhere").to_owned();
        return Err((
            format!("it redirects to {to}; redirects are followed on the same host only, {REDIRECTS} at most"),
            false,
        ));
    }
    if !status.is_success() {
        let passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        return Err((format!("it answered {status}"), passing));
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(lost)? {
        body.extend_from_slice(&piece);
        if body.len() > LARGEST {
            return Err((format!("it is larger than {LARGEST} bytes"), false));
        }
    }
    Ok(body)
}

/// An error with its causes, each said once.
fn chain(error: &reqwest::Error) -> String {
    let mut told = "it cannot be reached".to_owned();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        next = cause.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_discovery_document_is_behind_the_issuer() {
        assert_eq!(discovery_url("https://a/b/"), "https://a/b/.well-known/openid-configuration");
        assert_eq!(discovery_url("https://a/b"), "https://a/b/.well-known/openid-configuration");
    }

    #[tokio::test]
    async fn only_https_is_fetched() {
        let wait = Wait::at_most(Duration::from_secs(5));
        let error = keys("http://127.0.0.1:1/keys", &wait).await.unwrap_err();
        assert!(error.to_string().contains("no https URL"), "{error}");
        assert!(keys("keys", &wait).await.unwrap_err().message.contains("no URL"));
    }
}
