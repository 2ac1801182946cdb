//! What a request's token has to be.

use http::HeaderValue;
use serde_json::{Value, json};

use crate::core::http::Request;
use crate::core::jwt::SigningKey;
use crate::core::settings::Deny;
use crate::test::Api;

const TARGET: &str = "/subscriptions/20000000-0000-4000-8000-000000000001?api-version=2022-12-01";

/// Status, code and challenge of a request with this `Authorization` header.
fn with(api: &mut Api, authorization: Option<&str>) -> (u16, String, String) {
    let mut request = Request::test("GET", TARGET);
    if let Some(value) = authorization {
        request.headers.insert("authorization", HeaderValue::from_str(value).unwrap());
    }
    let response = api.exchange(&request);
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    let challenge = response.headers.get("www-authenticate").map_or("", |it| it.to_str().unwrap());
    (response.status.as_u16(), body["error"]["code"].as_str().unwrap_or_default().to_owned(), challenge.to_owned())
}

#[test]
fn a_request_without_a_good_token_is_refused_with_a_challenge() {
    let mut api = Api::new();
    let claims = |changes: Value, api: &Api| format!("Bearer {}", api.token(&changes));
    let stranger = SigningKey::generate().unwrap();
    let forged = format!("Bearer {}", stranger.sign(&json!({"aud": "https://management.azure.com/"})).unwrap());
    let cases = [
        (None, "AuthenticationFailed"),
        (Some("Basic abc".to_owned()), "AuthenticationFailed"),
        (Some("Bearer abc".to_owned()), "InvalidAuthenticationToken"),
        (Some(forged), "InvalidAuthenticationToken"),
        (Some(claims(json!({"exp": 1}), &api)), "ExpiredAuthenticationToken"),
        (Some(claims(json!({"exp": null}), &api)), "InvalidAuthenticationToken"),
        (Some(claims(json!({"oid": null}), &api)), "InvalidAuthenticationToken"),
        (Some(claims(json!({"aud": "https://vault.azure.net"}), &api)), "InvalidAuthenticationTokenAudience"),
        (
            Some(claims(json!({"tid": "10000000-0000-4000-8000-00000000000f"}), &api)),
            "InvalidAuthenticationTokenTenant",
        ),
    ];
    for (authorization, code) in cases {
        let (status, found, challenge) = with(&mut api, authorization.as_deref());
        assert_eq!((status, found.as_str()), (401, code));
        assert!(challenge.starts_with("Bearer authorization_uri=\"https://127.0.0.1:8443/10000000-"), "{challenge}");
    }
    let good = claims(json!({"aud": ["x", "https://management.core.windows.net"]}), &api);
    assert_eq!(with(&mut api, Some(&good)).0, 200);
}

#[test]
fn a_denied_operation_is_forbidden_in_its_scope_only() {
    let mut api = Api::new();
    let group = |name: &str| {
        format!("/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/{name}?api-version=2021-04-01")
    };
    api.put(&group("other"), &json!({"location": "westeurope"}));
    let scope = "/subscriptions/20000000-0000-4000-8000-000000000001/RESOURCEGROUPS/rg-demo";
    let action = "microsoft.resources/subscriptions/resourcegroups/read";
    api.world.settings.deny = vec![Deny { operation: action.to_owned(), scope: Some(scope.to_owned()) }];
    let (status, body) = api.get(&group("rg-demo"));
    assert_eq!((status, &body["error"]["code"]), (403, &json!("AuthorizationFailed")));
    let text = body["error"]["message"].as_str().unwrap();
    assert!(
        text.contains(
            "perform action 'Microsoft.Resources/subscriptions/resourceGroups/read' over scope '/subscriptions/"
        ),
        "{text}"
    );
    assert_eq!(api.get(&group("other")).0, 200);
    api.world.settings.deny = vec![Deny { operation: "ResourceGroups_Get".to_owned(), scope: None }];
    assert_eq!(api.get(&group("other")).0, 403);
}

#[test]
fn the_throttle_refuses_the_second_write_to_one_identity() {
    let mut api = Api::new();
    api.world.settings = api.world.settings.changed(&json!({"throttle": "documented"})).unwrap();
    let identity = |name: &str| {
        format!(
            "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}?api-version=2023-01-31"
        )
    };
    let body = json!({"location": "westeurope"});
    assert_eq!(api.put(&identity("app"), &body).0, 201);
    let (status, refused) = api.put(&identity("APP"), &body);
    assert_eq!((status, &refused["error"]["code"]), (429, &json!("TooManyRequests")));
    assert_eq!(api.put(&identity("two"), &body).0, 201, "another identity is another resource");
    api.world.clock.advance(4_000);
    assert_eq!(api.put(&identity("app"), &body).0, 200);
}

#[test]
fn bad_input_never_ends_in_a_500() {
    let mut api = Api::new();
    let subscription = "/subscriptions/20000000-0000-4000-8000-000000000001";
    let group = format!("{subscription}/resourceGroups/rg-demo");
    let identity = format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app");
    let targets = [
        subscription.to_owned(),
        group.clone(),
        format!("{identity}?api-version=2023-01-31"),
        format!("{identity}/federatedIdentityCredentials/abc?api-version=2023-01-31"),
        format!(
            "{subscription}/providers/Microsoft.Authorization/roleAssignments/60000000-0000-4000-8000-000000000001?api-version=2022-04-01"
        ),
        "/10000000-0000-4000-8000-000000000001/oauth2/v2.0/token".to_owned(),
        format!("{group}/providers/Microsoft.KeyVault/vaults/kv-demo?api-version=2023-07-01"),
        format!("{group}/providers/Microsoft.ContainerService/managedClusters/demo?api-version=2024-09-01"),
        "/_emulator/settings".to_owned(),
        "/_emulator/faults".to_owned(),
        "/_emulator/seed".to_owned(),
        "/_emulator/clock".to_owned(),
        "/_emulator/state".to_owned(),
    ];
    let bodies = [
        json!(null),
        json!([]),
        json!("x"),
        json!({"properties": 5}),
        json!({"location": [1]}),
        json!({"tags": 1, "location": "westeurope"}),
        json!({"advance_ms": i64::MAX}),
    ];
    for target in &targets {
        for method in ["PUT", "POST", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS"] {
            for body in &bodies {
                let (status, answer) = api.send(method, target, body);
                assert!(status < 500, "{method} {target} {body}: {status} {answer}");
            }
        }
    }
}
