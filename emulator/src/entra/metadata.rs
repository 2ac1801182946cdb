//! What clients read before they sign in: OpenID configuration, keys, instance discovery.

use http::StatusCode;
use serde_json::{Value, json};

use super::token::find_tenant;
use crate::core::access_token;
use crate::core::http::Response;
use crate::core::operation::{Answer, Call, Operation};
use crate::core::world::World;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::new("InstanceDiscovery", "GET", "/common/discovery/instance", instance),
    Operation::new("OpenIdConfiguration_v2", "GET", "/{tenant}/v2.0/.well-known/openid-configuration", configuration),
    Operation::new("OpenIdConfiguration_v1", "GET", "/{tenant}/.well-known/openid-configuration", configuration),
    Operation::new("OpenIdKeys_v2", "GET", "/{tenant}/discovery/v2.0/keys", keys),
    Operation::new("OpenIdKeys_v1", "GET", "/{tenant}/discovery/keys", keys),
];

fn configuration(world: &mut World, call: &Call<'_>) -> Answer {
    let name = call.parameter("tenant");
    // The common endpoint's issuer has a placeholder where the tenant would be.
    let (tenant, in_issuer) = match name {
        "common" | "organizations" | "consumers" => (name.to_owned(), "{tenantid}".to_owned()),
        _ => {
            let tenant = find_tenant(world, name)
                .map_err(|error| error.stop(world, call.request.header("client-request-id")))?;
            (tenant.clone(), tenant)
        }
    };
    let authority = format!("{}/{tenant}", world.url);
    let (issuer, path, keys) = if call.operation.name == "OpenIdConfiguration_v2" {
        (format!("{}/{in_issuer}/v2.0", world.url), "oauth2/v2.0", "discovery/v2.0/keys")
    } else {
        (format!("https://sts.windows.net/{in_issuer}/"), "oauth2", "discovery/keys")
    };
    let body = json!({
        "token_endpoint": format!("{authority}/{path}/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{authority}/{keys}"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer,
        "authorization_endpoint": format!("{authority}/{path}/authorize"),
        "device_authorization_endpoint": format!("{authority}/{path}/devicecode"),
        "end_session_endpoint": format!("{authority}/{path}/logout"),
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
        "msgraph_host": "graph.microsoft.com",
    });
    Ok(Response::json(StatusCode::OK, &body))
}

fn keys(world: &mut World, call: &Call<'_>) -> Answer {
    let name = call.parameter("tenant");
    if !["common", "organizations", "consumers"].contains(&name) {
        find_tenant(world, name).map_err(|error| error.stop(world, call.request.header("client-request-id")))?;
    }
    Ok(Response::json(StatusCode::OK, access_token::published(&world.store)))
}

fn instance(world: &mut World, call: &Call<'_>) -> Answer {
    let asked = call.request.query("authorization_endpoint").unwrap_or_default();
    let tenant = asked
        .strip_prefix("https://")
        .and_then(|rest| rest.split('/').nth(1))
        .filter(|tenant| !tenant.is_empty())
        .unwrap_or("common");
    let host = world.url.trim_start_matches("https://");
    let body: Value = json!({
        "tenant_discovery_endpoint": format!("{}/{tenant}/v2.0/.well-known/openid-configuration", world.url),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    });
    Ok(Response::json(StatusCode::OK, &body))
}
