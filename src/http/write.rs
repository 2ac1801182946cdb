//! A write whose answer is lost. Whether it took effect is read back before anything is written again.

use std::fmt;
use std::future::Future;

use super::retry::{Backoff, GaveUp, Verdict, retry};
use crate::wait::Wait;

/// Sends a write until its effect is known, at most `tries` times.
///
/// `unsure` says whether a failed try may have taken effect; it is given the number of that try, since a second try may
/// also meet what the first one did late. `read_back` then returns what the write has made, nothing if there is no trace of
/// it, and the write is sent again, or the error to end with.
pub(crate) async fn write_once<T, E, S, R>(
    wait: &Wait,
    backoff: Backoff,
    tries: u32,
    send: impl Fn() -> S,
    unsure: impl Fn(&E, u32) -> bool,
    read_back: impl Fn(E) -> R,
) -> Result<T, GaveUp<E>>
where
    E: Clone + fmt::Display,
    S: Future<Output = Result<T, E>>,
    R: Future<Output = Result<Option<T>, E>>,
{
    let (send, unsure, read_back) = (&send, &unsure, &read_back);
    let attempt = |number| async move {
        match send().await {
            Ok(done) => Ok(done),
            Err(error) if unsure(&error, number) => match read_back(error.clone()).await {
                Ok(Some(done)) => Ok(done),
                Ok(None) => Err(Verdict::Passing { tries, after: None }.on(error)),
                Err(error) => Err(Verdict::Final.on(error)),
            },
            Err(error) => Err(Verdict::Final.on(error)),
        }
    };
    retry(wait, backoff, attempt).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    const QUICK: Backoff = Backoff { first: Duration::from_millis(1), most: Duration::from_millis(2) };

    /// Writes of which the first `lost` get no answer, and read-backs that find the object from the `visible`-th on.
    /// Returns the result, and how many writes and read-backs were sent.
    async fn run(lost: u32, visible: u32) -> (Result<&'static str, String>, u32, u32) {
        let (writes, reads) = (AtomicU32::new(0), AtomicU32::new(0));
        let (w, r) = (&writes, &reads);
        let send = || async move {
            if w.fetch_add(1, Ordering::Relaxed) < lost { Err("lost".to_owned()) } else { Ok("answered") }
        };
        let read_back = |_| async move { Ok((r.fetch_add(1, Ordering::Relaxed) + 1 >= visible).then_some("found")) };
        let wait = Wait::at_most(Duration::from_secs(5));
        let done = write_once(&wait, QUICK, 3, send, |error: &String, _| error == "lost", read_back).await;
        (done.map_err(|gave_up| gave_up.error), writes.into_inner(), reads.into_inner())
    }

    #[tokio::test]
    async fn lost_write_that_took_effect_is_not_sent_again() {
        assert_eq!(run(1, 1).await, (Ok("found"), 1, 1));
    }

    #[tokio::test]
    async fn write_without_trace_is_sent_again_a_few_times() {
        assert_eq!(run(1, 9).await, (Ok("answered"), 2, 1));
        assert_eq!(run(9, 9).await, (Err("lost".to_owned()), 3, 3));
    }

    #[tokio::test]
    async fn failed_read_back_ends_it() {
        let wait = Wait::at_most(Duration::from_secs(5));
        let send = || async { Err::<(), _>("lost".to_owned()) };
        let read_back = |_| async { Err("forbidden".to_owned()) };
        let gave_up = write_once(&wait, QUICK, 3, send, |_, _| true, read_back).await.unwrap_err();
        assert_eq!((gave_up.error.as_str(), gave_up.tries), ("forbidden", 1));
    }
}
