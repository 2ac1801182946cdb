//! The mutual TLS between host and plugin. Each side makes a key per start, and each trusts exactly
//! the one certificate that the other showed it: ours in the handshake line, the host's in our environment.
//!
//! The host's certificate is self-signed, on P-521, and says it is a CA. Path validation refuses such
//! a thing as a client's certificate and ring cannot check its signatures, so we compare bytes, which
//! is stricter, and leave the signature to aws-lc-rs.

use std::{sync::Arc, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime, pem::PemObject as _},
    server::{
        NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use time::OffsetDateTime;

/// Our side of the connection, made anew for each start and never written down.
#[derive(Debug)]
pub(super) struct ServerTls {
    pub(super) config: Arc<ServerConfig>,
    /// What the host has to trust.
    pub(super) certificate: CertificateDer<'static>,
}

/// Why there is no TLS, and so no server.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// PLUGIN_CLIENT_CERT holds something else.
    #[error("PLUGIN_CLIENT_CERT holds no PEM certificate: {0}")]
    ClientCertificate(rustls::pki_types::pem::Error),
    /// Our own key or certificate could not be made.
    #[error("the provider's own certificate could not be made: {0}")]
    OwnCertificate(#[from] rcgen::Error),
    /// rustls refused the settings.
    #[error("TLS could not be set up: {0}")]
    Settings(#[from] rustls::Error),
}

impl ServerTls {
    /// Serves the one client that can prove to own `client_certificate` (PEM), and nobody else.
    pub(super) fn pinned_to(client_certificate: &str) -> Result<Self, TlsError> {
        let client =
            CertificateDer::from_pem_slice(client_certificate.as_bytes()).map_err(TlsError::ClientCertificate)?;
        let (certificate, key) = own_certificate()?;
        // Named, not the process's default: with ring in the tree as well rustls has none of its own.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Arc::new(PinnedClient { client, provider: Arc::clone(&provider) });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.clone()], key.into())?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        // A resumed session would not show its certificate again. The host connects once.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), certificate })
    }
}

/// A certificate as go-plugin makes them, but on P-256, which takes a tenth of the time.
fn own_certificate() -> Result<(CertificateDer<'static>, PrivatePkcs8KeyDer<'static>), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.distinguished_name.push(DnType::OrganizationName, "azwi");
    // The host puts this very certificate into its roots, so it has to pass as its own issuer.
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages =
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyAgreement, KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::from_secs(30);
    params.not_after = now + Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let certificate = params.self_signed(&key)?;
    Ok((certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der())))
}

/// Accepts one certificate, byte for byte.
#[derive(Debug)]
struct PinnedClient {
    client: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for PinnedClient {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if *end_entity == self.client {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::{FromDer as _, X509Certificate};

    use super::*;

    #[test]
    fn our_certificate_passes_for_its_own_root_and_for_localhost() {
        let (der, _) = own_certificate().unwrap();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        assert!(certificate.is_ca());
        assert!(certificate.validity().is_valid());
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        assert_eq!(
            names.value.general_names.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["DNSName(localhost)"]
        );
        assert!(certificate.extended_key_usage().unwrap().unwrap().value.server_auth);
    }

    #[test]
    fn p_521_is_among_the_signatures_we_ask_for() {
        let (der, _) = own_certificate().unwrap();
        let verifier = PinnedClient { client: der, provider: Arc::new(aws_lc_rs::default_provider()) };
        assert!(verifier.supported_verify_schemes().contains(&SignatureScheme::ECDSA_NISTP521_SHA512));
    }

    #[test]
    fn something_else_than_a_certificate_is_an_error() {
        let error = ServerTls::pinned_to("not PEM at all").unwrap_err();
        assert!(error.to_string().starts_with("PLUGIN_CLIENT_CERT "), "{error}");
    }
}
