//! Why a TLS connection to a server failed, read from rustls's own errors and never from their text.

use std::error::Error;

use rustls::CertificateError;

use super::broken::causes;

/// What kept a TLS connection from being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsFailure {
    /// No authority that is trusted here signed the certificate.
    UnknownIssuer,
    /// The certificate is for other names.
    WrongName,
    /// The certificate's time is over.
    Expired,
    /// The certificate's time has not begun.
    NotYetValid,
    /// The authority has withdrawn the certificate.
    Revoked,
    /// Something else is wrong with the certificate.
    OtherCertificate,
    /// The two sides did not agree on a connection; no certificate is at fault.
    Handshake,
}

impl TlsFailure {
    /// The failure in an error or its causes.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()).map(|error| match error {
            rustls::Error::InvalidCertificate(certificate) => Self::of_certificate(certificate),
            _ => Self::Handshake,
        })
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::WrongName,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::Revoked => Self::Revoked,
            _ => Self::OtherCertificate,
        }
    }

    /// Whether the server's certificate is at fault, which no second try changes.
    pub(crate) fn is_certificate(self) -> bool {
        self != Self::Handshake
    }

    /// The failure as a clause.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownIssuer => "its TLS certificate is signed by an unknown authority",
            Self::WrongName => "its TLS certificate is for another name",
            Self::Expired => "its TLS certificate has expired",
            Self::NotYetValid => "its TLS certificate is not valid yet",
            Self::Revoked => "its TLS certificate was revoked",
            Self::OtherCertificate => "its TLS certificate is invalid",
            Self::Handshake => "the TLS handshake failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::broken::{Broken, Cause};
    use super::super::server::{Authority, Leaf, Reply, Server};
    use super::*;

    /// What a client that trusts `trusted` says of a server with this certificate.
    async fn failure(trusted: &Authority, signed_by: &Authority, leaf: Leaf) -> Broken {
        let server = Server::with_tls(signed_by.acceptor(leaf), |_| async { Reply::text(200, "{}") }).await;
        let authority = reqwest::Certificate::from_pem(trusted.pem.as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
        let error = client.get(server.url()).send().await.unwrap_err();
        assert!(server.log().is_empty());
        Broken::sending(&error)
    }

    #[tokio::test]
    async fn certificates_are_told_apart_in_real_handshakes() {
        let (ours, others) = (Authority::new("Ours"), Authority::new("Other"));
        for (signed_by, leaf, expected) in [
            (&others, Leaf::Valid, TlsFailure::UnknownIssuer),
            (&ours, Leaf::OtherName, TlsFailure::WrongName),
            (&ours, Leaf::Expired, TlsFailure::Expired),
            (&ours, Leaf::NotYetValid, TlsFailure::NotYetValid),
        ] {
            let broken = failure(&ours, signed_by, leaf).await;
            assert_eq!(broken.cause, Cause::Tls(expected), "{broken}");
            assert!(broken.never_sent && expected.is_certificate(), "{broken}");
        }
    }

    #[tokio::test]
    async fn server_without_tls_is_no_certificate_failure() {
        let server = Server::start(|_| async { Reply::text(200, "{}") }).await;
        let url = server.url().replace("http://", "https://");
        let error = reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap_err();
        let broken = Broken::sending(&error);
        assert_eq!(broken.cause, Cause::Tls(TlsFailure::Handshake), "{broken}");
        assert!(broken.never_sent && !TlsFailure::Handshake.is_certificate());
    }

    #[test]
    fn every_form_of_rustls_is_read() {
        use rustls::pki_types::UnixTime;
        let now = UnixTime::now();
        for (error, expected) in [
            (CertificateError::Revoked, TlsFailure::Revoked),
            (CertificateError::ExpiredContext { time: now, not_after: now }, TlsFailure::Expired),
            (CertificateError::BadSignature, TlsFailure::OtherCertificate),
        ] {
            let wrapped = std::io::Error::other(rustls::Error::InvalidCertificate(error));
            assert_eq!(TlsFailure::of(&wrapped), Some(expected));
        }
        assert_eq!(TlsFailure::of(&std::io::Error::other("a certificate")), None);
    }
}
