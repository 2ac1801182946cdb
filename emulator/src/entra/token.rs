//! The token endpoint: client id and a credential in, an access token out.
//!
//! A managed identity signs in here only by a federated assertion; it has no secret that anyone could know.

use std::collections::HashMap;

use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::client::{self, Client};
use super::error::SignInError;
use super::federated::Unproven;
use super::{assertion, federated, issuer, replicas, resource, signing_key, tenant};
use crate::core::http::Response;
use crate::core::jwt::Unverified;
use crate::core::operation::{Answer, Call, Operation, Stop};
use crate::core::world::World;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::new("Token_v2", "POST", "/{tenant}/oauth2/v2.0/token", token),
    Operation::new("Token_v1", "POST", "/{tenant}/oauth2/token", token),
];

/// How long an access token lives, in seconds, as it is for applications by default.
const LIFETIME: i64 = 3_599;
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

type Form = HashMap<String, String>;

fn token(world: &mut World, call: &Call<'_>) -> Answer {
    let correlation_id = call.request.header("client-request-id");
    let form: Form = url::form_urlencoded::parse(&call.request.body).into_owned().collect();
    let issued = issue(world, call, &form);
    // One that comes again when its issuer's keys are there lands on the same replica.
    if !matches!(issued, Err(Unproven::NeedsIssuer(_))) {
        replicas::count_answer(world);
    }
    match issued {
        Ok(response) => Ok(response),
        Err(Unproven::Wrong(error)) => Err(error.stop(world, correlation_id)),
        Err(Unproven::NeedsIssuer(issuer)) => Err(Stop::Fetch(issuer::fetch(issuer))),
    }
}

fn issue(world: &mut World, call: &Call<'_>, form: &Form) -> Result<Response, Unproven> {
    let tenant = find_tenant(world, call.parameter("tenant"))?;
    match need(form, "grant_type")? {
        "client_credentials" => {}
        other => {
            let text = format!("The app requested an unsupported grant type '{other}'.");
            return Err(SignInError::new(70003, StatusCode::BAD_REQUEST, "unsupported_grant_type", text).into());
        }
    }
    let client_id = need(form, "client_id")?;
    let Some(client) = client::find(&world.store, &tenant, client_id) else {
        let text = format!(
            "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the \
             application has not been installed by the administrator of the tenant or consented to by any user in the \
             tenant. You may have sent your authentication request to the wrong tenant."
        );
        return Err(SignInError::new(700_016, StatusCode::BAD_REQUEST, "unauthorized_client", text).into());
    };
    if !client.service_principal {
        let text = format!("The client application {client_id} is missing service principal in the tenant {tenant}.");
        return Err(SignInError::client(7_000_229, text).into());
    }
    let audience = if call.operation.name == "Token_v2" {
        resource::of_scope(world, &tenant, need(form, "scope")?)?
    } else {
        let resource = need(form, "resource")?;
        resource::check(world, &tenant, resource)?;
        resource.to_owned()
    };
    let method = authenticate(world, &tenant, &client, form)?;
    let token = access_token(world, &tenant, &client, &audience, method)
        .map_err(|text| SignInError::new(90033, StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", text))?;
    let lifetime = lifetime(world);
    // The older endpoint writes numbers as strings.
    let seconds = if call.operation.name == "Token_v2" { json!(lifetime) } else { json!(lifetime.to_string()) };
    let mut body =
        json!({"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token});
    if call.operation.name == "Token_v1"
        && let Some(body) = body.as_object_mut()
    {
        body.insert("expires_on".to_owned(), json!((world.clock.unix() + lifetime).to_string()));
        body.insert("not_before".to_owned(), json!(world.clock.unix().to_string()));
        body.insert("resource".to_owned(), json!(audience));
    }
    Ok(Response::json(StatusCode::OK, &body).with("cache-control", "no-store, no-cache").with("pragma", "no-cache"))
}

/// The tenant's GUID, by GUID or domain.
pub(super) fn find_tenant(world: &World, name: &str) -> Result<String, SignInError> {
    if ["common", "organizations", "consumers"].contains(&name) {
        let text =
            "No tenant-identifying information found in either the request or implied by any provided credentials.";
        return Err(SignInError::request(50059, text));
    }
    let domain = name.contains('.') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if !domain && crate::core::guid::guid(name, "a tenant").is_err() {
        let text =
            format!("Specified tenant identifier '{name}' is neither a valid DNS name, nor a valid external domain.");
        return Err(SignInError::request(900_023, text));
    }
    tenant::find(&world.store, name).ok_or_else(|| {
        let text = format!(
            "Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the correct \
             cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for \
             the tenant."
        );
        SignInError::new(90002, StatusCode::BAD_REQUEST, "invalid_tenant", text)
    })
}

fn need<'a>(form: &'a Form, name: &str) -> Result<&'a str, SignInError> {
    form.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or_else(|| {
        SignInError::request(900_144, format!("The request body must contain the following parameter: '{name}'."))
    })
}

/// Checks the credential and returns the `appidacr` claim that tells which kind it was.
fn authenticate(world: &mut World, tenant: &str, client: &Client, form: &Form) -> Result<&'static str, Unproven> {
    if let Some(text) = form.get("client_assertion") {
        if need(form, "client_assertion_type")? != JWT_BEARER {
            let text = "The value of 'client_assertion_type' is not supported.";
            return Err(SignInError::request(900_145, text).into());
        }
        let Some(token) = Unverified::parse(text) else {
            return Err(SignInError::request(50027, "JWT token is invalid or malformed.").into());
        };
        if token.claim("iss").is_some_and(|issuer| issuer.eq_ignore_ascii_case(&client.client_id)) {
            assertion::check(world, tenant, client, &token)?;
        } else {
            federated::check(world, client, &token)?;
        }
        return Ok("2");
    }
    let Some(secret) = form.get("client_secret").filter(|secret| !secret.is_empty()) else {
        let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        return Err(SignInError::client(7_000_218, text).into());
    };
    if client.secrets.contains(secret) {
        return Ok("1");
    }
    if client.expired_secrets.contains(secret) {
        let text = format!(
            "The provided client secret keys for app '{}' are expired. Visit the Azure portal to create new keys for your app: \
             https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: \
             https://aka.ms/certCreds.",
            client.client_id
        );
        return Err(SignInError::client(7_000_222, text).into());
    }
    let text = format!(
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the \
         client secret ID, for a secret added to app '{}'.",
        client.client_id
    );
    Err(SignInError::client(7_000_215, text).into())
}

fn lifetime(world: &World) -> i64 {
    match world.settings.access_token_seconds {
        0 => LIFETIME,
        seconds => i64::from(seconds),
    }
}

fn access_token(world: &World, tenant: &str, client: &Client, audience: &str, method: &str) -> Result<String, String> {
    let now = world.clock.unix();
    let issuer = format!("https://sts.windows.net/{tenant}/");
    let mut claims = json!({
        "aud": audience,
        "iss": issuer,
        "iat": now,
        "nbf": now,
        "exp": now + lifetime(world),
        "appid": client.client_id,
        "appidacr": method,
        "idp": issuer,
        "idtyp": "app",
        "oid": client.object_id,
        "sub": client.object_id,
        "tid": tenant,
        "uti": Uuid::new_v4().simple().to_string(),
        "ver": "1.0",
    });
    if let (Some(identity), Some(claims)) = (&client.identity, claims.as_object_mut()) {
        claims.insert("xms_mirid".to_owned(), json!(identity));
    }
    signing_key::sign(world, &claims)
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod catalogue_tests;
#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
