//! `azwi-emulator`: Azure Resource Manager, Entra ID and Kubernetes for this domain, on one local TLS port.
//!
//! It stands alone: it shares no type with `azure/` or `kubernetes/`, because a shared type would let both sides share one
//! mistake. It is reached over HTTP only.

pub mod clock;
pub mod http;
pub mod store;
