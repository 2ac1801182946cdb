//! Azure and Kubernetes as a test sees them: over HTTP, past the provider, with rights to everything. Azure is the emulator's, the
//! clusters mostly are, too ([`crate::clusters`]).

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use reqwest::{Certificate, Client, Method};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use crate::clusters::{self, Clusters};

/// The subscription that the provider's environment names.
pub const SUBSCRIPTION: &str = "20000000-0000-4000-8000-000000000001";
/// Another subscription of the same tenant.
pub const OTHER_SUBSCRIPTION: &str = "20000000-0000-4000-8000-000000000002";

/// What a token for Azure Resource Manager is for.
pub const RESOURCE_MANAGER: &str = "https://management.azure.com";

/// What tells this client's requests from the provider's.
const USER_AGENT: &str = "acceptance-test";

const IDENTITY_API: &str = "2024-11-30";
const ROLE_API: &str = "2022-04-01";
const GROUP_API: &str = "2021-04-01";
const CLUSTER_API: &str = "2026-05-01";

/// Tests are plain functions; this is where the requests of all of them run.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// An emulator that runs in this process, and a client that may do everything.
pub struct Emulator {
    /// What a provider needs to use it: the lines of its `env` file.
    pub environment: BTreeMap<String, String>,
    client: Client,
    arm_token: String,
    clusters: Clusters,
    running: azwi_emulator::Emulator,
}

