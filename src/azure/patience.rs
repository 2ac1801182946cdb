//! How long Azure's own slowness is waited for, where it looks like a mistake at first.
//!
//! Each of these also ends with the operation's timeout, whichever comes first.

use std::time::Duration;

use super::Azure;
use super::error::{Error, Result};
use super::retry;
use crate::wait::Wait;

/// Limits of waiting, one for each sort of slowness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long an identity may be missing under a new credential: Resource Manager's caches agree within seconds.
    pub identity_missing: Duration,
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
    #[must_use]
    pub fn hurried(self, divisor: u32) -> Self {
        let shorter = |wait: Duration| wait / divisor.max(1);
        Self {
            identity_missing: shorter(self.identity_missing),
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
    pub fn next_probe(&self) -> Duration {
        self.between_probes.mul_f64((1.0 + 2.0 * rand::random::<f64>()) / 3.0)
    }

    /// The next pause, drawn so that processes that collided do not collide again.
    pub fn next(&self) -> Duration {
        jittered(self.pause)
    }

    /// The pause after so many concurrent writes of others: short at first, since each takes a second or less.
    pub(super) fn after_collision(&self, attempt: u32) -> Duration {
        jittered((self.pause / 12).saturating_mul(1 << attempt.min(4)).min(self.pause * 2))
    }
}

impl Azure {
    /// The pause before a write is sent again of which no answer came and no trace is found.
    ///
    /// # Errors
    /// The loss itself, when it has happened too often or the wait is over.
    pub(super) async fn pause_after_loss(&self, lost: Error, losses: &mut u32, wait: &Wait) -> Result<()> {
        *losses += 1;
        let pause = self.inner.patience.after_collision(*losses);
        if *losses >= retry::ATTEMPTS || wait.sleep(pause).await.is_err() {
            return Err(lost);
        }
        tracing::debug!(operation = %lost.operation, target = %lost.target, "no trace of the write is found; it is sent again");
        Ok(())
    }
}

/// Between half and all of a pause.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)
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
