//! How long a call may wait, and how it learns that nobody waits for it any more.
//!
//! Ending a wait is not the same as dropping what was already sent: a write on its way is given [`GRACE`] to answer, because
//! an object that was made but never recorded is the worst outcome of all. Reads are dropped at once.
//!
//! A wait is handed down through every loop of an operation, so it also counts how often these may try again after a failure.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a write that was already sent may go on after the deadline or the cancellation.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// How often the requests of one operation may be sent again after failures. A loop that succeeds after failures gives one
/// back, so that this bounds a storm and not a long operation.
pub(crate) const RETRIES: u32 = 32;

/// What stands for a timeout that no clock can represent: longer than any process runs.
const ENDLESS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The end of an operation's patience.
#[derive(Debug, Clone)]
pub struct Wait {
    /// When the operation's timeout is over.
    pub deadline: Instant,
    /// Fires when Terraform asks to stop.
    pub cancel: CancellationToken,
    /// What is left of [`RETRIES`], shared by all that wait for the same operation.
    retries: Arc<AtomicU32>,
}

/// Why a wait ended without what it waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupted {
    /// The timeout is over, or would be before the thing waited for could come.
    Deadline,
    /// Somebody asked to stop.
    Cancelled,
}

impl Wait {
    /// Waits for at most `timeout` from now, or until `cancel` fires.
    pub fn new(timeout: Duration, cancel: CancellationToken) -> Self {
        Self { deadline: after(timeout), cancel, retries: Arc::new(AtomicU32::new(RETRIES)) }
    }

    /// Waits for at most `timeout` from now; nothing can cancel it.
    pub fn at_most(timeout: Duration) -> Self {
        Self::new(timeout, CancellationToken::new())
    }

    /// The same cancellation and retries with a deadline at most `limit` from now.
    #[must_use]
    pub(crate) fn within(&self, limit: Duration) -> Self {
        Self { deadline: self.deadline.min(after(limit)), ..self.clone() }
    }

    /// Takes one of the operation's retries; false if none is left.
    pub(crate) fn take_retry(&self) -> bool {
        self.retries.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Gives a retry back after a success.
    pub(crate) fn return_retry(&self) {
        let _ =
            self.retries.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| (left < RETRIES).then(|| left + 1));
    }

    /// What is left of the timeout; zero when it is over.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether the wait is over, and why.
    ///
    /// # Errors
    /// When it was cancelled, or the deadline has passed.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        if self.cancel.is_cancelled() {
            Err(Interrupted::Cancelled)
        } else if self.remaining().is_zero() {
            Err(Interrupted::Deadline)
        } else {
            Ok(())
        }
    }

    /// Sleeps, unless the deadline comes first: then it ends at once, since what would follow could not be done any more.
    ///
    /// # Errors
    /// When it was cancelled, or the deadline comes before the end of the sleep.
    pub(crate) async fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        self.check()?;
        if duration >= self.remaining() {
            return Err(Interrupted::Deadline);
        }
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Interrupted::Cancelled),
            () = tokio::time::sleep(duration) => Ok(()),
        }
    }

    /// Runs a future that may be dropped halfway: a read, a lock, a token.
    ///
    /// # Errors
    /// When it was cancelled or the deadline passed before the future was done.
    pub(crate) async fn bound<F: Future>(&self, future: F) -> Result<F::Output, Interrupted> {
        self.check()?;
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Interrupted::Cancelled),
            output = future => Ok(output),
            () = tokio::time::sleep_until(self.deadline) => Err(Interrupted::Deadline),
        }
    }

    /// Runs a future that has effects: after the deadline or the cancellation it may go on for [`GRACE`].
    ///
    /// # Errors
    /// When the wait is over before the start, or the grace is.
    pub(crate) async fn bound_write<F: Future>(&self, future: F) -> Result<F::Output, Interrupted> {
        self.check()?;
        let mut future = std::pin::pin!(future);
        let why = tokio::select! {
            biased;
            output = &mut future => return Ok(output),
            () = self.cancel.cancelled() => Interrupted::Cancelled,
            () = tokio::time::sleep_until(self.deadline) => Interrupted::Deadline,
        };
        tokio::time::timeout(GRACE, future).await.map_err(|_| why)
    }
}

/// So far from now. Timeouts come from configurations and services, which may ask for more than a clock can represent.
fn after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now + ENDLESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_that_would_outlast_the_deadline_ends_at_once() {
        let wait = Wait::at_most(Duration::from_secs(5));
        let start = Instant::now();
        assert_eq!(wait.sleep(Duration::from_secs(6)).await, Err(Interrupted::Deadline));
        assert!(start.elapsed() < Duration::from_secs(1));
        assert_eq!(wait.sleep(Duration::from_millis(5)).await, Ok(()));
    }

    #[tokio::test]
    async fn a_cancellation_ends_a_sleep_and_a_read_but_lets_a_write_finish() {
        let wait = Wait::at_most(Duration::from_secs(60));
        let cancel = wait.cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            cancel.cancel();
        });
        let start = Instant::now();
        let (slept, read, written) = tokio::join!(
            wait.sleep(Duration::from_secs(30)),
            wait.bound(std::future::pending::<()>()),
            wait.bound_write(tokio::time::sleep(Duration::from_millis(100))),
        );
        assert_eq!(slept, Err(Interrupted::Cancelled));
        assert_eq!(read, Err(Interrupted::Cancelled));
        assert_eq!(written, Ok(()));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_write_is_not_begun_when_the_wait_is_over() {
        let wait = Wait::at_most(Duration::ZERO);
        assert_eq!(wait.bound_write(async { 1 }).await, Err(Interrupted::Deadline));
    }

    #[tokio::test]
    async fn huge_timeout_is_no_overflow() {
        let wait = Wait::at_most(Duration::MAX);
        assert!(wait.remaining() > Duration::from_secs(1 << 27));
        assert!(wait.within(Duration::MAX).check().is_ok());
        assert_eq!(wait.bound(async { 1 }).await, Ok(1));
        assert_eq!(wait.sleep(Duration::MAX).await, Err(Interrupted::Deadline));
    }

    #[test]
    fn retries_are_shared_and_bounded() {
        let wait = Wait::at_most(Duration::from_secs(5));
        let nested = wait.within(Duration::from_secs(1));
        for _ in 0..RETRIES {
            assert!(nested.take_retry());
        }
        assert!(!wait.take_retry());
        wait.return_retry();
        assert!(nested.take_retry() && !nested.take_retry());
    }
}
