//! Role assignments that reach further than a pod should: over a whole subscription or more, or with a role that may change
//! everything or give roles away.
//!
//! A condition makes no scope narrower, because what is added later is still in it. Of the roles it limits only
//! `Role Based Access Control Administrator`: it holds for nothing but `roleAssignments/write` and `/delete`, which is all that this
//! role may change, while the others may also do what no condition looks at, such as rewrite a role definition.

use crate::azure::{Scope, ScopeKind};
use crate::domain::role_assignment::same_role;
use crate::error::Error;

/// An assignment, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Assignment<'a> {
    /// The scope, from its slash on.
    pub scope: Option<&'a str>,
    /// The role's name.
    pub role_name: Option<&'a str>,
    /// The role's id, or its GUID. Where both are known it decides, since a name is only what the role is called.
    pub role_id: Option<&'a str>,
    /// Whether a condition says, or may say, which roles can be assigned with this one; see [`limits_assigning`].
    pub assigning_is_limited: bool,
}

/// Why an assignment is broad: because of one or both.
#[derive(Debug, Clone)]
pub(crate) struct Broad {
    /// Its scope is a subscription, a management group or the root.
    pub scope: bool,
    /// Its role may do nearly everything.
    #[cfg(test)]
    pub role: bool,
    /// The warning, on no attribute yet.
    pub warning: Error,
}

/// What a broad role may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    /// Everything.
    Own,
    /// Everything but giving roles away.
    Change,
    /// Giving roles away, itself included, and so everything.
    Assign,
    /// The same, and nothing else that a condition could not limit.
    AssignOnly,
}

