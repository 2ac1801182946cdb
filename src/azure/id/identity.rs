//! Subscriptions, resource groups, managed identities and their federated identity credentials.

use std::fmt;
use std::str::FromStr;

use super::{IdError, Kind, check_part, check_resource_group, check_subscription, id_without_case, same};

/// `/subscriptions/{subscription}`. Parses from the bare GUID, too.
#[derive(Debug, Clone)]
pub struct SubscriptionId(String);

/// `/subscriptions/{subscription}/resourceGroups/{name}`.
#[derive(Debug, Clone)]
pub struct ResourceGroupId {
    subscription: SubscriptionId,
    name: String,
}

/// The id of a user-assigned managed identity.
#[derive(Debug, Clone)]
pub struct IdentityId {
    group: ResourceGroupId,
    name: String,
}

/// The id of a federated identity credential on a managed identity.
#[derive(Debug, Clone)]
pub struct CredentialId {
    identity: IdentityId,
    name: String,
}

impl SubscriptionId {
    /// The GUID alone.
    pub fn guid(&self) -> &str {
        &self.0
    }
}

impl ResourceGroupId {
    /// A resource group by its name.
    ///
    /// # Errors
    /// When the name breaks the rule for resource groups.
    pub(crate) fn new(subscription: SubscriptionId, name: &str) -> Result<Self, IdError> {
        check_resource_group(name).map_err(|reason| Self::error(name, reason))?;
        check_part(name).map_err(|reason| Self::error(name, reason))?;
        Ok(Self { subscription, name: name.to_owned() })
    }

    /// The subscription it is in.
    pub(crate) fn subscription(&self) -> &SubscriptionId {
        &self.subscription
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl IdentityId {
    /// An identity by its name.
    ///
    /// # Errors
    /// When the name breaks the rule for identities.
    pub(crate) fn new(group: ResourceGroupId, name: &str) -> Result<Self, IdError> {
        check_identity_name(name).map_err(|reason| Self::error(name, reason))?;
        Ok(Self { group, name: name.to_owned() })
    }

    /// The resource group it is in.
    pub fn group(&self) -> &ResourceGroupId {
        &self.group
    }

    /// The GUID of the subscription it is in.
    pub(crate) fn subscription(&self) -> &str {
        self.group.subscription.guid()
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl CredentialId {
    /// A credential by its name.
    ///
    /// # Errors
    /// When the name breaks the rule for federated identity credentials.
    pub fn new(identity: IdentityId, name: &str) -> Result<Self, IdError> {
        check_credential_name(name).map_err(|reason| Self::error(name, reason))?;
        Ok(Self { identity, name: name.to_owned() })
    }

    /// The identity it is on.
    pub(crate) fn identity(&self) -> &IdentityId {
        &self.identity
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Checks the name of a managed identity: 3 to 128 letters, digits, `-` and `_`, first a letter or digit.
///
/// # Errors
/// The rule, in words.
pub(crate) fn check_identity_name(name: &str) -> Result<(), String> {
    check_name(name, 128, "identity")
}

/// Checks the name of a federated identity credential: `^[a-zA-Z0-9][a-zA-Z0-9-_]{2,119}$` in its API's description.
///
/// # Errors
/// The rule, in words.
pub(crate) fn check_credential_name(name: &str) -> Result<(), String> {
    check_name(name, 120, "credential")
}

fn check_name(name: &str, longest: usize, what: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts && (3..=longest).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(format!(
        "the {what} name `{}` must have 3 to {longest} letters, digits, `-` or `_`, and start with a letter or digit",
        name.escape_debug()
    ))
}

impl Kind for SubscriptionId {
    const EXPECTED: &'static str = "the id of a subscription";
    const EXAMPLE: &'static str = "/subscriptions/11111111-2222-3333-4444-555555555555";
}

impl Kind for ResourceGroupId {
    const EXPECTED: &'static str = "the id of a resource group";
    const EXAMPLE: &'static str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shop";
}

impl Kind for IdentityId {
    const EXPECTED: &'static str = "the id of a managed identity";
    const EXAMPLE: &'static str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/checkout";
}

impl Kind for CredentialId {
    const EXPECTED: &'static str = "the id of a federated identity credential";
    const EXAMPLE: &'static str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/checkout/federatedIdentityCredentials/prod";
}

impl FromStr for SubscriptionId {
    type Err = IdError;

    fn from_str(given: &str) -> Result<Self, IdError> {
        let guid = if given.contains('/') {
            match Self::parts(given)?[..] {
                [subscriptions, guid] if same(subscriptions, "subscriptions") => guid,
                _ => return Err(Self::error(given, "it does not have the parts of one")),
            }
        } else {
            given
        };
        check_subscription(guid).map_err(|reason| Self::error(given, reason))?;
        Ok(Self(guid.to_owned()))
    }
}

impl FromStr for ResourceGroupId {
    type Err = IdError;

    fn from_str(given: &str) -> Result<Self, IdError> {
        match Self::parts(given)?[..] {
            [subscriptions, subscription, groups, group]
                if same(subscriptions, "subscriptions") && same(groups, "resourceGroups") =>
            {
                in_group::<Self>(given, subscription, group)
            }
            _ => Err(Self::error(given, "it does not have the parts of one")),
        }
    }
}

impl FromStr for IdentityId {
    type Err = IdError;

    fn from_str(given: &str) -> Result<Self, IdError> {
        let parts = Self::parts(given)?;
        let (identity, rest) = identity::<Self>(given, &parts)?;
        if rest.is_empty() {
            Ok(identity)
        } else {
            Err(Self::error(given, "it goes on after the name of the identity"))
        }
    }
}

impl FromStr for CredentialId {
    type Err = IdError;

    fn from_str(given: &str) -> Result<Self, IdError> {
        let parts = Self::parts(given)?;
        let (identity, rest) = identity::<Self>(given, &parts)?;
        match rest {
            [credentials, name] if same(credentials, "federatedIdentityCredentials") => {
                check_credential_name(name).map_err(|reason| Self::error(given, reason))?;
                Ok(Self { identity, name: (*name).to_owned() })
            }
            _ => Err(Self::error(given, "after the identity it does not name a credential")),
        }
    }
}

pub(super) fn in_group<K: Kind>(given: &str, subscription: &str, group: &str) -> Result<ResourceGroupId, IdError> {
    check_subscription(subscription).map_err(|reason| K::error(given, reason))?;
    check_resource_group(group).map_err(|reason| K::error(given, reason))?;
    Ok(ResourceGroupId { subscription: SubscriptionId(subscription.to_owned()), name: group.to_owned() })
}

fn identity<'p, 't, K: Kind>(given: &str, parts: &'p [&'t str]) -> Result<(IdentityId, &'p [&'t str]), IdError> {
    match parts {
        [subscriptions, subscription, groups, group, providers, provider, identities, name, rest @ ..]
            if same(subscriptions, "subscriptions")
                && same(groups, "resourceGroups")
                && same(providers, "providers")
                && same(provider, "Microsoft.ManagedIdentity")
                && same(identities, "userAssignedIdentities") =>
        {
            let group = in_group::<K>(given, subscription, group)?;
            check_identity_name(name).map_err(|reason| K::error(given, reason))?;
            Ok((IdentityId { group, name: (*name).to_owned() }, rest))
        }
        _ => Err(K::error(given, "it does not have the parts of one")),
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/subscriptions/{}", self.0)
    }
}

impl fmt::Display for ResourceGroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/resourceGroups/{}", self.subscription, self.name)
    }
}

impl fmt::Display for IdentityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}", self.group, self.name)
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/federatedIdentityCredentials/{}", self.identity, self.name)
    }
}

