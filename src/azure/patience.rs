//! How long Azure's own slowness is waited for, where it looks like a mistake at first.
//!
//! Each of these also ends with the operation's timeout, whichever comes first.

use std::future::Future;
use std::time::Duration;

use super::Azure;
use super::error::{Error, Result};
use super::retry;
use crate::http::{self, Backoff, jittered};
use crate::wait::Wait;

/// Limits of waiting, one for each sort of slowness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long an identity may be missing under a new credential: Resource Manager's caches agree within seconds.
    pub identity_missing: Duration,
    /// How long a service account may be missing that another owner creates.
    pub account_missing: Duration,
    /// How long an identity may be full: another process, or this one, may be deleting a credential.
    pub identity_full: Duration,
    /// How long the role service may not know an identity that this process created.
    pub new_principal: Duration,
    /// How long it may not know any other, which may come from an earlier run.
    pub other_principal: Duration,
    /// How long to wait between two looks, at most; half of it at least.
    pub pause: Duration,
    /// How long after its last write a binding is tried for the first time: a miss is kept by the service for a while.
    pub before_probe: Duration,
    /// How long to wait between two tries of a binding, at most; a third of it at least.
    pub between_probes: Duration,
    /// How many exchanges in a row must be accepted. One tells little: each replica of the service learns of a credential on its
    /// own, and an exchange meets any of them. With three replicas, of which one lags, eighteen meet the other two by chance
    /// once in 1500 times.
    pub probes: u32,
    /// How many of them follow each other without a pause, as long as they are accepted.
    pub probes_at_once: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            identity_missing: Duration::from_secs(30),
            account_missing: Duration::from_secs(30),
            identity_full: Duration::from_secs(60),
            new_principal: Duration::from_secs(300),
            other_principal: Duration::from_secs(120),
            pause: Duration::from_secs(6),
            before_probe: Duration::from_secs(5),
            between_probes: Duration::from_secs(15),
            probes: 18,
            probes_at_once: 3,
        }
    }
}

impl Patience {
    /// The same with every wait divided by `divisor`, for this project's tests.
    #[cfg(feature = "test-clock")]
    #[must_use]
    pub(crate) fn hurried(self, divisor: u32) -> Self {
        let shorter = |wait: Duration| wait / divisor.max(1);
        Self {
            identity_missing: shorter(self.identity_missing),
            account_missing: shorter(self.account_missing),
            identity_full: shorter(self.identity_full),
            new_principal: shorter(self.new_principal),
            other_principal: shorter(self.other_principal),
            pause: shorter(self.pause),
            before_probe: shorter(self.before_probe),
            between_probes: shorter(self.between_probes),
            ..self
        }
    }

    /// The pause before a binding is tried again.
    pub(crate) fn next_probe(&self) -> Duration {
        self.between_probes.mul_f64((1.0 + 2.0 * rand::random::<f64>()) / 3.0)
    }

    /// The next pause, drawn so that processes that collided do not collide again.
    pub(crate) fn next(&self) -> Duration {
        jittered(self.pause)
    }

    /// The pause after so many concurrent writes of others: short at first, since each takes a second or less.
    pub(super) fn after_collision(&self, collisions: u32) -> Duration {
        self.collisions().pause(collisions)
    }

    fn collisions(&self) -> Backoff {
        Backoff { first: self.pause / 12, most: self.pause * 4 / 3 }
    }
}

impl Azure {
    /// Sends a write; if its answer is lost, reads back what became of it. `read_back` returns nothing if there is no trace of
    /// the write, which is then sent again.
    pub(super) async fn write_once<T, S, R>(
        &self,
        wait: &Wait,
        send: impl Fn() -> S,
        read_back: impl Fn() -> R,
    ) -> Result<T>
    where
        S: Future<Output = Result<T>>,
        R: Future<Output = Result<Option<T>>>,
    {
        let unsure = |error: &Error, _| error.ambiguous && wait.check().is_ok();
        let backoff = self.inner.patience.collisions();
        let written = http::write_once(wait, backoff, retry::ATTEMPTS, send, unsure, |_| read_back()).await;
        written.map_err(retry::gave_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_after_collisions_grow_from_half_a_second_to_eight() {
        let patience = Patience::default();
        assert!((250..=1000).contains(&patience.after_collision(0).as_millis()));
        assert!((4_000..=8_000).contains(&patience.after_collision(30).as_millis()));
    }
}
