//! Getting what another call still has: wait for it to leave, give up one's own where the two wait for each other, and say who is
//! in the way where nobody leaves.

use tokio::time::Instant;

use super::Call;
use crate::domain::existing::still_taken;
use crate::domain::object::Object;
use crate::error::{Error, Result};
use crate::wait::{Interrupted, Wait};

/// The place of a call in line for the objects that it needs.
///
/// ```text
/// let mut line = call.line([object]);
/// loop {
///     if line.next(&wait).await? == Step::GiveUp { free what the call is to leave; continue }
///     take the turn, look, write
///     where an object is taken: line.taken(object, error)
/// }
/// ```
#[derive(Debug)]
pub(crate) struct Line<'a> {
    call: &'a Call,
    wanted: Vec<Object>,
    /// What the last attempt met, and the error to end with if nobody leaves it.
    taken: Option<(Object, Error)>,
    /// How much had been left before that attempt.
    seen: usize,
    since: Instant,
    /// Whether the next attempt is the last.
    last: bool,
    gave_up: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Attempt the write.
    Try,
    /// Free what this call is to leave, although it has not got what it needs: calls wait for each other in a circle, or others
    /// wait for this one and nobody moves. It comes once at most, and only to calls that are to leave something.
    GiveUp,
}

impl Call {
    /// Gets in line for objects. Those that a call is known to leave are waited for before the first attempt.
    pub(crate) fn line(&self, wanted: impl IntoIterator<Item = Object>) -> Line<'_> {
        Line {
            call: self,
            wanted: wanted.into_iter().collect(),
            taken: None,
            seen: 0,
            since: Instant::now(),
            last: false,
            gave_up: false,
        }
    }
}

impl Line<'_> {
    /// Notes that an attempt met an object that is not free; `error` is what to end with if nobody leaves it.
    pub(crate) fn taken(&mut self, object: Object, error: Error) {
        self.taken = Some((object, error));
    }

    /// Waits until an attempt is worth making.
    ///
    /// # Errors
    /// Where what the last attempt met is not about to be left, or the wait is over first.
    pub(crate) async fn next(&mut self, wait: &Wait) -> Result<Step> {
        loop {
            let (object, error) = match self.taken.take() {
                Some((object, error)) => (object, Some(error)),
                None => {
                    let run = self.call.ledger.run();
                    let leaving = |object: &&Object| run.running_leaver(object, self.call.number).is_some();
                    match self.wanted.iter().find(leaving).filter(|_| !self.last) {
                        Some(object) => (object.clone(), None),
                        None => {
                            self.seen = run.left.len();
                            return Ok(Step::Try);
                        }
                    }
                }
            };
            self.call.waits_for(&object);
            match self.obstructed(&object, wait).await {
                Err(why) => return Err(interrupted(why, &object, "another resource to give it up")),
                Ok(Verdict::TryAgain) => self.call.ledger.run().stop_waiting(self.call.number),
                Ok(Verdict::GiveUp) => {
                    tracing::info!(%object, "gives up what it has, so that calls that wait for each other can go on");
                    self.gave_up = true;
                    return Ok(Step::GiveUp);
                }
                Ok(Verdict::Refuse) => {
                    // Without an attempt it is not known to be taken; the next one tells.
                    let Some(error) = error else { continue };
                    let run = self.call.ledger.run();
                    let leaver = run.leaver(&object, self.call.number).map(|owner| owner.label.as_str());
                    return Err(still_taken(&object, error, leaver, self.gave_up));
                }
            }
        }
    }

    /// Waits until the object is left, or nothing is left to wait for.
    async fn obstructed(&mut self, object: &Object, wait: &Wait) -> std::result::Result<Verdict, Interrupted> {
        let (number, to_begin) = (self.call.number, self.call.ledger.shared.to_begin);
        let mut changes = self.call.ledger.shared.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let end = {
                let mut run = self.call.ledger.run();
                if run.left.iter().skip(self.seen).any(|left| left == object) {
                    self.start();
                    return Ok(Verdict::TryAgain);
                }
                let circle = run.waits_for_itself(object, number);
                if circle && !self.gave_up {
                    // Nobody else may open the same circle.
                    run.stop_waiting(number);
                    return Ok(Verdict::GiveUp);
                }
                match run.running_leaver(object, number) {
                    Some(leaver) if !circle => {
                        tracing::debug!(%object, leaver = leaver.label, "waits for a call that is about to leave it");
                        None
                    }
                    _ if self.since.elapsed() < to_begin => Some(self.since + to_begin),
                    _ if run.is_waited_for(number) && !self.gave_up => {
                        run.stop_waiting(number);
                        self.start();
                        return Ok(Verdict::GiveUp);
                    }
                    _ if self.last => return Ok(Verdict::Refuse),
                    _ => {
                        // Another process may have left it.
                        self.last = true;
                        return Ok(Verdict::TryAgain);
                    }
                }
            };
            let changed = async { drop(changes.changed().await) };
            match end {
                None => wait.bound(changed).await?,
                Some(end) => drop(wait.bound(tokio::time::timeout_at(end, changed)).await?),
            }
        }
    }

    fn start(&mut self) {
        self.since = Instant::now();
        self.last = false;
    }
}

/// What became of waiting for an object.
enum Verdict {
    TryAgain,
    GiveUp,
    Refuse,
}

/// The end of a wait for what other calls of this run do.
pub(crate) fn interrupted(why: Interrupted, object: &Object, waiting_for: &str) -> Error {
    match why {
        Interrupted::Deadline => Error::new(
            format!("{object} was not written in time"),
            format!(
                "The timeout was over while waiting for {waiting_for}. Raise the timeout in the resource's `timeouts` block if the \
                 service is only slow."
            ),
        ),
        Interrupted::Cancelled => {
            Error::new("Interrupted", format!("{object} was not written: interrupted while waiting for {waiting_for}."))
        }
    }
}
