//! What the texts of a connection's settings must look like, wherever they come from. A reason that is returned is a sentence
//! without the setting's name, and shows no part of a text that may be secret.

use http::Uri;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::http::{fits_header, show_address};

/// The URL of an API server. It may have a path, as behind Rancher.
///
/// # Errors
/// If it is none.
pub fn host(text: &str) -> Result<Uri, String> {
    const EXAMPLE: &str = "It looks like `https://cluster.example.org:6443`.";
    let uri = url(text, &["https", "http"], EXAMPLE)?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(format!(
            "A user name and a password do not belong into it, but into `username` and `password`. {EXAMPLE}"
        ));
    }
    if uri.query().is_some() || text.contains('#') {
        return Err(format!("`{}` has a query or a fragment. {EXAMPLE}", show_address(text)));
    }
    Ok(uri)
}

/// The URL of a proxy, which may hold its user name and password.
///
/// # Errors
/// If it is none.
pub fn proxy(text: &str) -> Result<Uri, String> {
    // The proxy resolves names either way here; kube knows only the one name for it.
    let text = text.trim().replacen("socks5h://", "socks5://", 1);
    url(&text, &["http", "https", "socks5"], "It looks like `http://proxy.example.org:3128`.")
}

fn url(text: &str, schemes: &[&str], example: &str) -> Result<Uri, String> {
    let text = text.trim();
    let uri: Uri =
        text.parse().map_err(|problem| format!("`{}` is not a URL: {problem}. {example}", show_address(text)))?;
    match uri.scheme_str() {
        Some(scheme) if schemes.contains(&scheme) => {}
        Some(scheme) => {
            let known = schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(", ");
            return Err(format!(
                "`{}` begins with {scheme}://, and not with one of {known}. {example}",
                show_address(text)
            ));
        }
        None => return Err(format!("`{}` has no scheme. {example}", show_address(text))),
    }
    match uri.host() {
        Some(host) if !host.is_empty() => Ok(uri),
        _ => Err(format!("`{}` names no host. {example}", show_address(text))),
    }
}

/// The certificates in PEM text, at least one.
///
/// # Errors
/// If there is none, or one that cannot be read.
pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    const EXPECTED: &str =
        "Expected PEM text that begins with -----BEGIN CERTIFICATE-----, not base64 of it and not a path.";
    let read: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(found) if found.is_empty() => Err(format!("There is no certificate in it. {EXPECTED}")),
        Ok(found) => Ok(found),
        Err(problem) => Err(format!("It cannot be read: {}. {EXPECTED}", reason(&problem))),
    }
}

/// The authorities in PEM text, at least one.
///
/// # Errors
/// If there is none, or one that cannot be read.
pub fn authorities(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = certificates(pem)?;
    for der in &found {
        if rustls::RootCertStore::empty().add(der.clone()).is_err() {
            return Err("One of its certificates cannot be read, although it is PEM text.".to_owned());
        }
    }
    Ok(found)
}

/// The private key in PEM text.
///
/// # Errors
/// If there is none, or one that cannot be read.
pub fn key(pem: &str) -> Result<PrivateKeyDer<'static>, String> {
    const EXPECTED: &str =
        "Expected the PEM text of an unencrypted key that begins with -----BEGIN PRIVATE KEY----- or similar.";
    if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(format!("The key is encrypted. {EXPECTED} `openssl pkey -in key.pem` decrypts it."));
    }
    let found = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|problem| match problem {
        PemError::NoItemsFound => format!("There is no key in it. {EXPECTED}"),
        other => format!("It cannot be read: {}. {EXPECTED}", reason(&other)),
    })?;
    match rustls::crypto::aws_lc_rs::sign::any_supported_type(&found) {
        Ok(_) => Ok(found),
        Err(_) => Err(format!("The key in it cannot be read, or is of a kind that TLS has no use for. {EXPECTED}")),
    }
}

/// What is wrong with a certificate and its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// The certificate cannot be read, although it is PEM text.
    Certificate,
    /// The key belongs to another certificate.
    Key,
}

/// Whether the key is that of the first certificate.
///
/// # Errors
/// If it is not.
pub fn pair(certificates: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'static>) -> Result<(), Mismatch> {
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(key).map_err(|_| Mismatch::Key)?;
    match rustls::sign::CertifiedKey::new(certificates, key).keys_match() {
        // That the two cannot be compared is no contradiction.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => Err(Mismatch::Key),
        Err(_) => Err(Mismatch::Certificate),
    }
}

