//! The OIDC issuers of the emulated clusters: discovery document and keys, for anybody.

use http::StatusCode;
use serde_json::json;

use super::http::Response;
use super::kubernetes::cluster::Cluster;
use super::operation::{Answer, Call, Operation, Stop};
use super::world::World;

pub(crate) const OPERATIONS: &[Operation] = &[
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
