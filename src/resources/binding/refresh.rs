//! What of a binding is there now. Drift is shown in the attributes it is about: an annotation that names another identity stands
//! in `service_account.annotations`, one that is gone makes `annotate` false, and a part that is gone is null.

use std::collections::{BTreeMap, BTreeSet};

use super::check;
use super::model::{ANNOTATIONS, Account, Model, Role};
use crate::azure::role_assignments::RoleAssignmentProperties;
use crate::azure::{Azure, CredentialId, RoleAssignmentId};
use crate::context::Context;
use crate::domain::account_import;
use crate::domain::role_assignment as role_rules;
use crate::domain::service_account::{self as rules, CLIENT_ID, TENANT_ID, TOKEN_EXPIRATION};
use crate::domain::subject;
use crate::error::{Error, Result};
use crate::kubernetes::{Key, ServiceAccount};
use crate::resources::shared::credential;

/// The state as it is now; `None` where no part of the binding is left.
pub(in crate::resources) async fn read(context: &Context, state: Model) -> Result<Option<Model>> {
    let clients = context.clients()?;
    let (azure, kubernetes) = (clients.azure()?, clients.kubernetes()?);
    let id = state.credential()?;
    let mut now = state;
    match azure.credentials().read(&id, &context.wait).await? {
        Some(found) => {
            now.credential_id = Some(id.to_string());
            now.issuer = Some(found.properties.issuer);
            now.subject = found.properties.subject;
            now.audience = found.properties.audiences.into_iter().next();
        }
        None => now.credential_id = None,
    }
    // One of the same name that was created in its place has other ids, and what names the old ones is drift.
    if let Some(identity) = azure.identities().recent(id.identity(), &context.wait).await? {
        let properties = identity.properties;
        now.client_id = Some(properties.client_id);
        now.tenant_id = Some(properties.tenant_id);
        now.principal_id = Some(properties.principal_id);
    }
    if let Some(account) = now.service_account.clone() {
        let live = kubernetes.service_account(&account.namespace, &account.name, &context.wait).await?;
        let live = live.filter(|live| !live.deleting && is_ours(&now, &account, live));
        now.service_account = match &live {
            // A credential that is gone makes the difference: what is left on an account of somebody else's is only our keys.
            Some(live) if now.credential_id.is_none() && has_nothing(&now, &account, live)? => None,
            Some(live) => Some(refreshed(&now, &account, live)),
            None => None,
        };
        let owns = now.service_account.as_ref().is_some_and(Account::owns_object);
        now.service_account_uid = live.filter(|_| owns).map(|live| live.uid);
    }
    roles(context, azure, &mut now).await?;
    Ok((!now.is_gone()).then_some(now))
}

/// Whether this is the account of the state: where the object is ours, a successor of the same name is not.
fn is_ours(now: &Model, account: &Account, live: &ServiceAccount) -> bool {
    !account.owns_object() || now.service_account_uid.as_ref().is_none_or(|uid| *uid == live.uid)
}

fn has_nothing(now: &Model, account: &Account, live: &ServiceAccount) -> Result<bool> {
    Ok(!account.owns_object() && live.managers.applied_by(&now.field_manager()?).is_empty())
}

/// The account with the values that its keys have now.
fn refreshed(now: &Model, account: &Account, live: &ServiceAccount) -> Account {
    let found = &live.fields.annotations;
    let mut annotations = rules::still(account.annotations.as_ref(), found);
    let mut annotate = account.annotate;
    if account.annotates() {
        for (key, ours) in [(CLIENT_ID, &now.client_id), (TENANT_ID, &now.tenant_id)] {
            match found.get(key) {
                Some(value) if Some(value) == ours.as_ref() => {}
                Some(value) => {
                    annotations.get_or_insert_default().insert(key.to_owned(), Some(value.clone()));
                }
                None => annotate = Some(false),
            }
        }
    }
    let expiration = found.get(TOKEN_EXPIRATION).and_then(|seconds| seconds.parse().ok());
    Account {
        annotate,
        annotations,
        labels: rules::still(account.labels.as_ref(), &live.fields.labels),
        token_expiration_seconds: account.token_expiration_seconds.and(expiration),
        ..account.clone()
    }
}

/// Takes out of the state the roles that are gone, and of those whose assignment says something else by now the entry: the id stays,
/// so that the next apply mends or replaces the assignment.
async fn roles(context: &Context, azure: &Azure, now: &mut Model) -> Result<()> {
    let before = now.role_assignment_ids.clone().unwrap_or_default();
    let (mut left, mut right) = (BTreeMap::new(), BTreeSet::new());
    for (key, id) in &before {
        let parsed: RoleAssignmentId = id.parse().map_err(|error| Error::defect(format!("{id}: {error}")))?;
        if let Some(found) = azure.role_assignments().read(&parsed, &context.wait).await? {
            left.insert(key.clone(), id.clone());
            if says(now, key, &found.properties) {
                right.insert(key.clone());
            }
        }
    }
    let mut entries: Vec<Role> = now.role_assignments.clone().unwrap_or_default();
    // Only where one is gone it must be known which entry that was, which may take a lookup of its role.
    if right.len() < entries.len() {
        let mut there = Vec::new();
        for entry in entries {
            let scope = entry.scope.parse().map_err(|error| Error::defect(format!("{}: {error}", entry.scope)))?;
            let guid = check::guid(azure, &scope, &entry, context).await?;
            if right.contains(&role_rules::key(&entry.scope, &guid)) {
                there.push(entry);
            }
        }
        entries = there;
        now.role_assignments = Some(entries);
    }
    if left != before {
        now.role_assignment_ids = Some(left);
    }
    Ok(())
}

