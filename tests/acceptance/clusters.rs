//! The clusters of a test, `demo` and `second`: the emulator's, or real ones where AZWI_TEST_KUBECONFIG names a kubeconfig that has
//! contexts of these names (`make test-real` does). Both are known by their kubeconfig alone and asked alike.
//!
//! Real clusters are the same for all tests: only the namespace is a test's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Client, Method};
use serde_json::Value as Json;

/// Clusters and the rights to everything in them.
pub struct Clusters {
    /// The kubeconfig with a context for each.
    pub kubeconfig: PathBuf,
    by_name: BTreeMap<String, Cluster>,
}

struct Cluster {
    server: String,
    token: String,
    client: Client,
}

/// The kubeconfig of the real clusters, where there are any.
pub fn real() -> Option<PathBuf> {
    std::env::var_os("AZWI_TEST_KUBECONFIG").map(PathBuf::from)
}

/// Real clusters alone, for a scenario that wants them for itself; nothing to wait for where they are emulated.
pub fn to_itself() -> Option<MutexGuard<'static, ()>> {
    static REAL: Mutex<()> = Mutex::new(());
    real().map(|_| REAL.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Clusters {
    /// Reads a kubeconfig whose users have tokens.
    pub fn of(kubeconfig: &Path, user_agent: &str) -> Self {
        let config: Json = serde_saphyr::from_str(&fs::read_to_string(kubeconfig).unwrap()).unwrap();
        let named = |list: &str, name: &Json| -> Json {
            let entries = config[list].as_array().unwrap().iter();
            entries
                .clone()
                .find(|entry| entry["name"] == *name)
                .unwrap_or_else(|| panic!("no {name} in {list}"))
                .clone()
        };
        let cluster = |context: &Json| {
            let cluster = &named("clusters", &context["context"]["cluster"])["cluster"];
            let user = &named("users", &context["context"]["user"])["user"];
            let authority = STANDARD.decode(cluster["certificate-authority-data"].as_str().unwrap()).unwrap();
            let authority = Certificate::from_pem(&authority).unwrap();
            let client =
                Client::builder().no_proxy().user_agent(user_agent).tls_certs_only([authority]).build().unwrap();
            (text(&context["name"]), Cluster { server: text(&cluster["server"]), token: text(&user["token"]), client })
        };
        let by_name = config["contexts"].as_array().unwrap().iter().map(cluster).collect();
        Self { kubeconfig: kubeconfig.to_owned(), by_name }
    }

    /// Sends one request and returns status and body. The content type is that of a merge patch for PATCH.
    pub async fn send(&self, cluster: &str, method: Method, path: &str, body: Option<&Json>) -> (u16, Json) {
        let Cluster { server, token, client } = &self.by_name[cluster];
        let content_type = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let mut request = client.request(method, format!("{server}{path}")).bearer_auth(token);
        if let Some(body) = body {
            request = request.header("content-type", content_type).body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}
