//! Role assignments and role definitions.
//!
//! Azure rewrites the id of a role definition to the subscription it was asked in, so two of them are the same when
//! their last part is.

use std::fmt;
use std::str::FromStr;

use super::{IdError, Kind, Scope, id_without_case, is_guid, same};

/// The id of a role assignment.
///
/// An assignment across tenants is read with the tenant of its identity. As in azurerm, that tenant follows the id after
/// a bar: `…/roleAssignments/{name}|{tenant}`.
#[derive(Debug, Clone)]
pub struct RoleAssignmentId {
    scope: Scope,
    name: String,
    tenant: Option<String>,
}

/// The id of a role definition.
#[derive(Debug, Clone)]
pub struct RoleDefinitionId {
    scope: Scope,
    guid: String,
}

impl RoleAssignmentId {
    /// An assignment by its scope and name.
    ///
    /// # Errors
    /// When the name is not a GUID.
    pub fn new(scope: Scope, name: &str) -> Result<Self, IdError> {
        if !is_guid(name) {
            return Err(Self::error(name, "the name of a role assignment is a GUID"));
        }
        Ok(Self { scope, name: name.to_owned(), tenant: None })
    }

    /// The same assignment, read in another tenant.
    ///
    /// # Errors
    /// When the tenant is not a GUID.
    pub fn in_tenant(mut self, tenant: &str) -> Result<Self, IdError> {
        if !is_guid(tenant) {
            return Err(Self::error(&format!("{self}|{tenant}"), "the tenant after the bar is not a GUID"));
        }
        self.tenant = Some(tenant.to_owned());
        Ok(self)
    }

    /// Where the role applies.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Its name, a GUID.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tenant to read it in, where that is not the one signed in to.
    pub(crate) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The id as Azure writes it, without a tenant.
    pub(crate) fn path(&self) -> String {
        format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", self.scope.prefix(), self.name)
    }
}

impl RoleDefinitionId {
    /// A definition by its scope and GUID.
    ///
    /// # Errors
    /// When the GUID is none.
    pub fn new(scope: Scope, guid: &str) -> Result<Self, IdError> {
        if !is_guid(guid) {
            return Err(Self::error(guid, "the name of a role definition is a GUID"));
        }
        Ok(Self { scope, guid: guid.to_owned() })
    }

    /// The last part, which names the role in every scope.
    pub(crate) fn guid(&self) -> &str {
        &self.guid
    }

    /// The GUID in lower case, equal for equal roles.
    pub(crate) fn key(&self) -> String {
        self.guid.to_lowercase()
    }
}

impl PartialEq for RoleDefinitionId {
    fn eq(&self, other: &Self) -> bool {
        same(&self.guid, &other.guid)
    }
}

impl Eq for RoleDefinitionId {}

impl std::hash::Hash for RoleDefinitionId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl Kind for RoleAssignmentId {
    const EXPECTED: &'static str = "the id of a role assignment";
    const EXAMPLE: &'static str = "/subscriptions/11111111-2222-3333-4444-555555555555/providers/Microsoft.Authorization/roleAssignments/66666666-7777-8888-9999-000000000000";
}

impl Kind for RoleDefinitionId {
    const EXPECTED: &'static str = "the id of a role definition";
    const EXAMPLE: &'static str = "/subscriptions/11111111-2222-3333-4444-555555555555/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6";
}

impl FromStr for RoleAssignmentId {
    type Err = IdError;

    fn from_str(given: &str) -> Result<Self, IdError> {
        let (id, tenant) = match given.split_once('|') {
            Some((id, tenant)) => (id, Some(tenant)),
            None => (given, None),
        };
        let (scope, name) = split::<Self>(given, id, "roleAssignments")?;
        let id = Self { scope, name, tenant: None };
        match tenant {
            Some(tenant) => id.in_tenant(tenant),
            None => Ok(id),
        }
    }
}

impl FromStr for RoleDefinitionId {
    type Err = IdError;

    fn from_str(given: &str) -> Result<Self, IdError> {
        let (scope, guid) = split::<Self>(given, given, "roleDefinitions")?;
        Ok(Self { scope, guid })
    }
}

fn split<K: Kind>(given: &str, id: &str, kind: &str) -> Result<(Scope, String), IdError> {
    let parts = K::parts(id).map_err(|error| IdError { given: given.to_owned(), ..error })?;
    let [scope @ .., providers, authorization, last, name] = &parts[..] else {
        return Err(K::error(given, "it does not have the parts of one"));
    };
    if !(same(providers, "providers") && same(authorization, "Microsoft.Authorization") && same(last, kind)) {
        return Err(K::error(
            given,
            format!("it does not end with `/providers/Microsoft.Authorization/{kind}/{{name}}`"),
        ));
    }
    if !is_guid(name) {
        return Err(K::error(given, format!("its last part `{name}` is not a GUID")));
    }
    let scope = format!("/{}", scope.join("/"));
    let scope = scope.parse::<Scope>().map_err(|error| K::error(given, error.reason))?;
    Ok((scope, (*name).to_owned()))
}

impl fmt::Display for RoleAssignmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())?;
        match &self.tenant {
            Some(tenant) => write!(f, "|{tenant}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for RoleDefinitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/providers/Microsoft.Authorization/roleDefinitions/{}", self.scope.prefix(), self.guid)
    }
}

id_without_case!(RoleAssignmentId);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_golden;

    #[test]
    fn an_assignment_is_parsed_at_every_scope_and_across_tenants() {
        let guid = "66666666-7777-8888-9999-000000000000";
        for scope in [
            "/",
            "/providers/Microsoft.Management/managementGroups/corp",
            "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shop",
        ] {
            let id = RoleAssignmentId::new(scope.parse().unwrap(), guid).unwrap();
            assert_eq!(id.to_string().parse::<RoleAssignmentId>(), Ok(id.clone()));
            let across = id.in_tenant("99999999-2222-3333-4444-555555555555").unwrap();
            assert_eq!(across.to_string().parse::<RoleAssignmentId>(), Ok(across.clone()));
            assert!(!across.path().contains('|'));
        }
        assert_eq!(
            RoleAssignmentId::new("/".parse().unwrap(), guid).unwrap().path(),
            format!("/providers/Microsoft.Authorization/roleAssignments/{guid}")
        );
        assert!(RoleAssignmentId::EXAMPLE.parse::<RoleAssignmentId>().is_ok());
    }

    #[test]
    fn a_role_is_the_same_in_every_scope() {
        let there: RoleDefinitionId = RoleDefinitionId::EXAMPLE.parse().unwrap();
        let root = "/providers/microsoft.authorization/roledefinitions/4633458B-17DE-408A-B874-0445C86B69E6";
        assert_eq!(there, root.parse().unwrap());
        assert_ne!(there, root.replace("E6", "E7").parse().unwrap());
    }

    #[test]
    fn what_is_no_assignment_is_refused_with_the_reason() {
        let refused = [
            RoleDefinitionId::EXAMPLE.to_owned(),
            RoleAssignmentId::EXAMPLE.replace("66666666", "shop"),
            format!("{}|corp", RoleAssignmentId::EXAMPLE),
            "reader".to_owned(),
            "/x/providers/Microsoft.Authorization/roleAssignments/66666666-7777-8888-9999-000000000000".to_owned(),
        ];
        let reason = |given: &String| given.parse::<RoleAssignmentId>().unwrap_err().reason;
        assert_golden("azure::id::role", refused.iter().map(|given| (given, reason(given))));
    }
}
