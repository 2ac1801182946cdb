//! The generated clients (azure_mgmt_*, on azure_core 0.21) over our transport.
//!
//! They give a transport nothing but a request, so each call gets a small client of its own that carries what they leave
//! out: whom we talk about, how long we may wait. Their own retries are off, and what they send is put right on the way:
//! no nulls for read-only fields, no `*/*`, the token renewed for each attempt. Failures travel through them as the source
//! of their error, because theirs hide the headers.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core_021 as core;
use azure_mgmt_authorization::package_2022_04_01 as authorization;
use azure_mgmt_msi::package_2023_01_31 as msi;
use bytes::Bytes;
use futures::stream;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::Azure;
use super::answer::{Answer, Subject};
use super::error::{Error, ErrorKind, Result};
use super::transport::Outgoing;
use crate::wait::Wait;

/// One call through a generated client.
#[derive(Debug, Clone)]
pub(super) struct Call {
    azure: Azure,
    subject: Subject,
    wait: Wait,
}

impl Call {
    pub(super) fn new(azure: &Azure, operation: &str, target: impl ToString, wait: &Wait) -> Self {
        Self { azure: azure.clone(), subject: Subject::new(operation, target), wait: wait.clone() }
    }

    /// The client for federated identity credentials, for this call alone.
    pub(super) async fn credentials(&self) -> Result<msi::federated_identity_credentials::Client> {
        let (endpoint, credential, scopes, options) = self.parts().await?;
        Ok(msi::Client::new(endpoint, credential, scopes, options).federated_identity_credentials_client())
    }

    /// The client for role assignments, for this call alone.
    pub(super) async fn role_assignments(&self) -> Result<authorization::role_assignments::Client> {
        let (endpoint, credential, scopes, options) = self.parts().await?;
        Ok(authorization::Client::new(endpoint, credential, scopes, options).role_assignments_client())
    }

    async fn parts(
        &self,
    ) -> Result<(core::Url, Arc<dyn core::auth::TokenCredential>, Vec<String>, core::ClientOptions)> {
        let cloud = self.azure.bounded_cloud(&self.subject, &self.wait).await?;
        let client: Arc<dyn core::HttpClient> = Arc::new(self.clone());
        let options = core::ClientOptions::new(core::TransportOptions::new(client)).retry(core::RetryOptions::none());
        Ok((
            cloud.resource_manager.clone(),
            Arc::new(Credential(self.clone())),
            vec![cloud.resource_manager_scope()],
            options,
        ))
    }

    /// The answer of a call, or our failure out of theirs. Bodies are decoded by our own models.
    pub(super) async fn answer<R: Into<core::Response>>(&self, sent: core::Result<R>) -> Result<Answer> {
        let failed = |error: core::Error| match error.downcast_ref::<Error>() {
            Some(ours) => ours.clone(),
            None => self.subject.error(ErrorKind::Decode, error.to_string()),
        };
        let (status, headers, body) = sent.map_err(failed)?.into().deconstruct();
        let body = body.collect().await.map_err(failed)?;
        let headers = headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().parse().ok()?, value.as_str().parse().ok()?)));
        Ok(Answer { status: StatusCode::from_u16(status.into()).unwrap_or_default(), headers: headers.collect(), body })
    }

    /// Whom the call is about.
    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    async fn execute(&self, request: &core::Request) -> Result<core::Response> {
        let unfit = |what: &str| {
            self.subject.error(ErrorKind::Decode, format!("the generated client made {what} that cannot be sent"))
        };
        let cloud = self.azure.bounded_cloud(&self.subject, &self.wait).await?;
        let method = request.method().as_ref().parse().map_err(|_| unfit("a method"))?;
        let core::Body::Bytes(body) = request.body() else { return Err(unfit("a streamed body")) };
        let mut url = request.url().clone();
        // They replace the endpoint's path by their own.
        let base = cloud.resource_manager.path().trim_end_matches('/');
        if !base.is_empty() {
            url.set_path(&format!("{base}{}", request.url().path()));
        }
        let mut headers = HeaderMap::new();
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let outgoing = Outgoing { headers, body: without_nulls(body), ..Outgoing::new(method, url) };
        let answer = self.azure.inner.transport.send(&self.subject, outgoing, Some(&self.azure), &self.wait).await?;
        let status = core::StatusCode::try_from(answer.status.as_u16()).map_err(|_| unfit("a status"))?;
        let mut headers = core::headers::Headers::new();
        for (name, value) in &answer.headers {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(core::Response::new(status, headers, Box::pin(stream::once(async move { Ok(answer.body) }))))
    }
}

#[async_trait]
impl core::HttpClient for Call {
    async fn execute_request(&self, request: &core::Request) -> core::Result<core::Response> {
        self.execute(request).await.map_err(|error| core::Error::new(core::error::ErrorKind::Other, error))
    }
}

/// Our sign-in as the generated clients want it. The transport puts a token on each attempt anyway; this one only tells
/// them that there is one.
#[derive(Debug)]
struct Credential(Call);

#[async_trait]
impl core::auth::TokenCredential for Credential {
    async fn get_token(&self, scopes: &[&str]) -> core::Result<core::auth::AccessToken> {
        let scope = scopes.first().copied().unwrap_or_default();
        let Call { azure, subject, wait } = &self.0;
        let waited = wait.bound(azure.token(scope)).await;
        let token =
            waited.unwrap_or_else(|why| Err(Error::interrupted(why, &subject.operation, &subject.target, "a token")));
        let token = token.map_err(|error| core::Error::new(core::error::ErrorKind::Credential, error))?;
        Ok(core::auth::AccessToken::new(token.token.expose().to_owned(), token.expires_on))
    }

    async fn clear_cache(&self) -> core::Result<()> {
        Ok(())
    }
}

/// A JSON body without members that are null: the generated models write read-only fields so.
fn without_nulls(body: &Bytes) -> Bytes {
    fn strip(value: &mut serde_json::Value) {
        if let serde_json::Value::Object(members) = value {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(strip);
        }
    }
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(mut value) => {
            strip(&mut value);
            Bytes::from(value.to_string())
        }
        Err(_) => body.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_members_are_left_out_at_every_depth() {
        let body =
            Bytes::from_static(br#"{"a":null,"properties":{"createdOn":null,"roleDefinitionId":"r","tags":{}}}"#);
        assert_eq!(without_nulls(&body), Bytes::from_static(br#"{"properties":{"roleDefinitionId":"r","tags":{}}}"#));
        assert_eq!(without_nulls(&Bytes::new()), Bytes::new());
    }
}
