//! Values in msgpack, which is how both sides send them. The type says what to expect.
//!
//! Numbers come in whichever form holds them exactly: an integer, a float, or decimal text. Unknown
//! values are an extension of any number, with or without what is known of them; we drop that, and
//! so must never promise it.

use rmp::Marker;
use rmpv::Value as Pack;
use unicode_normalization::UnicodeNormalization as _;

use super::{malformed::Malformed, types};
use crate::value::{Known, Number, Type, Value, make_set};

/// No schema of ours nests nearly as deep; a value of type `dynamic` may.
const DEEPEST: usize = 128;

/// Reads a value of type `kind`.
pub(super) fn decode(bytes: &[u8], kind: &Type) -> Result<Value, Malformed> {
    if uses_reserved(bytes) {
        return Err(Malformed::new("the msgpack is broken: it has the marker 0xc1, which does not exist"));
    }
    let mut rest = bytes;
    let pack = rmpv::decode::read_value_with_max_depth(&mut rest, DEEPEST)
        .map_err(|error| Malformed::new(format!("the msgpack is broken: {error}")))?;
    if !rest.is_empty() {
        return Err(Malformed::new(format!("{} bytes follow the msgpack", rest.len())));
    }
    from_pack(pack, kind)
}

/// Writes a value of type `kind`.
pub(super) fn encode(value: &Value, kind: &Type) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &to_pack(value, kind)?)
        .map_err(|error| Malformed::new(format!("the msgpack cannot be written: {error}")))?;
    Ok(bytes)
}

/// Whether the one marker that msgpack leaves without a meaning occurs. rmpv reads it as null.
///
/// Msgpack is flat, the elements of a container follow its header, so there is nothing to keep track of.
fn uses_reserved(mut rest: &[u8]) -> bool {
    while let Some((first, behind)) = rest.split_first() {
        // How many bytes hold the length of the data, and how many there are beside those that it counts.
        let (length, fixed) = match Marker::from_u8(*first) {
            Marker::Reserved => return true,
            Marker::FixStr(count) => (0, usize::from(count)),
            Marker::Null | Marker::True | Marker::False | Marker::FixPos(_) | Marker::FixNeg(_) => (0, 0),
            Marker::FixArray(_) | Marker::FixMap(_) => (0, 0),
            Marker::U8 | Marker::I8 => (0, 1),
            Marker::U16 | Marker::I16 | Marker::Array16 | Marker::Map16 | Marker::FixExt1 => (0, 2),
            Marker::FixExt2 => (0, 3),
            Marker::U32 | Marker::I32 | Marker::F32 | Marker::Array32 | Marker::Map32 => (0, 4),
            Marker::FixExt4 => (0, 5),
            Marker::U64 | Marker::I64 | Marker::F64 => (0, 8),
            Marker::FixExt8 => (0, 9),
            Marker::FixExt16 => (0, 17),
            Marker::Str8 | Marker::Bin8 => (1, 0),
            Marker::Str16 | Marker::Bin16 => (2, 0),
            Marker::Str32 | Marker::Bin32 => (4, 0),
            Marker::Ext8 => (1, 1),
            Marker::Ext16 => (2, 1),
            Marker::Ext32 => (4, 1),
        };
        // What is cut short is broken too, which the reader will say better.
        let Some((length, data)) = behind.split_at_checked(length) else { return false };
        let counted = length.iter().fold(0_usize, |count, byte| count << 8 | usize::from(*byte));
        let Some(behind) = data.get(fixed.saturating_add(counted)..) else { return false };
        rest = behind;
    }
    false
}

