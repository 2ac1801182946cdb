//! `Microsoft.Authorization/roleDefinitions`: the built-in roles. Below a subscription a role's id begins with the
//! subscription, everywhere else with `/providers`; the GUID is what tells roles apart.

use http::StatusCode;
use serde_json::{Value, json};

use super::built_in_roles::{self, ROLES, Role};
use super::error::Error;
use super::{ResourceType, id, page, role_assignment};
use crate::core::http::Response;
use crate::core::operation::{Answer, Call, Operation};
use crate::core::world::World;

const TYPE: ResourceType = ResourceType {
    name: "Microsoft.Authorization/roleDefinitions",
    versions: &[
        "2014-04-01-preview",
        "2014-07-01-preview",
        "2014-10-01-preview",
        "2015-05-01-preview",
        "2015-06-01",
        "2015-07-01",
        "2016-07-01",
        "2017-05-01",
        "2017-09-01",
        "2018-01-01-preview",
        "2018-07-01",
        "2022-04-01",
        "2022-05-01-preview",
    ],
};

pub(crate) const OPERATIONS: &[Operation] = &[
    TYPE.operation(
        "RoleDefinitions_Get",
        "GET",
        "/{*scope}/providers/Microsoft.Authorization/roleDefinitions/{name}",
        get,
    ),
    TYPE.operation("RoleDefinitions_List", "GET", "/{*scope}/providers/Microsoft.Authorization/roleDefinitions", list),
];

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let scope = role_assignment::scope(world, call)?;
    let name = call.parameter("name");
    let role = built_in_roles::find(name).ok_or_else(|| {
        let message = format!("The specified role definition with ID '{}' does not exist.", name.replace('-', ""));
        Error::not_found("RoleDefinitionDoesNotExist", message)
    })?;
    Ok(Response::json(StatusCode::OK, &shown(role, &scope)))
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let scope = role_assignment::scope(world, call)?;
    let filter = call.request.query("$filter").unwrap_or_default();
    let mut wanted: Vec<&Role> = ROLES.iter().collect();
    for condition in conditions(filter) {
        match condition {
            ("roleName", Some(name)) => wanted.retain(|role| role.name.eq_ignore_ascii_case(&name)),
            ("type", Some(kind)) if kind.eq_ignore_ascii_case("BuiltInRole") => {}
            ("type", Some(kind)) if kind.eq_ignore_ascii_case("CustomRole") => wanted.clear(),
            ("atScopeAndBelow()" | "atScope()", None) => {}
            _ => return Err(unsupported(filter).into()),
        }
    }
    let items = wanted.into_iter().map(|role| shown(role, &scope)).collect();
    Ok(page::answer(world, call.request, &page::sorted(items))?)
}

/// The role as it is seen from a scope.
fn shown(role: &Role, scope: &str) -> Value {
    json!({
        "id": id_at(role.id, scope),
        "type": TYPE.name,
        "name": role.id,
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": format!("The built-in role {}.", role.name),
            "assignableScopes": ["/"],
            "permissions": [{
                "actions": role.actions,
                "notActions": role.not_actions,
                "dataActions": role.data_actions,
                "notDataActions": [],
            }],
            "createdOn": "2015-02-02T21:55:09.8806423Z",
            "updatedOn": "2021-11-11T20:13:07.4993029Z",
            "createdBy": null,
            "updatedBy": null,
        },
    })
}

/// The id of a role, seen from a scope.
pub(super) fn id_at(role: &str, scope: &str) -> String {
    let segments: Vec<String> = scope.split('/').skip(1).map(str::to_owned).collect();
    let subscription = id::subscription_of(&segments).map(|id| format!("/subscriptions/{id}")).unwrap_or_default();
    format!("{subscription}/providers/{}/{role}", TYPE.name)
}

/// The conditions of a `$filter`: what comes before `eq`, and the value after it without its quotes. A function has no value,
/// unless it is `assignedTo('…')`.
pub(super) fn conditions(filter: &str) -> Vec<(&str, Option<String>)> {
    let unquoted = |text: &str| text.trim().trim_matches('\'').replace("''", "'");
    filter
        .split(" and ")
        .map(str::trim)
        .filter(|condition| !condition.is_empty())
        .map(|condition| match condition.split_once(" eq ") {
            Some((field, value)) => (field.trim(), Some(unquoted(value))),
            None => match condition.strip_prefix("assignedTo(").and_then(|rest| rest.strip_suffix(')')) {
                Some(principal) => ("assignedTo", Some(unquoted(principal))),
                None => (condition, None),
            },
        })
        .collect()
}

/// The filter is none that the service has.
pub(super) fn unsupported(filter: &str) -> Error {
    Error::bad_request("UnsupportedQuery", format!("The filter '{filter}' is not supported."))
}

#[cfg(test)]
mod tests {
    use crate::test::Api;

    const SUBSCRIPTION: &str = "/subscriptions/20000000-0000-4000-8000-000000000001";
    const ROLES: &str = "/providers/Microsoft.Authorization/roleDefinitions";

    #[test]
    fn a_role_is_found_by_name_and_by_guid_and_its_id_shows_the_subscription() {
        let mut api = Api::new();
        let target =
            format!("/{SUBSCRIPTION}{ROLES}?api-version=2022-04-01&%24filter=roleName+eq+%27key+vault+secrets+user%27");
        let (status, found) = api.get(&target);
        assert_eq!(status, 200, "{found}");
        let guid = "4633458b-17de-408a-b874-0445c86b69e6";
        assert_eq!(found["value"].as_array().unwrap().len(), 1);
        assert_eq!(found["value"][0]["id"], format!("{SUBSCRIPTION}{ROLES}/{guid}"));
        let (_, root) = api.get(&format!("{ROLES}/{guid}?api-version=2022-04-01"));
        assert_eq!(root["id"], format!("{ROLES}/{guid}"));
        assert_eq!(root["properties"]["roleName"], "Key Vault Secrets User");
        let (status, missing) = api.get(&format!("{ROLES}/{}?api-version=2022-04-01", guid.replace('4', "5")));
        assert_eq!((status, missing["error"]["code"].as_str()), (404, Some("RoleDefinitionDoesNotExist")));
    }

    #[test]
    fn filters_by_type_work_and_others_are_refused() {
        let mut api = Api::new();
        let mut count = |filter: &str| {
            let (status, found) = api.get(&format!("{ROLES}?api-version=2022-04-01&$filter={filter}"));
            (status, found["value"].as_array().map_or(0, Vec::len))
        };
        assert_eq!(count("type eq 'BuiltInRole'"), (200, super::ROLES.len()));
        assert_eq!(count("type eq 'CustomRole'"), (200, 0));
        assert_eq!(count("type eq 'BuiltInRole' and roleName eq 'Reader'"), (200, 1));
        assert_eq!(count("roleName eq 'No such role'"), (200, 0));
        assert_eq!(count("colour eq 'red'").0, 400);
    }
}
