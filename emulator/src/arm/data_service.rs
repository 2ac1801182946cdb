//! `Microsoft.Storage/storageAccounts` and `Microsoft.ServiceBus/namespaces`, as far as somebody wants their ids, to assign data
//! roles at them: made, listed, deleted. What would be in them the emulator has not.

use http::StatusCode;
use serde_json::{Value, json};

use super::error::Error;
use super::resource::Resource;
use super::{ResourceType, id, subscription};
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Need, Operation};
use crate::core::world::World;

const ACCOUNT: ResourceType = ResourceType {
    name: "Microsoft.Storage/storageAccounts",
    versions: &[
        "2019-06-01",
        "2021-04-01",
        "2021-09-01",
        "2022-09-01",
        "2023-01-01",
        "2023-05-01",
        "2024-01-01",
        "2025-01-01",
        "2025-06-01",
        "2025-08-01",
    ],
};
const BUS: ResourceType = ResourceType {
    name: "Microsoft.ServiceBus/namespaces",
    versions: &["2017-04-01", "2021-11-01", "2022-10-01-preview", "2024-01-01", "2025-05-01-preview", "2026-01-01"],
};
const ACCOUNTS: Resource = Resource { of: ACCOUNT, parameter: "account", shown: |_, _, account| account.clone() };
const BUSES: Resource = Resource { of: BUS, parameter: "bus", shown: |_, _, bus| bus.clone() };
const ONE_ACCOUNT: &str =
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}";
const ONE_BUS: &str =
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ServiceBus/namespaces/{bus}";

pub(crate) const OPERATIONS: &[Operation] = &[
    ACCOUNT.operation("StorageAccounts_Create", "PUT", ONE_ACCOUNT, put_account),
    ACCOUNT.operation("StorageAccounts_GetProperties", "GET", ONE_ACCOUNT, |world, call| ACCOUNTS.get(world, call)),
    ACCOUNT.operation("StorageAccounts_Delete", "DELETE", ONE_ACCOUNT, |world, call| ACCOUNTS.delete(world, call)),
    ACCOUNT.operation(
        "StorageAccounts_ListByResourceGroup",
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts",
        |world, call| ACCOUNTS.list(world, call),
    ),
    ACCOUNT.operation(
        "StorageAccounts_List",
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts",
        |world, call| ACCOUNTS.list(world, call),
    ),
    ACCOUNT
        .operation(
            "StorageAccounts_CheckNameAvailability",
            "POST",
            "/subscriptions/{subscription}/providers/Microsoft.Storage/checkNameAvailability",
            check_account,
        )
        .needing(Need::Action("Microsoft.Storage/checknameavailability/read")),
    BUS.operation("Namespaces_CreateOrUpdate", "PUT", ONE_BUS, put_bus),
    BUS.operation("Namespaces_Get", "GET", ONE_BUS, |world, call| BUSES.get(world, call)),
    BUS.operation("Namespaces_Delete", "DELETE", ONE_BUS, |world, call| BUSES.delete(world, call)),
    BUS.operation(
        "Namespaces_ListByResourceGroup",
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ServiceBus/namespaces",
        |world, call| BUSES.list(world, call),
    ),
    BUS.operation(
        "Namespaces_List",
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.ServiceBus/namespaces",
        |world, call| BUSES.list(world, call),
    ),
];

/// Why no storage account can have this name.
fn misnamed(name: &str) -> Option<String> {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let message = format!(
        "{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use \
         numbers and lower-case letters only."
    );
    (!(3..=24).contains(&name.len()) || !name.bytes().all(sound)).then_some(message)
}

/// Names are compared with those of the subscription, not of the world.
fn check_account(world: &mut World, call: &Call<'_>) -> Answer {
    let subscription = subscription::require(&world.store, call.parameter("subscription"))?.text("id");
    let body = id::body(call)?;
    let name = body.text("name");
    let prefix = format!("{}/", id::key(subscription));
    let mut taken =
        world.store.under(&prefix).filter(|(_, it)| it.text("type") == ACCOUNT.name && it.text("name") == name);
    let body = match misnamed(name) {
        Some(message) => json!({"nameAvailable": false, "reason": "AccountNameInvalid", "message": message}),
        None if taken.next().is_some() => {
            let message = format!("The storage account named {name} is already taken.");
            json!({"nameAvailable": false, "reason": "AlreadyExists", "message": message})
        }
        None => json!({"nameAvailable": true}),
    };
    Ok(Response::json(StatusCode::OK, &body))
}

fn put_account(world: &mut World, call: &Call<'_>) -> Answer {
    let name = call.parameter("account");
    if let Some(message) = misnamed(name) {
        return Err(Error::bad_request("AccountNameInvalid", message).into());
    }
    let endpoint = |service: &str| format!("https://{name}.{service}.core.windows.net/");
    let endpoints: Value =
        ["blob", "file", "queue", "table"].into_iter().map(|it| (it.to_owned(), json!(endpoint(it)))).collect();
    // A new one is answered 200 as well, or else 202 by a service that is not yet done.
    let (_, account) =
        put(world, call, &ACCOUNTS, &json!({"primaryEndpoints": endpoints, "statusOfPrimary": "available"}))?;
    Ok(Response::json(StatusCode::OK, &account))
}

