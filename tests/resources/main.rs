//! Resources against the emulator without Terraform between, for what takes more objects, or more care with time, than Terraform allows.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod host;
mod objects;
mod owners;
mod spellings;
mod unreachable;
mod usable;
mod variants;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use azwi_emulator::Emulator;

/// The file with the authorities that clients trust. Every test passes here before it makes a client.
fn authorities() -> &'static Path {
    static AUTHORITIES: LazyLock<PathBuf> = LazyLock::new(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let file = tempfile::tempdir().unwrap().keep().join("ca.pem");
        fs::write(&file, "").unwrap();
        #[allow(unsafe_code, reason = "every test passes here before it makes a client, so nobody reads it meanwhile")]
        unsafe {
            std::env::set_var("SSL_CERT_FILE", &file);
        }
        file
    });
    &AUTHORITIES
}

/// Has every client that is made from now on trust this emulator.
fn trust(emulator: &Emulator) {
    let mut file = OpenOptions::new().append(true).open(authorities()).unwrap();
    file.write_all(emulator.ca_pem.as_bytes()).unwrap();
}
