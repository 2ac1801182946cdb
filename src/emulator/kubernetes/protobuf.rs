//! Bodies in protobuf, which kubectl sends for what it has a typed client for: token requests, access reviews, roles.
//!
//! The numbers of the fields are those of the `generated.proto` files of Kubernetes. Pods and deployments are not here:
//! kubectl applies these as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::decode;

/// What every such body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// What a field holds.
enum Kind {
    Text,
    Number,
    Flag,
    Time,
    /// A map from text to text.
    Texts,
    Message(&'static [Field]),
}

/// Number, name, whether it is a list, and what it holds.
type Field = (u64, &'static str, bool, Kind);

/// Reads a body as the object that it would be in JSON; none where it is no such body, or of a kind that is not known.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    let unknown = message(ENVELOPE, body.strip_prefix(MAGIC)?)?;
    let text = |pointer: &str| unknown.pointer(pointer).and_then(Value::as_str);
    let kind = text("/typeMeta/kind")?;
    let raw = STANDARD.decode(text("/raw").unwrap_or_default()).ok()?;
    let (_, fields) = KINDS.iter().find(|(name, _)| *name == kind)?;
    let mut object = message(fields, &raw)?;
    let of = object.as_object_mut()?;
    of.insert("kind".to_owned(), json!(kind));
    of.insert("apiVersion".to_owned(), json!(text("/typeMeta/apiVersion")?));
    Some(object)
}

fn message(fields: &[Field], mut bytes: &[u8]) -> Option<Value> {
    let mut object = Map::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let (number, content) = (tag >> 3, content(&mut bytes, tag & 7)?);
        let Some((_, name, is_list, kind)) = fields.iter().find(|field| field.0 == number) else { continue };
        let value = match (kind, content) {
            (Kind::Flag, Content::Number(number)) => json!(number != 0),
            // Negative numbers are written as their two's complement.
            (Kind::Number, Content::Number(number)) => json!(number.cast_signed()),
            (Kind::Text, Content::Bytes(bytes)) if *name == "raw" => json!(STANDARD.encode(bytes)),
            (Kind::Text, Content::Bytes(bytes)) => json!(std::str::from_utf8(bytes).ok()?),
            (Kind::Time, Content::Bytes(bytes)) => match message(TIME, bytes)?.get("seconds").and_then(Value::as_i64) {
                Some(seconds) => json!(decode::timestamp(OffsetDateTime::from_unix_timestamp(seconds).ok()?)),
                None => continue,
            },
            (Kind::Texts, Content::Bytes(bytes)) => {
                let entry = message(ENTRY, bytes)?;
                let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
                let map = object.entry((*name).to_owned()).or_insert_with(|| json!({}));
                map.as_object_mut()?.insert(text("key"), json!(text("value")));
                continue;
            }
            (Kind::Message(fields), Content::Bytes(bytes)) => message(fields, bytes)?,
            _ => return None,
        };
        if *is_list {
            object.entry((*name).to_owned()).or_insert_with(|| json!([])).as_array_mut()?.push(value);
        } else {
            object.insert((*name).to_owned(), value);
        }
    }
    Some(Value::Object(object))
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

const fn text(number: u64, name: &'static str) -> Field {
    (number, name, false, Kind::Text)
}

const fn texts(number: u64, name: &'static str) -> Field {
    (number, name, true, Kind::Text)
}

const fn part(number: u64, name: &'static str, fields: &'static [Field]) -> Field {
    (number, name, false, Kind::Message(fields))
}

const fn parts(number: u64, name: &'static str, fields: &'static [Field]) -> Field {
    (number, name, true, Kind::Message(fields))
}

/// `runtime.Unknown`.
const ENVELOPE: &[Field] = &[part(1, "typeMeta", &[text(1, "apiVersion"), text(2, "kind")]), text(2, "raw")];
const ENTRY: &[Field] = &[text(1, "key"), text(2, "value")];
const TIME: &[Field] = &[(1, "seconds", false, Kind::Number)];

const KINDS: &[(&str, &[Field])] = &[
    ("TokenRequest", &[METADATA, part(2, "spec", TOKEN_REQUEST)]),
    ("TokenReview", &[METADATA, part(2, "spec", &[text(1, "token"), texts(2, "audiences")])]),
    ("SelfSubjectReview", &[METADATA]),
    ("SelfSubjectAccessReview", &[METADATA, part(2, "spec", ACCESS)]),
    ("SubjectAccessReview", &[METADATA, part(2, "spec", ACCESS)]),
    ("LocalSubjectAccessReview", &[METADATA, part(2, "spec", ACCESS)]),
    ("SelfSubjectRulesReview", &[METADATA, part(2, "spec", &[text(1, "namespace")])]),
    ("Role", &[METADATA, parts(2, "rules", RULE)]),
    ("ClusterRole", &[METADATA, parts(2, "rules", RULE)]),
    ("RoleBinding", &[METADATA, parts(2, "subjects", SUBJECT), part(3, "roleRef", ROLE)]),
    ("ClusterRoleBinding", &[METADATA, parts(2, "subjects", SUBJECT), part(3, "roleRef", ROLE)]),
    ("ServiceAccount", ACCOUNT),
    ("Namespace", &[METADATA, part(2, "spec", &[texts(1, "finalizers")]), part(3, "status", &[text(1, "phase")])]),
    ("DeleteOptions", DELETE_OPTIONS),
];

const METADATA: Field = part(
    1,
    "metadata",
    &[
        text(1, "name"),
        text(2, "generateName"),
        text(3, "namespace"),
        text(5, "uid"),
        text(6, "resourceVersion"),
        (7, "generation", false, Kind::Number),
        (8, "creationTimestamp", false, Kind::Time),
        (9, "deletionTimestamp", false, Kind::Time),
        (10, "deletionGracePeriodSeconds", false, Kind::Number),
        (11, "labels", false, Kind::Texts),
        (12, "annotations", false, Kind::Texts),
        parts(13, "ownerReferences", OWNER),
        texts(14, "finalizers"),
    ],
);

const OWNER: &[Field] = &[
    text(1, "kind"),
    text(3, "name"),
    text(4, "uid"),
    text(5, "apiVersion"),
    (6, "controller", false, Kind::Flag),
    (7, "blockOwnerDeletion", false, Kind::Flag),
];

const TOKEN_REQUEST: &[Field] = &[
    texts(1, "audiences"),
    part(3, "boundObjectRef", &[text(1, "kind"), text(2, "apiVersion"), text(3, "name"), text(4, "uid")]),
    (4, "expirationSeconds", false, Kind::Number),
];

/// The questions about oneself have only the first two.
const ACCESS: &[Field] = &[
    part(
        1,
        "resourceAttributes",
        &[
            text(1, "namespace"),
            text(2, "verb"),
            text(3, "group"),
            text(4, "version"),
            text(5, "resource"),
            text(6, "subresource"),
            text(7, "name"),
        ],
    ),
    part(2, "nonResourceAttributes", &[text(1, "path"), text(2, "verb")]),
    text(3, "user"),
    texts(4, "groups"),
    text(6, "uid"),
];

const RULE: &[Field] = &[
    texts(1, "verbs"),
    texts(2, "apiGroups"),
    texts(3, "resources"),
    texts(4, "resourceNames"),
    texts(5, "nonResourceURLs"),
];

const SUBJECT: &[Field] = &[text(1, "kind"), text(2, "apiGroup"), text(3, "name"), text(4, "namespace")];
const ROLE: &[Field] = &[text(1, "apiGroup"), text(2, "kind"), text(3, "name")];

const ACCOUNT: &[Field] = &[
    METADATA,
    parts(
        2,
        "secrets",
        &[text(1, "kind"), text(2, "namespace"), text(3, "name"), text(4, "uid"), text(5, "apiVersion")],
    ),
    parts(3, "imagePullSecrets", &[text(1, "name")]),
    (4, "automountServiceAccountToken", false, Kind::Flag),
];

const DELETE_OPTIONS: &[Field] = &[
    (1, "gracePeriodSeconds", false, Kind::Number),
    part(2, "preconditions", &[text(1, "uid"), text(2, "resourceVersion")]),
    (3, "orphanDependents", false, Kind::Flag),
    text(4, "propagationPolicy"),
    texts(5, "dryRun"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
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

    #[test]
    fn what_is_cut_off_or_no_such_body_is_not_read() {
        assert!(read(b"{}").is_none());
        assert!(read(b"k8s\0\x0a\xff").is_none());
        assert!(read(b"k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_none());
    }
}
