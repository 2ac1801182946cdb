//! The one loop that tries again. A service classifies its failures; the loop decides how long to pause and when to stop.
//!
//! Loops nest: a create waits for a state, resolves lost answers within that, and sends requests within both. Each retry
//! after a failure is therefore also taken from the operation's retries ([`Wait::take_retry`]), which all loops of one
//! operation share, so that their tries do not multiply. Waiting for a state is no failure and ends with the deadline.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use http::Method;

use crate::wait::{Interrupted, Wait};

/// Whether a request may be sent again if it is unknown whether it took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The second one changes nothing more than the first.
    Safe,
    /// The caller has to find out first.
    Never,
}

impl Repeat {
    /// What HTTP promises of a method. A PUT counts as unsafe: the first may have created an object that is deleted before the
    /// second arrives.
    pub(crate) fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE => Self::Safe,
            _ => Self::Never,
        }
    }
}

/// What a failure means for the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Another try would fail alike.
    Final,
    /// Another try may succeed. There are `tries` in all, the first included; `after` is the pause that the service asked for.
    Passing { tries: u32, after: Option<Duration> },
    /// The service asks for patience, or a state is not reached. Tried again until the deadline.
    NotYet { after: Duration },
    /// The operation's wait ended during the attempt.
    Ended(Interrupted),
}

impl Verdict {
    /// The verdict on `error`.
    pub(crate) fn on<E>(self, error: E) -> Failed<E> {
        Failed { error, verdict: self }
    }
}

/// A failed attempt and its verdict.
#[derive(Debug)]
pub(crate) struct Failed<E> {
    pub(crate) error: E,
    pub(crate) verdict: Verdict,
}

/// The end of a loop that did not succeed.
#[derive(Debug)]
pub(crate) struct GaveUp<E> {
    /// The last failure. If the end of the wait cut an attempt short, the one before it, which says more.
    pub(crate) error: E,
    /// The attempt that was cut short, if `error` is the one before it.
    pub(crate) cut_short: Option<E>,
    /// How many attempts were made.
    pub(crate) tries: u32,
    /// Why there is no further one.
    pub(crate) end: End,
}

/// Why a loop gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The failure is final.
    Final,
    /// It may pass, but no tries are left.
    Exhausted,
    /// It may pass, but the wait ended first.
    Interrupted(Interrupted),
}

/// Pauses that double from `first` up to `most`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
}

impl Backoff {
    /// The pause after so many failures, the first of which is 1.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        jittered(self.first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.most))
    }
}

/// Between half and all of a pause, so that clients that failed together do not come back together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.5..=1.0))
}

