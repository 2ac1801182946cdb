//! What has one owner: an object in Azure or in the cluster, or a pair that the service gives out once.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::role_assignment;
use crate::azure::{CredentialId, IdentityId};

/// Something that one resource at a time may own. Two spellings of one object are equal.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    kind: Kind,
    key: String,
    shown: String,
}

/// Sorts of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A managed identity.
    Identity,
    /// A federated identity credential.
    Credential,
    /// An issuer with a subject, which an identity trusts through one credential only.
    Trust,
    /// A role of a principal at a scope, which Azure assigns once, under whatever name.
    Role,
    /// A service account as a whole.
    Account,
    /// The annotations and labels that one field manager applies to a service account.
    AccountKeys,
}

impl Object {
    /// A managed identity.
    pub(crate) fn identity(id: &IdentityId) -> Self {
        Self { kind: Kind::Identity, key: id.key(), shown: format!("Managed identity `{id}`") }
    }

    /// A federated identity credential.
    pub(crate) fn credential(id: &CredentialId) -> Self {
        Self { kind: Kind::Credential, key: id.key(), shown: format!("Federated identity credential `{id}`") }
    }

    /// What a credential trusts: compared to the letter, as tokens are.
    pub(crate) fn trust(identity: &IdentityId, issuer: &str, subject: &str) -> Self {
        Self {
            kind: Kind::Trust,
            key: format!("{}|{issuer}|{subject}", identity.key()),
            shown: format!("Issuer `{issuer}` with subject `{subject}` on {identity}"),
        }
    }

    /// A role at a scope. `principal` is an object id, or, before that is known, the id of the identity.
    pub(crate) fn role(scope: &str, role: &str, principal: &str) -> Self {
        Self {
            kind: Kind::Role,
            key: format!("{}|{}", role_assignment::key(scope, role), principal.to_lowercase()),
            shown: format!("Role `{}` of `{principal}` at `{scope}`", role_assignment::role_guid(role)),
        }
    }

    /// A service account of the provider's cluster.
    pub(crate) fn account(namespace: &str, name: &str) -> Self {
        let id = format!("{namespace}/{name}");
        Self { kind: Kind::Account, shown: format!("Service account \"{id}\""), key: id }
    }

    /// What a field manager applies to a service account of the provider's cluster.
    pub(crate) fn account_keys(namespace: &str, name: &str, manager: &str) -> Self {
        Self {
            kind: Kind::AccountKeys,
            key: format!("{namespace}/{name} {manager}"),
            shown: format!("What field manager \"{manager}\" applies to service account \"{namespace}/{name}\""),
        }
    }

    /// Equal for equal objects of one sort.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Which sort of object it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is this service account, or a part of it.
    pub(crate) fn is_of_account(&self, namespace: &str, name: &str) -> bool {
        let account = matches!(self.kind, Kind::Account | Kind::AccountKeys);
        account && self.key.split(' ').next() == Some(&format!("{namespace}/{name}"))
    }

    /// The name of a credential on this identity; `None` for everything else.
    pub(crate) fn credential_on(&self, identity: &IdentityId) -> Option<&str> {
        let parent = self.key.strip_prefix(&identity.key())?;
        let name = parent.starts_with('/') && self.kind == Kind::Credential;
        name.then(|| self.shown.trim_end_matches('`').rsplit('/').next().unwrap_or_default())
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.key) == (other.kind, &other.key)
    }
}

impl Eq for Object {}

impl Hash for Object {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.kind, &self.key).hash(state);
    }
}

impl PartialOrd for Object {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Object {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.kind, &self.key).cmp(&(other.kind, &other.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app";

    #[test]
    fn spelling_makes_no_second_object_of_an_id_and_does_of_a_subject() {
        let (app, upper): (IdentityId, IdentityId) =
            (APP.parse().unwrap(), APP.replace("/app", "/APP").parse().unwrap());
        assert_eq!(Object::identity(&app), Object::identity(&upper));
        assert_eq!(Object::trust(&app, "https://i/", "s"), Object::trust(&upper, "https://i/", "s"));
        assert_ne!(Object::trust(&app, "https://i/", "s"), Object::trust(&app, "https://i/", "S"));
        assert_ne!(Object::account("a", "b"), Object::account_keys("a", "b", "azwi"));
        assert_eq!(
            Object::role("/subscriptions/X/", "/providers/roleDefinitions/AB", "P"),
            Object::role("/subscriptions/x", "ab", "p")
        );
    }

    #[test]
    fn a_credential_knows_its_name_and_its_identity() {
        let app: IdentityId = APP.parse().unwrap();
        let longer: IdentityId = format!("{APP}-2").parse().unwrap();
        let web = Object::credential(&CredentialId::new(app.clone(), "Web").unwrap());
        assert_eq!(web.credential_on(&app), Some("Web"));
        assert_eq!(web.credential_on(&longer), None);
        assert_eq!(Object::identity(&app).credential_on(&app), None);
    }
}
