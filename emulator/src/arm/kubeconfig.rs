//! The kubeconfigs that Azure hands out for clusters, in base64, and the emulated cluster behind a resource.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};

use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::world::World;
use crate::kubernetes::cluster::{self, Cluster};
use crate::kubernetes::entra::SERVER;

/// The public client that kubelogin signs in as where a person sits at the terminal.
const CLIENT: &str = "80faf920-1908-4b52-b5ef-a8e7bedfc67a";

/// The emulated cluster of a resource.
pub(super) fn cluster_of(world: &World, resource: &Value) -> Option<Cluster> {
    Cluster::load(&world.store, resource.text("_cluster"))
}

/// The answer with one kubeconfig: for this resource, called so, signing in like this user.
pub(super) fn answer(world: &World, resource: &Value, name: &str, user: &Value) -> Response {
    let cluster = resource.text("name");
    let group = resource.text("id").split('/').nth(4).unwrap_or_default();
    let user_name = format!("{name}_{group}_{cluster}");
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {
            "server": cluster::url(world, resource.text("_cluster")),
            "certificate-authority-data": STANDARD.encode(&world.ca_pem),
        }}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user_name}}],
        "current-context": cluster,
        "preferences": {},
        "users": [{"name": user_name, "user": user}],
    });
    // JSON is YAML.
    let value = STANDARD.encode(format!("{config:#}\n"));
    Response::json(StatusCode::OK, &json!({"kubeconfigs": [{"name": name, "value": value}]}))
}

/// A user who gets a token of Entra ID from kubelogin.
pub(super) fn kubelogin(tenant: &str) -> Value {
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "kubelogin",
        "args": [
            "get-token", "--environment", "AzurePublicCloud", "--server-id", SERVER, "--client-id", CLIENT,
            "--tenant-id", tenant, "--login", "devicecode",
        ],
        "env": null,
        "installHint": "kubelogin gets tokens of Entra ID for kubectl; see https://aka.ms/aks/kubelogin.",
        "provideClusterInfo": false,
    }})
}

/// The same for clients from before kubelogin.
pub(super) fn auth_provider(tenant: &str) -> Value {
    json!({"auth-provider": {"name": "azure", "config": {
        "apiserver-id": SERVER, "client-id": CLIENT, "config-mode": "1", "environment": "AzurePublicCloud",
        "tenant-id": tenant,
    }}})
}
