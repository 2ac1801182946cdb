//! The `azwi` provider: Microsoft Entra Workload ID on Kubernetes, for Terraform and OpenTofu.

pub mod azure;
mod child;
mod clients;
pub mod context;
pub mod data_source;
pub mod data_sources;
pub mod docs;
mod domain;
pub mod error;
#[cfg(test)]
mod golden;
mod http;
pub mod kubernetes;
pub mod ledger;
mod lifecycle;
pub mod oidc;
mod origin;
pub mod protocol;
pub mod provider;
pub mod resource;
pub mod resources;
pub mod schema;
mod timeouts;
mod turn;
pub mod value;
pub mod wait;
