//! What was read a moment ago, for what many resources of one run ask alike: fifty bindings ask about one cluster, of which AKS answers
//! 60 reads at once and then one a second ("Quotas, virtual machine size restrictions, and region availability in AKS").
//!
//! Whoever asks while an answer is on its way waits for it. Only what is there is kept, and not for longer than [`FRESH`].

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::Result;
use crate::wait::Wait;

/// How long an answer is good for. A cluster takes longer to be made anew under its id.
const FRESH: Duration = Duration::from_secs(60);

/// Answers by the keys of their objects.
#[derive(Debug)]
pub(super) struct Recent<T> {
    answers: Mutex<HashMap<String, Arc<Answer<T>>>>,
}

/// Locked while it is on its way.
type Answer<T> = tokio::sync::Mutex<Option<(Instant, T)>>;

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { answers: Mutex::default() }
    }
}

impl<T: Clone> Recent<T> {
    /// The answer of the last minute about `key`, else that of `get`, which is kept where `keep` says so.
    pub(super) async fn read(
        &self,
        key: String,
        wait: &Wait,
        get: impl Future<Output = Result<Option<T>>>,
        keep: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>> {
        let answer = Arc::clone(self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        // When the wait is over, the read itself says so, and about what.
        let Ok(mut answer) = wait.bound(answer.lock()).await else { return get.await };
        if let Some((at, found)) = answer.as_ref()
            && at.elapsed() < FRESH
        {
            return Ok(Some(found.clone()));
        }
        let found = get.await?;
        *answer = found.clone().filter(keep).map(|found| (Instant::now(), found));
        Ok(found)
    }

    /// Forgets the answer about `key` now, and once more when a write to it is over, which the returned guard is held through.
    pub(super) fn change(&self, key: String) -> Forget<'_, T> {
        self.forget(&key);
        Forget { recent: self, key }
    }

    fn forget(&self, key: &str) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// A write under way.
pub(super) struct Forget<'a, T: Clone> {
    recent: &'a Recent<T>,
    key: String,
}

impl<T: Clone> Drop for Forget<'_, T> {
    fn drop(&mut self) {
        self.recent.forget(&self.key);
    }
}
