//! One at a time for each key: a fair lock by name, whose wait ends with the operation's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

use crate::wait::{Interrupted, Wait};

/// The locks that are held or waited for, by key.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    locks: Mutex<HashMap<String, Weak<Lock<()>>>>,
}

/// The sole right to what a key names, until it is dropped; the next in line gets it then.
#[derive(Debug)]
pub(crate) struct Turn {
    _guard: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits in line for what `key` names.
    ///
    /// # Errors
    /// When the wait is over first.
    pub(crate) async fn take(&self, key: &str, wait: &Wait) -> Result<Turn, Interrupted> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            match locks.get(key).and_then(Weak::upgrade) {
                Some(lock) => lock,
                None => {
                    let lock = Arc::new(Lock::new(()));
                    locks.insert(key.to_owned(), Arc::downgrade(&lock));
                    lock
                }
            }
        };
        Ok(Turn { _guard: wait.bound(lock.lock_owned()).await? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn one_key_is_held_by_one_and_other_keys_do_not_wait() {
        let turns = Turns::default();
        let short = || Wait::at_most(Duration::from_millis(50));
        let first = turns.take("a", &short()).await.unwrap();
        assert_eq!(turns.take("a", &short()).await.err(), Some(Interrupted::Deadline));
        assert!(turns.take("b", &short()).await.is_ok());
        drop(first);
        assert!(turns.take("a", &short()).await.is_ok());
    }
}