/// Why PEM text cannot be read. The library's own text quotes it.
fn reason(problem: &PemError) -> &'static str {
    match problem {
        PemError::MissingSectionEnd { .. } => "a line -----END …----- is missing",
        PemError::IllegalSectionStart { .. } => "a line -----BEGIN …----- is malformed",
        PemError::Base64Decode(_) => "it is not base64 between its first and last line",
        _ => "it is malformed",
    }
}

/// The name that a server's certificate must carry.
///
/// # Errors
/// If it is neither a host name nor an IP address.
pub fn server_name(text: &str) -> Result<(), String> {
    match ServerName::try_from(text.trim()) {
        Ok(_) => Ok(()),
        Err(_) => {
            Err(format!("Expected a host name or an IP address without scheme and port, got `{}`.", show_address(text)))
        }
    }
}

/// A bearer token without the white space at its ends, as kubectl takes it.
///
/// # Errors
/// If no header can carry it. It is never shown.
pub fn token(text: &str) -> Result<String, String> {
    let text = text.trim();
    if fits_header(text) && !text.contains(' ') {
        return Ok(text.to_owned());
    }
    Err(match text {
        "" => "The token is empty.".to_owned(),
        _ => "The token holds a character that no token has, such as a line end inside it.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_a_url_and_shows_no_password() {
        for good in [
            "https://cluster:6443",
            "http://127.0.0.1:8001\n",
            "https://rancher/k8s/clusters/c-1",
            "https://[::1]:6443",
        ] {
            assert!(host(good).is_ok(), "{good}");
        }
        for bad in [
            "cluster:6443",
            "cluster.example.org",
            "ftp://cluster",
            "https://",
            "https://me:hunter2@cluster",
            "https://c?x=1",
        ] {
            let told = host(bad).unwrap_err();
            assert!(told.contains("https://cluster.example.org:6443") && !told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn proxy_may_hold_a_password_and_does_not_show_it() {
        assert!(proxy("http://me:hunter2@proxy:3128").is_ok() && proxy("socks5h://proxy:1080").is_ok());
        let told = proxy("ftp://me:hunter2@proxy").unwrap_err();
        assert!(told.contains("proxy") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn pem_that_is_none_is_refused_unshown() {
        let made = rcgen::generate_simple_self_signed(vec!["client".to_owned()]).unwrap();
        let (certificate, own) = (made.cert.pem(), made.signing_key.serialize_pem());
        let bad = |text: &str| text.replace("\nM", "\n*M");
        for text in ["", "/etc/hunter2", &own, &bad(&certificate), certificate.split("-----END").next().unwrap()] {
            assert!(!certificates(text).unwrap_err().contains("hunter2"), "{text}");
        }
        for text in ["", "/etc/hunter2", &certificate, &bad(&own), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nhunter2\n"] {
            assert!(!key(text).unwrap_err().contains("hunter2"), "{text}");
        }
        let nonsense = "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----";
        assert!(authorities(nonsense).is_err() && key(&nonsense.replace("CERTIFICATE", "PRIVATE KEY")).is_err());
        assert!(authorities(&certificate).is_ok());
        assert_eq!(pair(certificates(nonsense).unwrap(), &key(&own).unwrap()), Err(Mismatch::Certificate));
    }

    #[test]
    fn key_of_another_certificate_is_refused() {
        let of = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let (one, other) = (of("one"), of("other"));
        let own = key(&one.signing_key.serialize_pem()).unwrap();
        let foreign = key(&other.signing_key.serialize_pem()).unwrap();
        assert_eq!(pair(certificates(&one.cert.pem()).unwrap(), &own), Ok(()));
        assert_eq!(pair(certificates(&one.cert.pem()).unwrap(), &foreign), Err(Mismatch::Key));
    }

    #[test]
    fn token_loses_the_white_space_around_it() {
        assert_eq!(token(" abc\r\n").as_deref(), Ok("abc"));
        for bad in ["", "\n", "hunter2\nx", "hunter2 x", "hunter2\u{7f}"] {
            assert!(!token(bad).unwrap_err().contains("hunter2"));
        }
    }
}
