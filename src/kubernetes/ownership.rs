//! Writing to a service account without taking anything from anybody: creating, joining, updating, releasing and deleting one.
//!
//! A new account is POSTed whole, because a policy that wants its labels or annotations would refuse a bare one and because a pod
//! may start the moment it exists. What a POST writes belongs to an Update entry, from which no apply can remove a key, so the
//! POST uses a manager's name that is used once and the next request moves all it owns to our Apply entry. The name serves twice:
//! where the answer to the POST is lost, it tells our object from somebody else's.
//!
//! Every later write is an apply pinned to the uid and the version that the decision was made on.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use super::{
    Client,
    error::{Cause, Error, Kind, Task},
    managed_fields::Key,
    service_account::{Fields, ServiceAccount},
    service_accounts::{Apply, task},
};
use crate::http::{self, Backoff, End, Verdict};
use crate::wait::{Interrupted, Wait};

/// A create that failed: why, and what it made all the same.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// Why.
    pub error: Error,
    /// The account, where it exists and this call made it.
    pub made: Option<Box<ServiceAccount>>,
}

/// Applying to an account that exists already.
#[derive(Debug, Clone, Copy)]
pub struct Join<'a> {
    /// The field manager to apply as.
    pub manager: &'a str,
    /// What to apply.
    pub wanted: &'a Fields,
    /// Overwrite values that other managers own.
    pub force: bool,
    /// Go on where the manager has an entry already, whose other keys then go.
    pub shared_manager: bool,
    /// Take the wanted keys out of other managers' Update entries, so that they can be removed later.
    pub take_over: bool,
}

/// A change of what is applied to an account.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// The object that must be meant, where only one will do.
    pub uid: Option<&'a str>,
    /// The field manager so far.
    pub manager_before: &'a str,
    /// The field manager from now on.
    pub manager: &'a str,
    /// What was decided on: the keys and values as last read.
    pub held: &'a Fields,
    /// What to apply.
    pub wanted: &'a Fields,
    /// Which of the held keys to take out of other managers' Update entries.
    pub take_over: &'a BTreeSet<Key>,
    /// Overwrite values of keys that were not held and that others own.
    pub force_conflicts: bool,
}

/// How long a read may take that finds out what became of a write; the write's own time may have run out.
const READ_BACK: Duration = Duration::from_secs(15);
/// The pause after another writer was faster, or before a POST of which there is no trace.
const CONFLICT: Backoff = Backoff { first: Duration::from_millis(400), most: Duration::from_millis(400) };
/// The pauses between two looks whether a deletion is over.
const DELETION: Backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(5) };
/// How long a create waits for an account of the same name that is being deleted.
const BEING_DELETED: Duration = Duration::from_secs(120);
/// How often a POST is sent whose effect is unknown.
const POSTS: u32 = 3;
/// Longest field manager, in bytes (the API server's limit).
const MANAGER: usize = 128;

impl Client {
    /// Makes a service account that must not exist.
    ///
    /// # Errors
    /// [`Kind::AlreadyExists`] where it does, whoever made it; whatever else fails, with the account if it was made.
    pub async fn create_service_account(
        &self,
        namespace: &str,
        name: &str,
        wanted: &Fields,
        manager: &str,
        wait: &Wait,
    ) -> Result<ServiceAccount, Unfinished> {
        let nothing = |error| Unfinished { error, made: None };
        if let Some(found) = self.service_account(namespace, name, wait).await.map_err(nothing)? {
            if !found.deleting {
                let message = format!("it exists already, with uid {}", found.uid);
                return Err(nothing(task("create", "create", namespace, name).error(Kind::AlreadyExists, message, "")));
            }
            self.until_gone("create", &found, &wait.within(BEING_DELETED)).await.map_err(nothing)?;
        }
        let made = self.post_once(namespace, name, wanted, manager, wait).await.map_err(nothing)?;
        self.settle(made.clone(), wanted, manager, wait).await.map_err(|error| {
            // Somebody deleted it before it was finished: there is nothing of ours to remember.
            let gone = matches!(error.kind, Kind::NotFound | Kind::Replaced);
            Unfinished { error, made: (!gone).then(|| Box::new(made)) }
        })
    }

