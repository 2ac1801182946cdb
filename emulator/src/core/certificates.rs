//! The emulator's own certificate authority, and the server certificate that it signs at every start.
//!
//! The authority is kept in the folder, so that a client that trusts it goes on trusting a restarted emulator.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::surface::Surfaces;

/// A certificate authority as two PEM texts.
#[derive(Debug, Clone)]
pub(crate) struct Authority {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    /// A new one, good for ten years.
    pub(crate) fn generate() -> Result<Self, String> {
        let key = KeyPair::generate().map_err(|error| error.to_string())?;
        let certificate = Self::params()?.self_signed(&key).map_err(|error| error.to_string())?;
        Ok(Self { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// Everything but dates is the same every time, so that what is signed later names this issuer.
    fn params() -> Result<CertificateParams, String> {
        let mut params = CertificateParams::new(Vec::new()).map_err(|error| error.to_string())?;
        params.distinguished_name.push(DnType::CommonName, "azwi-emulator CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let now = time::OffsetDateTime::now_utc();
        params.not_before = now - time::Duration::days(1);
        params.not_after = now + time::Duration::days(3650);
        Ok(params)
    }

    /// TLS for `localhost`, `127.0.0.1`, `::1`, the host that is listened on and the public domains of surfaces, with a
    /// certificate good for two years.
    pub(crate) fn server(&self, host: &str, surfaces: Surfaces) -> Result<ServerConfig, String> {
        let issuer_key = KeyPair::from_pem(&self.key).map_err(|error| format!("the authority's key: {error}"))?;
        let issuer = Issuer::new(Self::params()?, issuer_key);
        let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        names.extend(surfaces.iter().filter_map(|surface| Some(format!("*{}", surface.domain()?.suffix))));
        if !names.iter().any(|name| name == host) {
            names.push(host.to_owned());
        }
        let key = KeyPair::generate().map_err(|error| error.to_string())?;
        let mut params = CertificateParams::new(names).map_err(|error| error.to_string())?;
        params.distinguished_name.push(DnType::CommonName, "azwi-emulator");
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let now = time::OffsetDateTime::now_utc();
        params.not_before = now - time::Duration::days(1);
        params.not_after = now + time::Duration::days(730);
        let certificate = params.signed_by(&key, &issuer).map_err(|error| error.to_string())?;
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(str::to_owned)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| error.to_string())?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}
