//! What went wrong between us and Azure: what was tried, on what, what the service said, and what to do next.
//!
//! One type for Azure Resource Manager, Entra ID and everything on the way there. A status alone says little (409 has
//! half a dozen meanings), so the questions callers ask are methods that look at the service's own code and text.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::http::show_text;
use crate::wait::Interrupted;

/// A failed call. Its fields are those of [`Failure`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Failure>);

/// The parts of an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What sort of failure it is.
    pub kind: ErrorKind,
    /// What was tried, such as `PUT federated identity credential`.
    pub operation: String,
    /// On what: an id, or a URL without its query.
    pub target: String,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The service's own code, such as `RoleAssignmentExists` or `AADSTS700213`.
    pub code: Option<String>,
    /// What happened, in the service's words where it spoke.
    pub message: String,
    /// `x-ms-request-id`, or Entra ID's trace id: what Microsoft's support asks for.
    pub request_id: Option<String>,
    /// `x-ms-correlation-request-id`, or Entra ID's correlation id.
    pub correlation_id: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the service may have done what was asked all the same: the connection broke after the request was sent.
    pub ambiguous: bool,
}

/// Sorts of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It does not exist.
    NotFound,
    /// It contradicts what is there.
    Conflict,
    /// Signed in, but not allowed to.
    Forbidden,
    /// The token was refused.
    Unauthorized,
    /// Too many requests, until the timeout.
    Throttled,
    /// The service does not accept the request.
    BadRequest,
    /// The service failed, until the timeout or too often.
    Unavailable,
    /// No connection, or it broke.
    Network,
    /// The timeout came first.
    Timeout,
    /// Terraform asked to stop.
    Cancelled,
    /// No token: Entra ID refused, or could not be asked.
    SignIn,
    /// The provider's configuration is incomplete or contradicts itself.
    Config,
    /// An answer that is not what the service documents, such as a proxy's web page.
    Decode,
}

/// A `Result` of a call to Azure.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure with nothing but its message. What a service said may be part of it.
    pub fn new(
        kind: ErrorKind,
        operation: impl Into<String>,
        target: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Failure {
            kind,
            operation: operation.into(),
            target: target.into(),
            status: None,
            code: None,
            message: show_text(&message.into()),
            request_id: None,
            correlation_id: None,
            hint: None,
            ambiguous: false,
        }))
    }

    /// A way to sign in that is set up incompletely or contradicts itself.
    pub(crate) fn sign_in_setup(method: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, format!("sign in with {method}"), "provider configuration", message)
    }

    /// A setting of the provider's configuration that cannot be used. `name` is that of its attribute or variable, in backticks.
    pub(crate) fn setting(name: impl fmt::Display, message: impl Into<String>) -> Self {
        Self::new(
            ErrorKind::Config,
            format!("use {name} of the provider's configuration"),
            "provider configuration",
            message,
        )
    }

    /// The end of a wait.
    pub(crate) fn interrupted(why: Interrupted, operation: &str, target: &str, waiting_for: &str) -> Self {
        match why {
            Interrupted::Deadline => Self::new(
                ErrorKind::Timeout,
                operation,
                target,
                format!("the timeout was over while waiting for {waiting_for}"),
            )
            .hint("Raise the timeout in the resource's `timeouts` block if the service is only slow."),
            Interrupted::Cancelled => Self::new(
                ErrorKind::Cancelled,
                operation,
                target,
                format!("interrupted while waiting for {waiting_for}"),
            ),
        }
    }

    /// The same failure with advice; earlier advice is kept behind it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = show_text(&hint.into());
        self.hint = Some(match self.hint.take() {
            Some(earlier) => format!("{hint} {earlier}"),
            None => hint,
        });
        self
    }

    /// Whether the service's code is this one, in any case.
    pub fn has_code(&self, code: &str) -> bool {
        self.code.as_deref().is_some_and(|ours| ours.eq_ignore_ascii_case(code))
    }

    /// Another process writes a credential of the same identity just now. The one conflict that passes by itself.
    pub fn is_concurrent_credential_write(&self) -> bool {
        self.has_code("ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity")
    }

    /// The identity has another credential for the same issuer and subject.
    ///
    /// Reported as 400 in the documentation and as a conflict from the field, so the text decides.
    pub fn is_duplicate_issuer_and_subject(&self) -> bool {
        matches!(self.status, Some(400 | 409)) && self.says("issuer and subject combination already exists")
    }

    /// The identity has no room for another credential.
    ///
    /// The text is not documented; this goes by what such a text must speak of.
    pub fn is_too_many_credentials(&self) -> bool {
        matches!(self.status, Some(400 | 403 | 409))
            && !self.is_concurrent_credential_write()
            && self.says("federated identity credential")
            && ["maximum", "limit", "exceed", "quota", "more than 20", "too many"].iter().any(|word| self.says(word))
    }

    /// The object is gone. A 404 that speaks of something else than the object is not that: with the wrong tenant
    /// signed in, Azure answers so for a whole subscription.
    pub fn is_gone(&self) -> bool {
        const ELSEWHERE: [&str; 8] = [
            "SubscriptionNotFound",
            "InvalidSubscriptionId",
            "TenantNotFound",
            "InvalidRequestUri",
            "InvalidResourceType",
            "InvalidResourceNamespace",
            "NoRegisteredProviderFound",
            "InvalidApiVersionParameter",
        ];
        self.kind == ErrorKind::NotFound && self.code.is_some() && !ELSEWHERE.iter().any(|code| self.has_code(code))
    }

    /// What should hold the object does not exist, or cannot be seen yet.
    pub fn is_parent_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
            && (self.has_code("ParentResourceNotFound") || self.says("parent user-assigned identity doesn't exist"))
    }

    /// Entra ID has no such principal, or the directory's copy that was asked does not know it yet.
    pub fn is_principal_not_found(&self) -> bool {
        self.has_code("PrincipalNotFound")
    }

    /// The same role, principal and scope are assigned under another name.
    pub fn is_role_assignment_exists(&self) -> bool {
        self.has_code("RoleAssignmentExists")
    }

    /// The name of the assignment that is in the way, which newer answers give as 32 digits without dashes.
    pub fn existing_role_assignment(&self) -> Option<String> {
        let (_, after) = self.message.split_once("existing role assignment is ")?;
        let digits: String = after.chars().take_while(char::is_ascii_hexdigit).collect();
        uuid::Uuid::try_parse(&digits).ok().map(|name| name.to_string())
    }

    fn says(&self, text: &str) -> bool {
        self.message.to_lowercase().contains(text)
    }
}

