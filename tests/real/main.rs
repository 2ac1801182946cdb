//! Tests against a real kube-apiserver. `make test-real` builds it and runs them; a plain `cargo test` does neither.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../emulator/tests/contract/mod.rs"]
mod contract;
#[path = "contract.rs"]
mod contract_test;
mod http;
mod policies;
#[allow(dead_code, reason = "with_kubernetes.rs needs more of it")]
mod server;
mod server_test;
mod service_accounts;
mod tokens;
