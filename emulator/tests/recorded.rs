//! The emulator's Kubernetes API, held to what a real one answered: every exchange of `tests/contract/kubernetes/`, which
//! `make test-real` runs against a real API server and `make record` records from it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "what writes recordings is used beside a real API server only")]
mod contract;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use azwi_emulator::{
    clock::Clock,
    http::Request,
    kubernetes::{Context, answer, cluster::Cluster},
    store::Store,
};
use contract::{Contract, Raw, Target};
use serde_json::json;

const URL: &str = "https://127.0.0.1:1/clusters/contract";
const ISSUER: &str = "https://issuer.example/contract";
/// Steps that the emulator is known to answer otherwise, as `file: step`. `UPDATE=1` writes it.
const KNOWN: &str = "tests/contract/emulator-differs.txt";

/// A cluster of the emulator's, asked without a network between.
struct Emulated {
    store: Store,
    clock: Clock,
    cluster: Cluster,
}

impl Emulated {
    fn new(rbac: bool) -> Self {
        let (mut store, clock) = (Store::in_memory(), Clock::default());
        let namespaces = ["default".to_owned()];
        let mut cluster = Cluster::create(&mut store, &clock, "contract", URL, ISSUER, &namespaces).unwrap();
        // The recorded server ran alone, too.
        cluster.stop_controllers(&mut store);
        cluster.set_api_audiences(&mut store, vec!["api://AzureADTokenExchange".to_owned(), ISSUER.to_owned()]);
        cluster.set_rbac(&mut store, &clock, rbac);
        let mut emulated = Self { store, clock, cluster };
        if rbac {
            emulated.publish_keys();
        }
        emulated
    }

    /// Lets anybody read who issues the tokens, as the recorded server did.
    fn publish_keys(&mut self) {
        let group = "rbac.authorization.k8s.io";
        let body = json!({
            "metadata": {"name": "issuer-discovery-for-everybody"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "system:service-account-issuer-discovery"},
            "subjects": [{"apiGroup": group, "kind": "Group", "name": "system:unauthenticated"}],
        });
        let token = format!("Bearer {}", self.cluster.admin_token());
        let headers = [("authorization".to_owned(), token)].into();
        let path = format!("/apis/{group}/v1/clusterrolebindings");
        assert_eq!(self.send("POST", &path, &headers, body.to_string().into()).status, 201);
    }

    fn send(&mut self, method: &str, path: &str, headers: &BTreeMap<String, String>, body: Vec<u8>) -> Raw {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let request =
            Request { method: method.parse().unwrap(), path: path.to_owned(), query, headers, body: body.into() };
        let mut context = Context { store: &mut self.store, clock: &self.clock, cluster: &self.cluster };
        let response = answer(&mut context, &request);
        let text = String::from_utf8_lossy(&response.body).into_owned();
        Raw { status: response.status.as_u16(), headers: response.headers, text }
    }
}

impl Target for Emulated {
    // What was written is written.
    const PATIENCE: Duration = Duration::ZERO;

    fn url(&self) -> String {
        URL.to_owned()
    }

    fn issuer(&self) -> String {
        ISSUER.to_owned()
    }

    fn admin(&self) -> String {
        self.cluster.admin_token().to_owned()
    }

    async fn exchange(&mut self, method: &str, path: &str, headers: &BTreeMap<String, String>, body: Vec<u8>) -> Raw {
        self.send(method, path, headers, body)
    }

    async fn compact(&mut self) {
        // Longer than the five minutes for which it remembers.
        self.clock.advance(6 * 60 * 1000);
    }
}

#[tokio::test]
async fn the_emulator_answers_what_a_real_server_answered() {
    let (mut differ, mut told) = (BTreeSet::new(), Vec::new());
    for path in contract::files(env!("CARGO_MANIFEST_DIR")) {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut contract = Contract::read(&path);
        for (step, difference) in contract.run(&mut Emulated::new(contract.rbac), false).await {
            told.push(format!("{file}: {step}\n  {difference}"));
            differ.insert(format!("{file}: {step}"));
        }
    }
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
