//! Role assignments: their names, and when two of them are one.

use uuid::Uuid;

use crate::azure::{RoleDefinitionId, Scope};

/// The name of a role assignment: a UUID version 5 in the URL namespace of
/// `<scope>|<GUID of the role>|<GUID of the principal>`, all in lower case, the scope without a slash at its end.
///
/// The same assignment gets the same name wherever it is made, so that making it twice is an update and not a conflict.
pub(crate) fn name(scope: &str, role: &str, principal: &str) -> Uuid {
    derive(&[scope.trim_end_matches('/'), role, principal])
}

/// The name of a role assignment in a binding, which also covers the id of its credential: no other resource gives an equal
/// assignment this name, and Azure refuses one under any other. So an equal assignment under this name is the binding's own, such
/// as a run leaves it that was interrupted.
pub(crate) fn name_in_binding(scope: &str, role: &str, principal: &str, credential_id: &str) -> Uuid {
    derive(&[scope.trim_end_matches('/'), role, principal, credential_id])
}

fn derive(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, parts.join("|").to_ascii_lowercase().as_bytes())
}

/// What tells the assignments to one principal apart: `<scope>|<GUID of the role>`, in lower case, without a slash at the scope's
/// end.
pub(crate) fn key(scope: &str, role: &str) -> String {
    format!("{}|{}", scope.trim_end_matches('/'), role_guid(role)).to_ascii_lowercase()
}

/// The GUID at the end of a role definition's id. Azure rewrites what stands before it, so it alone is compared. Behind a bar,
/// azurerm's `azurerm_role_definition.x.id` has a scope.
pub(crate) fn role_guid(role_definition_id: &str) -> &str {
    let id = role_definition_id.split('|').next().unwrap_or_default();
    id.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// Checks the id of a role definition: its GUID, the whole id, or the id of azurerm's `azurerm_role_definition`.
///
/// # Errors
/// What was expected.
pub(crate) fn check_role_id(id: &str) -> Result<(), String> {
    let path = id.split('|').next().unwrap_or_default();
    if check_uuid("", path).is_ok() || path.parse::<RoleDefinitionId>().is_ok() {
        return Ok(());
    }
    Err(format!(
        "Expected the id of a role definition, such as          `/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6`, or its GUID, got `{id}`."
    ))
}

/// Checks the name of a role. The service compares it to the letter but for case, and would find none with a space around it.
///
/// # Errors
/// What is wrong.
pub(crate) fn check_role_name(name: &str) -> Result<(), String> {
    match name.trim() {
        "" => Err("Expected the name of a role, such as `Key Vault Secrets User`, got none.".to_owned()),
        trimmed if trimmed != name => {
            Err(format!("The role name {name:?} has white space around it. Write `{trimmed}`."))
        }
        _ if name.starts_with('/') => {
            Err(format!("`{name}` is no name of a role. The id of a role goes into `role_definition_id`."))
        }
        _ => Ok(()),
    }
}

/// Whether two role definition ids name one role.
pub(crate) fn same_role(a: &str, b: &str) -> bool {
    role_guid(a).eq_ignore_ascii_case(role_guid(b))
}

/// Whether two scopes are one: without case, and without a slash at the end.
pub(crate) fn same_scope(a: &str, b: &str) -> bool {
    a.parse::<Scope>().is_ok_and(|a| b.parse::<Scope>().is_ok_and(|b| a == b))
}

/// Checks a UUID as Azure writes it, with dashes.
///
/// # Errors
/// What was expected; `what` names the thing in the sentence.
pub(crate) fn check_uuid(what: &str, text: &str) -> Result<(), String> {
    if text.len() == 36 && Uuid::try_parse(text).is_ok() {
        return Ok(());
    }
    Err(format!("Expected {what}, a UUID such as `11111111-2222-3333-4444-555555555555`, got `{text}`."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_depends_on_the_assignment_and_not_on_its_spelling() {
        let a = name("/subscriptions/AB/resourceGroups/x/", "4633458B-17de-408a-b874-0445c86b69e6", "AA");
        let b = name("/subscriptions/ab/resourcegroups/x", "4633458b-17de-408a-b874-0445c86b69e6", "aa");
        assert_eq!(a, b);
        assert_eq!(a.get_version_num(), 5);
        assert_ne!(a, name("/subscriptions/ab", "4633458b-17de-408a-b874-0445c86b69e6", "aa"));
    }

    #[test]
    fn a_binding_names_its_assignments_after_its_credential() {
        let of = |credential| {
            name_in_binding("/subscriptions/AB/", "4633458B-17de-408a-b874-0445c86b69e6", "AA", credential)
        };
        assert_eq!(of("/ID/web"), of("/id/WEB"));
        assert_ne!(of("/id/web"), of("/id/other"));
        assert_ne!(of("/id/web"), name("/subscriptions/AB/", "4633458B-17de-408a-b874-0445c86b69e6", "AA"));
        assert_eq!(
            of("/id/web"),
            Uuid::new_v5(&Uuid::NAMESPACE_URL, b"/subscriptions/ab|4633458b-17de-408a-b874-0445c86b69e6|aa|/id/web")
        );
    }

    #[test]
    fn a_role_is_its_guid_wherever_it_is_seen_from() {
        assert!(same_role(
            "/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/ACDD72A7-3385-48ef-bd42-f606fba81ae7",
            "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7/"
        ));
        let azurerm = "/subscriptions/11111111-2222-3333-4444-555555555555/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7|/subscriptions/11111111-2222-3333-4444-555555555555";
        assert!(same_role(azurerm, "acdd72a7-3385-48ef-bd42-f606fba81ae7"));
    }

    #[test]
    fn only_ids_of_roles_are_taken_for_one() {
        const GUID: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
        let subscription = "/subscriptions/11111111-2222-3333-4444-555555555555";
        let path = format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/{GUID}");
        for good in [GUID.to_owned(), path.clone(), format!("{path}/"), format!("{path}|{subscription}")] {
            assert_eq!(check_role_id(&good), Ok(()), "{good}");
        }
        for bad in
            ["", "Reader", subscription, &path.replace("roleDefinitions", "roleAssignments"), &format!(" {path}")]
        {
            assert!(check_role_id(bad).is_err(), "{bad}");
        }
        for (name, good) in
            [("Reader", true), ("Reader ", false), ("\tReader", false), ("", false), (" ", false), ("/Reader", false)]
        {
            assert_eq!(check_role_name(name).is_ok(), good, "{name:?}");
        }
    }

    #[test]
    fn a_client_id_cannot_be_told_from_a_principal_id_but_other_text_can() {
        assert!(check_uuid("the principal's object id", "11111111-2222-3333-4444-555555555555").is_ok());
        assert!(check_uuid("the principal's object id", "11111111222233334444555555555555").is_err());
    }
}
