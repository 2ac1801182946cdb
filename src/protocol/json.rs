//! Values in JSON, which is how Terraform keeps them in its state file.
//!
//! The state may be older than the schema, so this reader is lenient about attributes: those the
//! schema no longer has are dropped, those it has gained are null. Numbers are taken as the text
//! that stands there, because the usual reader would round those that are no `i64` or `f64`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use unicode_normalization::UnicodeNormalization as _;

use super::{malformed::Malformed, types};
use crate::value::{Known, Number, Type, Value, make_set};

/// Reads a value of type `kind`.
pub(super) fn decode(bytes: &[u8], kind: &Type) -> Result<Value, Malformed> {
    let raw: &RawValue = serde_json::from_slice(bytes).map_err(|error| Malformed::new(format!("not JSON: {error}")))?;
    from_raw(raw, kind, DEEPEST)
}

/// As deep as msgpack may be.
const DEEPEST: usize = 128;

fn from_raw(raw: &RawValue, kind: &Type, deeper: usize) -> Result<Value, Malformed> {
    if raw.get() == "null" {
        return Ok(Value::Null);
    }
    let Some(deeper) = deeper.checked_sub(1) else {
        return Err(Malformed::new("the value is nested too deeply"));
    };
    let known = match kind {
        Type::String => Known::String(parse::<String>(raw, kind)?.nfc().collect()),
        Type::Bool => Known::Bool(parse(raw, kind)?),
        Type::Number => Known::Number(number(raw)?),
        Type::List(element) => Known::List(elements(parse(raw, kind)?, std::iter::repeat(&**element), deeper)?),
        Type::Set(element) => {
            let items: Vec<&RawValue> = parse(raw, kind)?;
            let mut items: Vec<Value> =
                items.into_iter().map(|item| from_raw(item, element, deeper)).collect::<Result<_, _>>()?;
            make_set(&mut items);
            Known::List(items)
        }
        Type::Tuple(kinds) => {
            let items: Vec<&RawValue> = parse(raw, kind)?;
            if items.len() != kinds.len() {
                return Err(Malformed::new(format!("a tuple has {} of {} elements", items.len(), kinds.len())));
            }
            Known::List(elements(items, kinds, deeper)?)
        }
        Type::Map(element) => {
            let entries: BTreeMap<String, &RawValue> = parse(raw, kind)?;
            let entries = entries.into_iter().map(|(key, item)| {
                let value = from_raw(item, element, deeper).map_err(|error| error.in_key(&key))?;
                Ok((key.nfc().collect(), value))
            });
            Known::Map(entries.collect::<Result<_, _>>()?)
        }
        Type::Object(attributes) => {
            let found: BTreeMap<String, &RawValue> = parse(raw, kind)?;
            let object = attributes.iter().map(|(name, kind)| {
                let value = found.get(name).map(|raw| from_raw(raw, kind, deeper));
                Ok((name.clone(), value.unwrap_or(Ok(Value::Null)).map_err(|error| error.in_attribute(name))?))
            });
            Known::Map(object.collect::<Result<_, _>>()?)
        }
        Type::Any => {
            let dynamic: Dynamic = parse(raw, kind)?;
            let kind = types::decode(dynamic.kind.get().as_bytes())?;
            let value = from_raw(dynamic.value, &kind, deeper)?;
            Known::Dynamic(Box::new((kind, value)))
        }
    };
    Ok(Value::Value(known))
}

/// A value of type `dynamic` says which type it has.
#[derive(Deserialize)]
struct Dynamic<'a> {
    #[serde(rename = "type", borrow)]
    kind: &'a RawValue,
    #[serde(borrow)]
    value: &'a RawValue,
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue, kind: &Type) -> Result<T, Malformed> {
    // serde_json's message is left out: it may quote the value, which may be secret.
    serde_json::from_str(raw.get()).map_err(|_| Malformed::new(format!("the JSON is not a {kind}")))
}

fn number(raw: &RawValue) -> Result<Number, Malformed> {
    let text = raw.get();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    Number::parse(text).ok_or_else(|| Malformed::new("the JSON is not a number this provider can hold"))
}

fn elements<'a>(
    items: Vec<&RawValue>,
    kinds: impl IntoIterator<Item = &'a Type>,
    deeper: usize,
) -> Result<Vec<Value>, Malformed> {
    let items = items.into_iter().zip(kinds).enumerate();
    items.map(|(index, (item, kind))| from_raw(item, kind, deeper).map_err(|error| error.in_element(index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{attribute, string};

    fn object() -> Type {
        Type::Object(
            [
                ("name".to_owned(), Type::String),
                ("size".to_owned(), Type::Number),
                ("tags".to_owned(), Type::Map(Box::new(Type::String))),
                ("any".to_owned(), Type::Any),
            ]
            .into(),
        )
    }

    fn number_of(json: &str) -> String {
        match decode(json.as_bytes(), &Type::Number).unwrap() {
            Value::Value(Known::Number(number)) => number.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_number_is_the_text_that_stands_there() {
        assert_eq!(number_of("12345678901234567890123"), "12345678901234567890123");
        assert_eq!(number_of("0.1"), "0.1");
        assert_eq!(number_of("1e-7"), "0.0000001");
        assert_eq!(number_of("9007199254740993"), "9007199254740993");
        assert_eq!(number_of("\"5\""), "5");
        assert!(decode(b"true", &Type::Number).is_err());
    }

    #[test]
    fn attributes_that_the_schema_lost_are_dropped_and_those_it_gained_are_null() {
        let read = decode(br#"{"gone": {"a": 1}, "name": "x", "tags": {}}"#, &object()).unwrap();
        assert_eq!(attribute(&read, "name"), &string("x"));
        assert_eq!(attribute(&read, "size"), &Value::Null);
        assert_eq!(attribute(&read, "tags"), &Value::Value(Known::Map(BTreeMap::new())));
        assert_eq!(crate::value::as_map(&read).unwrap().len(), 4);
    }

    #[test]
    fn a_dynamic_value_names_its_type_before_or_after() {
        for json in [r#"{"any": {"type": "string", "value": "x"}}"#, r#"{ "any" : {"value":"x", "type":"string"} }"#] {
            let read = decode(json.as_bytes(), &object()).unwrap();
            let expected = Value::Value(Known::Dynamic(Box::new((Type::String, string("x")))));
            assert_eq!(attribute(&read, "any"), &expected);
        }
    }

    #[test]
    fn strings_are_in_normal_form_and_sets_hold_nothing_twice() {
        let kind = Type::Set(Box::new(Type::String));
        let read = decode("[\"e\u{301}\", \"\u{e9}\", \"a\"]".as_bytes(), &kind).unwrap();
        assert_eq!(read, Value::Value(Known::List(vec![string("a"), string("\u{e9}")])));
    }

    #[test]
    fn broken_json_is_an_error_that_says_where_but_not_what() {
        let error = decode(br#"{"tags": {"k": {"secret": 1}}}"#, &object()).unwrap_err().into_error("it");
        assert!(error.attribute.to_string().contains("tags"));
        assert!(!error.detail.contains("secret"), "{}", error.detail);
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        for json in ["", "{", "[1", "nul", deep.as_str(), r#"{"any": {"type": "string"}}"#, r#"{"any": 1}"#] {
            assert!(decode(json.as_bytes(), &object()).is_err(), "{json:.20}");
        }
    }
}
