//! The emulator's time: the machine's, moved by an offset that a test can set.

use std::sync::atomic::{AtomicI64, Ordering};
use time::OffsetDateTime;

/// The farthest from the machine's time, in milliseconds: a thousand years, so that no date is beyond what can be written.
const FARTHEST: i64 = 1000 * 365 * 24 * 60 * 60 * 1000;

/// A clock that can be moved; what the emulator calls now is always asked of it.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_ms: AtomicI64,
    /// The machine's time for a test that counts seconds, which a busy machine would add to.
    #[cfg(test)]
    stopped: std::sync::OnceLock<OffsetDateTime>,
}

impl Clock {
    /// The emulated time.
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.machine() + time::Duration::milliseconds(self.offset_ms.load(Ordering::Relaxed))
    }

    fn machine(&self) -> OffsetDateTime {
        #[cfg(test)]
        if let Some(stopped) = self.stopped.get() {
            return *stopped;
        }
        OffsetDateTime::now_utc()
    }

    /// Has it go on only where it is moved.
    #[cfg(test)]
    pub(crate) fn stop(&self) {
        let _ = self.stopped.set(OffsetDateTime::now_utc());
    }

    /// The emulated time in whole seconds since 1970, as JWTs and tokens carry it.
    pub(crate) fn unix(&self) -> i64 {
        self.now().unix_timestamp()
    }

    /// Moves the clock by so many milliseconds, back where it is negative, but never farther than a thousand years from
    /// the machine's. Returns whether it was moved.
    pub(crate) fn advance(&self, milliseconds: i64) -> bool {
        let moved = |offset: i64| offset.checked_add(milliseconds).filter(|it| (-FARTHEST..=FARTHEST).contains(it));
        self.offset_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_no_farther_than_dates_do() {
        let clock = Clock::default();
        assert!(
            (0..9).map(|_| clock.advance(FARTHEST)).eq([true, false, false, false, false, false, false, false, false])
        );
        assert!(clock.now().year() < 9999);
        assert!(clock.advance(-FARTHEST) && !clock.advance(i64::MIN));
    }
}
