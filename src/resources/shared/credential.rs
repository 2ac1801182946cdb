//! Making and deleting credentials of a managed identity, and what a plan can say about them.
//!
//! In a run that replaces or swaps credentials, what is in the way of a new one may be about to go. So a create that meets its
//! own name, or its issuer and subject, on an identity where this process has deleted something looks again for a while.

use std::time::Duration;

use tokio::time::Instant;

use crate::azure::credentials::{Credential, Held, MOST_PER_IDENTITY, Trust};
use crate::azure::{self, CredentialId, ErrorKind};
use crate::clients::{Endpoint, PlanChecks};
use crate::context::Context;
use crate::domain::credentials_planned::{Doubt, Impossible, Pair};
use crate::domain::existing::already_exists;
use crate::error::{Error, Result};
use crate::lifecycle::plan::Plan;
use crate::resource::IdentityAttribute;
use crate::resources::shared::plan_check::PlanCheck;
use crate::wait::Wait;

/// How long a plan waits for a lookup.
pub(in crate::resources) const LOOKUP: Duration = Duration::from_secs(5);
/// How long a read may take that finds out what became of a write; the write's own time may have run out.
const READ_BACK: Duration = Duration::from_secs(15);

/// The resource identity of whatever stands for a credential, in the order of [`identity_parts`].
pub(in crate::resources) const IDENTITY: [IdentityAttribute; 4] = [
    IdentityAttribute { name: "subscription_id", doc: "The identity's subscription." },
    IdentityAttribute { name: "resource_group_name", doc: "The identity's resource group." },
    IdentityAttribute { name: "user_assigned_identity_name", doc: "The identity's name." },
    IdentityAttribute { name: "name", doc: "The credential's name." },
];

/// A credential that a create wrote.
pub(in crate::resources) struct Written {
    /// As the service describes it.
    pub(in crate::resources) credential: Credential,
    /// Whether it was there before.
    pub(in crate::resources) adopted: bool,
}

/// A create that failed.
pub(in crate::resources) struct Unfinished {
    /// Why.
    pub(in crate::resources) error: Error,
    /// The credential, where this call made it all the same.
    pub(in crate::resources) made: Option<Credential>,
}

impl<E: Into<Error>> From<E> for Unfinished {
    fn from(error: E) -> Self {
        Self { error: error.into(), made: None }
    }
}

/// Makes a credential that must not exist, unless `adopt_existing` says that it may. `exists` is the error where it does.
pub(in crate::resources) async fn create(
    context: &Context,
    id: &CredentialId,
    trust: &Trust,
    exists: impl Fn() -> Error,
) -> std::result::Result<Written, Unfinished> {
    let (clients, wait) = (context.clients()?, &context.wait);
    let azure = clients.azure()?;
    let planned = clients.credentials.on(&id.identity().key());
    let start = Instant::now();
    loop {
        let held = azure.credentials().hold(id.identity(), wait).await?;
        let found = azure.credentials().get(id, wait).await?;
        if let Some(found) = &found
            && context.adopt_existing
        {
            refuse_expression(found)?;
        }
        let obstacle = match found {
            Some(_) if !context.adopt_existing => exists(),
            found => match held.put(id, trust, wait).await {
                Ok(credential) => return Ok(Written { credential, adopted: found.is_some() }),
                Err(error) if error.is_duplicate_issuer_and_subject() => holder(context, id, trust, error).await,
                Err(error) => {
                    let made =
                        if found.is_none() { made_after_all(&held, azure, id, trust, &error).await } else { None };
                    return Err(Unfinished { error: error.into(), made });
                }
            },
        };
        // Whoever is about to delete what is in the way needs the identity's queue.
        drop(held);
        let patience = azure.patience();
        let over = !planned.deletes() || start.elapsed() >= patience.identity_full;
        if over || wait.sleep(patience.next()).await.is_err() {
            return Err(obstacle.into());
        }
        tracing::debug!(%id, "what is in the way may be about to be deleted");
    }
}

/// The error on what exists already, for a resource whose import id is the credential's.
pub(in crate::resources) fn exists_already(type_name: &str, id: &CredentialId, attribute: &str) -> Error {
    already_exists(&format!("The federated identity credential `{}`", id.name()), type_name, &id.to_string())
        .at(attribute)
}

