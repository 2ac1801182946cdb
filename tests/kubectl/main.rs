//! kubectl against the emulator, with the kubeconfig that the emulator writes: what it exits with, what a person reads,
//! and what the emulator then has.
//!
//! kubectl is nobody's promise here: without one on PATH or in `.tools/bin` these tests say that they did not run. Name
//! one in `AZWI_KUBECTL`, and its absence is a failure.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod applying;
mod changing;
mod cluster;
mod deleting;
mod reading;
mod rights;
mod tokens;
mod watching;
mod workloads;
