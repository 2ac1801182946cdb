//! One owner for each object: what exists and is not in the state is never taken over silently, what two resources claim is an
//! error that names both, and what changed its owner is not deleted.

use super::object::{Kind, Object};
use crate::error::Error;

/// An object that a create has met.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Existing<'a> {
    /// What it is, such as "The managed identity `app`".
    pub(crate) what: &'a str,
    /// The type that imports it.
    pub(crate) type_name: &'a str,
    /// Its import id.
    pub(crate) import_id: &'a str,
    /// Whether it is just what the create would make.
    pub(crate) is_as_wanted: bool,
}

/// The error on creating what exists: what it is, the import block to paste, and the way to adopt it instead.
///
/// The block's `to` cannot name the resource's address, which Terraform does not tell a provider; Terraform prints it
/// itself, below the error. Nor does Terraform say whether the create is the first half of a replacement with
/// `create_before_destroy`; an object that is just as configured is likely to be what it replaces, and adopting it would then only
/// hide that nothing is replaced.
pub(crate) fn already_exists(existing: Existing<'_>) -> Error {
    let Existing { what, type_name, import_id, is_as_wanted } = existing;
    let summary = format!("{what} exists already");
    let import = format!("import {{\n  to = {type_name}.this\n  id = \"{import_id}\"\n}}");
    if is_as_wanted {
        return Error::new(
            summary,
            format!(
                "It is exactly as configured here, and was left unchanged.\n\n\
                 If an earlier run created it and did not record it, import it (`this` stands for the name of the resource below):\n\n\
                 {import}\n\n{}",
                predecessor("")
            ),
        );
    }
    Error::new(
        summary,
        format!(
            "No other resource has created it in this run, and it was left unchanged.\n\n\
             To manage it from here, import it (`this` stands for the name of the resource below):\n\n\
             {import}\n\n\
             Or set `adopt_existing = true` on the resource: the create then takes it over, changes it to what is configured, and \
             destroys it with the resource.\n\n{}",
            predecessor("do neither: ")
        ),
    )
}

/// What to do where the object in the way is in the state, under this address or another.
pub(crate) fn predecessor(instead: &str) -> String {
    format!(
        "If this resource replaces it under `create_before_destroy`, {instead}two objects cannot have one name, so the new one \
         cannot come first. Remove `create_before_destroy`, or give the new object another name. If it is in the state under \
         another address, such as an earlier `for_each` key, use a `moved` block, or apply again once it is destroyed."
    )
}

/// The error on an object that two resource instances of one configuration would own: the one that is refused, and the other.
pub(crate) fn two_owners(object: &Object, own: &str, other: &str) -> Error {
    let (summary, advice) = match object.kind() {
        Kind::Trust => (
            "Two credentials of one identity have the same issuer and subject",
            "Azure allows this pair once on an identity. Remove one of the two.",
        ),
        Kind::Role => (
            "Two resources assign the same role",
            "Azure assigns a role once to a principal at a scope, so the one that is removed first would take the role from the \
             other. Remove one of the two.",
        ),
        Kind::AccountKeys => (
            "Two resources use the same field manager on one service account",
            "Each would remove the other's annotations and labels. Remove one of the two, or give each its own `field_manager`.",
        ),
        Kind::Identity | Kind::Credential | Kind::Account => (
            "Two resources manage the same object",
            "Each would overwrite the other, and the one that is destroyed first would take the object from both. Remove one of the \
             two, or give them different names.",
        ),
    };
    Error::new(summary, format!("{object} belongs to\n\n  - {other}\n  - {own} (this resource)\n\n{advice}"))
}

/// The warning on an object that is not deleted because it has another owner by now.
pub(crate) fn not_deleted(object: &Object, owner: &str, adopted: bool) -> Error {
    let did = if adopted { "adopted" } else { "wrote" };
    Error::new(
        format!("{object} was not deleted"),
        format!(
            "{owner} {did} it in the same run, so it belongs to that resource now. A replacement with `create_before_destroy` and \
             `adopt_existing` ends like this: the new resource takes the object of the old one over, and nothing is created anew."
        ),
    )
}

/// The refusal of a credential whose issuer and subject another one holds; `told` is what the service said.
pub(crate) fn held_by(credential: &str, told: &str) -> String {
    format!(
        "Credential `{credential}` of this identity holds the same issuer and subject. If this configuration changes or deletes it, apply \
         again: that had not begun, since Terraform makes only as many changes at once as `-parallelism` allows. If this resource \
         replaces it under `create_before_destroy`, remove that: the new credential cannot come first.\n\n{told}"
    )
}

/// The error on what nobody has left: that of the last attempt, and what is known of who was to leave it.
pub(crate) fn still_taken(object: &Object, mut error: Error, leaver: Option<&str>, gave_up: bool) -> Error {
    if let Some(leaver) = leaver {
        let told = format!("{leaver} is to give it up in this run, and has not. Apply again.");
        // The advice before what the service said is for the case that nobody is known to leave.
        let said = error.detail.split_once("\n\n").map_or("", |(_, said)| said);
        error.detail = if object.kind() == Kind::Trust { format!("{object}:\n{told}\n\n{said}") } else { told };
    }
    if gave_up {
        error.detail.push_str(
            "\n\nOther resources waited for this one, so its old object was deleted to let them go on. Apply again to create the new one.",
        );
    }
    error
}
