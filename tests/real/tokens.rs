//! Tokens of service accounts: what the provider asks for, and what Entra ID would check of the answer.

use std::time::Duration;

use azwi::{kubernetes::Kind, wait::Wait};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::server::{ADMIN, ANONYMOUS, AUDIENCE, Server};

fn wait() -> Wait {
    Wait::at_most(Duration::from_secs(60))
}

async fn account(server: &Server, namespace: &str, name: &str) -> String {
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    let body = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
    let answer = server.http(ADMIN).post(&path, &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body["metadata"]["uid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_is_signed_by_the_issuers_published_key_for_the_account_and_the_audience_that_were_asked_for() {
    let server = Server::shared().await;
    let namespace = server.namespace("tokens").await;
    let uid = account(server, &namespace, "web").await;
    let asked = OffsetDateTime::now_utc();
    let token = server
        .client(ADMIN)
        .service_account_token(&namespace, "web", &[AUDIENCE.to_owned()], 7200, &wait())
        .await
        .unwrap();

    // As Entra ID does it: from the issuer to the discovery document to the keys, without signing in.
    let http = server.http(ANONYMOUS);
    let document = http.get("/.well-known/openid-configuration").await.body;
    let keys = http.get(document["jwks_uri"].as_str().unwrap().strip_prefix(&server.url).unwrap()).await.body;
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    let header = jsonwebtoken::decode_header(&token.token).unwrap();
    assert_eq!(header.alg, Algorithm::RS256);
    let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref().unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[&server.issuer]);
    let claims = jsonwebtoken::decode::<Value>(&token.token, &key, &validation).unwrap().claims;

    assert_eq!(claims["sub"], format!("system:serviceaccount:{namespace}:web"));
    assert_eq!(claims["aud"], json!([AUDIENCE]));
    assert_eq!(claims["kubernetes.io"], json!({"namespace": namespace, "serviceaccount": {"name": "web", "uid": uid}}));
    let lasts = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(lasts, 7200);
    let expires = OffsetDateTime::parse(&token.expires, &Rfc3339).unwrap();
    assert_eq!(expires.unix_timestamp(), claims["exp"].as_i64().unwrap());
    assert!((expires - asked - time::Duration::seconds(7200)).abs() < time::Duration::seconds(30));
    assert!(!format!("{token:?}").contains(&token.token), "a token does not show itself");
}

#[tokio::test]
async fn a_token_for_nobody_and_one_that_is_too_short_are_refused() {
    let server = Server::shared().await;
    let namespace = server.namespace("notokens").await;
    account(server, &namespace, "web").await;
    let client = server.client(ADMIN);
    let missing = client.service_account_token(&namespace, "nobody", &[], 3600, &wait()).await.unwrap_err();
    assert_eq!(missing.kind, Kind::NotFound);
    let short = client.service_account_token(&namespace, "web", &[], 599, &wait()).await.unwrap_err();
    assert_eq!(short.kind, Kind::Invalid);
    assert!(short.message.contains("less than 10 minutes"), "{short}");
}
