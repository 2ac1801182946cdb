//! The provider under real Terraform, against the emulator. What a test asserts is what the emulator holds afterwards,
//! asked over HTTP, and what Terraform says; not what the provider says of itself.
//!
//! AZWI_TEST_KUBECONFIG puts real clusters in place of the emulated ones, for every scenario but those that say that they are not for
//! them (`on_an_emulated_cluster_only`).
//!
//! AZWI_TERRAFORMS names the Terraforms, by default the one on PATH. `make test` sets it to all of them, and AZWI_ROUND to the round in
//! which each scenario runs under one of them ([`rounds`]).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(unreachable_pub, reason = "a test binary has no outside; `pub` says what a module's neighbours use")]

mod azwi;
mod clusters;
mod emulator;
mod report;
mod rounds;
mod terraform;
mod texts;

mod bad_input;
mod binding;
mod binding_broad;
mod binding_cluster;
mod binding_failure;
mod binding_full;
mod binding_probe;
mod chain;
mod cluster;
mod credential;
mod data_sources;
mod examples;
mod failure;
mod identity;
mod least_privilege;
mod owners;
mod pages;
mod provider;
mod role_assignment;
mod service_account;
mod sign_in;
mod spellings;
mod takeover;
mod versions;
