//! The query of a write: dry run, field manager, field validation and force.

use serde_json::Value;

use super::go;
use super::status::{FieldError, Status};
use crate::core::http::Request;

const LONGEST_MANAGER: usize = 128;

/// What is done with fields that the type does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    Ignored,
    /// A `Warning` header each.
    Warned,
    Refused,
}

/// The options of a create, an update or a patch.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) dry_run: bool,
    pub(super) manager: String,
    pub(super) unknown: Unknown,
    pub(super) force: bool,
}

impl Options {
    /// The options of a POST.
    pub(super) fn of_create(request: &Request) -> Result<Self, Status> {
        Self::read(request, "CreateOptions", Vec::new())
    }

    /// The options of a PUT.
    pub(super) fn of_update(request: &Request) -> Result<Self, Status> {
        Self::read(request, "UpdateOptions", Vec::new())
    }

    /// The options of a PATCH; only an apply may be forced, and only it must name its manager.
    pub(super) fn of_patch(request: &Request, apply: bool) -> Result<Self, Status> {
        let mut errors = Vec::new();
        if apply && exact(request, "fieldManager").is_none_or(str::is_empty) {
            errors.push(FieldError::required("fieldManager", "is required for apply patch"));
        }
        if !apply && exact(request, "force").is_some() {
            errors.push(FieldError::forbidden("force", "may not be specified for non-apply patch"));
        }
        Self::read(request, "PatchOptions", errors)
    }

    fn read(request: &Request, kind: &str, mut errors: Vec<FieldError>) -> Result<Self, Status> {
        let manager = exact(request, "fieldManager").unwrap_or_default();
        if manager.len() > LONGEST_MANAGER {
            errors.push(FieldError::too_long("fieldManager", LONGEST_MANAGER));
        }
        if let Some((at, bad)) = manager.char_indices().find(|(_, character)| character.is_control()) {
            let detail = format!("invalid character U+{:04X} (at position {at})", u32::from(bad));
            errors.push(FieldError::invalid("fieldManager", manager, &detail));
        }
        let dry_run: Vec<&str> =
            request.query.iter().filter(|(key, _)| key == "dryRun").map(|(_, value)| value.as_str()).collect();
        errors.extend(dry_run_errors(&dry_run));
        let unknown = match exact(request, "fieldValidation") {
            Some("Ignore") => Unknown::Ignored,
            Some("Strict") => Unknown::Refused,
            None | Some("" | "Warn") => Unknown::Warned,
            Some(other) => {
                errors.push(FieldError::not_supported("fieldValidation", other, &["", "Ignore", "Strict", "Warn"]));
                Unknown::Warned
            }
        };
        if !errors.is_empty() {
            return Err(Status::invalid(kind, "meta.k8s.io", "", &errors));
        }
        Ok(Self {
            dry_run: !dry_run.is_empty(),
            manager: if manager.is_empty() { agent(request) } else { manager.to_owned() },
            unknown,
            force: flag(request, "force"),
        })
    }
}

/// What is wrong with the values of `dryRun`.
pub(super) fn dry_run_errors(values: &[&str]) -> Option<FieldError> {
    let good = values.is_empty() || values == ["All"];
    let shown = Value::from(values.to_vec()).to_string();
    (!good).then(|| FieldError::not_supported_value("dryRun", &shown, &["All"]))
}

/// The value of this name; unlike ARM's, the API server's names have a case.
pub(super) fn exact<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Whether a flag is set, in the ways that the API server takes: there and not `false` or `0`.
pub(super) fn flag(request: &Request, name: &str) -> bool {
    exact(request, name).is_some_and(|value| !matches!(value.to_ascii_lowercase().as_str(), "false" | "0"))
}

/// A number of the query.
///
/// # Errors
/// 400 when it is none.
pub(super) fn number(request: &Request, name: &str) -> Result<Option<i64>, Status> {
    match exact(request, name) {
        None | Some("") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing {}: invalid syntax", go::quote(text)))),
    }
}

/// The manager of whoever names none: the user agent up to its first slash.
fn agent(request: &Request) -> String {
    let agent = request.header("user-agent").unwrap_or_default();
    let name = agent.split('/').next().unwrap_or_default();
    name.chars().filter(|character| !character.is_control()).take(LONGEST_MANAGER).collect()
}
