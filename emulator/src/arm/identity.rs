//! `Microsoft.ManagedIdentity/userAssignedIdentities`, and with each its service principal in Entra ID.
//!
//! The service answers ids with `resourcegroups` in lower case. `isolationScope` exists since api-version 2024-11-30; a PUT
//! of an older version clears it, because PUT replaces what the body does not name and the older body cannot name it.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::error::Error;
use super::resource::Resource;
use super::{ResourceType, id, subscription};
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Operation};
use crate::core::store::Store;
use crate::core::world::World;
use crate::entra::principal;

const IDENTITIES: Resource =
    Resource { of: TYPE, parameter: "identity", shown: |_, call, identity| shown(identity, call) };
/// Versions that know identities, oldest first, previews by their dates.
const TYPE: ResourceType = ResourceType {
    name: "Microsoft.ManagedIdentity/userAssignedIdentities",
    versions: &[
        "2015-08-31-preview",
        "2018-11-30",
        "2021-09-30-preview",
        "2022-01-31-preview",
        "2023-01-31",
        "2023-07-31-preview",
        "2024-11-30",
        "2025-01-31-preview",
        "2025-05-31-preview",
        "2026-04-30",
        "2026-05-31",
    ],
};
const ONE: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}";

pub(crate) const OPERATIONS: &[Operation] = &[
    TYPE.operation("UserAssignedIdentities_CreateOrUpdate", "PUT", ONE, put),
    TYPE.operation("UserAssignedIdentities_Get", "GET", ONE, |world, call| IDENTITIES.get(world, call)),
    TYPE.operation("UserAssignedIdentities_Update", "PATCH", ONE, patch),
    TYPE.operation("UserAssignedIdentities_Delete", "DELETE", ONE, |world, call| IDENTITIES.delete(world, call)),
    TYPE.operation(
        "UserAssignedIdentities_ListByResourceGroup",
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
        |world, call| IDENTITIES.list(world, call),
    ),
    TYPE.operation(
        "UserAssignedIdentities_ListBySubscription",
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
        |world, call| IDENTITIES.list(world, call),
    ),
];

/// Whether an api-version has a property.
type Known = fn(&str) -> bool;

/// Properties that a client may write.
const WRITABLE: &[(&str, Known)] = &[
    ("isolationScope", |version| date(version) >= "2024-11-30"),
    ("assignmentRestrictions", |version| matches!(version, "2025-05-31-preview" | "2026-05-31")),
];

fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let group = id::group_id(world, call)?;
    let name = call.parameter("identity");
    id::check_name(name, "user assigned identity", 3, 128, "-_")?;
    let body = id::body(call)?;
    let location = IDENTITIES.location(&body)?;
    let tags = id::tags(&body)?.unwrap_or_else(|| json!({}));
    let written = written(call, &body)?;
    let identity_id = format!("{}/providers/{}/{name}", lower_group(&group), TYPE.name);
    let key = id::key(&identity_id);
    if let Some(mut identity) = world.store.get(&key).cloned() {
        IDENTITIES.stay(&identity, call, &location)?;
        let mut properties = Map::new();
        for own in ["tenantId", "principalId", "clientId"] {
            properties.insert(own.to_owned(), identity.at("properties")[own].clone());
        }
        properties.extend(written);
        if let Some(identity) = identity.as_object_mut() {
            identity.insert("tags".to_owned(), tags);
            identity.insert("properties".to_owned(), Value::Object(properties));
        }
        world.store.put(key, identity.clone());
        return Ok(Response::json(StatusCode::OK, &shown(&identity, call)));
    }
    let tenant = subscription::tenant(&world.store, call.parameter("subscription")).unwrap_or_default();
    let now = world.now_ms();
    let (principal_id, client_id) = principal::create_for_identity(&mut world.store, &tenant, &identity_id, name, now);
    let mut properties = json!({"tenantId": tenant, "principalId": principal_id, "clientId": client_id});
    if let Some(properties) = properties.as_object_mut() {
        properties.extend(written);
    }
    let identity = json!({
        "id": identity_id,
        "name": name,
        "type": TYPE.name,
        "location": location,
        "tags": tags,
        "properties": properties,
    });
    world.store.put(key, identity.clone());
    Ok(Response::json(StatusCode::CREATED, &shown(&identity, call)))
}

