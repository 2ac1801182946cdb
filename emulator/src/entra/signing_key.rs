//! The key that signs access tokens. Its public half is published to everything that checks them.

use serde_json::Value;

use crate::core::access_token;
use crate::core::jwt::SigningKey;
use crate::core::world::World;

/// The private key, PEM.
const PRIVATE: &str = "emulator/entra-key";

#[derive(Clone)]
struct AccessTokenKey(SigningKey);

/// Reads the key, or generates it at the first start.
///
/// # Errors
/// If there is none and none can be generated.
pub(super) fn start(world: &mut World) -> Result<(), String> {
    let key = match world.store.get(PRIVATE).and_then(Value::as_str) {
        Some(pem) => SigningKey::from_pem(pem)?,
        None => {
            let key = SigningKey::generate()?;
            world.store.put(PRIVATE, Value::from(key.pem()));
            key
        }
    };
    access_token::publish(&mut world.store, key.jwks());
    world.memory.insert(AccessTokenKey(key));
    Ok(())
}

/// Signs the claims of an access token.
///
/// # Errors
/// If signing fails, which a sound key never does.
pub(crate) fn sign(world: &World, claims: &Value) -> Result<String, String> {
    let AccessTokenKey(key) = world.memory.get().ok_or("there is no key for access tokens")?;
    key.sign(claims)
}
