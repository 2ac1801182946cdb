//! Every error of the token endpoint by the input that causes it, and the ways to succeed.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::JWT_BEARER;
use crate::core::access_token;
use crate::core::http::Request;
use crate::core::jwt::{SigningKey, Unverified};
use crate::entra::issuer;
use crate::seed::Seed;
use crate::test::Api;

const TENANT: &str = "10000000-0000-4000-8000-000000000001";
const CLIENT: &str = "30000000-0000-4000-8000-000000000001";
const CI: &str = "30000000-0000-4000-8000-0000000000c1";
const ISSUER: &str = "https://ci.example";
const SCOPE: &str = "https://management.azure.com/.default";

fn ask(api: &mut Api, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let mut request = Request::test("POST", path);
    request.body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().into();
    let response = api.exchange(&request);
    (response.status.as_u16(), serde_json::from_slice(&response.body).unwrap())
}

fn sign_in(api: &mut Api, form: &[(&str, &str)]) -> (u16, Value) {
    let all = [&[("grant_type", "client_credentials"), ("scope", SCOPE)], form].concat();
    ask(api, &format!("/{TENANT}/oauth2/v2.0/token"), &all)
}

/// Status, `error` and the number; checks that the text has the number, too.
fn error((status, body): (u16, Value)) -> (u16, String, u64) {
    let number = body["error_codes"][0].as_u64().unwrap_or_default();
    let text = body["error_description"].as_str().unwrap_or_default();
    assert!(text.starts_with(&format!("AADSTS{number}: ")) && text.contains(" Trace ID: "), "{body}");
    assert_eq!(body["error_uri"], format!("https://login.microsoftonline.com/error?code={number}"));
    (status, body["error"].as_str().unwrap_or_default().to_owned(), number)
}

/// An application that trusts `ISSUER` for the subject `repo:a`, and the issuer's key.
fn with_ci() -> (Api, SigningKey) {
    let (mut api, key) = (Api::new(), SigningKey::generate().unwrap());
    let seed = json!({
        "applications": [{"client_id": CI, "name": "ci", "federated_identity_credentials": [
            {"name": "main", "issuer": ISSUER, "subject": "repo:a"},
        ]}],
        "issuers": [{"issuer": ISSUER, "jwks": key.jwks()}],
    });
    Seed::parse(&seed.to_string()).unwrap().apply(&mut api.world).unwrap();
    (api, key)
}

fn claims(api: &Api, changes: Value) -> Value {
    let now = api.world.clock.unix();
    let mut claims = json!({
        "iss": ISSUER, "sub": "repo:a", "aud": "api://AzureADTokenExchange", "iat": now, "nbf": now, "exp": now + 300,
    });
    json_patch::merge(&mut claims, &changes);
    claims
}

