//! Role assignments: who may do what, where.
//!
//! Azure takes a PUT over an equal assignment silently, and refuses the same role, principal and scope under another name;
//! whoever creates looks first. Calls go by the full id, since the generated client makes `//providers/…` of the root
//! scope.

use azure_mgmt_authorization::package_2022_04_01::models::{
    RoleAssignmentCreateParameters, RoleAssignmentProperties as Properties, role_assignment_properties::PrincipalType,
};
use reqwest::Method;
use serde::Deserialize;
use tokio::time::Instant;

use super::Azure;
use super::arm::Request;
use super::error::{ErrorKind, Result};
use super::generated::Call;
use super::id::{RoleAssignmentId, RoleDefinitionId, Scope, is_guid};
use super::identities::created_here;
use super::retry;
use super::view::Change;
use crate::http::{self, Verdict};
use crate::wait::Wait;

const API: &str = "2022-04-01";
/// A role assignment, as the service describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoleAssignment {
    /// Its full id, in the service's casing.
    pub id: String,
    /// Its name, a GUID.
    pub name: String,
    /// Who may do what.
    pub properties: RoleAssignmentProperties,
}

/// The properties of a role assignment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RoleAssignmentProperties {
    /// Where it applies.
    pub scope: String,
    /// The role, under the scope Azure chose to write it.
    pub role_definition_id: String,
    /// The object id of the principal.
    pub principal_id: String,
    /// Such as `ServicePrincipal`; newer versions add types, so it is text.
    pub principal_type: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// A condition on attributes.
    pub condition: Option<String>,
    /// The version of its language.
    pub condition_version: Option<String>,
    /// For assignments across tenants.
    pub delegated_managed_identity_resource_id: Option<String>,
}

/// What an assignment is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: RoleDefinitionId,
    /// The object id of the principal.
    pub principal_id: String,
    /// Such as `ServicePrincipal`, which is what identities are. Azure takes an unset one for a user.
    pub principal_type: String,
    /// Free text.
    pub description: Option<String>,
    /// A condition on attributes.
    pub condition: Option<String>,
    /// `2.0`; needed with a condition.
    pub condition_version: Option<String>,
    /// For assignments across tenants.
    pub delegated_managed_identity_resource_id: Option<String>,
}

/// Which assignments to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Those at the scope and above it.
    AtScope,
    /// Those of a principal, by object id: at the scope, above and below.
    Principal(String),
}

impl Grant {
    /// Whether an assignment is this one: the same role to the same principal. Text and conditions may differ.
    pub(crate) fn is(&self, found: &RoleAssignment) -> bool {
        let role = found.properties.role_definition_id.rsplit('/').next().unwrap_or_default();
        role.eq_ignore_ascii_case(self.role.guid())
            && found.properties.principal_id.eq_ignore_ascii_case(&self.principal_id)
    }

    /// Whether an assignment gives what this one does: the same role to the same principal, under the same condition.
    pub fn gives_what(&self, found: &RoleAssignment) -> bool {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        self.is(found) && text(&self.condition) == text(&found.properties.condition)
    }

    /// Whether an assignment is this one in every respect.
    pub fn describes(&self, found: &RoleAssignment) -> bool {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        self.gives_what(found) && text(&self.description) == text(&found.properties.description)
    }
}

/// Calls about role assignments.
#[derive(Debug, Clone, Copy)]
pub struct RoleAssignments<'a> {
    pub(super) azure: &'a Azure,
}

