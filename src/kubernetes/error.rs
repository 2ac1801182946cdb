//! What went wrong between us and an API server: what was tried, on what, what it said, and what to do next.
//!
//! The API server tells most failures apart by `reason`, not by status: 409 is "already exists", "field manager conflict",
//! "modified meanwhile" and "uid differs", and 403 is also how a namespace says that it is going away.

use std::{fmt, ops::Deref};

use http::StatusCode;
use kube::core::Status;

use super::managed_fields::Key;
use crate::http::{show_at_most, show_text};

/// At most this many characters of a code, a name or a body that is no Status are shown.
const EXCERPT: usize = 200;

/// A [`Failure`], boxed, because every call returns one or the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Failure>);

/// A failed operation on an API server, or a decision not to make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which failure it is; decide by this, never by the message.
    pub kind: Kind,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The API server's own code, such as `AlreadyExists`; empty where it gave none.
    pub reason: String,
    /// What happened, in the server's words where it has some.
    pub message: String,
    /// The field managers in the way, with the field each one holds.
    pub causes: Vec<Cause>,
    /// What was tried: `read`, `create`, `apply to`, `delete`.
    pub operation: &'static str,
    /// What it was tried on, as `service account "app/web"`.
    pub object: String,
    /// What to do next; empty where the message says it.
    pub hint: String,
    /// The attribute of the `kubernetes` block that is at fault, where one is.
    pub attribute: Option<&'static str>,
}

/// The failures that callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The connection's settings are missing, contradictory or unreadable. Nothing was sent.
    Configuration,
    /// The cluster does not exist, says whoever should hand out its kubeconfig. Nothing was sent.
    NoCluster,
    /// The API server could not be reached. Nothing was sent.
    Unreachable,
    /// The API server's certificate is not one to trust. Nothing was sent.
    Untrusted,
    /// The request was sent and its answer never came: whether it took effect is not known.
    Lost,
    /// The operation's deadline passed.
    TimedOut,
    /// The user asked to stop.
    Cancelled,
    /// 401: the credentials were not accepted.
    Unauthorized,
    /// 403: the user lacks a permission.
    Forbidden,
    /// Any 4xx from an admission webhook or policy, whichever status it chose.
    Refused,
    /// The namespace does not exist.
    NamespaceNotFound,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// The object does not exist.
    NotFound,
    /// An object of that name exists.
    AlreadyExists,
    /// An object of that name exists and is being deleted.
    BeingDeleted,
    /// Another field manager owns what we apply; see [`Error::causes`].
    Conflict,
    /// The object was written after we read it.
    Modified,
    /// Another object has the name now: the uid is not the one we knew.
    Replaced,
    /// 400, 415, 422: the request is not valid.
    Invalid,
    /// 429 after all retries.
    Throttled,
    /// 500, 502, 503, 504 after the retries that were safe.
    Server,
    /// The answer could not be read.
    Unreadable,
    /// A key of ours has neither the value that was planned from nor the planned one.
    ChangedAfterPlan,
    /// Our field manager owns keys on the object that this caller never applied.
    ManagerInUse,
}

/// One field that another manager holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The manager as the server names it: `"helm" using v1` for an update, `"azwi"` for an apply; empty where unknown.
    pub manager: String,
    /// The field.
    pub key: Key,
}

impl Cause {
    /// The manager, in words.
    pub fn owner(&self) -> &str {
        match self.manager.as_str() {
            "" => "somebody whose name was not kept",
            // The API server's name for all that was written before the object had managed fields.
            known if known.contains("before-first-apply") => {
                "whoever wrote it before anybody applied to the account (\"before-first-apply\")"
            }
            known => known,
        }
    }
}

/// What a request was for; every error of it says so.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) operation: &'static str,
    pub(super) object: String,
    /// The RBAC verb that it takes.
    pub(super) verb: &'static str,
    /// The RBAC resource, as `serviceaccounts` or `serviceaccounts/token`.
    pub(super) resource: &'static str,
    pub(super) namespace: String,
}

impl Error {
    pub(super) fn configuration(attribute: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let mut error = Self::new(Kind::Configuration, "connect to", "the Kubernetes cluster", message, hint);
        error.0.attribute = Some(attribute);
        error
    }

    /// A failure that no answer tells of. What a server or a plugin said may be part of both texts.
    fn new(
        kind: Kind,
        operation: &'static str,
        object: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self(Box::new(Failure {
            kind,
            status: None,
            reason: String::new(),
            message: show_text(&message.into()),
            causes: Vec::new(),
            operation,
            object: object.into(),
            hint: show_text(&hint.into()),
            attribute: None,
        }))
    }

    /// An error on the way to a cluster, by whoever should hand out its kubeconfig or a token.
    pub(crate) fn on_the_way(
        kind: Kind,
        cluster: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let mut error = Self::configuration("cluster_id", message, hint).of(kind);
        error.0.object = cluster.into();
        error
    }

    /// The same error with one more advice.
    pub(super) fn advise(mut self, advice: &str) -> Self {
        let space = if self.0.hint.is_empty() || advice.is_empty() { "" } else { " " };
        self.0.hint = format!("{}{space}{}", self.0.hint, show_text(advice));
        self
    }

    /// The same error of another kind.
    pub(super) fn of(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same error with the managers in the way.
    pub(super) fn because_of(mut self, causes: Vec<Cause>) -> Self {
        self.0.causes = causes;
        self
    }

    /// True where the request may have taken effect although it failed.
    pub(crate) fn is_ambiguous(&self) -> bool {
        matches!(self.kind, Kind::Lost | Kind::Server)
    }
}

impl Deref for Error {
    type Target = Failure;

