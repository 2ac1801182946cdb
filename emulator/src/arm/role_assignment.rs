//! `Microsoft.Authorization/roleAssignments`, at any scope.
//!
//! A name (GUID) is unique in its tenant whatever the scope; scope, principal and role of an assignment never change; and the
//! same three may not be assigned twice. A PUT that repeats an assignment under its own name is taken without a word.

use http::StatusCode;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::error::Error;
use super::{ResourceType, built_in_roles, id, page, role_definition};
use crate::core::guid::guid;
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Caller, Operation};
use crate::core::store::Store;
use crate::core::world::World;
use crate::entra::principal;

const TYPE: ResourceType = ResourceType {
    name: "Microsoft.Authorization/roleAssignments",
    versions: &[
        "2014-04-01-preview",
        "2014-10-01-preview",
        "2015-05-01-preview",
        "2015-06-01",
        "2015-07-01",
        "2016-07-01",
        "2017-05-01",
        "2017-09-01",
        "2017-10-01-preview",
        "2018-01-01-preview",
        "2018-07-01",
        "2018-09-01-preview",
        "2019-04-01-preview",
        "2020-03-01-preview",
        "2020-04-01-preview",
        "2020-08-01-preview",
        "2020-10-01-preview",
        "2021-04-01-preview",
        "2022-01-01-preview",
        "2022-04-01",
        "2026-08-01",
    ],
};
const ALL: &str = "/{*scope}/providers/Microsoft.Authorization/roleAssignments";
const ONE: &str = "/{*scope}/providers/Microsoft.Authorization/roleAssignments/{name}";

pub(crate) const OPERATIONS: &[Operation] = &[
    TYPE.operation("RoleAssignments_Create", "PUT", ONE, put),
    TYPE.operation("RoleAssignments_Get", "GET", ONE, get),
    TYPE.operation("RoleAssignments_Delete", "DELETE", ONE, delete),
    TYPE.operation("RoleAssignments_ListForScope", "GET", ALL, list),
];

/// The scope of a request, which must exist as far as the emulator knows its kind: resource groups and identities do,
/// other resources are believed.
pub(super) fn scope(world: &World, call: &Call<'_>) -> Result<String, Error> {
    let scope = call.parameter("scope");
    let segments: Vec<&str> = scope.split('/').skip(1).collect();
    let [first, subscription, rest @ ..] = &segments[..] else {
        // The root, or a word that is nothing.
        return if scope.is_empty() { Ok(String::new()) } else { Err(invalid_scope(scope)) };
    };
    if first.eq_ignore_ascii_case("providers") {
        let group = matches!(rest, [kind, _] if kind.eq_ignore_ascii_case("managementGroups"));
        return if group && subscription.eq_ignore_ascii_case("Microsoft.Management") {
            Ok(scope.to_owned())
        } else {
            Err(invalid_scope(scope))
        };
    }
    if !first.eq_ignore_ascii_case("subscriptions") {
        return Err(invalid_scope(scope));
    }
    super::subscription::require(&world.store, subscription)?;
    let [kind, group, rest @ ..] = rest else {
        return if rest.is_empty() { Ok(scope.to_owned()) } else { Err(invalid_scope(scope)) };
    };
    let resource = match kind {
        kind if kind.eq_ignore_ascii_case("resourceGroups") => {
            id::find_group(&world.store, subscription, group)?;
            rest
        }
        kind if kind.eq_ignore_ascii_case("providers") => return Ok(scope.to_owned()),
        _ => return Err(invalid_scope(scope)),
    };
    match resource {
        [] => {}
        [providers, _, _, _, ..] if providers.eq_ignore_ascii_case("providers") && resource.len() % 2 == 0 => {}
        _ => return Err(invalid_scope(scope)),
    }
    if let [_, namespace, kind, name] = resource
        && kind.eq_ignore_ascii_case("userAssignedIdentities")
        && namespace.eq_ignore_ascii_case("Microsoft.ManagedIdentity")
        && world.store.get(&id::key(scope)).is_none()
    {
        return Err(super::error::resource_not_found("Microsoft.ManagedIdentity/userAssignedIdentities", name, group));
    }
    Ok(scope.to_owned())
}

fn invalid_scope(scope: &str) -> Error {
    Error::bad_request(
        "InvalidScope",
        format!("The scope '{scope}' is not the id of a management group, subscription, resource group or resource."),
    )
}

fn tenant(call: &Call<'_>) -> String {
    call.caller.as_ref().map(|caller| caller.tenant.clone()).unwrap_or_default()
}

fn key(call: &Call<'_>) -> String {
    format!("arm/roleassignments/{}/{}", tenant(call), call.parameter("name").to_lowercase())
}

fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let scope = scope(world, call)?;
    let name = guid(call.parameter("name"), "a role assignment").map_err(|_| {
        let message = format!(
            "The role assignment ID '{}' is not valid. The role assignment ID must be a GUID.",
            call.parameter("name")
        );
        Error::bad_request("InvalidRoleAssignmentId", message)
    })?;
    let wanted = Wanted::read(&id::body(call)?)?;
    if built_in_roles::find(&wanted.role).is_none() {
        let message =
            format!("The specified role definition with ID '{}' does not exist.", wanted.role.replace('-', ""));
        return Err(Error::bad_request("RoleDefinitionDoesNotExist", message).into());
    }
    let now = world.clock.now().format(&Rfc3339).unwrap_or_default();
    let by = call.caller.as_ref().map(|caller: &Caller| caller.object_id.clone()).unwrap_or_default();
    let same = |other: &Value| {
        let text = |field: &str| other.at("properties")[field].as_str().unwrap_or_default().to_lowercase();
        text("scope") == scope_or_root(&scope).to_lowercase()
            && text("principalId") == wanted.principal
            && text("roleDefinitionId").ends_with(&format!("/{}", wanted.role))
    };
    if let Some(mut there) = world.store.get(&key(call)).cloned() {
        if !same(&there) {
            let message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
            return Err(Error::bad_request("RoleAssignmentUpdateNotPermitted", message).into());
        }
        if let Some(properties) = there.get_mut("properties").and_then(Value::as_object_mut) {
            let before = properties.clone();
            properties.extend(wanted.changeable.clone());
            if *properties != before {
                properties.insert("updatedOn".to_owned(), json!(now));
                properties.insert("updatedBy".to_owned(), json!(by));
            }
        }
        world.store.put(key(call), there.clone());
        return Ok(Response::json(StatusCode::OK, &there));
    }
    let kind = principal_type(world, &tenant(call), &wanted)?;
    let prefix = format!("arm/roleassignments/{}/", tenant(call));
    if let Some(other) = world.store.under(&prefix).map(|(_, other)| other).find(|other| same(other)) {
        let id = other.text("name").replace('-', "");
        let message = format!("The role assignment already exists. The ID of the existing role assignment is {id}.");
        return Err(Error::conflict("RoleAssignmentExists", message).into());
    }
    let mut properties = json!({
        "roleDefinitionId": role_definition::id_at(&wanted.role, &scope),
        "principalId": wanted.principal,
        "principalType": kind,
        "scope": scope_or_root(&scope),
        "createdOn": now,
        "updatedOn": now,
        "createdBy": by,
        "updatedBy": by,
        "delegatedManagedIdentityResourceId": wanted.delegated,
    });
    if let Some(properties) = properties.as_object_mut() {
        properties.extend(wanted.changeable);
    }
    let assignment = json!({
        "properties": properties,
        "id": format!("{scope}/providers/{}/{name}", TYPE.name),
        "type": TYPE.name,
        "name": name,
    });
    world.store.put(key(call), assignment.clone());
    Ok(Response::json(StatusCode::CREATED, &assignment))
}

fn scope_or_root(scope: &str) -> &str {
    if scope.is_empty() { "/" } else { scope }
}

/// What the body of a PUT asks for.
struct Wanted {
    /// The role's GUID, in lower case.
    role: String,
    /// The principal's GUID, in lower case.
    principal: String,
    principal_type: Option<String>,
    delegated: Value,
    /// What may be changed later: description and condition.
    changeable: Map<String, Value>,
}

impl Wanted {
    fn read(body: &Value) -> Result<Self, Error> {
        let properties = match body.get("properties") {
            Some(Value::Object(properties)) => properties,
            None | Some(Value::Null) => return Err(Error::content("Required property 'properties' not found in JSON")),
            Some(_) => return Err(Error::content("The property 'properties' must be an object")),
        };
        let text = |name: &str| match properties.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Error::content(format!("The property '{name}' must be a string"))),
        };
        let need = |name: &str| {
            text(name)?.filter(|it| !it.is_empty()).ok_or_else(|| {
                Error::bad_request(
                    "BadRequestFormat",
                    format!("The request was incorrectly formatted: '{name}' is missing."),
                )
            })
        };
        let role = need("roleDefinitionId")?;
        let role = guid(role.rsplit('/').next().unwrap_or_default(), "a role definition").map_err(|_| {
            Error::bad_request(
                "InvalidRoleDefinitionId",
                format!("The role definition ID '{role}' is not valid. The role definition ID must be a GUID."),
            )
        })?;
        let principal = need("principalId")?;
        let principal = guid(&principal, "a principal").map_err(|_| {
            Error::bad_request(
                "InvalidPrincipalId",
                format!("The principal ID '{principal}' is not valid. Principal ID must be a GUID."),
            )
        })?;
        let condition_version = text("conditionVersion")?;
        if text("condition")?.is_some() && condition_version.as_deref().unwrap_or("2.0") != "2.0" {
            return Err(Error::bad_request("InvalidConditionVersion", "The only accepted conditionVersion is '2.0'."));
        }
        let mut changeable = Map::new();
        for name in ["description", "condition", "conditionVersion"] {
            changeable.insert(name.to_owned(), text(name)?.map_or(Value::Null, Value::from));
        }
        let delegated = text("delegatedManagedIdentityResourceId")?.map_or(Value::Null, Value::from);
        Ok(Self { role, principal, principal_type: text("principalType")?, delegated, changeable })
    }
}