/// Refuses a flexible credential, which matches claims by an expression that a write would remove unseen. API versions without
/// the expression show no subject of it.
///
/// # Errors
/// If it has an expression.
pub(in crate::resources) fn refuse_expression(found: &Credential) -> Result<()> {
    let properties = &found.properties;
    let expression = match (&properties.claims_matching_expression, &properties.subject) {
        (None, Some(_)) => return Ok(()),
        (Some(expression), _) => format!("\n\n  {}\n\n", expression.value.escape_debug()),
        (None, None) => " in place of a subject. ".to_owned(),
    };
    Err(Error::new(
        format!("Credential `{}` matches claims by an expression", found.name),
        format!(
            "It has a `claimsMatchingExpression`{expression}This provider has no attribute for that, and a write would remove it: \
             workloads that it admits would be refused. Nothing was written. Leave the credential to the tool that made it, or \
             delete it there and apply again.",
        ),
    )
    .at("subject"))
}

/// The same before an update of a credential that had no subject when it was last read, as only those with an expression have.
///
/// # Errors
/// If it has one, or cannot be read.
pub(in crate::resources) async fn refuse_expression_in_update(
    context: &Context,
    id: &CredentialId,
    subject_before: Option<&str>,
) -> Result<()> {
    if subject_before.is_some() {
        return Ok(());
    }
    let found = context.clients()?.azure()?.credentials().get(id, &context.wait).await?;
    found.as_ref().map_or(Ok(()), refuse_expression)
}

/// Deletes a credential; gone is deleted.
pub(in crate::resources) async fn delete(context: &Context, id: &CredentialId, wait: &Wait) -> Result<()> {
    let clients = context.clients()?;
    clients.credentials.on(&id.identity().key()).deleted();
    clients.azure()?.credentials().delete(id, wait).await?;
    Ok(())
}

/// The credential, where a failed PUT may have made it and did. The identity is still held, so nobody else of this process did.
async fn made_after_all(
    _held: &Held<'_>,
    azure: &azure::Azure,
    id: &CredentialId,
    trust: &Trust,
    error: &azure::Error,
) -> Option<Credential> {
    let unclear = error.ambiguous
        || error.status.is_some_and(|status| status >= 500)
        || matches!(error.kind, ErrorKind::Cancelled | ErrorKind::Timeout | ErrorKind::Network | ErrorKind::Decode);
    if !unclear {
        return None;
    }
    // It must be known even after Ctrl-C, or a credential would be left that nobody remembers.
    let found = azure.credentials().get(id, &Wait::at_most(READ_BACK)).await;
    found.ok().flatten().filter(|found| trust.describes(found))
}

/// The refusal of a second credential for one issuer and subject, with the name of the first.
async fn holder(context: &Context, id: &CredentialId, trust: &Trust, error: azure::Error) -> Error {
    let named = async {
        let there =
            context.clients().ok()?.azure().ok()?.credentials().list(id.identity(), &context.wait).await.ok()?;
        let holds = |found: &Credential| {
            found.properties.issuer == trust.issuer && found.properties.subject.as_deref() == Some(&trust.subject)
        };
        there.into_iter().find(holds).map(|found| found.name)
    };
    let mut told = Error::from(error);
    if let Some(name) = named.await {
        told.detail =
            format!("Credential `{name}` of this identity holds the same issuer and subject.\n\n{}", told.detail);
    }
    told
}

/// A credential by the attributes of the resource identity: subscription, resource group, identity, name.
pub(in crate::resources) fn identity_parts(id: &CredentialId) -> Vec<String> {
    let identity = id.identity();
    [identity.subscription(), identity.group().name(), identity.name(), id.name()].map(str::to_owned).to_vec()
}

/// The id of the credential with these [`identity_parts`].
pub(in crate::resources) fn import_id(identity: &[String]) -> String {
    let part = |index| identity.get(index).map_or("", String::as_str);
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}/federatedIdentityCredentials/{}",
        part(0),
        part(1),
        part(2),
        part(3)
    )
}

