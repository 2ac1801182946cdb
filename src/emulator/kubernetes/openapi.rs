//! The OpenAPI documents, as far as kubectl reads them before it writes: which kinds there are, and that the server
//! itself checks the fields of what is sent.
//!
//! The schemas of the kinds are not in them. For what it has compiled in, kubectl needs none; `kubectl explain` does.

use serde_json::{Map, Value, json};

use super::kinds::{self, Kind};

/// The list of documents: one for each group and version.
pub(super) fn index() -> Value {
    let paths: Map<String, Value> = kinds::ALL
        .iter()
        .map(|kind| {
            let path = path_of(*kind);
            let address = format!("/openapi/v3/{path}?hash={}", kind.storage_hash());
            (path, json!({"serverRelativeURL": address}))
        })
        .collect();
    json!({"paths": paths})
}

/// The document of a group and version by its path, `api/v1` or `apis/apps/v1`; none where there is no such.
pub(super) fn document(path: &str) -> Option<Value> {
    let kinds: Vec<&dyn Kind> = kinds::ALL.iter().copied().filter(|kind| path_of(*kind) == path).collect();
    if kinds.is_empty() {
        return None;
    }
    let mut paths = Map::new();
    for kind in kinds {
        let within = if kind.namespaced() { "namespaces/{namespace}/" } else { "" };
        let collection = format!("/{path}/{within}{}", kind.plural());
        let operation = |action: &str| operation(kind, action);
        let (post, put, patch) = (operation("post"), operation("put"), operation("patch"));
        paths.insert(format!("{collection}/{{name}}"), json!({"put": put, "patch": patch}));
        paths.insert(collection, json!({"post": post}));
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.34.4"}, "paths": paths,
        "components": {"schemas": {}},
    }))
}

fn operation(kind: &dyn Kind, action: &str) -> Value {
    let parameter =
        |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation"].into_iter().map(parameter).collect();
    json!({
        "parameters": parameters, "responses": {}, "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": kind.group(), "kind": kind.kind(), "version": kind.version()},
    })
}

fn path_of(kind: &dyn Kind) -> String {
    if kind.group().is_empty() { format!("api/{}", kind.version()) } else { format!("apis/{}", kind.api_version()) }
}
