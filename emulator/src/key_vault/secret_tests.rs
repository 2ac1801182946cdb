use http::HeaderValue;
use serde_json::{Value, json};

use crate::arm::vault;
use crate::core::http::Request;
use crate::test::Api;

const VAULT: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo";
const OFFICER: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7";
const USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";

/// Assigns a role to the application of the seed.
fn assign(api: &mut Api, scope: &str, role: &str) {
    let name = uuid::Uuid::new_v4();
    let target = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01");
    let body = json!({"properties": {
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
        "principalId": "40000000-0000-4000-8000-000000000001", "principalType": "ServicePrincipal",
    }});
    let (status, made) = api.put(&target, &body);
    assert_eq!(status, 201, "{made}");
}

fn send(api: &mut Api, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let token = api.token(&json!({"aud": "https://vault.azure.net"}));
    let (status, body, _) = send_as(api, Some(&token), method, target, body);
    (status, body)
}

fn send_as(api: &mut Api, token: Option<&str>, method: &str, target: &str, body: &Value) -> (u16, Value, String) {
    let separator = if target.contains('?') { '&' } else { '?' };
    let mut request = Request::test(method, &format!("{target}{separator}api-version=7.4"));
    if let Some(token) = token {
        request.headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    }
    request.body = body.to_string().into();
    request.port = Some("kv-demo".into());
    let response = api.exchange(&request);
    let challenge = response.headers.get("www-authenticate").map_or("", |it| it.to_str().unwrap()).to_owned();
    (response.status.as_u16(), serde_json::from_slice(&response.body).unwrap_or_default(), challenge)
}

#[test]
fn a_secret_is_written_in_versions_and_read_by_name_or_by_version() {
    let mut api = Api::new();
    assign(&mut api, VAULT, OFFICER);
    let (status, first) = send(&mut api, "PUT", "/secrets/My-key", &json!({"value": "1", "tags": {"a": "b"}}));
    assert_eq!((status, &first["value"], &first["tags"]), (200, &json!("1"), &json!({"a": "b"})));
    let id = first["id"].as_str().unwrap();
    let (uri, version) = id.split_once("secrets/My-key/").unwrap();
    assert_eq!((Some(uri), version.len()), (vault::uri(&api.world, "kv-demo").as_deref(), 32));
    assert_eq!(first["attributes"]["enabled"], true);
    let (_, second) = send(&mut api, "PUT", "/secrets/my-KEY", &json!({"value": "2", "contentType": "text/plain"}));
    assert!(second["id"].as_str().unwrap().contains("/My-key/"));
    assert_eq!(send(&mut api, "GET", "/secrets/my-key/", &Value::Null), (200, second.clone()));
    assert_eq!(send(&mut api, "GET", &format!("/secrets/my-key/{version}"), &Value::Null), (200, first.clone()));
    let (_, versions) = send(&mut api, "GET", "/secrets/my-key/versions", &Value::Null);
    assert_eq!(versions["value"].as_array().unwrap().len(), 2);
    let (_, all) = send(&mut api, "GET", "/secrets?maxresults=1", &Value::Null);
    assert_eq!(all["value"][0]["id"], format!("{uri}secrets/db-password"));
    assert!(all["value"][0].get("value").is_none() && all["nextLink"].as_str().unwrap().starts_with(uri));
    let rest = all["nextLink"].as_str().unwrap().trim_start_matches(uri.trim_end_matches('/')).to_owned();
    let (_, rest) = send(&mut api, "GET", &rest, &Value::Null);
    assert_eq!((&rest["value"][0]["id"], &rest["nextLink"]), (&json!(format!("{uri}secrets/My-key")), &Value::Null));
}

