//! Bad input to each surface, and the error of its service: tokens, paths, bodies.

use azwi_emulator::Options;
use azwi_emulator::jwt::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fuzz::corpus::Shot;
use crate::fuzz::wire::Wire;
use crate::support::{Client, IDENTITIES};

const TENANT: &str = "10000000-0000-4000-8000-000000000001";
const VAULT: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo?api-version=2023-07-01";

/// Claims of a token that would be good for everything, had Entra signed it.
fn claims(audience: &str) -> Value {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    json!({
        "aud": audience, "iss": format!("https://sts.windows.net/{TENANT}/"), "iat": now, "nbf": now, "exp": now + 600,
        "tid": TENANT, "appid": "30000000-0000-4000-8000-000000000001", "oid": "40000000-0000-4000-8000-000000000001",
        "sub": "system:serviceaccount:demo:app",
    })
}

/// Tokens that nobody should take, by what is wrong with them. The last ones claim the identifier of a key that is good.
fn forged(audience: &str, good: &str) -> Vec<(&'static str, String)> {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let payload = encode(&claims(audience));
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(good.split('.').next().unwrap()).unwrap()).unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    let unsigned = |algorithm: &str| encode(&json!({"alg": algorithm, "typ": "JWT", "kid": header["kid"]}));
    vec![
        ("nothing", String::new()),
        ("garbage", "garbage".to_owned()),
        ("garbage in three parts", "@@@.###.$$$".to_owned()),
        ("claims that are no JSON", format!("{}.{}.{signature}", unsigned("RS256"), URL_SAFE_NO_PAD.encode("{"))),
        ("no algorithm", format!("{}.{payload}.", unsigned("none"))),
        ("no algorithm, in capitals", format!("{}.{payload}.{signature}", unsigned("NONE"))),
        ("an algorithm with a shared secret", format!("{}.{payload}.{signature}", unsigned("HS256"))),
        ("a key of one's own", SigningKey::generate().unwrap().sign(&claims(audience)).unwrap()),
        ("claims changed after signing", format!("{}.{payload}.{signature}", good.split('.').next().unwrap())),
    ]
}

#[tokio::test]
async fn a_token_that_entra_did_not_sign_is_refused_by_azure_and_by_the_vault() {
    let azure = Client::start(Options::default()).await;
    let (_, vault) = azure.get(VAULT).await;
    let secret = format!("{}secrets/db-password?api-version=7.4", vault["properties"]["vaultUri"].as_str().unwrap());
    for (what, token) in forged("https://management.azure.com", azure.token()) {
        let (status, body) =
            azure.get_with(Some(&token), &format!("{}/tenants?api-version=2022-12-01", azure.url())).await;
        let code = body["error"]["code"].as_str().unwrap_or_default();
        assert!(status == 401 && code.starts_with("InvalidAuthenticationToken"), "{what}: {status} {body}");
    }
    for (what, token) in forged("https://vault.azure.net", azure.token()) {
        let (status, body) = azure.get_with(Some(&token), &secret).await;
        let code = body["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 401 && code.starts_with("AKV1000"), "{what}: {status} {body}");
    }
    let (status, body) = azure.get_with(Some(azure.token()), &secret).await;
    assert!(status == 401 && body["error"]["message"].as_str().unwrap().starts_with("AKV10022"), "{body}");
    let form = [("client_secret", "azwi-emulator-secret"), ("scope", "https://vault.azure.net/.default")];
    let for_vaults = azure.sign_in(&form).await.1;
    let target = format!("{}/tenants?api-version=2022-12-01", azure.url());
    let (status, body) = azure.get_with(for_vaults["access_token"].as_str(), &target).await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!("InvalidAuthenticationTokenAudience")));
    azure.control(Method::POST, "clock", Some(&json!({"advance_ms": 3_600_000}))).await;
    let (status, body) = azure.get_with(for_vaults["access_token"].as_str(), &secret).await;
    assert!(status == 401 && body["error"]["message"].as_str().unwrap().contains("expired"), "{body}");
}

#[tokio::test]
async fn a_token_that_the_cluster_did_not_sign_is_refused_by_the_cluster_and_by_entra() {
    let azure = Client::start(Options::default()).await;
    let good = azure.account_token("app").await;
    let namespaces = format!("{}/clusters/demo/api/v1/namespaces", azure.url());
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let identity = format!("{IDENTITIES}/app");
    let (_, made) = azure.put(&format!("{identity}?api-version=2023-01-31"), &json!({"location": "westeurope"})).await;
    let issuer = format!("{}/oidc/demo/", azure.url());
    let trusted = json!({"properties": {"issuer": issuer, "subject": "system:serviceaccount:demo:app",
        "audiences": ["api://AzureADTokenExchange"]}});
    azure.put(&format!("{identity}/federatedIdentityCredentials/main?api-version=2023-01-31"), &trusted).await;
    let client = ("client_id", made["properties"]["clientId"].as_str().unwrap());
    assert_eq!(azure.sign_in(&[client, kind, ("client_assertion", &good)]).await.0, 200);
    for (what, token) in forged("https://127.0.0.1", &good) {
        let (status, body) = azure.get_with(Some(&token), &namespaces).await;
        // Without a token one is somebody: anonymous, who may not.
        let refused = if what == "nothing" { (403, "Forbidden") } else { (401, "Unauthorized") };
        assert_eq!((status, body["reason"].as_str().unwrap_or_default()), refused, "{what}: {body}");
        let (status, body) = azure.sign_in(&[client, kind, ("client_assertion", &token)]).await;
        assert!(status == 400 || status == 401, "{what}: {status} {body}");
        assert!(body["error_description"].as_str().unwrap_or_default().starts_with("AADSTS"), "{what}: {body}");
    }
    let (status, body) = azure.get_with(Some(&good), &namespaces).await;
    assert_eq!((status, &body["reason"]), (401, &json!("Unauthorized")), "a token for Entra is none for the cluster");
}

