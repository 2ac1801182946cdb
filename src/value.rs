//! Terraform's values, on `tf_provider::value`: known, null or unknown, with numbers kept exactly.
//!
//! `tf_provider`'s own dynamic value holds numbers as `i64`; Terraform compares what we send back with what it sent at 512
//! bits, so a number here is its decimal text.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
pub use tf_provider::schema::Type;

/// A Terraform value: known, null, or unknown until apply.
pub type Value = tf_provider::value::Value<Known>;

/// The known part of a [`Value`].
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// A string, in Unicode normal form C.
    String(String),
    /// A number.
    Number(Number),
    /// A bool.
    Bool(bool),
    /// A list, a set or a tuple. A set is sorted by [`order`] and holds nothing twice.
    List(Vec<Value>),
    /// A map or an object; an object has every attribute of its type.
    Map(BTreeMap<String, Value>),
    /// A value that carries its own type, for attributes of type `dynamic`.
    Dynamic(Box<(Type, Value)>),
}

/// A number as exact decimal text: an optional minus, digits without leading zeros, and a fraction without trailing
/// zeros where there is one. There is no exponent and no minus zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number(String);

/// Exponents beyond this are refused: their plain digits would fill the memory.
const LARGEST_EXPONENT: i64 = 4096;

impl Number {
    /// Parses decimal text, with an exponent or without.
    ///
    /// Returns `None` for text that is no decimal number, or whose exponent is beyond ±4096.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (unsigned, 0),
        };
        if exponent.abs() > LARGEST_EXPONENT {
            return None;
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
        let digits = format!("{whole}{fraction}");
        let point = i64::try_from(whole.len()).ok()? + exponent;
        let (whole, fraction) = if point <= 0 {
            (String::new(), "0".repeat(usize::try_from(-point).ok()?) + &digits)
        } else {
            let point = usize::try_from(point).ok()?;
            if point >= digits.len() {
                (digits.clone() + &"0".repeat(point - digits.len()), String::new())
            } else {
                let (whole, fraction) = digits.split_at(point);
                (whole.to_owned(), fraction.to_owned())
            }
        };
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        };
        let fraction = fraction.trim_end_matches('0');
        let sign = if negative && !(whole == "0" && fraction.is_empty()) { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        Some(Self(format!("{sign}{whole}{point}{fraction}")))
    }

    /// The decimal text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The number as an `i64`, where it is a whole number that fits.
    pub(crate) fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

/// A known string.
pub(crate) fn string(text: impl Into<String>) -> Value {
    Value::Value(Known::String(text.into()))
}

/// A known whole number.
pub fn number(number: i64) -> Value {
    Value::Value(Known::Number(number.into()))
}

/// A known bool.
pub(crate) fn boolean(value: bool) -> Value {
    Value::Value(Known::Bool(value))
}

/// The text of a known string; `None` for null, unknown and every other kind.
pub fn as_str(value: &Value) -> Option<&str> {
    match value {
        Value::Value(Known::String(text)) => Some(text),
        _ => None,
    }
}

/// The attributes of a known object or map; `None` for null, unknown and every other kind.
pub(crate) fn as_map(value: &Value) -> Option<&BTreeMap<String, Value>> {
    match value {
        Value::Value(Known::Map(map)) => Some(map),
        _ => None,
    }
}

/// The elements of a known list or set; none for null, unknown and every other kind.
pub fn as_list(value: &Value) -> &[Value] {
    match value {
        Value::Value(Known::List(items)) => items,
        _ => &[],
    }
}

/// An attribute of an object. What is not there, or has no attributes because it is null, is null; what is inside an
/// unknown is unknown.
pub fn attribute<'a>(object: &'a Value, name: &str) -> &'a Value {
    match object {
        Value::Value(Known::Map(map)) => map.get(name).unwrap_or(&Value::Null),
        Value::Unknown => &Value::Unknown,
        _ => &Value::Null,
    }
}

/// Whether no part of the value is unknown.
pub(crate) fn is_wholly_known(value: &Value) -> bool {
    match value {
        Value::Unknown => false,
        Value::Null => true,
        Value::Value(Known::List(items)) => items.iter().all(is_wholly_known),
        Value::Value(Known::Map(map)) => map.values().all(is_wholly_known),
        Value::Value(Known::Dynamic(dynamic)) => is_wholly_known(&dynamic.1),
        Value::Value(_) => true,
    }
}

/// The order in which a set keeps its elements; it says nothing of what is greater for a person.
pub(crate) fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    to_json(a).to_string().cmp(&to_json(b).to_string())
}

/// Sorts the elements of a set and drops what stands there twice. Unknown elements all stay: they may become different.
pub(crate) fn make_set(items: &mut Vec<Value>) {
    items.sort_by(order);
    items.dedup_by(|a, b| a == b && is_wholly_known(a));
}

