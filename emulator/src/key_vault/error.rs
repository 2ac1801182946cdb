//! Errors of Key Vault: `{"error": {"code", "message", "innererror": {"code"}}}`.

use http::StatusCode;
use serde_json::json;

use crate::core::http::Response;
use crate::core::operation::Stop;

/// One error, not yet an answer.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    code: &'static str,
    message: String,
    inner: Option<&'static str>,
    challenge: Option<String>,
}

impl Error {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), inner: None, challenge: None }
    }

    /// 400: something of the request cannot be.
    pub(super) fn bad_parameter(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadParameter", message)
    }

    /// 403, with the code that says why.
    pub(super) fn forbidden(inner: &'static str, message: impl Into<String>) -> Self {
        Self { inner: Some(inner), ..Self::new(StatusCode::FORBIDDEN, "Forbidden", message) }
    }

    /// 409, with the code that says why.
    pub(super) fn conflict(inner: &'static str, message: impl Into<String>) -> Self {
        Self { inner: Some(inner), ..Self::new(StatusCode::CONFLICT, "Conflict", message) }
    }

    /// 401, with the challenge that tells a client where to get a token and for what.
    pub(super) fn unauthorized(message: impl Into<String>, challenge: String) -> Self {
        Self { challenge: Some(challenge), ..Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", message) }
    }

    pub(crate) fn response(&self) -> Response {
        let mut body = json!({"error": {"code": self.code, "message": self.message}});
        if let (Some(inner), Some(error)) = (self.inner, body.get_mut("error").and_then(|it| it.as_object_mut())) {
            error.insert("innererror".to_owned(), json!({"code": inner}));
        }
        let response = Response::json(self.status, &body);
        match &self.challenge {
            Some(challenge) => response.with("www-authenticate", challenge),
            None => response,
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        error.response().into()
    }
}
