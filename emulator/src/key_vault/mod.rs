//! Key Vault's data plane: secrets, behind tokens and roles. Each vault has its own port ([`ports`]), and the path of a
//! request begins with the vault's name once it is inside.
//!
//! Documents: `keyvault/names/<vault>` is the vault's id in Azure Resource Manager, because a name exists once in the world;
//! `keyvault/secrets/<vault>/<name>` a secret with its versions, oldest first; `keyvault/deletedsecrets/<vault>/<name>` one
//! that was deleted and can be recovered.

mod access;
mod deleted_secret;
mod error;
pub(crate) mod ports;
pub(crate) mod secret;

use http::StatusCode;

use self::error::Error;
use super::http::Response;
use super::json::Json as _;
use super::operation::Operation;
use super::store::Store;
use super::world::World;

/// Everything that is asked of a vault.
pub(crate) const OPERATIONS: &[&[Operation]] = &[secret::OPERATIONS, deleted_secret::OPERATIONS];

/// Forgets a vault: its name and all of its secrets.
pub(crate) fn forget(store: &mut Store, name: &str) {
    let name = name.to_lowercase();
    let mut keys = vec![format!("{}{name}", ports::NAMES)];
    for kind in ["secrets", "deletedsecrets"] {
        let prefix = format!("keyvault/{kind}/{name}/");
        keys.extend(store.under(&prefix).map(|(key, _)| key.to_owned()));
    }
    for key in keys {
        store.remove(&key);
    }
}

/// The answer to a path or a method that a vault has not.
pub(crate) fn unknown(known: bool) -> Response {
    let error = if known {
        Error::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "The vault does not support this method here.")
    } else {
        Error::new(StatusCode::NOT_FOUND, "NotFound", "The request path is none that a vault knows.")
    };
    error.response()
}

/// Adds what every answer of a vault carries.
pub(crate) fn finish(world: &World, vault: Option<&str>, response: Response) -> Response {
    let vault = vault.and_then(|vault| super::arm::vault::by_name(&world.store, vault));
    response
        .with("x-ms-keyvault-region", vault.map_or("", |vault| vault.text("location")))
        .with("x-ms-keyvault-service-version", "1.9.2000.1")
        .with("x-ms-request-id", &uuid::Uuid::new_v4().to_string())
        .with("cache-control", "no-cache")
        .with("x-content-type-options", "nosniff")
}
