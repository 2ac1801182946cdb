//! What is looked at before the first write: the identity, the issuer, the service account and the roles. A refusal here has
//! changed nothing.

use tokio::time::Instant;

use super::model::{Model, Role};
use crate::azure::credentials::Trust;
use crate::azure::identities::Identity;
use crate::azure::role_assignments::Grant;
use crate::azure::{Azure, ClusterId, CredentialId, IdError, RoleAssignmentId, Scope};
use crate::context::Context;
use crate::domain::account_error;
use crate::domain::binding::{self, advice, issuer};
use crate::domain::existing::predecessor;
use crate::domain::object::Object;
use crate::domain::role_assignment as role_rules;
use crate::error::{Error, Result};
use crate::kubernetes::{Client, ServiceAccount};
use crate::ledger::Step;
use crate::resources::shared::account::awaited;
use crate::resources::shared::role;

/// What the writes need to know.
pub(in crate::resources) struct Checked {
    /// The credential's id.
    pub(in crate::resources) id: CredentialId,
    /// Whom it is to trust.
    pub(in crate::resources) trust: Trust,
    /// The plan, with all that could only be known now.
    pub(in crate::resources) plan: Model,
    /// The service account as it is.
    pub(in crate::resources) live: Option<ServiceAccount>,
    /// The roles, in the plan's order.
    pub(in crate::resources) grants: Vec<Granted>,
}

/// A role that the identity is to have.
pub(in crate::resources) struct Granted {
    /// The key in `role_assignment_ids`.
    pub(in crate::resources) key: String,
    /// The entry of the plan.
    pub(in crate::resources) entry: Role,
    /// The assignment's id.
    pub(in crate::resources) id: RoleAssignmentId,
    /// What it grants.
    pub(in crate::resources) grant: Grant,
    /// Whether it exists already and says what it should.
    pub(in crate::resources) there: bool,
    /// Whether it exists, whatever it says.
    pub(in crate::resources) existed: bool,
    /// An assignment of this binding in its place that says something else, and has to go.
    pub(in crate::resources) stale: Option<RoleAssignmentId>,
}

impl Granted {
    /// What the binding owns by it.
    pub(in crate::resources) fn object(&self) -> Object {
        Object::role(&self.entry.scope, self.grant.role.guid(), &self.grant.principal_id)
    }
}

/// Checks a plan against the world. `prior` is the state, where there is one.
pub(in crate::resources) async fn check(context: &Context, plan: Model, prior: Option<&Model>) -> Result<Checked> {
    let clients = context.clients()?;
    let (azure, kubernetes) = (clients.azure()?, clients.kubernetes()?);
    is_the_provider_s_cluster(plan.cluster()?.as_ref(), clients.cluster_id()?.as_ref())?;
    let identity = identity(azure, &plan, context).await?;
    if let Some(prior) = prior
        && prior.client_id.as_ref() != Some(&identity.properties.client_id)
    {
        return Err(Error::new(
            "The identity was made anew after it was read",
            "It has another client id than in the state. Nothing was written. Plan again.",
        )
        .at("user_assigned_identity_id"));
    }
    let issuer = issuer_of(context, azure, &plan).await?;
    let account = plan.account()?.clone();
    let name = plan
        .credential_name
        .clone()
        .unwrap_or_else(|| binding::credential_name(&issuer, &account.namespace, &account.name));
    let audience = plan.audience.clone().unwrap_or_else(|| azure.token_exchange_audience().to_owned());
    let trust = Trust { issuer: issuer.clone(), subject: account.subject(), audience: audience.clone() };
    let plan = Model {
        issuer: Some(issuer),
        credential_name: Some(name),
        audience: Some(audience),
        subject: Some(account.subject()),
        client_id: Some(identity.properties.client_id),
        tenant_id: Some(identity.properties.tenant_id),
        principal_id: Some(identity.properties.principal_id),
        pod_labels: Some(Model::pod_labels()),
        ..plan
    };
    let id = plan.credential()?;
    let plan = Model { id: Some(id.to_string()), ..plan };
    let live = match account.owns_object() {
        true => kubernetes.service_account(&account.namespace, &account.name, &context.wait).await?,
        false => awaited(context, &account.namespace, &account.name).await?,
    };
    match &live {
        Some(live) => is_free(context, &plan, live, prior)?,
        // An account that is made tells by itself of a namespace that is not there; one that is only annotated does not.
        None if !account.owns_object() => {
            let exists = kubernetes.namespace_exists(&account.namespace, &context.wait).await;
            let manager = plan.field_manager()?;
            return Err(advice::inside_account(account_error::missing(account.written_as(&manager), exists)));
        }
        None => {}
    }
    tokens_have_the_issuer(context, kubernetes, &plan, live.is_some(), &trust).await?;
    let grants = grants(context, azure, &plan, prior).await?;
    Ok(Checked { id, trust, plan, live, grants })
}