#[tokio::test]
async fn no_path_leads_out_of_where_it_should() {
    let azure = Client::start(Options::default()).await;
    let address = azure.url().replace("https://", "");
    let mut wire = Wire::new(&azure.emulator().ca_pem);
    let subscription = "/subscriptions/20000000-0000-4000-8000-000000000001";
    let admin = azure.admin();
    for (token, path, expected) in [
        (azure.token(), format!("{subscription}/resourceGroups/rg-demo/../rg-second?api-version=2021-04-01"), 400),
        (azure.token(), format!("{subscription}/resourceGroups/rg-demo%2F..%2Frg-second?api-version=2021-04-01"), 400),
        (azure.token(), format!("{subscription}/resourceGroups/%2e%2e?api-version=2021-04-01"), 400),
        (azure.token(), "/_emulator/../_emulator/state".to_owned(), 400),
        (azure.token(), format!("{subscription}/resourceGroups/rg%00?api-version=2021-04-01"), 400),
        (&admin, "/clusters/demo/api/v1/namespaces/demo%2Fserviceaccounts/x".to_owned(), 404),
        (&admin, "/clusters/demo/../second/api/v1/namespaces".to_owned(), 404),
        (&admin, "/clusters/..%2Fdemo/api/v1/namespaces".to_owned(), 404),
        (&admin, "/clusters/demo/api/v1/namespaces/demo/serviceaccounts/..%2f..%2fx".to_owned(), 404),
        (&admin, format!("/{TENANT}%2F..%2Fcommon/oauth2/v2.0/token"), 400),
    ] {
        let mut shot = Shot::new(&address, "GET", &path);
        shot.set("authorization", &format!("Bearer {token}"));
        let reply = wire.send(&shot).await.unwrap();
        assert_eq!(reply.status, expected, "{path}: {reply}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_in_the_words_of_its_service() {
    let azure = Client::start(Options::default()).await;
    let (_, vault) = azure.get(VAULT).await;
    let form = [("client_secret", "azwi-emulator-secret"), ("scope", "https://vault.azure.net/.default")];
    let for_vaults = azure.sign_in(&form).await.1["access_token"].as_str().unwrap().to_owned();
    azure.control(Method::PATCH, "settings", Some(&json!({"without": ["vault_role"]}))).await;
    let secret = format!("{}secrets/mine?api-version=7.4", vault["properties"]["vaultUri"].as_str().unwrap());
    let identity = format!("{}{IDENTITIES}/app?api-version=2023-01-31", azure.url());
    let accounts = format!("{}/clusters/demo/api/v1/namespaces/demo/serviceaccounts", azure.url());
    let token = format!("{}/{TENANT}/oauth2/v2.0/token", azure.url());
    let settings = format!("{}/_emulator/settings", azure.url());
    let admin = azure.admin();
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let huge = format!("{{\"value\":\"{}\"}}", "x".repeat(5 << 20));
    let bodies = ["", "{", "[]", "null", "\"text\"", "{\"a\":1,}", "\u{feff}{}", deep.as_str(), huge.as_str()];
    for body in bodies {
        let shown = body.chars().take(20).collect::<String>();
        let send = async |method: Method, url: &str, token: &str| {
            let request = azure.http().request(method, url).bearer_auth(token).body(body.to_owned());
            let response = request.header("content-type", "application/json").send().await.unwrap();
            let status = response.status().as_u16();
            (status, response.json::<Value>().await.unwrap_or_default())
        };
        let expected = if body.len() > 4 << 20 { 413 } else { 400 };
        let (status, answer) = send(Method::PUT, &identity, azure.token()).await;
        let code = if expected == 413 { "RequestContentTooLarge" } else { "InvalidRequestContent" };
        assert_eq!((status, &answer["error"]["code"]), (expected, &json!(code)), "{shown}: {answer}");
        let (status, answer) = send(Method::PUT, &secret, &for_vaults).await;
        assert!(status == expected && answer["error"]["message"].is_string(), "{shown}: {status} {answer}");
        let (status, answer) = send(Method::POST, &token, "").await;
        let number = &answer["error_codes"][0];
        assert!(status == expected && (status == 413 || *number == 900_144), "{shown}: {status} {answer}");
        let (status, answer) = send(Method::PUT, &settings, "").await;
        assert!(status == expected && !answer["error"].is_null(), "{shown}: {status} {answer}");
        let (status, answer) = send(Method::POST, &accounts, &admin).await;
        assert!((400..500).contains(&status) && answer["kind"] == "Status", "{shown}: {status} {answer}");
    }
}
