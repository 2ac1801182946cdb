//! What a person reads when something is wrong: what happened, on what, and what to do next.

use std::fmt;

use serde::Serialize;
use tf_provider::AttributePath;

/// The result of everything that can fail in front of a user.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// An error or a warning, on its way to become one diagnostic.
///
/// A failed call may have changed the world all the same; [`Error::keeping`] carries what must be saved.
#[derive(Debug, Clone, Default)]
pub struct Error {
    /// One line: what happened, on what.
    pub summary: String,
    /// What was expected and found, the service's code and request id, and what to do next.
    pub detail: String,
    /// The attribute at fault; empty for the whole object.
    pub attribute: AttributePath,
    /// The model to save although the call failed.
    pub state: Option<serde_json::Value>,
    /// Set where a client could not be made because the provider's configuration is not known yet.
    pub configuration_unknown: bool,
    /// Set where the cluster that the provider's configuration names does not exist, or no longer.
    pub cluster_missing: bool,
}

impl Error {
    /// An error on the whole object.
    pub(crate) fn new(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            detail: detail.into(),
            attribute: AttributePath::root(),
            state: None,
            configuration_unknown: false,
            cluster_missing: false,
        }
    }

    /// The same error on a top-level attribute.
    #[must_use]
    pub(crate) fn at(self, attribute: &str) -> Self {
        self.at_path(AttributePath::new(attribute.to_owned()))
    }

    /// The same error on the attribute at `path`.
    #[must_use]
    pub(crate) fn at_path(mut self, path: AttributePath) -> Self {
        self.attribute = path;
        self
    }

    /// The same error, with the state that must be saved all the same.
    #[must_use]
    pub(crate) fn keeping<M: Serialize>(mut self, model: &M) -> Self {
        self.state = serde_json::to_value(model).ok();
        self
    }

    /// Something that only a defect of this provider can cause.
    pub(crate) fn defect(what: impl fmt::Display) -> Self {
        Self::new(
            "The provider has a defect",
            format!(
                "{what}\n\nNothing in your configuration causes this. Please report it, with the lines that TF_LOG_PROVIDER=debug prints."
            ),
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.summary, self.detail)
    }
}

impl std::error::Error for Error {}

impl From<crate::kubernetes::Error> for Error {
    /// The attribute stays open: where one is at fault it is the provider's, which a resource's diagnostic cannot point at.
    fn from(error: crate::kubernetes::Error) -> Self {
        let mut detail = match error.attribute {
            Some(_) => sentence(&error.message),
            None => error.message.trim_end().to_owned(),
        };
        let answer: Vec<String> = error
            .status
            .map(|status| status.to_string())
            .into_iter()
            .chain((!error.reason.is_empty()).then(|| error.reason.clone()))
            .collect();
        if !answer.is_empty() {
            detail.push_str(&format!("\n\nThe API server answered {}.", answer.join(" ")));
        }
        if !error.hint.is_empty() {
            detail.push_str(&format!("\n\n{}", error.hint));
        }
        Self {
            cluster_missing: error.kind == crate::kubernetes::Kind::NoCluster,
            ..Self::new(format!("Could not {} {}", error.operation, error.object), detail)
        }
    }
}

/// A message as a sentence of its own.
fn sentence(message: &str) -> String {
    let mut letters = message.trim_end().chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

impl From<crate::azure::Error> for Error {
    fn from(error: crate::azure::Error) -> Self {
        let verbs =
            [("GET ", "read"), ("PUT ", "write"), ("PATCH ", "change"), ("DELETE ", "delete"), ("POST ", "call")];
        let summary = verbs
            .iter()
            .find_map(|(method, verb)| Some(format!("Could not {verb} the {}", error.operation.strip_prefix(method)?)))
            .unwrap_or_else(|| format!("Could not {}", error.operation));
        let status = error.status.map(|status| status.to_string());
        let answer: Vec<&str> = status.as_deref().into_iter().chain(error.code.as_deref()).collect();
        let mut detail = error.message.trim_end().to_owned();
        if let Some(hint) = &error.hint {
            detail.push_str(&format!("\n\n{hint}"));
        }
        if error.kind != crate::azure::ErrorKind::Config {
            // A target may join two names with backticks, which `Display` closes.
            detail.push_str(&format!("\n\nOn: {}", error.target.replace("` at `", " at ")));
        }
        if !answer.is_empty() {
            detail.push_str(&format!("\nAnswer: {}", answer.join(" ")));
        }
        for (name, id) in [("Request id", &error.request_id), ("Correlation id", &error.correlation_id)] {
            if let Some(id) = id {
                detail.push_str(&format!("\n{name}: {id}"));
            }
        }
        Self::new(summary, detail)
    }
}