    fn deref(&self) -> &Failure {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {} {}: {}", self.operation, self.object, self.message)?;
        if !self.hint.is_empty() {
            write!(f, " {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl Task {
    /// An error of this task that did not come from the API server.
    pub(super) fn error(&self, kind: Kind, message: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::new(kind, self.operation, &self.object, message, hint)
    }

    /// What an answer other than 2xx means. `signed_in` says how we signed in, for the hint of a 401.
    pub(super) fn refused(&self, status: StatusCode, body: &[u8], signed_in: &str) -> Error {
        // Proxies and load balancers answer in HTML, and the API server itself answers some paths in plain text.
        let said: Status = match serde_json::from_slice::<Status>(body) {
            Ok(said) if !said.message.is_empty() || !said.reason.is_empty() => said,
            _ => Status { message: excerpt(status, body), ..Status::default() },
        };
        let kind = kind(status, &said);
        let message = if said.message.is_empty() { said.reason.clone() } else { said.message.clone() };
        let mut error = self.error(kind, message, "");
        error.0.status = Some(status.as_u16());
        error.0.reason = show_at_most(&said.reason, EXCERPT);
        error.0.hint = self.hint(kind, status, &error.message, signed_in);
        if kind == Kind::Conflict { error.because_of(causes(&said)) } else { error }
    }

    fn hint(&self, kind: Kind, status: StatusCode, message: &str, signed_in: &str) -> String {
        let Self { namespace, verb, resource, .. } = self;
        match kind {
            Kind::Unauthorized => format!(
                "The API server does not accept {signed_in}. Check that it is meant for this cluster and has not expired."
            ),
            Kind::Forbidden if message.contains("\"system:anonymous\"") => format!(
                "The request was anonymous: {signed_in}. Set `token`, `exec`, a client certificate or a kubeconfig in the \
                 `kubernetes` block."
            ),
            Kind::Forbidden => format!(
                "Grant it with a Role in namespace \"{namespace}\": apiGroups: [\"\"], resources: [\"{resource}\"], \
                 verbs: [\"{verb}\"]."
            ),
            Kind::NamespaceNotFound => {
                format!("Create namespace \"{namespace}\" first, or let this resource depend on the one that does.")
            }
            Kind::NamespaceTerminating => format!("Wait until namespace \"{namespace}\" is gone and create it again."),
            Kind::Server if message.contains("failed to create typed patch object") => {
                "The request itself was malformed: this is a defect of the provider, please report it.".to_owned()
            }
            Kind::Server => format!("The API server answered {} and may not have acted. Try again.", status.as_u16()),
            Kind::Throttled => {
                "The API server is overloaded or limits this client. Lower -parallelism or try later.".to_owned()
            }
            _ => String::new(),
        }
    }
}

fn kind(status: StatusCode, said: &Status) -> Kind {
    let details = said.details.as_ref();
    let has_cause = |wanted: &str| details.is_some_and(|d| d.causes.iter().any(|cause| cause.reason == wanted));
    match status.as_u16() {
        // Before all others: a policy chooses status, reason and words itself.
        400..=499 if denied_by_admission(&said.message) => Kind::Refused,
        401 => Kind::Unauthorized,
        403 if has_cause("NamespaceTerminating") => Kind::NamespaceTerminating,
        // An authorizer's refusal names the verb; an admission plugin's or webhook's does not.
        403 if said.message.contains(" cannot ") || said.reason.is_empty() => Kind::Forbidden,
        403 => Kind::Refused,
        404 if details.is_some_and(|d| d.kind == "namespaces") => Kind::NamespaceNotFound,
        404 => Kind::NotFound,
        409 if said.reason == "AlreadyExists" && said.message.starts_with("object is being deleted") => {
            Kind::BeingDeleted
        }
        409 if said.reason == "AlreadyExists" => Kind::AlreadyExists,
        409 if has_cause("FieldManagerConflict") => Kind::Conflict,
        409 if said.message.contains("uid mismatch") || said.message.contains("UID in the precondition") => {
            Kind::Replaced
        }
        409 => Kind::Modified,
        // An apply that carries the uid of a predecessor of the same name: 422, metadata.uid is immutable.
        422 if details.is_some_and(|d| d.causes.iter().any(|cause| cause.field == "metadata.uid")) => Kind::Replaced,
        429 => Kind::Throttled,
        400..=499 => Kind::Invalid,
        500..=599 => Kind::Server,
        _ => Kind::Unreadable,
    }
}

/// Whether a webhook or a policy of the cluster's refused, in the words that the API server puts before theirs.
fn denied_by_admission(message: &str) -> bool {
    message.starts_with("admission webhook \"")
        || message.contains("ValidatingAdmissionPolicy '") && message.contains("' denied request: ")
}

fn causes(said: &Status) -> Vec<Cause> {
    let Some(details) = &said.details else { return Vec::new() };
    let of_managers = details.causes.iter().filter(|cause| cause.reason == "FieldManagerConflict");
    of_managers
        .map(|cause| Cause {
            manager: show_at_most(cause.message.trim_start_matches("conflict with "), EXCERPT),
            key: Key::from_path(&cause.field),
        })
        .collect()
}

/// The start of a body that is no Status, on one line.
fn excerpt(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..64 * EXCERPT).unwrap_or(body));
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(EXCERPT).collect();
    if line.is_empty() { format!("HTTP {status}, without a body") } else { format!("HTTP {status}: {line}") }
}