#[test]
fn a_deleted_secret_keeps_its_name_until_it_is_purged() {
    let mut api = Api::new();
    let admin = "00482a5a-887f-4fb3-b363-3b7fe8e74483";
    assign(&mut api, "/subscriptions/20000000-0000-4000-8000-000000000001", admin);
    let (status, gone) = send(&mut api, "DELETE", "/secrets/db-password", &Value::Null);
    assert_eq!(status, 200);
    assert!(
        gone["recoveryId"].as_str().unwrap().ends_with("/deletedsecrets/db-password") && gone.get("value").is_none()
    );
    let (status, missing) = send(&mut api, "GET", "/secrets/db-password", &Value::Null);
    assert_eq!((status, &missing["error"]["code"]), (404, &json!("SecretNotFound")));
    assert_eq!(send(&mut api, "GET", "/deletedsecrets/db-password", &Value::Null), (200, gone));
    let (status, refused) = send(&mut api, "PUT", "/secrets/db-password", &json!({"value": "x"}));
    assert_eq!((status, &refused["error"]["innererror"]["code"]), (409, &json!("ObjectIsDeletedButRecoverable")));
    assert_eq!(send(&mut api, "POST", "/deletedsecrets/db-password/recover", &Value::Null).0, 200);
    assert_eq!(send(&mut api, "GET", "/secrets/db-password", &Value::Null).1["value"], "correct horse battery staple");
    send(&mut api, "DELETE", "/secrets/db-password", &Value::Null);
    assert_eq!(send(&mut api, "DELETE", "/deletedsecrets/db-password", &Value::Null).0, 204);
    assert_eq!(send(&mut api, "GET", "/deletedsecrets/db-password", &Value::Null).0, 404);
    assert_eq!(send(&mut api, "PUT", "/secrets/db-password", &json!({"value": "x"})).0, 200);
}

#[test]
fn a_role_counts_at_the_vault_and_above_it_and_only_for_what_it_has() {
    for scope in
        ["/subscriptions/20000000-0000-4000-8000-000000000001", VAULT.split_once("/providers").unwrap().0, VAULT]
    {
        let mut api = Api::new();
        let (status, refused) = send(&mut api, "GET", "/secrets/db-password", &Value::Null);
        assert_eq!((status, &refused["error"]["innererror"]["code"]), (403, &json!("ForbiddenByRbac")));
        assign(&mut api, scope, USER);
        assert_eq!(send(&mut api, "GET", "/secrets/db-password", &Value::Null).0, 200, "{scope}");
        assert_eq!(send(&mut api, "GET", "/secrets", &Value::Null).0, 200);
        assert_eq!(send(&mut api, "PUT", "/secrets/db-password", &json!({"value": "x"})).0, 403);
        assert_eq!(send(&mut api, "DELETE", "/secrets/db-password", &Value::Null).0, 403);
    }
    let mut api = Api::new();
    assign(&mut api, "/subscriptions/20000000-0000-4000-8000-000000000002", USER);
    // An owner of everything may not read secrets.
    assign(&mut api, VAULT, "8e3af657-a8ff-443c-a75c-2fe8c4bcb635");
    assert_eq!(send(&mut api, "GET", "/secrets/db-password", &Value::Null).0, 403);
    assign(&mut api, &format!("{VAULT}/secrets/db-password"), USER);
    assert_eq!(send(&mut api, "GET", "/secrets/db-password", &Value::Null).0, 200);
    assert_eq!(send(&mut api, "GET", "/secrets", &Value::Null).0, 403);
}

#[test]
fn a_refusal_for_the_lack_of_a_role_has_azures_words() {
    let mut api = Api::new();
    let (_, refused) = send(&mut api, "PUT", "/secrets/new", &json!({"value": "x"}));
    let expected = "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role \
        definitions were changed recently, please observe propagation time.\r\nCaller: \
        appid=30000000-0000-4000-8000-000000000001;oid=40000000-0000-4000-8000-000000000001;\
        iss=https://sts.windows.net/10000000-0000-4000-8000-000000000001/\r\nAction: \
        'Microsoft.KeyVault/vaults/secrets/setSecret/action'\r\nResource: \
        '/subscriptions/20000000-0000-4000-8000-000000000001/resourcegroups/rg-demo/providers/microsoft.keyvault/vaults/kv-demo/\
        secrets/new'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: \
        kv-demo;location=westeurope\r\n";
    let body = json!({"error": {"code": "Forbidden", "message": expected, "innererror": {"code": "ForbiddenByRbac"}}});
    assert_eq!(refused, body);
}

#[test]
fn a_new_role_takes_the_configured_time() {
    let mut api = Api::new();
    api.world.settings.role_propagation_ms = 300_000;
    assign(&mut api, VAULT, USER);
    assert_eq!(send(&mut api, "GET", "/secrets/db-password", &Value::Null).0, 403);
    api.world.clock.advance(290_000);
    assert_eq!(send(&mut api, "GET", "/secrets/db-password", &Value::Null).0, 403);
    api.world.clock.advance(11_000);
    assert_eq!(send(&mut api, "GET", "/secrets/db-password", &Value::Null).0, 200);
}

