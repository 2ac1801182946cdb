//! What the API server says when it refuses: the `Status` object, one constructor for each way it is filled.
//!
//! Every surface here returns `Result<_, Status>`; the one place that makes a [`Response`] of it is [`super::answer`].

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::go;
use super::kinds::Kind;
use crate::core::http::Response;

/// A refusal.
#[derive(Debug)]
pub(super) struct Status {
    code: u16,
    reason: &'static str,
    message: String,
    details: Option<Value>,
    /// `metadata.continue`, which only an expired page has.
    go_on: Option<String>,
}

impl Status {
    /// A refusal with a code, a reason and a message only.
    pub(super) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, go_on: None }
    }

    /// What it says.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    fn detailed(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// 400.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 400 for an object that names another namespace than its path.
    pub(super) fn another_namespace() -> Self {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        Self::bad_request(message)
    }

    /// 400 from the workload identity webhook.
    pub(super) fn denied_by_webhook(why: &str) -> Self {
        let webhook = "mutation.azure-workload-identity.io";
        Self::new(400, "", format!("admission webhook {} denied the request: {why}", go::quote(webhook)))
    }

    /// 401: there is a token and it is not a good one.
    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 403 on an object or a collection.
    pub(super) fn forbidden(resource: &str, group: &str, name: &str, why: &str) -> Self {
        let object = if name.is_empty() { String::new() } else { format!(" {}", go::quote(name)) };
        let message = format!("{}{object} is forbidden: {why}", qualified(resource, group));
        Self::new(403, "Forbidden", message).detailed(details(name, group, resource))
    }

    /// 403 on a path that is no resource.
    pub(super) fn forbidden_path(user: &str, verb: &str, path: &str) -> Self {
        let message = format!("forbidden: User {} cannot {verb} path {}", go::quote(user), go::quote(path));
        Self::new(403, "Forbidden", message).detailed(json!({}))
    }

    /// 403 on what would be new in a namespace that is being deleted.
    pub(super) fn namespace_terminating(kind: &dyn Kind, name: &str, namespace: &str) -> Self {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut status = Self::forbidden(kind.plural(), kind.group(), name, &why);
        if let Some(Value::Object(details)) = &mut status.details {
            let message = format!("namespace {namespace} is being terminated");
            let cause = json!({"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"});
            details.insert("causes".to_owned(), json!([cause]));
        }
        status
    }

    /// 404 for an object.
    pub(super) fn not_found(resource: &str, group: &str, name: &str) -> Self {
        let message = format!("{} {} not found", qualified(resource, group), go::quote(name));
        Self::new(404, "NotFound", message).detailed(details(name, group, resource))
    }

    /// 404 for a resource that this API group does not have.
    pub(super) fn no_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource").detailed(json!({}))
    }

    /// 405.
    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message).detailed(json!({}))
    }

    /// 406.
    pub(super) fn not_acceptable() -> Self {
        let message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
                       application/vnd.kubernetes.protobuf";
        Self::new(406, "NotAcceptable", message).detailed(json!({}))
    }

    /// 409 for a create over what exists; `deleting` when the existing object is on its way out.
    pub(super) fn already_exists(kind: &dyn Kind, name: &str, deleting: bool) -> Self {
        let prefix = if deleting { "object is being deleted: " } else { "" };
        let message = format!("{prefix}{} {} already exists", qualified(kind.plural(), kind.group()), go::quote(name));
        Self::new(409, "AlreadyExists", message).detailed(details(name, kind.group(), kind.plural()))
    }

    /// 409 for a write that came too late or hit another object.
    pub(super) fn conflict(resource: &str, group: &str, name: &str, why: &str) -> Self {
        let resource_name = qualified(resource, group);
        let message = format!("Operation cannot be fulfilled on {resource_name} {}: {why}", go::quote(name));
        Self::new(409, "Conflict", message).detailed(details(name, group, resource))
    }

    /// 409 for a write that carries an old resourceVersion.
    pub(super) fn modified(kind: &dyn Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind.plural(), kind.group(), name, why)
    }

    /// 409 for an apply that changes what other managers own: pairs of a manager as it is printed and a field.
    pub(super) fn apply_conflict(message: String, conflicts: &[(String, String)]) -> Self {
        let causes: Vec<_> = conflicts
            .iter()
            .map(|(manager, field)| {
                json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": field})
            })
            .collect();
        Self::new(409, "Conflict", message).detailed(json!({"causes": causes}))
    }

    /// 410 for a page whose revision is no longer kept.
    pub(super) fn expired_page(go_on: String) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start a \
                       new list without the continue parameter, or use the continue token in this response to retrieve \
                       the remainder of the results. Continuing with the provided token results in an inconsistent list \
                       - objects that were created, modified, or deleted between the time the first chunk was returned \
                       and now may show up in the list.";
        Self { go_on: Some(go_on), ..Self::new(410, "Expired", message) }
    }

    /// 410 for a list as of a revision that is no longer kept.
    pub(super) fn expired_version() -> Self {
        Self::new(410, "Expired", "The resourceVersion for the provided list is too old.")
    }

    /// 410 for a watch from a revision that is no longer kept.
    pub(super) fn expired_watch() -> Self {
        Self::new(410, "Expired", "The resourceVersion for the provided watch is too old.")
    }

    /// 413.
    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(413, "RequestEntityTooLarge", message).detailed(json!({}))
    }

    /// 415 for the body of a create or an update.
    pub(super) fn unknown_body_format() -> Self {
        let message = "the body of the request was in an unknown format - accepted media types include: \
                       application/json, application/yaml, application/vnd.kubernetes.protobuf";
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 415 for the body of a patch.
    pub(super) fn unknown_patch_format() -> Self {
        Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type").detailed(json!({}))
    }

    /// 422 for an object, by what is wrong with its fields. `kind` is empty for a patch.
    pub(super) fn invalid(kind: &str, group: &str, name: &str, errors: &[FieldError]) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for error in errors {
            let text = format!("{}: {}", error.field, error.text());
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let what = match texts.as_slice() {
            [one] => one.clone(),
            _ => format!("[{}]", texts.join(", ")),
        };
        let causes: Vec<_> = errors
            .iter()
            .map(|error| json!({"reason": error.problem.reason(), "message": error.text(), "field": error.field}))
            .collect();
        let mut details = details(name, group, kind);
        if let Value::Object(details) = &mut details {
            details.insert("causes".to_owned(), Value::Array(causes));
        }
        let message = format!("{} {} is invalid: {what}", qualified(kind, group), go::quote(name));
        Self::new(422, "Invalid", message).detailed(details)
    }

    /// 422 for a JSON patch that does not fit the object; the server keeps the cause to itself.
    pub(super) fn unfit_patch() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(422, "Invalid", message).detailed(json!({}))
    }

    /// 500, without a reason: the few mistakes of a client that the real API server takes for its own. An apply whose
    /// body does not have the type's shape is one.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// 504 for a list that asks for a revision that is not there yet.
    pub(super) fn too_new(asked: u64, current: u64) -> Self {
        let message = "Too large resource version";
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": message});
        Self::new(504, "Timeout", format!("Timeout: {message}: {asked}, current: {current}"))
            .detailed(json!({"causes": [cause], "retryAfterSeconds": 1}))
    }

    /// The object itself.
    pub(super) fn body(&self) -> Value {
        let mut metadata = Map::new();
        if let Some(go_on) = &self.go_on {
            metadata.insert("continue".to_owned(), Value::from(go_on.as_str()));
        }
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if let Value::Object(body) = &mut body {
            if !self.reason.is_empty() {
                body.insert("reason".to_owned(), Value::from(self.reason));
            }
            if let Some(details) = &self.details {
                body.insert("details".to_owned(), details.clone());
            }
        }
        body
    }

    pub(super) fn response(&self) -> Response {
        let code = StatusCode::from_u16(self.code).unwrap_or(StatusCode::BAD_REQUEST);
        Response::typed(code, "application/json", &self.body())
    }
}

