//! Our own requests to Azure Resource Manager: values that say what to ask, and one place that asks.
//!
//! They exist beside the generated clients where those are behind the service or break on what they do not know.

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::answer::{Answer, Subject};
use super::error::{Error, ErrorKind, Result};
use super::transport::{Authorize, Outgoing};
use super::{AccessToken, Azure};
use crate::http::{LIST, OBJECT, Repeat, Unread, show_address};
use crate::wait::Wait;

/// A list that goes on longer than this does not end by itself.
const MOST_PAGES: usize = 1_000;

/// A request to Azure Resource Manager.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) subject: Subject,
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Bytes,
    repeat: Repeat,
}

impl Request {
    /// `what` is the object's type in words; the operation is named by method and type.
    pub(super) fn new(method: Method, what: &str, path: impl Into<String>, api_version: &str) -> Self {
        let path = path.into();
        let subject = Subject::new(format!("{method} {what}"), &path);
        let (query, repeat) = (vec![("api-version", api_version.to_owned())], Repeat::of(&method));
        Self { subject, method, path, query, body: Bytes::new(), repeat }
    }

    /// The same request, whose second sending changes nothing more than the first although its method does not promise that.
    pub(super) fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Safe;
        self
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: &serde_json::Value) -> Self {
        self.body = Bytes::from(body.to_string());
        self
    }

    /// The URL at an endpoint, which may have a path of its own.
    fn url(&self, endpoint: &Url) -> Url {
        let mut url = endpoint.clone();
        url.set_path(&format!("{}{}", endpoint.path().trim_end_matches('/'), self.path));
        url.query_pairs_mut().extend_pairs(self.query.iter().map(|(name, value)| (name, value)));
        // A form's `+` is a space to most servers, `%20` to all.
        let query = url.query().map(|query| query.replace('+', "%20").replace("%24", "$"));
        url.set_query(query.as_deref());
        url
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    #[serde(default = "Vec::new")]
    value: Vec<T>,
    next_link: Option<String>,
}

impl Azure {
    /// Sends one request.
    pub(super) async fn send(&self, request: &Request, wait: &Wait) -> Result<Answer> {
        let url = request.url(&self.bounded_cloud(&request.subject, wait).await?.resource_manager);
        self.send_to(url, request, OBJECT, wait).await
    }

    /// Sends a request for an object; `None` when it is gone.
    pub(super) async fn find<T: DeserializeOwned>(&self, request: &Request, wait: &Wait) -> Result<Option<T>> {
        match self.send(request, wait).await {
            Ok(answer) => answer.json(&request.subject).map(Some),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a request for a list and reads it to its end.
    pub(super) async fn list<T: DeserializeOwned>(&self, request: &Request, wait: &Wait) -> Result<Vec<T>> {
        let endpoint = self.bounded_cloud(&request.subject, wait).await?.resource_manager.clone();
        let mut url = request.url(&endpoint);
        let mut found = Vec::new();
        let mut size = 0;
        for _ in 0..MOST_PAGES {
            let answer = self.send_to(url, request, LIST, wait).await?;
            size += answer.body.len();
            if size > LIST {
                return Err(request.subject.error(ErrorKind::Decode, Unread::TooLarge(LIST).to_string()));
            }
            let page: Page<T> = answer.json(&request.subject)?;
            found.extend(page.value);
            let Some(next) = page.next_link.filter(|next| !next.is_empty()) else { return Ok(found) };
            url = endpoint.join(&next).ok().filter(|url| url.origin() == endpoint.origin()).ok_or_else(|| {
                // Our token goes along, so it must not be led elsewhere.
                request
                    .subject
                    .error(ErrorKind::Decode, format!("the next page is at another place: `{}`", show_address(&next)))
            })?;
        }
        Err(request.subject.error(ErrorKind::Decode, format!("the list has no end after {MOST_PAGES} pages")))
    }

    async fn send_to(&self, url: Url, request: &Request, limit: usize, wait: &Wait) -> Result<Answer> {
        let mut headers = HeaderMap::new();
        if !request.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let (body, repeat) = (request.body.clone(), request.repeat);
        let outgoing = Outgoing { headers, body, repeat, limit, ..Outgoing::new(request.method.clone(), url) };
        self.inner.transport.send(&request.subject, outgoing, Some(self), wait).await
    }

    /// The cloud, within the caller's patience.
    pub(super) async fn bounded_cloud(&self, subject: &Subject, wait: &Wait) -> Result<&super::Cloud> {
        wait.bound(self.cloud())
            .await
            .map_err(|why| Error::interrupted(why, &subject.operation, &subject.target, "the cloud's endpoints"))?
    }
}

#[async_trait]
impl Authorize for Azure {
    /// Puts our token, and those of the auxiliary tenants, on a request to Azure Resource Manager.
    async fn authorize(&self, headers: &mut HeaderMap, wait: &Wait) -> Result<()> {
        let tokens = async {
            let cloud = self.cloud().await?;
            let scope = cloud.resource_manager_scope();
            let own = self.inner.sign_in.token(cloud, None, &scope).await?;
            let mut others = Vec::new();
            for tenant in &self.inner.config.auxiliary_tenant_ids {
                others.push(self.inner.sign_in.token(cloud, Some(tenant), &scope).await?);
            }
            Ok::<_, Error>((own, others))
        };
        let waiting =
            |why| Error::interrupted(why, &format!("sign in with {}", self.sign_in_method()), "Entra ID", "a token");
        let (own, others) = wait.bound(tokens).await.map_err(waiting)??;
        headers.insert(AUTHORIZATION, bearer(&[own])?);
        if !others.is_empty() {
            headers.insert(HeaderName::from_static("x-ms-authorization-auxiliary"), bearer(&others)?);
        }
        Ok(())
    }
}

fn bearer(tokens: &[AccessToken]) -> Result<HeaderValue> {
    let text: Vec<String> = tokens.iter().map(|token| format!("Bearer {}", token.token.expose())).collect();
    let mut value = HeaderValue::from_str(&text.join(", ")).map_err(|_| {
        Error::new(ErrorKind::SignIn, "sign in", "Entra ID", "the token has characters that no token has")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_escaped_and_an_endpoint_may_have_a_path() {
        let request = Request::new(Method::GET, "role definitions", "/subscriptions/s", "2022-04-01")
            .query("$filter", "roleName eq 'Key Vault Reader'");
        let url = request.url(&Url::parse("https://arm.local:8443/tenant/").unwrap());
        assert_eq!(
            url.as_str(),
            "https://arm.local:8443/tenant/subscriptions/s?api-version=2022-04-01&$filter=roleName%20eq%20%27Key%20Vault%20Reader%27"
        );
    }
}
