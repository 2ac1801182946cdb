//! Whether a principal's roles let it do something: with resources, as Azure Resource Manager asks, or with data, as services
//! ask that keep data behind Azure's roles.
//!
//! A new assignment takes a while to reach them ([`role_propagation_ms`](crate::core::settings::Settings)); one that is
//! deleted is gone at once. Conditions and memberships of groups are not looked at.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::built_in_roles::Role;
use super::{built_in_roles, id};
use crate::core::json::Json as _;
use crate::core::world::World;

/// Who wants to do what with which resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) tenant: &'a str,
    /// The object id.
    pub(crate) principal: &'a str,
    pub(crate) right: Right<'a>,
    pub(crate) resource: &'a str,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Right<'a> {
    /// With a resource, such as `Microsoft.KeyVault/vaults/read`.
    Action(&'a str),
    /// With data, such as `Microsoft.KeyVault/vaults/secrets/getSecret/action`.
    Data(&'a str),
}

impl Right<'_> {
    fn is_in(self, role: &Role) -> bool {
        match self {
            Self::Action(action) => grants(role.actions, role.not_actions, action),
            Self::Data(action) => grants(role.data_actions, &[] as &[&str], action),
        }
    }
}

/// Whether an action is among these patterns and none of those that are taken out of them.
pub(super) fn grants(actions: &[impl AsRef<str>], not_actions: &[impl AsRef<str>], action: &str) -> bool {
    actions.iter().any(|pattern| matches(pattern.as_ref(), action))
        && !not_actions.iter().any(|pattern| matches(pattern.as_ref(), action))
}

/// Whether an assignment at the resource or above it has a role with this right and has arrived.
pub(crate) fn allows(world: &World, asked: Asked<'_>) -> bool {
    let resource = asked.resource.to_lowercase();
    let roles = assigned(world, asked.tenant, asked.principal);
    roles.iter().any(|(scope, role)| covers(scope, &resource) && asked.right.is_in(role))
}

/// The roles that a principal has and that have arrived, each with its scope in lower case.
pub(super) fn assigned(world: &World, tenant: &str, principal: &str) -> Vec<(String, &'static Role)> {
    let latest = world.now_ms().saturating_sub(world.settings.propagation_ms(world.settings.role_propagation_ms));
    let prefix = format!("arm/roleassignments/{}/", tenant.to_lowercase());
    let all = world.store.under(&prefix).map(|(_, assignment)| assignment.at("properties"));
    all.filter(|its| its.text("principalId").eq_ignore_ascii_case(principal) && created_ms(its) <= latest)
        .filter_map(|its| {
            let role = its.text("roleDefinitionId").rsplit('/').next().and_then(built_in_roles::find)?;
            Some((its.text("scope").to_lowercase(), role))
        })
        .collect()
}

/// Whether a resource is at this scope or below it; both in lower case. A management group is above every subscription: the
/// emulator has no tree of them.
pub(super) fn covers(scope: &str, resource: &str) -> bool {
    scope.starts_with("/providers/microsoft.management/") || id::is_within(resource, scope)
}

/// When an assignment was made; what it is for cannot be changed later.
fn created_ms(properties: &Value) -> i64 {
    let created = OffsetDateTime::parse(properties.text("createdOn"), &Rfc3339);
    created.map_or(0, |at| i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX))
}

/// Whether an action is meant by a pattern, in which `*` is any text. Case does not matter.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        // Each part but the last is taken where it comes first, which leaves the most for those after it.
        if let Some(before) = last.replace(part) {
            match rest.find(before) {
                Some(at) => rest = rest.get(at + before.len()..).unwrap_or_default(),
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_nothing_else_is_a_pattern() {
        let read = "Microsoft.KeyVault/vaults/secrets/getSecret/action";
        for pattern in ["*", read, "microsoft.keyvault/VAULTS/*", "Microsoft.KeyVault/*/action", "*/secrets/*"] {
            assert!(matches(pattern, read), "{pattern}");
        }
        for pattern in ["", "Microsoft.KeyVault/vaults/secrets/getSecret", "*/read", "*/keys/*", "x*"] {
            assert!(!matches(pattern, read), "{pattern}");
        }
    }

    #[test]
    fn a_scope_covers_itself_and_what_is_below_it() {
        let vault = "/subscriptions/s/resourcegroups/g/providers/microsoft.keyvault/vaults/v";
        for scope in ["/", "/subscriptions/s", "/subscriptions/s/resourcegroups/g", vault] {
            assert!(covers(scope, vault), "{scope}");
        }
        assert!(covers("/providers/microsoft.management/managementgroups/m", vault));
        for scope in ["/subscriptions/t", "/subscriptions/s/resourcegroups/gg", &format!("{vault}/secrets/a")] {
            assert!(!covers(scope, vault), "{scope}");
        }
    }
}
