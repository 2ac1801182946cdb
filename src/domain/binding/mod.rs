//! What binds one service account to one identity: names that follow from the two, and what to tell when they do not agree.

pub(crate) mod advice;
pub(crate) mod issuer;
pub(crate) mod usable;

use sha2::{Digest, Sha256};

/// The longest name of a federated identity credential, from the pattern in its API's description.
const LONGEST_CREDENTIAL_NAME: usize = 120;
/// How many hexadecimal digits of a hash tell two names apart.
const DIGITS: usize = 8;

/// The label that a pod needs for the webhook to look at it, and its value.
pub(crate) const POD_LABEL: (&str, &str) = ("azure.workload.identity/use", "true");

/// The name of a binding's credential: `<namespace>-<name>-<8 hexadecimal digits>`, of at most 120 characters.
///
/// The digits are those of issuer, namespace and name, so that the same account of two clusters has two names. Dots, which an
/// account's name may have and a credential's may not, become dashes; what is too long loses the end of the readable part.
pub(crate) fn credential_name(issuer: &str, namespace: &str, name: &str) -> String {
    let digits = digits(&format!("{issuer}|{namespace}|{name}"));
    let mut readable = format!("{namespace}-{name}").replace('.', "-");
    readable.truncate(LONGEST_CREDENTIAL_NAME - DIGITS - 1);
    format!("{readable}-{digits}")
}

/// The field manager of a binding's service account: one for each credential, so that two bindings of one account never drop
/// each other's keys.
pub(crate) fn field_manager(credential_id: &str) -> String {
    format!("azwi-binding-{}", digits(&credential_id.to_ascii_lowercase()))
}

fn digits(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::id::check_credential_name;

    #[test]
    fn a_credential_is_named_after_its_account_and_its_issuer() {
        // sha256 of "https://issuer.example/|shop|checkout.v2".
        let name = credential_name("https://issuer.example/", "shop", "checkout.v2");
        assert_eq!(name, format!("shop-checkout-v2-{}", digits("https://issuer.example/|shop|checkout.v2")));
        assert_eq!(name.len(), "shop-checkout-v2-".len() + 8);
        assert_ne!(name, credential_name("https://issuer.example", "shop", "checkout.v2"), "a slash is another issuer");
        assert_ne!(name, credential_name("https://issuer.example/", "shop", "checkout-v2"), "a dot is no dash");
    }

    #[test]
    fn the_longest_and_the_shortest_account_have_names_that_azure_takes() {
        let longest = credential_name("i", &"n".repeat(63), &"a".repeat(253));
        assert_eq!(longest.len(), 120);
        assert_eq!(check_credential_name(&longest), Ok(()));
        assert_ne!(longest, credential_name("i", &"n".repeat(63), &"a".repeat(252)), "what is cut off still counts");
        assert_eq!(check_credential_name(&credential_name("i", "0", "a")), Ok(()));
    }

    #[test]
    fn digits_are_those_of_sha256() {
        // NIST's example: sha256("abc") begins with ba7816bf.
        assert_eq!(digits("abc"), "ba7816bf");
        assert_eq!(field_manager("ABC"), "azwi-binding-ba7816bf", "an id in other casing is the same id");
    }
}
