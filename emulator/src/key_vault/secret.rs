//! Secrets and their versions. Names ignore case; a secret's id shows its name as it was first written.
//!
//! A list has no values. A disabled version can be listed, and not read.

use http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::access::{Action, Vault, open};
use super::deleted_secret;
use super::error::Error;
use crate::arm::seed::Vault as SeededVault;
use crate::core::http::{Request, Response};
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Operation};
use crate::core::store::Store;
use crate::core::world::World;

const ONE: &str = "/{vault}/secrets/{secret}";
const VERSION: &str = "/{vault}/secrets/{secret}/{version}";

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::new("SetSecret", "PUT", ONE, set),
    Operation::new("GetSecrets", "GET", "/{vault}/secrets", list),
    Operation::new("GetSecretVersions", "GET", "/{vault}/secrets/{secret}/versions", versions),
    Operation::new("GetSecret", "GET", ONE, get),
    Operation::new("GetSecret", "GET", VERSION, get),
    Operation::new("UpdateSecret", "PATCH", ONE, update),
    Operation::new("UpdateSecret", "PATCH", VERSION, update),
    Operation::new("DeleteSecret", "DELETE", ONE, delete),
];

/// The longest value, in bytes.
const LONGEST: usize = 25 * 1024;
/// The most entries on one page.
const PAGE: usize = 25;

pub(super) fn key(vault: &str, name: &str) -> String {
    format!("keyvault/secrets/{}/{}", vault.to_lowercase(), name.to_lowercase())
}

fn set(world: &mut World, call: &Call<'_>) -> Answer {
    let vault = open(world, call, Action::Set)?;
    let name = name(call)?;
    let body = body(call)?;
    let value = match body.get("value") {
        Some(Value::String(value)) if value.len() <= LONGEST => value.clone(),
        Some(Value::String(_)) => {
            return Err(Error::bad_parameter(format!("Property value exceeds the maximum of {LONGEST} bytes")).into());
        }
        None | Some(Value::Null) => return Err(Error::bad_parameter("Property value is required").into()),
        Some(_) => return Err(Error::bad_parameter("Property value has invalid value").into()),
    };
    if world.store.get(&deleted_secret::key(&vault.name, name)).is_some() {
        let message = format!(
            "Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the \
             secret can only be recovered or purged."
        );
        return Err(Error::conflict("ObjectIsDeletedButRecoverable", message).into());
    }
    let mut changes = changes(&body)?;
    changes.insert("value".to_owned(), json!(value));
    let now = world.clock.unix();
    let (secret, version) = add_version(&mut world.store, &vault.name, name, changes, now);
    Ok(Response::json(StatusCode::OK, &with_value(&vault, &secret, &version)))
}

/// Adds a version to a secret, making the secret where it is missing.
fn add_version(store: &mut Store, vault: &str, name: &str, content: Map<String, Value>, now: i64) -> (String, Value) {
    let key = key(vault, name);
    let mut secret = store.get(&key).cloned().unwrap_or_else(|| json!({"name": name, "versions": []}));
    let mut version = json!({
        "version": Uuid::new_v4().simple().to_string(),
        "attributes": {"enabled": true, "created": now, "updated": now},
    });
    json_patch::merge(&mut version, &Value::Object(content));
    if let Some(versions) = secret.get_mut("versions").and_then(Value::as_array_mut) {
        versions.push(version.clone());
    }
    let name = secret.text("name").to_owned();
    store.put(key, secret);
    (name, version)
}

