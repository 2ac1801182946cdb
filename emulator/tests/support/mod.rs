//! The emulator's client of all of its tests: an emulator in this process, and plain HTTP to it.

use azwi_emulator::{Emulator, Options};
use reqwest::{Certificate, Method, RequestBuilder};
use serde_json::{Value, json};

/// The collection of identities in the seeded group.
pub(crate) const IDENTITIES: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities";
const TENANT: &str = "10000000-0000-4000-8000-000000000001";

pub(crate) struct Client {
    emulator: Option<Emulator>,
    http: reqwest::Client,
    token: String,
}

impl Client {
    /// An emulator, and a client with the rights of the seeded application in Azure.
    pub(crate) async fn start(options: Options) -> Self {
        let mut client = Self::without_azure(options);
        let (status, body) = client.sign_in(&[("client_secret", "azwi-emulator-secret")]).await;
        assert_eq!(status, 200, "{body}");
        client.token = body["access_token"].as_str().unwrap().to_owned();
        client
    }

    /// An emulator, and a client that is not signed in to Azure.
    pub(crate) fn without_azure(options: Options) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let emulator = Emulator::start(options).unwrap();
        let http = http_client(&emulator.ca_pem, false);
        Self { emulator: Some(emulator), http, token: String::new() }
    }

    /// Ends the emulator; the client stays.
    pub(crate) fn stop(&mut self) {
        drop(self.emulator.take());
    }

    pub(crate) fn emulator(&self) -> &Emulator {
        self.emulator.as_ref().unwrap()
    }

    pub(crate) fn url(&self) -> &str {
        &self.emulator().url
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The seeded application's token for Azure Resource Manager.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Ends the emulator and starts another; token and trusted authority stay, connections do not.
    pub(crate) fn restart(&mut self, options: Options) {
        self.http = http_client(&self.emulator().ca_pem, false);
        drop(self.emulator.take());
        self.emulator = Some(Emulator::start(options).unwrap());
    }

    /// Speaks HTTP/1.1 from now on.
    pub(crate) fn downgrade(&mut self) {
        self.http = http_client(&self.emulator().ca_pem, true);
    }

    /// Asks for a token for Azure Resource Manager; the seeded application's, unless the form has another client.
    pub(crate) async fn sign_in(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let client_id = ("client_id", "30000000-0000-4000-8000-000000000001");
        let mut all = vec![("grant_type", "client_credentials"), ("scope", "https://management.azure.com/.default")];
        if !form.iter().any(|(name, _)| *name == "client_id") {
            all.push(client_id);
        }
        all.extend_from_slice(form);
        let url = format!("{}/{TENANT}/oauth2/v2.0/token", self.url());
        let response = self.http.post(url).form(&all).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{target}", self.url())).bearer_auth(&self.token)
    }

    /// A GET with another token.
    pub(crate) fn request_as(&self, token: &str, target: &str) -> RequestBuilder {
        self.http.get(format!("{}{target}", self.url())).bearer_auth(token)
    }

    /// A GET of any URL with another token, or without one.
    pub(crate) async fn get_with(&self, token: Option<&str>, url: &str) -> (u16, Value) {
        let request = self.http.get(url);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// A token of a service account in the namespace `demo` of the cluster `demo`, for Entra ID.
    pub(crate) async fn account_token(&self, account: &str) -> String {
        let accounts = "/api/v1/namespaces/demo/serviceaccounts";
        let post = |path: &str, body: Value| self.to_cluster(Method::POST, path).json(&body).send();
        let made = post(accounts, json!({"metadata": {"name": account}})).await.unwrap().status();
        assert!(made == 201 || made == 409, "{made}");
        let spec = json!({"spec": {"audiences": ["api://AzureADTokenExchange"]}});
        let answer: Value = post(&format!("{accounts}/{account}/token"), spec).await.unwrap().json().await.unwrap();
        answer["status"]["token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// The token of the administrator of the cluster `demo`.
    pub(crate) fn admin(&self) -> String {
        self.admin_of("demo")
    }

    /// The token of the administrator of a cluster.
    pub(crate) fn admin_of(&self, cluster: &str) -> String {
        let kubeconfig = std::fs::read_to_string(self.emulator().dir.join("kubeconfig")).unwrap();
        let kubeconfig: Value = serde_json::from_str(&kubeconfig).unwrap();
        let users = kubeconfig["users"].as_array().unwrap();
        let user = users.iter().find(|user| user["name"] == cluster).unwrap();
        user["user"]["token"].as_str().unwrap().to_owned()
    }

    /// A request to the API server of the cluster `demo`, by its administrator.
    pub(crate) fn to_cluster(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/clusters/demo{path}", self.url())).bearer_auth(self.admin())
    }

    /// A server-side apply to a path below `/api/v1` of the cluster `demo`.
    pub(crate) async fn apply(&self, path: &str, object: &Value) -> (u16, Value) {
        let request = self.to_cluster(Method::PATCH, &format!("/api/v1/{path}"));
        let request = request.header("content-type", "application/apply-patch+yaml").body(object.to_string());
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn send_to(&self, method: Method, url: &str, body: Option<&Value>) -> (u16, Value) {
        self.try_send_to(method, url, body).await.unwrap()
    }

    pub(crate) async fn try_send_to(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<(u16, Value)> {
        self.try_send_as(&self.token, method, url, body).await
    }

    /// A request with another token.
    pub(crate) async fn send_as(&self, token: &str, method: Method, url: &str, body: Option<&Value>) -> (u16, Value) {
        self.try_send_as(token, method, url, body).await.unwrap()
    }

    async fn try_send_as(
        &self,
        token: &str,
        method: Method,
        url: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<(u16, Value)> {
        let request = self.http.request(method, url).bearer_auth(token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    pub(crate) async fn try_put(&self, target: &str, body: &Value) -> reqwest::Result<(u16, Value)> {
        self.try_send_to(Method::PUT, &format!("{}{target}", self.url()), Some(body)).await
    }

    pub(crate) async fn put(&self, target: &str, body: &Value) -> (u16, Value) {
        self.try_put(target, body).await.unwrap()
    }

    pub(crate) async fn get(&self, target: &str) -> (u16, Value) {
        self.send_to(Method::GET, &format!("{}{target}", self.url()), None).await
    }

    pub(crate) async fn delete(&self, target: &str) -> (u16, Value) {
        self.send_to(Method::DELETE, &format!("{}{target}", self.url()), None).await
    }

    /// A request to `/_emulator/…`.
    pub(crate) async fn control(&self, method: Method, what: &str, body: Option<&Value>) -> (u16, Value) {
        self.send_to(method, &format!("{}/_emulator/{what}", self.url()), body).await
    }
}

pub(crate) fn http_client(ca: &str, http1: bool) -> reqwest::Client {
    let ca = Certificate::from_pem(ca.as_bytes()).unwrap();
    // A request that a fault has dropped must not be silently tried again on another connection.
    let mut builder = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().retry(reqwest::retry::never());
    if http1 {
        builder = builder.http1_only();
    }
    builder.build().unwrap()
}

/// The target of a credential.
pub(crate) fn credential(identity: &str, name: &str) -> String {
    format!("{IDENTITIES}/{identity}/federatedIdentityCredentials/{name}?api-version=2023-01-31")
}

/// The body of a credential.
pub(crate) fn body(subject: &str) -> Value {
    json!({"properties": {"issuer": "https://issuer.example/", "subject": subject, "audiences": ["api://AzureADTokenExchange"]}})
}
