//! Runs a command beside two real API servers:
//!
//!     cargo run --example with-kubernetes -- kubectl get namespaces
//!
//! `KUBECONFIG` and `AZWI_TEST_KUBECONFIG` name a kubeconfig with the contexts `demo` and `second`, one for each, as the emulator
//! has them by default. `AZWI_TEST_AUDIT` names the audit log of the first, `AZWI_TEST_AUTHORITIES` the certificates by which to trust both. The servers go when the command ends, and their logs stay in target/tmp/real-server.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    dead_code,
    reason = "it is for tests, as are its parts"
)]

mod http;
mod server;

use std::process::{Command, ExitCode};

use serde_json::json;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("Name the command to run beside the API server.");
        return ExitCode::FAILURE;
    };
    let (demo, second) = tokio::join!(server::Server::audited(), server::Server::audited());
    for server in [&demo, &second] {
        server.make_namespace("demo").await;
        // No controller makes it, as one does in a whole cluster.
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
        server.http(server::ADMIN).post("/api/v1/namespaces/demo/serviceaccounts", &account).await;
    }
    let kubeconfig = demo.folder.join("kubeconfig");
    std::fs::write(&kubeconfig, server::kubeconfig(&[("demo", &demo), ("second", &second)])).unwrap();
    let authorities = demo.folder.join("authorities.pem");
    std::fs::write(&authorities, format!("{}{}", demo.ca, second.ca)).unwrap();
    let status = Command::new(&program)
        .args(arguments)
        .env("KUBECONFIG", &kubeconfig)
        .env("AZWI_TEST_KUBECONFIG", &kubeconfig)
        .env("AZWI_TEST_AUDIT", demo.folder.join("audit.log"))
        .env("AZWI_TEST_AUTHORITIES", &authorities)
        .status()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    u8::try_from(status.code().unwrap_or(1)).map_or(ExitCode::FAILURE, ExitCode::from)
}
