//! The credentials that one run plans on an identity, counted over all resources that this process plans.
//!
//! A plan may not refuse what apply could do. What this run plans to exist is certain; what exists in Azure beside it may
//! belong to an object that is destroyed in the same run, which Terraform plans later, so it is never more than a warning.
//! An object that is replaced gives its old name and pair away.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::azure::credentials::{Credential, MOST_PER_IDENTITY};

/// From how many credentials on the user is told that an identity fills up.
const MANY: usize = 18;

/// The plans of a run, by identity.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    identities: Mutex<HashMap<String, Arc<OnIdentity>>>,
    leaving_accounts: Mutex<BTreeSet<String>>,
}

/// What is planned on one identity, and what a list said that is there.
#[derive(Debug, Default)]
pub(crate) struct OnIdentity {
    /// What is there, listed once in a run.
    pub there: OnceCell<Vec<Credential>>,
    run: Mutex<Run>,
}

/// Issuer and subject; `None` as long as they are not known.
pub(crate) type Pair = Option<(String, String)>;

#[derive(Debug, Default)]
struct Run {
    /// What will exist, by lower-case name.
    stays: BTreeMap<String, (String, Pair)>,
    /// What a replacement ends, by lower-case name.
    leaves: BTreeSet<String>,
    /// Whether this process has deleted a credential of this identity.
    deletes: bool,
    told_full: bool,
}

/// What is certainly wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Impossible {
    /// These names are planned, more than an identity holds.
    TooMany(Vec<String>),
    /// This other name is planned for the same issuer and subject.
    Twice(String),
}

/// What may be wrong with a plan, or not, depending on what else the run does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// So many credentials are there or planned.
    Many(usize),
    /// This credential is there, for the same issuer and subject.
    Held(String),
}

impl Planned {
    /// The plans on an identity; `key` is its id in one casing.
    pub(crate) fn on(&self, key: &str) -> Arc<OnIdentity> {
        let mut all = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(key.to_owned()).or_default())
    }

    /// Notes that a binding of the service account with this subject will be replaced, and with it what the account says.
    pub(crate) fn account_leaves(&self, subject: &str) {
        self.leaving_accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(subject.to_owned());
    }

    /// Whether a binding of the service account with this subject will be replaced.
    pub(crate) fn account_is_leaving(&self, subject: &str) -> bool {
        self.leaving_accounts.lock().unwrap_or_else(PoisonError::into_inner).contains(subject)
    }
}

impl OnIdentity {
    /// Notes that a credential will exist.
    ///
    /// # Errors
    /// Where that cannot be, whatever else the run does.
    pub(crate) fn stays(&self, name: &str, pair: Pair) -> Result<(), Impossible> {
        let mut run = self.run();
        let key = name.to_lowercase();
        let twice = pair.as_ref().and_then(|_| {
            let same = |(other, (_, theirs)): &(&String, &(String, Pair))| **other != key && *theirs == pair;
            run.stays.iter().find(same).map(|(_, (name, _))| name.clone())
        });
        run.stays.insert(key, (name.to_owned(), pair));
        match twice {
            Some(other) => Err(Impossible::Twice(other)),
            None if run.stays.len() > MOST_PER_IDENTITY => {
                Err(Impossible::TooMany(run.stays.values().map(|(name, _)| name.clone()).collect()))
            }
            None => Ok(()),
        }
    }

    /// Notes that a credential will be replaced.
    pub(crate) fn leaves(&self, name: &str) {
        self.run().leaves.insert(name.to_lowercase());
    }

    /// Notes that this process has deleted a credential of this identity.
    pub(crate) fn deleted(&self) {
        self.run().deletes = true;
    }

    /// Whether this process has deleted a credential of this identity, so that others may be about to go.
    pub(crate) fn deletes(&self) -> bool {
        self.run().deletes
    }

    /// What may keep a new credential from being made, given what is there now. That an identity fills up is told once.
    pub(crate) fn doubts(&self, name: &str, pair: &Pair, there: &[Credential]) -> Vec<Doubt> {
        let mut run = self.run();
        let mut doubts = Vec::new();
        let others = |found: &&Credential| {
            let key = found.name.to_lowercase();
            key != name.to_lowercase() && !run.leaves.contains(&key) && !run.stays.contains_key(&key)
        };
        let unmanaged: Vec<&Credential> = there.iter().filter(others).collect();
        if let Some((issuer, subject)) = pair
            && let Some(holder) = unmanaged.iter().find(|found| {
                found.properties.issuer == *issuer && found.properties.subject.as_deref() == Some(subject)
            })
        {
            doubts.push(Doubt::Held(holder.name.clone()));
        }
        let count = unmanaged.len() + run.stays.len();
        if count >= MANY && !run.told_full {
            run.told_full = true;
            doubts.push(Doubt::Many(count));
        }
        doubts
    }

    fn run(&self) -> std::sync::MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pair(subject: &str) -> Pair {
        Some(("https://i/".to_owned(), subject.to_owned()))
    }

    fn there(names: impl Iterator<Item = String>) -> Vec<Credential> {
        names
            .map(|name| {
                serde_json::from_value(json!({"id": "/x", "name": name,
                    "properties": {"issuer": "https://i/", "subject": format!("of {name}"), "audiences": ["a"]}}))
                .unwrap()
            })
            .collect()
    }

    #[test]
    fn the_twenty_first_planned_name_is_impossible_in_whatever_order() {
        let on = OnIdentity::default();
        for number in 0..20 {
            assert_eq!(on.stays(&format!("c{number}"), None), Ok(()));
        }
        assert_eq!(on.stays("C7", None), Ok(()), "the same name again is the same credential");
        let Err(Impossible::TooMany(names)) = on.stays("new", None) else { panic!("it should be too many") };
        assert_eq!(names.len(), 21);
    }

    #[test]
    fn what_is_there_and_may_go_is_only_a_doubt() {
        let on = OnIdentity::default();
        assert_eq!(on.stays("new", pair("x")), Ok(()));
        let full = there((0..20).map(|number| format!("old{number}")));
        assert_eq!(on.doubts("new", &pair("x"), &full), [Doubt::Many(21)]);
        assert_eq!(on.doubts("new", &pair("x"), &full), [], "it is told once");
    }

    #[test]
    fn a_replaced_credential_gives_its_name_and_pair_away() {
        let on = OnIdentity::default();
        let full = there((0..17).map(|number| format!("old{number}")));
        on.leaves("OLD3");
        assert_eq!(on.stays("new", pair("of old3")), Ok(()));
        assert_eq!(on.doubts("new", &pair("of old3"), &full), []);
        assert_eq!(on.doubts("new", &pair("of old4"), &full), [Doubt::Held("old4".to_owned())]);
    }

    #[test]
    fn one_pair_under_two_names_is_impossible_unless_one_gives_it_up() {
        let on = OnIdentity::default();
        assert_eq!(on.stays("a", pair("x")), Ok(()));
        assert_eq!(on.stays("b", pair("x")), Err(Impossible::Twice("a".to_owned())));
        let swapped = OnIdentity::default();
        let both = there(["a", "b"].into_iter().map(str::to_owned));
        assert_eq!(swapped.stays("a", pair("of b")), Ok(()));
        assert_eq!(swapped.stays("b", pair("of a")), Ok(()));
        assert_eq!(swapped.doubts("a", &pair("of b"), &both), [], "b is planned to hold another pair");
    }
}
