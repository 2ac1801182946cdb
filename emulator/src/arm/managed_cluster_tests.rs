use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde_json::{Value, json};

use crate::core::http::Request;
use crate::seed::Seed;
use crate::test::Api;

const GROUP: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo";

fn target(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.ContainerService/managedClusters/{name}?api-version=2024-09-01")
}

fn body(properties: Value) -> Value {
    json!({"location": "westeurope", "properties": properties})
}

/// The kubeconfig of one of the credential lists.
fn kubeconfig(api: &mut Api, name: &str, list: &str) -> Value {
    let (path, query) = list.split_once('?').unwrap_or((list, ""));
    let (status, answer) =
        api.send("POST", &format!("{}&{query}", target(name).replace('?', &format!("/{path}?"))), &Value::Null);
    assert_eq!(status, 200, "{answer}");
    let text = STANDARD.decode(answer["kubeconfigs"][0]["value"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn a_cluster_with_an_issuer_is_made_and_made_again_with_another() {
    let mut api = Api::new();
    let oidc = json!({"oidcIssuerProfile": {"enabled": true}});
    let (status, made) = api.put(&target("mine"), &body(oidc.clone()));
    assert_eq!((status, &made["properties"]["provisioningState"]), (201, &json!("Creating")), "{made}");
    let (_, made) = api.get(&target("mine"));
    let issuer = made["properties"]["oidcIssuerProfile"]["issuerURL"].as_str().unwrap().to_owned();
    assert!(issuer.starts_with("https://127.0.0.1:8443/oidc/mine-") && issuer.ends_with('/'), "{issuer}");
    let discovery = issuer.trim_start_matches("https://127.0.0.1:8443").to_owned() + ".well-known/openid-configuration";
    assert_eq!(api.get(&discovery).1["issuer"], issuer);
    assert_eq!(made["properties"]["provisioningState"], "Succeeded");
    assert_eq!(made["properties"]["powerState"], json!({"code": "Running"}), "what the service adds");
    assert!(made.get("_cluster").is_none(), "what is the emulator's own is not shown");
    assert_eq!(api.delete(&target("mine")).0, 202);
    assert_eq!(api.delete(&target("mine")).0, 204);
    assert_eq!(api.get(&discovery).0, 404);
    api.put(&target("mine"), &body(oidc));
    assert_ne!(api.get(&target("mine")).1["properties"]["oidcIssuerProfile"]["issuerURL"], issuer);
}

#[test]
fn features_are_switched_on_by_an_operation_that_takes_its_time() {
    let mut api = Api::new();
    api.put(&target("mine"), &body(json!({})));
    assert!(api.get(&target("mine")).1["properties"]["oidcIssuerProfile"].get("issuerURL").is_none());
    let identity = json!({"securityProfile": {"workloadIdentity": {"enabled": true}}});
    assert_eq!(api.send("PATCH", &target("mine"), &json!({"properties": identity})).0, 400, "without an issuer");
    api.world.settings.cluster_operation_ms = 60_000;
    let mut on = identity;
    json_patch::merge(&mut on, &json!({"oidcIssuerProfile": {"enabled": true}}));
    let mut request = Request::test("PATCH", &target("mine"));
    let token = format!("Bearer {}", api.token(&json!({})));
    request.headers.insert("authorization", HeaderValue::from_str(&token).unwrap());
    request.body = json!({"properties": on}).to_string().into();
    let response = api.exchange(&request);
    assert_eq!(response.status, 202);
    let at =
        |name: &str| response.headers[name].to_str().unwrap().trim_start_matches("https://127.0.0.1:8443").to_owned();
    let (operation, result) = (at("azure-asyncoperation"), at("location"));
    assert_eq!((api.get(&operation).1["status"].clone(), api.get(&result).0), (json!("InProgress"), 202));
    assert_eq!(api.get(&target("mine")).1["properties"]["provisioningState"], "Updating");
    let (status, refused) = api.send("PATCH", &target("mine"), &json!({"tags": {}}));
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("OperationNotAllowed")));
    api.world.clock.advance(60_000);
    assert_eq!((api.get(&operation).1["status"].clone(), api.get(&result).0), (json!("Succeeded"), 200));
    let (_, done) = api.get(&target("mine"));
    assert_eq!(done["properties"]["securityProfile"]["workloadIdentity"]["enabled"], true);
    assert!(done["properties"]["oidcIssuerProfile"]["issuerURL"].is_string());
    let off = json!({"properties": {"oidcIssuerProfile": {"enabled": false}}});
    let (_, refused) = api.send("PATCH", &target("mine"), &off);
    assert_eq!(refused["error"]["code"], "OIDCIssuerFeatureCannotBeDisabled");
}

#[test]
fn credentials_are_local_or_of_entra_as_the_cluster_is() {
    let mut api = Api::new();
    let local = kubeconfig(&mut api, "second", "listClusterUserCredential");
    assert_eq!(local["clusters"][0]["cluster"]["server"], "https://127.0.0.1:8443/clusters/second");
    let token = local["users"][0]["user"]["token"].as_str().unwrap().to_owned();
    assert_eq!(with_token(&mut api, "second", &token), 200);
    let exec = kubeconfig(&mut api, "demo", "listClusterUserCredential?format=exec");
    assert_eq!(exec["users"][0]["user"]["exec"]["command"], "kubelogin");
    let old = kubeconfig(&mut api, "demo", "listClusterUserCredential?format=azure");
    assert_eq!(old["users"][0]["user"]["auth-provider"]["name"], "azure");
    let admin = kubeconfig(&mut api, "demo", "listClusterAdminCredential");
    assert!(admin["users"][0]["user"]["token"].is_string());
    assert_eq!(api.send("PATCH", &target("demo"), &json!({"properties": {"disableLocalAccounts": true}})).0, 202);
    let list = target("demo").replace('?', "/listClusterAdminCredential?");
    let (status, refused) = api.send("POST", &list, &Value::Null);
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("BadRequest")));
    let without_entra = json!({"properties": {"disableLocalAccounts": true}});
    assert_eq!(api.send("PATCH", &target("second"), &without_entra).0, 400);
}