/// Attempts until one succeeds, one fails for good, or the wait ends. `attempt` is given its number, from 1.
pub(crate) async fn retry<T, E, F>(wait: &Wait, backoff: Backoff, attempt: impl Fn(u32) -> F) -> Result<T, GaveUp<E>>
where
    E: fmt::Display,
    F: Future<Output = Result<T, Failed<E>>>,
{
    let mut tries = 0;
    let mut failures = 0;
    let mut before: Option<E> = None;
    loop {
        tries += 1;
        let Failed { error, verdict } = match attempt(tries).await {
            Ok(done) => {
                if failures > 0 {
                    wait.return_retry();
                }
                return Ok(done);
            }
            Err(failed) => failed,
        };
        let gave_up = |error, end| GaveUp { error, cut_short: None, tries, end };
        let pause = match verdict {
            Verdict::Final => return Err(gave_up(error, End::Final)),
            Verdict::Ended(why) => {
                return Err(match before {
                    Some(before) => GaveUp { cut_short: Some(error), ..gave_up(before, End::Interrupted(why)) },
                    None => gave_up(error, End::Final),
                });
            }
            Verdict::NotYet { after } => after,
            Verdict::Passing { tries: most, after } => {
                failures += 1;
                if failures >= most || !wait.take_retry() {
                    return Err(gave_up(error, End::Exhausted));
                }
                // A little more than asked for: the others were asked the same.
                after.map_or_else(
                    || backoff.pause(failures),
                    |asked| asked.saturating_add(jittered(Duration::from_millis(250))),
                )
            }
        };
        tracing::debug!(tries, ?pause, %error, "trying again");
        if let Err(why) = wait.sleep(pause).await {
            return Err(gave_up(error, End::Interrupted(why)));
        }
        before = Some(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio_util::sync::CancellationToken;

    const QUICK: Backoff = Backoff { first: Duration::from_millis(1), most: Duration::from_millis(2) };
    const PASSING: Verdict = Verdict::Passing { tries: 8, after: None };

    fn wait() -> Wait {
        Wait::at_most(Duration::from_secs(30))
    }

    /// Attempts that fail with these verdicts, and then succeed; how many were made.
    async fn run(wait: &Wait, verdicts: &[Verdict]) -> (Result<u32, GaveUp<String>>, u32) {
        let made = AtomicU32::new(0);
        let attempt = async |tries: u32| {
            made.store(tries, Ordering::Relaxed);
            match verdicts.get(tries as usize - 1) {
                Some(verdict) => Err(verdict.on(format!("failure {tries}"))),
                None => Ok(tries),
            }
        };
        let done = retry(wait, QUICK, attempt).await;
        (done, made.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn passing_failure_is_tried_again() {
        assert_eq!(run(&wait(), &[PASSING, PASSING]).await.0.unwrap(), 3);
    }

    #[tokio::test]
    async fn final_failure_ends_at_once() {
        let (done, made) = run(&wait(), &[PASSING, Verdict::Final]).await;
        let gave_up = done.unwrap_err();
        assert_eq!((gave_up.error.as_str(), gave_up.tries, gave_up.end, made), ("failure 2", 2, End::Final, 2));
    }

    #[tokio::test]
    async fn exhausted_tries_return_the_last_failure_and_their_number() {
        let gave_up = run(&wait(), &[PASSING; 20]).await.0.unwrap_err();
        assert_eq!((gave_up.error.as_str(), gave_up.tries, gave_up.end), ("failure 8", 8, End::Exhausted));
    }

    #[tokio::test]
    async fn waiting_for_a_state_costs_no_retries() {
        let wait = wait();
        let patient = [Verdict::NotYet { after: Duration::ZERO }; 200];
        assert_eq!(run(&wait, &patient).await.0.unwrap(), 201);
        assert!(wait.take_retry());
    }

    #[tokio::test]
    async fn nested_loops_share_one_budget() {
        let wait = wait();
        let requests = AtomicU32::new(0);
        let (wait, requests) = (&wait, &requests);
        let request = move |_| async move {
            requests.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(PASSING.on("unavailable".to_owned()))
        };
        let step = move |_| async move {
            let failed = retry(wait, QUICK, request).await;
            failed.map_err(|gave_up| PASSING.on(gave_up.error))
        };
        let whole = move |_| async move { retry(wait, QUICK, step).await.map_err(|gave_up| PASSING.on(gave_up.error)) };
        let gave_up = retry(wait, QUICK, whole).await.unwrap_err();
        assert_eq!(gave_up.error, "unavailable");
        let made = requests.load(Ordering::Relaxed);
        assert!(made <= 1 + crate::wait::RETRIES, "{made} requests instead of at most 8 × 8 × 8");
    }

    #[tokio::test]
    async fn success_after_failures_gives_a_retry_back() {
        let wait = wait();
        for _ in 0..2 * crate::wait::RETRIES {
            assert_eq!(run(&wait, &[PASSING]).await.0.unwrap(), 2);
        }
    }

    #[tokio::test]
    async fn deadline_returns_the_failure_instead() {
        let wait = Wait::at_most(Duration::from_secs(5));
        let slow = Verdict::Passing { tries: 8, after: Some(Duration::from_secs(60)) };
        let gave_up = run(&wait, &[PASSING, slow]).await.0.unwrap_err();
        assert_eq!((gave_up.error.as_str(), gave_up.end), ("failure 2", End::Interrupted(Interrupted::Deadline)));

        let ended = Verdict::Ended(Interrupted::Deadline);
        let gave_up = run(&wait, &[PASSING, ended]).await.0.unwrap_err();
        assert_eq!((gave_up.error.as_str(), gave_up.cut_short.as_deref()), ("failure 1", Some("failure 2")));
        let alone = run(&wait, &[ended]).await.0.unwrap_err();
        assert_eq!((alone.error.as_str(), alone.end), ("failure 1", End::Final));
    }

    #[tokio::test]
    async fn absurd_pause_is_not_waited_for() {
        let absurd = Verdict::Passing { tries: 8, after: Some(Duration::from_secs(1 << 40)) };
        let gave_up = run(&wait(), &[absurd]).await.0.unwrap_err();
        assert_eq!(gave_up.end, End::Interrupted(Interrupted::Deadline));
    }

    #[tokio::test]
    async fn cancellation_ends_a_pause() {
        let cancel = CancellationToken::new();
        let wait = Wait::new(Duration::from_secs(60), cancel.clone());
        let slow = [Verdict::NotYet { after: Duration::from_secs(30) }];
        let ((done, _), ()) = tokio::join!(run(&wait, &slow), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            cancel.cancel();
        });
        assert_eq!(done.unwrap_err().end, End::Interrupted(Interrupted::Cancelled));
    }

    #[test]
    fn pauses_double_up_to_the_most_and_differ() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(30) };
        for (failures, whole) in [(0, 1), (1, 1), (2, 2), (4, 8), (6, 30), (u32::MAX, 30)] {
            let whole = Duration::from_secs(whole);
            let pause = backoff.pause(failures);
            assert!(pause >= whole / 2 && pause <= whole, "{failures}: {pause:?}");
        }
    }
}