    /// Applies to `live`, which exists and was just read.
    ///
    /// # Errors
    /// [`Kind::ManagerInUse`] and [`Kind::Conflict`] where no consent was given; see [`Join`].
    pub async fn join_service_account(
        &self,
        live: ServiceAccount,
        join: Join<'_>,
        wait: &Wait,
    ) -> Result<ServiceAccount, Error> {
        let task = of("apply to", &live);
        let mut live = live;
        loop {
            let own = live.managers.applied_by(join.manager);
            if !join.shared_manager && !own.is_empty() {
                return Err(in_use(&task, join.manager, own));
            }
            let keys = if join.take_over { join.wanted.keys() } else { BTreeSet::new() };
            let apply = Apply { manager: join.manager, fields: join.wanted, force: join.force };
            match self.take_and_apply(&live, &keys, apply, wait).await {
                Err(error) if matches!(error.kind, Kind::Modified | Kind::Replaced) => {
                    live = self.look_again(&task, &live, error, wait).await?;
                }
                done => return done,
            }
        }
    }

    /// Changes what we apply.
    ///
    /// # Errors
    /// [`Kind::NotFound`] and [`Kind::Replaced`] where the object is not there any more; [`Kind::ChangedAfterPlan`] where a held key has
    /// a value that is neither the held nor the wanted one; [`Kind::Conflict`] where a new key has somebody else's value;
    /// [`Kind::ManagerInUse`] where a manager of ours owns keys that were not held.
    pub async fn update_service_account(
        &self,
        namespace: &str,
        name: &str,
        update: Update<'_>,
        wait: &Wait,
    ) -> Result<ServiceAccount, Error> {
        let task = task("apply to", "patch", namespace, name);
        let found = self.service_account(namespace, name, wait).await?;
        let mut live = found.ok_or_else(|| task.error(Kind::NotFound, "it does not exist any more", ""))?;
        loop {
            if update.uid.is_some_and(|uid| uid != live.uid) {
                let message = format!("another one of that name has taken its place, with uid {}", live.uid);
                return Err(task.error(Kind::Replaced, message, ""));
            }
            check(&task, &live, update)?;
            let apply = Apply { manager: update.manager, fields: update.wanted, force: true };
            let mut result = self.take_and_apply(&live, update.take_over, apply, wait).await;
            if let Ok(written) = &result
                && update.manager_before != update.manager
            {
                // The new manager owns its keys by now, so only what it does not want goes with the old one.
                let release = Apply { manager: update.manager_before, fields: &Fields::default(), force: false };
                result = self.apply(written, release, wait).await;
            }
            match result {
                Err(error) if matches!(error.kind, Kind::Modified | Kind::Replaced) => {
                    live = self.look_again(&task, &live, error, wait).await?;
                }
                done => return done,
            }
        }
    }

