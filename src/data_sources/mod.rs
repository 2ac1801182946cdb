//! The data sources, one file each.

mod client_config;
mod cluster;
mod federated_identity_credentials;
mod oidc_issuer;
mod role_definition;
mod service_account;
mod user_assigned_identity;

use crate::data_source::AnyDataSource;

/// All data sources, in the order of the documentation. A new one is a file here and a line in this list.
pub static ALL: &[&dyn AnyDataSource] = &[
    &cluster::Cluster,
    &oidc_issuer::OidcIssuer,
    &user_assigned_identity::UserAssignedIdentity,
    &federated_identity_credentials::FederatedIdentityCredentials,
    &service_account::ServiceAccount,
    &role_definition::RoleDefinition,
    &client_config::ClientConfig,
];
