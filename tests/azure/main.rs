//! The Azure side against small stand-ins over real TLS: every sign-in method, the traps of the generated clients, retries,
//! the queue. A stand-in says exactly what a test wants to see answered; what only something that knows Azure can judge is in
//! `emulator.rs`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod clusters;
mod credentials;
mod emulator;
mod environment;
mod fixtures;
mod hostile;
mod identities;
mod oidc;
mod retries;
mod roles;
#[path = "../support/server.rs"]
mod server;
mod sign_in;
mod traps;
mod views;