/// One thing that is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldError {
    field: String,
    problem: Problem,
    /// The value as Go prints it, for the problems that show it.
    value: String,
    detail: String,
}

/// What kind of thing is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Required,
    Invalid,
    NotFound,
    TooLong,
    Forbidden,
    NotSupported,
}

impl FieldError {
    /// The field must be there.
    pub(super) fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::of(field, Problem::Required, String::new(), detail)
    }

    /// The field's text breaks a rule.
    pub(super) fn invalid(field: impl Into<String>, value: &str, detail: &str) -> Self {
        Self::of(field, Problem::Invalid, go::quote(value), detail)
    }

    /// The field's value, given as it is printed, breaks a rule.
    pub(super) fn invalid_as_shown(field: impl Into<String>, value: String, detail: &str) -> Self {
        Self::of(field, Problem::Invalid, value, detail)
    }

    /// The field's value, which is no text, breaks a rule.
    pub(super) fn invalid_value(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::of(field, Problem::Invalid, value.to_string(), detail)
    }

    /// The field's text names what is not there.
    pub(super) fn not_found(field: impl Into<String>, value: &str) -> Self {
        Self::of(field, Problem::NotFound, go::quote(value), "")
    }

    /// The field has more than `limit` bytes.
    pub(super) fn too_long(field: impl Into<String>, limit: usize) -> Self {
        Self::of(field, Problem::TooLong, String::new(), &format!("may not be more than {limit} bytes"))
    }

    /// The field may not be there.
    pub(super) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::of(field, Problem::Forbidden, String::new(), detail)
    }

    /// The field's text is none of these.
    pub(super) fn not_supported(field: impl Into<String>, value: &str, supported: &[&str]) -> Self {
        Self::not_supported_value(field, &go::quote(value), supported)
    }

    /// The field's value, given as it is printed, is none of these.
    pub(super) fn not_supported_value(field: impl Into<String>, value: &str, supported: &[&str]) -> Self {
        let supported: Vec<_> = supported.iter().map(|value| go::quote(value)).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        Self::of(field, Problem::NotSupported, value.to_owned(), &detail)
    }

    fn of(field: impl Into<String>, problem: Problem, value: String, detail: &str) -> Self {
        Self { field: field.into(), problem, value, detail: detail.to_owned() }
    }

    fn text(&self) -> String {
        let Self { value, detail, .. } = self;
        match self.problem {
            Problem::Required if detail.is_empty() => "Required value".to_owned(),
            Problem::Required => format!("Required value: {detail}"),
            Problem::Invalid => format!("Invalid value: {value}: {detail}"),
            Problem::NotFound => format!("Not found: {value}"),
            Problem::TooLong => format!("Too long: {detail}"),
            Problem::Forbidden => format!("Forbidden: {detail}"),
            Problem::NotSupported => format!("Unsupported value: {value}: {detail}"),
        }
    }
}

impl Problem {
    fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotFound => "FieldValueNotFound",
            Self::TooLong => "FieldValueTooLong",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotSupported => "FieldValueNotSupported",
        }
    }
}

/// A resource or a kind with its group, as messages name it.
fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

fn details(name: &str, group: &str, kind: &str) -> Value {
    let pairs = [("name", name), ("group", group), ("kind", kind)];
    Value::Object(
        pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .collect(),
    )
}
