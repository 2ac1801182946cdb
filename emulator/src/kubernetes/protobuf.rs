//! Bodies in protobuf, which clients in Go prefer for the kinds that they have compiled in.
//!
//! The messages are those of `proto/kubernetes/`, and are decoded by their descriptors: a body becomes the object that it
//! would be in JSON, and nothing after that depends on its form. Fields without a descriptor are ignored.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DescriptorPool, DynamicMessage, MapKey, ReflectMessage as _, Value as Field};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::decode;

/// What every such body begins with.
const MAGIC: &[u8] = b"k8s\0";
/// Structs that Go embeds: in JSON their fields are those of the struct around them.
const EMBEDDED: [&str; 4] = ["ephemeralContainerCommon", "handler", "localObjectReference", "volumeSource"];

static DESCRIPTORS: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let described = include_bytes!(concat!(env!("OUT_DIR"), "/kubernetes.bin"));
    // The build wrote it, and a test reads all of it.
    DescriptorPool::decode(described.as_slice()).unwrap_or_default()
});

/// Reads a body as the object that it would be in JSON; none where it is no such body, or of a kind that is not known.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    let unknown = message("Unknown", body.strip_prefix(MAGIC)?)?;
    let raw = unknown.get_field_by_name("raw")?;
    let type_meta = object(unknown.get_field_by_name("typeMeta")?.as_message()?)?;
    let text = |field: &str| type_meta.get(field).and_then(Value::as_str);
    let kind = text("kind")?;
    let mut read = json_of(&message(kind, raw.as_bytes()?)?)?;
    let object = read.as_object_mut()?;
    object.insert("kind".to_owned(), json!(kind));
    object.insert("apiVersion".to_owned(), json!(text("apiVersion")?));
    Some(read)
}

fn message(name: &str, bytes: &[u8]) -> Option<DynamicMessage> {
    let descriptor = DESCRIPTORS.get_message_by_name(&format!("kubernetes.{name}"))?;
    DynamicMessage::decode(descriptor, bytes).ok()
}

/// A message as JSON. What Go writes in a way of its own is told apart by the message's name.
fn json_of(message: &DynamicMessage) -> Option<Value> {
    let descriptor = message.descriptor();
    let object = object(message)?;
    let number = |field: &str| object.get(field).and_then(Value::as_i64).unwrap_or(0);
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    Some(match descriptor.name() {
        // The time that is none is an empty message.
        "Time" | "MicroTime" if object.is_empty() => Value::Null,
        "Time" => json!(decode::timestamp(OffsetDateTime::from_unix_timestamp(number("seconds")).ok()?)),
        "MicroTime" => {
            let at = OffsetDateTime::from_unix_timestamp(number("seconds")).ok()?;
            let at = decode::timestamp(at);
            json!(format!("{}.{:06}Z", at.trim_end_matches('Z'), number("nanos") / 1000))
        }
        "Quantity" => json!(text("string")),
        "IntOrString" if number("type") == 0 => json!(number("intVal")),
        "IntOrString" => json!(text("strVal")),
        "FieldsV1" => serde_json::from_slice(message.get_field_by_name("raw")?.as_bytes()?).ok()?,
        "ExtraValue" => object.get("items").cloned().unwrap_or_else(|| json!([])),
        _ => Value::Object(object),
    })
}

fn object(message: &DynamicMessage) -> Option<Map<String, Value>> {
    let mut object = Map::new();
    for (field, value) in message.fields() {
        let name = field.name().to_owned();
        match value_of(value)? {
            Value::Null => {}
            Value::Object(fields) if EMBEDDED.contains(&name.as_str()) => object.extend(fields),
            // Go writes a text that is empty where JSON leaves it out.
            Value::String(text) if text.is_empty() => {}
            value => drop(object.insert(name, value)),
        }
    }
    Some(object)
}

