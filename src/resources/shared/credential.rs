//! Writing and deleting credentials of a managed identity, and what a plan can say about them.
//!
//! An identity has each name and each pair of issuer and subject once. What is in the way of a credential may be about to go in the
//! same run, so a write that meets it waits as long as the ledger knows of somebody who leaves.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::azure::credentials::{Credential, Held, MOST_PER_IDENTITY, Trust};
use crate::azure::{self, CredentialId, ErrorKind, IdentityId};
use crate::clients::{Endpoint, PlanChecks};
use crate::context::Context;
use crate::domain::credentials_planned::{Doubt, OnIdentity, Pair};
use crate::domain::existing::{Existing, already_exists, held_by};
use crate::domain::object::Object;
use crate::error::{Error, Result};
use crate::ledger::Step;
use crate::lifecycle::plan::Plan;
use crate::resource::{IdentityAttribute, Owned};
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

/// What a credential is to be.
#[derive(Debug, Clone, Copy)]
pub(in crate::resources) struct Wanted<'a> {
    /// Its id.
    pub(in crate::resources) id: &'a CredentialId,
    /// What it trusts.
    pub(in crate::resources) trust: &'a Trust,
    /// The type of the resource, for messages.
    pub(in crate::resources) type_name: &'static str,
    /// The attribute that names it.
    pub(in crate::resources) attribute: &'static str,
}

impl Wanted<'_> {
    fn objects(&self) -> [Object; 2] {
        let Trust { issuer, subject, .. } = self.trust;
        [Object::credential(self.id), Object::trust(self.id.identity(), issuer, subject)]
    }
}

