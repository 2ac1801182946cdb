//! azure_identity over our transport, and its failures back into ours.
//!
//! azure_identity 1.0 reads `error_description` as a borrowed string, so any escape in it (`\r\n`, a quote) makes it lose the
//! AADSTS code together with the status. Refusals therefore never reach it: they are read here, and travel through it as
//! the source of its own error.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::error::ErrorKind as CoreKind;
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, ClientOptions, HttpClient, Request, RetryOptions, StatusCode};
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::super::answer::Subject;
use super::super::cloud::Cloud;
use super::super::error::{Error, ErrorKind};
use super::super::transport::{Outgoing, Transport};
use crate::http::show_url;
use crate::wait::Wait;

/// How long one exchange for a token may take with all its retries; azure_identity passes no deadline through.
pub(super) const EXCHANGE: Duration = Duration::from_secs(60);

/// The longest lifetime of a token that is believed, in seconds: a year.
const LONGEST: i64 = 365 * 24 * 60 * 60;

#[derive(Deserialize)]
struct Lifetime {
    expires_in: Option<i64>,
}

/// What azure_identity sends through.
#[derive(Debug)]
struct Bridge {
    transport: Arc<Transport>,
    method: &'static str,
}

/// Options for a credential of azure_identity: our transport, no retries of its own, this cloud's authority.
pub(super) fn options(transport: &Arc<Transport>, cloud: &Cloud, method: &'static str) -> ClientOptions {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = cloud.authority.to_string();
    let client: Arc<dyn HttpClient> = Arc::new(Bridge { transport: Arc::clone(transport), method });
    ClientOptions {
        retry: RetryOptions::none(),
        transport: Some(azure_core::http::Transport::new(client)),
        cloud: Some(Arc::new(CloudConfiguration::Custom(custom))),
        ..ClientOptions::default()
    }
}

#[async_trait]
impl HttpClient for Bridge {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let url = request.url().clone();
        let subject = subject(self.method, &url);
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers().iter() {
            let name = reqwest::header::HeaderName::from_bytes(name.as_str().as_bytes());
            let value = reqwest::header::HeaderValue::from_str(value.as_str());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.insert(name, value);
            }
        }
        let Body::Bytes(body) = request.body().clone() else {
            return Err(into_core(subject.error(ErrorKind::SignIn, "a streamed body cannot be sent")));
        };
        let method = request.method().as_str().parse().unwrap_or(reqwest::Method::POST);
        let outgoing = Outgoing { headers, body, ..Outgoing::new(method, url) };
        let answer =
            self.transport.send(&subject, outgoing, None, &Wait::at_most(EXCHANGE)).await.map_err(into_core)?;
        // azure_identity adds it to the clock, and a sum that no date can hold is a panic there.
        let lifetime = serde_json::from_slice::<Lifetime>(&answer.body).ok().and_then(|issued| issued.expires_in);
        if lifetime.is_some_and(|seconds| !(0..=LONGEST).contains(&seconds)) {
            return Err(into_core(
                subject.error(ErrorKind::Decode, "the token's lifetime is not one that a token has"),
            ));
        }
        let mut headers = Headers::new();
        for (name, value) in &answer.headers {
            if let Ok(value) = value.to_str() {
                headers.insert(HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value.to_owned()));
            }
        }
        Ok(AsyncRawResponse::from_bytes(StatusCode::from(answer.status.as_u16()), headers, answer.body))
    }
}

/// What is tried, for messages.
pub(super) fn subject(method: &str, url: &url::Url) -> Subject {
    Subject::new(format!("sign in with {method}"), show_url(url))
}

/// Our failure as azure_core's. Its kind is one that nothing there retries.
pub(super) fn into_core(error: Error) -> azure_core::Error {
    azure_core::Error::new(CoreKind::Credential, error)
}

/// The failure inside an error of azure_identity: ours if it is one, else its text.
pub(super) fn from_core(error: &azure_core::Error, method: &str, target: &str) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        // It may quote what it does not understand, which may be a token.
        if current.is::<serde_json::Error>() {
            let operation = format!("sign in with {method}");
            return Error::new(
                ErrorKind::Decode,
                operation,
                target,
                "the answer is not a token in the form of OAuth 2",
            );
        }
        if let Some(ours) = current.downcast_ref::<Error>() {
            let mut ours = ours.clone();
            if ours.status.is_some() && !matches!(ours.kind, ErrorKind::Throttled | ErrorKind::Unavailable) {
                ours.kind = ErrorKind::SignIn;
            }
            return ours;
        }
        cause = current.source();
    }
    // The last line points to a page about other languages' credentials.
    let text = error.to_string();
    let text = text.split("\nTo troubleshoot").next().unwrap_or_default().trim();
    let mut ours = Error::new(ErrorKind::SignIn, format!("sign in with {method}"), target, text);
    ours.code = super::super::answer::aadsts(text);
    match super::super::hint::of(&ours) {
        Some(hint) => ours.hint(hint),
        None => ours,
    }
}
