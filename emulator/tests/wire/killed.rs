//! kill -9 in the middle of writes: what was answered is there after a restart, and nothing is there by halves.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{IDENTITIES, http_client};

const ROUNDS: u32 = 20;
const WRITERS: u32 = 6;
const API: &str = "api-version=2024-11-30";

struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(folder: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_azwi-emulator"));
        let mut child = command.args(["serve", "--dir", folder]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.strip_prefix("ready ").unwrap_or_else(|| panic!("it said {line:?}")).trim_end().to_owned();
        Self { child, url }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // On Unix this is SIGKILL.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of the identity number `n`: two parts of it that must never be seen apart.
fn identity(n: u32) -> Value {
    json!({"location": "westeurope", "tags": {"number": n.to_string()}, "properties": {"isolationScope": "Regional"}})
}

async fn token(http: &reqwest::Client, url: &str, environment: &str) -> String {
    let variable = |name: &str| {
        let line = environment.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap().to_owned()
    };
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("scope", "https://management.azure.com/.default".to_owned()),
        ("client_id", variable("ARM_CLIENT_ID")),
        ("client_secret", variable("ARM_CLIENT_SECRET")),
    ];
    let answer = http.post(format!("{url}/{}/oauth2/v2.0/token", variable("ARM_TENANT_ID"))).form(&form).send().await;
    let answer: Value = answer.unwrap().json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_survives_and_none_is_half_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let acknowledged = Arc::new(Mutex::new(Vec::<u32>::new()));
    let (mut next, mut unanswered) = (0_u32, 0);
    for round in 0..ROUNDS {
        let program = Program::start(&path);
        let http = http_client(&std::fs::read_to_string(folder.path().join("ca.pem")).unwrap(), false);
        let token = token(&http, &program.url, &std::fs::read_to_string(folder.path().join("env")).unwrap()).await;

        // First what the rounds before left.
        let list: Value = http
            .get(format!("{}{IDENTITIES}?{API}", program.url))
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let found = list["value"].as_array().unwrap();
        for n in acknowledged.lock().unwrap().iter() {
            let name = format!("app-{n}");
            assert!(
                found.iter().any(|it| it["name"] == name.as_str()),
                "round {round}: {name} was answered and is gone"
            );
        }
        for it in found {
            let n: u32 = it["name"].as_str().unwrap().strip_prefix("app-").unwrap().parse().unwrap();
            assert_eq!(it["tags"], identity(n)["tags"], "round {round}");
            assert_eq!(it["properties"]["isolationScope"], "Regional", "round {round}");
            assert!(it["properties"]["principalId"].is_string(), "round {round}: {it}");
        }
        unanswered = found.len() - acknowledged.lock().unwrap().len();

        // Then more writes, and the end in the middle of them.
        let ended = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (http, token, url) = (http.clone(), token.clone(), program.url.clone());
                let (ended, acknowledged) = (Arc::clone(&ended), Arc::clone(&acknowledged));
                let first = next + writer * 1000;
                tokio::spawn(async move {
                    for n in first.. {
                        let target = format!("{url}{IDENTITIES}/app-{n}?{API}");
                        let sent = http.put(target).bearer_auth(&token).json(&identity(n)).send().await;
                        match sent {
                            Ok(answer) if answer.status() == 201 => acknowledged.lock().unwrap().push(n),
                            Ok(answer) => panic!("{}", answer.status()),
                            Err(_) if ended.load(Ordering::SeqCst) => return,
                            Err(error) => panic!("{error}"),
                        }
                    }
                })
            })
            .collect();
        next += WRITERS * 1000;
        tokio::time::sleep(Duration::from_millis(100 + u64::from(round) * 7 % 60)).await;
        ended.store(true, Ordering::SeqCst);
        drop(program);
        for writer in writers {
            writer.await.unwrap();
        }
    }
    let acknowledged = acknowledged.lock().unwrap().len();
    assert!(acknowledged > 40, "only {acknowledged} writes were answered, which tries little");
    println!("{acknowledged} writes were answered; {unanswered} more had their effect before their end");
}
