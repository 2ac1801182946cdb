//! `Microsoft.KeyVault/vaults`. Their secrets are in `key_vault/`, behind a port of each vault's own.
//!
//! A name exists once in the world. A vault that is deleted is gone at once, with its secrets, and its name is free: the
//! emulator has no deleted vaults to recover. Without `enableRbacAuthorization` a vault has access policies, as in the
//! api-versions up to 2025.

use http::StatusCode;
use serde_json::{Value, json};

use super::error::Error;
use super::resource::Resource;
use super::seed;
use super::{ResourceType, id, subscription};
use crate::core::guid::guid;
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Need, Operation};
use crate::core::store::Store;
use crate::core::world::World;

const VAULTS: Resource = Resource { of: TYPE, parameter: "vault", shown: |world, _, vault| shown(world, vault) };
const TYPE: ResourceType = ResourceType {
    name: "Microsoft.KeyVault/vaults",
    versions: &[
        "2015-06-01",
        "2016-10-01",
        "2018-02-14-preview",
        "2018-02-14",
        "2019-09-01",
        "2020-04-01-preview",
        "2021-04-01-preview",
        "2021-06-01-preview",
        "2021-10-01",
        "2021-11-01-preview",
        "2022-07-01",
        "2022-11-01",
        "2023-02-01",
        "2023-07-01",
        "2024-04-01-preview",
        "2024-11-01",
        "2024-12-01-preview",
        "2025-05-01",
        "2026-02-01",
    ],
};
/// Documents of the data plane are `keyvault/<kind>/<vault>/…`, with the vault's name in lower case.
const DATA: &str = "keyvault/";
/// The ids of all vaults, by their names: a name exists once in the world.
const NAMES: &str = "keyvault/names/";
const ONE: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{vault}";

pub(crate) const OPERATIONS: &[Operation] = &[
    TYPE.operation("Vaults_CreateOrUpdate", "PUT", ONE, put),
    TYPE.operation("Vaults_Update", "PATCH", ONE, patch),
    TYPE.operation("Vaults_Get", "GET", ONE, |world, call| VAULTS.get(world, call)),
    TYPE.operation("Vaults_Delete", "DELETE", ONE, |world, call| VAULTS.delete(world, call)),
    TYPE.operation(
        "Vaults_ListByResourceGroup",
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults",
        |world, call| VAULTS.list(world, call),
    ),
    TYPE.operation(
        "Vaults_ListBySubscription",
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.KeyVault/vaults",
        |world, call| VAULTS.list(world, call),
    ),
    TYPE.operation(
        "Vaults_CheckNameAvailability",
        "POST",
        "/subscriptions/{subscription}/providers/Microsoft.KeyVault/checkNameAvailability",
        check_name,
    )
    .needing(Need::Action("Microsoft.KeyVault/checkNameAvailability/read")),
];

fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let vault_id = VAULTS.id(world, call)?;
    let name = call.parameter("vault");
    let body = id::body(call)?;
    let location = VAULTS.location(&body)?;
    let tags = id::tags(&body)?.unwrap_or_else(|| json!({}));
    let tenant = subscription::tenant(&world.store, call.parameter("subscription")).unwrap_or_default();
    let properties = properties(&body, &tenant)?;
    let key = id::key(&vault_id);
    if let Some(mut vault) = world.store.get(&key).cloned() {
        VAULTS.stay(&vault, call, &location)?;
        if let Some(vault) = vault.as_object_mut() {
            vault.insert("tags".to_owned(), tags);
            vault.insert("properties".to_owned(), properties);
        }
        world.store.put(key, vault.clone());
        return Ok(Response::json(StatusCode::OK, &shown(world, &vault)));
    }
    check(name)?;
    if by_name(&world.store, name).is_some() {
        return Err(Error::conflict("VaultAlreadyExists", already_exists(name)).into());
    }
    let vault = json!({
        "id": vault_id, "name": name, "type": TYPE.name, "location": location, "tags": tags, "properties": properties,
    });
    insert(&mut world.store, &vault);
    world.settle().map_err(|error| Error::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", error))?;
    Ok(Response::json(StatusCode::CREATED, &shown(world, &vault)))
}

