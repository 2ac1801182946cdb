//! Errors of Microsoft Graph: `{"error": {"code", "message", "innerError"}}`.

use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::core::http::Response;
use crate::core::operation::Stop;

/// One error, not yet an answer.
#[derive(Debug)]
pub(super) struct Error {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Error {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 400.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "BadRequest", message: message.into() }
    }

    /// 400: a `$filter` that is not understood.
    pub(super) fn filter(filter: &str) -> Self {
        let message = format!("Unsupported or invalid query filter clause specified: '{filter}'.");
        Self { status: StatusCode::BAD_REQUEST, code: "Request_UnsupportedQuery", message }
    }

    /// 401.
    pub(super) fn unauthorized(message: &str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, code: "InvalidAuthenticationToken", message: message.to_owned() }
    }

    /// 404: no object has this id.
    pub(super) fn not_found(id: &str) -> Self {
        let message =
            format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present.");
        Self { status: StatusCode::NOT_FOUND, code: "Request_ResourceNotFound", message }
    }

    pub(super) fn response(&self) -> Response {
        let id = Uuid::new_v4().to_string();
        let inner = json!({"request-id": id, "client-request-id": id});
        let error = json!({"code": self.code, "message": self.message, "innerError": inner});
        Response::json(self.status, &json!({"error": error})).with("request-id", &id)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        error.response().into()
    }
}
