//! Comparing issuers: byte for byte, because Entra ID does, with the difference in words.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::domain::difference;

/// The `iss` claim of a token; nothing else of it is looked at, and its signature is not checked.
pub(crate) fn of_token(jwt: &str) -> Option<String> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}

/// The issuer that a cluster's tokens carry, against the one that was written. `source` says where the cluster's is from.
///
/// # Errors
/// What differs, and the text to write instead.
pub(crate) fn compare(written: &str, real: &str, source: &str) -> Result<(), String> {
    if written == real {
        return Ok(());
    }
    let first = difference::first(real, written);
    let difference = if written.trim_end_matches('/') == real.trim_end_matches('/') {
        match (written.ends_with('/'), real.ends_with('/')) {
            (false, true) => "The slash at its end is missing.",
            (true, false) => "It has a slash at its end that does not belong there.",
            _ => "The number of slashes at its end is another.",
        }
    } else if written.eq_ignore_ascii_case(real) {
        "It differs in capital and small letters."
    } else if written.trim_end_matches('/').eq_ignore_ascii_case(real.trim_end_matches('/')) {
        "It differs in capital and small letters, and in the slash at its end."
    } else {
        &first
    };
    Err(format!(
        "`{written}` was given, and {source} is `{real}`. {difference} Entra ID compares issuers to the letter, so no token would be \
         accepted.\n\nWrite:\n\n  issuer = \"{real}\""
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_golden;

    #[test]
    fn a_token_tells_its_issuer() {
        // {"alg":"none"} . {"iss":"https://i/"} .
        assert_eq!(of_token("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2kvIn0.").as_deref(), Some("https://i/"));
        for other in ["", "a.b.c", "eyJhbGciOiJub25lIn0", "eyJhbGciOiJub25lIn0.e30."] {
            assert_eq!(of_token(other), None, "{other}");
        }
    }

    #[test]
    fn issuers_are_one_only_byte_for_byte() {
        let real = "https://westeurope.oic.prod-aks.azure.com/a/b/";
        assert_eq!(compare(real, real, "the cluster's"), Ok(()));
        let others = [
            "https://westeurope.oic.prod-aks.azure.com/a/b",
            "https://westeurope.oic.prod-aks.azure.com/A/b/",
            "https://westeurope.oic.prod-aks.azure.com/A/b",
            "https://westeurope.oic.prod-aks.azure.com/a/b//",
            "https://westeurope.oic.prod-aks.azure.com/a/c/",
        ];
        let differs = |written: &str, real: &str| {
            let text = compare(written, real, "the cluster's").unwrap_err();
            assert!(text.contains(&format!("issuer = \"{real}\"")), "the fix is there to copy: {text}");
            (written.to_owned(), text)
        };
        let too_long = differs("https://a/", "https://a");
        assert_golden(
            "domain::binding::issuer",
            others.map(|written| differs(written, real)).into_iter().chain([too_long]),
        );
    }
}
