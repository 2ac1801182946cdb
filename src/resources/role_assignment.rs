//! `azwi_role_assignment`: gives one principal one role at one scope.
//!
//! Its name is derived from these three, so that making the same assignment twice is no conflict. That also means that a PUT
//! over somebody else's equal assignment would be accepted silently; so every create looks first.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::azure::id::same_name;
use crate::azure::role_assignments::{Grant, RoleAssignment as Assignment};
use crate::azure::{Azure, IdError, RoleAssignmentId, Scope, ScopeKind};
use crate::context::Context;
use crate::domain::existing::already_exists;
use crate::domain::role_assignment::{
    check_role_id, check_role_name, check_uuid, name, role_guid, same_role, same_scope,
};
use crate::error::{Error, Result};
use crate::lifecycle::plan::Plan;
use crate::lifecycle::validate::exactly_one;
use crate::resource::{IdentityAttribute, Resource};
use crate::resources::shared::role;
use crate::schema::{Schema, computed, optional, optional_computed, required, text};
use crate::value::{self, Value};

/// The resource.
pub(super) struct RoleAssignment;

/// The assignment as plan and state hold it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Model {
    scope: String,
    role_definition_name: Option<String>,
    role_definition_id: Option<String>,
    principal_id: String,
    principal_type: Option<String>,
    name: Option<String>,
    description: Option<String>,
    condition: Option<String>,
    condition_version: Option<String>,
    delegated_managed_identity_resource_id: Option<String>,
    accept_broad_access: Option<bool>,
    id: Option<String>,
}

