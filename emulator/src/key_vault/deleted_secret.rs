//! Secrets that were deleted. They keep their names until they are recovered or purged; nobody purges them by the clock.

use http::StatusCode;
use serde_json::{Value, json};

use super::access::{Action, Vault, open};
use super::secret;
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Operation};
use crate::core::world::World;

const ONE: &str = "/{vault}/deletedsecrets/{secret}";
const RETENTION: i64 = 90 * 24 * 3600;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::new("GetDeletedSecrets", "GET", "/{vault}/deletedsecrets", list),
    Operation::new("GetDeletedSecret", "GET", ONE, get),
    Operation::new("PurgeDeletedSecret", "DELETE", ONE, purge),
    Operation::new("RecoverDeletedSecret", "POST", "/{vault}/deletedsecrets/{secret}/recover", recover),
];

pub(super) fn key(vault: &str, name: &str) -> String {
    format!("keyvault/deletedsecrets/{}/{}", vault.to_lowercase(), name.to_lowercase())
}

/// Keeps a secret that was taken out, and shows it.
pub(super) fn put(world: &mut World, vault: &Vault, mut secret: Value) -> Value {
    json_patch::merge(&mut secret, &json!({"deletedDate": world.clock.unix()}));
    let body = shown(vault, &secret);
    world.store.put(key(&vault.name, secret.text("name")), secret);
    body
}

fn shown(vault: &Vault, secret: &Value) -> Value {
    let name = secret.text("name");
    let newest = secret.at("versions").as_array().and_then(|versions| versions.last());
    let mut shown = newest.map_or(Value::Null, |version| secret::metadata(&vault.uri, name, version, true));
    let deleted = secret.at("deletedDate").as_i64().unwrap_or_default();
    json_patch::merge(
        &mut shown,
        &json!({
            "recoveryId": format!("{}deletedsecrets/{name}", vault.uri),
            "deletedDate": deleted,
            "scheduledPurgeDate": deleted + RETENTION,
        }),
    );
    shown
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let vault = open(world, call, Action::List)?;
    let name = secret::name(call)?;
    let found = world.store.get(&key(&vault.name, name)).ok_or_else(|| secret::not_found(name))?;
    Ok(Response::json(StatusCode::OK, &shown(&vault, found)))
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let vault = open(world, call, Action::List)?;
    let prefix = key(&vault.name, "");
    let items: Vec<Value> = world.store.under(&prefix).map(|(_, secret)| shown(&vault, secret)).collect();
    secret::page(&vault, call.request, &items)
}

fn purge(world: &mut World, call: &Call<'_>) -> Answer {
    let vault = open(world, call, Action::Purge)?;
    let name = secret::name(call)?;
    world.store.remove(&key(&vault.name, name)).ok_or_else(|| secret::not_found(name))?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

fn recover(world: &mut World, call: &Call<'_>) -> Answer {
    let vault = open(world, call, Action::Recover)?;
    let name = secret::name(call)?;
    let mut secret = world.store.remove(&key(&vault.name, name)).ok_or_else(|| secret::not_found(name))?;
    json_patch::merge(&mut secret, &json!({"deletedDate": null}));
    let newest = secret.at("versions").as_array().and_then(|versions| versions.last());
    let body = newest.map_or(Value::Null, |version| secret::metadata(&vault.uri, secret.text("name"), version, true));
    world.store.put(secret::key(&vault.name, name), secret);
    Ok(Response::json(StatusCode::OK, &body))
}
