//! Making a service account, or joining one that is there; and what a plan can say of its keys.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::context::Context;
use crate::domain::account_error::{self, Account};
use crate::domain::object::Object;
use crate::domain::webhook_keys;
use crate::error::{Error, Result};
use crate::kubernetes::ownership::Join;
use crate::kubernetes::{self, Client, Fields, ServiceAccount};
use crate::value::{self, Value};
use crate::wait::{Interrupted, Wait};

/// Warns of configured annotations and labels that look as if they were meant for the webhook, which does not read them. `account`
/// holds the attributes `annotations` and `labels`, and is in the attribute `parent` if there is one.
pub(in crate::resources) fn warn_of_keys(context: &Context, account: &Value, parent: Option<&'static str>) {
    for name in ["annotations", "labels"] {
        let keys = value::as_map(value::attribute(account, name)).into_iter().flat_map(BTreeMap::keys);
        for warning in keys.filter_map(|key| webhook_keys::warning(parent, name, key)) {
            context.warn(warning);
        }
    }
}

/// What is to become of a service account.
#[derive(Debug, Clone, Copy)]
pub(in crate::resources) struct Establish<'a> {
    /// Which account, and as whom it is written.
    pub(in crate::resources) account: Account<'a>,
    /// What is applied.
    pub(in crate::resources) wanted: &'a Fields,
    /// Whether the whole object will be ours.
    pub(in crate::resources) owns_object: bool,
    /// Whether what exists may be taken.
    pub(in crate::resources) adopt: bool,
    /// Whether values of other managers are overwritten.
    pub(in crate::resources) force: bool,
}

/// How long to wait between two looks for an account.
const LOOK: Duration = Duration::from_secs(1);

/// What a resource owns of a service account: the object, what its field manager applies to it, or both.
pub(in crate::resources) fn owned_objects(
    namespace: &str,
    name: &str,
    manager: Option<&str>,
    whole: bool,
) -> Vec<Object> {
    let account = whole.then(|| Object::account(namespace, name));
    let keys = manager.map(|manager| Object::account_keys(namespace, name, manager));
    account.into_iter().chain(keys).collect()
}

/// Whether an account is just what a create would make of it.
pub(in crate::resources) fn is_as_wanted(live: &ServiceAccount, wanted: &Fields, manager: &str) -> bool {
    live.managers.applied_by(manager) == wanted.keys() && live.fields.only(&wanted.keys()) == *wanted
}

/// The account that another owner creates: a chart, or, for a namespace's `default` account, the cluster. It may take a while to
/// appear, or to come back after it was deleted.
///
/// # Errors
/// Where the cluster cannot be asked, or the wait is interrupted. `None` is an account that has not appeared in time.
pub(in crate::resources) async fn awaited(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<ServiceAccount>> {
    let clients = context.clients()?;
    let (client, patience, start) = (clients.kubernetes()?, clients.patience().account_missing, Instant::now());
    let mut told = false;
    loop {
        let live = client.service_account(namespace, name, &context.wait).await?;
        let is_there = live.as_ref().is_some_and(|live| !live.deleting);
        if is_there || start.elapsed() >= patience {
            return Ok(live);
        }
        if live.is_none() && client.namespace_exists(namespace, &context.wait).await == Some(false) {
            return Ok(None);
        }
        if !std::mem::replace(&mut told, true) {
            tracing::info!(
                namespace,
                name,
                seconds = patience.as_secs(),
                "waits for the service account to be created"
            );
        }
        match context.wait.sleep(LOOK.min(patience)).await {
            Ok(()) => {}
            Err(Interrupted::Deadline) => return Ok(live),
            Err(Interrupted::Cancelled) => {
                return Err(Error::new(
                    "Interrupted",
                    format!(
                        "Nothing was written: interrupted while waiting for service account \"{namespace}/{name}\"."
                    ),
                ));
            }
        }
    }
}

/// Why that failed.
#[derive(Debug)]
pub(in crate::resources) enum Trouble {
    /// The cluster refused; with the account, where it was made all the same.
    Refused(kubernetes::Error, Option<Box<ServiceAccount>>),
    /// There is nothing to join.
    Nothing(Error),
}

/// Makes the account, or joins `found`, which was just read.
pub(in crate::resources) async fn establish(
    client: &Client,
    found: Option<ServiceAccount>,
    of: Establish<'_>,
    wait: &Wait,
) -> std::result::Result<ServiceAccount, Trouble> {
    let Account { namespace, name, field_manager, .. } = of.account;
    let live = match found {
        Some(live) if !live.deleting && (of.adopt || !of.owns_object) => live,
        _ if of.owns_object => {
            let created = client.create_service_account(namespace, name, of.wanted, field_manager, wait).await;
            return created.map_err(|unfinished| Trouble::Refused(unfinished.error, unfinished.made));
        }
        Some(_) => return Err(Trouble::Nothing(account_error::going(of.account))),
        None => {
            let exists = client.namespace_exists(namespace, wait).await;
            return Err(Trouble::Nothing(account_error::missing(of.account, exists)));
        }
    };
    let join = Join {
        manager: field_manager,
        wanted: of.wanted,
        force: of.force || of.owns_object,
        shared_manager: of.adopt,
        take_over: of.owns_object,
    };
    client.join_service_account(live, join, wait).await.map_err(|error| Trouble::Refused(error, None))
}