/// Refuses another cluster than the one that the provider's `kubernetes` block names.
pub(in crate::resources) fn is_the_provider_s_cluster(
    ours: Option<&ClusterId>,
    theirs: Option<&ClusterId>,
) -> Result<()> {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return Ok(()) };
    if ours == theirs {
        return Ok(());
    }
    Err(Error::new(
        "`cluster_id` is not the cluster that the provider talks to",
        format!(
            "The binding is for\n\n  {ours}\n\nand the provider's `kubernetes` block names\n\n  {theirs}\n\nThe service account would be \
             written to the one and its tokens come from the other. Remove `cluster_id` here, or use a provider with an alias for \
             each cluster (`provider = azwi.other`)."
        ),
    )
    .at("cluster_id"))
}

/// The error on a binding that names no issuer, and no cluster to ask for it.
pub(in crate::resources) fn no_source_of_issuer() -> Error {
    Error::new(
        "Neither `issuer` nor `cluster_id` is set",
        "Set `cluster_id`, here or in the provider's `kubernetes` block, for a cluster of AKS or Azure Arc; set `issuer` for any \
         other.",
    )
    .at("issuer")
}

/// The identity, which may have been made a moment ago: Azure's caches agree within seconds.
async fn identity(azure: &Azure, plan: &Model, context: &Context) -> Result<Identity> {
    let id = plan.identity()?;
    let start = Instant::now();
    loop {
        let found = azure.identities().get(&id, &context.wait).await.map_err(|error| {
            let elsewhere =
                ["SubscriptionNotFound", "InvalidAuthenticationTokenTenant"].iter().any(|code| error.has_code(code));
            let mut told = Error::from(error).at("user_assigned_identity_id");
            if elsewhere {
                told.detail = format!(
                    "The identity is in another tenant than the one that the provider signs in to, or its subscription does not \
                     exist. Bind it with a provider whose `tenant_id` is the identity's tenant; the cluster may be in any \
                     tenant, since a credential only names its issuer.\n\n{}",
                    told.detail
                );
            }
            told
        })?;
        if let Some(found) = found {
            return Ok(found);
        }
        let patience = azure.patience();
        if start.elapsed() >= patience.identity_missing || context.wait.sleep(patience.next()).await.is_err() {
            return Err(Error::new(
                "The identity does not exist",
                format!(
                    "{id} has not been there for {} s. Create it first, or refer to it so that Terraform does.",
                    start.elapsed().as_secs()
                ),
            )
            .at("user_assigned_identity_id"));
        }
    }
}

/// The issuer: the cluster's own where the cluster is known, which a configured one must equal.
async fn issuer_of(context: &Context, azure: &Azure, plan: &Model) -> Result<String> {
    let Some(id) = plan.cluster()? else {
        return plan.issuer.clone().ok_or_else(no_source_of_issuer);
    };
    let cluster =
        azure.clusters().recent(&id, &context.wait).await.map_err(|error| Error::from(error).at("cluster_id"))?;
    let cluster = cluster.ok_or_else(|| {
        Error::new(
            "The cluster does not exist",
            format!("Azure has no {id}. Check the id, and the tenant that the provider signs in to."),
        )
        .at("cluster_id")
    })?;
    let Some(real) = &cluster.issuer else { return Err(advice::without_issuer(&id, &cluster).at("cluster_id")) };
    if !cluster.workload_identity_enabled {
        context.warn(advice::without_webhook(&id, &cluster).at("cluster_id"));
    }
    if let Some(written) = &plan.issuer {
        issuer::compare(written, real, "the cluster's")
            .map_err(|told| Error::new("The issuer is not the cluster's", told).at("issuer"))?;
    }
    Ok(real.clone())
}