/// Looks the principal up as the service does, and returns its type.
fn principal_type(world: &World, tenant: &str, wanted: &Wanted) -> Result<String, Error> {
    let replicated = |found: &&Value| {
        let delay = world.settings.propagation_ms(world.settings.principal_replication_ms);
        let visible_at = found.at("createdMs").as_i64().unwrap_or(0).saturating_add(delay);
        let trusted = world.settings.rules.principal_type_skips_replication && wanted.principal_type.is_some();
        trusted || found.at("createdMs") == 0 || visible_at <= world.now_ms()
    };
    let Some(found) = principal::get(&world.store, tenant, &wanted.principal).filter(replicated) else {
        let message = format!(
            "Principal {} does not exist in the directory {tenant}. Check that you have the correct principal ID. If you are \
             creating this principal and then immediately assigning a role, this error might be related to a replication \
             delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, \
             or Group. See https://aka.ms/docs-principaltype",
            wanted.principal.replace('-', "")
        );
        return Err(Error::bad_request("PrincipalNotFound", message));
    };
    let actual = found.text("principalType");
    match &wanted.principal_type {
        Some(given) if !given.eq_ignore_ascii_case(actual) => {
            let message = format!(
                "The PrincipalId '{}' has type '{actual}' , which is different from specified PrinciaplType '{given}'.",
                wanted.principal.replace('-', "")
            );
            Err(Error::bad_request("UnmatchedPrincipalType", message))
        }
        _ => Ok(actual.to_owned()),
    }
}

/// The assignment of a request's name, when its scope is the request's.
fn find<'a>(world: &'a World, call: &Call<'_>, scope: &str) -> Option<&'a Value> {
    let found = world.store.get(&key(call))?;
    found.at("properties").at("scope").as_str()?.eq_ignore_ascii_case(scope_or_root(scope)).then_some(found)
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let scope = scope(world, call)?;
    let assignment = find(world, call, &scope).ok_or_else(|| {
        let message = format!("The role assignment '{}' is not found.", call.parameter("name"));
        Error::not_found("RoleAssignmentNotFound", message)
    })?;
    Ok(Response::json(StatusCode::OK, assignment))
}

fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let scope = scope(world, call)?;
    if find(world, call, &scope).is_none() {
        return Ok(Response::empty(StatusCode::NO_CONTENT));
    }
    let gone = world.store.remove(&key(call)).unwrap_or_default();
    Ok(Response::json(StatusCode::OK, &gone))
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let here = scope(world, call)?.to_lowercase();
    let filter = call.request.query("$filter").unwrap_or_default();
    let (mut below, mut principal) = (true, None);
    for condition in role_definition::conditions(filter) {
        match condition {
            ("atScope()", None) => below = false,
            ("principalId" | "assignedTo", Some(id)) => principal = Some(id.to_lowercase()),
            _ => return Err(role_definition::unsupported(filter).into()),
        }
    }
    let wanted = |assignment: &&Value| {
        let text = |name: &str| assignment.at("properties")[name].as_str().unwrap_or_default().to_lowercase();
        let scope = text("scope");
        // A management group is above every subscription: the emulator has no tree of them.
        let above = scope.starts_with("/providers/microsoft.management/") || id::is_within(&here, &scope);
        (above || (below && id::is_within(&scope, &here)))
            && principal.as_ref().is_none_or(|id| text("principalId") == *id)
    };
    let prefix = format!("arm/roleassignments/{}/", tenant(call));
    let items = world.store.under(&prefix).map(|(_, assignment)| assignment).filter(wanted).cloned().collect();
    Ok(page::answer(world, call.request, &page::sorted(items))?)
}

/// Removes the assignments whose scope is this id or below it: they go with their resource.
pub(super) fn forget_within(store: &mut Store, id: &str) {
    let id = id.to_lowercase();
    let within = |assignment: &Value| {
        assignment.at("properties").at("scope").as_str().is_some_and(|scope| id::is_within(&scope.to_lowercase(), &id))
    };
    let gone: Vec<String> = store
        .under("arm/roleassignments/")
        .filter(|(_, assignment)| within(assignment))
        .map(|(key, _)| key.to_owned())
        .collect();
    for key in gone {
        store.remove(&key);
    }
}

#[cfg(test)]
#[path = "role_assignment_tests.rs"]
mod tests;
