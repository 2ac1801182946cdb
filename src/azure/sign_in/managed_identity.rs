//! Managed identity at an address of the user's choice.
//!
//! azure_identity knows the metadata service of virtual machines and that of App Service, and no other. This is for
//! `msi_endpoint`: agents, emulators, and the metadata service behind another address.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use time::OffsetDateTime;
use url::Url;

use super::super::error::{Error, ErrorKind};
use super::super::retry;
use super::super::transport::{Outgoing, Transport};
use super::bridge::{EXCHANGE, into_core, subject};
use crate::http::{self, Verdict};
use crate::wait::Wait;

const METHOD: &str = "managed identity";

/// A metadata service at `endpoint`.
#[derive(Debug)]
pub(super) struct MetadataService {
    pub(super) transport: Arc<Transport>,
    pub(super) endpoint: String,
    pub(super) api_version: String,
    pub(super) client_id: Option<String>,
}

#[async_trait]
impl TokenCredential for MetadataService {
    async fn get_token(&self, scopes: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        self.token(scopes.first().copied().unwrap_or_default()).await.map_err(into_core)
    }
}

impl MetadataService {
    /// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>
    async fn token(&self, scope: &str) -> Result<AccessToken, Error> {
        let mut url = Url::parse(&self.endpoint).map_err(|problem| {
            Error::sign_in_setup(METHOD, format!("`msi_endpoint` (ARM_MSI_ENDPOINT) is not a URL: {problem}"))
        })?;
        url.query_pairs_mut()
            .append_pair("api-version", &self.api_version)
            .append_pair("resource", scope.strip_suffix("/.default").unwrap_or(scope));
        if let Some(client_id) = &self.client_id {
            url.query_pairs_mut().append_pair("client_id", client_id);
        }
        let subject = subject(METHOD, &url);
        let headers = HeaderMap::from_iter([(HeaderName::from_static("metadata"), HeaderValue::from_static("true"))]);
        let request = Outgoing { headers, ..Outgoing::new(reqwest::Method::GET, url) };
        let (wait, subject) = (&Wait::at_most(EXCHANGE), &subject);
        let attempt = |tries| {
            let sent = self.transport.send(subject, request.clone(), None, wait);
            async move {
                sent.await.map_err(|error| match error.status {
                    // The service answers so while it is being updated, and comes back within 70 s.
                    Some(410) => Verdict::NotYet { after: retry::BACKOFF.pause(tries) }.on(error),
                    _ => Verdict::Final.on(error),
                })
            }
        };
        let answer = http::retry(wait, retry::BACKOFF, attempt).await.map_err(retry::gave_up).map_err(|error| {
            match (error.status, &self.client_id) {
                (Some(400), Some(_)) => error.hint("`client_id` must be the client id of a user-assigned identity that is assigned to this machine."),
                (Some(400), None) => error.hint("This machine has no system-assigned identity; for a user-assigned one set `client_id` (ARM_CLIENT_ID)."),
                _ => error,
            }
        })?;
        let issued: Issued = answer.json(subject).map_err(|mut error| {
            // Whatever it is, it may be a token.
            error.message = "the metadata service did not answer with a token".to_owned();
            error
        })?;
        let expires_on = match (issued.expires_on.and_then(Number::get), issued.expires_in.and_then(Number::get)) {
            (Some(at), _) => OffsetDateTime::from_unix_timestamp(at).ok(),
            (None, Some(seconds)) => OffsetDateTime::now_utc().checked_add(time::Duration::seconds(seconds)),
            (None, None) => None,
        };
        let expires_on = expires_on
            .ok_or_else(|| subject.error(ErrorKind::Decode, "the token comes without the time it expires"))?;
        Ok(AccessToken::new(issued.access_token, expires_on))
    }
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
    expires_on: Option<Number>,
    expires_in: Option<Number>,
}

/// Seconds. The service writes them as text, some of its imitations as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Text(String),
    Number(i64),
}

impl Number {
    fn get(self) -> Option<i64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Number(number) => Some(number),
        }
    }
}
