//! AKS over the wire: its kubeconfig leads to the emulated API server, and so does a token of Entra ID.

use azwi_emulator::Options;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Client;

const CLUSTERS: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters";

#[tokio::test]
async fn the_kubeconfig_of_a_cluster_that_was_just_made_leads_to_it() {
    let azure = Client::start(Options::default()).await;
    let body = json!({"location": "westeurope", "properties": {"oidcIssuerProfile": {"enabled": true}}});
    let (status, made) = azure.put(&format!("{CLUSTERS}/mine?api-version=2024-09-01"), &body).await;
    assert_eq!(status, 201, "{made}");
    let issuer = made["properties"]["oidcIssuerProfile"]["issuerURL"].as_str().unwrap();
    let list = format!("{}{CLUSTERS}/mine/listClusterUserCredential?api-version=2024-09-01", azure.url());
    let (status, answer) = azure.send_to(Method::POST, &list, None).await;
    assert_eq!(status, 200, "{answer}");
    let text = STANDARD.decode(answer["kubeconfigs"][0]["value"].as_str().unwrap()).unwrap();
    let config: Value = serde_json::from_slice(&text).unwrap();
    let cluster = &config["clusters"][0]["cluster"];
    let authority = STANDARD.decode(cluster["certificate-authority-data"].as_str().unwrap()).unwrap();
    assert_eq!(String::from_utf8(authority).unwrap(), azure.emulator().ca_pem);
    let (server, token) = (cluster["server"].as_str().unwrap(), config["users"][0]["user"]["token"].as_str());
    let (status, namespaces) = azure.get_with(token, &format!("{server}/api/v1/namespaces")).await;
    assert_eq!((status, &namespaces["kind"]), (200, &json!("NamespaceList")));
    let (_, discovery) = azure.get_with(token, &format!("{server}/.well-known/openid-configuration")).await;
    assert_eq!(discovery["issuer"], issuer);
}

#[tokio::test]
async fn a_token_of_entra_for_the_aks_application_is_a_user_where_the_cluster_has_entra() {
    let azure = Client::start(Options::default()).await;
    let form = [("client_secret", "azwi-emulator-secret"), ("scope", "6dae42f8-4368-4678-94ff-3960e28e3630/.default")];
    let (status, body) = azure.sign_in(&form).await;
    assert_eq!(status, 200, "{body}");
    let token = body["access_token"].as_str();
    let namespaces = |cluster: &str| format!("{}/clusters/{cluster}/api/v1/namespaces", azure.url());
    assert_eq!(azure.get_with(token, &namespaces("demo")).await.0, 200);
    assert_eq!(azure.get_with(token, &namespaces("second")).await.0, 401);
}
