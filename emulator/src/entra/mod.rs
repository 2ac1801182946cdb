//! Entra ID: sign-in of applications and managed identities, and the metadata that clients look up before it.
//!
//! Documents: `entra/tenants/<tenant>`, below it `principals/<object id>` and `clients/<client id>`. The credentials of a
//! managed identity are Azure Resource Manager's documents; those of an application are in its client document.

pub(crate) mod access_token;
pub(crate) mod assertion;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod expression;
pub(crate) mod federated;
pub(crate) mod issuer;
pub(crate) mod metadata;
pub(crate) mod principal;
pub(crate) mod replicas;
pub(crate) mod resource;
pub(crate) mod tenant;
pub(crate) mod token;

use super::operation::Operation;

/// Everything that is asked of `login.microsoftonline.com`.
pub(crate) const OPERATIONS: &[&[Operation]] = &[metadata::OPERATIONS, token::OPERATIONS];
