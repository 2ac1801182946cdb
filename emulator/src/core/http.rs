//! A request and an answer as values, so that every surface of the emulator is a plain function that a test can call.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use super::stream::Following;

/// One HTTP request, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The name of the port that it came in at; none for the port that the surfaces share.
    pub(crate) port: Option<Arc<str>>,
    pub(crate) method: Method,
    /// The path as sent, percent-encoding kept.
    pub(crate) path: String,
    /// The query's pairs, decoded, in the order sent; `+` is a space, as Azure reads it.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// The name of the port, if it has one, and the decoded parts of the path.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.port.iter().map(|port| (**port).to_owned()).chain(segments(&self.path)).collect()
    }

    /// The first query value of this name, compared without case: ARM takes `$Filter` for `$filter`.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Path and query as a client would write them; the query is encoded anew.
    pub(crate) fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        format!("{}?{query}", self.path)
    }

    /// A header's value, where it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The token of an `Authorization: Bearer` header.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let value = self.header("authorization")?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }
}

/// The decoded parts of a path. Slashes at the end and doubled ones are ignored.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = String> {
    let parts = path.split('/').filter(|part| !part.is_empty());
    parts.map(|part| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
impl Request {
    /// A request without headers and body, for a unit test.
    pub(crate) fn test(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            port: None,
            method: method.parse().unwrap(),
            path: path.to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

/// One HTTP answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The whole body, or its beginning.
    pub(crate) body: Bytes,
    /// What follows the body for as long as the client listens.
    pub(crate) following: Option<Box<dyn Following>>,
    /// How often all documents had been replaced when this answer was made; after the next time nothing follows.
    pub(crate) replaced: u64,
}

impl Response {
    /// An answer with a JSON body and the given content type.
    pub(crate) fn typed(status: StatusCode, content_type: &'static str, body: &Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
        Self { headers, body: Bytes::from(body.to_string()), ..Self::empty(status) }
    }

    /// An answer with a JSON body.
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self::typed(status, "application/json; charset=utf-8", body)
    }

    /// An answer without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new(), following: None, replaced: 0 }
    }

    /// The same answer with one more header; a value that is no header text is left out.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
