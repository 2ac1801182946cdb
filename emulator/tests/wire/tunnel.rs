//! The emulator's port as a proxy: to the vaults by the names that they have in Azure, and to nobody else.

use azwi_emulator::Options;
use reqwest::{Certificate, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::Client;

/// A client that has the emulator for its proxy and trusts nobody else.
fn through(azure: &Client) -> reqwest::Client {
    let proxy = Proxy::https(azure.url().replace("https:", "http:")).unwrap();
    let authority = Certificate::from_pem(azure.emulator().ca_pem.as_bytes()).unwrap();
    reqwest::Client::builder().proxy(proxy).tls_certs_only([authority]).build().unwrap()
}

/// What the proxy says to the first bytes of a connection.
async fn told(azure: &Client, said: &str) -> String {
    let mut stream = TcpStream::connect(azure.url().trim_start_matches("https://")).await.unwrap();
    stream.write_all(said.as_bytes()).await.unwrap();
    let mut answer = vec![0; 200];
    let read = stream.read(&mut answer).await.unwrap_or_default();
    String::from_utf8(answer[..read].to_vec()).unwrap()
}

#[tokio::test]
async fn a_vault_is_reached_by_its_name_in_azure() {
    let azure = Client::start(Options::default()).await;
    let secret = "https://KV-demo.vault.azure.net/secrets/db-password?api-version=7.4";
    let refused = through(&azure).get(secret).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("resource=\"https://vault.azure.net\""), "{challenge}");
    // The same client reaches the shared port, too, should it ask the proxy for that.
    let metadata = format!("{}/metadata/endpoints?api-version=2022-09-01", azure.url());
    assert_eq!(through(&azure).get(metadata).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn nobody_else_is_reached_and_the_refusal_says_why() {
    let azure = Client::start(Options::default()).await;
    assert!(through(&azure).get("https://management.azure.com/").send().await.is_err());
    let told = |host| told(&azure, host);
    assert!(
        told("CONNECT management.azure.com:443 HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 403 this proxy leads")
    );
    let missing = told("CONNECT nothing.vault.azure.net:443 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(missing, "HTTP/1.1 404 the emulator has no vault nothing\r\n\r\n");
    assert!(told("COPY / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 403"));
    assert_eq!(told(&format!("CONNECT {}", "x".repeat(20_000))).await, "", "a head without an end is not waited for");
}