impl RoleAssignments<'_> {
    /// The assignment, or nothing when it does not exist. Always asks: for whoever is about to write.
    ///
    /// # Errors
    /// When Azure cannot be asked or does not allow it.
    pub async fn get(&self, id: &RoleAssignmentId, wait: &Wait) -> Result<Option<RoleAssignment>> {
        let call = Call::new(self.azure, "GET role assignment", id, wait);
        let mut request = call.role_assignments().await?.get_by_id(path(id));
        if let Some(tenant) = id.tenant() {
            request = request.tenant_id(tenant);
        }
        match call.answer(request.send().await).await {
            Ok(answer) => answer.json(call.subject()).map(Some),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same for refreshing a state: the second read at a scope lists it, and serves the rest from there.
    ///
    /// # Errors
    /// As [`RoleAssignments::get`].
    pub async fn read(&self, id: &RoleAssignmentId, wait: &Wait) -> Result<Option<RoleAssignment>> {
        if id.tenant().is_some() {
            return self.get(id, wait).await;
        }
        let named = |found: RoleAssignment| (found.name.to_lowercase(), found);
        let list = async {
            let all = self.list(id.scope(), &Filter::AtScope, wait).await?;
            // Assignments above the scope are in the list, too; the name alone does not say where one is.
            let here = |found: &RoleAssignment| {
                found.properties.scope.parse::<Scope>().is_ok_and(|scope| scope == *id.scope())
            };
            Ok(all.into_iter().filter(here).map(named).collect())
        };
        let seen = &self.azure.inner.seen_assignments;
        seen.read(&id.scope().key(), &id.name().to_lowercase(), wait, list, self.get(id, wait)).await
    }

    /// Creates an assignment, or changes description and condition of an existing one.
    ///
    /// A principal that is not found is waited for: five minutes if this process created the identity, else two.
    ///
    /// # Errors
    /// When Azure refuses; the same grant under another name is a conflict that names it. A lost connection is resolved by
    /// reading back.
    pub async fn put(&self, id: &RoleAssignmentId, grant: &Grant, wait: &Wait) -> Result<RoleAssignment> {
        let _view = self.changes(id);
        let limits = self.azure.inner.patience;
        let patience = if created_here(&grant.principal_id) { limits.new_principal } else { limits.other_principal };
        let start = Instant::now();
        let attempt = |_| async move {
            let send = || self.put_once(id, grant, wait);
            let read_back = || async move { Ok(self.get(id, wait).await?.filter(|found| grant.describes(found))) };
            self.azure.write_once(wait, send, read_back).await.map_err(|error| {
                if !error.is_principal_not_found() {
                    Verdict::Final.on(error)
                } else if start.elapsed() < patience {
                    Verdict::NotYet { after: limits.next() }.on(error)
                } else {
                    Verdict::Final
                        .on(error.hint(format!("Azure has not known this principal for {} s.", patience.as_secs())))
                }
            })
        };
        http::retry(wait, retry::BACKOFF, attempt).await.map_err(retry::gave_up)
    }

    /// Deletes an assignment. One that is gone is deleted.
    ///
    /// # Errors
    /// When Azure refuses.
    pub async fn delete(&self, id: &RoleAssignmentId, wait: &Wait) -> Result<()> {
        let _view = self.changes(id);
        let call = Call::new(self.azure, "DELETE role assignment", id, wait);
        let mut request = call.role_assignments().await?.delete_by_id(path(id));
        if let Some(tenant) = id.tenant() {
            request = request.tenant_id(tenant);
        }
        // Not by `.await`ing the request: that reads the deleted assignment, and an absent one's 204 has no body.
        match call.answer(request.send().await).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_gone() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Assignments seen from a scope.
    ///
    /// # Errors
    /// When Azure cannot be asked or does not allow it, or the principal is not a GUID.
    pub async fn list(&self, scope: &Scope, filter: &Filter, wait: &Wait) -> Result<Vec<RoleAssignment>> {
        let path = format!("{}/providers/Microsoft.Authorization/roleAssignments", scope.prefix());
        let request = Request::new(Method::GET, "role assignments", path, API);
        let filter = match filter {
            Filter::AtScope => "atScope()".to_owned(),
            Filter::Principal(principal) if is_guid(principal) => format!("principalId eq '{principal}'"),
            Filter::Principal(principal) => {
                return Err(request
                    .subject
                    .error(ErrorKind::BadRequest, format!("the principal `{principal}` is not a GUID")));
            }
        };
        self.azure.list(&request.query("$filter", filter), wait).await
    }

    fn changes(&self, id: &RoleAssignmentId) -> Change<'_, RoleAssignment> {
        Change::begin(&self.azure.inner.seen_assignments, id.scope().key())
    }

    async fn put_once(&self, id: &RoleAssignmentId, grant: &Grant, wait: &Wait) -> Result<RoleAssignment> {
        let call = Call::new(self.azure, "PUT role assignment", id, wait);
        let mut properties = Properties::new(grant.role.to_string(), grant.principal_id.clone());
        properties.principal_type = Some(match grant.principal_type.as_str() {
            "User" => PrincipalType::User,
            "Group" => PrincipalType::Group,
            "ServicePrincipal" => PrincipalType::ServicePrincipal,
            "ForeignGroup" => PrincipalType::ForeignGroup,
            "Device" => PrincipalType::Device,
            other => PrincipalType::UnknownValue(other.to_owned()),
        });
        properties.description = grant.description.clone();
        properties.condition = grant.condition.clone();
        properties.condition_version = grant.condition_version.clone();
        properties.delegated_managed_identity_resource_id = grant.delegated_managed_identity_resource_id.clone();
        let body = RoleAssignmentCreateParameters::new(properties);
        let sent = call.role_assignments().await?.create_by_id(path(id), body).send().await;
        call.answer(sent).await?.json(call.subject())
    }
}

/// The id without its first slash, which the generated client puts there itself.
fn path(id: &RoleAssignmentId) -> String {
    id.path().trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_grant_is_recognized_by_role_and_principal_in_any_casing() {
        let found: RoleAssignment = serde_json::from_value(json!({"id": "/x", "name": "x", "properties": {
            "roleDefinitionId": "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/4633458B-17DE-408A-B874-0445C86B69E6",
            "principalId": "AAAAAAAA-2222-3333-4444-555555555555", "principalType": "AgentUser"}}))
        .unwrap();
        let mut grant = Grant {
            role: "/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6"
                .parse()
                .unwrap(),
            principal_id: "aaaaaaaa-2222-3333-4444-555555555555".to_owned(),
            principal_type: "ServicePrincipal".to_owned(),
            description: Some(String::new()),
            condition: None,
            condition_version: None,
            delegated_managed_identity_resource_id: None,
        };
        assert!(grant.is(&found) && grant.describes(&found));
        grant.description = Some("for the shop".to_owned());
        assert!(grant.is(&found) && !grant.describes(&found));
    }
}
