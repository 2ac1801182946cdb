//! The writes of a binding, one after the other, with what they have made so far.
//!
//! A create that fails undoes what it made, never what it found, in reverse and in time of its own. A create that is interrupted
//! undoes nothing: the user asked to stop, and the state says what is there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::NAME;
use super::check::{self, Checked, Granted};
use super::model::{Account, Model};
use crate::azure::{Azure, CredentialId, ErrorKind, RoleAssignmentId};
use crate::context::Context;
use crate::domain::account_error;
use crate::domain::binding::advice;
use crate::domain::object::Object;
use crate::error::{Error, Result};
use crate::kubernetes::ownership::Update;
use crate::kubernetes::{Client, Fields, Key, ServiceAccount};
use crate::ledger::interrupted;
use crate::resources::shared::account::{Establish, Trouble, establish};
use crate::resources::shared::credential::{self, Unfinished};
use crate::wait::Wait;

/// How long undoing may take, whatever is left of the create's own time.
const UNDO: Duration = Duration::from_secs(120);
/// How long a read may take that finds out what became of a write.
const READ_BACK: Duration = Duration::from_secs(15);

/// A binding on its way from what it was to what it will be.
pub(in crate::resources) struct Progress<'a> {
    context: &'a Context,
    azure: &'a Azure,
    kubernetes: &'a Client,
    /// What is there now, as the state would say it.
    pub(in crate::resources) now: Model,
    made: Made,
}

/// What this call has made.
#[derive(Default)]
struct Made {
    credential: Option<CredentialId>,
    account: Option<MadeAccount>,
    roles: BTreeMap<String, RoleAssignmentId>,
}

enum MadeAccount {
    /// The object with this uid.
    Object(String),
    /// Annotations and labels on somebody else's.
    Keys(Fields),
}

impl<'a> Progress<'a> {
    /// Begins with `now`, which has no parts in a create.
    pub(in crate::resources) fn new(context: &'a Context, now: Model) -> Result<Self> {
        let clients = context.clients()?;
        Ok(Self { context, azure: clients.azure()?, kubernetes: clients.kubernetes()?, now, made: Made::default() })
    }

    /// Writes the credential, the service account and the roles, as far as they differ from what is there.
    pub(in crate::resources) async fn write(&mut self, checked: &Checked) -> Result<()> {
        self.credential(checked).await?;
        self.account(checked).await?;
        self.roles(checked).await
    }

    async fn credential(&mut self, checked: &Checked) -> Result<()> {
        let Checked { id, trust, plan, .. } = checked;
        let same = self.now.issuer.as_ref() == Some(&trust.issuer)
            && self.now.audience.as_ref() == Some(&trust.audience)
            && self.now.subject.as_ref() == Some(&trust.subject);
        let wanted = credential::Wanted { id, trust, type_name: NAME, attribute: "credential_name" };
        if self.now.credential_id.is_some() {
            if !same {
                credential::refuse_expression_in_update(self.context, id, self.now.subject.as_deref()).await?;
                credential::update(self.context, wanted, self.now.pair()).await?;
            }
        } else {
            match credential::create(self.context, wanted).await {
                Ok(written) if written.adopted => {}
                Ok(_) => self.made.credential = Some(id.clone()),
                Err(Unfinished { error, made }) => {
                    if made.is_some() {
                        self.made.credential = Some(id.clone());
                        self.now = with_credential(&self.now, plan);
                    }
                    return Err(error);
                }
            }
        }
        self.now = with_credential(&self.now, plan);
        Ok(())
    }

    async fn account(&mut self, checked: &Checked) -> Result<()> {
        if self.now.service_account.is_some() {
            self.change_account(checked).await
        } else {
            self.make_account(checked).await
        }
    }

