//! The pure rules: compare and check what the chain from a service account to Azure is made of. Nothing here contacts
//! anybody, and most of the unit tests are here.

pub mod account_error;
pub mod account_import;
pub mod binding;
pub mod broad_access;
pub mod cluster;
pub mod credential;
pub mod credentials_planned;
pub mod difference;
pub mod existing;
pub mod location;
pub mod role_assignment;
pub mod service_account;
pub mod subject;
pub mod webhook_keys;