/// Whether an assignment gives the binding's identity the role of `key`, without a condition.
fn says(now: &Model, key: &str, found: &RoleAssignmentProperties) -> bool {
    let unconditional = found.condition.as_deref().unwrap_or_default().is_empty();
    let principal = now.principal_id.as_deref().is_none_or(|ours| ours.eq_ignore_ascii_case(&found.principal_id));
    unconditional && principal && role_rules::key(&found.scope, &found.role_definition_id) == key
}

/// The binding whose credential and cluster an import names: `<credential id>` or `<credential id>|<cluster id>`.
pub(in crate::resources) async fn import(context: &Context, given: &str) -> Result<Option<Model>> {
    let malformed = |error: String| {
        Error::new(
            "The import id is malformed",
            format!("{error}\n\nExpected the id of the credential, or `<credential id>|<cluster id>`."),
        )
    };
    let (credential, cluster) = match given.split_once('|') {
        Some((credential, cluster)) => (credential, Some(cluster)),
        None => (given, None),
    };
    let id: CredentialId = credential.parse().map_err(|error: crate::azure::IdError| malformed(error.to_string()))?;
    let clients = context.clients()?;
    let cluster = match cluster {
        Some(cluster) => Some(cluster.parse().map_err(|error: crate::azure::IdError| malformed(error.to_string()))?),
        None => clients.cluster_id()?,
    };
    let azure = clients.azure()?;
    let Some(found) = azure.credentials().get(&id, &context.wait).await? else { return Ok(None) };
    credential::refuse_expression(&found)?;
    let of = found.properties.subject.as_deref().unwrap_or_default();
    let Some((namespace, name)) = subject::parse(of) else {
        return Err(Error::new(
            "The credential is not for a service account",
            format!(
                "Its subject is `{of}`, and a binding's is `system:serviceaccount:NAMESPACE:NAME`. Import it as \
                 azwi_federated_identity_credential."
            ),
        ));
    };
    let model = Model {
        user_assigned_identity_id: id.identity().to_string(),
        cluster_id: cluster.map(|cluster| cluster.to_string()),
        issuer: None,
        service_account: Some(Account {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            manage: None,
            annotate: None,
            labels: None,
            annotations: None,
            token_expiration_seconds: None,
        }),
        credential_name: Some(found.name.clone()),
        audience: None,
        role_assignments: None,
        wait_until_usable: None,
        id: Some(id.to_string()),
        client_id: None,
        tenant_id: None,
        principal_id: None,
        subject: None,
        credential_id: None,
        service_account_uid: None,
        role_assignment_ids: Some(BTreeMap::new()),
        usable: None,
        pod_labels: Some(Model::pod_labels()),
    };
    let live = clients.kubernetes()?.service_account(namespace, name, &context.wait).await?;
    let account = live.filter(|live| !live.deleting).map(|live| claimed(&model, &live)).transpose()?;
    read(context, Model { service_account: account, ..model }).await
}

/// The account as an import takes it: what is the binding's of it is told by its managed fields.
fn claimed(model: &Model, live: &ServiceAccount) -> Result<Account> {
    let manager = model.field_manager()?;
    let mut claim = account_import::claim(live, &manager);
    // A binding that made the account has applied to it; any other account is somebody else's.
    if live.managers.applied_by(&manager).is_empty() {
        claim.annotations_only = true;
        claim.fields = live.fields.only(&[Key::Annotation(CLIENT_ID.to_owned())].into());
    }
    let mut annotations = claim.fields.annotations;
    let annotated = annotations.remove(CLIENT_ID).is_some();
    annotations.remove(TENANT_ID);
    let expiration = annotations.remove(TOKEN_EXPIRATION).and_then(|seconds| seconds.parse().ok());
    let map = |map: BTreeMap<String, String>| -> Option<rules::Map> {
        (!map.is_empty()).then(|| map.into_iter().map(|(key, value)| (key, Some(value))).collect())
    };
    Ok(Account {
        namespace: live.namespace.clone(),
        name: live.name.clone(),
        manage: claim.annotations_only.then(|| ANNOTATIONS.to_owned()),
        annotate: (!annotated).then_some(false),
        labels: map(claim.fields.labels),
        annotations: map(annotations),
        token_expiration_seconds: expiration,
    })
}
