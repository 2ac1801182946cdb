//! The credentials of an identity as a plan finds them: listed once in a run, however many resources ask.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::azure::IdentityId;
use crate::azure::credentials::Credential;

/// Lists by the keys of their identities.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    lists: Mutex<HashMap<String, Arc<OnceCell<Vec<Credential>>>>>,
    full: Mutex<HashSet<String>>,
}

impl Listed {
    /// The credentials on an identity, from `list` if they are not known yet. A failure is not kept.
    ///
    /// # Errors
    /// Those of `list`.
    pub(crate) async fn on<E>(
        &self,
        identity: &IdentityId,
        list: impl Future<Output = Result<Vec<Credential>, E>>,
    ) -> Result<Vec<Credential>, E> {
        let cell =
            Arc::clone(self.lists.lock().unwrap_or_else(PoisonError::into_inner).entry(identity.key()).or_default());
        cell.get_or_try_init(|| list).await.cloned()
    }

    /// Whether this is the first that is told of an identity in this run that it fills up.
    pub(crate) fn first_full(&self, identity: &IdentityId) -> bool {
        self.full.lock().unwrap_or_else(PoisonError::into_inner).insert(identity.key())
    }
}
