//! Errors of the token endpoint, by their AADSTS numbers.
//!
//! Status, `error` and text are what was captured from the service where there is a capture. No capture shows the status of
//! 700212, 7002138, 70025, 700024 and 7000272; 401 is answered, as for their sibling 700213.

use http::StatusCode;
use serde_json::json;
use time::macros::format_description;
use uuid::Uuid;

use crate::core::http::Response;
use crate::core::operation::Stop;
use crate::core::world::World;

/// One error, not yet an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SignInError {
    pub(crate) number: u32,
    status: StatusCode,
    error: &'static str,
    text: String,
}

impl SignInError {
    /// 400 `invalid_request`.
    pub(crate) fn request(number: u32, text: impl Into<String>) -> Self {
        Self::new(number, StatusCode::BAD_REQUEST, "invalid_request", text)
    }

    /// 401 `invalid_client`: the credential is not good.
    pub(crate) fn client(number: u32, text: impl Into<String>) -> Self {
        Self::new(number, StatusCode::UNAUTHORIZED, "invalid_client", text)
    }

    /// Any other.
    pub(crate) fn new(number: u32, status: StatusCode, error: &'static str, text: impl Into<String>) -> Self {
        Self { number, status, error, text: text.into() }
    }

    /// The answer, with the ids that support would ask for.
    pub(crate) fn response(&self, world: &World, correlation_id: Option<&str>) -> Response {
        let trace = Uuid::new_v4().to_string();
        let correlation = correlation_id.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
        let timestamp = world.clock.now().format(format).unwrap_or_default();
        let space = if world.settings.rules.sign_in_line_breaks { "\r\n" } else { " " };
        let description = format!(
            "AADSTS{}: {}{space}Trace ID: {trace}{space}Correlation ID: {correlation}{space}Timestamp: {timestamp}",
            self.number, self.text
        );
        let body = json!({
            "error": self.error,
            "error_description": description,
            "error_codes": [self.number],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.number),
        });
        Response::json(self.status, &body).with("cache-control", "no-store, no-cache").with("pragma", "no-cache")
    }

    /// The end of a request.
    pub(crate) fn stop(&self, world: &World, correlation_id: Option<&str>) -> Stop {
        self.response(world, correlation_id).into()
    }
}
