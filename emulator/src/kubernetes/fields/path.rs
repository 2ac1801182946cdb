//! One step of a path into an object, in the three ways Kubernetes writes it: as a key of `fieldsV1`, in a conflict's
//! message, and as what it selects in a list.

use serde_json::{Map, Value};

use crate::kubernetes::go;
use crate::kubernetes::schema::Elements;

/// A step of a path. The order of the variants is the order in which `fieldsV1` lists them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of a struct or a key of a map.
    Field(String),
    /// An element of a keyed list, by its keys: names and values as compact JSON.
    Key(Vec<(String, String)>),
    /// An element of a set, as compact JSON.
    Value(String),
    /// An element by its place, which no kind of ours has but foreign `fieldsV1` may name.
    Index(i64),
}

impl Step {
    /// The step to a field.
    pub(super) fn field(name: &str) -> Self {
        Self::Field(name.to_owned())
    }

    /// The step that selects this element of a list; none in an atomic list, or where a key is missing.
    pub(super) fn element(elements: &Elements, item: &Value) -> Option<Self> {
        match elements {
            Elements::Atomic => None,
            Elements::Set => Some(Self::Value(item.to_string())),
            Elements::Keyed(keys) => {
                let mut pairs = Vec::with_capacity(keys.len());
                for key in *keys {
                    // The one key of a list that has a default: a port is one of TCP.
                    let default = (*key == "protocol").then(|| "\"TCP\"".to_owned());
                    pairs.push(((*key).to_owned(), item.get(key).map(ToString::to_string).or(default)?));
                }
                pairs.sort();
                Some(Self::Key(pairs))
            }
        }
    }

    /// Reads a key of `fieldsV1`; none where it is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::field(rest)),
            "v" => Some(Self::Value(serde_json::from_str::<Value>(rest).ok()?.to_string())),
            "i" => rest.parse().ok().map(Self::Index),
            "k" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).ok()?;
                let mut pairs: Vec<_> = keys.into_iter().map(|(name, value)| (name, value.to_string())).collect();
                pairs.sort();
                Some(Self::Key(pairs))
            }
            _ => None,
        }
    }

    /// The key of `fieldsV1`.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
            Self::Key(pairs) => {
                let pairs: Vec<_> =
                    pairs.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
                format!("k:{{{}}}", pairs.join(","))
            }
        }
    }

    /// As messages print it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Field(name) => format!(".{name}"),
            Self::Value(value) => format!("[={}]", requoted(value)),
            Self::Index(index) => format!("[{index}]"),
            Self::Key(pairs) => {
                let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", requoted(value))).collect();
                format!("[{}]", pairs.join(","))
            }
        }
    }
}

fn requoted(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(Value::String(text)) => go::quote(&text),
        _ => json.to_owned(),
    }
}
