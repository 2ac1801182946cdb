//! Issuers: where the keys come from that a federated assertion is checked with.
//!
//! Emulated clusters are asked directly, registered issuers have their keys in the state, and any other https issuer is
//! fetched over the network, as Entra does it: the discovery document first, then the keys it names. Only an issuer that a
//! matching credential names is ever fetched.

use std::time::Duration;

use serde_json::{Value, json};

use crate::json::Json as _;
use crate::kubernetes::cluster::Cluster;
use crate::seed::Issuer;
use crate::store::Store;
use crate::world::World;

/// How long fetched keys are good; Entra keeps them longer, tests would not want to wait.
const FRESH_MS: i64 = 60_000;
/// How soon an unknown key identifier makes us look again.
const AGAIN_MS: i64 = 2_000;
/// The most a discovery document or key set may have, in bytes.
const LONGEST: usize = 1 << 20;

/// What fetching an issuer's keys came to.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    pub(crate) at_ms: i64,
    pub(crate) jwks: Result<Value, String>,
}

/// What is known of an issuer's keys now.
pub(crate) enum Keys {
    /// These are published.
    Known(Value),
    /// They cannot be had; the log says why.
    Unreachable,
    /// Somebody has to fetch them first.
    ToFetch,
}

/// The keys of an issuer, for a token signed with the key `kid`.
pub(crate) fn keys(world: &World, issuer: &str, kid: Option<&str>) -> Keys {
    if let Some(cluster) = Cluster::by_issuer(&world.store, issuer) {
        return Keys::Known(cluster.jwks());
    }
    if let Some(document) = world.store.get(&key(issuer)) {
        return Keys::Known(document.at("jwks").clone());
    }
    let Some(fetched) = world.fetched.get(issuer) else { return Keys::ToFetch };
    let age = world.now_ms() - fetched.at_ms;
    match &fetched.jwks {
        _ if age > FRESH_MS => Keys::ToFetch,
        Err(_) if age <= AGAIN_MS => Keys::Unreachable,
        Err(_) => Keys::ToFetch,
        Ok(jwks) => {
            let listed = jwks.at("keys").as_array().into_iter().flatten().any(|it| it.at("kid").as_str() == kid);
            if listed || kid.is_none() || age <= AGAIN_MS { Keys::Known(jwks.clone()) } else { Keys::ToFetch }
        }
    }
}

/// Gives an issuer's keys, so that they need not be fetched.
///
/// # Errors
/// When the issuer is empty or the keys are not a JSON Web Key set.
pub(crate) fn register(store: &mut Store, issuer: &Issuer) -> Result<(), String> {
    if issuer.issuer.is_empty() || !issuer.jwks.at("keys").is_array() {
        return Err(format!("`{}`: an issuer needs a name and jwks with a list of keys", issuer.issuer));
    }
    store.put(key(&issuer.issuer), json!({"issuer": issuer.issuer, "jwks": issuer.jwks}));
    Ok(())
}

fn key(issuer: &str) -> String {
    format!("entra/issuers/{issuer}")
}

/// Fetches the keys of an issuer within ten seconds.
pub(crate) async fn fetch(http: &reqwest::Client, issuer: &str) -> Result<Value, String> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = get(http, &url).await?;
    if document.at("issuer").as_str() != Some(issuer) {
        return Err(format!("{url} names the issuer {}, not {issuer}", document.at("issuer")));
    }
    let Some(keys) = document.at("jwks_uri").as_str() else { return Err(format!("{url} has no jwks_uri")) };
    get(http, keys).await
}

async fn get(http: &reqwest::Client, url: &str) -> Result<Value, String> {
    if !url.starts_with("https://") {
        return Err(format!("{url} is not an https address"));
    }
    let failed = |error: reqwest::Error| format!("{url}: {error}");
    let request = http.get(url).timeout(Duration::from_secs(5));
    let mut response = request.send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(format!("{url} answers with more than {LONGEST} bytes"));
        }
    }
    serde_json::from_slice(&body).map_err(|error| format!("{url}: {error}"))
}
