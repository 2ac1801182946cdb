//! Issuers: where the keys come from that a federated assertion is checked with.
//!
//! Emulated clusters are asked directly, registered issuers have their keys in the state, and any other https issuer is
//! fetched over the network, as Entra does it: the discovery document first, then the keys it names. Only an issuer that a
//! matching credential names is ever fetched.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::seed::Issuer;
use crate::core::json::Json as _;
use crate::core::operation::{Fetch, Fetched};
use crate::core::store::Store;
use crate::core::world::World;
use crate::kubernetes::cluster::Cluster;

/// How long fetched keys are good; Entra keeps them longer, tests would not want to wait.
const FRESH_MS: i64 = 60_000;
/// How soon an unknown key identifier makes us look again.
const AGAIN_MS: i64 = 2_000;
/// The most a discovery document or key set may have, in bytes.
const LONGEST: usize = 1 << 20;

/// Keys that were fetched over the network, by their issuers.
#[derive(Debug, Default, Clone)]
pub(super) struct FetchedKeys(HashMap<String, Outcome>);

/// The outcome of fetching an issuer's keys.
#[derive(Debug, Clone)]
struct Outcome {
    at_ms: i64,
    jwks: Result<Value, String>,
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
    let fetched = world.memory.get::<FetchedKeys>().and_then(|fetched| fetched.0.get(issuer));
    let Some(fetched) = fetched else { return Keys::ToFetch };
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

/// Fetches the keys of an issuer and remembers them, or why there are none.
pub(super) fn fetch(issuer: String) -> Fetch {
    Box::new(|http| {
        Box::pin(async move {
            let jwks = get_keys(&http, &issuer).await;
            if let Err(reason) = &jwks {
                tracing::warn!(issuer, reason, "the keys of an issuer cannot be fetched");
            }
            let remember: Fetched = Box::new(move |world: &mut World| remember(world, issuer, jwks));
            remember
        })
    })
}

/// Remembers the outcome of fetching an issuer's keys.
pub(super) fn remember(world: &mut World, issuer: String, jwks: Result<Value, String>) {
    let at_ms = world.now_ms();
    world.memory.get_or_insert_default::<FetchedKeys>().0.insert(issuer, Outcome { at_ms, jwks });
}

/// Takes ten seconds at most.
async fn get_keys(http: &reqwest::Client, issuer: &str) -> Result<Value, String> {
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
