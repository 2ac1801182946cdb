//! The emulator's Kubernetes API, held to what a real one answered: every exchange of `tests/contract/kubernetes/`, which
//! `make test-real` runs against a real API server and `make record` records from it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "what writes recordings is used beside a real API server only")]
#[path = "../contract/mod.rs"]
mod contract;
#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use azwi_emulator::Options;
use azwi_emulator::seed::Seed;
use azwi_emulator::settings::Settings;
use contract::{Contract, Raw, Target};
use reqwest::Method;
use serde_json::json;
use support::Client;

const CLUSTER: &str = "contract";
const ISSUER: &str = "https://issuer.example/contract";
/// Steps that the emulator is known to answer otherwise, as `file: step`. `UPDATE=1` writes it.
const KNOWN: &str = "tests/contract/emulator-differs.txt";

/// A cluster of an emulator.
struct Emulated {
    client: Client,
    url: String,
    admin: String,
}

impl Emulated {
    async fn start(rbac: bool) -> Self {
        let seed = Seed::parse("clusters: [{name: contract, namespaces: [default]}]").unwrap();
        let settings = Settings { rbac, ..Settings::default() };
        let client = Client::without_azure(Options { seed: Some(seed), settings, ..Options::default() });
        // The recorded server ran alone, without controllers and webhooks, and had another issuer.
        let (_, mut state) = client.control(Method::GET, "state", None).await;
        let cluster = &mut state[format!("kubernetes/{CLUSTER}/_cluster")];
        cluster["controllers"] = json!(false);
        cluster["issuer"] = json!(ISSUER);
        cluster["apiAudiences"] = json!(["api://AzureADTokenExchange", ISSUER]);
        assert_eq!(client.control(Method::PUT, "state", Some(&state)).await.0, 204);
        let url = format!("{}/clusters/{CLUSTER}", client.url());
        let mut emulated = Self { url, admin: client.admin_of(CLUSTER), client };
        if rbac {
            emulated.publish_keys().await;
        }
        emulated
    }

    /// Lets anybody read who issues the tokens, as the recorded server did.
    async fn publish_keys(&mut self) {
        let group = "rbac.authorization.k8s.io";
        let body = json!({
            "metadata": {"name": "issuer-discovery-for-everybody"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "system:service-account-issuer-discovery"},
            "subjects": [{"apiGroup": group, "kind": "Group", "name": "system:unauthenticated"}],
        });
        let headers = [("authorization".to_owned(), format!("Bearer {}", self.admin))].into();
        let path = format!("/apis/{group}/v1/clusterrolebindings");
        assert_eq!(self.exchange("POST", &path, &headers, body.to_string().into()).await.status, 201);
    }
}

impl Target for Emulated {
    // What was written is written.
    const PATIENCE: Duration = Duration::ZERO;

    fn url(&self) -> String {
        self.url.clone()
    }

    fn issuer(&self) -> String {
        ISSUER.to_owned()
    }

    fn admin(&self) -> String {
        self.admin.clone()
    }

    async fn exchange(&mut self, method: &str, path: &str, headers: &BTreeMap<String, String>, body: Vec<u8>) -> Raw {
        let request = self.client.http().request(method.parse().unwrap(), format!("{}{path}", self.url)).body(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Raw { status, headers, text: answer.text().await.unwrap() }
    }

    async fn compact(&mut self) {
        // Longer than the five minutes for which it remembers.
        let later = json!({"advance_ms": 6 * 60 * 1000});
        assert_eq!(self.client.control(Method::POST, "clock", Some(&later)).await.0, 200);
    }
}

#[tokio::test]
async fn the_emulator_answers_what_a_real_server_answered() {
    let mut servers = Vec::new();
    for path in contract::files(env!("CARGO_MANIFEST_DIR")) {
        let contract = Contract::read(&path);
        servers.push((path, Emulated::start(contract.rbac).await, contract));
    }
    // Side by side, because some steps take time: a watch lasts as long as it says.
    let files = servers.into_iter().map(async |(path, mut server, mut contract)| {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let differences = contract.run(&mut server, false).await;
        differences.into_iter().map(|(step, difference)| (format!("{file}: {step}"), difference)).collect::<Vec<_>>()
    });
    let differences = futures::future::join_all(files).await.concat();
    let mut told: Vec<String> =
        differences.iter().map(|(step, difference)| format!("{step}\n  {difference}")).collect();
    let differ: BTreeSet<String> = differences.into_iter().map(|(step, _)| step).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(KNOWN);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, differ.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }
    let known: BTreeSet<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    let new: Vec<&String> = differ.difference(&known).collect();
    told.retain(|told| new.iter().any(|step| told.starts_with(&format!("{step}\n"))));
    assert!(new.is_empty(), "{} answers are not as recorded\n\n{}", new.len(), told.join("\n"));
    let mended: Vec<&String> = known.difference(&differ).collect();
    assert!(mended.is_empty(), "these are answered as recorded now; take them out of {KNOWN}: {mended:#?}");
}