/// The part of an identity's id before `/providers`, with `resourcegroups` as the service writes it.
fn lower_group(group: &str) -> String {
    group.replacen("/resourceGroups/", "/resourcegroups/", 1)
}

fn date(version: &str) -> &str {
    version.get(..10).unwrap_or(version)
}

fn version<'a>(call: &'a Call<'_>) -> &'a str {
    call.request.query("api-version").unwrap_or_default()
}

/// The properties of a body that this api-version has; what it has not is ignored.
fn written(call: &Call<'_>, body: &Value) -> Result<Map<String, Value>, Error> {
    let properties = match body.get("properties") {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::Object(properties)) => properties,
        Some(_) => return Err(Error::content("The property 'properties' must be an object")),
    };
    let mut written = Map::new();
    for (name, known) in WRITABLE {
        if let Some(value) = properties.get(*name).filter(|value| known(version(call)) && !value.is_null()) {
            let sound = match *name {
                "isolationScope" => matches!(value.as_str(), Some("None" | "Regional")),
                _ => value.is_object(),
            };
            if !sound {
                return Err(Error::bad_request(
                    "BadRequest",
                    format!("The property '{name}' has the invalid value '{value}'."),
                ));
            }
            written.insert((*name).to_owned(), value.clone());
        }
    }
    Ok(written)
}

/// The identity as this api-version shows it.
fn shown(identity: &Value, call: &Call<'_>) -> Value {
    let mut shown = identity.clone();
    if let Some(properties) = shown.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, known) in WRITABLE {
            if !known(version(call)) {
                properties.remove(*name);
            }
        }
    }
    shown
}

/// The identity that a request names, which must exist.
pub(super) fn find<'a>(world: &'a World, call: &Call<'_>) -> Result<&'a Value, Error> {
    IDENTITIES.find(world, call)
}

fn patch(world: &mut World, call: &Call<'_>) -> Answer {
    let mut identity = find(world, call)?.clone();
    let body = id::body(call)?;
    let (tags, written) = (id::tags(&body)?, written(call, &body)?);
    if let Some(tags) = tags {
        let mut all = match &identity.at("tags") {
            Value::Object(old) if !world.settings.rules.patch_replaces_tags => old.clone(),
            _ => Map::new(),
        };
        all.extend(tags.as_object().cloned().unwrap_or_default());
        if let Some(identity) = identity.as_object_mut() {
            identity.insert("tags".to_owned(), Value::Object(all));
        }
    }
    if let Some(properties) = identity.get_mut("properties").and_then(Value::as_object_mut) {
        properties.extend(written);
    }
    world.store.put(id::key(identity.text("id")), identity.clone());
    Ok(Response::json(StatusCode::OK, &shown(&identity, call)))
}

/// What goes with a resource that was removed, if it is an identity: its credentials, principal and client. Role assignments
/// of that principal stay, without anybody behind them, as in Azure.
pub(super) fn forget(store: &mut Store, document: &Value) {
    if document.text("type") != TYPE.name {
        return;
    }
    let within = id::key(&format!("{}/", document.text("id")));
    let credentials: Vec<String> = store.under(&within).map(|(key, _)| key.to_owned()).collect();
    for credential in credentials {
        store.remove(&credential);
    }
    let property = |name: &str| document.at("properties")[name].as_str().map(str::to_owned);
    if let (Some(tenant), Some(principal), Some(client)) =
        (property("tenantId"), property("principalId"), property("clientId"))
    {
        principal::remove_for_identity(store, &tenant, &principal, &client);
    }
}

#[cfg(test)]
mod tests {
    use crate::test::Api;
    use serde_json::json;

    const GROUP: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo";

