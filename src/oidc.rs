//! What an issuer of tokens publishes: its discovery document and its keys (OpenID Connect Discovery 1.0, §4). Knows nothing of
//! Terraform.
//!
//! Entra ID fetches both itself, anonymously, when a token is exchanged. So does this: over https, without a token, and
//! without following a redirect to another host, which would be another issuer's word.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::{Body, Client, StatusCode, redirect};
use serde::Deserialize;
use url::Url;

use crate::http::{
    self, Backoff, Broken, Cause, DOCUMENT, End, Failed, Proxies, Unread, Verdict, show_address, show_text,
};
use crate::wait::Wait;

/// How long a host may take to take a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one document may take.
const WHOLE: Duration = Duration::from_secs(30);
/// How often a document is asked for where the service fails.
const TRIES: u32 = 4;
/// The pauses between these.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), most: Duration::from_secs(4) };
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
    Proxies::client()
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .https_only(true)
        .redirect(policy)
        .user_agent(http::USER_AGENT)
        .build()
        .map_err(|error| Broken::sending(&error).to_string())
});

/// Where an issuer's discovery document is: behind the issuer, whose slash at its end counts once.
pub(crate) fn discovery_url(issuer: &str) -> String {
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
    let failure = |message: String| Failure { url: show_address(url), message: show_text(&message) };
    match Url::parse(url) {
        Ok(parsed) if parsed.scheme() == "https" => {}
        Ok(_) => return Err(failure("it is no https URL, and only those are fetched".to_owned())),
        Err(error) => return Err(failure(format!("it is no URL: {error}"))),
    }
    let attempt = |_| async move {
        match wait.bound(fetch(url)).await {
            Ok(fetched) => fetched,
            Err(why) => Err(Verdict::Ended(why).on("the timeout was over before it answered".to_owned())),
        }
    };
    let body = http::retry(wait, BACKOFF, attempt).await.map_err(|gave_up| match gave_up.end {
        _ if wait.cancel.is_cancelled() => failure("the operation was stopped".to_owned()),
        End::Exhausted if gave_up.tries > 1 => failure(format!("{} (tried {} times)", gave_up.error, gave_up.tries)),
        _ => failure(gave_up.error),
    })?;
    serde_json::from_slice(&body).map_err(|error| failure(format!("the answer is not {what}: {error}")))
}

/// One try.
async fn fetch(url: &str) -> Result<Bytes, Failed<String>> {
    let client = CLIENT.as_ref().map_err(|error| Verdict::Final.on(format!("no client can be made: {error}")))?;
    let sent = client.get(url).header("accept", "application/json").send().await;
    let answer = sent.map_err(|error| lost(&Broken::sending(&error)))?;
    let status = answer.status();
    if status.is_redirection() {
        let to =
            answer.headers().get("location").and_then(|to| to.to_str().ok()).map_or("nowhere".into(), show_address);
        return Err(Verdict::Final
            .on(format!("it redirects to {to}; redirects are followed on the same host only, {REDIRECTS} at most")));
    }
    if !status.is_success() {
        let passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        let after = http::retry_after(answer.headers(), SystemTime::now());
        let verdict = if passing { Verdict::Passing { tries: TRIES, after } } else { Verdict::Final };
        return Err(verdict.on(format!("it answered {status}")));
    }
    http::read(Body::from(answer), DOCUMENT).await.map_err(|unread| match unread {
        Unread::Broken(broken) => lost(&broken),
        Unread::TooLarge(_) => Verdict::Final.on(unread.to_string()),
    })
}

/// The verdict on a connection without an answer. A certificate that is not trusted will not be so in a moment.
fn lost(broken: &Broken) -> Failed<String> {
    let final_one = broken.certificate().is_some() || broken.cause == Cause::Unsendable;
    let verdict = if final_one { Verdict::Final } else { Verdict::Passing { tries: TRIES, after: None } };
    verdict.on(format!("it cannot be reached: {broken}"))
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
