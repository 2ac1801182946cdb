//! How long a call may take, and who may end it earlier.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The bounds of one operation: its deadline, and the cancellation that Ctrl-C sets.
#[derive(Debug, Clone)]
pub struct Wait {
    /// When the operation must end.
    pub deadline: Instant,
    /// Set when the user asked to stop.
    pub cancel: CancellationToken,
}

/// Why a wait ended before its time had passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The operation's deadline comes first.
    Deadline,
    /// The user asked to stop.
    Cancelled,
}

impl Wait {
    /// Bounds that end `timeout` from now, or when `cancel` is set.
    pub fn new(timeout: Duration, cancel: CancellationToken) -> Self {
        Self { deadline: Instant::now() + timeout, cancel }
    }

    /// The same bounds, ending `timeout` from now where that is earlier.
    #[must_use]
    pub fn at_most(&self, timeout: Duration) -> Self {
        Self { deadline: self.deadline.min(Instant::now() + timeout), cancel: self.cancel.clone() }
    }

    /// The time that is left; zero when the deadline has passed.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Sleeps for `pause`.
    ///
    /// # Errors
    /// At once where the deadline would come first, and as soon as the wait is cancelled.
    pub async fn pause(&self, pause: Duration) -> Result<(), Ended> {
        if self.cancel.is_cancelled() {
            return Err(Ended::Cancelled);
        }
        if pause >= self.left() {
            return Err(Ended::Deadline);
        }
        tokio::select! {
            () = self.cancel.cancelled() => Err(Ended::Cancelled),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }
}
