//! Two crypto providers are in the dependency tree, and rustls then has no default of its own.

use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};

use crate::alone;

#[test]
fn tls_panics_before_the_process_is_prepared_and_speaks_p_521_afterwards() {
    // The default can be installed once in a process.
    if let Some(output) = alone("crypto::tls_panics_before_the_process_is_prepared_and_speaks_p_521_afterwards") {
        return assert!(output.status.success(), "{output:?}");
    }
    let client = || ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    assert!(CryptoProvider::get_default().is_none());
    assert!(std::panic::catch_unwind(client).is_err(), "the trap is gone, and so may be this test");

    azwi::protocol::prepare();
    client();
    let default = CryptoProvider::get_default().unwrap();
    let schemes = default.signature_verification_algorithms.supported_schemes();
    assert!(schemes.contains(&SignatureScheme::ECDSA_NISTP521_SHA512), "the default is not aws-lc-rs");
}