fn insert(store: &mut Store, vault: &Value) {
    store.put(format!("{NAMES}{}", vault.text("name").to_lowercase()), json!({"id": vault.at("id")}));
    store.put(id::key(vault.text("id")), vault.clone());
}

/// The names of all vaults, in lower case.
pub(crate) fn names(store: &Store) -> Vec<String> {
    store.under(NAMES).map(|(key, _)| key.trim_start_matches(NAMES).to_owned()).collect()
}

/// The address of a vault, with the slash that vault URIs end with.
pub(crate) fn uri(world: &World, name: &str) -> Option<String> {
    world.ports.url(&name.to_lowercase())
}

/// The vault of this name, wherever it is.
pub(crate) fn by_name<'a>(store: &'a Store, name: &str) -> Option<&'a Value> {
    let named = store.get(&format!("{NAMES}{}", name.to_lowercase()))?;
    store.get(&id::key(named.text("id")))
}

fn already_exists(name: &str) -> String {
    format!(
        "The vault name '{name}' is already in use. Vault names are globally unique so it is possible that the name is already \
         taken. If you are sure that the vault name was not taken then it is possible that a vault with the same name was \
         recently deleted but not purged after being placed in a recoverable state. If the vault is in a recoverable state then \
         the vault will need to be purged before reusing the name. For more information about VaultAlreadyExists, soft delete \
         and purging a vault follow this link https://go.microsoft.com/fwlink/?linkid=2147740."
    )
}

/// Refuses a name that no vault can have.
fn check(name: &str) -> Result<(), Error> {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if letters && begins && (3..=24).contains(&name.len()) && !name.ends_with('-') && !name.contains("--") {
        return Ok(());
    }
    let message = format!(
        "The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name must begin \
         with a letter, end with a letter or digit, and not contain consecutive hyphens. Follow this link for more information: \
         https://go.microsoft.com/fwlink/?linkid=2147742"
    );
    Err(Error::bad_request("VaultNameNotValid", message))
}

/// The properties of a body, with what the service sets where the body is silent.
fn properties(body: &Value, tenant: &str) -> Result<Value, Error> {
    let given = match body.get("properties") {
        Some(given @ Value::Object(_)) => given,
        None | Some(Value::Null) => return Err(Error::content("Required property 'properties' not found in JSON")),
        Some(_) => return Err(Error::content("The property 'properties' must be an object")),
    };
    let named = given.at("tenantId").as_str().and_then(|id| guid(id, "a tenant").ok());
    if named.as_deref() != Some(tenant) {
        let message =
            format!("The tenant ID '{}' is not the one of the subscription, {tenant}.", given.text("tenantId"));
        return Err(Error::bad_request("BadRequest", message));
    }
    let sku = given.at("sku");
    if sku.text("family") != "A" || !["standard", "premium"].contains(&sku.text("name").to_lowercase().as_str()) {
        let message = "The parameter sku.name is invalid: a vault has the family 'A' and 'standard' or 'premium'.";
        return Err(Error::bad_request("BadRequest", message));
    }
    if !(given.at("enableRbacAuthorization").is_boolean() || given.at("enableRbacAuthorization").is_null()) {
        return Err(Error::content("The property 'enableRbacAuthorization' must be a boolean"));
    }
    let rbac = given.at("enableRbacAuthorization") == true;
    if !rbac && !given.at("accessPolicies").is_array() {
        let message = "The parameter accessPolicies is not specified, and the vault has no Azure RBAC.";
        return Err(Error::bad_request("BadRequest", message));
    }
    let mut all = json!({
        "accessPolicies": [],
        "enabledForDeployment": false,
        "enableSoftDelete": true,
        "softDeleteRetentionInDays": 90,
        "enableRbacAuthorization": false,
        "publicNetworkAccess": "Enabled",
    });
    json_patch::merge(&mut all, given);
    json_patch::merge(&mut all, &json!({"vaultUri": null, "createMode": null, "provisioningState": "Succeeded"}));
    Ok(all)
}

