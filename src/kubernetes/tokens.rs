//! Tokens of service accounts, by TokenRequest. They live in memory only: no state, no log.

use std::fmt;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use kube::api::PostParams;

use super::{
    Client,
    error::{Error, Kind, Task},
    send::Repeat,
    service_accounts::{encode, requests, task},
};
use crate::wait::Wait;

/// A token that the API server signed for a service account.
#[derive(Clone)]
pub struct Token {
    /// The JWT.
    pub token: String,
    /// When it expires, RFC 3339. The server may have shortened what was asked for.
    pub expires: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl Client {
    /// Requests a token of a service account for `audiences`, for `seconds` (600 to 2^32; the server may shorten it).
    ///
    /// # Errors
    /// [`Kind::NotFound`] where the account does not exist, [`Kind::Forbidden`] without `create` on `serviceaccounts/token`.
    pub async fn service_account_token(
        &self,
        namespace: &str,
        name: &str,
        audiences: &[String],
        seconds: i64,
        wait: &Wait,
    ) -> Result<Token, Error> {
        let task = Task { resource: "serviceaccounts/token", ..task("request a token of", "create", namespace, name) };
        let spec = TokenRequestSpec {
            audiences: audiences.to_vec(),
            expiration_seconds: Some(seconds),
            bound_object_ref: None,
        };
        let body = encode(&task, &TokenRequest { spec, ..TokenRequest::default() })?;
        let request = requests(namespace).create_subresource("token", name, &PostParams::default(), body);
        // A second token does no harm: asking again is safe.
        let body = self.exchange(&task, request, Repeat::Safe, wait).await?;
        let status = serde_json::from_slice::<TokenRequest>(&body).ok().and_then(|answer| answer.status);
        // The body is not quoted: it may hold the token.
        let status =
            status.ok_or_else(|| task.error(Kind::Unreadable, "the answer is not a TokenRequest with a token", ""))?;
        Ok(Token { token: status.token, expires: status.expiration_timestamp.0.to_string() })
    }
}