    async fn change_account(&mut self, checked: &Checked) -> Result<()> {
        let plan = &checked.plan;
        let (account, Some(before)) = (plan.account()?, &self.now.service_account) else { return Ok(()) };
        let (wanted, manager) = (plan.fields(), plan.field_manager()?);
        let held = before.fields(self.now.client_id.as_deref(), self.now.tenant_id.as_deref());
        let (owned, owns) = (before.owns_object(), account.owns_object());
        if held == wanted && owned == owns {
            self.now.service_account = plan.service_account.clone();
            return Ok(());
        }
        let update = Update {
            uid: self.now.service_account_uid.as_deref().filter(|_| owned),
            manager_before: &manager,
            manager: &manager,
            held: &held,
            wanted: &wanted,
            take_over: &Key::to_take_over((&held, owned), (&wanted, owns)),
            force_conflicts: self.context.adopt_existing,
        };
        let (namespace, name) = (&account.namespace, &account.name);
        let _turn = self.context.turn(&Object::account(namespace, name)).await?;
        let updated = self.kubernetes.update_service_account(namespace, name, update, &self.context.wait).await;
        let explain = |error| advice::explain(error, account.written_as(&manager), &checked.id.to_string());
        let live = updated.map_err(explain)?;
        self.has_account(plan, &live, false);
        Ok(())
    }

    async fn make_account(&mut self, checked: &Checked) -> Result<()> {
        let (context, plan) = (self.context, &checked.plan);
        let account = plan.account()?;
        let (wanted, manager) = (plan.fields(), plan.field_manager()?);
        let explain = |error| advice::explain(error, account.written_as(&manager), &checked.id.to_string());
        let of = Establish {
            account: account.written_as(&manager),
            wanted: &wanted,
            owns_object: account.owns_object(),
            adopt: context.adopt_existing,
            force: context.adopt_existing,
        };
        let (object, objects) = (Object::account(&account.namespace, &account.name), plan.account_objects());
        let mut line = context.call.line(objects.clone());
        let mut live = checked.live.clone();
        loop {
            line.next(&context.wait).await?;
            let _turn = context.turn(&object).await?;
            let exists = live.as_ref().is_some_and(|live| !live.deleting);
            let joins = exists && (of.adopt || !of.owns_object);
            if let Some(live) = live.as_ref().filter(|_| joins && wanted.keys().is_empty()) {
                // Nothing of the account is the binding's: it only has to be there.
                self.has_account(plan, live, true);
                return Ok(());
            }
            match establish(self.kubernetes, live.clone(), of, &context.wait).await {
                Ok(live) => {
                    self.made.account = match (joins, account.owns_object()) {
                        (false, _) => Some(MadeAccount::Object(live.uid.clone())),
                        (true, false) => Some(MadeAccount::Keys(wanted)),
                        (true, true) => None,
                    };
                    self.has_account(plan, &live, joins);
                    return Ok(());
                }
                Err(Trouble::Nothing(error)) => return Err(advice::inside_account(error)),
                Err(Trouble::Refused(error, made)) => {
                    if let Some(kind) = account_error::in_the_way(error.kind).filter(|_| made.is_none()) {
                        let taken = objects.iter().find(|object| object.kind() == kind).unwrap_or(&object).clone();
                        line.taken(taken, explain(error));
                        let (namespace, name) = (&account.namespace, &account.name);
                        live = self.kubernetes.service_account(namespace, name, &context.wait).await?;
                        continue;
                    }
                    if let Some(live) = made {
                        self.made.account = Some(MadeAccount::Object(live.uid.clone()));
                        self.has_account(plan, &live, false);
                    } else if joins && !account.owns_object() && (error.is_ambiguous() || self.is_interrupted()) {
                        // Our keys may be there; releasing what is not there does no harm.
                        self.made.account = Some(MadeAccount::Keys(wanted));
                        if let Some(live) = &live {
                            self.has_account(plan, live, true);
                        }
                    }
                    return Err(explain(error));
                }
            }
        }
    }

    async fn roles(&mut self, checked: &Checked) -> Result<()> {
        for granted in &checked.grants {
            if let Some(stale) = &granted.stale {
                self.azure.role_assignments().delete(stale, &self.context.wait).await?;
            }
            if granted.there {
                self.context.wrote(&granted.object(), true);
            } else {
                self.grant(granted).await?;
            }
            self.has_role(granted);
        }
        let mut ids = self.now.role_assignment_ids.clone().unwrap_or_default();
        let gone: Vec<String> =
            ids.keys().filter(|key| checked.grants.iter().all(|granted| granted.key != **key)).cloned().collect();
        for key in gone {
            if let Some(id) = ids.get(&key).and_then(|id| id.parse::<RoleAssignmentId>().ok()) {
                end_role(self.context, self.now.role_object(&key).as_ref(), &id, &self.context.wait).await?;
            }
            ids.remove(&key);
            self.now.role_assignment_ids = Some(ids.clone());
        }
        self.now.role_assignment_ids = Some(ids);
        self.now.role_assignments = checked.plan.role_assignments.clone();
        // Whom they are assigned to: an identity that was created anew has another principal.
        self.now.principal_id = checked.plan.principal_id.clone();
        Ok(())
    }

