//! The emulator's time: the machine's, moved by an offset that a test can set.

use std::sync::atomic::{AtomicI64, Ordering};
use time::OffsetDateTime;

/// A clock that can be moved; what the emulator calls now is always asked of it.
#[derive(Debug, Default)]
pub struct Clock {
    offset_ms: AtomicI64,
}

impl Clock {
    /// The emulated time.
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + time::Duration::milliseconds(self.offset_ms.load(Ordering::Relaxed))
    }

    /// The emulated time in whole seconds since 1970, as JWTs and tokens carry it.
    pub fn unix(&self) -> i64 {
        self.now().unix_timestamp()
    }

    /// Moves the clock by so many milliseconds, back where it is negative.
    pub fn advance(&self, milliseconds: i64) {
        self.offset_ms.fetch_add(milliseconds, Ordering::Relaxed);
    }
}