impl Emulator {
    /// The emulator that most tests use together. It ends with the last test that holds it.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Emulator>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let emulator = Arc::new(Self::start());
            *shared = Arc::downgrade(&emulator);
            emulator
        })
    }

    /// Starts one with the default seed, which forgets everything when it ends.
    pub fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let running = azwi_emulator::Emulator::start(azwi_emulator::Options::default()).unwrap();
        let authority = Certificate::from_pem(running.ca_pem.as_bytes()).unwrap();
        let client = Client::builder().no_proxy().user_agent(USER_AGENT).tls_certs_only([authority]).build().unwrap();
        let kubeconfig = clusters::real().unwrap_or_else(|| running.dir.join("kubeconfig"));
        let mut environment: BTreeMap<String, String> = running.env().into_iter().collect();
        for name in ["KUBE_CONFIG_PATH", "KUBECONFIG"] {
            environment.insert(name.to_owned(), kubeconfig.display().to_string());
        }
        let clusters = Clusters::of(&kubeconfig, USER_AGENT);
        let mut emulator = Self { arm_token: String::new(), environment, client, clusters, running };
        emulator.arm_token = emulator.sign_in();
        emulator
    }

    /// The kubeconfig with a context for each cluster.
    pub fn kubeconfig(&self) -> String {
        fs::read_to_string(&self.clusters.kubeconfig).unwrap()
    }

    /// The issuer of the first cluster's tokens.
    pub fn issuer(&self) -> String {
        let (_, discovery) = self.kubernetes("demo", Method::GET, "/.well-known/openid-configuration", None);
        discovery["issuer"].as_str().unwrap().to_owned()
    }

    fn sign_in(&self) -> String {
        let secret = self.environment["ARM_CLIENT_SECRET"].as_str();
        self.token(RESOURCE_MANAGER, &self.environment["ARM_CLIENT_ID"], &[("client_secret", secret)]).unwrap()
    }

    /// What Entra gives an identity for the token of somebody it trusts, or the description of the error.
    pub fn exchange(&self, client: &str, assertion: &str) -> Result<String, String> {
        self.exchange_for(RESOURCE_MANAGER, client, assertion)
    }

    /// The same for another service than Azure Resource Manager, such as `https://vault.azure.net`.
    pub fn exchange_for(&self, resource: &str, client: &str, assertion: &str) -> Result<String, String> {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        self.token(resource, client, &[("client_assertion_type", kind), ("client_assertion", assertion)])
    }

    fn token(&self, resource: &str, client: &str, credential: &[(&str, &str)]) -> Result<String, String> {
        let scope = format!("{resource}/.default");
        let mut form = vec![("grant_type", "client_credentials"), ("client_id", client), ("scope", &scope)];
        form.extend(credential);
        let url = format!("{}/{}/oauth2/v2.0/token", self.running.url, self.environment["ARM_TENANT_ID"]);
        let answer: Json =
            RUNTIME.block_on(async { self.client.post(url).form(&form).send().await.unwrap().json().await.unwrap() });
        answer["access_token"].as_str().map(str::to_owned).ok_or_else(|| answer["error_description"].to_string())
    }

    /// A request with JSON to anything that has a URL, such as a vault, as whoever has this token; status and body.
    pub fn ask(&self, method: Method, url: &str, token: &str, body: Option<&Json>) -> (u16, Json) {
        self.send_to(method, url, token, "application/json", body)
    }

    fn send(&self, method: Method, path: &str, token: &str, content_type: &str, body: Option<&Json>) -> (u16, Json) {
        self.send_to(method, &format!("{}{path}", self.running.url), token, content_type, body)
    }

    /// Sends one request and returns status and body; a body that is no JSON is null.
    fn send_to(&self, method: Method, url: &str, token: &str, content_type: &str, body: Option<&Json>) -> (u16, Json) {
        RUNTIME.block_on(async {
            let mut request = self.client.request(method, url).bearer_auth(token);
            if let Some(body) = body {
                request = request.header("content-type", content_type).body(body.to_string());
            }
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
        })
    }

    /// A token for Azure Resource Manager, for what runs beside Terraform.
    pub fn arm_token(&self) -> &str {
        &self.arm_token
    }

    /// The id of a cluster of AKS in this group.
    pub fn cluster_id(group: &str, name: &str) -> String {
        format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.ContainerService/managedClusters/{name}"
        )
    }

    /// Makes or changes a cluster of AKS as somebody else would.
    #[track_caller]
    pub fn put_cluster(&self, id: &str, properties: &Json) -> Json {
        let body = json!({ "location": "westeurope", "properties": properties });
        self.done(self.arm(Method::PUT, id, CLUSTER_API, Some(&body)))
    }

    /// Deletes a cluster of AKS behind our back.
    #[track_caller]
    pub fn delete_cluster(&self, id: &str) {
        self.done(self.arm(Method::DELETE, id, CLUSTER_API, None));
    }

    /// Adds tenants, groups, clusters and whatever else a seed names.
    #[track_caller]
    pub fn seed(&self, seed: &Json) {
        self.done(self.send(Method::POST, "/_emulator/seed", "", "application/json", Some(seed)));
    }

    /// Gives it the keys of an issuer elsewhere: `{"issuer": …, "jwks": …}`.
    #[track_caller]
    pub fn trust(&self, issuer: &Json) {
        self.done(self.send(Method::PUT, "/_emulator/issuers", "", "application/json", Some(issuer)));
    }

    /// Everything that it holds: the keys of its documents, and these.
    #[track_caller]
    pub fn state(&self) -> Json {
        self.done(self.send(Method::GET, "/_emulator/state", "", "application/json", None))
    }

    /// Makes it hold what it held, as [`Self::state`] gave it.
    #[track_caller]
    pub fn restore(&self, state: &Json) {
        self.done(self.send(Method::PUT, "/_emulator/state", "", "application/json", Some(state)));
    }

    /// Moves the emulator's clock.
    #[track_caller]
    pub fn advance_clock(&self, milliseconds: i64) {
        let body = json!({ "advance_ms": milliseconds });
        self.done(self.send(Method::POST, "/_emulator/clock", "", "application/json", Some(&body)));
    }

    /// Where the emulator is.
    pub fn url(&self) -> &str {
        &self.running.url
    }

    /// A request to Azure Resource Manager.
    pub fn arm(&self, method: Method, path: &str, version: &str, body: Option<&Json>) -> (u16, Json) {
        let question = if path.contains('?') { '&' } else { '?' };
        self.send(method, &format!("{path}{question}api-version={version}"), &self.arm_token, "application/json", body)
    }

    /// The id of an identity in this subscription and group.
    pub fn identity_id(subscription: &str, group: &str, name: &str) -> String {
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        )
    }

    /// What is at this id, be it an identity or a credential; `None` where nothing is.
    #[track_caller]
    pub fn identity(&self, id: &str) -> Option<Json> {
        self.found(self.arm(Method::GET, id, IDENTITY_API, None))
    }

    /// Writes an identity or a credential as somebody else would.
    #[track_caller]
    pub fn put_identity(&self, id: &str, body: &Json) -> Json {
        self.done(self.arm(Method::PUT, id, IDENTITY_API, Some(body)))
    }

    /// Deletes an identity or a credential behind our back.
    #[track_caller]
    pub fn delete_identity(&self, id: &str) {
        self.done(self.arm(Method::DELETE, id, IDENTITY_API, None));
    }

    /// The credentials on an identity.
    #[track_caller]
    pub fn credentials(&self, identity: &str) -> Vec<Json> {
        self.listed(self.arm(Method::GET, &format!("{identity}/federatedIdentityCredentials"), IDENTITY_API, None))
    }

    /// The role assignment at this id.
    #[track_caller]
    pub fn role_assignment(&self, id: &str) -> Option<Json> {
        self.found(self.arm(Method::GET, id, ROLE_API, None))
    }

    /// Makes a role assignment as somebody else would.
    #[track_caller]
    pub fn put_role_assignment(&self, id: &str, properties: &Json) -> Json {
        self.done(self.arm(Method::PUT, id, ROLE_API, Some(&json!({ "properties": properties }))))
    }

    /// Deletes a role assignment behind our back.
    #[track_caller]
    pub fn delete_role_assignment(&self, id: &str) {
        self.done(self.arm(Method::DELETE, id, ROLE_API, None));
    }

    /// The role assignments at exactly this scope.
    #[track_caller]
    pub fn role_assignments(&self, scope: &str) -> Vec<Json> {
        let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments?$filter=atScope()");
        let mut all = self.listed(self.arm(Method::GET, &path, ROLE_API, None));
        all.retain(|one| one["properties"]["scope"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(scope)));
        all
    }

    /// Makes a resource group.
    #[track_caller]
    pub fn create_group(&self, subscription: &str, group: &str) {
        let path = format!("/subscriptions/{subscription}/resourceGroups/{group}");
        self.done(self.arm(Method::PUT, &path, GROUP_API, Some(&json!({ "location": "westeurope" }))));
    }

    /// A request to the API server of a cluster. The content type is that of a merge patch for PATCH.
    pub fn kubernetes(&self, cluster: &str, method: Method, path: &str, body: Option<&Json>) -> (u16, Json) {
        RUNTIME.block_on(self.clusters.send(cluster, method, path, body))
    }

    /// Makes a namespace in both clusters. It has the account that every namespace has, which no controller makes beside a bare
    /// API server.
    #[track_caller]
    pub fn create_namespace(&self, name: &str) {
        for cluster in ["demo", "second"] {
            let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
            self.done(self.kubernetes(cluster, Method::POST, "/api/v1/namespaces", Some(&body)));
            if crate::clusters::real().is_some() {
                let body = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } });
                let path = format!("/api/v1/namespaces/{name}/serviceaccounts");
                self.done(self.kubernetes(cluster, Method::POST, &path, Some(&body)));
            }
        }
    }

    /// A service account of the first cluster.
    #[track_caller]
    pub fn account(&self, namespace: &str, name: &str) -> Option<Json> {
        self.account_of("demo", namespace, name)
    }

    /// A service account of a cluster.
    #[track_caller]
    pub fn account_of(&self, cluster: &str, namespace: &str, name: &str) -> Option<Json> {
        self.found(self.kubernetes(cluster, Method::GET, &account_path(namespace, name), None))
    }

    /// A token of a service account of the first cluster, as its pods get it.
    #[track_caller]
    pub fn account_token(&self, namespace: &str, name: &str, audience: &str) -> String {
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": [audience] },
        });
        let path = format!("{}/token", account_path(namespace, name));
        let answer = self.done(self.kubernetes("demo", Method::POST, &path, Some(&body)));
        answer["status"]["token"].as_str().unwrap().to_owned()
    }

    /// Makes a service account as somebody else would, with `kubectl create`.
    #[track_caller]
    pub fn create_account(&self, namespace: &str, name: &str, annotations: &Json) -> Json {
        let body = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": name, "annotations": annotations },
        });
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts?fieldManager=kubectl-create");
        self.done(self.kubernetes("demo", Method::POST, &path, Some(&body)))
    }

    /// Changes a service account as `kubectl annotate` and its kin do.
    #[track_caller]
    pub fn patch_account(&self, namespace: &str, name: &str, patch: &Json) -> Json {
        let path = format!("{}?fieldManager=kubectl-annotate", account_path(namespace, name));
        self.done(self.kubernetes("demo", Method::PATCH, &path, Some(patch)))
    }

    /// Deletes a service account behind our back.
    #[track_caller]
    pub fn delete_account(&self, namespace: &str, name: &str) {
        self.delete_account_of("demo", namespace, name);
    }

    /// The same in a cluster.
    #[track_caller]
    pub fn delete_account_of(&self, cluster: &str, namespace: &str, name: &str) {
        self.done(self.kubernetes(cluster, Method::DELETE, &account_path(namespace, name), None));
    }

    /// The requests so far, oldest first, without those that this test client makes to look around.
    pub fn log(&self) -> Vec<Json> {
        let mut log = self.listed(self.send(Method::GET, "/_emulator/log", "", "", None));
        log.retain(|entry| entry["user_agent"] != USER_AGENT);
        log
    }

    /// How many requests have been made so far.
    pub fn requests(&self) -> usize {
        self.log().len()
    }

    /// Makes these the faults; see `azwi_emulator::fault`.
    #[track_caller]
    pub fn faults(&self, faults: &Json) {
        self.done(self.send(Method::PUT, "/_emulator/faults", "", "application/json", Some(faults)));
    }

    /// Changes settings; see `azwi_emulator::settings`.
    #[track_caller]
    pub fn settings(&self, settings: &Json) {
        self.done(self.send(Method::PUT, "/_emulator/settings", "", "application/json", Some(settings)));
    }

    /// Waits until something is so, a minute at most.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_so(self) {
            assert!(Instant::now() < end, "waited a minute in vain until {what}; the log: {:#?}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Fails where anything is left of a test in its groups and namespaces.
    #[track_caller]
    pub fn assert_empty(&self, group: &str, namespace: &str) {
        for subscription in [SUBSCRIPTION, OTHER_SUBSCRIPTION] {
            let scope = format!("/subscriptions/{subscription}/resourceGroups/{group}");
            if self.found(self.arm(Method::GET, &scope, GROUP_API, None)).is_none() {
                continue;
            }
            let identities = format!("{scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities");
            let left = self.listed(self.arm(Method::GET, &identities, IDENTITY_API, None));
            assert!(left.is_empty(), "identities are left: {left:#?}");
            let left = self.role_assignments(&scope);
            assert!(left.is_empty(), "role assignments are left: {left:#?}");
        }
        for cluster in ["demo", "second"] {
            let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
            let (status, list) = self.kubernetes(cluster, Method::GET, &path, None);
            assert_eq!(status, 200, "{list}");
            let mut left = list["items"].as_array().unwrap().clone();
            left.retain(|account| account["metadata"]["name"] != "default");
            assert!(left.is_empty(), "service accounts are left in {cluster}: {left:#?}");
        }
    }

    #[track_caller]
    fn found(&self, (status, body): (u16, Json)) -> Option<Json> {
        assert!(status == 200 || status == 404, "{status}: {body}");
        (status == 200).then_some(body)
    }

    #[track_caller]
    fn done(&self, (status, body): (u16, Json)) -> Json {
        assert!((200..300).contains(&status), "{status}: {body}");
        body
    }

    #[track_caller]
    fn listed(&self, (status, body): (u16, Json)) -> Vec<Json> {
        assert_eq!(status, 200, "{body}");
        body["value"].as_array().or(body.as_array()).unwrap_or_else(|| panic!("not a list: {body}")).clone()
    }
}

fn account_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
}
