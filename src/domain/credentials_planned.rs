//! What a plan can say of the credentials on one identity.
//!
//! A plan may not refuse what apply could do. What this run plans to exist is certain; what exists in Azure beside it may
//! belong to an object that is destroyed in the same run, which Terraform plans later, so it is never more than a warning.
//! An object that is replaced gives its old name and pair away.

use std::collections::BTreeSet;

use crate::azure::credentials::Credential;

/// From how many credentials on the user is told that an identity fills up.
const MANY: usize = 18;

/// Issuer and subject; `None` as long as they are not known.
pub(crate) type Pair = Option<(String, String)>;

/// What a run plans on one identity, by lower-case names.
#[derive(Debug, Default)]
pub(crate) struct OnIdentity {
    /// What will exist.
    pub(crate) stays: BTreeSet<String>,
    /// What replacements end.
    leaves: BTreeSet<String>,
}

/// What may be wrong with a plan, or not, depending on what else the run does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// So many credentials are there or planned.
    Many(usize),
    /// This credential is there, for the same issuer and subject.
    Held(String),
}

impl OnIdentity {
    /// The names that will exist, and those that replacements end.
    pub(crate) fn new(stays: impl IntoIterator<Item = String>, leaves: impl IntoIterator<Item = String>) -> Self {
        let lower = |name: String| name.to_lowercase();
        Self { stays: stays.into_iter().map(lower).collect(), leaves: leaves.into_iter().map(lower).collect() }
    }

    /// What may keep a new credential from being made, given what is there now.
    pub(crate) fn doubts(&self, name: &str, pair: &Pair, there: &[Credential]) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        let others = |found: &&Credential| {
            let key = found.name.to_lowercase();
            key != name.to_lowercase() && !self.leaves.contains(&key) && !self.stays.contains(&key)
        };
        let unmanaged: Vec<&Credential> = there.iter().filter(others).collect();
        if let Some((issuer, subject)) = pair
            && let Some(holder) = unmanaged.iter().find(|found| {
                found.properties.issuer == *issuer && found.properties.subject.as_deref() == Some(subject)
            })
        {
            doubts.push(Doubt::Held(holder.name.clone()));
        }
        let count = unmanaged.len() + self.stays.len();
        if count >= MANY {
            doubts.push(Doubt::Many(count));
        }
        doubts
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

    fn on<const N: usize, const M: usize>(stays: [&str; N], leaves: [&str; M]) -> OnIdentity {
        OnIdentity::new(stays.map(str::to_owned), leaves.map(str::to_owned))
    }

    #[test]
    fn what_is_there_and_may_go_is_only_a_doubt() {
        let full = there((0..20).map(|number| format!("old{number}")));
        assert_eq!(on(["new"], []).doubts("new", &pair("x"), &full), [Doubt::Many(21)]);
        assert_eq!(on(["old1", "OLD2"], []).stays.len(), 2, "one name in two casings is one credential");
    }

    #[test]
    fn a_replaced_credential_gives_its_name_and_pair_away() {
        let full = there((0..17).map(|number| format!("old{number}")));
        let replacing = on(["new"], ["OLD3"]);
        assert_eq!(replacing.doubts("new", &pair("of old3"), &full), []);
        assert_eq!(replacing.doubts("new", &pair("of old4"), &full), [Doubt::Held("old4".to_owned())]);
    }

    #[test]
    fn a_credential_that_is_planned_to_change_is_in_nobodys_way() {
        let both = there(["a", "b"].into_iter().map(str::to_owned));
        assert_eq!(on(["a", "b"], []).doubts("a", &pair("of b"), &both), []);
    }
}