/// The broad roles with their GUIDs, which are the same in every tenant: "Azure built-in roles", the privileged ones, without those
/// for single services.
const ROLES: [(&str, &str, Power); 4] = [
    ("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", Power::Own),
    ("Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c", Power::Change),
    ("User Access Administrator", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", Power::Assign),
    ("Role Based Access Control Administrator", "f58310d9-a9f6-439a-9e8d-f62e7b41a168", Power::AssignOnly),
];

/// What is broad about an assignment. What is not known counts as narrow.
pub(crate) fn of(assignment: Assignment<'_>) -> Option<Broad> {
    let listed = ROLES.iter().find(|(name, guid, _)| match (assignment.role_id, assignment.role_name) {
        (Some(id), _) => same_role(id, guid),
        (None, given) => given.is_some_and(|given| given.eq_ignore_ascii_case(name)),
    });
    let power = listed
        .map(|(_, _, power)| *power)
        .filter(|power| *power != Power::AssignOnly || !assignment.assigning_is_limited);
    let scope: Option<Scope> = assignment.scope.and_then(|scope| scope.parse().ok());
    let wide = scope.as_ref().is_some_and(|scope| scope.kind() <= ScopeKind::Subscription);
    if !wide && power.is_none() {
        return None;
    }
    let role = listed.map(|(name, ..)| *name).or(assignment.role_name);
    Some(Broad {
        scope: wide,
        #[cfg(test)]
        role: power.is_some(),
        warning: warning(role, power, scope.as_ref(), wide),
    })
}

/// Whether a condition limits which roles can be assigned. One that names another action, such as reading blobs, does not.
pub(crate) fn limits_assigning(condition: &str) -> bool {
    condition.to_ascii_lowercase().contains("microsoft.authorization/roleassignments")
}

fn warning(role: Option<&str>, power: Option<Power>, scope: Option<&Scope>, wide: bool) -> Error {
    let role = role.map_or_else(|| "a role".to_owned(), |role| format!("`{role}`"));
    let place = scope.map(|scope| format!(" on {}", place(scope))).unwrap_or_default();
    let reach = scope.map_or_else(|| "everything at its scope".to_owned(), reach);
    let can = match power {
        Some(Power::Own) => format!(
            "has full control of {reach}: it can change and delete it, read its access keys, and give anybody any role on it"
        ),
        Some(Power::Change) => format!("can change and delete {reach}, and read its access keys"),
        Some(Power::Assign | Power::AssignOnly) => {
            format!("can give itself and anybody else any role, `Owner` included, on {reach}")
        }
        None => format!("reaches {reach}"),
    };
    let narrower = match (power, wide) {
        (None, _) => "the same role at the one resource that the pod uses, or at its resource group",
        (Some(_), false) => {
            "a role for the data that the pod uses, such as `Key Vault Secrets User` or `Storage Blob Data Reader`"
        }
        (Some(_), true) => {
            "a role for the data that the pod uses, such as `Key Vault Secrets User` or `Storage Blob Data Reader`, at the one \
             resource that holds it"
        }
    };
    let assigns = match power {
        Some(Power::Assign | Power::AssignOnly) => {
            " A pod that has to assign roles gets `Role Based Access Control Administrator` by an azwi_role_assignment with a \
             `condition` that says which roles."
        }
        _ => "",
    };
    Error::new(
        format!("Broad access: {role}{place}"),
        format!(
            "With {role}, a pod {can}.\n\nNarrower is {narrower}.{assigns}\n\nIf this is meant, say so beside `scope`: \
             accept_broad_access = true"
        ),
    )
}

/// A scope in a few words; wide ones without a name, so that Terraform can show fifty of the same as one.
fn place(scope: &Scope) -> String {
    match scope.kind() {
        ScopeKind::Root => "the whole tenant".to_owned(),
        ScopeKind::ManagementGroup => "a whole management group".to_owned(),
        ScopeKind::Subscription => "a whole subscription".to_owned(),
        ScopeKind::ResourceGroup => format!("resource group `{}`", last(scope)),
        ScopeKind::Resource => format!("`{}`", last(scope)),
    }
}

/// All that a scope holds.
fn reach(scope: &Scope) -> String {
    match scope.kind() {
        ScopeKind::Root => "everything in the tenant, now and later".to_owned(),
        ScopeKind::ManagementGroup => {
            format!("everything in management group `{}` and the subscriptions below it, now and later", last(scope))
        }
        ScopeKind::Subscription => format!("everything in subscription `{}`, now and later", last(scope)),
        ScopeKind::ResourceGroup => format!("everything in resource group `{}`", last(scope)),
        ScopeKind::Resource => format!("`{}`", last(scope)),
    }
}

fn last(scope: &Scope) -> String {
    scope.to_string().rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_golden;

    const SUBSCRIPTION: &str = "/subscriptions/11111111-2222-3333-4444-555555555555";
    const RBAC: &str = "f58310d9-a9f6-439a-9e8d-f62e7b41a168";

    fn named<'a>(scope: &'a str, role: &'a str) -> Assignment<'a> {
        Assignment { scope: Some(scope), role_name: Some(role), ..Assignment::default() }
    }

    fn vault() -> String {
        format!("{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/kv")
    }

    /// Why it is broad, as (scope, role).
    fn why(assignment: Assignment<'_>) -> (bool, bool) {
        of(assignment).map_or((false, false), |broad| (broad.scope, broad.role))
    }

    #[test]
    fn a_subscription_and_all_above_it_are_broad_and_a_group_and_all_below_it_are_not() {
        for (scope, broad) in [
            ("/".to_owned(), true),
            ("/providers/Microsoft.Management/managementGroups/corp".to_owned(), true),
            ("/providers/microsoft.management/managementgroups/corp/".to_owned(), true),
            (SUBSCRIPTION.to_owned(), true),
            (format!("{SUBSCRIPTION}/").to_uppercase().replace("/SUBSCRIPTIONS", "/Subscriptions"), true),
            (format!("{SUBSCRIPTION}/resourceGroups/shop"), false),
            (vault(), false),
            (format!("{SUBSCRIPTION}/providers/Microsoft.Capacity/x/y"), false),
            ("no scope at all".to_owned(), false),
        ] {
            assert_eq!(why(named(&scope, "Reader")), (broad, false), "{scope}");
        }
    }

    #[test]
    fn four_roles_are_broad_by_name_in_any_case_and_by_guid_in_any_scope() {
        let vault = vault();
        for (name, guid, _) in ROLES {
            assert_eq!(why(named(&vault, &name.to_uppercase())), (false, true), "{name}");
            for id in [guid.to_uppercase(), format!("/providers/Microsoft.Authorization/roleDefinitions/{guid}/")] {
                let by_id = Assignment { scope: Some(&vault), role_id: Some(&id), ..Assignment::default() };
                assert_eq!(why(by_id), (false, true), "{id}");
                assert!(of(by_id).unwrap().warning.summary.contains(name), "a GUID is told by its name");
            }
        }
        for role in ["Reader", "Key Vault Contributor", "Storage Blob Data Owner", "Key Vault Administrator", ""] {
            assert_eq!(why(named(&vault, role)), (false, false), "{role}");
        }
    }

    #[test]
    fn an_id_outweighs_a_name() {
        let reader = Assignment { role_id: Some("acdd72a7-3385-48ef-bd42-f606fba81ae7"), ..named("/x", "Owner") };
        assert_eq!(why(reader), (false, false));
    }

    #[test]
    fn what_is_not_known_is_not_broad_and_what_is_known_suffices() {
        assert_eq!(why(Assignment::default()), (false, false));
        assert_eq!(why(Assignment { scope: Some("/"), ..Assignment::default() }), (true, false));
        let role = Assignment { role_name: Some("Owner"), ..Assignment::default() };
        assert_eq!(why(role), (false, true));
        assert_eq!(of(role).unwrap().warning.summary, "Broad access: `Owner`");
    }

    #[test]
    fn a_condition_limits_the_role_that_may_do_nothing_else_and_no_scope() {
        let vault = vault();
        for (role, broad) in
            [("Role Based Access Control Administrator", false), ("User Access Administrator", true), ("Owner", true)]
        {
            let limited = Assignment { assigning_is_limited: true, ..named(&vault, role) };
            assert_eq!(why(limited), (false, broad), "{role}");
        }
        let wide = Assignment { scope: Some("/"), role_id: Some(RBAC), assigning_is_limited: true, role_name: None };
        assert_eq!(why(wide), (true, false));
        assert!(limits_assigning("@Request[microsoft.authorization/RoleAssignments:RoleDefinitionId] …"));
        assert!(!limits_assigning(
            "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'a'"
        ));
    }

    #[test]
    fn the_warning_says_what_a_pod_can_do_what_would_do_instead_and_how_to_mean_it() {
        let vault = vault();
        let group = format!("{SUBSCRIPTION}/resourceGroups/shop");
        let assignments = [
            named(SUBSCRIPTION, "Reader"),
            named(&vault, "owner"),
            named(&group, "Contributor"),
            named("/providers/Microsoft.Management/managementGroups/corp", "User Access Administrator"),
            named("/", "Owner"),
        ];
        let warning = |assignment: Assignment<'_>| {
            let warning = of(assignment).unwrap().warning;
            assert!(warning.detail.ends_with("accept_broad_access = true"), "{warning}");
            (format!("{} at {}", assignment.role_name.unwrap(), assignment.scope.unwrap()), warning)
        };
        assert_golden("domain::broad_access", assignments.map(warning));
    }
}
