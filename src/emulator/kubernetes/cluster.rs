//! A placeholder of the cluster.

use serde_json::{Value, json};

use crate::emulator::clock::Clock;
use crate::emulator::jwt::SigningKey;
use crate::emulator::store::Store;

pub struct Cluster {
    document: Value,
    jwks: Value,
}

impl Cluster {
    pub fn create(
        store: &mut Store,
        _clock: &Clock,
        name: &str,
        url: &str,
        issuer: &str,
        namespaces: &[String],
    ) -> Result<Cluster, String> {
        let key = SigningKey::generate()?;
        let document = json!({
            "name": name, "url": url, "issuer": issuer, "namespaces": namespaces,
            "admin_token": format!("admin-{name}"), "key": key.pem(),
        });
        store.put(format!("kubernetes/{name}"), document.clone());
        Ok(Self { document, jwks: key.jwks() })
    }

    pub fn load(store: &Store, name: &str) -> Option<Cluster> {
        Self::from(store.get(&format!("kubernetes/{name}"))?)
    }

    fn from(document: &Value) -> Option<Cluster> {
        let key = SigningKey::from_pem(document["key"].as_str()?).ok()?;
        Some(Self { document: document.clone(), jwks: key.jwks() })
    }

    pub fn all(store: &Store) -> Vec<Cluster> {
        store.under("kubernetes/").filter_map(|(_, document)| Self::from(document)).collect()
    }

    pub fn by_issuer(store: &Store, issuer: &str) -> Option<Cluster> {
        Self::all(store).into_iter().find(|cluster| cluster.issuer() == issuer)
    }

    /// For the tests of the placeholder's time only.
    pub fn key(&self) -> &str {
        self.document["key"].as_str().unwrap_or_default()
    }

    pub fn jwks(&self) -> Value {
        self.jwks.clone()
    }

    pub fn name(&self) -> &str {
        self.document["name"].as_str().unwrap_or_default()
    }

    pub fn issuer(&self) -> &str {
        self.document["issuer"].as_str().unwrap_or_default()
    }

    pub fn admin_token(&self) -> &str {
        self.document["admin_token"].as_str().unwrap_or_default()
    }
}