    async fn grant(&mut self, granted: &Granted) -> Result<()> {
        let (assignments, object) = (self.azure.role_assignments(), granted.object());
        let at = |error: Error| error.at("role_assignments");
        let mut line = self.context.call.line([object.clone()]);
        let error = loop {
            line.next(&self.context.wait).await?;
            let _turn = self.context.turn(&object).await?;
            match assignments.put(&granted.id, &granted.grant, &self.context.wait).await {
                Ok(_) => {
                    self.context.wrote(&object, granted.existed);
                    if !granted.existed {
                        self.made.roles.insert(granted.key.clone(), granted.id.clone());
                    }
                    return Ok(());
                }
                // Another process created an equal one after the look, or the look did not see it yet.
                Err(error) if error.is_role_assignment_exists() => {
                    let existing = error.existing_role_assignment().unwrap_or_default();
                    line.taken(object.clone(), at(check::assigned_already(&granted.entry, &existing)));
                }
                Err(error) => break error,
            }
        };
        let unclear = error.ambiguous
            || error.status.is_some_and(|status| status >= 500)
            || matches!(error.kind, ErrorKind::Cancelled | ErrorKind::Timeout | ErrorKind::Decode);
        if unclear
            && let Ok(Some(found)) = assignments.get(&granted.id, &Wait::at_most(READ_BACK)).await
            && granted.grant.is(&found)
        {
            self.made.roles.insert(granted.key.clone(), granted.id.clone());
            self.has_role(granted);
        }
        Err(at(error.into()))
    }

    fn has_account(&mut self, plan: &Model, live: &ServiceAccount, existed: bool) {
        plan.account_objects().iter().for_each(|object| self.context.wrote(object, existed));
        self.now.service_account = plan.service_account.clone();
        let owns = plan.service_account.as_ref().is_some_and(Account::owns_object);
        self.now.service_account_uid = owns.then(|| live.uid.clone());
        self.now.client_id = plan.client_id.clone();
        self.now.tenant_id = plan.tenant_id.clone();
    }

    fn has_role(&mut self, granted: &Granted) {
        let ids = self.now.role_assignment_ids.get_or_insert_default();
        ids.insert(granted.key.clone(), granted.id.to_string());
        let entries = self.now.role_assignments.get_or_insert_default();
        entries.retain(|entry| !entry.assigns_what(&granted.entry));
        entries.push(granted.entry.clone());
    }

    fn is_interrupted(&self) -> bool {
        self.context.wait.cancel.is_cancelled()
    }

    /// What becomes of a create that failed: the error, with what is there all the same.
    pub(in crate::resources) async fn give_up(mut self, mut error: Error) -> Error {
        if self.is_interrupted() {
            return if self.now.is_gone() { error } else { error.keeping(&self.now) };
        }
        let failures = self.undo().await;
        if self.now.is_gone() {
            return error;
        }
        error.detail.push_str("\n\nWhat this create had made before could not be undone, and is in the state:");
        for failure in failures {
            error.detail.push_str(&format!("\n  - {}: {}", failure.summary, failure.detail.replace('\n', "\n    ")));
        }
        error.keeping(&self.now)
    }

    /// Undoes in reverse what was made, and leaves in `now` only what could not be.
    async fn undo(&mut self) -> Vec<Error> {
        let wait = Wait::at_most(UNDO);
        let mut failures = Vec::new();
        let mut left = BTreeMap::new();
        for (key, id) in std::mem::take(&mut self.made.roles) {
            if let Err(error) = end_role(self.context, self.now.role_object(&key).as_ref(), &id, &wait).await {
                failures.push(error);
                left.insert(key, id.to_string());
            }
        }
        // An entry whose key is left cannot be told from the others without a lookup; all or none do no harm.
        self.now.role_assignments = self.now.role_assignments.take().filter(|_| !left.is_empty());
        self.now.role_assignment_ids = Some(left);
        let account = self.now.service_account.take();
        let uid = self.now.service_account_uid.take();
        if let Some(account) = account
            && let Some(made) = self.made.account.take()
            && let Err(error) = end_account(self.context, &self.now, &account, &made, &wait).await
        {
            failures.push(error);
            self.now.service_account = Some(account);
            self.now.service_account_uid = uid;
        }
        self.now.credential_id = None;
        if let Some(id) = self.made.credential.take()
            && let Err(error) = credential::delete(self.context, &id, self.now.pair(), &wait).await
        {
            failures.push(error);
            self.now.credential_id = Some(id.to_string());
        }
        tracing::info!(failed = failures.len(), "what the failed create had made was undone");
        failures
    }
}

