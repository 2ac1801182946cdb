//! kubectl against the emulator, with the kubeconfig that the emulator writes: what it exits with, what a person reads,
//! and what the emulator then has.
//!
//! `AZWI_KUBECTL` names another one than that on PATH or in `.tools/bin`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod applying;
mod changing;
mod cluster;
mod deleting;
mod reading;
mod rights;
#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "../support/mod.rs"]
mod support;
mod tokens;
mod watching;
mod workloads;
