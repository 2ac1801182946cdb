//! The binding as plan and state hold it. A part that is not there is null: `credential_id`, `service_account`, or an entry of
//! `role_assignment_ids`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::NAME;
use crate::azure::{ClusterId, CredentialId, IdError, IdentityId};
use crate::domain::account_error::Account as Written;
use crate::domain::binding::{self, POD_LABEL};
use crate::domain::credentials_planned::Pair;
use crate::domain::object::Object;
use crate::domain::service_account::{self as rules, Map};
use crate::domain::subject;
use crate::error::{Error, Result};
use crate::kubernetes::Fields;
use crate::resources::shared::account::owned_objects;

/// `service_account.manage`: only annotations and labels, on an object of somebody else's.
pub(in crate::resources) const ANNOTATIONS: &str = "annotations";

/// A binding.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::resources) struct Model {
    pub(in crate::resources) user_assigned_identity_id: String,
    pub(in crate::resources) cluster_id: Option<String>,
    pub(in crate::resources) issuer: Option<String>,
    /// None where the account, or all that is ours of it, is not there.
    pub(in crate::resources) service_account: Option<Account>,
    pub(in crate::resources) credential_name: Option<String>,
    pub(in crate::resources) audience: Option<String>,
    pub(in crate::resources) role_assignments: Option<Vec<Role>>,
    pub(in crate::resources) wait_until_usable: Option<bool>,
    pub(in crate::resources) id: Option<String>,
    pub(in crate::resources) client_id: Option<String>,
    pub(in crate::resources) tenant_id: Option<String>,
    pub(in crate::resources) principal_id: Option<String>,
    pub(in crate::resources) subject: Option<String>,
    pub(in crate::resources) credential_id: Option<String>,
    pub(in crate::resources) service_account_uid: Option<String>,
    pub(in crate::resources) role_assignment_ids: Option<BTreeMap<String, String>>,
    pub(in crate::resources) usable: Option<bool>,
    pub(in crate::resources) pod_labels: Option<BTreeMap<String, String>>,
}

/// The service account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::resources) struct Account {
    pub(in crate::resources) namespace: String,
    pub(in crate::resources) name: String,
    pub(in crate::resources) manage: Option<String>,
    pub(in crate::resources) annotate: Option<bool>,
    pub(in crate::resources) labels: Option<Map>,
    pub(in crate::resources) annotations: Option<Map>,
    pub(in crate::resources) token_expiration_seconds: Option<i64>,
}

/// A role at a scope.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::resources) struct Role {
    pub(in crate::resources) scope: String,
    pub(in crate::resources) role_definition_name: Option<String>,
    pub(in crate::resources) role_definition_id: Option<String>,
    pub(in crate::resources) accept_broad_access: Option<bool>,
}

impl Model {
    /// The identity's id.
    pub(in crate::resources) fn identity(&self) -> Result<IdentityId> {
        self.user_assigned_identity_id.parse().map_err(|error: IdError| {
            Error::new("The identity's id is malformed", error.to_string()).at("user_assigned_identity_id")
        })
    }

    /// The cluster's id, where one is known.
    pub(in crate::resources) fn cluster(&self) -> Result<Option<ClusterId>> {
        self.cluster_id
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error: IdError| Error::new("The cluster's id is malformed", error.to_string()).at("cluster_id"))
    }

    /// The id that the credential has, or would have.
    pub(in crate::resources) fn credential(&self) -> Result<CredentialId> {
        CredentialId::new(self.identity()?, self.credential_name.as_deref().unwrap_or_default())
            .map_err(|error| Error::new("The credential's name is malformed", error.to_string()).at("credential_name"))
    }

    /// The service account. A plan always has one.
    pub(in crate::resources) fn account(&self) -> Result<&Account> {
        self.service_account.as_ref().ok_or_else(|| Error::defect("A binding was planned without a service account."))
    }

    /// The field manager that the service account is written as.
    pub(in crate::resources) fn field_manager(&self) -> Result<String> {
        Ok(binding::field_manager(&self.credential()?.to_string()))
    }

    /// What is applied to the service account; nothing where there is none.
    pub(in crate::resources) fn fields(&self) -> Fields {
        let Some(account) = &self.service_account else { return Fields::default() };
        account.fields(self.client_id.as_deref(), self.tenant_id.as_deref())
    }

    /// Issuer and subject, where both are known.
    pub(in crate::resources) fn pair(&self) -> Pair {
        self.issuer.clone().zip(self.subject.clone())
    }

    /// What the binding owns by an entry of `role_assignment_ids`.
    pub(in crate::resources) fn role_object(&self, key: &str) -> Option<Object> {
        let (scope, role) = key.rsplit_once('|')?;
        Some(Object::role(scope, role, self.principal_id.as_deref()?))
    }

    /// What the binding owns of its service account.
    pub(in crate::resources) fn account_objects(&self) -> Vec<Object> {
        let Some(account) = &self.service_account else { return Vec::new() };
        let manager = self.field_manager().ok();
        owned_objects(&account.namespace, &account.name, manager.as_deref(), account.owns_object())
    }

    /// The labels that a pod needs.
    pub(in crate::resources) fn pod_labels() -> BTreeMap<String, String> {
        let (label, value) = POD_LABEL;
        [(label.to_owned(), value.to_owned())].into()
    }

    /// Whether none of its parts is there.
    pub(in crate::resources) fn is_gone(&self) -> bool {
        self.credential_id.is_none()
            && self.service_account.is_none()
            && self.role_assignment_ids.as_ref().is_none_or(BTreeMap::is_empty)
    }
}

impl Role {
    /// Whether another entry is written for the same assignment. Whether broad access is accepted is no part of that.
    pub(in crate::resources) fn assigns_what(&self, other: &Self) -> bool {
        (&self.scope, &self.role_definition_name, &self.role_definition_id)
            == (&other.scope, &other.role_definition_name, &other.role_definition_id)
    }
}

impl Account {
    /// Whether the whole object is the binding's.
    pub(in crate::resources) fn owns_object(&self) -> bool {
        self.manage.as_deref() != Some(ANNOTATIONS)
    }

    /// Whether the annotations of Workload ID are the binding's.
    pub(in crate::resources) fn annotates(&self) -> bool {
        self.annotate != Some(false)
    }

    /// The subject of the account's tokens.
    pub(in crate::resources) fn subject(&self) -> String {
        subject::of_service_account(&self.namespace, &self.name)
    }

    /// What is applied to it.
    pub(in crate::resources) fn fields(&self, client_id: Option<&str>, tenant_id: Option<&str>) -> Fields {
        let ours = self.annotates();
        let mut annotations =
            rules::annotations(client_id.filter(|_| ours), tenant_id.filter(|_| ours), self.token_expiration_seconds);
        // In a state these may be the values that somebody else gave to our keys; they are what was decided on.
        annotations.extend(rules::given(self.annotations.as_ref()));
        Fields { annotations, labels: rules::given(self.labels.as_ref()), automount: None, image_pull_secrets: None }
    }

    /// The account, and as whom it is written, for messages.
    pub(in crate::resources) fn written_as<'a>(&'a self, field_manager: &'a str) -> Written<'a> {
        Written { type_name: NAME, namespace: &self.namespace, name: &self.name, field_manager }
    }
}
