//! Keys that sign tokens and tokens that are checked against published keys.
//!
//! Whether a token has expired is not decided here: the emulator's clock can be moved, and the library's cannot.

use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// An RSA key of 2048 bits with which tokens are signed by RS256.
#[derive(Clone)]
pub struct SigningKey {
    pem: String,
    encoding: EncodingKey,
    kid: String,
    jwk: Value,
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn generate() -> Result<Self, String> {
        let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)
            .map_err(|error| format!("an RSA key cannot be made: {error}"))?;
        Self::from_pem(&key.serialize_pem())
    }

    /// The key of a PKCS#8 PEM text.
    ///
    /// # Errors
    /// When the text is not the PEM of an RSA key.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, String> {
        let pair = rcgen::KeyPair::from_pem(pem).map_err(|error| format!("not a PKCS#8 key: {error}"))?;
        let rsa = RsaKeyPair::from_pkcs8(pair.serialized_der()).map_err(|error| format!("not an RSA key: {error}"))?;
        let public = rsa.public_key();
        let modulus = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let exponent = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(public.as_ref()));
        let jwk = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": modulus, "e": exponent});
        let encoding = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|error| format!("not an RSA key: {error}"))?;
        Ok(Self { pem: pem.to_owned(), encoding, kid, jwk })
    }

    /// The private key, as PKCS#8 PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The key's identifier: the SHA-256 of its public half.
    #[cfg(test)]
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half as a JSON Web Key set of one.
    pub fn jwks(&self) -> Value {
        json!({"keys": [self.jwk]})
    }

    /// Signs these claims.
    ///
    /// # Errors
    /// When signing fails, which a sound key never does.
    pub fn sign(&self, claims: &Value) -> Result<String, String> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid.clone());
        header.x5t = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(|error| format!("signing failed: {error}"))
    }
}

/// A token taken apart, whose signature nobody has looked at yet.
pub(crate) struct Unverified {
    pub(crate) header: Header,
    pub(crate) claims: Map<String, Value>,
    text: String,
}

impl Unverified {
    /// Takes a token apart; nothing when it is not the compact form of a signed token with an object of claims.
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let data = jsonwebtoken::dangerous::insecure_decode::<Map<String, Value>>(token).ok()?;
        Some(Self { header: data.header, claims: data.claims, text: token.to_owned() })
    }

    /// A claim that is a string.
    pub(crate) fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A claim that is a time, in seconds since 1970.
    pub(crate) fn time(&self, name: &str) -> Option<i64> {
        let value = self.claims.get(name)?;
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
    }

    /// The audiences: the claim may be one string or a list.
    pub(crate) fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(audience)) => vec![audience],
            Some(Value::Array(audiences)) => audiences.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether this key signed it, by its algorithm, which must be one of these.
    pub(crate) fn signed_by(&self, key: &DecodingKey, algorithms: &[Algorithm]) -> bool {
        let mut rules = Validation::new(Algorithm::RS256);
        rules.algorithms = algorithms.to_vec();
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        rules.validate_nbf = false;
        rules.validate_aud = false;
        jsonwebtoken::decode::<Map<String, Value>>(&self.text, key, &rules).is_ok()
    }
}

/// What became of looking for a token's key in a published set.
pub(crate) enum Lookup {
    /// The key, ready to check the signature with.
    Found(Box<DecodingKey>),
    /// The set has no key of this identifier, or it is no RSA key.
    Missing,
}

/// The RSA key with this identifier in a JSON Web Key set. A token without an identifier is only served by a set of one.
pub(crate) fn find_key(jwks: &Value, kid: Option<&str>) -> Lookup {
    let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
    let found = match kid {
        Some(kid) => keys.iter().find(|key| text(key, "kid").as_deref() == Some(kid)),
        None if keys.len() == 1 => keys.first(),
        None => None,
    };
    let key = found
        .and_then(|key| Some((text(key, "n")?, text(key, "e")?)))
        .and_then(|(modulus, exponent)| DecodingKey::from_rsa_components(&modulus, &exponent).ok());
    key.map_or(Lookup::Missing, |key| Lookup::Found(Box::new(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_accepted_by_the_key_that_signed_it_and_by_no_other() {
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let token = Unverified::parse(&key.sign(&json!({"sub": "a", "exp": 1})).unwrap()).unwrap();
        let check = |jwks: &Value| match find_key(jwks, token.header.kid.as_deref()) {
            Lookup::Found(found) => token.signed_by(&found, &[Algorithm::RS256]),
            Lookup::Missing => false,
        };
        assert!(check(&key.jwks()));
        assert!(!check(&other.jwks()), "the key is not in that set");
        let mut forged = other.jwks();
        forged["keys"][0]["kid"] = json!(key.kid());
        assert!(!check(&forged), "a key that only claims the identifier");
        assert_eq!(SigningKey::from_pem(key.pem()).unwrap().kid(), key.kid());
    }

    #[test]
    fn what_is_not_a_token_is_not_taken_apart() {
        for text in ["", "a.b", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiJ9.W10.x"] {
            assert!(Unverified::parse(text).is_none(), "{text}");
        }
    }
}