fn federated(api: &mut Api, client: &str, assertion: &str) -> (u16, Value) {
    sign_in(api, &[("client_id", client), ("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)])
}

#[test]
fn a_secret_gives_a_token_that_says_who_and_what_for() {
    let mut api = Api::new();
    let (status, body) = sign_in(&mut api, &[("client_id", CLIENT), ("client_secret", "azwi-emulator-secret")]);
    assert_eq!((status, &body["token_type"], &body["expires_in"]), (200, &json!("Bearer"), &json!(3599)));
    let token = Unverified::parse(body["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(token.claim("appid"), Some(CLIENT));
    assert_eq!(token.claim("oid"), Some("40000000-0000-4000-8000-000000000001"));
    assert_eq!(token.claim("iss"), Some(format!("https://sts.windows.net/{TENANT}/").as_str()));
    assert_eq!(token.audiences(), ["https://management.azure.com"]);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", "azwi-emulator-secret"),
        ("resource", "https://management.core.windows.net/"),
    ];
    let (status, body) = ask(&mut api, "/azwi-emulator.onmicrosoft.com/oauth2/token", &form);
    assert_eq!((status, &body["expires_in"]), (200, &json!("3599")), "the tenant by its domain, at the older endpoint");
}

#[test]
fn what_is_wrong_with_the_request_itself_has_its_number() {
    let mut api = Api::new();
    let secret = [("client_id", CLIENT), ("client_secret", "wrong")];
    assert_eq!(error(sign_in(&mut api, &secret)), (401, "invalid_client".into(), 7_000_215));
    assert_eq!(error(sign_in(&mut api, &[("client_id", CLIENT)])), (401, "invalid_client".into(), 7_000_218));
    assert_eq!(error(sign_in(&mut api, &[])), (400, "invalid_request".into(), 900_144));
    let unknown = [("client_id", TENANT), ("client_secret", "x")];
    assert_eq!(error(sign_in(&mut api, &unknown)), (400, "unauthorized_client".into(), 700_016));
    let mut at =
        |tenant: &str, form: &[(&str, &str)]| error(ask(&mut api, &format!("/{tenant}/oauth2/v2.0/token"), form));
    assert_eq!(at(CLIENT, &[]), (400, "invalid_tenant".into(), 90002));
    assert_eq!(at("nowhere.example", &[]), (400, "invalid_tenant".into(), 90002));
    assert_eq!(at("no_tenant", &[]), (400, "invalid_request".into(), 900_023));
    assert_eq!(at("common", &[]).2, 50059);
    assert_eq!(at(TENANT, &[]).2, 900_144);
    assert_eq!(at(TENANT, &[("grant_type", "password")]), (400, "unsupported_grant_type".into(), 70003));
    let scope =
        |scope| [("grant_type", "client_credentials"), ("client_id", CLIENT), ("client_secret", "x"), ("scope", scope)];
    assert_eq!(at(TENANT, &scope("https://nowhere.example/.default")), (400, "invalid_resource".into(), 500_011));
    assert_eq!(at(TENANT, &scope("a b")), (400, "invalid_scope".into(), 70011));
    assert_eq!(at(TENANT, &scope("https://management.azure.com")), (400, "invalid_scope".into(), 1_002_012));
}

#[test]
fn a_federated_assertion_is_taken_when_all_of_it_is_right() {
    let (mut api, key) = with_ci();
    let assertion = key.sign(&claims(&api, json!({}))).unwrap();
    let (status, body) = federated(&mut api, CI, &assertion);
    assert_eq!(status, 200, "{body}");
    let many = key.sign(&claims(&api, json!({"aud": ["x", "api://AzureADTokenExchange"]}))).unwrap();
    assert_eq!(federated(&mut api, CI, &many).0, 200);
}

#[test]
fn each_part_of_a_federated_assertion_that_does_not_match_has_its_number() {
    let (mut api, key) = with_ci();
    let mut number = |changes: Value| {
        let assertion = key.sign(&claims(&api, changes)).unwrap();
        let (status, error, number) = error(federated(&mut api, CI, &assertion));
        assert_eq!((status, error.as_str()), (401, "invalid_client"), "{number}");
        number
    };
    assert_eq!(number(json!({"iss": "https://ci.example/"})), 700_211, "a slash is a difference");
    assert_eq!(number(json!({"aud": "api://other"})), 700_212);
    assert_eq!(number(json!({"aud": null})), 700_212);
    assert_eq!(number(json!({"sub": "repo:b"})), 700_213);
    assert_eq!(number(json!({"sub": "Repo:A"})), 7_002_138);
    assert_eq!(number(json!({"exp": 1})), 700_024);
    assert_eq!(number(json!({"exp": null})), 700_024);
    assert_eq!(number(json!({"nbf": 32_503_680_000_i64})), 700_024);
    assert_eq!(number(json!({"iss": format!("https://sts.windows.net/{TENANT}/")})), 700_222);
    let pipeline =
        json!({"iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "sub": "/eid1/c/pub/t/x/a/y/sc/o/c"});
    assert_eq!(
        number(pipeline),
        700_211,
        "Entra ID issues the tokens of Azure DevOps, which are trusted where a credential says so"
    );
    assert_eq!(error(federated(&mut api, CI, "not.a.jwt")), (400, "invalid_request".into(), 50027));
    let assertion = key.sign(&claims(&api, json!({}))).unwrap();
    assert_eq!(error(federated(&mut api, CLIENT, &assertion)).2, 70025, "that client trusts nobody");
    let wrong_type = [("client_id", CI), ("client_assertion_type", "jwt"), ("client_assertion", assertion.as_str())];
    assert_eq!(error(sign_in(&mut api, &wrong_type)).2, 900_145);
}

#[test]
fn a_signature_that_is_not_the_issuers_is_refused() {
    let (mut api, key) = with_ci();
    let stranger = SigningKey::generate().unwrap();
    let good = claims(&api, json!({}));
    assert_eq!(
        error(federated(&mut api, CI, &stranger.sign(&good).unwrap())).2,
        7_000_272,
        "a key that is not published"
    );
    let sign = |algorithm, with: &SigningKey| {
        let mut header = Header::new(algorithm);
        header.kid = Some(key.kid().to_owned());
        jsonwebtoken::encode(&header, &good, &EncodingKey::from_rsa_pem(with.pem().as_bytes()).unwrap()).unwrap()
    };
    assert_eq!(error(federated(&mut api, CI, &sign(Algorithm::RS256, &stranger))).2, 700_027, "under a published name");
    assert_eq!(error(federated(&mut api, CI, &sign(Algorithm::RS512, &key))).2, 5_002_730, "only RS256 is taken");
    let mut hmac = Header::new(Algorithm::HS256);
    hmac.kid = Some(key.kid().to_owned());
    let forged =
        jsonwebtoken::encode(&hmac, &good, &EncodingKey::from_secret(key.jwks().to_string().as_bytes())).unwrap();
    assert_eq!(error(federated(&mut api, CI, &forged)).2, 5_002_730);
}

#[test]
fn keys_that_are_not_known_are_asked_for_and_what_cannot_be_reached_is_50166() {
    let (mut api, key) = with_ci();
    api.world.store.remove(&format!("entra/issuers/{ISSUER}"));
    let assertion = key.sign(&claims(&api, json!({}))).unwrap();
    assert_eq!(federated(&mut api, CI, &assertion).0, 500, "this test has no network: the wish comes out as a bug");
    let mut fetched = |jwks| {
        issuer::remember(&mut api.world, ISSUER.to_owned(), jwks);
        federated(&mut api, CI, &assertion)
    };
    assert_eq!(error(fetched(Err("no route".to_owned()))), (400, "invalid_request".into(), 50166));
    assert_eq!(fetched(Ok(key.jwks())).0, 200);
}

#[test]
fn a_credential_on_its_way_is_70021_until_it_has_propagated() {
    let mut api = Api::new();
    let key = SigningKey::generate().unwrap();
    let seed = json!({"issuers": [{"issuer": ISSUER, "jwks": key.jwks()}]});
    Seed::parse(&seed.to_string()).unwrap().apply(&mut api.world).unwrap();
    api.world.settings.credential_propagation_ms = 10_000;
    let identity = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app";
    let (_, made) = api.put(&format!("{identity}?api-version=2023-01-31"), &json!({"location": "westeurope"}));
    let client = made["properties"]["clientId"].as_str().unwrap().to_owned();
    let credential = |subject: &str| json!({"properties": {"issuer": ISSUER, "subject": subject, "audiences": ["api://AzureADTokenExchange"]}});
    let target = format!("{identity}/federatedIdentityCredentials/main?api-version=2023-01-31");
    api.put(&target, &credential("repo:a"));
    let assertion = key.sign(&claims(&api, json!({}))).unwrap();
    assert_eq!(error(federated(&mut api, &client, &assertion)), (401, "unauthorized_client".into(), 70021));
    api.world.clock.advance(10_000);
    let (status, body) = federated(&mut api, &client, &assertion);
    assert_eq!(status, 200, "{body}");
    let token = Unverified::parse(body["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(token.claim("oid"), made["properties"]["principalId"].as_str());
    assert!(token.claim("xms_mirid").unwrap().ends_with("/userAssignedIdentities/app"));
    api.put(&target, &credential("repo:a"));
    assert_eq!(federated(&mut api, &client, &assertion).0, 200, "a write that changes nothing spreads nothing");
    api.put(&target, &credential("repo:b"));
    let other = key.sign(&claims(&api, json!({"sub": "repo:b"}))).unwrap();
    assert_eq!(error(federated(&mut api, &client, &other)).2, 70021);
}

#[test]
fn a_certificate_signs_in_and_one_that_is_not_registered_does_not() {
    let mut api = Api::new();
    let make = || {
        let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        (key.serialize_pem(), certificate)
    };
    let ((key, certificate), (other_key, other)) = (make(), make());
    let seed = json!({"applications": [{"client_id": CI, "name": "ci", "certificates": [certificate.pem()]}]});
    Seed::parse(&seed.to_string()).unwrap().apply(&mut api.world).unwrap();
    let now = api.world.clock.unix();
    let sign = |key: &str, certificate: &rcgen::Certificate, algorithm, changes: Value| {
        use base64::Engine as _;
        let mut header = Header::new(algorithm);
        let thumbprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, certificate.der());
        header.x5t = Some(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(thumbprint));
        let audience = format!("https://127.0.0.1:8443/{TENANT}/oauth2/v2.0/token");
        let mut claims = json!({"iss": CI, "sub": CI, "aud": audience, "exp": now + 300, "nbf": now, "jti": "1"});
        json_patch::merge(&mut claims, &changes);
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_rsa_pem(key.as_bytes()).unwrap()).unwrap()
    };
    let own = |changes| sign(&key, &certificate, Algorithm::RS256, changes);
    assert_eq!(federated(&mut api, CI, &own(json!({}))).0, 200);
    let by_domain = json!({"aud": "https://localhost:8443/azwi-emulator.onmicrosoft.com/oauth2/v2.0/token"});
    assert_eq!(federated(&mut api, CI, &own(by_domain)).0, 200);
    assert_eq!(federated(&mut api, CI, &sign(&key, &certificate, Algorithm::PS256, json!({}))).0, 200);
    assert_eq!(error(federated(&mut api, CI, &sign(&other_key, &other, Algorithm::RS256, json!({})))).2, 700_027);
    assert_eq!(error(federated(&mut api, CI, &sign(&other_key, &certificate, Algorithm::RS256, json!({})))).2, 700_027);
    assert_eq!(error(federated(&mut api, CI, &own(json!({"aud": "https://elsewhere.example"})))).2, 700_023);
    assert_eq!(error(federated(&mut api, CI, &own(json!({"exp": 1})))).2, 700_024);
    assert_eq!(error(federated(&mut api, CI, &own(json!({"sub": CLIENT})))).2, 700_021);
}

#[test]
fn older_descriptions_break_their_lines() {
    let mut api = Api::new();
    api.world.settings.rules.sign_in_line_breaks = true;
    let (_, body) = sign_in(&mut api, &[("client_id", CLIENT)]);
    assert!(body["error_description"].as_str().unwrap().contains("\r\nTrace ID: "), "{body}");
}

#[test]
fn metadata_leads_to_the_token_endpoint_and_its_keys() {
    let mut api = Api::new();
    let (_, configuration) = api.get(&format!("/{TENANT}/v2.0/.well-known/openid-configuration"));
    assert_eq!(configuration["token_endpoint"], format!("https://127.0.0.1:8443/{TENANT}/oauth2/v2.0/token"));
    let keys = configuration["jwks_uri"].as_str().unwrap().strip_prefix("https://127.0.0.1:8443").unwrap();
    assert_eq!(&api.get(keys).1, access_token::published(&api.world.store));
    assert_eq!(api.get("/common/.well-known/openid-configuration").1["issuer"], "https://sts.windows.net/{tenantid}/");
    assert_eq!(api.get(&format!("/{CLIENT}/v2.0/.well-known/openid-configuration")).0, 400);
    let asked = "/common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2Fx%2Ftt%2Foauth2%2Fv2.0%2Fauthorize";
    let (_, instance) = api.get(asked);
    assert!(instance["tenant_discovery_endpoint"].as_str().unwrap().contains("/tt/v2.0/"));
}
