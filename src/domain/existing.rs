//! What exists already and is not in the state is never taken over silently: the error shows how to import it.

use crate::error::Error;

/// The error on creating what exists: what it is, the import block to paste, and the way to adopt it instead.
///
/// The block's `to` cannot name the resource's address, which Terraform does not tell a provider; Terraform prints it
/// itself, below the error.
pub(crate) fn already_exists(what: &str, type_name: &str, id: &str) -> Error {
    Error::new(
        format!("{what} exists already"),
        format!(
            "It was not made by this configuration, so it is left as it is.\n\n\
             To manage it from here, import it (`this` stands for the name of the resource below):\n\n\
             import {{\n  to = {type_name}.this\n  id = \"{id}\"\n}}\n\n\
             Or set `adopt_existing = true` on the resource: the create then takes it over, changes it to what is \
             configured, and destroys it with the resource."
        ),
    )
}
