//! What a cluster's refusal to write a service account means, for the person who wrote the configuration: what to change, and where.

use super::existing::{Existing, already_exists, predecessor};
use super::object;
use crate::error::Error;
use crate::kubernetes::{self, Kind};

/// The service account that a resource writes, and as whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account<'a> {
    /// The resource's type, for the import block.
    pub(crate) type_name: &'static str,
    /// Its namespace.
    pub(crate) namespace: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
    /// The field manager that the resource applies as.
    pub(crate) field_manager: &'a str,
}

/// What is not free where a create fails in this way; `None` where it fails for another reason.
pub(crate) fn in_the_way(kind: Kind) -> Option<object::Kind> {
    match kind {
        Kind::AlreadyExists => Some(object::Kind::Account),
        Kind::ManagerInUse => Some(object::Kind::AccountKeys),
        _ => None,
    }
}

/// The error on the attribute that can end it.
pub(crate) fn explain(error: kubernetes::Error, account: Account<'_>) -> Error {
    explain_create(error, account, false)
}

/// The same for a create; `is_as_wanted` says whether the account is just what the create would make of it.
pub(crate) fn explain_create(error: kubernetes::Error, account: Account<'_>, is_as_wanted: bool) -> Error {
    let Account { type_name, namespace, name, field_manager } = account;
    let (kind, causes) = (error.kind, error.causes.clone());
    let keys = || {
        let told = causes.iter().map(|cause| format!("  - {} is owned by {}", cause.key, cause.owner()));
        told.collect::<Vec<_>>().join("\n")
    };
    let told = Error::from(error);
    match kind {
        Kind::AlreadyExists => {
            let what = format!("Service account \"{namespace}/{name}\"");
            let import_id = format!("{namespace}/{name}");
            let mut error = already_exists(Existing { what: &what, type_name, import_id: &import_id, is_as_wanted });
            error.detail.push_str(
                "\n\nIf something else creates the account, set `manage = \"annotations\"`: only annotations and labels are added \
                 then.",
            );
            error.at("name")
        }
        Kind::Conflict => Error::new(
            format!("Another field manager owns keys of service account \"{namespace}/{name}\""),
            format!(
                "{}\n\nTheir values there differ from those configured here, and nothing was written. Remove the keys here, or \
                 where that manager sets them; or set `force_conflicts = true` to overwrite them.",
                keys()
            ),
        )
        .at("force_conflicts"),
        Kind::ManagerInUse => Error::new(
            format!("Field manager \"{field_manager}\" is in use on service account \"{namespace}/{name}\""),
            format!(
                "{}\n\nThis resource has not applied them, so another resource uses the same field manager on this account, and \
                 each would remove the other's keys. Give each its own `field_manager`. If they are left over from a run that did \
                 not finish, import the account{}. {}",
                keys(),
                if is_as_wanted { "" } else { ", or create with `adopt_existing = true`" },
                predecessor("")
            ),
        )
        .at("field_manager"),
        Kind::ChangedAfterPlan | Kind::Replaced | Kind::NotFound => {
            Error { detail: format!("{}\n\nNothing was written. Plan again.", told.detail), ..told }
        }
        Kind::NamespaceNotFound | Kind::NamespaceTerminating => told.at("namespace"),
        _ => told,
    }
}

/// The error on adding annotations to what is not there. `namespace_exists` is `None` where we may not know.
pub(crate) fn missing(account: Account<'_>, namespace_exists: Option<bool>) -> Error {
    let Account { namespace, name, .. } = account;
    if namespace_exists == Some(false) {
        let detail =
            format!("Create namespace \"{namespace}\" first, or let this resource depend on the one that does.");
        return Error::new(format!("Namespace \"{namespace}\" does not exist"), detail).at("namespace");
    }
    Error::new(
        format!("Service account \"{namespace}/{name}\" does not exist"),
        "With `manage = \"annotations\"` somebody else makes the account. Let this resource depend on what does, or set \
         `manage = \"object\"` to create it here.",
    )
    .at("name")
}

/// The error on adding annotations to what is being deleted.
pub(crate) fn going(account: Account<'_>) -> Error {
    let Account { namespace, name, .. } = account;
    Error::new(
        format!("Service account \"{namespace}/{name}\" is being deleted"),
        "What is written to it now would be gone with it. Apply again when whoever owns it has made it anew.",
    )
    .at("name")
}

/// The error on making the whole object ours where only some of its keys were.
pub(crate) fn needs_consent() -> Error {
    Error::new(
        "The service account belongs to somebody else",
        "Somebody else made it, such as kubectl or a chart, and the state has `manage = \"annotations\"`. With `manage = \"object\"` \
         this resource would own the account and delete it on destroy. If that is meant, set `adopt_existing = true`.",
    )
    .at("manage")
}
