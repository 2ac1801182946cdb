//! Bodies in protobuf, which clients in Go prefer for the kinds that they have compiled in.
//!
//! The messages are those of `proto/kubernetes/`, and are read by their description: a body becomes the object that it
//! would be in JSON, and from there on nobody knows the difference. What a description does not have is passed over.

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::decode;

/// What every such body begins with.
const MAGIC: &[u8] = b"k8s\0";
/// As deep as messages are read; no object is deeper than half of it.
const DEEPEST: usize = 32;
/// Structs that Go embeds: in JSON their fields are those of the struct around them.
const EMBEDDED: [&str; 4] = ["ephemeralContainerCommon", "handler", "localObjectReference", "volumeSource"];

/// The messages by their name.
static MESSAGES: LazyLock<HashMap<String, Vec<Field>>> = LazyLock::new(|| {
    let described = include_bytes!(concat!(env!("OUT_DIR"), "/kubernetes.bin"));
    // The build wrote it, and a test reads all of it.
    let files = FileDescriptorSet::decode(described.as_slice()).unwrap_or_default().file;
    let mut messages = HashMap::new();
    for message in files.iter().flat_map(|file| &file.message_type) {
        messages
            .insert(message.name().to_owned(), message.field.iter().map(|field| Field::of(message, field)).collect());
        for entry in &message.nested_type {
            let name = format!("{}.{}", message.name(), entry.name());
            messages.insert(name, entry.field.iter().map(|field| Field::of(entry, field)).collect());
        }
    }
    messages
});

struct Field {
    number: u64,
    name: String,
    is_list: bool,
    of: Of,
}

/// What a field holds.
enum Of {
    Text,
    Bytes,
    Number,
    Flag,
    Message(String),
    /// The message of its entries.
    Map(String),
}

impl Field {
    fn of(message: &DescriptorProto, field: &prost_types::FieldDescriptorProto) -> Self {
        let whole = field.type_name().trim_start_matches(".kubernetes.");
        let is_map = whole.strip_prefix(message.name()).is_some_and(|rest| rest.starts_with('.'));
        let of = match field.r#type() {
            Type::Bool => Of::Flag,
            Type::String => Of::Text,
            Type::Bytes => Of::Bytes,
            Type::Message if is_map => Of::Map(whole.to_owned()),
            Type::Message => Of::Message(whole.to_owned()),
            _ => Of::Number,
        };
        let is_list = field.label() == Label::Repeated && !is_map;
        Self { number: u64::try_from(field.number()).unwrap_or(0), name: field.name().to_owned(), is_list, of }
    }
}

/// Reads a body as the object that it would be in JSON; none where it is no such body, or of a kind that is not known.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    let unknown = message("Unknown", body.strip_prefix(MAGIC)?, 0)?;
    let text = |pointer: &str| unknown.pointer(pointer).and_then(Value::as_str);
    let kind = text("/typeMeta/kind")?;
    let raw = STANDARD.decode(text("/raw").unwrap_or_default()).ok()?;
    let mut object = message(kind, &raw, 0)?;
    let of = object.as_object_mut()?;
    of.insert("kind".to_owned(), json!(kind));
    of.insert("apiVersion".to_owned(), json!(text("/typeMeta/apiVersion")?));
    Some(object)
}

/// A message as JSON. What Go writes in a way of its own is told apart by the message's name.
fn message(name: &str, bytes: &[u8], depth: usize) -> Option<Value> {
    let object = object(MESSAGES.get(name).filter(|_| depth < DEEPEST)?, bytes, depth)?;
    let number = |field: &str| object.get(field).and_then(Value::as_i64).unwrap_or(0);
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    Some(match name {
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
        "FieldsV1" => serde_json::from_slice(&STANDARD.decode(text("raw")).ok()?).ok()?,
        "ExtraValue" => object.get("items").cloned().unwrap_or_else(|| json!([])),
        _ => Value::Object(object),
    })
}

fn object(fields: &[Field], mut bytes: &[u8], depth: usize) -> Option<Map<String, Value>> {
    let mut object = Map::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let (number, content) = (tag >> 3, content(&mut bytes, tag & 7)?);
        let Some(field) = fields.iter().find(|field| field.number == number) else { continue };
        let name = field.name.as_str();
        let value = match (&field.of, content) {
            (Of::Flag, Content::Number(number)) => json!(number != 0),
            // Negative numbers are written as their two's complement.
            (Of::Number, Content::Number(number)) => json!(number.cast_signed()),
            // Many numbers in one field.
            (Of::Number, Content::Bytes(mut packed)) if field.is_list => {
                while !packed.is_empty() {
                    push(&mut object, name, json!(varint(&mut packed)?.cast_signed()))?;
                }
                continue;
            }
            (Of::Bytes, Content::Bytes(bytes)) => json!(STANDARD.encode(bytes)),
            (Of::Text, Content::Bytes(bytes)) => json!(std::str::from_utf8(bytes).ok()?),
            (Of::Map(entry), Content::Bytes(bytes)) => {
                let entry = self::object(MESSAGES.get(entry)?, bytes, depth + 1)?;
                let key = entry.get("key").and_then(Value::as_str).unwrap_or_default();
                let value = entry.get("value").cloned().unwrap_or_else(|| json!(""));
                let map = object.entry(name.to_owned()).or_insert_with(|| json!({}));
                map.as_object_mut()?.insert(key.to_owned(), value);
                continue;
            }
            (Of::Message(of), Content::Bytes(bytes)) => match message(of, bytes, depth + 1)? {
                Value::Null => continue,
                Value::Object(fields) if EMBEDDED.contains(&name) => {
                    object.extend(fields);
                    continue;
                }
                value => value,
            },
            _ => return None,
        };
        if field.is_list {
            push(&mut object, name, value)?;
        } else if value != json!("") {
            // Go writes a text that is empty where JSON leaves it out.
            object.insert(name.to_owned(), value);
        }
    }
    Some(object)
}

fn push(object: &mut Map<String, Value>, name: &str, value: Value) -> Option<()> {
    object.entry(name.to_owned()).or_insert_with(|| json!([])).as_array_mut()?.push(value);
    Some(())
}

enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn content<'a>(bytes: &mut &'a [u8], wire: u64) -> Option<Content<'a>> {
    let length = match wire {
        0 => return varint(bytes).map(Content::Number),
        1 => 8,
        2 => usize::try_from(varint(bytes)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(Content::Bytes(taken))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
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
        let known = |name: &str| MESSAGES.contains_key(name);
        for kind in super::super::kinds::ALL {
            assert!(known(kind.kind()), "{}", kind.kind());
        }
        for review in super::super::reviews::ALL {
            assert!(known(review.kind), "{}", review.kind);
        }
        for field in MESSAGES.values().flatten() {
            if let Of::Message(name) | Of::Map(name) = &field.of {
                assert!(known(name), "{name}");
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_no_such_body_is_not_read() {
        assert!(read(b"{}").is_none());
        assert!(read(b"k8s\0\x0a\xff").is_none());
        assert!(read(b"k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_none());
    }
}
