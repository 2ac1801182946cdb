//! Who owns which object in this run of the provider: one owner for each, and calls that wait for one another.
//!
//! Terraform calls a provider for each resource instance alone and in any order, thirty at a time. What a call cannot see is what
//! the others are about to do: that the name it needs is being given up, or that an object was adopted a moment ago by another
//! instance. The ledger knows it, for every resource and every part of a composite:
//!
//! - what the plan says will exist, and who plans it ([`Ledger::plan`]),
//! - who writes, has written or has adopted an object in this run ([`Call::take`], [`Call::has`]),
//! - what a call that has begun moves away from ([`Call::leave`]), and who waits for that ([`Call::line`]).
//!
//! Nothing here contacts anybody. Other processes are kept apart by the services themselves.

mod call;
mod instance;
mod line;
#[cfg(test)]
mod simulation;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

pub(crate) use call::{Call, How};
pub use instance::Instance;
pub(crate) use line::{Step, interrupted};

use crate::domain::object::Object;
use crate::turn::Turns;

/// A resource instance, as far as it can be told from another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owner {
    /// Which instance it is.
    pub(crate) instance: Instance,
    /// What a person is told of it: its type, and what it is for.
    pub(crate) label: String,
}

/// What one run of the provider plans and does. Cheap to clone: all clones are one ledger.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// How long a call waits for another to begin that moves out of its way. Terraform begins all it can at once, so what has not
    /// begun by then waits for this call to end.
    to_begin: Duration,
    run: Mutex<Run>,
    /// Counts what has changed for calls that wait.
    changes: watch::Sender<u64>,
    /// One writer for each object.
    turns: Turns,
}

#[derive(Debug, Default)]
struct Run {
    /// What will exist after the apply.
    planned: BTreeMap<Object, Owner>,
    /// What the plan replaces.
    replaced: BTreeSet<Object>,
    /// Who takes or has an object.
    held: BTreeMap<Object, call::Holder>,
    /// Calls that have begun, and those that ended without leaving what they were to leave.
    calls: BTreeMap<u64, call::State>,
    /// What calls have left, in order.
    left: Vec<Object>,
    next: u64,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            to_begin: Duration::from_secs(5),
            run: Mutex::default(),
            changes: watch::Sender::default(),
            turns: Turns::default(),
        }
    }
}

impl Ledger {
    /// A ledger whose calls wait for so long for others to begin.
    #[cfg(test)]
    fn patient(to_begin: Duration) -> Self {
        Self { shared: Arc::new(Shared { to_begin, ..Shared::default() }) }
    }

    /// Notes what a plan says will exist, in place of what it said of the same instance before.
    ///
    /// # Errors
    /// The first of the objects that another instance plans, too, and that instance.
    pub(crate) fn plan(&self, owner: &Owner, objects: impl IntoIterator<Item = Object>) -> Result<(), (Object, Owner)> {
        let mut run = self.run();
        run.planned.retain(|_, other| !owner.plans_for(other));
        let mut conflict = Ok(());
        for object in objects {
            match run.planned.get(&object) {
                Some(other) if conflict.is_ok() => conflict = Err((object, other.clone())),
                Some(_) => {}
                None => drop(run.planned.insert(object, owner.clone())),
            }
        }
        conflict
    }

    /// Notes what a replacement ends.
    pub(crate) fn replace(&self, objects: impl IntoIterator<Item = Object>) {
        self.run().replaced.extend(objects);
    }

    /// The planned objects that `pick` takes.
    pub(crate) fn planned<T>(&self, pick: impl Fn(&Object) -> Option<T>) -> Vec<T> {
        self.run().planned.keys().filter_map(pick).collect()
    }

    /// The objects that replacements end and that `pick` takes.
    pub(crate) fn replaced<T>(&self, pick: impl Fn(&Object) -> Option<T>) -> Vec<T> {
        self.run().replaced.iter().filter_map(pick).collect()
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        self.shared.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.shared.changes.send_modify(|count| *count += 1);
    }
}

impl Owner {
    /// Whether both are one instance. Without marks, as in a program that is not Terraform, instances are told apart by what they
    /// are for.
    fn is(&self, other: &Self) -> bool {
        if self.instance.is_known() || other.instance.is_known() {
            return self.instance.is(&other.instance);
        }
        self.label == other.label
    }

    fn plans_for(&self, other: &Self) -> bool {
        self.is(other) || self.instance.is_or_replaces(&other.instance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(private: &[u8], new: bool) -> (Owner, Vec<u8>) {
        let (instance, private) = Instance::plan(private, new);
        (Owner { instance, label: "the same text".to_owned() }, private)
    }

    #[test]
    fn two_instances_cannot_plan_one_object_and_a_replacement_is_one_instance() {
        let (ledger, account) = (Ledger::default(), || [Object::account("ns", "app")]);
        let (first, private) = owner(b"", false);
        assert!(ledger.plan(&first, account()).is_ok());
        assert!(ledger.plan(&first, account()).is_ok(), "it is planned again in the same run");
        let (replacement, _) = owner(&private, true);
        assert!(ledger.plan(&replacement, account()).is_ok(), "Terraform plans a replacement twice");
        let (second, _) = owner(b"", true);
        let (object, holder) = ledger.plan(&second, account()).unwrap_err();
        assert_eq!(object, Object::account("ns", "app"));
        assert!(holder.is(&replacement));
    }

    #[test]
    fn what_an_instance_does_not_plan_any_more_is_free() {
        let ledger = Ledger::default();
        let (first, second) = (owner(b"", true).0, owner(b"", true).0);
        assert!(ledger.plan(&first, [Object::account("ns", "a")]).is_ok());
        assert!(ledger.plan(&first, [Object::account("ns", "b")]).is_ok());
        assert!(ledger.plan(&second, [Object::account("ns", "a")]).is_ok());
        assert_eq!(ledger.planned(|object| Some(object.to_string())).len(), 2);
    }
}
