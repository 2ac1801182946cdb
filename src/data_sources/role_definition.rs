//! `azwi_role_definition`: an Azure role by its name or its id, as seen from a scope.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::azure::id::is_guid;
use crate::azure::{IdError, RoleDefinitionId, Scope};
use crate::context::Context;
use crate::data_source::DataSource;
use crate::error::{Error, Result};
use crate::lifecycle::validate::exactly_one;
use crate::schema::{Kind, Nesting, Schema, computed, list_of_text, optional_computed, text};
use crate::value::Value;

/// The data source.
pub(super) struct RoleDefinition;

#[derive(Serialize, Deserialize)]
pub(super) struct Model {
    name: Option<String>,
    role_definition_id: Option<String>,
    scope: Option<String>,
    id: Option<String>,
    r#type: Option<String>,
    description: Option<String>,
    assignable_scopes: Option<Vec<String>>,
    permissions: Option<Vec<Permission>>,
}

#[derive(Serialize, Deserialize)]
struct Permission {
    actions: Option<Vec<String>>,
    not_actions: Option<Vec<String>>,
    data_actions: Option<Vec<String>>,
    not_data_actions: Option<Vec<String>>,
}

#[async_trait]
impl DataSource for RoleDefinition {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_role_definition"
    }

    fn schema(&self) -> Schema {
        let permission = vec![
            computed("actions", list_of_text(), "What it allows in Azure Resource Manager."),
            computed("not_actions", list_of_text(), "What of `actions` it does not allow."),
            computed("data_actions", list_of_text(), "What it allows in the services themselves."),
            computed("not_data_actions", list_of_text(), "What of `data_actions` it does not allow."),
        ];
        Schema::new(
            "An Azure role, built in or custom. Exactly one of `name` and `role_definition_id` says which.",
            vec![
                optional_computed("name", text(), "The role's name, such as `Key Vault Secrets User`. Case does not matter.")
                    .same(str::eq_ignore_ascii_case),
                optional_computed("role_definition_id", text(), "The role's id: its GUID, or the whole id that ends with it.")
                    .check(|id| parse_role(id).map(drop).map_err(|error| format!("{error}."))),
                optional_computed("scope", text(), "Where the role is looked for. Custom roles exist in some scopes only. Defaults to the provider's subscription.")
                    .check(|scope| scope.parse::<Scope>().map(drop).map_err(|error| format!("{error}."))),
                computed("id", text(), "The role's whole id, for the `role_definition_id` of a role assignment."),
                computed("type", text(), "`BuiltInRole` or `CustomRole`."),
                computed("description", text(), "What it is for."),
                computed("assignable_scopes", list_of_text(), "Where it can be assigned."),
                computed("permissions", Kind::Nested(Nesting::List, permission), "What it allows."),
            ],
        )
    }

    fn validate(&self, config: &Value) -> Vec<Error> {
        exactly_one(config, "name", "role_definition_id").into_iter().collect()
    }

    async fn read(&self, context: &Context, config: Model) -> Result<Model> {
        let azure = context.clients()?.azure()?;
        let malformed = |attribute: &'static str| {
            move |error: IdError| Error::new("The role is misnamed", format!("{error}.")).at(attribute)
        };
        let scope: Scope = match &config.scope {
            Some(scope) => scope.parse().map_err(malformed("scope"))?,
            None => (&context.clients()?.subscription_id(&context.wait).await?).into(),
        };
        let found = match (&config.name, &config.role_definition_id) {
            (_, Some(id)) => {
                let id = parse_role(id).map_err(malformed("role_definition_id"))?;
                azure.role_definitions().get(&scope, &id, &context.wait).await?.ok_or_else(|| {
                    Error::new(
                        format!("There is no role `{}`", id.guid()),
                        format!(
                            "No role with this id can be assigned at `{scope}`. List those that can with `az role definition list --scope \
                             {scope}`."
                        ),
                    )
                    .at("role_definition_id")
                })?
            }
            (name, None) => {
                let name = name.as_deref().unwrap_or_default();
                let found = azure.role_definitions().find(&scope, name, &context.wait).await;
                found.map_err(|error| Error::from(error).at("name"))?
            }
        };
        let permissions = found.properties.permissions.into_iter().map(|allowed| Permission {
            actions: Some(allowed.actions),
            not_actions: Some(allowed.not_actions),
            data_actions: Some(allowed.data_actions),
            not_data_actions: Some(allowed.not_data_actions),
        });
        Ok(Model {
            name: Some(found.properties.role_name),
            role_definition_id: config.role_definition_id.or(Some(found.name)),
            scope: config.scope.or_else(|| Some(scope.to_string())),
            id: Some(found.id),
            r#type: found.properties.role_type,
            description: found.properties.description,
            assignable_scopes: Some(found.properties.assignable_scopes),
            permissions: Some(permissions.collect()),
        })
    }
}

/// A role by its GUID or its whole id. The scope in it does not matter: a role has the same GUID everywhere.
fn parse_role(given: &str) -> std::result::Result<RoleDefinitionId, IdError> {
    if is_guid(given) {
        return RoleDefinitionId::new("/".parse()?, given);
    }
    given.parse()
}