fn from_pack(pack: Pack, kind: &Type) -> Result<Value, Malformed> {
    let known = match (kind, pack) {
        (_, Pack::Nil) => return Ok(Value::Null),
        (_, Pack::Ext(..)) => return Ok(Value::Unknown),
        (Type::String, Pack::String(text)) => Known::String(normal(text)?),
        (Type::Bool, Pack::Boolean(value)) => Known::Bool(value),
        (Type::Number, pack) => Known::Number(number(pack)?),
        (Type::List(element), Pack::Array(items)) => Known::List(elements(items, std::iter::repeat(&**element))?),
        (Type::Set(element), Pack::Array(items)) => {
            let mut items: Vec<Value> =
                items.into_iter().map(|item| from_pack(item, element)).collect::<Result<_, _>>()?;
            make_set(&mut items);
            Known::List(items)
        }
        (Type::Tuple(kinds), Pack::Array(items)) if items.len() == kinds.len() => Known::List(elements(items, kinds)?),
        (Type::Map(element), Pack::Map(entries)) => {
            let entries = entries.into_iter().map(|(key, item)| {
                let key = key_text(key)?;
                let value = from_pack(item, element).map_err(|error| error.in_key(&key))?;
                Ok((key.nfc().collect(), value))
            });
            Known::Map(entries.collect::<Result<_, _>>()?)
        }
        (Type::Object(attributes), Pack::Map(entries)) => {
            let count = entries.len();
            let object: std::collections::BTreeMap<String, Value> = entries
                .into_iter()
                .map(|(name, item)| {
                    let name = key_text(name)?;
                    let kind = attributes
                        .get(&name)
                        .ok_or_else(|| Malformed::new(format!("the schema has no attribute `{name}`")))?;
                    let value = from_pack(item, kind).map_err(|error| error.in_attribute(&name))?;
                    Ok((name, value))
                })
                .collect::<Result<_, _>>()?;
            // Names that stand there twice would hide one that is missing.
            if count != attributes.len() || object.len() != attributes.len() {
                let missing = attributes.keys().find(|name| !object.contains_key(*name));
                let missing = missing.map_or_else(String::new, |name| format!(", and `{name}` is missing"));
                return Err(Malformed::new(format!(
                    "an object has {count} of {} attributes{missing}",
                    attributes.len()
                )));
            }
            Known::Map(object)
        }
        (Type::Any, Pack::Array(parts)) => dynamic(parts)?,
        (kind, pack) => return Err(Malformed::new(format!("expected {kind}, found {}", name_of(&pack)))),
    };
    Ok(Value::Value(known))
}

fn elements<'a>(items: Vec<Pack>, kinds: impl IntoIterator<Item = &'a Type>) -> Result<Vec<Value>, Malformed> {
    let items = items.into_iter().zip(kinds).enumerate();
    items.map(|(index, (item, kind))| from_pack(item, kind).map_err(|error| error.in_element(index))).collect()
}

/// A pair of the type, as JSON in bytes, and the value.
fn dynamic(parts: Vec<Pack>) -> Result<Known, Malformed> {
    let Ok([kind, value]) = <[Pack; 2]>::try_from(parts) else {
        return Err(Malformed::new("a dynamic value is not a pair of type and value"));
    };
    let kind = match &kind {
        Pack::Binary(json) => types::decode(json)?,
        Pack::String(json) => types::decode(json.as_bytes())?,
        other => return Err(Malformed::new(format!("a dynamic value has {} for its type", name_of(other)))),
    };
    let value = from_pack(value, &kind)?;
    Ok(Known::Dynamic(Box::new((kind, value))))
}

fn number(pack: Pack) -> Result<Number, Malformed> {
    let text = match &pack {
        Pack::Integer(whole) => whole.to_string(),
        Pack::F32(float) => exact(f64::from(*float)),
        Pack::F64(float) => exact(*float),
        Pack::String(text) => text.as_str().unwrap_or_default().to_owned(),
        other => return Err(Malformed::new(format!("expected a number, found {}", name_of(other)))),
    };
    Number::parse(&text).ok_or_else(|| Malformed::new(format!("`{text}` is not a number this provider can hold")))
}

/// All digits of a float. The smallest one has 1074 behind the point; `Number` drops the zeros.
fn exact(float: f64) -> String {
    format!("{float:.1074}")
}

