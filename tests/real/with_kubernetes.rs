//! Runs a command beside a real API server:
//!
//!     cargo run --features real-server --example with-kubernetes -- kubectl get namespaces
//!
//! `KUBECONFIG` and `AZWI_TEST_KUBECONFIG` name a kubeconfig with the contexts `admin` and `dev`. The server goes when the command
//! ends, and its logs stay in target/tmp/real-server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    dead_code,
    reason = "it is for tests, as are its parts"
)]

mod http;
mod server;

use std::process::{Command, ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("Name the command to run beside the API server.");
        return ExitCode::FAILURE;
    };
    let server = server::Server::shared().await;
    let kubeconfig = server.folder.join("kubeconfig");
    let status = Command::new(&program)
        .args(arguments)
        .env("KUBECONFIG", &kubeconfig)
        .env("AZWI_TEST_KUBECONFIG", &kubeconfig)
        .status()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    u8::try_from(status.code().unwrap_or(1)).map_or(ExitCode::FAILURE, ExitCode::from)
}
