//! Client certificates: an assertion that we sign ourselves.
//!
//! azure_identity wants OpenSSL for this. The assertion is a JWT of ten minutes, signed with PS256 and naming the
//! certificate by its SHA-256 thumbprint, as
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials> asks.

use std::sync::OnceLock;

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaKeyPair};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use serde_json::json;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use super::super::error::Error;
use super::super::secret::Secret;
use super::bridge::into_core;
use super::method::Bundle;

const METHOD: &str = "client certificate";
const LIFETIME: Duration = Duration::minutes(10);

/// Signs assertions for one application at one token endpoint. The bundle is opened at the first.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) bundle: Bundle,
    pub(super) password: Option<Secret>,
    pub(super) client_id: String,
    /// The token endpoint, which is the assertion's audience.
    pub(super) endpoint: String,
    pub(super) opened: OnceLock<Result<Signer, Error>>,
}

#[async_trait]
impl ClientAssertion for Signed {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.assertion(OffsetDateTime::now_utc()).map_err(into_core)
    }
}

impl Signed {
    fn assertion(&self, now: OffsetDateTime) -> Result<String, Error> {
        let opened = self.opened.get_or_init(|| Signer::open(&self.bundle, self.password.as_ref()));
        let signer = opened.as_ref().map_err(Error::clone)?;
        signer.sign(&json!({
            "aud": self.endpoint,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": uuid::Uuid::new_v4().to_string(),
            "iat": now.unix_timestamp(),
            "nbf": now.unix_timestamp(),
            "exp": (now + LIFETIME).unix_timestamp(),
        }))
    }
}

/// A private key with the thumbprint of its certificate.
pub(super) struct Signer {
    key: RsaKeyPair,
    thumbprint: String,
}

impl Signer {
    fn open(bundle: &Bundle, password: Option<&Secret>) -> Result<Self, Error> {
        let (bytes, attribute) = match bundle {
            Bundle::Base64(text) => {
                let text: String = text.expose().split_whitespace().collect();
                let bytes = BASE64_STANDARD.decode(text).map_err(|problem| {
                    Error::sign_in_setup(
                        METHOD,
                        format!("`client_certificate` (ARM_CLIENT_CERTIFICATE) is not base64: {problem}"),
                    )
                })?;
                (bytes, "client_certificate")
            }
            Bundle::File(path) => {
                let bytes = std::fs::read(path).map_err(|problem| {
                    Error::sign_in_setup(
                        METHOD,
                        format!("`client_certificate_path` {} cannot be read: {problem}", path.display()),
                    )
                })?;
                (bytes, "client_certificate_path")
            }
        };
        if bytes.starts_with(b"-----BEGIN") {
            return Err(Error::sign_in_setup(
                METHOD,
                format!(
                    "`{attribute}` is PEM, but must be a PKCS#12 bundle: `openssl pkcs12 -export -in cert.pem -inkey key.pem -out bundle.pfx` makes one"
                ),
            ));
        }
        let password = password.map_or("", Secret::expose);
        let store = KeyStore::from_pkcs12(&bytes, password, Pkcs12ImportPolicy::Strict).map_err(|problem| {
            Error::sign_in_setup(METHOD, format!("the bundle in `{attribute}` cannot be opened ({problem}): is `client_certificate_password` (ARM_CLIENT_CERTIFICATE_PASSWORD) right?"))
        })?;
        let chain = store.private_key_chain().map(|(_, chain)| chain);
        let (chain, certificate) =
            chain.and_then(|chain| chain.certs().first().map(|certificate| (chain, certificate))).ok_or_else(|| {
                Error::sign_in_setup(
                    METHOD,
                    format!("the bundle in `{attribute}` holds no private key with its certificate"),
                )
            })?;
        let key = RsaKeyPair::from_pkcs8(chain.key().as_der()).map_err(|_| {
            Error::sign_in_setup(
                METHOD,
                format!("the key in `{attribute}` is not an RSA key, and Entra ID takes no other"),
            )
        })?;
        Ok(Self { key, thumbprint: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(certificate.as_der())) })
    }

    fn sign(&self, claims: &serde_json::Value) -> Result<String, Error> {
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let encode = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(|_| Error::sign_in_setup(METHOD, "the key cannot sign"))?;
        Ok(format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}
