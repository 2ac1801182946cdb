//! One writer at a time for the credentials of an identity, in the whole process.
//!
//! The service refuses concurrent writes to one identity's credentials, deletions included. The queue is shared by all
//! configurations of the process, because a second provider alias writes to the same identity. It is fair: who came first
//! goes first.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

use crate::wait::{Interrupted, Wait};

/// The turn of one writer; the next one's comes when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _guard: OwnedMutexGuard<()>,
}

static LOCKS: LazyLock<Mutex<HashMap<String, Weak<Lock<()>>>>> = LazyLock::new(Mutex::default);

/// Waits for its turn at what `key` names.
pub(super) async fn turn(key: &str, wait: &Wait) -> Result<Turn, Interrupted> {
    let lock = {
        let mut locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn writers_of_one_identity_go_one_after_the_other_and_others_do_not_wait() {
        let short = || Wait::at_most(Duration::from_millis(50));
        let first = turn("queue/a", &short()).await.unwrap();
        assert_eq!(turn("queue/a", &short()).await.err(), Some(Interrupted::Deadline));
        assert!(turn("queue/b", &short()).await.is_ok());
        drop(first);
        assert!(turn("queue/a", &short()).await.is_ok());
    }
}
