//! Role definitions: what a role is called, and what it allows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use serde::Deserialize;

use super::Azure;
use super::answer::Subject;
use super::arm::Request;
use super::error::{Error, ErrorKind, Result};
use super::id::{RoleDefinitionId, Scope};
use super::identities::null_is_empty;
use crate::wait::Wait;

const API: &str = "2022-04-01";
/// How alike two names must be to be offered for each other, from 0 to 1.
const ALIKE: f64 = 0.75;
/// How many names are offered at most.
const OFFERED: usize = 3;

/// A role definition, as the service describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoleDefinition {
    /// Its full id.
    pub id: String,
    /// Its name in ids, a GUID.
    pub name: String,
    /// What it is called and allows.
    #[serde(default)]
    pub properties: RoleDefinitionProperties,
}

/// The properties of a role definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RoleDefinitionProperties {
    /// What people call it, such as `Key Vault Secrets User`.
    pub role_name: String,
    /// `BuiltInRole` or `CustomRole`.
    #[serde(rename = "type")]
    pub role_type: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it allows.
    #[serde(deserialize_with = "null_is_empty")]
    pub permissions: Vec<Permission>,
    /// Where it can be assigned.
    #[serde(deserialize_with = "null_is_empty")]
    pub assignable_scopes: Vec<String>,
}

/// Actions of Azure Resource Manager, and of the services themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Permission {
    /// Allowed on the control plane.
    #[serde(deserialize_with = "null_is_empty")]
    pub actions: Vec<String>,
    /// Taken out of `actions`.
    #[serde(deserialize_with = "null_is_empty")]
    pub not_actions: Vec<String>,
    /// Allowed on the data plane.
    #[serde(deserialize_with = "null_is_empty")]
    pub data_actions: Vec<String>,
    /// Taken out of `data_actions`.
    #[serde(deserialize_with = "null_is_empty")]
    pub not_data_actions: Vec<String>,
}

/// Built-in roles that were found by name, by subscription and name: sixty assignments of one role look it up once.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<(String, String), Found>>);

/// The lock lets one look a role up while others that want the same wait.
type Found = Arc<tokio::sync::Mutex<Option<RoleDefinition>>>;

/// Calls about role definitions.
#[derive(Debug, Clone, Copy)]
pub struct RoleDefinitions<'a> {
    pub(super) azure: &'a Azure,
}