id_without_case!(SubscriptionId);
id_without_case!(ResourceGroupId);
id_without_case!(IdentityId);
id_without_case!(CredentialId);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_golden;

    const CREDENTIAL: &str = "/subscriptions/11111111-2222-3333-4444-5555555555Aa/resourcegroups/Shop/providers/microsoft.managedidentity/userassignedidentities/Checkout/federatedidentitycredentials/Prod";

    #[test]
    fn an_id_in_any_casing_is_the_same_and_is_written_as_documented() {
        let id: CredentialId = CREDENTIAL.parse().unwrap();
        assert_eq!(
            id.to_string(),
            "/subscriptions/11111111-2222-3333-4444-5555555555Aa/resourceGroups/Shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Checkout/federatedIdentityCredentials/Prod"
        );
        assert_eq!(id, CREDENTIAL.to_uppercase().parse().unwrap());
        assert_eq!(id.key(), CREDENTIAL.to_lowercase());
        assert_eq!(id.identity(), &id.identity().to_string().parse().unwrap());
        assert_eq!(
            (id.identity().subscription(), id.identity().group().name()),
            ("11111111-2222-3333-4444-5555555555Aa", "Shop")
        );
    }

    #[test]
    fn every_example_in_an_error_is_right() {
        assert!(SubscriptionId::EXAMPLE.parse::<SubscriptionId>().is_ok());
        assert!(ResourceGroupId::EXAMPLE.parse::<ResourceGroupId>().is_ok());
        assert!(IdentityId::EXAMPLE.parse::<IdentityId>().is_ok());
        assert!(CredentialId::EXAMPLE.parse::<CredentialId>().is_ok());
    }

    #[test]
    fn what_is_no_id_of_an_identity_is_refused_with_the_reason() {
        let good = IdentityId::EXAMPLE;
        let refused = [
            String::new(),
            good[1..].to_owned(),
            good.replace("/shop/", "//"),
            good.replace("/shop/", "/../"),
            good.replace("/shop/", "/sh%2Fop/"),
            good.replace("/shop/", "/sh?op/"),
            good.replace("/shop/", "/shop./"),
            good.replace("11111111-", "1111111-"),
            good.replace("ManagedIdentity", "Compute"),
            good.replace("checkout", "c"),
            good.replace("checkout", "-checkout"),
            good.replace("checkout", "check out"),
            format!("{good}/federatedIdentityCredentials/prod"),
        ];
        let reason = |given: &String| {
            let error = given.parse::<IdentityId>().unwrap_err();
            assert!(error.to_string().contains(good), "{error}");
            error.reason
        };
        assert_golden("azure::id::identity", refused.iter().map(|given| (given, reason(given))));
    }

    #[test]
    fn a_subscription_is_taken_bare_or_as_an_id() {
        let guid = "11111111-2222-3333-4444-555555555555";
        assert_eq!(guid.parse::<SubscriptionId>(), format!("/subscriptions/{guid}/").parse());
        assert!("my subscription".parse::<SubscriptionId>().is_err());
        assert!("11111111222233334444555555555555".parse::<SubscriptionId>().is_err());
    }

    #[test]
    fn credential_names_follow_the_service_s_pattern() {
        assert!(check_credential_name("abc").is_ok());
        assert!(check_credential_name(&"a".repeat(120)).is_ok());
        for bad in ["ab", &"a".repeat(121), "_abc", "a.b", "å12", ""] {
            assert!(check_credential_name(bad).is_err(), "{bad}");
        }
    }
}
