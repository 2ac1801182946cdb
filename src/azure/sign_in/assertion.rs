//! Tokens of other issuers that stand in for a secret: given, in a file, or handed out by a pipeline.
//!
//! A token file is read for every assertion: kubelets and pipelines replace it while Terraform runs.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use url::Url;

use super::super::error::{Error, ErrorKind};
use super::super::transport::{Outgoing, Transport};
use super::bridge::{EXCHANGE, into_core, subject};
use super::method::{Request, Source, read};
use crate::wait::Wait;

/// A source of assertions for azure_identity.
#[derive(Debug)]
pub(super) struct Federated {
    pub(super) source: Source,
    pub(super) transport: Arc<Transport>,
    /// The audience to ask a pipeline for.
    pub(super) audience: &'static str,
    pub(super) method: &'static str,
}

#[async_trait]
impl ClientAssertion for Federated {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.assertion().await.map_err(into_core)
    }
}

impl Federated {
    async fn assertion(&self) -> Result<String, Error> {
        match &self.source {
            Source::Token(token) => Ok(token.expose().trim().to_owned()),
            Source::File { path, name, .. } => read(self.method, name, path),
            Source::AzureDevOps { request, connection } => self.azure_devops(request, connection).await,
            Source::GitHub { request } => self.github(request).await,
        }
    }

    /// <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>
    async fn azure_devops(&self, request: &Request, connection: &str) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Created {
            #[serde(rename = "oidcToken")]
            token: String,
        }
        let mut url = self.parse(&request.url)?;
        url.query_pairs_mut().append_pair("api-version", "7.1").append_pair("serviceConnectionId", connection);
        let mut headers = self.bearer("Bearer", request)?;
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        // Without it a wrong token gets a redirect to a page for people, not a 401.
        headers.insert(HeaderName::from_static("x-tfs-fedauthredirect"), HeaderValue::from_static("Suppress"));
        let created: Created = self.ask(reqwest::Method::POST, url, headers).await?;
        Ok(created.token)
    }

    /// <https://docs.github.com/actions/reference/security/oidc>
    async fn github(&self, request: &Request) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Issued {
            value: String,
        }
        let mut url = self.parse(&request.url)?;
        url.query_pairs_mut().append_pair("audience", self.audience);
        let issued: Issued = self.ask(reqwest::Method::GET, url, self.bearer("bearer", request)?).await?;
        Ok(issued.value)
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        method: reqwest::Method,
        url: Url,
        headers: HeaderMap,
    ) -> Result<T, Error> {
        let subject = subject(self.method, &url);
        let request = Outgoing { headers, ..Outgoing::new(method, url) };
        let answer = self.transport.send(&subject, request, None, &Wait::at_most(EXCHANGE)).await.map_err(|mut error| {
            if error.status.is_some() {
                error.kind = ErrorKind::SignIn;
            }
            error.hint("The pipeline did not hand out a token: check `oidc_request_url`, `oidc_request_token` and the permissions of the job or service connection.")
        })?;
        answer.json(&subject).map_err(|mut error| {
            // Whatever it is, it may be a token.
            error.message = format!("{} did not answer with a token", subject.target);
            error
        })
    }

    fn parse(&self, text: &str) -> Result<Url, Error> {
        Url::parse(text).map_err(|problem| {
            Error::sign_in_setup(self.method, format!("`oidc_request_url` is not a URL: {problem}."))
        })
    }

    fn bearer(&self, scheme: &str, request: &Request) -> Result<HeaderMap, Error> {
        let mut value =
            HeaderValue::from_str(&format!("{scheme} {}", request.token.expose().trim())).map_err(|_| {
                let message =
                    format!("{} holds a character that no token has, such as a line end inside it.", request.name);
                Error::sign_in_setup(self.method, message)
            })?;
        value.set_sensitive(true);
        Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
    }
}
