//! What is wrong with a value that came over the wire, and where in it.

use tf_provider::{AttributePath, AttributePathStep};

use crate::error::Error;

/// A value that does not fit its type, or no value at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed {
    problem: String,
    /// From the inside out, as it is found on the way back up.
    steps: Vec<AttributePathStep>,
}

impl Malformed {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), steps: Vec::new() }
    }

    /// The same, found inside an attribute.
    pub(super) fn in_attribute(self, name: &str) -> Self {
        self.inside(AttributePathStep::Attribute(name.to_owned().into()))
    }

    /// The same, found inside an element of a map.
    pub(super) fn in_key(self, key: &str) -> Self {
        self.inside(AttributePathStep::Key(key.to_owned().into()))
    }

    /// The same, found inside an element of a list or tuple. A set has no path to its elements.
    pub(super) fn in_element(self, index: usize) -> Self {
        self.inside(AttributePathStep::Index(i64::try_from(index).unwrap_or(i64::MAX)))
    }

    fn inside(mut self, step: AttributePathStep) -> Self {
        self.steps.push(step);
        self
    }

    /// The error to show. `what` is the value as a whole, such as "the planned state of azwi_service_account".
    pub(super) fn into_error(self, what: &str) -> Error {
        let path = AttributePath { steps: self.steps.into_iter().rev().collect() };
        Error::new(
            format!("Cannot read {what}"),
            format!(
                "{}. Terraform sent something that does not fit this provider's schema, as it does when the provider \
                 was replaced by another version while Terraform ran. Run the same command again; if that does not \
                 help, please report it.",
                self.problem
            ),
        )
        .at_path(path)
    }
}
