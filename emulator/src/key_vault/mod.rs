//! Key Vault's data plane: secrets, behind tokens and roles. Each vault has a port of its name, and the path of a
//! request begins with the vault's name once it is inside.
//!
//! Documents: `keyvault/secrets/<vault>/<name>` a secret with its versions, oldest first; `keyvault/deletedsecrets/<vault>/<name>` one
//! that was deleted and can be recovered.

mod access;
mod deleted_secret;
mod error;
pub(crate) mod secret;

use http::StatusCode;

use self::error::Error;
use crate::arm::vault;
use crate::core::http::{Request, Response};
use crate::core::json::Json as _;
use crate::core::operation::{Call, Operation};
use crate::core::surface::{Domain, Failure, Surface};
use crate::core::world::World;

/// The data plane of all vaults.
pub(crate) struct KeyVault;

impl Surface for KeyVault {
    fn name(&self) -> &'static str {
        "key_vault"
    }

    /// Whatever comes in at a port with a name, which only vaults have.
    fn serves(&self, request: &Request, _segments: &[String]) -> bool {
        request.port.is_some()
    }

    fn operations(&self) -> &'static [&'static [Operation]] {
        &[secret::OPERATIONS, deleted_secret::OPERATIONS]
    }

    fn failure(&self, failure: Failure<'_>) -> Response {
        let (status, code, message) = match failure {
            Failure::UnknownPath(_) => {
                (StatusCode::NOT_FOUND, "NotFound", "The request path is none that a vault knows.")
            }
            Failure::OtherMethod(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "The vault does not support this method here.")
            }
            Failure::UnsafePath => {
                (StatusCode::BAD_REQUEST, "BadParameter", "The request path has a part that no name can be.")
            }
            Failure::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "The request content is larger than 4 MB.")
            }
            Failure::Internal(reason) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", reason),
        };
        Error::new(status, code, message).response()
    }

    fn finish(&self, world: &World, _request: &Request, call: Option<&Call<'_>>, response: Response) -> Response {
        let vault = call.and_then(|call| vault::by_name(&world.store, call.parameter("vault")));
        response
            .with("x-ms-keyvault-region", vault.map_or("", |vault| vault.text("location")))
            .with("x-ms-keyvault-service-version", "1.9.2000.1")
            .with("x-ms-request-id", &uuid::Uuid::new_v4().to_string())
            .with("cache-control", "no-cache")
            .with("x-content-type-options", "nosniff")
    }

    fn settle(&self, world: &mut World) -> Result<(), String> {
        let names = vault::names(&world.store);
        world.ports.reconcile(&mut world.store, names)
    }

    fn domain(&self) -> Option<Domain> {
        let has = |world: &World, name: &str| vault::by_name(&world.store, name).is_some();
        Some(Domain { suffix: ".vault.azure.net", noun: "vault", has })
    }
}