    /// Lets go of all that `manager` applied. The object stays, and so do keys that others own too.
    ///
    /// # Errors
    /// [`Kind::ManagerInUse`] where it owns keys that are not `held`. Gone is success.
    pub async fn release_service_account(
        &self,
        namespace: &str,
        name: &str,
        manager: &str,
        held: &Fields,
        wait: &Wait,
    ) -> Result<(), Error> {
        let task = task("remove our keys from", "patch", namespace, name);
        let Some(mut live) = self.service_account(namespace, name, wait).await? else { return Ok(()) };
        loop {
            let own = live.managers.applied_by(manager);
            if own.is_empty() {
                return Ok(());
            }
            let foreign: BTreeSet<Key> = own.difference(&held.keys()).cloned().collect();
            if !foreign.is_empty() {
                return Err(in_use(&task, manager, foreign));
            }
            let release = Apply { manager, fields: &Fields::default(), force: false };
            match self.apply(&live, release, wait).await {
                Ok(_) => return Ok(()),
                Err(error) if matches!(error.kind, Kind::Modified | Kind::Replaced) => {
                    match self.look_again(&task, &live, error, wait).await {
                        Ok(found) => live = found,
                        Err(error) if error.kind == Kind::NotFound => return Ok(()),
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Deletes the object with this uid and waits until it is gone.
    ///
    /// # Errors
    /// [`Kind::TimedOut`] where finalizers hold it, which are named. Gone already, or replaced, is success.
    pub async fn delete_service_account(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        wait: &Wait,
    ) -> Result<(), Error> {
        self.delete(namespace, name, uid, wait).await?;
        match self.service_account(namespace, name, wait).await? {
            Some(live) if live.uid == uid => self.until_gone("delete", &live, wait).await,
            _ => Ok(()),
        }
    }

    /// POSTs until it is known whether it took effect.
    async fn post_once(
        &self,
        namespace: &str,
        name: &str,
        wanted: &Fields,
        manager: &str,
        wait: &Wait,
    ) -> Result<ServiceAccount, Error> {
        let once = &once(manager);
        let send = || self.post(namespace, name, wanted, once, wait);
        // A second POST may also meet what the first one made late.
        let unsure = |error: &Error, posts| {
            error.is_ambiguous() || error.kind == Kind::Cancelled || posts > 1 && error.kind == Kind::AlreadyExists
        };
        let read_back = |error: Error| async move {
            // It must be known even after Ctrl-C or the deadline, or an object would be left that nobody remembers.
            let grace = Wait::at_most(READ_BACK);
            match self.service_account(namespace, name, &grace).await {
                Ok(Some(found)) if is_ours(&found, wanted, once) => Ok(Some(found)),
                Ok(Some(found)) if error.kind != Kind::AlreadyExists => {
                    let message = format!("somebody else made it at the same time, with uid {}", found.uid);
                    Err(task("create", "create", namespace, name).error(Kind::AlreadyExists, message, ""))
                }
                // Not there: the POST had no effect, so far. After a 500 the next one would have none either.
                Ok(None) if error.status != Some(500) => Ok(None),
                _ => Err(error),
            }
        };
        let posted = http::write_once(wait, CONFLICT, POSTS, send, unsure, read_back).await;
        posted.map_err(|gave_up| gave_up.error)
    }

    /// Moves what our POST wrote to our Apply entry, and sets right what an admission webhook changed of it.
    async fn settle(
        &self,
        made: ServiceAccount,
        wanted: &Fields,
        manager: &str,
        wait: &Wait,
    ) -> Result<ServiceAccount, Error> {
        let task = of("take over keys of", &made);
        let keys = wanted.keys();
        let mut live = made;
        loop {
            let settled = if live.fields.only(&keys) == *wanted {
                self.take_over(&live, &keys, manager, wait).await
            } else {
                self.take_and_apply(&live, &keys, Apply { manager, fields: wanted, force: true }, wait).await
            };
            match settled {
                Err(error) if error.kind == Kind::Modified => {
                    let found = self.look_again(&task, &live, error, wait).await?;
                    // A write to a successor is refused by its version before it is refused by its uid.
                    if found.uid != live.uid {
                        let message = format!("another one of that name has taken its place, with uid {}", found.uid);
                        return Err(task.error(Kind::Replaced, message, ""));
                    }
                    live = found;
                }
                done => return done,
            }
        }
    }

    async fn take_over(
        &self,
        live: &ServiceAccount,
        keys: &BTreeSet<Key>,
        manager: &str,
        wait: &Wait,
    ) -> Result<ServiceAccount, Error> {
        match live.managers.taken_over(manager, keys) {
            Some(managers) => self.set_managers(live, &managers, manager, wait).await,
            None => Ok(live.clone()),
        }
    }

    async fn take_and_apply(
        &self,
        live: &ServiceAccount,
        keys: &BTreeSet<Key>,
        apply: Apply<'_>,
        wait: &Wait,
    ) -> Result<ServiceAccount, Error> {
        let live = self.take_over(live, keys, apply.manager, wait).await?;
        let fields = unclaimed(apply, &live);
        self.apply(&live, Apply { fields: &fields, ..apply }, wait).await
    }

    /// Reads the account again after somebody was faster. The loops around it are no retries: each decides anew on what it finds.
    async fn look_again(
        &self,
        task: &Task,
        live: &ServiceAccount,
        error: Error,
        wait: &Wait,
    ) -> Result<ServiceAccount, Error> {
        wait.sleep(CONFLICT.pause(1)).await.map_err(|_| error)?;
        let found = self.service_account(&live.namespace, &live.name, wait).await?;
        found.ok_or_else(|| task.error(Kind::NotFound, "it was deleted meanwhile", ""))
    }

    /// Waits until an object is gone whose deletion was asked for; `operation` is what it is in the way of.
    async fn until_gone(&self, operation: &'static str, live: &ServiceAccount, wait: &Wait) -> Result<(), Error> {
        let start = Instant::now();
        let attempt = |looks| async move {
            match self.service_account(&live.namespace, &live.name, wait).await {
                Ok(Some(found)) if found.uid == live.uid => {
                    let (task, held) = (of(operation, live), held_by(&found.finalizers));
                    // Without finalizers it is gone by the second look.
                    if looks == 2 {
                        tracing::info!("waiting for {}, which is being deleted{held}", task.object);
                    }
                    let message = format!("it is still being deleted after {} s{held}", start.elapsed().as_secs());
                    let hint = format!(
                        "It goes when the controllers that set its finalizers have removed them. See which they are, and why they \
                         do not: kubectl get serviceaccount {} --namespace {} --output yaml",
                        live.name, live.namespace
                    );
                    let after = DELETION.pause(looks);
                    Err(Verdict::NotYet { after }.on(task.error(Kind::TimedOut, message, hint)))
                }
                Ok(_) => Ok(()),
                Err(error) => Err(wait.check().map_or_else(Verdict::Ended, |()| Verdict::Final).on(error)),
            }
        };
        http::retry(wait, DELETION, attempt).await.map_err(|gave_up| match gave_up.end {
            End::Interrupted(Interrupted::Cancelled) => {
                let message = "the operation was stopped while it is being deleted";
                of(operation, live).error(Kind::Cancelled, message, "")
            }
            _ => gave_up.error,
        })
    }
}

fn held_by(finalizers: &[String]) -> String {
    match finalizers {
        [] => String::new(),
        finalizers => format!(", held by the finalizers {}", finalizers.join(", ")),
    }
}

/// What to apply, without an automount that is as wanted and not ours: callers want it because it was there, and an applier who
/// changes it later would meet us as an owner.
fn unclaimed(apply: Apply<'_>, live: &ServiceAccount) -> Fields {
    let ours = live.managers.applied_by(apply.manager).contains(&Key::Automount);
    let mut fields = apply.fields.clone();
    fields.automount = fields.automount.filter(|wanted| ours || live.fields.automount != Some(*wanted));
    fields
}

/// Whether a change may be written to the account as it is now.
fn check(task: &Task, live: &ServiceAccount, update: Update<'_>) -> Result<(), Error> {
    let (held, wanted) = (update.held, update.wanted);
    for manager in [update.manager_before, update.manager] {
        let own = live.managers.applied_by(manager).into_iter();
        // A key with the wanted value is what a run left behind that ended before it could say so.
        let foreign: BTreeSet<Key> =
            own.filter(|key| held.value(key).is_none() && live.fields.value(key) != wanted.value(key)).collect();
        if !foreign.is_empty() {
            return Err(in_use(task, manager, foreign));
        }
    }
    let mut changed = Vec::new();
    let mut taken = Vec::new();
    for key in held.keys().union(&wanted.keys()) {
        let (now, before, then) = (live.fields.value(key), held.value(key), wanted.value(key));
        let Some(now) = now.filter(|now| Some(now) != before.as_ref() && Some(now) != then.as_ref()) else { continue };
        let owners = live.managers.owners(key, update.manager);
        if let Some(before) = before {
            let by = if owners.is_empty() { String::new() } else { format!(" (by {})", owners.join(", ")) };
            changed.push(format!("{key} was \"{before}\" and is now \"{now}\"{by}"));
        } else if !update.force_conflicts {
            taken.push(Cause { manager: owners.join(", "), key: key.clone() });
        }
    }
    if !changed.is_empty() {
        return Err(task.error(
            Kind::ChangedAfterPlan,
            format!("it changed after it was read: {}", changed.join("; ")),
            "",
        ));
    }
    if !taken.is_empty() {
        let message = taken
            .iter()
            .map(|cause| format!("{} is set by {}", cause.key, cause.owner()))
            .collect::<Vec<_>>()
            .join("; ");
        return Err(task.error(Kind::Conflict, message, "").because_of(taken));
    }
    Ok(())
}

fn in_use(task: &Task, manager: &str, keys: BTreeSet<Key>) -> Error {
    let named = keys.iter().map(Key::to_string).collect::<Vec<_>>().join(", ");
    let message = format!("field manager \"{manager}\" already applies {named} to it");
    let causes = keys.into_iter().map(|key| Cause { manager: format!("\"{manager}\""), key }).collect();
    task.error(Kind::ManagerInUse, message, "").because_of(causes)
}

/// Whether a POST whose answer was lost made what was found. The account was not there when the create looked, so one without any
/// key, which no manager can mark, is taken for ours if it is empty: there is nothing of anybody's in it.
fn is_ours(found: &ServiceAccount, wanted: &Fields, once: &str) -> bool {
    found.managers.has(once) || wanted.keys().is_empty() && found.fields == Fields::default()
}

/// A manager's name that is used for one POST only.
fn once(manager: &str) -> String {
    let suffix = format!("-create-{:08x}", rand::random::<u32>());
    let end =
        manager.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| end + suffix.len() <= MANAGER).last();
    format!("{}{suffix}", manager.get(..end.unwrap_or_default()).unwrap_or_default())
}

fn of(operation: &'static str, account: &ServiceAccount) -> Task {
    task(operation, "patch", &account.namespace, &account.name)
}
