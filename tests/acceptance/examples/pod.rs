//! A pod as its containers see it: what the webhook gave it, and what that is good for. Nothing runs in the emulator's pods, so a test
//! does here what an SDK does in them.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::emulator::Emulator;

/// What a token for a vault is for.
pub const VAULT: &str = "https://vault.azure.net";

/// One pod of the first cluster.
pub struct Pod<'a> {
    emulator: &'a Emulator,
    object: Json,
}

impl<'a> Pod<'a> {
    /// The pod of this name.
    #[track_caller]
    pub fn named(emulator: &'a Emulator, namespace: &str, name: &str) -> Self {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        let (status, object) = emulator.kubernetes("demo", Method::GET, &path, None);
        assert_eq!(status, 200, "{object}");
        Self { emulator, object }
    }

    /// Every pod of a namespace that is not on its way out.
    #[track_caller]
    pub fn all(emulator: &'a Emulator, namespace: &str) -> Vec<Self> {
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let (status, list) = emulator.kubernetes("demo", Method::GET, &path, None);
        assert_eq!(status, 200, "{list}");
        let pods = list["items"].as_array().unwrap().iter().cloned();
        let stays = |object: &Json| object["metadata"]["deletionTimestamp"].is_null();
        pods.filter(stays).map(|object| Self { emulator, object }).collect()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap()
    }

    /// A variable of the environment of its first container; null where it has none.
    pub fn variable(&self, name: &str) -> Json {
        let variables = self.object["spec"]["containers"][0]["env"].as_array();
        let found = variables.into_iter().flatten().find(|variable| variable["name"] == name);
        found.map(|variable| variable["value"].clone()).unwrap_or_default()
    }

    /// Exchanges the token that the kubelet would write to AZURE_FEDERATED_TOKEN_FILE, which is bound to this pod, for an access token.
    #[track_caller]
    pub fn signs_in_to(&self, resource: &str) -> Result<String, String> {
        let environment = &self.emulator.environment;
        assert_eq!(self.variable("AZURE_TENANT_ID"), environment["ARM_TENANT_ID"], "{}", self.name());
        assert_eq!(self.variable("AZURE_AUTHORITY_HOST"), format!("{}/", self.emulator.url()), "{}", self.name());
        let client = self.variable("AZURE_CLIENT_ID");
        self.emulator.exchange_for(resource, client.as_str().unwrap(), &self.token())
    }

    /// The token for the audience of the volume that the webhook has mounted.
    #[track_caller]
    fn token(&self) -> String {
        let volumes = self.object["spec"]["volumes"].as_array().unwrap();
        let sources = volumes.iter().filter_map(|volume| volume["projected"]["sources"].as_array()).flatten();
        let mut audiences =
            sources.map(|source| &source["serviceAccountToken"]["audience"]).filter(|one| !one.is_null());
        let audience =
            audiences.next().unwrap_or_else(|| panic!("no token of workload identity is mounted: {}", self.object));
        let metadata = &self.object["metadata"];
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {
                "audiences": [audience],
                "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": self.name(), "uid": metadata["uid"]},
            },
        });
        let (namespace, account) = (&metadata["namespace"], &self.object["spec"]["serviceAccountName"]);
        let path = format!(
            "/api/v1/namespaces/{}/serviceaccounts/{}/token",
            namespace.as_str().unwrap(),
            account.as_str().unwrap()
        );
        let (status, answer) = self.emulator.kubernetes("demo", Method::POST, &path, Some(&body));
        assert_eq!(status, 201, "{answer}");
        answer["status"]["token"].as_str().unwrap().to_owned()
    }
}
