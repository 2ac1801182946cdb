//! The kubeconfig of all clusters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::cluster::{self, Cluster};
use crate::core::world::World;

/// Its name in the emulator's folder.
pub(super) const FILE: &str = "kubeconfig";

/// One context per cluster, which signs in with the cluster's administrator token. JSON, which is YAML.
pub(super) fn text(world: &World) -> String {
    let authority = STANDARD.encode(&world.ca_pem);
    let clusters = Cluster::all(&world.store);
    let each = |entry: &dyn Fn(&Cluster) -> Value| -> Value { clusters.iter().map(entry).collect() };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current(world, &clusters),
        "clusters": each(&|cluster| json!({
            "name": cluster.name(),
            "cluster": {
                "server": cluster::url(world, cluster.name()),
                "certificate-authority-data": authority,
            },
        })),
        "users": each(&|cluster| json!({"name": cluster.name(), "user": {"token": cluster.admin_token()}})),
        "contexts": each(&|cluster| json!({
            "name": cluster.name(),
            "context": {"cluster": cluster.name(), "user": cluster.name(), "namespace": "default"},
        })),
    });
    format!("{config:#}\n")
}

/// The cluster that the seed named first, or else the first there is.
pub(super) fn current(world: &World, clusters: &[Cluster]) -> String {
    let named = clusters.iter().find(|cluster| cluster.name() == world.default("cluster"));
    named.or(clusters.first()).map(|cluster| cluster.name().to_owned()).unwrap_or_default()
}
