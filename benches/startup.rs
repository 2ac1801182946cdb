//! What the provider costs before it does anything: Terraform starts it four or five times in one apply.
//!
//! `make bench` prints the time from the start of the process to the handshake line, which holds making a key and a
//! certificate; the most memory it has had by the time it has told its schema; and the size of the program. These are
//! numbers to compare by, not a test: they depend on the machine and on what else it does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement prints, and fails by panicking"
)]
#![allow(dead_code, reason = "the host is shared with the protocol tests, which use more of it")]

#[path = "../tests/protocol/host.rs"]
mod host;

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use azwi::protocol::proto::tfplugin6::get_provider_schema;
use host::{COOKIE, Certificate, Plugin, program};

const STARTS: usize = 30;

fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut times: Vec<Duration> = (0..STARTS).map(|_| start()).collect();
    times.sort();
    let [first, .., last] = times[..] else { panic!("nothing was measured") };
    let median = times.get(STARTS / 2).copied().unwrap_or(last);
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "start to handshake   {:7.1} ms, the median of {STARTS} starts, which took {:.1} to {:.1} ms",
        milliseconds(median),
        milliseconds(first),
        milliseconds(last)
    );
    match peak_memory() {
        Some(kilobytes) => println!("peak memory          {:7.1} MiB, after telling its schema", kilobytes / 1024.0),
        None => println!("peak memory          not measured: there is no /proc here"),
    }
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_terraform-provider-azwi")).unwrap().len();
    println!("size of the program  {:7.1} MiB", size as f64 / 1024.0 / 1024.0);
}

/// How long one start takes, from the start of the process to the line that says where it listens.
fn start() -> Duration {
    let certificate = Certificate::like_go_plugin();
    let folder = tempfile::tempdir().unwrap();
    let mut command = program();
    command
        .env(COOKIE.0, COOKIE.1)
        .env("PLUGIN_PROTOCOL_VERSIONS", "6")
        .env("PLUGIN_CLIENT_CERT", &certificate.pem)
        .env("PLUGIN_UNIX_SOCKET_DIR", folder.path());
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let took = started.elapsed();
    assert!(line.starts_with("1|6|"), "no handshake: {line:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    took
}

/// In kibibytes, as Linux counts it.
fn peak_memory() -> Option<f64> {
    let plugin = Plugin::start();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let schema =
            plugin.provider().await.get_provider_schema(get_provider_schema::Request::default()).await.unwrap();
        assert!(!schema.into_inner().resource_schemas.is_empty());
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", plugin.child.id())).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