/// Refuses a service account that names another identity.
fn is_free(context: &Context, plan: &Model, live: &ServiceAccount, prior: Option<&Model>) -> Result<()> {
    let account = plan.account()?;
    // What a binding of the state holds already is compared key by key when it is written.
    let held = prior.is_some_and(|prior| prior.service_account.as_ref().is_some_and(super::model::Account::annotates));
    if held || context.adopt_existing || live.deleting || !account.annotates() {
        return Ok(());
    }
    // An account that exists and should not is told as that.
    if account.owns_object() && prior.is_none_or(|prior| prior.service_account.is_none()) {
        return Ok(());
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match advice::other_identity(live, &text(&plan.client_id), &text(&plan.tenant_id), &plan.field_manager()?) {
        Some(told) => Err(advice::belongs_to_another(&account.namespace, &account.name, &told)),
        None => Ok(()),
    }
}

/// Compares the issuer with that of a token, where Azure does not vouch for the connection. Before the account exists, the
/// namespace's `default` account stands in for it: the issuer is the cluster's, not the account's.
async fn tokens_have_the_issuer(
    context: &Context,
    kubernetes: &Client,
    plan: &Model,
    exists: bool,
    trust: &Trust,
) -> Result<()> {
    if context.clients()?.cluster_id()?.is_some() {
        return Ok(());
    }
    let account = plan.account()?;
    let name = if exists { account.name.as_str() } else { "default" };
    let audiences = [trust.audience.clone()];
    let token = kubernetes.service_account_token(&account.namespace, name, &audiences, 600, &context.wait).await;
    let real = match token {
        Ok(token) => issuer::of_token(&token.token),
        Err(error) => {
            tracing::debug!(%error, "the issuer of the cluster's tokens could not be compared");
            None
        }
    };
    let Some(real) = real else { return Ok(()) };
    issuer::compare(&trust.issuer, &real, "the one in the tokens of the cluster that the provider talks to").map_err(
        |told| {
            let (attribute, advice) = match &plan.cluster_id {
                Some(_) => (
                    "cluster_id",
                    "\n\nOr the provider's `kubernetes` block leads to another cluster than `cluster_id`.",
                ),
                None => {
                    ("issuer", "\n\nOr the provider's `kubernetes` block leads to another cluster than the one meant.")
                }
            };
            Error::new("The cluster's tokens have another issuer", format!("{told}{advice}")).at(attribute)
        },
    )
}

/// The roles with their ids. Those of the state are read again, since somebody may have changed what they say; those that are new
/// are looked for, because a PUT over an equal assignment is accepted silently.
async fn grants(context: &Context, azure: &Azure, plan: &Model, prior: Option<&Model>) -> Result<Vec<Granted>> {
    let at = |error: Error| error.at("role_assignments");
    let known = prior.and_then(|prior| prior.role_assignment_ids.clone()).unwrap_or_default();
    let mut entries: Vec<(String, Scope, String, &Role)> = Vec::new();
    for entry in plan.role_assignments.iter().flatten() {
        let malformed = |error: IdError| at(Error::new("The scope is malformed", error.to_string()));
        let scope: Scope = entry.scope.parse().map_err(malformed)?;
        let guid = guid(azure, &scope, entry, context).await.map_err(at)?;
        let key = role_rules::key(&entry.scope, &guid);
        if entries.iter().any(|(other, ..)| *other == key) {
            return Err(at(assigned_twice(&format!("`{key}`"))));
        }
        entries.push((key, scope, guid, entry));
    }
    let is_removed = |(key, _): &(&String, &String)| entries.iter().all(|(other, ..)| other != *key);
    let object = |key: &str| prior.and_then(|prior| prior.role_object(key));
    let removed: Vec<(Object, &String)> =
        known.iter().filter(is_removed).filter_map(|(key, id)| Some((object(key)?, id))).collect();
    removed.iter().for_each(|(object, _)| context.call.leave(object.clone()));
    let mut grants = Vec::new();
    for (key, scope, guid, entry) in entries {
        let mut granted = granted(plan, &key, &scope, &guid, entry).map_err(at)?;
        let object = granted.object();
        context.take(&object, "role_assignments")?;
        if let Some(id) = known.get(&key) {
            let id: RoleAssignmentId = id.parse().map_err(|error| Error::defect(format!("{id}: {error}")))?;
            match azure.role_assignments().get(&id, &context.wait).await.map_err(|error| at(error.into()))? {
                Some(found) if granted.grant.is(&found) => {
                    (granted.there, granted.existed, granted.id) = (granted.grant.gives_what(&found), true, id);
                    grants.push(granted);
                    continue;
                }
                // Of a principal that is gone, for example, since an identity of the same name has another.
                Some(_) => granted.stale = Some(id),
                None => {}
            }
        }
        let mut line = context.call.line([object.clone()]);
        loop {
            if line.next(&context.wait).await? == Step::GiveUp {
                for (object, id) in &removed {
                    let id: RoleAssignmentId = id.parse().map_err(|error| Error::defect(format!("{id}: {error}")))?;
                    azure.role_assignments().delete(&id, &context.wait).await.map_err(|error| at(error.into()))?;
                    context.call.left(object);
                }
                continue;
            }
            let principal = &granted.grant.principal_id;
            let Some(found) = role::equal(azure, &scope, &guid, principal, &context.wait).await.map_err(at)? else {
                break;
            };
            let is_own = found.name.eq_ignore_ascii_case(granted.id.name());
            if is_own || context.adopt_existing {
                (granted.there, granted.existed) = (granted.grant.gives_what(&found), true);
                granted.id = RoleAssignmentId::new(scope.clone(), &found.name).map_err(malformed_id).map_err(at)?;
                break;
            }
            line.taken(object.clone(), at(assigned_already(entry, &found.id)));
        }
        grants.push(granted);
    }
    Ok(grants)
}

/// An entry as it would be created.
fn granted(plan: &Model, key: &str, scope: &Scope, guid: &str, entry: &Role) -> Result<Granted> {
    let principal_id = plan.principal_id.clone().unwrap_or_default();
    let name = role_rules::name_in_binding(&entry.scope, guid, &principal_id, &plan.credential()?.to_string());
    let grant = Grant {
        role: role::id_at(scope, guid)?,
        principal_id,
        principal_type: "ServicePrincipal".to_owned(),
        description: None,
        condition: None,
        condition_version: None,
        delegated_managed_identity_resource_id: None,
    };
    Ok(Granted {
        key: key.to_owned(),
        entry: entry.clone(),
        id: RoleAssignmentId::new(scope.clone(), &name.to_string()).map_err(malformed_id)?,
        grant,
        there: false,
        existed: false,
        stale: None,
    })
}

fn malformed_id(error: IdError) -> Error {
    Error::new("The assignment's id is malformed", error.to_string())
}

/// The GUID of an entry's role; one that is given needs no lookup.
pub(in crate::resources) async fn guid(
    azure: &Azure,
    scope: &Scope,
    entry: &Role,
    context: &Context,
) -> Result<String> {
    if let Some(id) = &entry.role_definition_id {
        return Ok(role_rules::role_guid(id).to_owned());
    }
    let named = role::Named { id: None, name: entry.role_definition_name.as_deref() };
    Ok(role_rules::role_guid(&role::find(azure, scope, named, &context.wait).await?.id).to_owned())
}

/// The error on two entries that are one assignment; `what` is the role and where.
pub(in crate::resources) fn assigned_twice(what: &str) -> Error {
    Error::new(
        "A role is assigned twice",
        format!(
            "{what} is in `role_assignments` twice: the two entries differ only in spelling or in `accept_broad_access`. Remove one \
             of them."
        ),
    )
}

/// The error on a role that the identity has through another assignment.
pub(in crate::resources) fn assigned_already(entry: &Role, found_id: &str) -> Error {
    let role = entry.role_definition_name.as_deref().or(entry.role_definition_id.as_deref()).unwrap_or_default();
    Error::new(
        format!("An assignment of `{role}` to the identity at {} exists already", entry.scope),
        format!(
            "The identity has this role already, through the assignment\n\n  {found_id}\n\nAn assignment has one owner. Remove the role \
             from `role_assignments` here, or the resource that makes the assignment elsewhere. To take it into the binding, set \
             `adopt_existing = true`: it is then deleted with the binding.\n\n{}",
            predecessor("do neither: ")
        ),
    )
}
