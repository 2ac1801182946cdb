//! A cluster to test against, and what others do to it behind the provider's back.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use azwi::kubernetes::{Client, Environment, Settings};
use azwi_emulator::{Emulator, Options};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

/// A cluster, and a namespace in it that belongs to one test.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) kubeconfig: PathBuf,
    pub(crate) server: String,
    pub(crate) token: String,
    pub(crate) namespace: String,
    /// Its authority's certificate, where the kubeconfig has one.
    pub(crate) authority: Option<String>,
    http: reqwest::Client,
}

static NAMESPACES: AtomicU32 = AtomicU32::new(0);

impl Cluster {
    pub(crate) async fn new() -> Self {
        let kubeconfig = kubeconfig();
        let text = std::fs::read_to_string(&kubeconfig).unwrap();
        let config: Value = serde_saphyr::from_str(&text).unwrap();
        // Every context of these files has one cluster and one user, and the first is the one to use.
        let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap().to_owned();
        let token = config["users"][0]["user"]["token"].as_str().unwrap().to_owned();
        let authority = config["clusters"][0]["cluster"]["certificate-authority-data"].as_str();
        let authority = authority.map(|data| String::from_utf8(STANDARD.decode(data).unwrap()).unwrap());
        let number = NAMESPACES.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("test-{}-{number}", std::process::id());
        let http = reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true).build().unwrap();
        let cluster = Self { kubeconfig, server, token, namespace, authority, http };
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.namespace}});
        let (status, answer) = cluster.request(Method::POST, "/api/v1/namespaces", "application/json", body).await;
        assert_eq!(status, 201, "{answer}");
        cluster
    }

    /// Settings that use the kubeconfig, and nothing of this process's environment.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            config_path: Some(self.kubeconfig.display().to_string()),
            environment: Environment::default(),
            ..Settings::default()
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.settings())
    }

    /// Somebody else's request.
    pub(crate) async fn request(&self, method: Method, path: &str, content_type: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method, format!("{}{path}", self.server)).bearer_auth(&self.token);
        let request = request.header("content-type", content_type);
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    fn accounts(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/serviceaccounts{rest}", self.namespace)
    }

    pub(crate) async fn get(&self, name: &str) -> Option<Value> {
        let (status, body) = self.request(Method::GET, &self.accounts(&format!("/{name}")), "", Value::Null).await;
        (status == 200).then_some(body)
    }

    /// A POST by `manager`, as Terraform's or Helm's.
    pub(crate) async fn post(&self, manager: &str, name: &str, rest: Value) -> Value {
        let body = object(name, rest);
        let path = self.accounts(&format!("?fieldManager={manager}"));
        let (status, answer) = self.request(Method::POST, &path, "application/json", body).await;
        assert_eq!(status, 201, "{answer}");
        answer
    }

    /// A server-side apply by `manager`, forced.
    pub(crate) async fn apply(&self, manager: &str, name: &str, rest: Value) -> Value {
        let body = object(name, rest);
        let path = self.accounts(&format!("/{name}?fieldManager={manager}&force=true"));
        let (status, answer) = self.request(Method::PATCH, &path, "application/apply-patch+yaml", body).await;
        assert!(status == 200 || status == 201, "{answer}");
        answer
    }

    /// A merge patch by `manager`, as kubectl annotate does.
    pub(crate) async fn merge(&self, manager: &str, name: &str, patch: Value) -> Value {
        let path = self.accounts(&format!("/{name}?fieldManager={manager}"));
        let (status, answer) = self.request(Method::PATCH, &path, "application/merge-patch+json", patch).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(crate) async fn delete(&self, name: &str) {
        let (status, answer) = self.request(Method::DELETE, &self.accounts(&format!("/{name}")), "", Value::Null).await;
        assert_eq!(status, 200, "{answer}");
    }
}

fn object(name: &str, rest: Value) -> Value {
    let mut body = json!({"apiVersion": "v1", "kind": "ServiceAccount"});
    json_patch::merge(&mut body, &rest);
    json_patch::merge(&mut body, &json!({"metadata": {"name": name}}));
    body
}

/// The managers of an object, as `name/operation`, sorted.
pub(crate) fn managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut names: Vec<String> =
        entries.iter().map(|entry| format!("{}/{}", text(&entry["manager"]), text(&entry["operation"]))).collect();
    names.sort();
    names
}

/// The kubeconfig of the cluster under test: the one that is named, or an emulator's that lives as long as this process.
fn kubeconfig() -> PathBuf {
    if let Some(path) = std::env::var_os("AZWI_TEST_KUBECONFIG") {
        return path.into();
    }
    static EMULATOR: OnceLock<Emulator> = OnceLock::new();
    let emulator = EMULATOR.get_or_init(|| {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("kubernetes");
        let _ = std::fs::remove_dir_all(&dir);
        // It blocks on a runtime of its own, which no thread of a test's runtime may do.
        let start = || Emulator::start(Options { dir: Some(dir), ..Options::default() }).unwrap();
        std::thread::scope(|scope| scope.spawn(start).join().unwrap())
    });
    emulator.dir.join("kubeconfig")
}
