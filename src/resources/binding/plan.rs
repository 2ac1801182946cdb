//! What a plan can settle and tell of a binding. No check here refuses what apply could do; each is made again in apply.

use super::check;
use super::model::ANNOTATIONS;
use crate::azure::{ClusterId, CredentialId, IdentityId};
use crate::clients::{Clients, Endpoint, PlanChecks};
use crate::context::Context;
use crate::domain::binding::{self, POD_LABEL, advice, issuer};
use crate::domain::object::Object;
use crate::domain::service_account::CLIENT_ID;
use crate::domain::subject;
use crate::error::{Error, Result};
use crate::kubernetes::ServiceAccount;
use crate::lifecycle::plan::Plan;
use crate::resource::Owned;
use crate::resources::shared::account::{owned_objects, warn_of_keys};
use crate::resources::shared::credential::{self as shared, LOOKUP};
use crate::resources::shared::plan_check::PlanCheck;
use crate::resources::shared::role;
use crate::value::{self, Known, Value};

/// Settles what follows from the configuration, and checks what can be checked.
pub(in crate::resources) async fn plan(context: &Context, plan: &mut Plan) -> Result<()> {
    let (label, labelled) = POD_LABEL;
    warn_of_broad_access(context, plan);
    warn_of_keys(context, value::attribute(&plan.config, "service_account"), Some("service_account"));
    plan.settle("pod_labels", Value::Value(Known::Map([(label.to_owned(), value::string(labelled))].into())));
    if let Ok(clients) = context.clients() {
        if let Some(settings) = clients.azure_settings() {
            plan.settle("audience", value::string(settings.environment.token_exchange_audience()));
        }
        settle_cluster(clients, plan)?;
        settle_issuer(context, clients, plan).await?;
    }
    settle_names(plan);
    settle_parts(plan);
    let new = credential(&plan.planned);
    let pair = text(plan, "issuer").zip(text(plan, "subject"));
    shared::check_at_plan(context, plan, new.as_ref(), pair).await?;
    check_account(context, plan).await?;
    check_roles(context, plan).await
}

fn text(plan: &Plan, name: &str) -> Option<String> {
    value::as_str(plan.planned(name)).map(str::to_owned)
}

fn account<'a>(plan: &'a Plan, name: &str) -> &'a Value {
    value::attribute(plan.planned("service_account"), name)
}

/// The id of a planned or stored binding's credential, where it is known.
fn credential(object: &Value) -> Option<CredentialId> {
    let text = |name| value::as_str(value::attribute(object, name));
    let identity: IdentityId = text("user_assigned_identity_id")?.parse().ok()?;
    CredentialId::new(identity, text("credential_name")?).ok()
}

/// What a planned or stored binding owns, as far as it is known. A role is told by what the configuration calls it; apply tells
/// by the ids.
pub(in crate::resources) fn owns(object: &Value) -> Vec<Owned> {
    let text = |of, name| value::as_str(value::attribute(of, name));
    let id = credential(object);
    let pair = text(object, "issuer").zip(text(object, "subject"));
    let pair = pair.map(|(issuer, subject)| (issuer.to_owned(), subject.to_owned()));
    let mut owned = shared::owns(id.as_ref(), pair, "credential_name");
    let account = value::attribute(object, "service_account");
    if let Some((namespace, name)) = text(account, "namespace").zip(text(account, "name")) {
        let manager = id.as_ref().map(|id| binding::field_manager(&id.to_string()));
        let whole = text(account, "manage") != Some(ANNOTATIONS);
        let objects = owned_objects(namespace, name, manager.as_deref(), whole);
        owned.extend(objects.into_iter().map(|object| Owned { object, attribute: "service_account" }));
    }
    let (Value::Value(Known::List(roles)), Some(identity)) =
        (value::attribute(object, "role_assignments"), text(object, "user_assigned_identity_id"))
    else {
        return owned;
    };
    owned.extend(roles.iter().filter_map(|named| {
        let role = text(named, "role_definition_id").or(text(named, "role_definition_name"))?;
        Some(Owned { object: Object::role(text(named, "scope")?, role, identity), attribute: "role_assignments" })
    }));
    owned
}

