//! The kinds of things that this provider has none of yet. Terraform asks only for what the schema
//! lists, so who gets these answers has a schema of another version, or is testing us.

use super::proto::tfplugin6::{FunctionError, call_function};
use crate::error::{Error, Result};

/// Answers a call on `name`, which is of a `kind` that has no members.
pub(super) async fn absent<T>(kind: &str, name: &str) -> Result<T> {
    Err(error(kind, name))
}

/// Answers the call of a function.
pub(super) fn function(name: &str) -> call_function::Response {
    let Error { summary, detail, .. } = error("function", name);
    let error = FunctionError { text: format!("{summary}. {detail}"), function_argument: None };
    call_function::Response { result: None, error: Some(error) }
}

fn error(kind: &str, name: &str) -> Error {
    Error::new(
        format!("This provider has no {kind} `{name}`"),
        format!("This version of the provider has no {kind} of that name. Upgrade the provider, or remove it."),
    )
}