    #[test]
    fn an_identity_comes_with_a_principal_and_goes_with_it() {
        let mut api = Api::new();
        let id = format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app");
        let body = json!({"location": "West Europe", "tags": {"a": "1"}});
        let (status, created) = api.put(&format!("{id}?api-version=2023-01-31"), &body);
        assert_eq!(status, 201, "{created}");
        assert!(created["id"].as_str().unwrap().contains("/resourcegroups/rg-demo/"));
        assert_eq!(created["location"], "westeurope");
        let tenant = created["properties"]["tenantId"].as_str().unwrap().to_owned();
        let principal = created["properties"]["principalId"].as_str().unwrap().to_owned();
        assert!(crate::entra::principal::get(&api.world.store, &tenant, &principal).is_some());
        let (status, updated) =
            api.put(&format!("{}?api-version=2023-01-31", id.to_uppercase()), &json!({"location": "westeurope"}));
        assert_eq!((status, &updated["name"], &updated["tags"]), (200, &json!("app"), &json!({})));
        assert_eq!(updated["properties"], created["properties"]);
        assert_eq!(api.put(&format!("{id}?api-version=2023-01-31"), &json!({"location": "eastus"})).0, 409);
        assert_eq!(api.delete(&format!("{id}?api-version=2023-01-31")).0, 200);
        assert_eq!(api.delete(&format!("{id}?api-version=2023-01-31")).0, 204);
        assert!(crate::entra::principal::get(&api.world.store, &tenant, &principal).is_none());
        assert_eq!(api.get(&format!("{id}?api-version=2023-01-31")).1["error"]["code"], "ResourceNotFound");
    }

    #[test]
    fn an_older_api_version_neither_shows_nor_keeps_the_isolation_scope() {
        let mut api = Api::new();
        let id = format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app");
        let body = json!({"location": "westeurope", "properties": {"isolationScope": "Regional"}});
        let (_, new) = api.put(&format!("{id}?api-version=2024-11-30"), &body);
        assert_eq!(new["properties"]["isolationScope"], "Regional");
        let (_, old) = api.get(&format!("{id}?api-version=2023-01-31"));
        assert!(old["properties"].get("isolationScope").is_none());
        let (_, patched) = api.send("PATCH", &format!("{id}?api-version=2024-11-30"), &json!({"tags": {"x": "y"}}));
        assert_eq!(patched["properties"]["isolationScope"], "Regional");
        api.put(&format!("{id}?api-version=2023-01-31"), &body);
        let (_, new) = api.get(&format!("{id}?api-version=2024-11-30"));
        assert!(new["properties"].get("isolationScope").is_none());
        let wrong = json!({"location": "westeurope", "properties": {"isolationScope": "Global"}});
        assert_eq!(api.put(&format!("{id}?api-version=2024-11-30"), &wrong).0, 400);
    }

    #[test]
    fn what_an_identity_cannot_be_is_refused_with_the_services_words() {
        let mut api = Api::new();
        let base = format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities");
        let mut code =
            |target: &str, body| api.put(target, &body).1["error"]["code"].as_str().unwrap_or_default().to_owned();
        let sound = json!({"location": "westeurope"});
        let version = "api-version=2023-01-31";
        assert_eq!(code(&format!("{base}/a?{version}"), sound.clone()), "InvalidResourceName");
        assert_eq!(code(&format!("{base}/app?{version}"), json!({})), "LocationRequired");
        assert_eq!(
            code(&format!("{base}/app?{version}"), json!({"location": "mars"})),
            "LocationNotAvailableForResourceType"
        );
        assert_eq!(code(&format!("{base}/app?{version}"), json!({"location": 5})), "InvalidRequestContent");
        assert_eq!(code(&format!("{base}/app?{version}"), json!([])), "InvalidRequestContent");
        assert_eq!(code(&format!("{base}/app"), sound.clone()), "MissingApiVersionParameter");
        assert_eq!(code(&format!("{base}/app?api-version=2000-01-01"), sound.clone()), "NoRegisteredProviderFound");
        let elsewhere = base.replace("rg-demo", "rg-none");
        assert_eq!(code(&format!("{elsewhere}/app?{version}"), sound.clone()), "ResourceGroupNotFound");
        let elsewhere = base.replace("20000000", "2000000f");
        assert_eq!(code(&format!("{elsewhere}/app?{version}"), sound), "SubscriptionNotFound");
    }
}