#[async_trait]
impl Resource for RoleAssignment {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_role_assignment"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "An Azure role assignment. Exactly one of `role_definition_name` and `role_definition_id` says which role. A principal \
             that was made a moment ago is waited for: up to five minutes where this run made it, else two. Roles take effect \
             some minutes after they are assigned.",
            vec![
                required(
                    "scope",
                    text(),
                    "Where the role holds: the id of a management group, subscription, resource group or resource, from its slash on.",
                )
                .replaces()
                .check(|scope| scope.parse::<Scope>().map(drop).map_err(|error| error.to_string()))
                .same(same_scope),
                optional_computed(
                    "role_definition_name",
                    text(),
                    "The role's name, such as `Key Vault Secrets User`. It is looked up at the scope. Conflicts with `role_definition_id`.",
                )
                .replaces()
                .check(check_role_name)
                .same(same_name)
                .stable_unless(&["role_definition_id"]),
                optional_computed(
                    "role_definition_id",
                    text(),
                    "The role's id: its GUID, the id that Azure gives it in any scope, or that of `azurerm_role_definition`. Conflicts with \
                     `role_definition_name`.",
                )
                .replaces()
                .check(check_role_id)
                .same(same_role)
                .stable_unless(&["role_definition_name"]),
                required(
                    "principal_id",
                    text(),
                    "The object id of the principal; of a managed identity, its `principal_id`. It is not the client id.",
                )
                .replaces()
                .check(|id| check_uuid("a principal's object id", id))
                .same(str::eq_ignore_ascii_case),
                optional_computed(
                    "principal_type",
                    text(),
                    "What the principal is. Defaults to `ServicePrincipal`, which managed identities are, and with which Azure does \
                     not look a new principal up.",
                )
                .replaces()
                .one_of(&["ServicePrincipal", "User", "Group", "ForeignGroup", "Device"])
                .stable(),
                optional_computed(
                    "name",
                    text(),
                    "The assignment's name, a UUID. Defaults to one that is derived from scope, role and principal, so that the same \
                     assignment always has the same name.",
                )
                .replaces()
                .check(|name| check_uuid("a name", name))
                .same(str::eq_ignore_ascii_case)
                .stable(),
                optional("description", text(), "A description. Changes in place.").same(same_but_for_space).blank_is_null(),
                optional("condition", text(), "A condition (ABAC) that narrows the assignment. Changes in place.")
                    .same(same_but_for_space)
                    .blank_is_null(),
                optional_computed(
                    "condition_version",
                    text(),
                    "The version of the condition's language. Defaults to `2.0` where there is a condition. Changes in place.",
                )
                .one_of(&["2.0"])
                .stable_unless(&["condition"]),
                optional(
                    "delegated_managed_identity_resource_id",
                    text(),
                    "The id of the managed identity of another tenant that the principal stands for, in a managed tenant.",
                )
                .replaces()
                .check(check_resource_id)
                .same(same_scope)
                .blank_is_null(),
                role::accept_broad_access(),
                computed("id", text(), "The assignment's id.").stable(),
            ],
        )
    }

    fn identity_schema(&self) -> &'static [IdentityAttribute] {
        &[
            IdentityAttribute { name: "scope", doc: "The scope, from its slash on." },
            IdentityAttribute { name: "name", doc: "The assignment's name, a UUID." },
        ]
    }

    fn identity(&self, model: &Model) -> Result<Vec<String>> {
        Ok(vec![model.scope.clone(), model.name.clone().unwrap_or_default()])
    }

    fn import_id(&self, identity: &[String]) -> String {
        let part = |index| identity.get(index).map_or("", String::as_str);
        format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", part(0).trim_end_matches('/'), part(1))
    }

    fn validate(&self, config: &Value) -> Vec<Error> {
        let mut errors: Vec<Error> =
            exactly_one(config, "role_definition_name", "role_definition_id").into_iter().collect();
        if value::attribute(config, "condition_version").is_value() && value::attribute(config, "condition").is_null() {
            errors.push(
                Error::new(
                    "condition_version without condition",
                    "Set `condition`, too, or remove `condition_version`.",
                )
                .at("condition_version"),
            );
        }
        errors
    }

    async fn plan(&self, context: &Context, plan: &mut Plan) -> Result<()> {
        if let Some(broad) = role::broad(&plan.planned) {
            let by_id = !value::attribute(&plan.config, "role_definition_id").is_null();
            let at = match (broad.scope, by_id) {
                (true, _) => "scope",
                (false, true) => "role_definition_id",
                (false, false) => "role_definition_name",
            };
            context.warn(broad.warning.at(at));
        }
        if value::attribute(&plan.config, "condition").is_null() {
            plan.settle("condition_version", Value::Null);
        } else if plan.planned("condition").is_value() {
            plan.settle("condition_version", value::string("2.0"));
        }
        if plan.is_create() {
            plan.settle("principal_type", value::string("ServicePrincipal"));
        }
        if plan.planned("role_definition_id").is_unknown() {
            // So that its id and the assignment's name are in the plan. A plan without a network goes on without them.
            let (scope, wanted) = (plan.planned("scope"), plan.planned("role_definition_name"));
            if let (Some(scope), Some(wanted)) = (value::as_str(scope), value::as_str(wanted))
                && let Some(found) = role::find_at_plan(context, scope, wanted, "role_definition_name").await?
            {
                plan.settle("role_definition_id", value::string(found.id));
            }
        }
        // What is adopted keeps its own name, so only apply can tell.
        let adopts = plan.planned("adopt_existing") == &value::boolean(true);
        let (scope, role, principal) =
            (plan.planned("scope"), plan.planned("role_definition_id"), plan.planned("principal_id"));
        if let (Some(scope), Some(role), Some(principal), false) =
            (value::as_str(scope), value::as_str(role), value::as_str(principal), adopts)
            && plan.planned("name").is_unknown()
        {
            let derived = name(scope, role_guid(role), principal).to_string();
            plan.settle("name", value::string(derived));
        }
        Ok(())
    }

    async fn check_replacement(&self, context: &Context, successor: &Value) -> Result<()> {
        role::check_exists(context, successor).await
    }

    async fn create(&self, context: &Context, plan: Model) -> Result<Model> {
        let azure = context.clients()?.azure()?;
        let scope = plan.scope()?;
        let named = role::Named { id: plan.role_definition_id.as_deref(), name: plan.role_definition_name.as_deref() };
        let role::Role { id: role, name: role_name } = role::find(azure, &scope, named, &context.wait).await?;
        let guid = role_guid(&role);
        let equal = role::equal(azure, &scope, guid, &plan.principal_id, &context.wait).await?;
        let chosen = match (equal, &plan.name) {
            (Some(found), _) if !context.adopt_existing => {
                let what = format!("A role assignment of `{role_name}` to {} at this scope", plan.principal_id);
                return Err(already_exists(&what, self.name(), &found.id));
            }
            (Some(found), Some(wanted)) if !wanted.eq_ignore_ascii_case(&found.name) => {
                return Err(Error::new(
                    format!("The role assignment exists under the name `{}`", found.name),
                    "A name never changes. Remove `name` to adopt it as it is.",
                )
                .at("name"));
            }
            (Some(found), _) => found.name,
            (None, Some(wanted)) => wanted.clone(),
            (None, None) => name(&plan.scope, guid, &plan.principal_id).to_string(),
        };
        let plan =
            Model { name: Some(chosen), role_definition_id: Some(role), role_definition_name: Some(role_name), ..plan };
        write(context, plan).await
    }

    async fn read(&self, context: &Context, state: Model) -> Result<Option<Model>> {
        let azure = context.clients()?.azure()?;
        let id = state.assignment_id()?;
        let Some(found) = azure.role_assignments().read(&id, &context.wait).await? else { return Ok(None) };
        // A role keeps its name, as far as we need to know: only another role is looked up.
        let known = state
            .role_definition_id
            .as_deref()
            .is_some_and(|role| same_role(role, &found.properties.role_definition_id));
        let role_name = match state.role_definition_name {
            Some(name) if known => Some(name),
            _ => name_of_role(azure, &id, &found, context).await?,
        };
        let accept_broad_access = state.accept_broad_access;
        Ok(Some(Model { accept_broad_access, ..Model::of(&state.scope, found, role_name) }))
    }

    async fn update(&self, context: &Context, prior: Model, plan: Model) -> Result<Model> {
        // `accept_broad_access` and the like are between the user and this provider.
        let same = prior.grant()? == plan.grant()? && prior.condition_version == plan.condition_version;
        if same { Ok(plan) } else { write(context, plan).await }
    }

    async fn delete(&self, context: &Context, prior: Model) -> Result<()> {
        let azure = context.clients()?.azure()?;
        azure.role_assignments().delete(&prior.assignment_id()?, &context.wait).await?;
        Ok(())
    }

    async fn import(&self, context: &Context, id: &str) -> Result<Option<Model>> {
        let id: RoleAssignmentId =
            id.parse().map_err(|error: IdError| Error::new("The import id is malformed", error.to_string()))?;
        let azure = context.clients()?.azure()?;
        let Some(found) = azure.role_assignments().get(&id, &context.wait).await? else { return Ok(None) };
        let role_name = name_of_role(azure, &id, &found, context).await?;
        let scope = found.properties.scope.clone();
        Ok(Some(Model::of(&scope, found, role_name)))
    }
}