/// The vault with the address that it has now.
fn shown(world: &World, vault: &Value) -> Value {
    let mut shown = vault.clone();
    let uri = uri(world, vault.text("name"));
    json_patch::merge(&mut shown, &json!({"properties": {"vaultUri": uri}}));
    shown
}

fn patch(world: &mut World, call: &Call<'_>) -> Answer {
    let mut vault = VAULTS.find(world, call)?.clone();
    let body = id::body(call)?;
    if let (Some(tags), Some(vault)) = (id::tags(&body)?, vault.as_object_mut()) {
        vault.insert("tags".to_owned(), tags);
    }
    if !body.at("properties").is_null() {
        let mut changed = json!({"properties": vault.at("properties")});
        json_patch::merge(&mut changed, &json!({"properties": body.at("properties")}));
        let tenant = vault.at("properties").text("tenantId").to_owned();
        let properties = properties(&changed, &tenant)?;
        if let Some(vault) = vault.as_object_mut() {
            vault.insert("properties".to_owned(), properties);
        }
    }
    world.store.put(id::key(vault.text("id")), vault.clone());
    Ok(Response::json(StatusCode::OK, &shown(world, &vault)))
}

/// What goes with a resource that was removed, if it is a vault.
pub(super) fn forget(store: &mut Store, document: &Value) {
    if document.text("type") != TYPE.name {
        return;
    }
    let name = document.text("name").to_lowercase();
    let is_of_vault = |key: &&str| key.split('/').nth(2) == Some(name.as_str());
    let keys: Vec<String> = store.under(DATA).map(|(key, _)| key).filter(is_of_vault).map(str::to_owned).collect();
    for key in keys {
        store.remove(&key);
    }
}

fn check_name(world: &mut World, call: &Call<'_>) -> Answer {
    subscription::require(&world.store, call.parameter("subscription"))?;
    let body = id::body(call)?;
    let name = body.text("name");
    let body = match (check(name), by_name(&world.store, name)) {
        (Err(_), _) => {
            json!({"nameAvailable": false, "reason": "AccountNameInvalid", "message": "The name is invalid."})
        }
        (_, Some(_)) => json!({"nameAvailable": false, "reason": "AlreadyExists", "message": already_exists(name)}),
        _ => json!({"nameAvailable": true}),
    };
    Ok(Response::json(StatusCode::OK, &body))
}

/// Creates a vault of the seed, unless it exists. Its secrets are Key Vault's to create.
///
/// # Errors
/// If its name is invalid, or its resource group does not exist.
pub(crate) fn seed(world: &mut World, vault: &seed::Vault, subscription: &str) -> Result<(), String> {
    let named = |error: &dyn std::fmt::Display| format!("vault `{}`: {error}", vault.name);
    check(&vault.name)
        .map_err(|_| named(&"3 to 24 letters, digits and single `-`, a letter first, no `-` at the end"))?;
    let group = id::find_group(&world.store, subscription, &vault.resource_group)
        .map_err(|_| named(&format!("there is no resource group `{}`", vault.resource_group)))?;
    if by_name(&world.store, &vault.name).is_none() {
        let location = world.store.get(&id::key(&group)).map(|group| group.text("location").to_owned());
        let tenant = subscription::tenant(&world.store, subscription);
        let body = json!({"properties": {
            "tenantId": tenant, "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": true, "accessPolicies": [],
        }});
        let properties = properties(&body, &tenant.unwrap_or_default()).map_err(|_| named(&"it cannot be made"))?;
        let document = json!({
            "id": format!("{group}/providers/{}/{}", TYPE.name, vault.name), "name": vault.name, "type": TYPE.name,
            "location": location, "tags": {}, "properties": properties,
        });
        insert(&mut world.store, &document);
    }
    Ok(())
}

#[cfg(test)]
#[path = "vault_tests.rs"]
mod tests;
