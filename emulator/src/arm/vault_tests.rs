use super::uri as uri_of;
use crate::test::Api;
use serde_json::{Value, json};

const GROUP: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo";

fn target(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.KeyVault/vaults/{name}?api-version=2023-07-01")
}

fn body() -> Value {
    json!({"location": "westeurope", "properties": {
        "tenantId": "10000000-0000-4000-8000-000000000001", "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": true,
    }})
}

#[test]
fn a_vault_has_an_address_while_it_is_there_and_keeps_it_when_it_is_written_again() {
    let mut api = Api::new();
    let (status, made) = api.put(&target("kv-one"), &body());
    assert_eq!(status, 201, "{made}");
    let uri = made["properties"]["vaultUri"].as_str().unwrap().to_owned();
    assert!(uri.starts_with("https://127.0.0.1:") && uri.ends_with('/'), "{uri}");
    let (status, again) = api.put(&target("KV-one"), &body());
    assert_eq!((status, &again["name"], &again["properties"]["vaultUri"]), (200, &json!("kv-one"), &json!(uri)));
    let change = json!({"tags": {"a": "b"}, "properties": {"enabledForDeployment": true}});
    let (status, patched) = api.send("PATCH", &target("kv-one"), &change);
    assert_eq!(
        (status, &patched["tags"], &patched["properties"]["sku"]["name"]),
        (200, &json!({"a": "b"}), &json!("standard"))
    );
    assert_eq!(api.get(&target("kv-one")).1, patched);
    assert_eq!(api.delete(&target("kv-one")).0, 200);
    assert_eq!(api.delete(&target("kv-one")).0, 204);
    assert_eq!(api.get(&target("kv-one")).1["error"]["code"], "ResourceNotFound");
    api.world.settle().unwrap();
    assert_eq!(uri_of(&api.world, "kv-one"), None);
}

#[test]
fn a_vaults_name_is_taken_everywhere_and_free_again_when_its_group_is_gone() {
    let mut api = Api::new();
    let second = target("kv-demo")
        .replace("20000000-0000-4000-8000-000000000001", "20000000-0000-4000-8000-000000000002")
        .replace("rg-demo", "rg-second");
    let (status, refused) = api.put(&second, &body());
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("VaultAlreadyExists")));
    let check = "/subscriptions/20000000-0000-4000-8000-000000000001/providers/Microsoft.KeyVault/checkNameAvailability?api-version=2023-07-01";
    let mut available = |name: &str| api.send("POST", check, &json!({"name": name})).1["nameAvailable"].clone();
    assert_eq!([available("kv-demo"), available("x"), available("kv-free")], [json!(false), json!(false), json!(true)]);
    assert_eq!(api.delete(&format!("{GROUP}?api-version=2021-04-01")).0, 202);
    assert_eq!(api.put(&second, &body()).0, 201);
    assert!(api.world.store.under("keyvault/secrets/kv-demo/").next().is_none(), "its secrets went with it");
}

#[test]
fn vaults_are_listed_by_group_and_by_subscription() {
    let mut api = Api::new();
    api.put(&target("kv-one"), &body());
    let mut names = |target: &str| -> Vec<String> {
        let (_, found) = api.get(&format!("{target}/providers/Microsoft.KeyVault/vaults?api-version=2023-07-01"));
        found["value"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(GROUP), ["kv-demo", "kv-one"]);
    assert_eq!(names("/subscriptions/20000000-0000-4000-8000-000000000001"), ["kv-demo", "kv-one"]);
    assert!(names("/subscriptions/20000000-0000-4000-8000-000000000002").is_empty());
}

#[test]
fn what_a_vault_cannot_be_is_refused() {
    let mut api = Api::new();
    let mut code =
        |name: &str, body: &Value| api.put(&target(name), body).1["error"]["code"].as_str().unwrap().to_owned();
    for name in ["kv", "1kv", "kv-", "kv--one", "kv_one", "a123456789012345678901234"] {
        assert_eq!(code(name, &body()), "VaultNameNotValid", "{name}");
    }
    let with = |pointer: &str, value: Value| {
        let mut body = body();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    assert_eq!(
        code("kv-one", &with("/properties/tenantId", json!("10000000-0000-4000-8000-00000000000f"))),
        "BadRequest"
    );
    assert_eq!(code("kv-one", &with("/properties/sku", json!({"name": "basic"}))), "BadRequest");
    assert_eq!(code("kv-one", &with("/properties/enableRbacAuthorization", json!(false))), "BadRequest");
    assert_eq!(code("kv-one", &with("/properties/enableRbacAuthorization", json!(3))), "InvalidRequestContent");
    assert_eq!(code("kv-one", &with("/location", json!("mars"))), "LocationNotAvailableForResourceType");
    assert_eq!(code("kv-one", &json!({"location": "westeurope"})), "InvalidRequestContent");
    assert_eq!(code("kv-demo", &with("/location", json!("eastus"))), "InvalidResourceLocation");
}
