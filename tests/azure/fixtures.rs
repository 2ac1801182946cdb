//! Configurations, ids and answers that the tests share.

use std::path::Path;
use std::time::Duration;

use azwi::azure::config::Endpoints;
use azwi::azure::{Azure, Config, CredentialId, IdentityId, Patience, Secret};
use azwi::wait::Wait;
use http::Method;
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::server::{Asked, Reply, Server};

pub(crate) const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const TENANT: &str = "aaaaaaaa-0000-0000-0000-000000000001";
pub(crate) const PRINCIPAL: &str = "bbbbbbbb-0000-0000-0000-000000000001";
pub(crate) const ROLE: &str = "4633458b-17de-408a-b874-0445c86b69e6";
pub(crate) const ARM: &str = "https://arm.example/.default";

pub(crate) fn wait() -> Wait {
    Wait::at_most(Duration::from_secs(30))
}

pub(crate) fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(crate) fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text))
}

/// Everything at one stand-in, and no way to sign in yet.
pub(crate) fn nobody(server: &Server) -> Config {
    Config {
        subscription_id: some(SUBSCRIPTION),
        endpoints: Endpoints {
            active_directory_authority_host: Some(server.url()),
            resource_manager_endpoint: Some(server.url()),
            resource_manager_audience: some("https://arm.example/"),
            microsoft_graph_endpoint: Some(server.url()),
        },
        ..Config::default()
    }
}

/// Signs in with a secret.
pub(crate) fn config(server: &Server) -> Config {
    Config { tenant_id: some(TENANT), client_id: some("client"), client_secret: secret("s3cret"), ..nobody(server) }
}

/// Signed in with a secret, and in a hurry.
pub(crate) fn azure(server: &Server) -> Azure {
    Azure::new(config(server)).unwrap().with_patience(hurry())
}

pub(crate) fn hurry() -> Patience {
    Patience {
        identity_missing: Duration::from_millis(300),
        identity_full: Duration::from_millis(300),
        new_principal: Duration::from_millis(600),
        other_principal: Duration::from_millis(200),
        pause: Duration::from_millis(60),
        ..Patience::default()
    }
}

/// The answer to a request for a token, if it is one.
pub(crate) fn token(asked: &Asked) -> Option<Reply> {
    asked.is(Method::POST, "/oauth2/v2.0/token").then(|| {
        let tenant = asked.path.split('/').nth(1).unwrap_or_default();
        let token = format!("{tenant}|{}", asked.form("scope").unwrap_or_default());
        Reply::json(
            200,
            json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}),
        )
    })
}

pub(crate) fn identity(name: &str) -> IdentityId {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}")
        .parse()
        .unwrap()
}

pub(crate) fn credential(identity_name: &str, name: &str) -> CredentialId {
    CredentialId::new(identity(identity_name), name).unwrap()
}

pub(crate) fn identity_json(name: &str) -> Value {
    json!({"id": identity(name).key(), "name": name, "location": "eastus", "tags": {},
        "properties": {"clientId": "c", "principalId": PRINCIPAL, "tenantId": TENANT}})
}

pub(crate) fn credential_json(name: &str, issuer: &str, subject: &str) -> Value {
    json!({"id": format!("/x/{name}"), "name": name,
        "properties": {"issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"]}})
}

/// A self-signed certificate with its key.
pub(crate) struct Bundle {
    pub(crate) key: KeyPair,
    pub(crate) der: Vec<u8>,
    pub(crate) pem: String,
    /// Both as PKCS#12.
    pub(crate) pfx: Vec<u8>,
}

pub(crate) fn bundle(password: &str) -> Bundle {
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::new(vec!["azwi".to_owned()]).unwrap().self_signed(&key).unwrap();
    let chain = PrivateKeyChain::new(
        [1, 2, 3].as_slice(),
        PrivateKey::from_der(&key.serialize_der()).unwrap(),
        [Certificate::from_der(certificate.der()).unwrap()],
    );
    let mut store = KeyStore::new();
    store.add_entry("azwi", KeyStoreEntry::PrivateKeyChain(chain));
    let pfx = store.writer(password).encryption_iterations(1000).mac_iterations(1000).write().unwrap();
    Bundle { der: certificate.der().to_vec(), pem: certificate.pem(), key, pfx }
}

/// A stand-in for the Azure CLI: it answers by its arguments, and writes down what it was called with.
pub(crate) fn write_az(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let script = format!(
        r#"#!/bin/sh
echo "$@" >> "{calls}"
case "$*" in
*"--tenant expired"*) echo "ERROR: AADSTS700082: The refresh token has expired." >&2; exit 1 ;;
*"--tenant missing"*) echo "sh: az: not found" >&2; exit 127 ;;
*"--tenant hangs"*) sleep 300 & echo $! > "{hangs}.new"; mv "{hangs}.new" "{hangs}"; wait ;;
"account get-access-token "*) echo '{{"accessToken": "cli|'"$*"'", "expires_on": 4102444800, "tokenType": "Bearer"}}' ;;
"account show "*) echo '{{"id": "{SUBSCRIPTION}", "tenantId": "{TENANT}", "name": "Shop"}}' ;;
*) exit 2 ;;
esac
"#,
        calls = folder.join("calls").display(),
        hangs = folder.join("hangs").display()
    );
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let path = bin.join("az");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
