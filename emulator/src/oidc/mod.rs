//! The OIDC issuers of the emulated clusters: discovery document and keys, for anybody.

use http::StatusCode;
use serde_json::json;

use crate::core::http::{Request, Response};
use crate::core::operation::{Answer, Call, Operation, Stop};
use crate::core::surface::{Failure, Surface};
use crate::core::world::World;
use crate::kubernetes::cluster::Cluster;

/// The issuers of all clusters, each below `/oidc/<cluster>`.
pub(crate) struct Oidc;

impl Surface for Oidc {
    fn name(&self) -> &'static str {
        "oidc"
    }

    fn serves(&self, _request: &Request, segments: &[String]) -> bool {
        segments.first().is_some_and(|first| first == "oidc")
    }

    fn operations(&self) -> &'static [&'static [Operation]] {
        &[OPERATIONS]
    }

    fn failure(&self, failure: Failure<'_>) -> Response {
        let (status, error) = match failure {
            Failure::UnknownPath(_) => (StatusCode::NOT_FOUND, "an issuer has no such document"),
            Failure::OtherMethod(_) => (StatusCode::METHOD_NOT_ALLOWED, "the documents of an issuer are read by GET"),
            Failure::UnsafePath => (StatusCode::BAD_REQUEST, "a part of the path is no name"),
            Failure::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 4 MiB"),
            Failure::Internal(reason) => (StatusCode::INTERNAL_SERVER_ERROR, reason),
        };
        Response::json(status, &json!({"error": error}))
    }
}

const OPERATIONS: &[Operation] = &[
    Operation::new("Issuer_Configuration", "GET", "/oidc/{cluster}/.well-known/openid-configuration", configuration),
    Operation::new("Issuer_Keys", "GET", "/oidc/{cluster}/openid/v1/jwks", keys),
];

fn find(world: &World, call: &Call<'_>) -> Result<Cluster, Stop> {
    Cluster::load(&world.store, call.parameter("cluster")).ok_or_else(|| {
        let text = format!("the emulator has no cluster `{}`", call.parameter("cluster"));
        Response::json(StatusCode::NOT_FOUND, &json!({"error": text})).into()
    })
}

fn configuration(world: &mut World, call: &Call<'_>) -> Answer {
    let cluster = find(world, call)?;
    let body = json!({
        "issuer": cluster.issuer(),
        "jwks_uri": format!("{}/openid/v1/jwks", cluster.issuer().trim_end_matches('/')),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    Ok(Response::typed(StatusCode::OK, "application/json", &body))
}

fn keys(world: &mut World, call: &Call<'_>) -> Answer {
    Ok(Response::typed(StatusCode::OK, "application/jwk-set+json", &find(world, call)?.jwks()))
}
