//! The ids of Azure objects, parsed once and safe to put into a URL from then on.
//!
//! Azure ignores the case of ids, and its services answer with another casing than they were asked with
//! (`resourcegroups`), so ids are equal when they differ by case alone and `key()` is the lower-case form for maps and
//! comparisons. `Display` writes the fixed parts the way the documentation does and the names as they were given.
//!
//! Path parts are not escaped by the generated clients. Whatever could leave its place in a path is refused here.

mod cluster;
mod identity;
mod role;
mod scope;

use std::fmt;

pub use cluster::{ClusterId, ClusterKind};
pub use identity::{CredentialId, IdentityId, ResourceGroupId, SubscriptionId};
pub(crate) use identity::{check_credential_name, check_identity_name};
pub use role::{RoleAssignmentId, RoleDefinitionId};
pub use scope::{Scope, ScopeKind};

/// Text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {expected}: {reason}. It looks like `{example}`")]
pub struct IdError {
    /// What was given.
    pub given: String,
    /// What was expected, with its article, such as "the id of a managed identity".
    pub expected: &'static str,
    /// Why it is not one.
    pub reason: String,
    /// One that is right.
    pub example: &'static str,
}

/// What an id type says about itself in its errors.
pub(super) trait Kind {
    const EXPECTED: &'static str;
    const EXAMPLE: &'static str;

    fn error(given: &str, reason: impl Into<String>) -> IdError {
        IdError { given: given.to_owned(), expected: Self::EXPECTED, reason: reason.into(), example: Self::EXAMPLE }
    }

    /// The parts between the slashes of an id, each safe in a path.
    fn parts(given: &str) -> Result<Vec<&str>, IdError> {
        if given.trim() != given {
            return Err(Self::error(given, "it has white space around it"));
        }
        let rest = given.strip_prefix('/').ok_or_else(|| Self::error(given, "it does not start with a slash"))?;
        let parts: Vec<&str> = rest.strip_suffix('/').unwrap_or(rest).split('/').collect();
        match parts.iter().find_map(|part| check_part(part).err()) {
            Some(reason) => Err(Self::error(given, reason)),
            None => Ok(parts),
        }
    }
}

/// Implements what all ids share: equality, hashing and a key without case, on top of `Display`.
macro_rules! id_without_case {
    ($type:ty) => {
        impl $type {
            /// The id in lower case, equal for equal ids.
            pub fn key(&self) -> String {
                self.to_string().to_lowercase()
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.key() == other.key()
            }
        }

        impl Eq for $type {}

        impl std::hash::Hash for $type {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.key().hash(state);
            }
        }
    };
}
use id_without_case;

/// Whether this is a GUID in its usual form: 8-4-4-4-12 hexadecimal digits.
pub(crate) fn is_guid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// Refuses what could change the meaning of a URL around it.
fn check_part(part: &str) -> Result<(), String> {
    if part.is_empty() {
        return Err("a part between two slashes is empty".to_owned());
    }
    if part == "." || part == ".." {
        return Err(format!("`{part}` cannot be a part of it"));
    }
    match part.chars().find(|c| matches!(c, '?' | '#' | '%' | '|' | '\\') || c.is_control()) {
        Some(c) => Err(format!("`{}` may not contain `{}`", part.escape_debug(), c.escape_debug())),
        None => Ok(()),
    }
}

fn check_subscription(text: &str) -> Result<(), String> {
    if !is_guid(text) {
        return Err(format!("the subscription `{text}` is not a GUID"));
    }
    // It stands in examples, and is left there.
    if uuid::Uuid::try_parse(text).is_ok_and(|guid| guid.is_nil()) {
        return Err(format!("the subscription `{text}` is a placeholder"));
    }
    Ok(())
}

/// The rule of Azure Resource Manager for names of resource groups.
///
/// # Errors
/// The rule, in words.
pub(crate) fn check_resource_group(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')');
    if name.is_empty() || name.chars().count() > 90 || !name.chars().all(allowed) || name.ends_with('.') {
        return Err(format!(
            "the resource group name `{name}` must have 1 to 90 letters, digits, `-`, `_`, `.`, `(` or `)` and not end with a period"
        ));
    }
    Ok(())
}

/// Whether two names, or parts of ids, are one: Azure ignores their case.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// Compares a fixed part of an id.
fn same(part: &str, fixed: &str) -> bool {
    part.eq_ignore_ascii_case(fixed)
}

impl fmt::Display for ScopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "the root of the tenant",
            Self::ManagementGroup => "a management group",
            Self::Subscription => "a subscription",
            Self::ResourceGroup => "a resource group",
            Self::Resource => "a resource",
        })
    }
}
