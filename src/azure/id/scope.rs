//! Scopes of role assignments: from the root of a tenant down to one resource.

use std::fmt;
use std::str::FromStr;

use super::{
    IdError, IdentityId, Kind, ResourceGroupId, SubscriptionId, check_resource_group, check_subscription,
    id_without_case, same,
};

/// Where a role applies.
#[derive(Debug, Clone)]
pub struct Scope {
    /// With its first slash and without one at its end; empty for the root.
    path: String,
    kind: ScopeKind,
}

/// How far a scope reaches, widest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeKind {
    /// `/`: everything in the tenant.
    Root,
    /// `/providers/Microsoft.Management/managementGroups/{name}`.
    ManagementGroup,
    /// `/subscriptions/{subscription}`.
    Subscription,
    /// `/subscriptions/{subscription}/resourceGroups/{name}`.
    ResourceGroup,
    /// A resource, or something in it.
    Resource,
}

impl Scope {
    /// How far it reaches.
    pub(crate) fn kind(&self) -> ScopeKind {
        self.kind
    }

    /// The GUID of the subscription it is in; none above subscriptions.
    pub(crate) fn subscription(&self) -> Option<&str> {
        let mut parts = self.path.split('/').skip(1);
        parts.next().filter(|first| same(first, "subscriptions"))?;
        parts.next()
    }

    /// The scope in front of a path: without a slash at its end, empty for the root.
    pub(in crate::azure) fn prefix(&self) -> &str {
        &self.path
    }
}

impl Kind for Scope {
    const EXPECTED: &'static str = "a scope";
    const EXAMPLE: &'static str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shop";
}

impl FromStr for Scope {
    type Err = IdError;

    fn from_str(given: &str) -> Result<Self, IdError> {
        if given == "/" {
            return Ok(Self { path: String::new(), kind: ScopeKind::Root });
        }
        let parts = Self::parts(given)?;
        let kind = match parts[..] {
            [subscriptions, subscription, ref rest @ ..] if same(subscriptions, "subscriptions") => {
                check_subscription(subscription).map_err(|reason| Self::error(given, reason))?;
                in_subscription(given, rest)?
            }
            [providers, management, groups, _]
                if same(providers, "providers")
                    && same(management, "Microsoft.Management")
                    && same(groups, "managementGroups") =>
            {
                ScopeKind::ManagementGroup
            }
            // Some resources live in no subscription, such as billing accounts.
            [providers, ref rest @ ..] if same(providers, "providers") => resource(given, rest)?,
            _ => return Err(Self::error(given, "it starts neither with a subscription nor with `/providers`")),
        };
        let mut path = String::with_capacity(given.len());
        for (index, part) in parts.iter().enumerate() {
            path.push('/');
            path.push_str(if index == 2 && same(part, "resourceGroups") && kind >= ScopeKind::ResourceGroup {
                "resourceGroups"
            } else {
                part
            });
        }
        Ok(Self { path, kind })
    }
}

fn in_subscription(given: &str, rest: &[&str]) -> Result<ScopeKind, IdError> {
    match rest {
        [] => Ok(ScopeKind::Subscription),
        [groups, group, rest @ ..] if same(groups, "resourceGroups") => {
            check_resource_group(group).map_err(|reason| Scope::error(given, reason))?;
            match rest {
                [] => Ok(ScopeKind::ResourceGroup),
                [providers, rest @ ..] if same(providers, "providers") => resource(given, rest),
                _ => Err(Scope::error(given, "after a resource group comes `/providers/…`")),
            }
        }
        [providers, rest @ ..] if same(providers, "providers") => resource(given, rest),
        _ => Err(Scope::error(given, "after a subscription comes `/resourceGroups/…` or `/providers/…`")),
    }
}

/// A namespace, and then types and names in pairs; or another provider that extends the resource.
fn resource(given: &str, parts: &[&str]) -> Result<ScopeKind, IdError> {
    let extends = parts.iter().skip(1).any(|part| same(part, "providers"));
    match parts.len() {
        0..=2 => Err(Scope::error(given, "a resource has a namespace, a type and a name")),
        length if length % 2 == 0 && !extends => {
            Err(Scope::error(given, "the name of a resource is missing at its end"))
        }
        _ => Ok(ScopeKind::Resource),
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.path.is_empty() { "/" } else { &self.path })
    }
}

id_without_case!(Scope);

impl From<&SubscriptionId> for Scope {
    fn from(id: &SubscriptionId) -> Self {
        Self { path: id.to_string(), kind: ScopeKind::Subscription }
    }
}

impl From<&ResourceGroupId> for Scope {
    fn from(id: &ResourceGroupId) -> Self {
        Self { path: id.to_string(), kind: ScopeKind::ResourceGroup }
    }
}

impl From<&IdentityId> for Scope {
    fn from(id: &IdentityId) -> Self {
        Self { path: id.to_string(), kind: ScopeKind::Resource }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_golden;

    const SUBSCRIPTION: &str = "/subscriptions/11111111-2222-3333-4444-555555555555";

    #[test]
    fn a_scope_of_every_level_is_told_apart() {
        for (text, kind) in [
            ("/".to_owned(), ScopeKind::Root),
            ("/providers/microsoft.management/managementgroups/Corp".to_owned(), ScopeKind::ManagementGroup),
            (SUBSCRIPTION.to_owned(), ScopeKind::Subscription),
            (format!("{SUBSCRIPTION}/"), ScopeKind::Subscription),
            (format!("{SUBSCRIPTION}/resourceGroups/shop"), ScopeKind::ResourceGroup),
            (format!("{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/v"), ScopeKind::Resource),
            (
                format!(
                    "{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.Storage/storageAccounts/a/blobServices/default/containers/c"
                ),
                ScopeKind::Resource,
            ),
            (format!("{SUBSCRIPTION}/providers/Microsoft.Capacity/x/y"), ScopeKind::Resource),
        ] {
            let scope: Scope = text.parse().unwrap();
            assert_eq!(scope.kind(), kind, "{text}");
            assert_eq!(scope.to_string().parse::<Scope>().as_ref(), Ok(&scope));
        }
    }

    #[test]
    fn a_scope_ignores_case_and_a_slash_at_its_end() {
        let scope: Scope = format!("{SUBSCRIPTION}/RESOURCEGROUPS/Shop/").parse().unwrap();
        assert_eq!(scope.to_string(), format!("{SUBSCRIPTION}/resourceGroups/Shop"));
        assert_eq!(scope, scope.key().parse().unwrap());
        assert_eq!(scope.subscription(), Some("11111111-2222-3333-4444-555555555555"));
        assert_eq!("/".parse::<Scope>().unwrap().subscription(), None);
    }

    #[test]
    fn what_is_no_scope_is_refused_with_the_reason() {
        let refused = [
            SUBSCRIPTION[1..].to_owned(),
            "/subscriptions/shop".to_owned(),
            format!("{SUBSCRIPTION}/shop"),
            format!("{SUBSCRIPTION}/resourceGroups/shop/vaults/v"),
            format!("{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.KeyVault/vaults"),
            format!("{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/v/secrets"),
            format!("{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/v?x=y"),
            "//subscriptions".to_owned(),
        ];
        let reason = |given: &String| given.parse::<Scope>().unwrap_err().reason;
        assert_golden("azure::id::scope", refused.iter().map(|given| (given, reason(given))));
    }
}
