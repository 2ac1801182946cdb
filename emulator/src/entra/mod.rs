//! Entra ID: sign-in of applications and managed identities, and the metadata that clients look up before it.
//!
//! Documents: `entra/tenants/<tenant>`, below it `principals/<object id>` and `clients/<client id>`. The credentials of a
//! managed identity are Azure Resource Manager's documents; those of an application are in its client document.

pub(crate) mod assertion;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod expression;
pub(crate) mod federated;
pub(crate) mod issuer;
pub(crate) mod metadata;
pub(crate) mod principal;
pub(crate) mod replicas;
pub(crate) mod resource;
pub(crate) mod seed;
pub(crate) mod signing_key;
pub(crate) mod tenant;
pub(crate) mod token;

use std::path::Path;

use http::StatusCode;
use serde_json::json;

use self::issuer::FetchedKeys;
use self::replicas::Replicas;
use crate::core::http::{Request, Response};
use crate::core::operation::{self, Call, Found, Operation};
use crate::core::surface::{Failure, Surface};
use crate::core::world::World;

/// `login.microsoftonline.com`.
pub(crate) struct Entra;

const OPERATIONS: &[&[Operation]] = &[metadata::OPERATIONS, token::OPERATIONS];

impl Surface for Entra {
    fn name(&self) -> &'static str {
        "entra"
    }

    /// Only the paths of operations: a tenant, the first part of most of them, could be the first part of any other path.
    fn serves(&self, request: &Request, segments: &[String]) -> bool {
        !matches!(operation::find(OPERATIONS, request.method.as_str(), segments), Found::Nothing)
    }

    fn operations(&self) -> &'static [&'static [Operation]] {
        OPERATIONS
    }

    fn failure(&self, failure: Failure<'_>) -> Response {
        let (status, number, text) = match failure {
            Failure::UnknownPath(_) => (StatusCode::NOT_FOUND, 90_100, "The request path is none of the endpoints."),
            Failure::OtherMethod(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, 900_561, "The endpoint does not accept requests of this method.")
            }
            Failure::UnsafePath => {
                (StatusCode::BAD_REQUEST, 90_100, "The request path has a part that no name can be.")
            }
            Failure::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, 90_100, "The request content is larger than 4 MB."),
            Failure::Internal(reason) => (StatusCode::INTERNAL_SERVER_ERROR, 90_033, reason),
        };
        let error = if status.is_server_error() { "temporarily_unavailable" } else { "invalid_request" };
        let body = json!({
            "error": error,
            "error_description": format!("AADSTS{number}: {text}"),
            "error_codes": [number],
        });
        Response::json(status, &body)
    }

    fn finish(&self, _world: &World, _request: &Request, _call: Option<&Call<'_>>, response: Response) -> Response {
        response.with("x-ms-request-id", &uuid::Uuid::new_v4().to_string()).with("x-content-type-options", "nosniff")
    }

    fn start(&self, world: &mut World) -> Result<(), String> {
        signing_key::start(world)
    }

    fn reset(&self, world: &mut World) {
        world.memory.remove::<FetchedKeys>();
        world.memory.remove::<Replicas>();
    }

    /// As the Azure SDKs read it.
    fn environment(&self, world: &World, _folder: &Path) -> Vec<(&'static str, String)> {
        let default = |key| world.default(key).to_owned();
        vec![
            ("AZURE_TENANT_ID", default("tenant")),
            ("AZURE_SUBSCRIPTION_ID", default("subscription")),
            ("AZURE_CLIENT_ID", default("client_id")),
            ("AZURE_CLIENT_SECRET", default("client_secret")),
            ("AZURE_AUTHORITY_HOST", world.url.clone()),
        ]
    }
}
