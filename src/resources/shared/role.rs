//! Finding the role that a configuration names, and the assignment that may be there already.

use crate::azure::role_assignments::{Filter, RoleAssignment};
use crate::azure::{Azure, ErrorKind, RoleDefinitionId, Scope};
use crate::clients::Endpoint;
use crate::context::Context;
use crate::domain::broad_access::{self, Broad};
use crate::domain::role_assignment::{role_guid, same_role, same_scope};
use crate::error::{Error, Result};
use crate::resources::shared::credential::LOOKUP;
use crate::resources::shared::plan_check::PlanCheck;
use crate::schema::{Attribute, boolean, optional};
use crate::value::{self, Value};
use crate::wait::Wait;

/// The attribute of [`accept_broad_access`].
pub(in crate::resources) const ACCEPT_BROAD_ACCESS: &str = "accept_broad_access";

/// A role by name, or by id.
#[derive(Debug, Clone, Copy)]
pub(in crate::resources) struct Named<'a> {
    /// `role_definition_id`.
    pub(in crate::resources) id: Option<&'a str>,
    /// `role_definition_name`.
    pub(in crate::resources) name: Option<&'a str>,
}

/// A role that was found.
#[derive(Debug, Clone)]
pub(in crate::resources) struct Role {
    /// Its id, as Azure writes it at the scope.
    pub(in crate::resources) id: String,
    /// What people call it.
    pub(in crate::resources) name: String,
}

/// The role's id and name: each looked up by the other where only one is known.
pub(in crate::resources) async fn find(azure: &Azure, scope: &Scope, named: Named<'_>, wait: &Wait) -> Result<Role> {
    let roles = azure.role_definitions();
    match (named.id, named.name) {
        (Some(id), Some(name)) => Ok(Role { id: id.to_owned(), name: name.to_owned() }),
        (None, Some(name)) => {
            let found =
                roles.find(scope, name, wait).await.map_err(|error| Error::from(error).at("role_definition_name"))?;
            Ok(Role { id: found.id, name: found.properties.role_name })
        }
        (Some(id), None) => match roles.get(scope, &id_at(scope, id)?, wait).await? {
            Some(found) => Ok(Role { id: found.id, name: found.properties.role_name }),
            None => Err(Error::new(
                format!("No role has the id {id}"),
                "Check the GUID at its end: az role definition list --name NAME --query \"[].id\" --output tsv",
            )
            .at("role_definition_id")),
        },
        (None, None) => Err(Error::defect("A role assignment was planned without a role.")),
    }
}

/// Looks whether the role of a planned assignment exists, before the assignment that it replaces is deleted. Where scope or role
/// is not known yet, it cannot be told.
///
/// # Errors
/// If there is no such role, or it cannot be looked up, which creating the assignment needs as well.
pub(in crate::resources) async fn check_exists(context: &Context, assignment: &Value) -> Result<()> {
    let text = |name| value::as_str(value::attribute(assignment, name));
    let (id, name) = (text("role_definition_id"), text("role_definition_name"));
    let Some(Ok(scope)) = text("scope").map(str::parse::<Scope>) else { return Ok(()) };
    if id.is_none() && name.is_none() {
        return Ok(());
    }
    find(context.clients()?.azure()?, &scope, Named { id, name }, &context.wait).await.map(drop)
}

/// The role of this name, as far as a plan can tell; `attribute` is where the configuration names it.
///
/// # Errors
/// Where checks at plan are required and this one cannot be made. That there is no such role is a warning: it may be made in the
/// same apply, which looks again before it writes.
pub(in crate::resources) async fn find_at_plan(
    context: &Context,
    scope: &str,
    name: &str,
    attribute: &'static str,
) -> Result<Option<Role>> {
    let check = PlanCheck { endpoint: Endpoint::Azure, what: "whether a role of this name exists", attribute };
    let (Ok(clients), Ok(scope)) = (context.clients(), scope.parse::<Scope>()) else { return Ok(None) };
    let Some(azure) = check.azure(context, clients)? else { return Ok(None) };
    let found = check.ask(context, async {
        match azure.role_definitions().find(&scope, name, &context.wait.within(LOOKUP)).await {
            Err(missing) if missing.kind == ErrorKind::NotFound && missing.status.is_none() => Ok(Err(missing)),
            found => found.map(Ok),
        }
    });
    match found.await? {
        Some(Ok(found)) => Ok(Some(Role { id: found.id, name: found.properties.role_name })),
        Some(Err(missing)) => {
            let mut warning = Error::from(missing).at(attribute);
            warning.detail.push_str("\n\nUnless the same apply makes this role, it will fail here.");
            context.warn(warning);
            Ok(None)
        }
        None => Ok(None),
    }
}

/// The attribute that acknowledges broad access, of everything that assigns a role.
pub(in crate::resources) fn accept_broad_access() -> Attribute {
    optional(
        ACCEPT_BROAD_ACCESS,
        boolean(),
        "Says that broad access is meant: the root, a management group or a whole subscription as `scope`, or the role `Owner`, \
         `Contributor`, `User Access Administrator` or `Role Based Access Control Administrator`. Without it every plan warns of \
         these. Nothing is written to Azure for it.",
    )
}

/// What is broad about a planned assignment, unless that is acknowledged. What is not known yet is not told yet: Terraform plans
/// once more in apply, when it is.
pub(in crate::resources) fn broad(assignment: &Value) -> Option<Broad> {
    let of = |name| value::attribute(assignment, name);
    let accepted = of(ACCEPT_BROAD_ACCESS);
    if accepted.is_unknown() || accepted == &value::boolean(true) {
        return None;
    }
    let condition = of("condition");
    broad_access::of(broad_access::Assignment {
        scope: value::as_str(of("scope")),
        role_name: value::as_str(of("role_definition_name")),
        role_id: value::as_str(of("role_definition_id")),
        assigning_is_limited: condition.is_unknown()
            || value::as_str(condition).is_some_and(broad_access::limits_assigning),
    })
}

/// The id of a role at a scope, from any id that ends with its GUID.
pub(in crate::resources) fn id_at(scope: &Scope, role: &str) -> Result<RoleDefinitionId> {
    RoleDefinitionId::new(scope.clone(), role_guid(role))
        .map_err(|error| Error::new("The role's id is malformed", error.to_string()).at("role_definition_id"))
}

/// The assignment of the same role to the same principal at exactly this scope, under whatever name.
pub(in crate::resources) async fn equal(
    azure: &Azure,
    scope: &Scope,
    role: &str,
    principal_id: &str,
    wait: &Wait,
) -> Result<Option<RoleAssignment>> {
    let all = azure.role_assignments().list(scope, &Filter::Principal(principal_id.to_owned()), wait).await?;
    let at = scope.to_string();
    Ok(all.into_iter().find(|found| {
        same_scope(&found.properties.scope, &at) && same_role(&found.properties.role_definition_id, role)
    }))
}