/// Ends all parts of a binding, in reverse. What cannot be ended keeps nothing else from ending, and stays in the state.
pub(in crate::resources) async fn delete(context: &Context, prior: Model) -> Result<()> {
    let mut now = prior;
    let roles = now.role_assignment_ids.iter().flatten().filter_map(|(key, _)| now.role_object(key));
    roles.for_each(|object| context.call.leave(object));
    let mut failed = None;
    let mut fail = |error: Error| {
        failed.get_or_insert(error);
    };
    for (key, id) in now.role_assignment_ids.clone().unwrap_or_default() {
        let ended = async {
            let id: RoleAssignmentId = id.parse().map_err(|error| Error::defect(format!("{id}: {error}")))?;
            end_role(context, now.role_object(&key).as_ref(), &id, &context.wait).await
        };
        match ended.await {
            Ok(()) => drop(now.role_assignment_ids.as_mut().map(|ids| ids.remove(&key))),
            Err(error) => fail(error),
        }
    }
    if let Some(account) = now.service_account.clone() {
        let ended = async {
            let made = match (account.owns_object(), now.service_account_uid.clone()) {
                (true, Some(uid)) => MadeAccount::Object(uid),
                (true, None) => return Ok(()),
                (false, _) => MadeAccount::Keys(now.fields()),
            };
            end_account(context, &now, &account, &made, &context.wait).await
        };
        match ended.await {
            Ok(()) => now.service_account = None,
            Err(error) => fail(error),
        }
    }
    if now.credential_id.is_some() {
        let ended = async { credential::delete(context, &now.credential()?, now.pair(), &context.wait).await };
        match ended.await {
            Ok(()) => now.credential_id = None,
            Err(error) => fail(error),
        }
    }
    match failed {
        Some(error) => Err(error.keeping(&now)),
        None => Ok(()),
    }
}

/// Deletes a role assignment, unless another resource has it by now.
async fn end_role(context: &Context, object: Option<&Object>, id: &RoleAssignmentId, wait: &Wait) -> Result<()> {
    let _turn = match object {
        Some(object) => {
            Some(context.call.turn(object, wait).await.map_err(|why| interrupted(why, object, "other writes"))?)
        }
        None => None,
    };
    if object.is_some_and(|object| context.keeps(object)) {
        return Ok(());
    }
    context.clients()?.azure()?.role_assignments().delete(id, wait).await?;
    object.iter().for_each(|object| context.call.left(object));
    Ok(())
}

/// Deletes the service account, or takes the binding's keys from it, unless another resource has it by now.
async fn end_account(context: &Context, now: &Model, account: &Account, made: &MadeAccount, wait: &Wait) -> Result<()> {
    let client = context.clients()?.kubernetes()?;
    let (namespace, name, manager) = (&account.namespace, &account.name, now.field_manager()?);
    let (object, keys) = (Object::account(namespace, name), Object::account_keys(namespace, name, &manager));
    let turn = context.call.turn(&object, wait).await;
    let _turn = turn.map_err(|why| interrupted(why, &object, "other writes"))?;
    if context.keeps(if matches!(made, MadeAccount::Object(_)) { &object } else { &keys }) {
        return Ok(());
    }
    let ended = match made {
        MadeAccount::Object(uid) => client.delete_service_account(namespace, name, uid, wait).await,
        MadeAccount::Keys(held) => client.release_service_account(namespace, name, &manager, held, wait).await,
    };
    let id = now.id.clone().unwrap_or_default();
    ended.map_err(|error| advice::explain(error, account.written_as(&manager), &id))?;
    [object, keys].iter().for_each(|object| context.call.left(object));
    Ok(())
}

fn with_credential(now: &Model, plan: &Model) -> Model {
    Model {
        cluster_id: plan.cluster_id.clone(),
        issuer: plan.issuer.clone(),
        audience: plan.audience.clone(),
        subject: plan.subject.clone(),
        credential_id: plan.id.clone(),
        ..now.clone()
    }
}