/// The provider's cluster is the default, and the only one that the service account can be in.
fn settle_cluster(clients: &Clients, plan: &mut Plan) -> Result<()> {
    let unknown = clients.kubernetes().is_err_and(|error| error.configuration_unknown);
    if unknown {
        return Ok(());
    }
    let ours = clients.cluster_id()?;
    let prior = value::as_str(value::attribute(&plan.prior, "cluster_id")).map(str::to_owned);
    let same = |text: &String| text.parse::<ClusterId>().ok() == ours;
    plan.settle(
        "cluster_id",
        match (&ours, prior) {
            (_, Some(prior)) if same(&prior) => value::string(prior),
            (Some(ours), _) => value::string(ours.to_string()),
            (None, _) => Value::Null,
        },
    );
    if let Some(planned) = text(plan, "cluster_id").and_then(|id| id.parse().ok()) {
        check::is_the_provider_s_cluster(Some(&planned), ours.as_ref())?;
    }
    let no_issuer = value::attribute(&plan.config, "issuer").is_null();
    if no_issuer && plan.planned("cluster_id").is_null() { Err(check::no_source_of_issuer()) } else { Ok(()) }
}

/// The cluster's issuer, which a configured one must equal to the letter.
async fn settle_issuer(context: &Context, clients: &Clients, plan: &mut Plan) -> Result<()> {
    let Some(id) = text(plan, "cluster_id").and_then(|id| id.parse::<ClusterId>().ok()) else { return Ok(()) };
    let check = PlanCheck { endpoint: Endpoint::Azure, what: "which issuer the cluster has", attribute: "cluster_id" };
    let Some(azure) = check.azure(context, clients)? else { return Ok(()) };
    let written = value::attribute(&plan.config, "issuer");
    let wait = context.wait.within(LOOKUP);
    // A cluster that does not exist may be made in the same apply.
    let Some(Some(cluster)) = check.ask(context, azure.clusters().recent(&id, &wait)).await? else { return Ok(()) };
    match (&cluster.issuer, value::as_str(written)) {
        (Some(real), Some(written)) => issuer::compare(written, real, "the cluster's")
            .map_err(|told| Error::new("The issuer is not the cluster's", told).at("issuer")),
        (Some(real), None) => {
            plan.settle("issuer", value::string(real.clone()));
            Ok(())
        }
        (None, _) => {
            // It may be switched on in the same apply.
            context.warn(advice::without_issuer(&id, &cluster).at("cluster_id"));
            Ok(())
        }
    }
}

/// Names that follow from others.
fn settle_names(plan: &mut Plan) {
    let account = |plan: &Plan, name| value::as_str(account(plan, name)).map(str::to_owned);
    if let (Some(namespace), Some(name)) = (account(plan, "namespace"), account(plan, "name")) {
        let planned = subject::of_service_account(&namespace, &name);
        // Where the account is gone, its name is not in the state any more; the subject still tells it.
        let before = value::as_str(value::attribute(&plan.prior, "subject")).map(str::to_owned);
        let lost = value::attribute(&plan.prior, "service_account").is_null();
        if lost && before.is_some_and(|before| subject::parse(&before).is_some() && before != planned) {
            plan.replace_because_of("service_account");
        }
        plan.settle("subject", value::string(planned));
        if plan.planned("credential_name").is_unknown()
            && let Some(issuer) = text(plan, "issuer")
        {
            plan.settle("credential_name", value::string(binding::credential_name(&issuer, &namespace, &name)));
        }
    }
    if let Some(id) = credential(&plan.planned) {
        let id = value::string(id.to_string());
        if plan.is_create() {
            plan.settle("id", id.clone());
        }
        if plan.planned("credential_id").is_unknown() || plan.planned("credential_id").is_null() {
            plan.settle("credential_id", id);
        }
    }
}

/// Parts that are not there are made, and what depends on them is open.
fn settle_parts(plan: &mut Plan) {
    let prior = plan.prior.clone();
    let before = |name: &str| value::attribute(&prior, name);
    let (entries, ids) = (plan.planned("role_assignments").clone(), before("role_assignment_ids"));
    let entries = match &entries {
        Value::Null => Some(0),
        Value::Value(Known::List(entries)) => Some(entries.len()),
        _ => None,
    };
    let ids = value::as_map(ids).map_or(0, std::collections::BTreeMap::len);
    if plan.is_create() && entries == Some(0) {
        plan.settle("role_assignment_ids", Value::Value(Known::Map(Default::default())));
    } else if !plan.is_create() && entries != Some(ids) {
        plan.settle("role_assignment_ids", Value::Unknown);
    } else if !plan.is_create() && assigned(before("role_assignments")) == assigned(plan.planned("role_assignments")) {
        plan.settle("role_assignment_ids", before("role_assignment_ids").clone());
    }
    match value::as_str(account(plan, "manage")) {
        Some(ANNOTATIONS) => plan.settle("service_account_uid", Value::Null),
        _ if before("service_account_uid").is_null() => plan.settle("service_account_uid", Value::Unknown),
        _ => {}
    }
    if plan.is_create() {
        return;
    }
    let touched = ["issuer", "audience", "subject", "credential_id", "client_id", "service_account"]
        .iter()
        .any(|name| plan.changes_attribute(name));
    let (usable, wait) = (before("usable"), plan.planned("wait_until_usable").clone());
    let tried_in_vain = wait != value::boolean(false) && usable == &value::boolean(false);
    let demanded = wait == value::boolean(true) && usable != &value::boolean(true);
    if touched || tried_in_vain || demanded {
        plan.settle("usable", Value::Unknown);
    }
}