/// The value as JSON; what is unknown becomes null.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null | Value::Unknown => Json::Null,
        Value::Value(Known::String(text)) => Json::String(text.clone()),
        Value::Value(Known::Bool(value)) => Json::Bool(*value),
        // A number beyond what JSON's reader holds becomes its text, which a model of a number then refuses by name.
        Value::Value(Known::Number(number)) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_str().parse::<f64>().map_or_else(|_| number.as_str().into(), Json::from),
        },
        Value::Value(Known::List(items)) => Json::Array(items.iter().map(to_json).collect()),
        Value::Value(Known::Map(map)) => {
            Json::Object(map.iter().map(|(name, value)| (name.clone(), to_json(value))).collect())
        }
        Value::Value(Known::Dynamic(dynamic)) => to_json(&dynamic.1),
    }
}

/// Makes a value of `kind` from JSON. An object gets every attribute of its type, null where JSON has none; names that the
/// type does not have are dropped.
///
/// # Errors
/// A sentence that names the place and both kinds, where JSON and type do not fit.
pub fn from_json(json: &Json, kind: &Type) -> Result<Value, String> {
    let known = match (kind, json) {
        (_, Json::Null) => return Ok(Value::Null),
        (Type::String, Json::String(text)) => Known::String(text.clone()),
        (Type::Bool, Json::Bool(value)) => Known::Bool(*value),
        (Type::Number, Json::Number(number)) => {
            Known::Number(Number::parse(&number.to_string()).ok_or_else(|| format!("{number} is not a number"))?)
        }
        (Type::List(element), Json::Array(items)) => {
            Known::List(items.iter().map(|item| from_json(item, element)).collect::<Result<_, _>>()?)
        }
        (Type::Set(element), Json::Array(items)) => {
            let mut items = items.iter().map(|item| from_json(item, element)).collect::<Result<_, _>>()?;
            make_set(&mut items);
            Known::List(items)
        }
        (Type::Tuple(kinds), Json::Array(items)) if kinds.len() == items.len() => {
            Known::List(items.iter().zip(kinds).map(|(item, kind)| from_json(item, kind)).collect::<Result<_, _>>()?)
        }
        (Type::Map(element), Json::Object(map)) => Known::Map(
            map.iter()
                .map(|(key, item)| Ok((key.clone(), from_json(item, element)?)))
                .collect::<Result<_, String>>()?,
        ),
        (Type::Object(attributes), Json::Object(map)) => Known::Map(
            attributes
                .iter()
                .map(|(name, kind)| {
                    let value = from_json(map.get(name).unwrap_or(&Json::Null), kind);
                    Ok((name.clone(), value.map_err(|error| format!("{name}: {error}"))?))
                })
                .collect::<Result<_, String>>()?,
        ),
        (kind, json) => return Err(format!("expected {kind}, found {json}")),
    };
    Ok(Value::Value(known))
}

/// Reads a model from a value; nulls and unknowns become `None`.
///
/// # Errors
/// Serde's sentence, where the value does not fit the model.
pub(crate) fn decode<M: DeserializeOwned>(value: &Value) -> Result<M, String> {
    serde_json::from_value(to_json(value)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_text() {
        for (text, expected) in [
            ("0", Some("0")),
            ("-0", Some("0")),
            ("007", Some("7")),
            ("1.50", Some("1.5")),
            ("1e3", Some("1000")),
            ("12.5e-3", Some("0.0125")),
            ("1.25e1", Some("12.5")),
            ("-1e-7", Some("-0.0000001")),
            ("12345678901234567890123", Some("12345678901234567890123")),
            ("1e5000", None),
            ("", None),
            (".", None),
            ("1x", None),
            ("inf", None),
        ] {
            assert_eq!(Number::parse(text).as_ref().map(Number::as_str), expected, "{text}");
        }
    }

    #[test]
    fn a_set_is_sorted_and_holds_nothing_twice() {
        let kind = Type::Set(Box::new(Type::String));
        let value = from_json(&serde_json::json!(["b", "a", "b"]), &kind).unwrap();
        assert_eq!(value, Value::Value(Known::List(vec![string("a"), string("b")])));
    }

    #[test]
    fn an_object_gets_every_attribute_of_its_type_and_no_other() {
        let kind = Type::Object([("a".to_owned(), Type::String), ("b".to_owned(), Type::Bool)].into());
        let value = from_json(&serde_json::json!({"a": "x", "c": 1}), &kind).unwrap();
        assert_eq!(as_map(&value).unwrap().keys().collect::<Vec<_>>(), ["a", "b"]);
        assert!(from_json(&serde_json::json!({"a": 1}), &kind).unwrap_err().contains("a: expected"));
    }
}
