//! Errors of Azure Resource Manager: a status and `{"error": {"code", "message"}}`.

use http::StatusCode;
use serde_json::json;

use crate::core::http::Response;
use crate::core::operation::{Caller, Stop};
use crate::core::surface::Failure;

/// One error, not yet an answer.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    code: String,
    message: String,
    header: Option<(&'static str, String)>,
}

impl Error {
    pub(crate) fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), header: None }
    }

    /// 400.
    pub(super) fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404.
    pub(super) fn not_found(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 409.
    pub(super) fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// The body is JSON of the wrong shape, or no JSON.
    pub(super) fn content(reason: impl std::fmt::Display) -> Self {
        let message = format!("The request content was invalid and could not be deserialized: '{reason}'.");
        Self::bad_request("InvalidRequestContent", message)
    }

    /// The same with one more header.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.header = Some((name, value.to_owned()));
        self
    }

    /// The same with the number of seconds after which to come again.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", &seconds.to_string())
    }

    pub(crate) fn response(&self) -> Response {
        let response = Response::json(self.status, &json!({"error": {"code": self.code, "message": self.message}}));
        match &self.header {
            Some((name, value)) => response.with(name, value),
            None => response,
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        error.response().into()
    }
}

/// The caller lacks the role.
pub(super) fn authorization_failed(caller: &Caller, action: &str, scope: &str) -> Error {
    let message = format!(
        "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope '{scope}' or \
         the scope is invalid. If access was recently granted, please refresh your credentials.",
        caller.client_id, caller.object_id
    );
    Error::new(StatusCode::FORBIDDEN, "AuthorizationFailed", message)
}

/// No resource has this id.
pub(super) fn resource_not_found(resource_type: &str, name: &str, group: &str) -> Error {
    let message = format!(
        "The Resource '{resource_type}/{name}' under resource group '{group}' was not found. For more details please go to \
         https://aka.ms/ARMResourceNotFoundFix"
    );
    Error::not_found("ResourceNotFound", message)
}

/// The error where no operation answers.
pub(super) fn failure(failure: Failure<'_>) -> Error {
    let (status, code, message) = match failure {
        Failure::UnknownPath(request) => return unknown_path(&request.segments()),
        Failure::OtherMethod(_) => {
            (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "The requested resource does not support this method.")
        }
        Failure::UnsafePath => {
            (StatusCode::BAD_REQUEST, "InvalidRequestUri", "The request path has a part that no name can be.")
        }
        Failure::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestContentTooLarge",
            "The request content is larger than the maximum of 4 MB.",
        ),
        Failure::Internal(reason) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", reason),
    };
    Error::new(status, code, message)
}

fn unknown_path(segments: &[String]) -> Error {
    let mut after =
        segments.iter().rev().take_while(|segment| !segment.eq_ignore_ascii_case("providers")).collect::<Vec<_>>();
    after.reverse();
    if let Some(namespace) = after.first().filter(|_| after.len() < segments.len()) {
        let kind: Vec<&str> = after.iter().skip(1).step_by(2).map(|part| part.as_str()).collect();
        let message =
            format!("The resource type '{}' could not be found in the namespace '{namespace}'.", kind.join("/"));
        return Error::not_found("InvalidResourceType", message);
    }
    Error::not_found("InvalidRequestUri", "The request path is none that Azure Resource Manager knows.")
}
