//! The replicas of the token endpoint. Each learns of a new or changed credential at a time of its own, a request lands on
//! any of them, and one that has looked in vain keeps that in mind for a while.
//!
//! So a client sees what Azure's clients see: a sign-in that fails after one that succeeded, and one that takes longer to
//! succeed because it was tried too early. What is drawn depends on the seed, the credential's id and the number of the
//! request alone. A credential that is deleted is gone from every replica at once.

use std::collections::HashMap;

use super::client::{Client, Credential};
use crate::core::chance::draw;
use crate::core::jwt::Unverified;
use crate::core::rule::Rule;
use crate::core::settings::TokenReplicas;
use crate::core::world::World;

/// What the replicas have been through.
#[derive(Debug, Default, Clone)]
pub(super) struct Replicas {
    /// The settings that they have; replicas of other settings begin anew.
    settings: TokenReplicas,
    /// How many requests have been answered.
    asked: u64,
    /// Until when a replica remembers that it found nothing, in milliseconds since 1970.
    misses: HashMap<String, i64>,
}

impl Replicas {
    /// Those of the present settings, unless no request has reached them yet.
    fn of(world: &World) -> Option<&Self> {
        world.memory.get::<Self>().filter(|replicas| replicas.settings == world.settings.token_replicas)
    }

    fn of_mut(world: &mut World) -> &mut Self {
        if Self::of(world).is_none() {
            world.memory.insert(Self { settings: world.settings.token_replicas.clone(), ..Self::default() });
        }
        world.memory.get_or_insert_default()
    }
}

/// Counts an answered request: the next one lands elsewhere.
pub(super) fn count_answer(world: &mut World) {
    Replicas::of_mut(world).asked += 1;
}

/// What the replica that a request has landed on makes of an assertion.
pub(super) struct Look {
    /// The credentials of the client that it knows, as it knows them.
    pub(super) known: Vec<Credential>,
    /// Those that it will know later.
    pub(super) coming: Vec<Credential>,
    /// Whether it looked in vain before and has that in mind.
    pub(super) missed: bool,
    /// The name of this search in its memory.
    name: String,
}

/// Looks at a client's credentials with the eyes of the replica that this request has landed on.
pub(super) fn look(world: &World, client: &Client, token: &Unverified) -> Look {
    let replica = landing(world);
    let claim = |name| token.claim(name).unwrap_or_default();
    let name = [&replica.to_string(), &client.client_id, claim("iss"), claim("sub"), &token.audiences().join("\n")];
    let name = name.join("\n");
    let kept = world.settings.keeps(Rule::Propagation);
    let misses = Replicas::of(world).map(|replicas| &replicas.misses);
    let missed = kept && misses.and_then(|misses| misses.get(&name)).is_some_and(|until| *until > world.now_ms());
    let mut look = Look { known: Vec::new(), coming: Vec::new(), missed, name };
    for credential in &client.credentials {
        let mut version = Some(credential);
        while let Some(coming) = version.filter(|it| world.now_ms() < learned_ms(world, it, replica)) {
            look.coming.push(coming.clone());
            version = coming.before.as_deref();
        }
        look.known.extend(version.cloned());
    }
    look
}

impl Look {
    /// Keeps in mind that nothing was found. One that has it in mind already did not look again.
    pub(super) fn in_vain(&self, world: &mut World) {
        let now = world.now_ms();
        let span = world.settings.propagation_ms(world.settings.token_replicas.miss_ms);
        if span > 0 && !self.missed {
            let misses = &mut Replicas::of_mut(world).misses;
            misses.retain(|_, until| *until > now);
            misses.insert(self.name.clone(), now.saturating_add(span));
        }
    }
}

/// The replica that the next request lands on.
fn landing(world: &World) -> u64 {
    let replicas = &world.settings.token_replicas;
    let asked = Replicas::of(world).map_or(0, |replicas| replicas.asked);
    (draw(replicas.seed, "request", asked) * f64::from(replicas.count)) as u64
}

/// When a replica learns of a credential.
fn learned_ms(world: &World, credential: &Credential, replica: u64) -> i64 {
    let replicas = &world.settings.token_replicas;
    let least = world.settings.propagation_ms(world.settings.credential_propagation_ms);
    let spread = world.settings.propagation_ms(replicas.spread_ms) as f64;
    let own = (draw(replicas.seed, &credential.id, replica) * spread) as i64;
    credential.changed_ms.saturating_add(least).saturating_add(own)
}

#[cfg(test)]
#[path = "replicas_tests.rs"]
mod tests;