/// Puts the secrets of a seeded vault there, unless they have these values.
///
/// # Errors
/// If a name or a value is invalid.
pub(crate) fn seed(world: &mut World, vault: &SeededVault) -> Result<(), String> {
    let now = world.clock.unix();
    for (name, value) in &vault.secrets {
        if !is_name(name) || value.len() > LONGEST {
            return Err(format!(
                "vault `{}`: `{name}` is no secret: 1 to 127 letters, digits and `-`, a value of at most {LONGEST} bytes",
                vault.name
            ));
        }
        let stored = world.store.get(&key(&vault.name, name));
        let newest = stored.and_then(|secret| secret.at("versions").as_array()?.last()?.get("value"));
        if newest.and_then(Value::as_str) != Some(value) {
            let version = Map::from_iter([("value".to_owned(), json!(value))]);
            add_version(&mut world.store, &vault.name, name, version, now);
        }
    }
    Ok(())
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let vault = open(world, call, Action::Get)?;
    let (secret, version) = find(world, call, &vault)?;
    if version.at("attributes").at("enabled") == false {
        return Err(Error::forbidden("SecretDisabled", "Operation get is not allowed on a disabled secret.").into());
    }
    Ok(Response::json(StatusCode::OK, &with_value(&vault, secret.text("name"), version)))
}

/// The secret of a request and its version: the one that is named, or the newest.
fn find<'a>(world: &'a World, call: &Call<'_>, vault: &Vault) -> Result<(&'a Value, &'a Value), Error> {
    let name = name(call)?;
    let wanted = call.parameter("version");
    let found = world.store.get(&key(&vault.name, name)).and_then(|secret| {
        let versions = secret.at("versions").as_array()?;
        let version = match wanted {
            "" => versions.last(),
            wanted => versions.iter().find(|version| version.text("version").eq_ignore_ascii_case(wanted)),
        };
        Some((secret, version?))
    });
    found.ok_or_else(|| not_found(&if wanted.is_empty() { name.to_owned() } else { format!("{name}/{wanted}") }))
}

/// No secret has this name.
pub(super) fn not_found(name: &str) -> Error {
    let message = format!(
        "A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may be able to \
         recover it using the correct recovery command. For help resolving this issue, please see \
         https://go.microsoft.com/fwlink/?linkid=2125182"
    );
    Error::new(StatusCode::NOT_FOUND, "SecretNotFound", message)
}

fn update(world: &mut World, call: &Call<'_>) -> Answer {
    let vault = open(world, call, Action::Update)?;
    let (secret, version) = find(world, call, &vault)?;
    let (mut secret, wanted) = (secret.clone(), version.text("version").to_owned());
    let mut changes = Value::Object(changes(&body(call)?)?);
    json_patch::merge(&mut changes, &json!({"attributes": {"updated": world.clock.unix()}}));
    let mut shown = Value::Null;
    for version in secret.get_mut("versions").and_then(Value::as_array_mut).into_iter().flatten() {
        if version.text("version") == wanted {
            // Tags are replaced whole, and attributes one by one.
            if let (Some(_), Some(version)) = (changes.get("tags"), version.as_object_mut()) {
                version.remove("tags");
            }
            json_patch::merge(version, &changes);
            shown = version.clone();
        }
    }
    let body = metadata(&vault.uri, secret.text("name"), &shown, true);
    world.store.put(key(&vault.name, secret.text("name")), secret);
    Ok(Response::json(StatusCode::OK, &body))
}

fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let vault = open(world, call, Action::Delete)?;
    let name = name(call)?;
    let secret = world.store.remove(&key(&vault.name, name)).ok_or_else(|| not_found(name))?;
    Ok(Response::json(StatusCode::OK, &deleted_secret::put(world, &vault, secret)))
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let vault = open(world, call, Action::List)?;
    let newest = |secret: &Value| {
        Some(metadata(&vault.uri, secret.text("name"), secret.at("versions").as_array()?.last()?, false))
    };
    let prefix = key(&vault.name, "");
    let items: Vec<Value> = world.store.under(&prefix).filter_map(|(_, secret)| newest(secret)).collect();
    page(&vault, call.request, &items)
}

fn versions(world: &mut World, call: &Call<'_>) -> Answer {
    let vault = open(world, call, Action::List)?;
    let name = name(call)?;
    let secret = world.store.get(&key(&vault.name, name)).ok_or_else(|| not_found(name))?;
    let shown = |version: &Value| metadata(&vault.uri, secret.text("name"), version, true);
    let items: Vec<Value> = secret.at("versions").as_array().into_iter().flatten().map(shown).collect();
    page(&vault, call.request, &items)
}

