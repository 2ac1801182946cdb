//! All that the emulator knows: the documents, the clock, the settings, and what is on its way at this moment.
//!
//! Only the documents outlive the process. Those under `emulator/` are the emulator's own (its signing key, its port, the
//! state it began with) and are in no snapshot.

use std::collections::HashSet;

use serde_json::{Map, Value};
use tokio::sync::watch;

use super::clock::Clock;
use super::fault::Faults;
use super::log::Log;
use super::port::Ports;
use super::settings::Settings;
use super::store::Store;
use super::surface::Surfaces;
use super::throttle::Buckets;

/// What every request is answered from. It is locked for each step of a request.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) surfaces: Surfaces,
    /// `https://host:port`, without a slash at the end.
    pub(crate) url: String,
    /// The certificate of the authority that signed the servers' certificates, PEM.
    pub(crate) ca_pem: String,
    /// What may not be written now because a write of it is under way; see [`super::operation::Admission`].
    pub(crate) busy: HashSet<String>,
    pub(crate) log: Log,
    pub(crate) faults: Faults,
    pub(crate) buckets: Buckets,
    /// What surfaces keep in memory only, one value of each type.
    pub(crate) memory: http::Extensions,
    pub(crate) ports: Ports,
    /// Wakes those who watch, after every change. The value is how often everything was replaced at once.
    pub(crate) pulse: watch::Sender<u64>,
    /// The store's writes that they were woken for.
    announced: u64,
}

/// The state that the emulator began with; where it is, no seed is taken any more.
pub(crate) const INITIAL: &str = "emulator/initial";

impl World {
    /// A world over these documents; where they are none, it begins with what `seed` puts into it.
    ///
    /// # Errors
    /// If the seed has an invalid entry, or a surface cannot be served.
    pub(crate) fn new(
        store: Store,
        url: String,
        surfaces: Surfaces,
        seed: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<Self, String> {
        let fresh = store.get(INITIAL).is_none();
        let mut world = Self {
            store,
            clock: Clock::default(),
            settings: Settings::default(),
            surfaces,
            ports: Ports::new(&url),
            url,
            ca_pem: String::new(),
            busy: HashSet::new(),
            log: Log::default(),
            faults: Faults::default(),
            buckets: Buckets::default(),
            memory: http::Extensions::new(),
            pulse: watch::Sender::default(),
            announced: 0,
        };
        for surface in surfaces {
            surface.start(&mut world)?;
        }
        if fresh {
            seed(&mut world)?;
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
        for surface in self.surfaces {
            surface.reset(self);
        }
    }

    /// Makes what is outside of the documents follow them, and wakes those who watch.
    ///
    /// # Errors
    /// If a surface cannot follow, because the machine has no port left.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        if self.announced != self.store.writes() {
            self.announced = self.store.writes();
            self.pulse.send_modify(|_| {});
        }
        self.surfaces.iter().try_for_each(|surface| surface.settle(self))
    }

    /// Runs what is due without a request.
    pub(crate) fn tick(&mut self) {
        for surface in self.surfaces {
            surface.tick(self);
        }
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
mod tests {
    use super::*;
    use crate::test;
    use serde_json::json;

    #[test]
    fn a_reset_brings_back_the_first_state_and_keeps_the_keys() {
        let mut world = test::world();
        let first = world.state();
        let key = world.store.get("emulator/entra-key").cloned().unwrap();
        world.store.put("arm/x", json!(1));
        world.restore(Map::from_iter([("emulator/entra-key".to_owned(), json!("forged"))]));
        assert!(world.state().is_empty());
        world.reset();
        assert_eq!(world.state(), first);
        assert_eq!(world.store.get("emulator/entra-key"), Some(&key));
    }
}