/// What a credential owns, as far as it is known. `attribute` is what names the credential.
pub(in crate::resources) fn owns(id: Option<&CredentialId>, pair: Pair, attribute: &'static str) -> Vec<Owned> {
    let Some(id) = id else { return Vec::new() };
    let own = Owned { object: Object::credential(id), attribute };
    let trust = pair.map(|(issuer, subject)| Owned {
        object: Object::trust(id.identity(), &issuer, &subject),
        attribute: "user_assigned_identity_id",
    });
    std::iter::once(own).chain(trust).collect()
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

/// Creates a credential that must not exist, unless `adopt_existing` says that it may.
pub(in crate::resources) async fn create(
    context: &Context,
    wanted: Wanted<'_>,
) -> std::result::Result<Written, Unfinished> {
    let (azure, wait) = (context.clients()?.azure()?, &context.wait);
    let Wanted { id, trust, attribute, .. } = wanted;
    let [own, pair] = wanted.objects();
    context.take(&own, attribute)?;
    context.take(&pair, "user_assigned_identity_id")?;
    let mut line = context.call.line([own.clone(), pair.clone()]);
    loop {
        line.next(wait).await?;
        let held = azure.credentials().hold(id.identity(), wait).await?;
        let found = azure.credentials().get(id, wait).await?;
        match &found {
            Some(found) if context.adopt_existing => refuse_expression(found)?,
            Some(found) => {
                line.taken(own.clone(), exists_already(wanted, trust.describes(found)).at(attribute));
                continue;
            }
            None => {}
        }
        match held.put(id, trust, wait).await {
            Ok(credential) => {
                context.wrote(&own, found.is_some());
                context.wrote(&pair, found.is_some());
                return Ok(Written { credential, adopted: found.is_some() });
            }
            Err(error) if error.is_duplicate_issuer_and_subject() => {
                line.taken(pair.clone(), holder(azure, id, trust, error, wait).await);
            }
            Err(error) => {
                let made = match found {
                    None => made_after_all(&held, azure, id, trust, &error).await,
                    Some(_) => None,
                };
                if made.is_some() {
                    context.wrote(&own, false);
                    context.wrote(&pair, false);
                }
                return Err(Unfinished { error: error.into(), made });
            }
        }
    }
}

/// Makes an existing credential of the state trust something else. `before` is what it trusts so far.
///
/// Where credentials wait for each other's subjects in a circle, one of them is deleted and created again. A subject that is only
/// passed through would be a trust that somebody might hold.
pub(in crate::resources) async fn update(context: &Context, wanted: Wanted<'_>, before: Pair) -> Result<Credential> {
    let (azure, wait) = (context.clients()?.azure()?, &context.wait);
    let Wanted { id, trust, attribute, .. } = wanted;
    let [own, pair] = wanted.objects();
    context.take(&own, attribute)?;
    context.take(&pair, "user_assigned_identity_id")?;
    let before = before.map(|(issuer, subject)| Object::trust(id.identity(), &issuer, &subject));
    let before = before.filter(|before| *before != pair);
    if let Some(before) = &before {
        context.call.leave(before.clone());
    }
    let left = || before.iter().for_each(|before| context.call.left(before));
    let mut line = context.call.line([pair.clone()]);
    loop {
        if line.next(wait).await? == Step::GiveUp {
            azure.credentials().delete(id, wait).await?;
            left();
            continue;
        }
        match azure.credentials().put(id, trust, wait).await {
            Ok(credential) => {
                context.wrote(&own, false);
                context.wrote(&pair, false);
                left();
                return Ok(credential);
            }
            Err(error) if error.is_duplicate_issuer_and_subject() => {
                line.taken(pair.clone(), holder(azure, id, trust, error, wait).await);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The error on a credential that exists already.
fn exists_already(wanted: Wanted<'_>, is_as_wanted: bool) -> Error {
    already_exists(Existing {
        what: &format!("The federated identity credential `{}`", wanted.id.name()),
        type_name: wanted.type_name,
        import_id: &wanted.id.to_string(),
        is_as_wanted,
    })
}

/// Deletes a credential, unless another resource has it by now; succeeds if it does not exist. `pair` is what it trusts.
pub(in crate::resources) async fn delete(context: &Context, id: &CredentialId, pair: Pair, wait: &Wait) -> Result<()> {
    let own = Object::credential(id);
    let held = context.clients()?.azure()?.credentials().hold(id.identity(), wait).await?;
    if !context.keeps(&own) {
        held.delete(id, wait).await?;
        context.call.left(&own);
        if let Some((issuer, subject)) = pair {
            context.call.left(&Object::trust(id.identity(), &issuer, &subject));
        }
    }
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
async fn holder(azure: &azure::Azure, id: &CredentialId, trust: &Trust, error: azure::Error, wait: &Wait) -> Error {
    let holds = |found: &Credential| {
        found.properties.issuer == trust.issuer && found.properties.subject.as_deref() == Some(&trust.subject)
    };
    let listed = azure.credentials().list(id.identity(), wait).await.unwrap_or_default();
    let mut told = Error::from(error);
    if let Some(found) = listed.into_iter().find(holds) {
        told.detail = held_by(&found.name, &told.detail);
    }
    told.at("user_assigned_identity_id")
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
    new: Option<&CredentialId>,
    pair: Pair,
) -> Result<()> {
    const ATTRIBUTE: &str = "user_assigned_identity_id";
    let Ok(clients) = context.clients() else { return Ok(()) };
    if clients.plan_checks == PlanChecks::Off {
        return Ok(());
    }
    // A replacement is planned once more as a create.
    if !plan.is_create() && !plan.replace.is_empty() {
        return Ok(());
    }
    let Some(new) = new else { return Ok(()) };
    let check = PlanCheck {
        endpoint: Endpoint::Azure,
        what: "how many credentials the identity has, and which of them has the same issuer and subject",
        attribute: ATTRIBUTE,
    };
    let on = planned_on(context, new);
    if on.stays.len() > MOST_PER_IDENTITY {
        return Err(too_many(new.identity(), &on.stays).at(ATTRIBUTE));
    }
    if !plan.is_create() {
        return Ok(());
    }
    let Some(azure) = check.azure(context, clients)? else { return Ok(()) };
    let wait = context.wait.within(LOOKUP);
    let list = async {
        let listed = check.ask(context, async {
            match azure.credentials().list(new.identity(), &wait).await {
                // It may be created before the apply.
                Err(error) if error.is_gone() || error.is_parent_not_found() => Ok(Vec::new()),
                listed => listed,
            }
        });
        // Only a list is kept: the next check asks again, unless the endpoint cannot be reached.
        listed.await.map_err(Some)?.ok_or(None)
    };
    match clients.listed.on(new.identity(), list).await {
        Ok(there) => {
            for doubt in on.doubts(new.name(), &pair, &there) {
                // That an identity fills up is told once.
                if !matches!(doubt, Doubt::Many(_)) || clients.listed.first_full(new.identity()) {
                    context.warn(doubtful_plan(new, doubt).at(ATTRIBUTE));
                }
            }
            Ok(())
        }
        Err(None) => Ok(()),
        Err(Some(error)) => Err(error),
    }
}

/// What this run plans on the identity of a credential, that credential included.
fn planned_on(context: &Context, new: &CredentialId) -> OnIdentity {
    let ledger = context.call.ledger();
    let on = |object: &Object| object.credential_on(new.identity()).map(str::to_owned);
    let (planned, replaced) = (ledger.planned(on), ledger.replaced(on));
    OnIdentity::new(planned.into_iter().chain([new.name().to_owned()]), replaced)
}

fn too_many(identity: &IdentityId, names: &BTreeSet<String>) -> Error {
    Error::new(
        format!("This configuration has {} credentials for one identity, which holds {MOST_PER_IDENTITY}", names.len()),
        format!(
            "On {identity}:\n\n{}\n\nSpread the workloads over several identities, or use an AKS identity binding, which has no such \
             limit.",
            names.iter().map(|name| format!("  - {name}")).collect::<Vec<_>>().join("\n")
        ),
    )
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
