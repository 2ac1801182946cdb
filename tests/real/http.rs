//! Plain HTTP to the API server: what other clients do to an object, and what is really in it.

use std::time::Duration;

use reqwest::{Certificate, Method};
use serde_json::Value;

use crate::server::User;

/// One user's requests.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(crate) client: reqwest::Client,
    url: String,
    user: User,
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The header of that name, empty where there is none.
    pub(crate) content_type: String,
    /// The body; text where it is not JSON.
    pub(crate) body: Value,
}

/// Longer than any watch that the tests ask for.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Http {
    /// Requests to `url` as `user`, trusting the certificate authority `ca` (PEM) only.
    pub(crate) fn new(url: &str, ca: Option<&str>, user: User) -> Self {
        let mut builder = reqwest::Client::builder().timeout(TIMEOUT).no_proxy();
        if let Some(ca) = ca {
            builder = builder.tls_certs_only([Certificate::from_pem(ca.as_bytes()).unwrap()]);
        }
        Self { client: builder.build().unwrap(), url: url.to_owned(), user }
    }

    /// Sends one request as it stands.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> reqwest::Result<Answer> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(token) = self.user.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let content_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, content_type: content_type.unwrap_or_default(), body })
    }

    /// GETs; `None` where nobody answers.
    pub(crate) async fn try_get(&self, path: &str) -> Option<Answer> {
        self.send(Method::GET, path, &[], None).await.ok()
    }

    /// GETs.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await.unwrap()
    }

    /// Deletes.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await.unwrap()
    }

    /// POSTs JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let json = [("content-type", "application/json")];
        self.send(Method::POST, path, &json, Some(body.to_string())).await.unwrap()
    }

    /// PATCHes; `kind` is `merge-patch+json`, `apply-patch+yaml` and so on.
    pub(crate) async fn patch(&self, path: &str, kind: &str, body: &Value) -> Answer {
        let kind = format!("application/{kind}");
        self.send(Method::PATCH, path, &[("content-type", &kind)], Some(body.to_string())).await.unwrap()
    }
}
