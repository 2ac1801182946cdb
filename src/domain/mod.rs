//! The pure rules: compare and check what the chain from a service account to Azure is made of. Nothing here contacts
//! anybody, and most of the unit tests are here.

pub(crate) mod account_error;
pub(crate) mod account_import;
pub(crate) mod binding;
pub(crate) mod broad_access;
pub(crate) mod cluster;
pub(crate) mod credential;
pub(crate) mod credentials_planned;
pub(crate) mod difference;
pub(crate) mod existing;
pub(crate) mod location;
pub(crate) mod object;
pub(crate) mod role_assignment;
pub(crate) mod service_account;
pub(crate) mod subject;
pub(crate) mod webhook_keys;
