//! A call that has begun: what it takes, what it leaves, and what it waits for.

use std::collections::BTreeSet;

use super::{Ledger, Owner, Run};
use crate::domain::object::Object;
use crate::turn::Turn;
use crate::wait::{Interrupted, Wait};

/// One create, update or delete of a resource instance, from its begin to its end.
#[derive(Debug)]
pub(crate) struct Call {
    pub(super) ledger: Ledger,
    pub(super) number: u64,
    owner: Owner,
}

/// How an object came to its owner in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It is about to be written.
    Taking,
    /// It was written.
    Wrote,
    /// It existed and was adopted.
    Adopted,
}

/// Who takes or has an object.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    owner: Owner,
    call: u64,
    how: How,
}

/// What the others know of a call.
#[derive(Debug)]
pub(super) struct State {
    owner: Owner,
    /// What it has not left yet.
    leaves: BTreeSet<Object>,
    /// What keeps it from going on.
    waits_for: Option<Object>,
    /// Whether it has not ended. One that ended without leaving what it was to leave is remembered with what it waited for.
    running: bool,
}

impl Ledger {
    /// Begins a call of an instance.
    pub(crate) fn begin(&self, owner: Owner) -> Call {
        let mut run = self.run();
        let number = run.next;
        run.next += 1;
        let state = State { owner: owner.clone(), leaves: BTreeSet::new(), waits_for: None, running: true };
        run.calls.insert(number, state);
        Call { ledger: self.clone(), number, owner }
    }
}

impl Call {
    /// The ledger that this call is in.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whose call it is.
    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Notes that this call moves away from an object.
    pub(crate) fn leave(&self, object: Object) {
        self.change(|run, number| {
            if let Some(state) = run.calls.get_mut(&number) {
                state.leaves.insert(object);
            }
        });
    }

    /// Notes that this call is about to write an object, or to keep it.
    ///
    /// # Errors
    /// Another instance that takes or has it in this run: an object has one owner.
    pub(crate) fn take(&self, object: Object) -> Result<(), Owner> {
        let mut run = self.ledger.run();
        match run.held.get(&object) {
            Some(holder) if !holder.owner.is(&self.owner) => Err(holder.owner.clone()),
            Some(_) => Ok(()),
            None => {
                run.held.insert(object, Holder { owner: self.owner.clone(), call: self.number, how: How::Taking });
                Ok(())
            }
        }
    }

    /// Notes that this instance has the object now.
    pub(crate) fn has(&self, object: Object, how: How) {
        let holder = Holder { owner: self.owner.clone(), call: self.number, how };
        self.ledger.run().held.insert(object, holder);
    }

    /// Notes that the object is free: it was deleted, or changed to something else.
    pub(crate) fn left(&self, object: &Object) {
        self.change(|run, number| {
            if let Some(state) = run.calls.get_mut(&number) {
                state.leaves.remove(object);
            }
            if run.held.get(object).is_some_and(|holder| holder.owner.is(&self.owner)) {
                run.held.remove(object);
            }
            run.left.push(object.clone());
        });
    }

    /// Notes that nothing of this call is in the state: what it adopted before it failed is not its instance's.
    pub(crate) fn disown(&self) {
        self.change(|run, number| run.held.retain(|_, holder| holder.call != number));
    }

    /// Another instance that has written or adopted the object in this run, and how. What it has must not be deleted.
    pub(crate) fn other_owner(&self, object: &Object) -> Option<(Owner, How)> {
        let run = self.ledger.run();
        let holder = run.held.get(object)?;
        let theirs = holder.how != How::Taking && !holder.owner.is(&self.owner);
        theirs.then(|| (holder.owner.clone(), holder.how))
    }

    /// Waits for the sole right of this run to write an object. It is taken before the look that a write depends on, and never
    /// held while waiting for anything else.
    ///
    /// # Errors
    /// When the wait is over first.
    pub(crate) async fn turn(&self, object: &Object, wait: &Wait) -> Result<Turn, Interrupted> {
        self.ledger.shared.turns.take(&format!("{:?} {}", object.kind(), object.key()), wait).await
    }

    /// Notes what keeps this call from going on.
    pub(super) fn waits_for(&self, object: &Object) {
        self.change(|run, number| {
            if let Some(state) = run.calls.get_mut(&number) {
                state.waits_for = Some(object.clone());
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Run, u64)) {
        change(&mut self.ledger.run(), self.number);
        self.ledger.changed();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.change(|run, number| {
            run.held.retain(|_, holder| holder.call != number || holder.how != How::Taking);
            let Some(state) = run.calls.get_mut(&number) else { return };
            state.running = false;
            if state.leaves.is_empty() || state.waits_for.is_none() {
                run.calls.remove(&number);
            }
        });
    }
}

impl Run {
    /// The calls other than `number` that are to leave an object.
    fn leavers(&self, object: &Object, number: u64) -> impl Iterator<Item = (u64, &State)> {
        let leaves = move |(other, state): &(&u64, &State)| **other != number && state.leaves.contains(object);
        self.calls.iter().filter(leaves).map(|(other, state)| (*other, state))
    }

    /// Takes a call out of every circle: it goes on, or opens the circle itself.
    pub(super) fn stop_waiting(&mut self, number: u64) {
        if let Some(state) = self.calls.get_mut(&number) {
            state.waits_for = None;
        }
    }

    /// A call that has begun, has not ended, and is to leave the object.
    pub(super) fn running_leaver(&self, object: &Object, number: u64) -> Option<&Owner> {
        self.leavers(object, number).find(|(_, state)| state.running).map(|(_, state)| &state.owner)
    }

    /// An instance that was to leave the object in this run, whether its call has ended or not.
    pub(super) fn leaver(&self, object: &Object, number: u64) -> Option<&Owner> {
        self.leavers(object, number).next().map(|(_, state)| &state.owner)
    }

    /// Whether waiting for `object` is waiting for oneself: whoever is to leave it waits, over however many others, for what this
    /// call is to leave. A call that has failed counts: it will ask for the same again.
    pub(super) fn waits_for_itself(&self, object: &Object, number: u64) -> bool {
        let Some(own) = self.calls.get(&number).map(|state| &state.leaves) else { return false };
        let mut seen = BTreeSet::new();
        let mut open = vec![object];
        while let Some(object) = open.pop() {
            for (other, state) in self.leavers(object, number) {
                let Some(next) = state.waits_for.as_ref().filter(|_| seen.insert(other)) else { continue };
                if own.contains(next) {
                    return true;
                }
                open.push(next);
            }
        }
        false
    }

    /// Whether a running call waits for something that this one is to leave.
    pub(super) fn is_waited_for(&self, number: u64) -> bool {
        let Some(own) = self.calls.get(&number).map(|state| &state.leaves) else { return false };
        let waits = |state: &State| state.running && state.waits_for.as_ref().is_some_and(|next| own.contains(next));
        self.calls.iter().any(|(other, state)| *other != number && waits(state))
    }
}
