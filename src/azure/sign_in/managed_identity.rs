//! Managed identity at an address of the user's choice.
//!
//! azure_identity knows the metadata service of virtual machines and that of App Service, and no other. This is for
//! `msi_endpoint`: agents, emulators, and the metadata service behind another address.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use time::OffsetDateTime;
use url::Url;

use super::super::error::{Error, ErrorKind};
use super::super::transport::{Outgoing, Transport};
use super::bridge::{EXCHANGE, into_core, subject};
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
            Error::config(METHOD, format!("`msi_endpoint` (ARM_MSI_ENDPOINT) is not a URL: {problem}"))
        })?;
        url.query_pairs_mut()
            .append_pair("api-version", &self.api_version)
            .append_pair("resource", scope.strip_suffix("/.default").unwrap_or(scope));
        if let Some(client_id) = &self.client_id {
            url.query_pairs_mut().append_pair("client_id", client_id);
        }
        let subject = subject(METHOD, &url);
        let headers = HeaderMap::from_iter([(HeaderName::from_static("metadata"), HeaderValue::from_static("true"))]);
        let request = Outgoing { method: reqwest::Method::GET, url, headers, body: Bytes::new(), alone: false };
        let wait = Wait::at_most(EXCHANGE);
        let mut pause = Duration::from_secs(1);
        let answer = loop {
            match self.transport.send(&subject, request.clone(), None, &wait).await {
                Ok(answer) => break answer,
                // The service answers so while it is being updated, and comes back within 70 s.
                Err(error) if error.status == Some(410) && wait.sleep(pause).await.is_ok() => pause *= 2,
                Err(mut error) => {
                    if error.status == Some(400) {
                        error = error.hint(match self.client_id {
                            Some(_) => "`client_id` must be the client id of a user-assigned identity that is assigned to this machine.",
                            None => "This machine has no system-assigned identity; for a user-assigned one set `client_id` (ARM_CLIENT_ID).",
                        });
                    }
                    return Err(error);
                }
            }
        };
        let issued: Issued = answer.json(&subject).map_err(|mut error| {
            // Whatever it is, it may be a token.
            error.message = "the metadata service did not answer with a token".to_owned();
            error
        })?;
        let expires_on = match (issued.expires_on.and_then(Number::get), issued.expires_in.and_then(Number::get)) {
            (Some(at), _) => OffsetDateTime::from_unix_timestamp(at).ok(),
            (None, Some(seconds)) => Some(OffsetDateTime::now_utc() + time::Duration::seconds(seconds)),
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
