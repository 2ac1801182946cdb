//! The managed resources, one file each.

mod binding;
mod federated_credential_binding;
mod federated_identity_credential;
mod role_assignment;
mod service_account;
mod shared;
mod user_assigned_identity;

use crate::resource::AnyResource;

/// All resources, in the order of the documentation. A new one is a file here and a line in this list.
pub static ALL: &[&dyn AnyResource] = &[
    &user_assigned_identity::UserAssignedIdentity,
    &federated_identity_credential::FederatedIdentityCredential,
    &service_account::ServiceAccount,
    &role_assignment::RoleAssignment,
    &federated_credential_binding::FederatedCredentialBinding,
];
