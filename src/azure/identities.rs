//! User-assigned managed identities.
//!
//! Written by our own requests: the generated client stops at 2023-01-31, which knows no isolation scope, and a write by an
//! older version may clear what it does not know.

use std::collections::{BTreeMap, HashSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::arm::Request;
use super::error::{ErrorKind, Result};
use super::id::{IdentityId, Scope, ScopeKind};
use super::view::Change;
use super::{Azure, answer::Subject};
use crate::wait::Wait;

const API: &str = "2024-11-30";
const WHAT: &str = "managed identity";

/// A managed identity, as the service describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// Its full id, in the service's casing.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its region, as the service writes it (`eastus`).
    #[serde(default)]
    pub location: String,
    /// Its tags.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What Azure made for it.
    #[serde(default)]
    pub properties: IdentityProperties,
}

/// The properties of a managed identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IdentityProperties {
    /// What workloads sign in as: the application id.
    pub client_id: String,
    /// What roles are assigned to: the object id of its service principal.
    pub principal_id: String,
    /// The tenant it lives in.
    pub tenant_id: String,
    /// `None` or `Regional`; unset where the service does not say.
    pub isolation_scope: Option<String>,
}

/// What can be chosen about a managed identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentitySpec {
    /// The region, fixed once it exists.
    pub location: String,
    /// All its tags.
    pub tags: BTreeMap<String, String>,
    /// `None` or `Regional`; not sent where unset.
    pub isolation_scope: Option<String>,
}

/// What can be changed about one. Unset parts stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentityPatch {
    /// All its tags from now on.
    pub tags: Option<BTreeMap<String, String>>,
    /// `None` or `Regional`.
    pub isolation_scope: Option<String>,
}

/// Calls about managed identities.
#[derive(Debug, Clone, Copy)]
pub struct Identities<'a> {
    pub(super) azure: &'a Azure,
}

/// The principals of identities that this process created: Entra ID may not know them everywhere yet.
static CREATED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// Whether this process created the identity with this principal.
pub(super) fn created_here(principal_id: &str) -> bool {
    CREATED.lock().unwrap_or_else(PoisonError::into_inner).contains(&principal_id.to_lowercase())
}

impl Identities<'_> {
    /// The identity, or nothing when it does not exist.
    ///
    /// # Errors
    /// When Azure cannot be asked or does not allow it.
    pub async fn get(&self, id: &IdentityId, wait: &Wait) -> Result<Option<Identity>> {
        self.azure.find(&request(Method::GET, id), wait).await
    }

    /// The same for refreshing a state: one answer serves a minute, until this process writes the identity.
    ///
    /// # Errors
    /// As [`Identities::get`].
    pub async fn recent(&self, id: &IdentityId, wait: &Wait) -> Result<Option<Identity>> {
        self.azure.inner.seen_identities.read(id.key(), wait, self.get(id, wait), |_| true).await
    }

    /// Creates an identity, or makes an existing one look like this.
    ///
    /// # Errors
    /// When Azure refuses. A lost connection is resolved by reading back.
    pub async fn put(&self, id: &IdentityId, spec: &IdentitySpec, wait: &Wait) -> Result<Identity> {
        let mut body = json!({ "location": spec.location, "tags": spec.tags });
        if let (Some(isolation), Some(members)) = (&spec.isolation_scope, body.as_object_mut()) {
            members.insert("properties".to_owned(), json!({ "isolationScope": isolation }));
        }
        let _seen = self.azure.inner.seen_identities.change(id.key());
        let request = &request(Method::PUT, id).body(&body);
        let send = || async move {
            let answer = self.azure.send(request, wait).await?;
            Ok((answer.json::<Identity>(&request.subject)?, answer.status == StatusCode::CREATED))
        };
        let read_back = || async move {
            Ok(self.get(id, wait).await?.filter(|found| spec.describes(found)).map(|found| (found, true)))
        };
        let (identity, created) = self.azure.write_once(wait, send, read_back).await?;
        if created {
            CREATED
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(identity.properties.principal_id.to_lowercase());
        }
        Ok(identity)
    }

    /// Changes tags and isolation scope, and nothing else. Tags are replaced as a whole.
    ///
    /// # Errors
    /// When Azure refuses, or the identity does not exist. A lost connection is tried again: the same patch twice is one.
    pub async fn patch(&self, id: &IdentityId, patch: &IdentityPatch, wait: &Wait) -> Result<Identity> {
        let mut body = serde_json::Map::new();
        if let Some(tags) = &patch.tags {
            body.insert("tags".to_owned(), json!(tags));
        }
        if let Some(isolation) = &patch.isolation_scope {
            body.insert("properties".to_owned(), json!({ "isolationScope": isolation }));
        }
        let _seen = self.azure.inner.seen_identities.change(id.key());
        let request = request(Method::PATCH, id).body(&body.into()).repeatable();
        self.azure.send(&request, wait).await?.json(&request.subject)
    }

    /// Deletes the identity with all its credentials. One that is gone is deleted.
    ///
    /// # Errors
    /// When Azure refuses.
    pub async fn delete(&self, id: &IdentityId, wait: &Wait) -> Result<()> {
        let _view = Change::begin(&self.azure.inner.seen_credentials, id.key());
        let _seen = self.azure.inner.seen_identities.change(id.key());
        match self.azure.send(&request(Method::DELETE, id), wait).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_gone() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// All identities of a subscription or a resource group.
    ///
    /// # Errors
    /// When the scope is neither, or Azure refuses.
    pub async fn list(&self, scope: &Scope, wait: &Wait) -> Result<Vec<Identity>> {
        if !matches!(scope.kind(), ScopeKind::Subscription | ScopeKind::ResourceGroup) {
            let subject = Subject::new("GET managed identities", scope);
            return Err(
                subject.error(ErrorKind::BadRequest, "identities are listed in a subscription or a resource group")
            );
        }
        let path = format!("{scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities");
        self.azure.list(&Request::new(Method::GET, "managed identities", path, API), wait).await
    }
}

impl IdentitySpec {
    /// Whether an identity is what this asks for. Regions are compared as Azure does: "East US" is `eastus`.
    pub fn describes(&self, identity: &Identity) -> bool {
        let region = |text: &str| text.replace(' ', "").to_lowercase();
        let isolation = |text: &Option<String>| text.clone().unwrap_or_else(|| "None".to_owned()).to_lowercase();
        region(&self.location) == region(&identity.location)
            && self.tags == identity.tags
            && isolation(&self.isolation_scope) == isolation(&identity.properties.isolation_scope)
    }
}

fn request(method: Method, id: &IdentityId) -> Request {
    Request::new(method, WHAT, id.to_string(), API)
}

pub(super) fn null_is_empty<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_whatever_the_service_leaves_out_or_adds() {
        let bare: Identity =
            serde_json::from_value(json!({"id": "/x", "name": "x", "location": "eastus", "tags": null, "new": 1}))
                .unwrap();
        assert!(bare.tags.is_empty() && bare.properties.isolation_scope.is_none());
        assert!(IdentitySpec { location: "East US".to_owned(), ..IdentitySpec::default() }.describes(&bare));
        assert!(!IdentitySpec { location: "westus".to_owned(), ..IdentitySpec::default() }.describes(&bare));
    }
}