impl Deref for Error {
    type Target = Failure;

    fn deref(&self) -> &Failure {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Failure {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Config => write!(f, "{}: ", self.operation)?,
            _ => write!(f, "{} `{}`: ", self.operation, self.target)?,
        }
        match (self.status, &self.code) {
            (Some(status), Some(code)) => write!(f, "{status} {code}: ")?,
            (Some(status), None) => write!(f, "{status}: ")?,
            (None, Some(code)) => write!(f, "{code}: ")?,
            (None, None) => {}
        }
        f.write_str(self.message.trim_end())?;
        if let Some(hint) = &self.hint {
            write!(f, "\n{hint}")?;
        }
        let ids = [("request id", &self.request_id), ("correlation id", &self.correlation_id)];
        let ids: Vec<String> =
            ids.iter().filter_map(|(name, id)| id.as_ref().map(|id| format!("{name} {id}"))).collect();
        if ids.is_empty() { Ok(()) } else { write!(f, "\n({})", ids.join(", ")) }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str, message: &str) -> Error {
        let mut error = Error::new(ErrorKind::Conflict, "PUT role assignment", "/x", message);
        error.status = Some(status);
        error.code = Some(code.to_owned());
        error
    }

    #[test]
    fn the_conflicts_of_credentials_are_told_apart() {
        let concurrent = answer(
            409,
            "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
            "Too many Federated Identity Credentials are written concurrently for the managed identity '/x'. Concurrent Federated Identity Credentials writes under the same managed identity are not supported.",
        );
        assert!(concurrent.is_concurrent_credential_write() && !concurrent.is_too_many_credentials());
        for (status, code) in [(400, "BadRequest"), (409, "Conflict")] {
            let duplicate =
                answer(status, code, "Issuer and subject combination already exists for this Managed Identity.");
            assert!(duplicate.is_duplicate_issuer_and_subject() && !duplicate.is_too_many_credentials());
        }
    }

    #[test]
    fn an_object_is_gone_only_when_the_404_is_about_the_object() {
        let gone = |code: Option<&str>| {
            let mut error = Error::new(ErrorKind::NotFound, "GET managed identity", "/x", "not found");
            error.code = code.map(str::to_owned);
            error.is_gone()
        };
        assert!(gone(Some("ResourceNotFound")) && gone(Some("ResourceGroupNotFound")) && gone(Some("NotFound")));
        assert!(!gone(Some("SubscriptionNotFound")) && !gone(None));
    }

    #[test]
    fn the_assignment_in_the_way_is_named_when_the_service_names_it() {
        let newer = answer(
            409,
            "RoleAssignmentExists",
            "The role assignment already exists. The ID of the existing role assignment is 2f826ae117284c63bbb7a8a150a5a52d.",
        );
        assert_eq!(newer.existing_role_assignment().as_deref(), Some("2f826ae1-1728-4c63-bbb7-a8a150a5a52d"));
        assert_eq!(
            answer(409, "RoleAssignmentExists", "The role assignment already exists.").existing_role_assignment(),
            None
        );
    }

    #[test]
    fn an_error_says_what_on_what_why_and_what_next() {
        const MESSAGE: &str = "The role assignment already exists.";
        let mut error = answer(409, "RoleAssignmentExists", MESSAGE).hint("Import it.");
        error.request_id = Some("r-1".to_owned());
        assert_eq!(
            error.to_string(),
            format!("PUT role assignment `/x`: 409 RoleAssignmentExists: {MESSAGE}\nImport it.\n(request id r-1)")
        );
    }
}
