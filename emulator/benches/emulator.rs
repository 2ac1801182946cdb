//! What the emulator bears: fifty connections that read and write as clients do, for a minute.
//!
//! `make bench` prints requests per second, errors, how long an answer took, and the most memory the program has had.
//! `AZWI_BENCH_SECONDS` makes it shorter or longer.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement prints, and fails by panicking"
)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};

const CONNECTIONS: usize = 50;

/// What one connection has seen.
#[derive(Default)]
struct Seen {
    took: Vec<Duration>,
    errors: Vec<String>,
}

/// A running emulator and what a client needs to talk to it.
struct Target {
    url: String,
    env: HashMap<String, String>,
    arm: String,
    kubernetes: String,
}

fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let seconds = std::env::var("AZWI_BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let folder = tempfile::tempdir().unwrap();
    let mut program = Running(
        Command::new(env!("CARGO_BIN_EXE_azwi-emulator"))
            .args(["serve", "--dir", folder.path().to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.strip_prefix("ready ").unwrap().trim_end().to_owned();
    let env = std::fs::read_to_string(folder.path().join("env")).unwrap();
    let env =
        env.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect();
    let authority = Certificate::from_pem(&std::fs::read(folder.path().join("ca.pem")).unwrap()).unwrap();
    let kubeconfig: Value = serde_json::from_slice(&std::fs::read(folder.path().join("kubeconfig")).unwrap()).unwrap();
    let kubernetes = kubeconfig.pointer("/users/0/user/token").and_then(Value::as_str).unwrap().to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let all = runtime.block_on(async {
        let target = Arc::new(sign_in(&authority, url, env, kubernetes).await);
        let end = Instant::now() + Duration::from_secs(seconds);
        let tasks: Vec<_> =
            (0..CONNECTIONS).map(|n| tokio::spawn(drive(n, client(&authority), Arc::clone(&target), end))).collect();
        let mut all = Seen::default();
        for task in tasks {
            let seen = task.await.unwrap();
            all.took.extend(seen.took);
            all.errors.extend(seen.errors);
        }
        all
    });
    let errors = all.errors.len();
    report(seconds, all, program.0.id());
    drop(program);
    assert_eq!(errors, 0, "every request should have been answered as it should");
}

/// The program, for as long as it is measured.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn client(authority: &Certificate) -> Client {
    // One connection each: HTTP/1.1 does not share one.
    Client::builder().tls_certs_only([authority.clone()]).no_proxy().http1_only().build().unwrap()
}

async fn sign_in(authority: &Certificate, url: String, env: HashMap<String, String>, kubernetes: String) -> Target {
    let variable = |name: &str| env.get(name).cloned().unwrap();
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("scope", "https://management.azure.com/.default".to_owned()),
        ("client_id", variable("ARM_CLIENT_ID")),
        ("client_secret", variable("ARM_CLIENT_SECRET")),
    ];
    let endpoint = format!("{url}/{}/oauth2/v2.0/token", variable("ARM_TENANT_ID"));
    let answer: Value = client(authority).post(endpoint).form(&form).send().await.unwrap().json().await.unwrap();
    let arm = answer.get("access_token").and_then(Value::as_str).unwrap().to_owned();
    Target { url, env, arm, kubernetes }
}

/// One connection: an identity and a service account of its own, changed and read in turn, three reads to a write.
async fn drive(n: usize, http: Client, target: Arc<Target>, end: Instant) -> Seen {
    let mut seen = Seen::default();
    let subscription = target.env.get("ARM_SUBSCRIPTION_ID").unwrap();
    let group = format!(
        "{}/subscriptions/{subscription}/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
        target.url
    );
    let identity = format!("{group}/bench-{n}?api-version=2024-11-30");
    let accounts = format!("{}/clusters/demo/api/v1/namespaces/demo/serviceaccounts", target.url);
    let account = format!("{accounts}/bench-{n}");
    let apply = format!("{account}?fieldManager=bench&force=true");
    for round in 0_u64.. {
        if Instant::now() >= end {
            break;
        }
        let tags = json!({"location": "westeurope", "tags": {"round": round.to_string()}});
        let body = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": format!("bench-{n}"), "annotations": {"azure.workload.identity/client-id": round.to_string()}}});
        let requests: [(Method, &str, &str, Option<&Value>); 8] = [
            (Method::PUT, &identity, &target.arm, Some(&tags)),
            (Method::GET, &identity, &target.arm, None),
            (Method::PATCH, &apply, &target.kubernetes, Some(&body)),
            (Method::GET, &account, &target.kubernetes, None),
            (Method::GET, &identity, &target.arm, None),
            (Method::GET, &account, &target.kubernetes, None),
            (Method::GET, &identity, &target.arm, None),
            (Method::GET, &account, &target.kubernetes, None),
        ];
        for (method, url, token, body) in requests {
            let mut request = http.request(method.clone(), url).bearer_auth(token);
            if let Some(body) = body {
                let kind = if method == Method::PATCH { "application/apply-patch+yaml" } else { "application/json" };
                request = request.header("content-type", kind).body(body.to_string());
            }
            let started = Instant::now();
            match request.send().await {
                Ok(answer) if answer.status().is_success() => {
                    if let Err(error) = answer.bytes().await {
                        seen.errors.push(error.to_string());
                    }
                }
                Ok(answer) => seen.errors.push(format!("{method} {url}: {}", answer.status())),
                Err(error) => seen.errors.push(error.to_string()),
            }
            seen.took.push(started.elapsed());
        }
    }
    seen
}

fn report(seconds: u64, mut all: Seen, program: u32) {
    all.took.sort();
    let at = |share: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = (all.took.len() as f64 * share) as usize;
        all.took.get(index).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    };
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let rate = all.took.len() as f64 / seconds as f64;
    println!(
        "emulator             {rate:7.0} requests per second over {CONNECTIONS} connections for {seconds} s, a quarter of them writes"
    );
    println!("errors               {:7}", all.errors.len());
    println!("an answer took       {:7.1} ms, the median; {:.1} ms for 99 of 100", at(0.5), at(0.99));
    let status = std::fs::read_to_string(format!("/proc/{program}/status")).unwrap_or_default();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    match peak {
        Some(kilobytes) => println!("peak memory          {:7.1} MiB", kilobytes / 1024.0),
        None => println!("peak memory          not known: this system has no /proc"),
    }
    for error in all.errors.iter().take(5) {
        println!("  {error}");
    }
}