fn with_token(api: &mut Api, cluster: &str, token: &str) -> u16 {
    let mut request = Request::test("GET", &format!("/clusters/{cluster}/api/v1/namespaces"));
    request.headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    api.exchange(&request).status.as_u16()
}

#[test]
fn a_token_for_the_server_application_is_a_user_of_clusters_with_entra() {
    let mut api = Api::new();
    let server = json!({"aud": "6dae42f8-4368-4678-94ff-3960e28e3630"});
    let token = api.token(&server);
    assert_eq!(with_token(&mut api, "demo", &token), 200);
    assert_eq!(with_token(&mut api, "second", &token), 401, "it trusts nobody of Entra ID");
    for changes in [
        json!({}),
        json!({"aud": server["aud"], "exp": 1}),
        json!({"aud": server["aud"], "tid": "10000000-0000-4000-8000-00000000000f"}),
    ] {
        let token = api.token(&changes);
        assert_eq!(with_token(&mut api, "demo", &token), 401, "{changes}");
    }
}

#[test]
fn clusters_are_listed_and_those_of_arc_are_a_type_of_their_own() {
    let mut api = Api::new();
    let seed = "clusters: [{name: plant, azure: {resource_group: rg-demo, kind: arc, workload_identity: false}}]";
    Seed::parse(seed).unwrap().apply(&mut api.world).unwrap();
    let mut names = |path: &str| -> Vec<String> {
        let (_, found) = api.get(path);
        found["value"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    let subscription = GROUP.split_once("/resourceGroups").unwrap().0;
    for scope in [GROUP, subscription] {
        let aks = format!("{scope}/providers/Microsoft.ContainerService/managedClusters?api-version=2024-09-01");
        assert_eq!(names(&aks), ["demo", "second"]);
        let arc = format!("{scope}/providers/Microsoft.Kubernetes/connectedClusters?api-version=2024-01-01");
        assert_eq!(names(&arc), ["edge", "plant"]);
    }
    let plant = format!("{GROUP}/providers/Microsoft.Kubernetes/connectedClusters/plant");
    let (_, found) = api.get(&format!("{plant}?api-version=2026-05-01"));
    assert_eq!(found["properties"]["oidcIssuerProfile"]["issuerUrl"], "https://127.0.0.1:8443/oidc/plant/");
    assert_eq!(found["properties"]["securityProfile"]["workloadIdentity"]["enabled"], false);
    let list = format!("{plant}/listClusterUserCredential?api-version=2026-05-01");
    assert_eq!(api.send("POST", &list, &json!({"authenticationMethod": "AAD"})).0, 200);
    assert_eq!(api.send("POST", &list, &json!({"authenticationMethod": "x"})).0, 400);
}

#[test]
fn what_a_cluster_cannot_be_is_refused() {
    let mut api = Api::new();
    let mut code =
        |name: &str, body: &Value| api.put(&target(name), body).1["error"]["code"].as_str().unwrap().to_owned();
    assert_eq!(code("-x", &body(json!({}))), "InvalidResourceName");
    assert_eq!(code("mine", &json!({"properties": {}})), "LocationRequired");
    assert_eq!(code("mine", &json!({"location": "westeurope"})), "InvalidRequestContent");
    assert_eq!(code("mine", &body(json!({"oidcIssuerProfile": {"enabled": "yes"}}))), "InvalidRequestContent");
    assert_eq!(code("mine", &body(json!({"oidcIssuerProfile": 5}))), "InvalidRequestContent");
    assert_eq!(code("demo", &json!({"location": "eastus", "properties": {}})), "PropertyChangeNotAllowed");
    assert_eq!(api.get(&target("none")).1["error"]["code"], "ResourceNotFound");
    assert!(
        Seed::parse("clusters: [{name: a, azure: {resource_group: none}}]").unwrap().apply(&mut api.world).is_err()
    );
}
