//! Access tokens of the one directory, as every surface checks them before it looks at what they say: who signed, and until when.

use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::jwt::{self, Lookup, Unverified};
use super::store::Store;

/// The published keys of the directory, as a JSON Web Key set.
const KEYS: &str = "emulator/entra-jwks";

/// Publishes the keys that sign access tokens.
pub(crate) fn publish(store: &mut Store, jwks: Value) {
    store.put(KEYS, jwks);
}

/// The keys that sign access tokens.
pub(crate) fn published(store: &Store) -> &Value {
    store.get(KEYS).unwrap_or(&Value::Null)
}

/// Why a token is not valid for any surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is no signed token, or says not when it ends.
    Malformed,
    /// The emulated Entra has no key of this identifier.
    UnknownKey,
    /// The signature is not that of its key.
    Signature,
    /// It ended then, in seconds since 1970.
    Expired(i64),
}

/// Takes a token apart that one of these keys has signed and that has not ended. Audience and tenant are for the caller
/// to look at, because each resource refuses a wrong one in its own words.
///
/// # Errors
/// When it is no such token.
pub(crate) fn verify(jwks: &Value, now: i64, text: &str) -> Result<Unverified, Unfit> {
    let token = Unverified::parse(text).ok_or(Unfit::Malformed)?;
    let Lookup::Found(key) = jwt::find_key(jwks, token.header.kid.as_deref()) else { return Err(Unfit::UnknownKey) };
    if !token.signed_by(&key, &[Algorithm::RS256]) {
        return Err(Unfit::Signature);
    }
    match token.time("exp") {
        None => Err(Unfit::Malformed),
        Some(at) if now >= at => Err(Unfit::Expired(at)),
        Some(_) => Ok(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::jwt::SigningKey;
    use serde_json::json;

    #[test]
    fn a_token_counts_until_it_ends_and_only_when_its_key_signed_it() {
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let token = key.sign(&json!({"exp": 100})).unwrap();
        let check = |jwks: &Value, now, text: &str| verify(jwks, now, text).err();
        assert_eq!(check(&key.jwks(), 99, &token), None);
        assert_eq!(check(&key.jwks(), 100, &token), Some(Unfit::Expired(100)));
        assert_eq!(check(&other.jwks(), 99, &token), Some(Unfit::UnknownKey));
        let mut forged = other.jwks();
        forged["keys"][0]["kid"] = json!(key.kid());
        assert_eq!(check(&forged, 99, &token), Some(Unfit::Signature));
        assert_eq!(check(&key.jwks(), 99, &key.sign(&json!({"sub": "x"})).unwrap()), Some(Unfit::Malformed));
        assert_eq!(check(&key.jwks(), 99, "x"), Some(Unfit::Malformed));
    }
}