fn put_bus(world: &mut World, call: &Call<'_>) -> Answer {
    let name = call.parameter("bus");
    id::check_name(name, "namespace", 6, 50, "-")?;
    let endpoint = format!("https://{name}.servicebus.windows.net:443/");
    let (status, bus) = put(world, call, &BUSES, &json!({"serviceBusEndpoint": endpoint}))?;
    Ok(Response::json(status, &bus))
}

/// Stores what a body says, and what the service adds to its properties.
fn put(world: &mut World, call: &Call<'_>, of: &Resource, computed: &Value) -> Result<(StatusCode, Value), Error> {
    let resource_id = of.id(world, call)?;
    let body = id::body(call)?;
    let location = of.location(&body)?;
    let before = world.store.get(&id::key(&resource_id));
    if let Some(before) = before {
        of.stay(before, call, &location)?;
    }
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let mut resource = json!({
        "id": resource_id, "name": call.parameter(of.parameter), "type": of.of.name, "location": location,
        "tags": id::tags(&body)?.unwrap_or_else(|| json!({})), "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": {},
    });
    for field in ["sku", "kind", "identity", "properties"] {
        if body.at(field).is_object() || body.at(field).is_string() {
            json_patch::merge(&mut resource, &json!({field: body.at(field)}));
        }
    }
    json_patch::merge(&mut resource, &json!({"properties": computed}));
    json_patch::merge(&mut resource, &json!({"properties": {"provisioningState": "Succeeded"}}));
    world.store.put(id::key(&resource_id), resource.clone());
    Ok((status, resource))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::test::Api;

    const PROVIDERS: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers";

    #[test]
    fn an_account_and_a_namespace_are_made_read_and_deleted() {
        let mut api = Api::new();
        let account = format!("{PROVIDERS}/Microsoft.Storage/storageAccounts/stdemo?api-version=2025-08-01");
        let available = |api: &mut Api, name: &str| {
            let subscription = PROVIDERS.split("/resourceGroups").next().unwrap();
            let check =
                format!("{subscription}/providers/Microsoft.Storage/checkNameAvailability?api-version=2025-08-01");
            api.send("POST", &check, &json!({"name": name})).1["nameAvailable"].clone()
        };
        assert_eq!((available(&mut api, "stdemo"), available(&mut api, "st-demo")), (json!(true), json!(false)));
        let body =
            json!({"location": "westeurope", "sku": {"name": "Standard_GRS"}, "kind": "StorageV2", "properties": {}});
        assert_eq!(api.put(&account, &body).0, 200);
        assert_eq!(available(&mut api, "stdemo"), json!(false));
        let (_, found) = api.get(&account);
        assert_eq!(found["properties"]["primaryEndpoints"]["blob"], "https://stdemo.blob.core.windows.net/");
        assert_eq!((&found["sku"]["name"], &found["kind"]), (&json!("Standard_GRS"), &json!("StorageV2")));
        let bus = format!("{PROVIDERS}/Microsoft.ServiceBus/namespaces/sb-demo?api-version=2026-01-01");
        assert_eq!(api.put(&bus, &json!({"location": "westeurope"})).0, 201);
        assert_eq!(api.get(&bus).1["properties"]["serviceBusEndpoint"], "https://sb-demo.servicebus.windows.net:443/");
        for target in [account, bus] {
            assert_eq!(api.delete(&target).0, 200);
            assert_eq!(api.get(&target).0, 404);
        }
    }

    #[test]
    fn names_and_places_that_cannot_be_are_refused() {
        let mut api = Api::new();
        let target = |kind: &str, name: &str| format!("{PROVIDERS}/{kind}/{name}?api-version=2021-11-01");
        let storage =
            |name: &str| target("Microsoft.Storage/storageAccounts", name).replace("2021-11-01", "2023-01-01");
        let bus = |name: &str| target("Microsoft.ServiceBus/namespaces", name);
        let here = json!({"location": "westeurope"});
        let mut code = |target: &str, body: &serde_json::Value| {
            api.put(target, body).1["error"]["code"].as_str().unwrap_or("").to_owned()
        };
        assert_eq!(code(&storage("St-Demo"), &here), "AccountNameInvalid");
        assert_eq!(code(&bus("sb"), &here), "InvalidResourceName");
        assert_eq!(code(&bus("sb-demo"), &json!({})), "LocationRequired");
        assert_eq!(code(&bus("sb-demo"), &here), "");
        assert_eq!(code(&bus("sb-demo"), &json!({"location": "eastus"})), "InvalidResourceLocation");
    }
}