#[test]
fn without_a_token_for_vaults_a_challenge_says_where_to_get_one() {
    let mut api = Api::new();
    assign(&mut api, VAULT, USER);
    let challenge = "Bearer authorization=\"https://127.0.0.1:8443/10000000-0000-4000-8000-000000000001\", resource=\"https://vault.azure.net\"";
    let (status, body, found) = send_as(&mut api, None, "GET", "/secrets/db-password", &Value::Null);
    assert_eq!((status, &body["error"]["code"], found.as_str()), (401, &json!("Unauthorized"), challenge));
    for claims in [
        json!({}),
        json!({"aud": "https://vault.azure.net//"}),
        json!({"aud": "https://vault.azure.net", "exp": 1}),
        json!({"aud": "https://vault.azure.net", "oid": null}),
        json!({"aud": "https://vault.azure.net", "tid": "10000000-0000-4000-8000-00000000000f"}),
    ] {
        let token = api.token(&claims);
        let (status, _, found) = send_as(&mut api, Some(&token), "GET", "/secrets/db-password", &Value::Null);
        assert!(status == 401 && found.starts_with(challenge) && found.contains("invalid_token"), "{claims}: {found}");
    }
    let token = api.token(&json!({"aud": "https://vault.azure.net/"}));
    assert_eq!(send_as(&mut api, Some(&token), "GET", "/secrets/db-password", &Value::Null).0, 200);
}

#[test]
fn a_disabled_secret_is_listed_and_not_read() {
    let mut api = Api::new();
    assign(&mut api, VAULT, OFFICER);
    let (status, body) =
        send(&mut api, "PATCH", "/secrets/db-password/", &json!({"attributes": {"enabled": false}, "tags": {}}));
    assert_eq!((status, &body["attributes"]["enabled"], body.get("value")), (200, &json!(false), None));
    let (status, refused) = send(&mut api, "GET", "/secrets/db-password", &Value::Null);
    assert_eq!((status, &refused["error"]["innererror"]["code"]), (403, &json!("SecretDisabled")));
    assert_eq!(send(&mut api, "GET", "/secrets", &Value::Null).1["value"].as_array().unwrap().len(), 1);
}

#[test]
fn what_a_secret_cannot_be_is_a_bad_parameter() {
    let mut api = Api::new();
    assign(&mut api, VAULT, OFFICER);
    let long = "x".repeat(25 * 1024 + 1);
    for (name, body) in [
        ("a_b", json!({"value": "x"})),
        ("ab", json!({})),
        ("ab", json!({"value": 5})),
        ("ab", json!({"value": long})),
        ("ab", json!([])),
        ("ab", json!({"value": "x", "tags": {"a": 1}})),
        ("ab", json!({"value": "x", "attributes": {"exp": "soon"}})),
    ] {
        let (status, refused) = send(&mut api, "PUT", &format!("/secrets/{name}"), &body);
        assert_eq!((status, &refused["error"]["code"]), (400, &json!("BadParameter")), "{name} {refused}");
    }
    for target in ["/secrets?maxresults=0", "/secrets?maxresults=x", "/secrets?$skiptoken=-1"] {
        assert_eq!(send(&mut api, "GET", target, &Value::Null).0, 400, "{target}");
    }
    assert_eq!(send(&mut api, "GET", "/keys/a", &Value::Null).0, 404);
    assert_eq!(send(&mut api, "POST", "/secrets/a", &Value::Null).0, 405);
}

#[test]
fn a_vault_without_roles_asks_its_access_policies() {
    let mut api = Api::new();
    let policy = |permissions: Value| {
        json!({"properties": {"enableRbacAuthorization": false, "accessPolicies": [{
            "tenantId": "10000000-0000-4000-8000-000000000001", "objectId": "40000000-0000-4000-8000-000000000001",
            "permissions": {"secrets": permissions},
        }]}})
    };
    let target = format!("{VAULT}?api-version=2023-07-01");
    assign(&mut api, VAULT, OFFICER);
    assert_eq!(api.send("PATCH", &target, &policy(json!(["list"]))).0, 200);
    let (status, refused) = send(&mut api, "GET", "/secrets/db-password", &Value::Null);
    assert_eq!((status, &refused["error"]["innererror"]["code"]), (403, &json!("AccessDenied")));
    api.send("PATCH", &target, &policy(json!(["Get"])));
    assert_eq!(send(&mut api, "GET", "/secrets/db-password", &Value::Null).0, 200);
}
