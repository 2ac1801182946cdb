//! All that the emulator knows: the documents, the clock, the settings, and what is on its way at this moment.
//!
//! Only the documents outlive the process. Those under `emulator/` are the emulator's own (its signing key, its port, the
//! state it began with) and are in no snapshot.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use tokio::sync::watch;

use super::clock::Clock;
use super::fault::Faults;
use super::jwt::SigningKey;
use super::kubernetes;
use super::log::Log;
use super::seed::Seed;
use super::settings::Settings;
use super::store::Store;
use super::throttle::Buckets;
use crate::entra::issuer::Fetched;
use crate::entra::replicas::Replicas;
use crate::key_vault::ports::Ports;

/// The one thing that every request is answered from; whoever holds it is alone.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    /// `https://host:port`, without a slash at the end.
    pub(crate) url: String,
    /// The certificate of the authority that signed the servers' certificates, PEM.
    pub(crate) ca_pem: String,
    /// Signs access tokens.
    pub(crate) entra_key: SigningKey,
    /// What may not be written now because a write of it is under way; see [`super::operation::Admission`].
    pub(crate) busy: HashSet<String>,
    pub(crate) log: Log,
    pub(crate) faults: Faults,
    pub(crate) buckets: Buckets,
    /// What the replicas of the token endpoint remember.
    pub(crate) replicas: Replicas,
    /// Keys of issuers that were fetched over the network.
    pub(crate) fetched: HashMap<String, Fetched>,
    /// Where the vaults listen.
    pub(crate) ports: Ports,
    /// Wakes those who watch, after every change. The value is how often everything was replaced at once.
    pub(crate) pulse: watch::Sender<u64>,
    /// The store's writes that they were woken for.
    told: u64,
}

const KEY: &str = "emulator/entra-key";
/// The state that the emulator began with; where it is, no seed is taken any more.
pub(crate) const INITIAL: &str = "emulator/initial";

impl World {
    /// A world over these documents; where they are none, it begins with `seed`.
    ///
    /// # Errors
    /// When the seed has an entry that cannot be.
    pub(crate) fn new(mut store: Store, url: String, seed: &Seed) -> Result<Self, String> {
        let entra_key = match store.get(KEY).and_then(Value::as_str) {
            Some(pem) => SigningKey::from_pem(pem)?,
            None => {
                let key = SigningKey::generate()?;
                store.put(KEY, Value::from(key.pem()));
                key
            }
        };
        store.put(kubernetes::entra::KEYS, entra_key.jwks());
        let fresh = store.get(INITIAL).is_none();
        let mut world = Self {
            store,
            clock: Clock::default(),
            settings: Settings::default(),
            ports: Ports::new(&url),
            ca_pem: String::new(),
            url,
            entra_key,
            busy: HashSet::new(),
            log: Log::default(),
            faults: Faults::default(),
            buckets: Buckets::default(),
            replicas: Replicas::default(),
            fetched: HashMap::new(),
            pulse: watch::Sender::default(),
            told: 0,
        };
        if fresh {
            seed.apply(&mut world)?;
            let initial = world.state();
            world.store.put(INITIAL, Value::Object(initial));
        }
        world.settle()?;
        Ok(world)
    }

    /// The documents without the emulator's own.
    pub(crate) fn state(&self) -> Map<String, Value> {
        match self.store.snapshot() {
            Value::Object(mut all) => {
                all.retain(|key, _| !key.starts_with("emulator/"));
                all
            }
            _ => Map::new(),
        }
    }

    /// Replaces the documents by these and keeps the emulator's own.
    pub(crate) fn restore(&mut self, mut state: Map<String, Value>) {
        state.retain(|key, _| !key.starts_with("emulator/"));
        let own: Vec<_> = self.store.under("emulator/").map(|(key, value)| (key.to_owned(), value.clone())).collect();
        state.extend(own);
        self.store.restore(state);
        self.pulse.send_modify(|replaced| *replaced += 1);
    }

    /// Back to the state the emulator began with, keys of clusters included; the log goes, faults, settings and clock stay.
    pub(crate) fn reset(&mut self) {
        if let Some(Value::Object(initial)) = self.store.get(INITIAL).cloned() {
            self.restore(initial);
        }
        self.log.clear();
        self.fetched.clear();
        self.replicas = Replicas::default();
    }

    /// Makes what is outside of the documents follow them: each vault listens at its port, and those who watch are woken.
    ///
    /// # Errors
    /// When the machine has no port.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        if self.told != self.store.writes() {
            self.told = self.store.writes();
            self.pulse.send_modify(|_| {});
        }
        self.ports.reconcile(&mut self.store)
    }

    /// Where a cluster's API server answers.
    pub(crate) fn cluster_url(&self, name: &str) -> String {
        format!("{}/clusters/{name}", self.url)
    }

    /// One of what the seed named first: `tenant`, `subscription`, `client_id`, `client_secret`, `cluster`; empty when none.
    pub(crate) fn default(&self, key: &str) -> &str {
        self.store.get("emulator/defaults").and_then(|all| all.get(key)).and_then(Value::as_str).unwrap_or_default()
    }

    /// The emulated time in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        millis(&self.clock)
    }
}

/// The emulated time in milliseconds since 1970.
pub(crate) fn millis(clock: &Clock) -> i64 {
    i64::try_from(clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
impl World {
    /// A world in memory with the default seed.
    pub(crate) fn test() -> Self {
        // Making keys is what takes time, so all tests begin with the same ones.
        static FIRST: std::sync::OnceLock<Value> = std::sync::OnceLock::new();
        let seed = super::seed::default_seed();
        let over = |store| Self::new(store, "https://127.0.0.1:8443".to_owned(), &seed).unwrap();
        let first = FIRST.get_or_init(|| over(Store::in_memory()).store.snapshot());
        let mut store = Store::in_memory();
        store.restore(first.as_object().cloned().unwrap());
        over(store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reset_brings_back_the_first_state_and_keeps_the_keys() {
        let mut world = World::test();
        let first = world.state();
        let kid = world.entra_key.kid().to_owned();
        world.store.put("arm/x", json!(1));
        world.restore(Map::from_iter([("emulator/entra-key".to_owned(), json!("forged"))]));
        assert!(world.state().is_empty());
        world.reset();
        assert_eq!(world.state(), first);
        let key = world.store.get(KEY).and_then(Value::as_str).unwrap();
        assert_eq!(SigningKey::from_pem(key).unwrap().kid(), kid);
    }
}