fn normal(text: rmpv::Utf8String) -> Result<String, Malformed> {
    let text = text.into_str().ok_or_else(|| Malformed::new("a string is not UTF-8"))?;
    Ok(text.nfc().collect())
}

fn key_text(key: Pack) -> Result<String, Malformed> {
    match key {
        Pack::String(text) => text.into_str().ok_or_else(|| Malformed::new("a key is not UTF-8")),
        other => Err(Malformed::new(format!("expected a string as key, found {}", name_of(&other)))),
    }
}

/// For messages, which never show values: they may be secret.
fn name_of(pack: &Pack) -> &'static str {
    match pack {
        Pack::Nil => "null",
        Pack::Boolean(_) => "a bool",
        Pack::Integer(_) | Pack::F32(_) | Pack::F64(_) => "a number",
        Pack::String(_) => "a string",
        Pack::Binary(_) => "bytes",
        Pack::Array(_) => "an array",
        Pack::Map(_) => "a map",
        Pack::Ext(..) => "an extension",
    }
}

fn to_pack(value: &Value, kind: &Type) -> Result<Pack, Malformed> {
    let known = match value {
        Value::Null => return Ok(Pack::Nil),
        Value::Unknown => return Ok(Pack::Ext(0, vec![0])),
        Value::Value(known) => known,
    };
    Ok(match (kind, known) {
        (Type::String, Known::String(text)) => text.nfc().collect::<String>().into(),
        (Type::Bool, Known::Bool(value)) => (*value).into(),
        (Type::Number, Known::Number(number)) => number_pack(number),
        (Type::List(element), Known::List(items)) => packs(items, std::iter::repeat(&**element))?,
        (Type::Set(element), Known::List(items)) => {
            Pack::Array(items.iter().map(|item| to_pack(item, element)).collect::<Result<_, _>>()?)
        }
        (Type::Tuple(kinds), Known::List(items)) if items.len() == kinds.len() => packs(items, kinds)?,
        (Type::Map(element), Known::Map(map)) => Pack::Map(
            map.iter()
                .map(|(key, item)| {
                    let item = to_pack(item, element).map_err(|error| error.in_key(key))?;
                    Ok((key.nfc().collect::<String>().into(), item))
                })
                .collect::<Result<_, _>>()?,
        ),
        (Type::Object(attributes), Known::Map(map)) => {
            if let Some(name) = map.keys().find(|name| !attributes.contains_key(*name)) {
                return Err(Malformed::new(format!("the schema has no attribute `{name}`")));
            }
            let mut names: Vec<(&String, &Type)> = attributes.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            let entries = names.into_iter().map(|(name, kind)| {
                let item = to_pack(map.get(name).unwrap_or(&Value::Null), kind);
                Ok((name.as_str().into(), item.map_err(|error| error.in_attribute(name))?))
            });
            Pack::Map(entries.collect::<Result<_, _>>()?)
        }
        (Type::Any, Known::Dynamic(dynamic)) => {
            let (kind, value) = &**dynamic;
            Pack::Array(vec![Pack::Binary(types::encode(kind)), to_pack(value, kind)?])
        }
        (kind, _) => return Err(Malformed::new(format!("the value is not a {kind}"))),
    })
}

fn packs<'a>(items: &[Value], kinds: impl IntoIterator<Item = &'a Type>) -> Result<Pack, Malformed> {
    let items = items.iter().zip(kinds).enumerate();
    let packs = items.map(|(index, (item, kind))| to_pack(item, kind).map_err(|error| error.in_element(index)));
    Ok(Pack::Array(packs.collect::<Result<_, _>>()?))
}

/// The shortest form that holds the number exactly: text is exact for all, but Terraform itself sends
/// whole numbers as integers and exact fractions as floats.
fn number_pack(number: &Number) -> Pack {
    let text = number.as_str();
    if let Some(whole) = number.as_i64() {
        return whole.into();
    }
    match text.parse::<f64>() {
        Ok(float) if text.contains('.') && Number::parse(&exact(float)).as_ref() == Some(number) => float.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
#[path = "msgpack_tests.rs"]
mod tests;