/// Terraform has no path to an element of a set, so the text says which one it is about.
fn warn_of_broad_access(context: &Context, plan: &Plan) {
    let Value::Value(Known::List(entries)) = plan.planned("role_assignments") else { return };
    for broad in entries.iter().filter_map(role::broad) {
        context.warn(broad.warning.at("role_assignments"));
    }
}

/// The entries without what they acknowledge: what Azure gets to see.
fn assigned(entries: &Value) -> Value {
    let Value::Value(Known::List(entries)) = entries else { return entries.clone() };
    let mut entries = entries.clone();
    for entry in &mut entries {
        if let Value::Value(Known::Map(entry)) = entry {
            entry.remove(role::ACCEPT_BROAD_ACCESS);
        }
    }
    value::make_set(&mut entries);
    Value::Value(Known::List(entries))
}

/// Whether the roles that are named exist.
async fn check_roles(context: &Context, plan: &Plan) -> Result<()> {
    let Value::Value(Known::List(roles)) = plan.planned("role_assignments") else { return Ok(()) };
    if !plan.changes_attribute("role_assignments") {
        return Ok(());
    }
    for named in roles {
        let text = |name| value::as_str(value::attribute(named, name));
        if let (Some(scope), Some(name)) = (text("scope"), text("role_definition_name")) {
            role::find_at_plan(context, scope, name, "role_assignments").await?;
        }
    }
    Ok(())
}

/// Whether the service account names another identity. That may change in the same run, so it is never more than a warning.
async fn check_account(context: &Context, plan: &Plan) -> Result<()> {
    let Ok(clients) = context.clients() else { return Ok(()) };
    let at = |name: &str| value::as_str(account(plan, name)).map(str::to_owned);
    let (Some(namespace), Some(name)) = (at("namespace"), at("name")) else { return Ok(()) };
    if !plan.is_create() {
        return Ok(());
    }
    let replaced = context.call.ledger().replaced(|object| object.is_of_account(&namespace, &name).then_some(()));
    let wanted = account(plan, "annotate") != &value::boolean(false)
        && plan.planned("adopt_existing") != &value::boolean(true)
        && clients.plan_checks != PlanChecks::Off
        && replaced.is_empty();
    let Some(id) = credential(&plan.planned).filter(|_| wanted) else { return Ok(()) };
    let check = |endpoint| PlanCheck {
        endpoint,
        what: "whether the service account belongs to another identity",
        attribute: "service_account",
    };
    let (of_azure, of_cluster) = (check(Endpoint::Azure), check(Endpoint::Kubernetes));
    let Some(azure) = of_azure.azure(context, clients)? else { return Ok(()) };
    let Some(kubernetes) = of_cluster.kubernetes(context, clients)? else { return Ok(()) };
    let wait = context.wait.within(LOOKUP);
    let live = of_cluster.ask(context, kubernetes.service_account(&namespace, &name, &wait)).await?.flatten();
    let annotated = |live: &ServiceAccount| live.fields.annotations.contains_key(CLIENT_ID);
    let Some(live) = live.filter(annotated) else { return Ok(()) };
    let found = of_azure.ask(context, azure.identities().get(id.identity(), &wait)).await?.flatten();
    let Some(identity) = found.map(|identity| identity.properties) else { return Ok(()) };
    let manager = binding::field_manager(&id.to_string());
    if let Some(told) = advice::other_identity(&live, &identity.client_id, &identity.tenant_id, &manager) {
        context.warn(advice::belongs_to_another(&namespace, &name, &told));
    }
    Ok(())
}
