//! The OpenAPI documents: which kinds there are and which fields they have, for `kubectl explain`, and that the server
//! itself checks the fields of what is sent, for kubectl before it writes.
//!
//! What a field means is not in them; its kind's reference on kubernetes.io says it. Nor do they say how lists are
//! patched: for the kinds that are here, kubectl has that compiled in.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::kinds;
use super::reviews;
use super::schema::{Struct, Type};

/// A kind, or a question, as far as the documents know it.
struct Entry {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
    /// Whether there are objects of it.
    is_kept: bool,
    schema: &'static Struct,
}

impl Entry {
    /// All of them.
    fn all() -> Vec<Self> {
        let kinds = kinds::ALL.iter().map(|kind| Self {
            group: kind.group(),
            version: kind.version(),
            kind: kind.kind(),
            plural: kind.plural(),
            namespaced: kind.namespaced(),
            is_kept: true,
            schema: kind.schema(),
        });
        let reviews = reviews::ALL.iter().map(|review| Self {
            group: review.group,
            version: "v1",
            kind: review.kind,
            plural: review.resource,
            namespaced: review.namespaced,
            is_kept: false,
            schema: review.schema,
        });
        kinds.chain(reviews).collect()
    }

    /// The path of its group and version: `api/v1` or `apis/apps/v1`.
    fn path(&self) -> String {
        if self.group.is_empty() {
            format!("api/{}", self.version)
        } else {
            format!("apis/{}/{}", self.group, self.version)
        }
    }

    fn type_of(&self) -> Value {
        json!({"group": self.group, "kind": self.kind, "version": self.version})
    }

    fn operation(&self, action: &str) -> Value {
        let parameter =
            |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
        let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation"].into_iter().map(parameter).collect();
        json!({
            "parameters": parameters, "responses": {}, "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": self.type_of(),
        })
    }
}

/// The list of documents: one for each group and version.
pub(super) fn index() -> Value {
    // A client keeps a document for as long as it has the same address.
    let documents: BTreeMap<String, Value> = Entry::all()
        .iter()
        .map(|entry| {
            let address = format!("/openapi/v3/{}?hash={}", entry.path(), env!("CARGO_PKG_VERSION"));
            (entry.path(), json!({"serverRelativeURL": address}))
        })
        .collect();
    json!({"paths": documents})
}

/// The document of a group and version by its path, `api/v1` or `apis/apps/v1`; none where there is no such.
pub(super) fn document(path: &str) -> Option<Value> {
    let mut entries = Entry::all();
    entries.retain(|entry| entry.path() == path);
    if entries.is_empty() {
        return None;
    }
    let mut paths = Map::new();
    for entry in &entries {
        let within = if entry.namespaced { "namespaces/{namespace}/" } else { "" };
        let collection = format!("/{path}/{within}{}", entry.plural);
        // kubectl looks for its parameters at the patch, also of what cannot be patched.
        let (put, patch) = (entry.operation("put"), entry.operation("patch"));
        let object = if entry.is_kept { json!({"put": put, "patch": patch}) } else { json!({"patch": patch}) };
        paths.insert(format!("{collection}/{{name}}"), object);
        paths.insert(collection, json!({"post": entry.operation("post")}));
    }
    let schemas = schemas(&entries, "#/components/schemas/");
    let info = json!({"title": "Kubernetes", "version": "v1.34.4"});
    Some(json!({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}))
}

/// The one document of version 2, for clients that have not come to version 3.
pub(super) fn version_2() -> Value {
    let info = json!({"title": "Kubernetes", "version": "v1.34.4"});
    json!({"swagger": "2.0", "info": info, "paths": {}, "definitions": schemas(&Entry::all(), "#/definitions/")})
}

/// The same in protobuf, which kubectl asks for only to validate what it does not know: it has no definition, and says
/// so with its version, the first field.
pub(super) const VERSION_2_PROTOBUF: &[u8] = b"\x0a\x032.0";

fn schemas(entries: &[Entry], at: &str) -> Map<String, Value> {
    let mut schemas = Map::new();
    for entry in entries {
        add(&mut schemas, entry.schema, at);
        if let Some(schema) = schemas.get_mut(entry.schema.go).and_then(Value::as_object_mut) {
            let about =
                "The fields are those that the emulator keeps. What they mean is in the reference on kubernetes.io.";
            schema.insert("description".to_owned(), json!(about));
            let types = schema.entry("x-kubernetes-group-version-kind").or_insert_with(|| json!([]));
            types.as_array_mut().into_iter().for_each(|types| types.push(entry.type_of()));
        }
    }
    schemas
}

/// Adds a struct, and those in it, under its name.
fn add(schemas: &mut Map<String, Value>, of: &'static Struct, at: &str) {
    if schemas.contains_key(of.go) {
        return;
    }
    // Named first: a struct may have itself in it.
    schemas.insert(of.go.to_owned(), Value::Null);
    let properties: Map<String, Value> =
        of.fields.iter().map(|field| (field.name.to_owned(), schema(schemas, &field.of, at))).collect();
    schemas.insert(of.go.to_owned(), json!({"type": "object", "properties": properties}));
}

fn schema(schemas: &mut Map<String, Value>, of: &Type, at: &str) -> Value {
    match of {
        Type::String => json!({"type": "string"}),
        Type::Boolean => json!({"type": "boolean"}),
        Type::Integer => json!({"type": "integer", "format": "int64"}),
        Type::Time => json!({"type": "string", "format": "date-time"}),
        Type::Any => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        Type::Map(of) => json!({"type": "object", "additionalProperties": schema(schemas, of, at)}),
        Type::List(of, _) => json!({"type": "array", "items": schema(schemas, of, at)}),
        Type::Struct(of) => {
            add(schemas, of, at);
            json!({"allOf": [{"$ref": format!("{at}{}", of.go)}]})
        }
    }
}