async fn name_of_role(
    azure: &Azure,
    id: &RoleAssignmentId,
    found: &Assignment,
    context: &Context,
) -> Result<Option<String>> {
    let role = role::id_at(id.scope(), &found.properties.role_definition_id)?;
    let found = azure.role_definitions().get(id.scope(), &role, &context.wait).await?;
    Ok(found.map(|role| role.properties.role_name))
}

async fn write(context: &Context, plan: Model) -> Result<Model> {
    let azure = context.clients()?.azure()?;
    let id = plan.assignment_id()?;
    let grant = plan.grant()?;
    let written = azure.role_assignments().put(&id, &grant, &context.wait).await?;
    let accept_broad_access = plan.accept_broad_access;
    Ok(Model { accept_broad_access, ..Model::of(&plan.scope, written, plan.role_definition_name) })
}

/// Whether two texts differ in white space around them only, such as the line end of a heredoc.
fn same_but_for_space(a: &str, b: &str) -> bool {
    a.trim() == b.trim()
}

fn check_resource_id(id: &str) -> std::result::Result<(), String> {
    match id.parse::<Scope>() {
        _ if id.trim().is_empty() => Ok(()),
        Ok(scope) if scope.kind() == ScopeKind::Resource => Ok(()),
        Ok(scope) => Err(format!("Expected the id of a resource, got `{id}`, which is {}.", scope.kind())),
        Err(error) => Err(error.to_string()),
    }
}

impl Model {
    fn of(scope: &str, found: Assignment, role_name: Option<String>) -> Self {
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        let properties = found.properties;
        Self {
            scope: scope.to_owned(),
            role_definition_name: role_name,
            role_definition_id: Some(properties.role_definition_id),
            principal_id: properties.principal_id,
            principal_type: properties.principal_type,
            name: Some(found.name),
            description: text(properties.description),
            condition: text(properties.condition),
            condition_version: text(properties.condition_version),
            delegated_managed_identity_resource_id: text(properties.delegated_managed_identity_resource_id),
            accept_broad_access: None,
            id: Some(found.id),
        }
    }

    /// What Azure is told of it.
    fn grant(&self) -> Result<Grant> {
        let version = self.condition_version.clone().unwrap_or_else(|| "2.0".to_owned());
        Ok(Grant {
            role: role::id_at(&self.scope()?, self.role_definition_id.as_deref().unwrap_or_default())?,
            principal_id: self.principal_id.clone(),
            principal_type: self.principal_type.clone().unwrap_or_else(|| "ServicePrincipal".to_owned()),
            description: self.description.clone(),
            condition: self.condition.clone(),
            condition_version: self.condition.is_some().then_some(version),
            delegated_managed_identity_resource_id: self.delegated_managed_identity_resource_id.clone(),
        })
    }

    fn scope(&self) -> Result<Scope> {
        self.scope.parse().map_err(|error: IdError| Error::new("The scope is malformed", error.to_string()).at("scope"))
    }

    fn assignment_id(&self) -> Result<RoleAssignmentId> {
        RoleAssignmentId::new(self.scope()?, self.name.as_deref().unwrap_or_default())
            .map_err(|error| Error::new("The assignment's name is malformed", error.to_string()).at("name"))
    }
}
