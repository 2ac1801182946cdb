//! A chain to its end: a service account's token becomes a managed identity's, which reads a secret at the vault's own port.

use std::time::Duration;

use azwi_emulator::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, IDENTITIES};

const VAULT: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo";
const SECRETS_USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";

async fn vault_uri(azure: &Client, name: &str) -> String {
    let target = VAULT.replace("kv-demo", name);
    let (status, vault) = azure.get(&format!("{target}?api-version=2023-07-01")).await;
    assert_eq!(status, 200, "{vault}");
    vault["properties"]["vaultUri"].as_str().unwrap().to_owned()
}

/// An identity that trusts the service account `app`, and its vault token by that trust.
async fn federated(azure: &Client) -> (String, String) {
    let identity = format!("{IDENTITIES}/app");
    let (_, made) = azure.put(&format!("{identity}?api-version=2023-01-31"), &json!({"location": "westeurope"})).await;
    let property = |name: &str| made["properties"][name].as_str().unwrap().to_owned();
    let credential = json!({"properties": {
        "issuer": format!("{}/oidc/demo/", azure.url()), "subject": "system:serviceaccount:demo:app",
        "audiences": ["api://AzureADTokenExchange"],
    }});
    azure.put(&format!("{identity}/federatedIdentityCredentials/main?api-version=2023-01-31"), &credential).await;
    let assertion = azure.account_token("app").await;
    let form = [
        ("client_id", property("clientId")),
        ("scope", "https://vault.azure.net/.default".to_owned()),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned()),
        ("client_assertion", assertion),
    ];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, body) = azure.sign_in(&form).await;
    assert_eq!(status, 200, "{body}");
    (property("principalId"), body["access_token"].as_str().unwrap().to_owned())
}

async fn assign(azure: &Client, principal: &str) -> String {
    let name = uuid::Uuid::new_v4();
    let target = format!("{VAULT}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01");
    let body = json!({"properties": {
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}"),
        "principalId": principal, "principalType": "ServicePrincipal",
    }});
    let (status, made) = azure.put(&target, &body).await;
    assert_eq!(status, 201, "{made}");
    target
}

#[tokio::test]
async fn a_federated_token_reads_a_secret_while_its_identity_has_the_role() {
    let azure = Client::start(Options::default()).await;
    let (principal, token) = federated(&azure).await;
    let secret = format!("{}secrets/db-password/?api-version=7.4", vault_uri(&azure, "kv-demo").await);
    let (status, refused) = azure.get_with(None, &secret).await;
    assert_eq!((status, &refused["error"]["code"]), (401, &json!("Unauthorized")));
    let (status, refused) = azure.get_with(Some(&token), &secret).await;
    assert_eq!((status, &refused["error"]["innererror"]["code"]), (403, &json!("ForbiddenByRbac")));
    let role = assign(&azure, &principal).await;
    let (status, found) = azure.get_with(Some(&token), &secret).await;
    assert_eq!((status, &found["value"]), (200, &json!("correct horse battery staple")));
    azure.delete(&role).await;
    assert_eq!(azure.get_with(Some(&token), &secret).await.0, 403);
    let counts = azure.control(Method::GET, "log/counts", None).await.1;
    assert_eq!(counts["GetSecret"], 4, "{counts}");
}

#[tokio::test]
async fn a_new_role_has_no_effect_at_the_vault_for_the_configured_time() {
    let azure = Client::start(Options::default()).await;
    azure.control(Method::PUT, "settings", Some(&json!({"role_propagation_ms": 240_000}))).await;
    let (principal, token) = federated(&azure).await;
    let secret = format!("{}secrets/db-password?api-version=7.4", vault_uri(&azure, "kv-demo").await);
    assign(&azure, &principal).await;
    assert_eq!(azure.get_with(Some(&token), &secret).await.0, 403);
    azure.control(Method::POST, "clock", Some(&json!({"advance_ms": 241_000}))).await;
    assert_eq!(azure.get_with(Some(&token), &secret).await.0, 200);
}

#[tokio::test]
async fn a_vault_comes_and_goes_with_its_port_and_keeps_it_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { dir: Some(folder.path().to_owned()), ..Options::default() };
    let mut azure = Client::start(options()).await;
    let body = json!({"location": "westeurope", "properties": {
        "tenantId": "10000000-0000-4000-8000-000000000001", "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": true,
    }});
    let target = format!("{}?api-version=2023-07-01", VAULT.replace("kv-demo", "kv-mine"));
    assert_eq!(azure.put(&target, &body).await.0, 201);
    let uri = vault_uri(&azure, "kv-mine").await;
    let secrets = format!("{uri}secrets?api-version=7.4");
    assert_eq!(azure.get_with(None, &secrets).await.0, 401);
    azure.restart(options());
    assert_eq!(vault_uri(&azure, "kv-mine").await, uri);
    assert_eq!(azure.get_with(None, &secrets).await.0, 401);
    assert_eq!(azure.delete(&target).await.0, 200);
    let mut refused = azure.try_send_to(Method::GET, &secrets, None).await;
    for _ in 0..50 {
        // An open connection lives for up to a second after its port is closed.
        match refused {
            Ok(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(_) => break,
        }
        refused = azure.try_send_to(Method::GET, &secrets, None).await;
    }
    assert!(refused.is_err(), "nobody listens any more: {refused:?}");
    assert_eq!(azure.control(Method::POST, "reset", None).await.0, 204);
    assert_eq!(azure.get_with(None, &format!("{}secrets", vault_uri(&azure, "kv-demo").await)).await.0, 401);
}

#[tokio::test]
async fn nothing_but_the_vault_answers_at_its_port() {
    let azure = Client::start(Options::default()).await;
    let uri = vault_uri(&azure, "kv-demo").await;
    for path in ["_emulator/state", "subscriptions?api-version=2022-12-01", "clusters/demo/api/v1/namespaces"] {
        let (status, body): (u16, Value) = azure.send_to(Method::GET, &format!("{uri}{path}"), None).await;
        assert_eq!((status, &body["error"]["code"]), (404, &json!("NotFound")), "{path}");
    }
}
