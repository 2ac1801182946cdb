//! When a binding counts as usable: several exchanges in a row that Entra ID accepts.
//!
//! Acceptance is intermittent at first, because each of the service's replicas learns of a credential on its own. One success
//! therefore says little, and a refusal in between begins the count anew.

/// What became of one exchange of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// Entra ID gave a token of the identity.
    Accepted,
    /// It does not know the credential yet, or could not be asked just now. The text says how it put it.
    NotYet(String),
    /// It refused for a reason that waiting does not end, such as Conditional Access.
    Refused(String),
}

/// Exchanges so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Streak {
    /// How many have been accepted since the last that was not.
    pub accepted: u32,
    /// How many there were.
    pub tries: u32,
    /// What the last one that was not accepted was told.
    pub last: Option<String>,
}

/// What follows from an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As many in a row as it takes.
    Usable,
    /// Another is needed.
    Again,
    /// None will help.
    Never(String),
}

impl Streak {
    /// Counts an exchange. `needed` is how many it takes in a row, one at least.
    pub(crate) fn count(&mut self, exchange: Exchange, needed: u32) -> Verdict {
        self.tries += 1;
        match exchange {
            Exchange::Accepted => {
                self.accepted += 1;
                if self.accepted >= needed { Verdict::Usable } else { Verdict::Again }
            }
            Exchange::NotYet(why) => {
                self.accepted = 0;
                self.last = Some(why);
                Verdict::Again
            }
            Exchange::Refused(why) => Verdict::Never(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_several_in_a_row_and_a_miss_begins_anew() {
        let mut streak = Streak::default();
        let not_yet = || Exchange::NotYet("AADSTS70021".to_owned());
        let verdicts: Vec<Verdict> =
            [not_yet(), Exchange::Accepted, Exchange::Accepted, not_yet(), Exchange::Accepted, Exchange::Accepted]
                .into_iter()
                .map(|exchange| streak.count(exchange, 3))
                .collect();
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Again), "{verdicts:?}");
        assert_eq!(streak.count(Exchange::Accepted, 3), Verdict::Usable);
        assert_eq!((streak.tries, streak.last.as_deref()), (7, Some("AADSTS70021")));
    }

    #[test]
    fn a_refusal_for_good_ends_it() {
        let refused = Exchange::Refused("AADSTS53003".to_owned());
        assert_eq!(Streak::default().count(refused, 1), Verdict::Never("AADSTS53003".to_owned()));
        assert_eq!(Streak::default().count(Exchange::Accepted, 1), Verdict::Usable);
    }
}