/// What a plan can tell of a credential: that the identity cannot hold all that this run plans, or fills up. `pair` is what it
/// will trust, as far as known; `attribute` is where the identity is named.
///
/// # Errors
/// Where apply is certain to fail.
pub(in crate::resources) async fn check_at_plan(
    context: &Context,
    plan: &Plan,
    old: Option<&CredentialId>,
    new: Option<&CredentialId>,
    pair: Pair,
) -> Result<()> {
    const ATTRIBUTE: &str = "user_assigned_identity_id";
    let Ok(clients) = context.clients() else { return Ok(()) };
    if clients.plan_checks == PlanChecks::Off {
        return Ok(());
    }
    // Terraform plans a replacement twice: once to learn of it, and once more as a create.
    if !plan.is_create() && !plan.replace.is_empty() {
        if let Some(old) = old {
            clients.credentials.on(&old.identity().key()).leaves(old.name());
        }
        return Ok(());
    }
    let Some(new) = new else { return Ok(()) };
    let check = PlanCheck {
        endpoint: Endpoint::Azure,
        what: "how many credentials the identity has, and which of them has the same issuer and subject",
        attribute: ATTRIBUTE,
    };
    let planned = clients.credentials.on(&new.identity().key());
    planned
        .stays(new.name(), pair.clone())
        .map_err(|impossible| impossible_plan(new, &pair, impossible).at(ATTRIBUTE))?;
    if !plan.is_create() {
        return Ok(());
    }
    let Some(azure) = check.azure(context, clients)? else { return Ok(()) };
    let wait = context.wait.within(LOOKUP);
    let there = planned.there.get_or_try_init(|| async {
        let listed = check.ask(context, async {
            match azure.credentials().list(new.identity(), &wait).await {
                // It may be made by somebody else before the apply.
                Err(error) if error.is_gone() || error.is_parent_not_found() => Ok(Vec::new()),
                listed => listed,
            }
        });
        // Only a list is kept: who comes next asks again, unless the endpoint cannot be reached.
        listed.await.map_err(Some)?.ok_or(None)
    });
    match there.await {
        Ok(there) => {
            for doubt in planned.doubts(new.name(), &pair, there) {
                context.warn(doubtful_plan(new, doubt).at(ATTRIBUTE));
            }
            Ok(())
        }
        Err(None) => Ok(()),
        Err(Some(error)) => Err(error),
    }
}

fn impossible_plan(id: &CredentialId, pair: &Pair, impossible: Impossible) -> Error {
    let identity = id.identity();
    match impossible {
        Impossible::TooMany(names) => Error::new(
            format!(
                "This configuration has {} credentials for one identity, which holds {MOST_PER_IDENTITY}",
                names.len()
            ),
            format!(
                "On {identity}:\n\n{}\n\nSpread the workloads over several identities, or use an AKS identity binding, which has no \
                 such limit.",
                names.iter().map(|name| format!("  - {name}")).collect::<Vec<_>>().join("\n")
            ),
        ),
        Impossible::Twice(other) => {
            let (issuer, subject) = pair.clone().unwrap_or_default();
            Error::new(
                "Two credentials of one identity have the same issuer and subject",
                format!(
                    "`{other}` and `{}` on {identity} are both for\n\n  issuer  {issuer}\n  subject {subject}\n\nAzure allows this pair \
                     once on an identity. Remove one of the two.",
                    id.name()
                ),
            )
        }
    }
}

fn doubtful_plan(id: &CredentialId, doubt: Doubt) -> Error {
    let identity = id.identity();
    match doubt {
        Doubt::Many(count) if count > MOST_PER_IDENTITY => Error::new(
            format!("The identity would hold {count} of at most {MOST_PER_IDENTITY} credentials"),
            format!(
                "{identity} has credentials that this plan has not shown to be its own so far. Unless some of them go in the same \
                 run, Azure will refuse `{}`.",
                id.name()
            ),
        ),
        Doubt::Many(count) => Error::new(
            format!("The identity fills up: {count} of at most {MOST_PER_IDENTITY} credentials"),
            format!(
                "{identity} is counted with what this plan adds. Further workloads need another identity, or an AKS identity \
                 binding, which has no such limit."
            ),
        ),
        Doubt::Held(other) => Error::new(
            format!("Credential `{other}` has the same issuer and subject as `{}`", id.name()),
            format!("It exists on {identity}. Unless it goes in the same run, Azure will refuse the second one."),
        ),
    }
}
