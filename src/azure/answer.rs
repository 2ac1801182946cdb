//! An answer read to its end, and the reading of failures out of it.
//!
//! Azure Resource Manager and Entra ID shape their errors differently; a proxy or a captive portal between shapes them
//! in no way at all. All come through here, so that an error always carries what its sender said.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::{Error, ErrorKind};
use super::hint;
use crate::http::{show_at_most, show_text};

/// At most this many characters of a body that is no error document are quoted.
const QUOTED: usize = 200;

/// An error document is told up to this many bytes; who has forty thousand details says enough with the first ones.
const TOLD: usize = 4_000;

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What was asked, for messages.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// Such as `GET managed identity`.
    pub(crate) operation: String,
    /// An id, or a URL without its query.
    pub(crate) target: String,
}

impl Subject {
    pub(crate) fn new(operation: impl Into<String>, target: impl ToString) -> Self {
        Self { operation: operation.into(), target: target.to_string() }
    }

    pub(crate) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, &self.operation, &self.target, message)
    }
}

impl Answer {
    /// The body as JSON of a known shape.
    pub(crate) fn json<T: DeserializeOwned>(&self, subject: &Subject) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|problem| {
            let mut error = subject.error(
                ErrorKind::Decode,
                format!("the answer is not what the service documents: {problem}; it starts {}", self.quote()),
            );
            error.status = Some(self.status.as_u16());
            error.request_id = self.header("x-ms-request-id");
            error
        })
    }

    /// The failure this answer tells of.
    pub(crate) fn failure(&self, subject: &Subject) -> Error {
        let document = serde_json::from_slice::<Document>(&self.body).unwrap_or_default();
        let mut error = subject.error(kind_of(self.status), "");
        error.status = Some(self.status.as_u16());
        let id = |header, member: Option<String>| self.header(header).or(member).map(|id| show_at_most(&id, QUOTED));
        error.request_id = id("x-ms-request-id", document.trace_id);
        error.correlation_id = id("x-ms-correlation-request-id", document.correlation_id);
        let code = |text: String| show_at_most(&text, QUOTED);
        match document.error {
            Some(Reported::Entra(short)) => {
                error.kind = ErrorKind::SignIn;
                error.message = show_text(&document.error_description.unwrap_or_else(|| short.clone()));
                error.code = Some(aadsts(&error.message).unwrap_or_else(|| code(short)));
            }
            Some(Reported::Arm(body)) => {
                error.message = show_text(&body.text());
                error.code = body.code.or_else(|| self.header("x-ms-error-code")).map(code);
            }
            None => {
                error.code = self.header("x-ms-error-code").or(document.code).map(code);
                error.message = document.message.map(|message| show_text(&message)).unwrap_or_else(|| {
                    if self.body.is_empty() {
                        format!("the service answered {} without saying why", self.status)
                    } else {
                        // A 404 from something that is not the service must never read as "it is gone".
                        error.kind = if self.status.is_server_error() { error.kind } else { ErrorKind::Decode };
                        format!("the answer {} is not from the service: {}", self.status, self.quote())
                    }
                });
            }
        }
        if error.is_duplicate_issuer_and_subject() || error.is_too_many_credentials() {
            error.kind = ErrorKind::Conflict;
        }
        match hint::of(&error) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    fn quote(&self) -> String {
        // Four bytes are the most that a character has.
        let start = self.body.get(..4 * QUOTED).unwrap_or(&self.body);
        let text: String = String::from_utf8_lossy(start).chars().take(QUOTED).collect();
        format!("{text:?}{}", if text.len() < self.body.len() { "…" } else { "" })
    }
}

/// The code in an `AADSTS700213: …` text.
pub(super) fn aadsts(text: &str) -> Option<String> {
    let (_, after) = text.split_once("AADSTS")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then(|| format!("AADSTS{digits}"))
}

fn kind_of(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        408 | 500..=599 => ErrorKind::Unavailable,
        400..=499 => ErrorKind::BadRequest,
        _ => ErrorKind::Decode,
    }
}

/// The error documents of ARM (`error` is an object), Entra ID (`error` is a word) and a few others (no `error`).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    error: Option<Reported>,
    error_description: Option<String>,
    trace_id: Option<String>,
    correlation_id: Option<String>,
    #[serde(alias = "Code")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Reported {
    Entra(String),
    Arm(Body),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(alias = "Code")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
    target: Option<String>,
    details: Option<Vec<Body>>,
}

impl Body {
    /// The message with those of its details, each said once.
    fn text(&self) -> String {
        let mut text = self.message.clone().unwrap_or_default();
        if let (false, Some(target)) = (text.is_empty(), self.target.as_deref().filter(|target| !target.is_empty()))
            && !text.contains(target)
        {
            text.push_str(&format!(" (target {target})"));
        }
        for detail in self.details.iter().flatten() {
            if text.len() > TOLD {
                break;
            }
            let inner = detail.text();
            if !inner.is_empty() && !text.contains(&inner) {
                let code = detail.code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
                text.push_str(&format!("{}{code}{inner}", if text.is_empty() { "" } else { " " }));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn failure(status: u16, body: &str) -> Error {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_owned()),
        };
        answer.failure(&Subject::new("GET managed identity", "/x"))
    }

    #[test]
    fn an_arm_error_gives_its_code_its_message_and_its_details() {
        let body = json!({"error": {"code": "BadRequest", "message": "No.", "target": "issuer", "details": [
            {"code": "Inner", "message": "Wrong issuer."}, {"message": "No."}]}});
        let error = failure(400, &body.to_string());
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(error.has_code("badrequest"));
        assert_eq!(error.message, "No. (target issuer) Inner: Wrong issuer.");
    }

    #[test]
    fn an_error_of_entra_gives_the_aadsts_code_whatever_is_escaped_in_it() {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS700213: No matching \"record\".\r\nTrace ID: t","error_codes":[700213],"trace_id":"t-1","correlation_id":"c-1"}"#;
        let error = failure(401, body);
        assert_eq!(error.kind, ErrorKind::SignIn);
        assert!(error.has_code("AADSTS700213"));
        assert!(error.message.contains("\"record\".\r\nTrace"));
        assert_eq!((error.request_id.as_deref(), error.correlation_id.as_deref()), (Some("t-1"), Some("c-1")));
    }

    #[test]
    fn a_web_page_with_status_404_does_not_mean_that_the_object_is_gone() {
        let error = failure(404, "<html>no such site</html>");
        assert_eq!(error.kind, ErrorKind::Decode);
        assert!(error.message.contains("no such site"));
        assert_eq!(failure(502, "<html>").kind, ErrorKind::Unavailable);
        assert_eq!(failure(404, r#"{"error":{"code":"ResourceNotFound","message":"m"}}"#).kind, ErrorKind::NotFound);
    }

    #[test]
    fn a_duplicate_is_a_conflict_even_when_the_service_calls_it_a_bad_request() {
        let body = json!({"error": {"code": "BadRequest", "message": "Issuer and subject combination already exists for this Managed Identity."}});
        assert_eq!(failure(400, &body.to_string()).kind, ErrorKind::Conflict);
    }
}
