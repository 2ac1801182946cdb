//! Client assertions that an application signs itself, with a certificate that is registered on it.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use x509_parser::public_key::PublicKey;

use super::client::Client;
use super::error::SignInError;
use super::resource;
use crate::core::jwt::Unverified;
use crate::core::world::World;

/// A registered certificate: its key and how assertions name it.
pub(crate) struct Certificate {
    key: DecodingKey,
    /// SHA-1 and SHA-256 of the DER, base64url; and SHA-1 in hexadecimal capitals, as some clients put it into `kid`.
    names: [String; 3],
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// When the text is not the PEM of a certificate with an RSA key.
    pub(crate) fn parse(pem: &str) -> Result<Self, String> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|error| format!("not PEM: {error}"))?;
        let certificate = pem.parse_x509().map_err(|error| format!("not a certificate: {error}"))?;
        let Ok(PublicKey::RSA(rsa)) = certificate.public_key().parsed() else {
            return Err("its key is not an RSA key".to_owned());
        };
        let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &pem.contents);
        let sha256 = digest::digest(&digest::SHA256, &pem.contents);
        let hex = sha1.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(Self {
            key: DecodingKey::from_rsa_raw_components(unsigned(rsa.modulus), unsigned(rsa.exponent)),
            names: [URL_SAFE_NO_PAD.encode(sha1), URL_SAFE_NO_PAD.encode(sha256), hex],
        })
    }

    fn is_named(&self, token: &Unverified) -> bool {
        let header = &token.header;
        let given = [header.x5t_s256.as_deref(), header.x5t.as_deref(), header.kid.as_deref()];
        given.into_iter().flatten().any(|name| self.names.iter().any(|own| own == name.trim_end_matches('=')))
    }
}

/// DER puts a zero before a number whose first bit is set; the crypto library takes numbers without it.
fn unsigned(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).unwrap_or(number)
}

/// Checks an assertion that the client issued for itself.
pub(crate) fn check(world: &World, tenant: &str, client: &Client, token: &Unverified) -> Result<(), SignInError> {
    if token.claim("sub") != Some(client.client_id.as_str()) {
        return Err(SignInError::client(
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at \
             https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
        ));
    }
    let certificate = client
        .certificates
        .iter()
        .filter_map(|pem| Certificate::parse(pem).ok())
        .find(|certificate| certificate.is_named(token))
        .ok_or_else(|| {
            let thumbprint = token.header.x5t.as_deref().or(token.header.x5t_s256.as_deref()).unwrap_or("(none)");
            let text = format!(
                "The certificate with identifier used to sign the client assertion is not registered on application. \
                 [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}', Please visit the \
                 Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id \
                 '{}'].",
                client.client_id
            );
            SignInError::client(700_027, text)
        })?;
    if !token.signed_by(&certificate.key, &[Algorithm::RS256, Algorithm::PS256]) {
        return Err(SignInError::client(
            700_027,
            "Client assertion failed signature validation. [Reason - The key was found, but use of the key to verify the \
             signature failed.].",
        ));
    }
    super::federated::check_times(world, token)?;
    let fits = |audience: &str| {
        let Ok(url) = url::Url::parse(audience) else { return false };
        let origin = url.origin().ascii_serialization();
        let ours = origin == "https://login.microsoftonline.com" || resource::is_emulator(world, &origin);
        // The tenant is written as the client was given it, which may be its domain.
        let named = url.path_segments().and_then(|mut parts| parts.next().map(str::to_owned)).unwrap_or_default();
        ours && super::tenant::find(&world.store, &named).as_deref() == Some(tenant)
    };
    if !token.audiences().into_iter().any(fits) {
        return Err(SignInError::client(
            700_023,
            "Client assertion audience claim does not match Realm issuer. Review the documentation at \
             https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
        ));
    }
    Ok(())
}
