//! Federated sign-in with tokens of an issuer elsewhere, whose keys are fetched over the network.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use azwi_emulator::jwt::SigningKey;
use azwi_emulator::{Options, seed::Seed};
use rcgen::{CertificateParams, DnType, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::support::{Client, IDENTITIES};

const CLIENT: &str = "30000000-0000-4000-8000-0000000000c1";

/// An issuer on a port of its own, with a certificate that the emulator's authority signed. It counts its requests.
struct Elsewhere {
    url: String,
    key: SigningKey,
    asked: Arc<AtomicUsize>,
}

impl Elsewhere {
    async fn start(azure: &Client, claims_to_be: Option<&str>) -> Self {
        let key = SigningKey::generate().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let document = json!({"issuer": claims_to_be.unwrap_or(&url), "jwks_uri": format!("{url}/keys")}).to_string();
        let (keys, asked) = (key.jwks().to_string(), Arc::new(AtomicUsize::new(0)));
        let (counter, acceptor) = (Arc::clone(&asked), tls(azure));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                counter.fetch_add(1, Ordering::Relaxed);
                let body = if head.starts_with(b"GET /keys ") { &keys } else { &document };
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
                let _ = stream.shutdown().await;
            }
        });
        let seed = json!({"applications": [{"client_id": CLIENT, "name": "ci", "federated_identity_credentials": [
            {"name": "main", "issuer": url, "subject": "repo:a"},
        ]}]});
        azure.emulator().seed(&Seed::parse(&seed.to_string()).unwrap()).unwrap();
        Self { url, key, asked }
    }

    fn token(&self, subject: &str) -> String {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let claims = json!({"iss": self.url, "sub": subject, "aud": "api://AzureADTokenExchange", "exp": now + 300});
        self.key.sign(&claims).unwrap()
    }
}

fn tls(azure: &Client) -> tokio_rustls::TlsAcceptor {
    let authority = KeyPair::from_pem(&std::fs::read_to_string(azure.emulator().dir.join("ca.key")).unwrap()).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "azwi-emulator CA");
    let issuer = Issuer::new(params, authority);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(chain, PrivateKeyDer::try_from(key.serialize_der()).unwrap()).unwrap();
    tokio_rustls::TlsAcceptor::from(Arc::new(config))
}

async fn exchange(azure: &Client, assertion: &str) -> (u16, Value) {
    exchange_as(azure, CLIENT, assertion).await
}

async fn exchange_as(azure: &Client, client: &str, assertion: &str) -> (u16, Value) {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    azure.sign_in(&[("client_id", client), ("client_assertion_type", kind), ("client_assertion", assertion)]).await
}

#[tokio::test]
async fn keys_are_fetched_once_and_only_for_a_token_that_a_credential_matches() {
    let azure = Client::start(Options::default()).await;
    let elsewhere = Elsewhere::start(&azure, None).await;
    let asked = || elsewhere.asked.load(Ordering::Relaxed);
    let (_, refused) = exchange(&azure, &elsewhere.token("repo:b")).await;
    assert_eq!((&refused["error_codes"], asked()), (&json!([700_213]), 0), "nobody is asked about a stranger");
    for _ in 0..3 {
        let (status, body) = exchange(&azure, &elsewhere.token("repo:a")).await;
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(asked(), 2, "the document and the keys, once");
}

#[tokio::test]
async fn an_issuer_that_gives_another_name_or_no_answer_is_50166() {
    let azure = Client::start(Options::default()).await;
    let elsewhere = Elsewhere::start(&azure, Some("https://other.example")).await;
    let (status, refused) = exchange(&azure, &elsewhere.token("repo:a")).await;
    assert_eq!((status, &refused["error_codes"]), (400, &json!([50166])));
}

#[tokio::test]
async fn a_service_accounts_token_becomes_an_access_token_of_the_identity_that_trusts_it() {
    let azure = Client::start(Options::default()).await;
    let issuer = format!("{}/oidc/demo/", azure.url());
    let (_, discovery) =
        azure.send_to(reqwest::Method::GET, &format!("{issuer}.well-known/openid-configuration"), None).await;
    assert_eq!(discovery["issuer"], issuer);
    let identity = format!("{IDENTITIES}/app");
    let (_, made) = azure.put(&format!("{identity}?api-version=2023-01-31"), &json!({"location": "westeurope"})).await;
    let client = made["properties"]["clientId"].as_str().unwrap();
    let credential = json!({"properties": {
        "issuer": issuer, "subject": "system:serviceaccount:demo:app", "audiences": ["api://AzureADTokenExchange"],
    }});
    let target = format!("{identity}/federatedIdentityCredentials/main?api-version=2023-01-31");
    assert_eq!(azure.put(&target, &credential).await.0, 201);

    let (status, body) = exchange_as(&azure, client, &azure.account_token("app").await).await;
    assert_eq!(status, 200, "{body}");
    let token = body["access_token"].as_str().unwrap();
    let target_of_token = format!("{identity}?api-version=2023-01-31");
    let status = async || azure.request_as(token, &target_of_token).send().await.unwrap().status();
    assert_eq!(status().await, 403, "whose token it is is known, and that it has no role");
    let reader = json!({"properties": {
        "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "principalId": made["properties"]["principalId"], "principalType": "ServicePrincipal",
    }});
    let assignment = "providers/Microsoft.Authorization/roleAssignments/90000000-0000-4000-8000-000000000001";
    assert_eq!(azure.put(&format!("{identity}/{assignment}?api-version=2022-04-01"), &reader).await.0, 201);
    assert_eq!(status().await, 200, "the identity may use what it got");
    let (_, refused) = exchange_as(&azure, client, &azure.account_token("other").await).await;
    assert_eq!(refused["error_codes"], json!([700_213]));
    azure.delete(&target).await;
    let (_, refused) = exchange_as(&azure, client, &azure.account_token("app").await).await;
    assert_eq!(refused["error_codes"], json!([70025]));
    azure.delete(&format!("{identity}?api-version=2023-01-31")).await;
    let (_, refused) = exchange_as(&azure, client, &azure.account_token("app").await).await;
    assert_eq!(refused["error_codes"], json!([700_016]));
}