/// One page of a list. The token is the number of entries before the page.
pub(super) fn page(vault: &Vault, request: &Request, items: &[Value]) -> Answer {
    let number = |name: &str, default: usize| match request.query(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| Error::bad_parameter(format!("The {name} '{text}' is not a number"))),
    };
    let size = number("maxresults", PAGE)?;
    if !(1..=PAGE).contains(&size) {
        return Err(Error::bad_parameter(format!("maxresults is a number from 1 to {PAGE}")).into());
    }
    let before = number("$skiptoken", 0)?;
    let shown: Vec<&Value> = items.iter().skip(before).take(size).collect();
    let end = before.saturating_add(shown.len());
    let next = (end < items.len()).then(|| {
        let mut next = request.clone();
        next.query.retain(|(name, _)| !name.eq_ignore_ascii_case("$skiptoken"));
        next.query.push(("$skiptoken".to_owned(), end.to_string()));
        format!("{}{}", vault.uri.trim_end_matches('/'), next.path_and_query())
    });
    Ok(Response::json(StatusCode::OK, &json!({"value": shown, "nextLink": next})))
}

/// A version as it is shown without its value; with or without the version in its id.
pub(super) fn metadata(uri: &str, name: &str, version: &Value, with_version: bool) -> Value {
    let mut shown = version.clone();
    let id = if with_version {
        format!("{uri}secrets/{name}/{}", version.text("version"))
    } else {
        format!("{uri}secrets/{name}")
    };
    json_patch::merge(
        &mut shown,
        &json!({
            "id": id, "version": null, "value": null,
            "attributes": {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90},
        }),
    );
    shown
}

fn with_value(vault: &Vault, name: &str, version: &Value) -> Value {
    let mut shown = metadata(&vault.uri, name, version, true);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("value".to_owned(), version.at("value").clone());
    }
    shown
}

/// The name in a request's path.
pub(super) fn name<'a>(call: &'a Call<'_>) -> Result<&'a str, Error> {
    let name = call.parameter("secret");
    if is_name(name) {
        return Ok(name);
    }
    Err(Error::bad_parameter(format!("The request URI contains an invalid name: {name}")))
}

fn is_name(name: &str) -> bool {
    (1..=127).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn body(call: &Call<'_>) -> Result<Value, Error> {
    let body: Value = serde_json::from_slice(&call.request.body)
        .map_err(|error| Error::bad_parameter(format!("The request body is not JSON: {error}")))?;
    if body.is_object() { Ok(body) } else { Err(Error::bad_parameter("The request body is not an object")) }
}

/// What a body says about a version beside its value.
fn changes(body: &Value) -> Result<Map<String, Value>, Error> {
    let invalid = |name: &str| Error::bad_parameter(format!("Property {name} has invalid value"));
    let mut changes = Map::new();
    match body.at("contentType") {
        Value::Null => {}
        Value::String(text) if text.len() <= 255 => drop(changes.insert("contentType".to_owned(), json!(text))),
        _ => return Err(invalid("contentType")),
    }
    match body.at("tags") {
        Value::Null => {}
        Value::Object(tags) if tags.values().all(Value::is_string) && tags.len() <= 15 => {
            changes.insert("tags".to_owned(), json!(tags));
        }
        _ => return Err(invalid("tags")),
    }
    let mut attributes = Map::new();
    match body.at("attributes") {
        Value::Null => {}
        Value::Object(given) => {
            for (name, value) in given {
                let sound = match name.as_str() {
                    "enabled" => value.is_boolean(),
                    "nbf" | "exp" => value.is_i64(),
                    // What the service sets itself is ignored, as clients send back what they got.
                    _ => continue,
                };
                if !sound && !value.is_null() {
                    return Err(invalid(&format!("attributes.{name}")));
                }
                attributes.insert(name.clone(), value.clone());
            }
        }
        _ => return Err(invalid("attributes")),
    }
    changes.insert("attributes".to_owned(), Value::Object(attributes));
    Ok(changes)
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