impl RoleDefinitions<'_> {
    /// The definition as seen from a scope, or nothing when it does not exist there.
    ///
    /// # Errors
    /// When Azure cannot be asked or does not allow it.
    pub async fn get(&self, scope: &Scope, id: &RoleDefinitionId, wait: &Wait) -> Result<Option<RoleDefinition>> {
        let path = format!("{}/{}", collection(scope), id.guid());
        self.azure.find(&Request::new(Method::GET, "role definition", path, API), wait).await
    }

    /// The definition with this name as seen from a scope.
    ///
    /// # Errors
    /// When there is none: [`ErrorKind::NotFound`], with the names that come near. When there are several, which custom
    /// roles allow.
    pub async fn find(&self, scope: &Scope, name: &str, wait: &Wait) -> Result<RoleDefinition> {
        let place = scope.subscription().map_or_else(|| scope.key(), str::to_lowercase);
        let known = {
            let mut known = self.azure.inner.known_roles.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry((place, name.to_lowercase())).or_default())
        };
        let subject = Subject::new("find the role", format!("{name}` at `{scope}"));
        let waiting =
            |why| Error::interrupted(why, &subject.operation, &subject.target, "another look for the same role");
        let mut known = wait.bound(known.lock()).await.map_err(waiting)?;
        if let Some(role) = known.as_ref() {
            return Ok(role.clone());
        }
        let role = self.look_up(scope, name, &subject, wait).await?;
        // A custom role may be assignable here and not there, and another may have its name there.
        if role.properties.role_type.as_deref() == Some("BuiltInRole") {
            *known = Some(role.clone());
        }
        Ok(role)
    }

    async fn look_up(&self, scope: &Scope, name: &str, subject: &Subject, wait: &Wait) -> Result<RoleDefinition> {
        let request = Request::new(Method::GET, "role definition named", collection(scope), API);
        // In OData a quote is doubled inside quotes.
        let filter = format!("roleName eq '{}'", name.replace('\'', "''"));
        let mut found: Vec<RoleDefinition> = self.azure.list(&request.query("$filter", filter), wait).await?;
        found.retain(|role| role.properties.role_name.eq_ignore_ascii_case(name));
        match (found.len(), found.pop()) {
            (1, Some(role)) => Ok(role),
            (0, _) => {
                let all = self.list(scope, wait).await?;
                let near = near(name, all.iter().map(|role| role.properties.role_name.as_str()));
                let error = subject
                    .error(ErrorKind::NotFound, format!("There is no role named `{name}` that can be assigned there."));
                Err(match near[..] {
                    [] => error.hint(format!(
                        "This lists the roles that can be assigned there:\n\n  az role definition list --scope {scope} --query \"[].roleName\""
                    )),
                    _ => error.hint(format!(
                        "Did you mean {}?",
                        near.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
                    )),
                })
            }
            (several, _) => {
                let message = format!("{several} roles are named `{name}`.");
                Err(subject.error(ErrorKind::Conflict, message).hint("Use `role_definition_id` to say which."))
            }
        }
    }

    /// All definitions that can be assigned at a scope.
    ///
    /// # Errors
    /// When Azure cannot be asked or does not allow it.
    pub(crate) async fn list(&self, scope: &Scope, wait: &Wait) -> Result<Vec<RoleDefinition>> {
        self.azure.list(&Request::new(Method::GET, "role definitions", collection(scope), API), wait).await
    }
}

fn collection(scope: &Scope) -> String {
    format!("{}/providers/Microsoft.Authorization/roleDefinitions", scope.prefix())
}

/// Names that come near one that does not exist, nearest first. Guides shorten names ("Service Bus Data Sender" for "Azure
/// Service Bus Data Sender"), so a name that contains all words comes before any misspelling.
pub(crate) fn near<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let words: Vec<&str> = wanted.split_whitespace().collect();
    let mut scored: Vec<(f64, &str)> = names
        .filter_map(|name| {
            let candidate = name.to_lowercase();
            let all =
                !words.is_empty() && words.iter().all(|word| candidate.split_whitespace().any(|other| other == *word));
            let alike = strsim::normalized_damerau_levenshtein(&wanted, &candidate);
            let score = if all { 1.0 + alike } else { alike };
            (score >= ALIKE).then_some((score, name))
        })
        .collect();
    scored.sort_by(|(a, first), (b, second)| b.total_cmp(a).then(first.cmp(second)));
    scored.dedup_by_key(|(_, name)| *name);
    scored.into_iter().take(OFFERED).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [&str; 8] = [
        "Reader",
        "Contributor",
        "Owner",
        "Key Vault Secrets User",
        "Key Vault Secrets Officer",
        "Azure Service Bus Data Sender",
        "Azure Service Bus Data Receiver",
        "Storage Blob Data Contributor",
    ];

    fn nearest(name: &str) -> Option<&'static str> {
        near(name, ROLES.into_iter()).first().copied()
    }

    #[test]
    fn a_shortened_or_misspelt_name_finds_the_role() {
        assert_eq!(nearest("Service Bus Data Sender"), Some("Azure Service Bus Data Sender"));
        assert_eq!(nearest("Key Vault Secret User"), Some("Key Vault Secrets User"));
        assert_eq!(nearest("Storage Blob Contributor"), Some("Storage Blob Data Contributor"));
        assert_eq!(nearest("Raeder"), Some("Reader"));
        assert_eq!(nearest("Kubernetes Wizard"), None);
        assert_eq!(nearest(""), None);
    }
}