fn value_of(value: &Field) -> Option<Value> {
    Some(match value {
        Field::Bool(flag) => json!(flag),
        Field::I32(number) | Field::EnumNumber(number) => json!(number),
        Field::I64(number) => json!(number),
        Field::U32(number) => json!(number),
        Field::U64(number) => json!(number),
        Field::F32(number) => json!(number),
        Field::F64(number) => json!(number),
        Field::String(text) => json!(text),
        Field::Bytes(bytes) => json!(STANDARD.encode(bytes)),
        Field::Message(message) => json_of(message)?,
        Field::List(items) => items.iter().map(value_of).collect::<Option<_>>()?,
        Field::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let MapKey::String(key) = key else { return None };
                map.insert(key.clone(), value_of(value)?);
            }
            Value::Object(map)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of bytes, shorter than 16 KiB.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let (low, high) = (content.len() % 128, content.len() / 128);
        let length = if high == 0 { vec![low] } else { vec![low | 128, high] };
        let head = std::iter::once(number << 3 | 2).chain(length.into_iter().map(|byte| u8::try_from(byte).unwrap()));
        head.chain(content.iter().copied()).collect()
    }

    #[test]
    fn a_token_request_is_read_as_it_would_be_in_json() {
        let spec = [field(1, b"api://one"), vec![4 << 3, 0x90, 0x1c]].concat();
        let raw = [field(1, &field(8, b"")), field(2, &spec)].concat();
        let meta = [field(1, b"authentication.k8s.io/v1"), field(2, b"TokenRequest")].concat();
        let body = [MAGIC, &field(1, &meta), &field(2, &raw)].concat();
        let wanted = json!({
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
            "spec": {"audiences": ["api://one"], "expirationSeconds": 3600},
        });
        assert_eq!(read(&body).unwrap(), wanted);
    }

    fn message_of(fields: &[(u8, &[u8])]) -> Vec<u8> {
        fields.iter().flat_map(|(number, content)| field(*number, content)).collect()
    }

    #[test]
    fn a_deployment_is_read_with_what_json_writes_in_another_way() {
        let quantity = message_of(&[(1, b"cpu"), (2, &field(1, b"100m"))]);
        let from = message_of(&[(1, &field(1, b"config")), (2, b"key")]);
        let variable = message_of(&[(1, b"A"), (3, &field(3, &from))]);
        let get = message_of(&[(1, b"/ready"), (2, &[8, 0, 16, 0x90, 0x3f])]);
        let probe = field(1, &field(2, &get));
        let container =
            message_of(&[(1, b"c"), (2, b"nginx"), (7, &variable), (8, &field(1, &quantity)), (11, &probe), (14, b"")]);
        let volume = message_of(&[(1, b"v"), (2, &field(2, &[]))]);
        let spec = message_of(&[(1, &volume), (2, &container)]);
        let labels = message_of(&[(1, b"app"), (2, b"web")]);
        let template = message_of(&[(1, &field(11, &labels)), (2, &spec)]);
        let rolling = field(2, &field(1, &[8, 1, 26, 3, b'2', b'5', b'%']));
        let spec = [vec![8, 0], message_of(&[(2, &field(1, &labels)), (3, &template), (4, &rolling)])].concat();
        let raw = message_of(&[(1, &message_of(&[(1, b"web"), (8, b"")])), (2, &spec), (3, b"")]);
        let meta = message_of(&[(1, b"apps/v1"), (2, b"Deployment")]);
        let body = [MAGIC, &field(1, &meta), &field(2, &raw)].concat();
        let container = json!({
            "name": "c", "image": "nginx", "resources": {"limits": {"cpu": "100m"}},
            "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "key"}}}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
        });
        let wanted = json!({
            "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web"}, "status": {},
            "spec": {
                "replicas": 0, "selector": {"matchLabels": {"app": "web"}},
                "strategy": {"rollingUpdate": {"maxUnavailable": "25%"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"volumes": [{"name": "v", "emptyDir": {}}], "containers": [container]},
                },
            },
        });
        assert_eq!(read(&body).unwrap(), wanted);
    }

    #[test]
    fn there_is_a_message_for_every_kind_and_for_every_part_of_one() {
        let described = include_bytes!(concat!(env!("OUT_DIR"), "/kubernetes.bin"));
        DescriptorPool::decode(described.as_slice()).expect("every part of a message has a descriptor");
        let known = |name: &str| DESCRIPTORS.get_message_by_name(&format!("kubernetes.{name}")).is_some();
        for kind in super::super::kinds::ALL {
            assert!(known(kind.kind()), "{}", kind.kind());
        }
        for review in super::super::reviews::ALL {
            assert!(known(review.kind), "{}", review.kind);
        }
    }

    #[test]
    fn what_is_cut_off_or_no_such_body_is_not_read() {
        assert!(read(b"{}").is_none());
        assert!(read(b"k8s\0\x0a\xff").is_none());
        assert!(read(b"k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_none());
    }
}
