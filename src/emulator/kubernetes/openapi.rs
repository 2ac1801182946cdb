//! The OpenAPI documents: which kinds there are and which fields they have, for `kubectl explain`, and that the server
//! itself checks the fields of what is sent, for kubectl before it writes.
//!
//! What a field means is not in them; its kind's reference on kubernetes.io says it. Nor do they say how lists are
//! patched: for the kinds that are here, kubectl has that compiled in.

use serde_json::{Map, Value, json};

use super::kinds::{self, Kind};
use super::schema::{Struct, Type};

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
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for kind in kinds {
        let within = if kind.namespaced() { "namespaces/{namespace}/" } else { "" };
        let collection = format!("/{path}/{within}{}", kind.plural());
        let operation = |action: &str| operation(kind, action);
        let (post, put, patch) = (operation("post"), operation("put"), operation("patch"));
        paths.insert(format!("{collection}/{{name}}"), json!({"put": put, "patch": patch}));
        paths.insert(collection, json!({"post": post}));
        add(&mut schemas, kind.schema());
        if let Some(schema) = schemas.get_mut(kind.schema().go).and_then(Value::as_object_mut) {
            let about =
                "The fields are those that the emulator keeps. What they mean is in the reference on kubernetes.io.";
            schema.insert("description".to_owned(), json!(about));
            schema.insert("x-kubernetes-group-version-kind".to_owned(), json!([type_of(kind)]));
        }
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.34.4"}, "paths": paths,
        "components": {"schemas": schemas},
    }))
}

/// Adds a struct, and those in it, under its name.
fn add(schemas: &mut Map<String, Value>, of: &'static Struct) {
    if schemas.contains_key(of.go) {
        return;
    }
    // Named first: a struct may have itself in it.
    schemas.insert(of.go.to_owned(), Value::Null);
    let properties: Map<String, Value> =
        of.fields.iter().map(|field| (field.name.to_owned(), schema(schemas, &field.of))).collect();
    schemas.insert(of.go.to_owned(), json!({"type": "object", "properties": properties}));
}

fn schema(schemas: &mut Map<String, Value>, of: &Type) -> Value {
    match of {
        Type::String => json!({"type": "string"}),
        Type::Boolean => json!({"type": "boolean"}),
        Type::Integer => json!({"type": "integer", "format": "int64"}),
        Type::Time => json!({"type": "string", "format": "date-time"}),
        Type::Any => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        Type::Map(of) => json!({"type": "object", "additionalProperties": schema(schemas, of)}),
        Type::List(of, _) => json!({"type": "array", "items": schema(schemas, of)}),
        Type::Struct(of) => {
            add(schemas, of);
            json!({"allOf": [{"$ref": format!("#/components/schemas/{}", of.go)}]})
        }
    }
}

fn operation(kind: &dyn Kind, action: &str) -> Value {
    let parameter =
        |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation"].into_iter().map(parameter).collect();
    json!({
        "parameters": parameters, "responses": {}, "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": type_of(kind),
    })
}

fn type_of(kind: &dyn Kind) -> Value {
    json!({"group": kind.group(), "kind": kind.kind(), "version": kind.version()})
}

fn path_of(kind: &dyn Kind) -> String {
    if kind.group().is_empty() { format!("api/{}", kind.version()) } else { format!("apis/{}", kind.api_version()) }
}
