//! When two values mean the same, as far as a schema says: ids in another case, "West Europe" and `westeurope`, an empty text
//! and none, a map with and without its null elements.
//!
//! Terraform demands that a planned value is the configured one to the letter, so the state keeps what the user wrote. Where
//! values are compared, [`same`] decides; what a service gets is [`essence`].

use std::collections::BTreeMap;

use crate::schema::{Attribute, Block, Kind, Nesting};
use crate::value::{self, Known, Value};

/// Whether two values of an attribute mean the same.
pub(crate) fn same(attribute: &Attribute, a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    if is_absent(attribute, a) && is_absent(attribute, b) {
        return true;
    }
    match (&attribute.kind, a, b) {
        (Kind::Nested(nesting, inner), Value::Value(a), Value::Value(b)) => same_nested(*nesting, inner, a, b),
        (Kind::Plain(_), Value::Value(a), Value::Value(b)) => same_plain(attribute, a, b),
        _ => false,
    }
}

/// What a resource gets to see of a value: without null elements of maps, and with null for text that means null.
pub(crate) fn essence(block: &Block, object: &Value) -> Value {
    let Value::Value(Known::Map(map)) = object else { return object.clone() };
    let mut map = map.clone();
    for attribute in &block.attributes {
        if let Some(slot) = map.get_mut(attribute.name) {
            *slot = essence_of(attribute, slot);
        }
    }
    Value::Value(Known::Map(map))
}

/// The keys of a map that have a value, with their position in a comparison: lower case where case does not matter.
pub(super) fn present<'a>(attribute: &Attribute, map: &'a BTreeMap<String, Value>) -> BTreeMap<String, &'a Value> {
    let given = map.iter().filter(|(_, element)| !element.is_null());
    given.map(|(key, element)| (folded(attribute, key), element)).collect()
}

/// A key as it is compared.
pub(super) fn folded(attribute: &Attribute, key: &str) -> String {
    if attribute.keys_ignore_case { key.to_lowercase() } else { key.to_owned() }
}

/// Takes out of `others` the one that means the same as `item`.
pub(super) fn take_match<'a>(
    item: &Value,
    others: &mut Vec<&'a Value>,
    same: impl Fn(&Value, &Value) -> bool,
) -> Option<&'a Value> {
    let index = others.iter().position(|other| same(item, other))?;
    Some(others.remove(index))
}

/// Whether two objects with these attributes mean the same.
pub(super) fn same_object(attributes: &[Attribute], a: &Value, b: &Value) -> bool {
    a == b
        || a.is_value()
            && b.is_value()
            && attributes
                .iter()
                .all(|inner| same(inner, value::attribute(a, inner.name), value::attribute(b, inner.name)))
}

/// Whether the value says nothing: null, text that means null, or a map all of whose elements are null.
fn is_absent(attribute: &Attribute, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Value(Known::String(text)) => attribute.blank_is_null && text.trim().is_empty(),
        Value::Value(Known::Map(map)) => {
            matches!(attribute.kind, Kind::Plain(_)) && attribute.is_configurable() && map.values().all(Value::is_null)
        }
        _ => false,
    }
}

fn same_nested(nesting: Nesting, inner: &[Attribute], a: &Known, b: &Known) -> bool {
    let same = |a: &Value, b: &Value| same_object(inner, a, b);
    match (nesting, a, b) {
        (Nesting::Single, ..) => same(&Value::Value(a.clone()), &Value::Value(b.clone())),
        (Nesting::List, Known::List(a), Known::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Nesting::Set, Known::List(a), Known::List(b)) => same_set(a, b, same),
        (Nesting::Map, Known::Map(a), Known::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

fn same_plain(attribute: &Attribute, a: &Known, b: &Known) -> bool {
    let same = |a: &Value, b: &Value| a == b || same_text(attribute, a, b);
    match (a, b) {
        (Known::String(a), Known::String(b)) => attribute.same.is_some_and(|same| same(a, b)),
        (Known::List(a), Known::List(b)) if matches!(&attribute.kind, Kind::Plain(value::Type::Set(_))) => {
            same_set(a, b, same)
        }
        (Known::List(a), Known::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Known::Map(a), Known::Map(b)) => {
            let (a, b) = (present(attribute, a), present(attribute, b));
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

/// Whether two texts that are elements of the attribute mean the same.
pub(super) fn same_text(attribute: &Attribute, a: &Value, b: &Value) -> bool {
    let texts = value::as_str(a).zip(value::as_str(b));
    attribute.same.zip(texts).is_some_and(|(same, (a, b))| same(a, b))
}

fn same_set(a: &[Value], b: &[Value], same: impl Fn(&Value, &Value) -> bool) -> bool {
    let mut others: Vec<&Value> = b.iter().collect();
    a.len() == b.len() && a.iter().all(|item| take_match(item, &mut others, &same).is_some())
}

fn essence_of(attribute: &Attribute, value: &Value) -> Value {
    if attribute.blank_is_null && is_absent(attribute, value) {
        return Value::Null;
    }
    match (&attribute.kind, value) {
        (Kind::Plain(value::Type::Map(_)), Value::Value(Known::Map(map))) => {
            let given = map.iter().filter(|(_, element)| !element.is_null());
            Value::Value(Known::Map(given.map(|(key, element)| (key.clone(), element.clone())).collect()))
        }
        (Kind::Nested(nesting, inner), Value::Value(known)) => {
            let block = Block::root("", inner.clone());
            Value::Value(match (nesting, known) {
                (Nesting::Single, _) => return essence(&block, value),
                (_, Known::List(items)) => Known::List(items.iter().map(|item| essence(&block, item)).collect()),
                (_, Known::Map(map)) => {
                    Known::Map(map.iter().map(|(key, item)| (key.clone(), essence(&block, item))).collect())
                }
                (_, other) => other.clone(),
            })
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Schema, map_of_text, optional, required, set_of_text, text};
    use serde_json::{Value as Json, json};

    fn schema() -> Schema {
        let role = vec![
            required("scope", text(), "").same(str::eq_ignore_ascii_case),
            optional("note", text(), "").blank_is_null(),
        ];
        Schema::new(
            "",
            vec![
                optional("id", text(), "").same(str::eq_ignore_ascii_case),
                optional("subject", text(), ""),
                optional("note", text(), "").blank_is_null(),
                optional("tags", map_of_text(), "").keys_ignore_case(),
                optional("labels", map_of_text(), ""),
                optional("names", set_of_text(), "").same(str::eq_ignore_ascii_case),
                optional("roles", Kind::Nested(Nesting::Set, role), ""),
            ],
        )
    }

    fn object(json: &Json) -> Value {
        value::from_json(json, &schema().value_type()).unwrap()
    }

    fn mean_the_same(a: Json, b: Json) -> bool {
        same_object(&schema().block.attributes, &object(&a), &object(&b))
    }

    #[test]
    fn the_schema_says_which_differences_are_none() {
        for (a, b) in [
            (json!({"id": "/A"}), json!({"id": "/a"})),
            (json!({"note": " "}), json!({"note": null})),
            (json!({"tags": {"Team": "x", "app": null}}), json!({"tags": {"team": "x"}})),
            (json!({"tags": {"app": null}}), json!({})),
            (json!({"labels": {"a": "x", "b": null}}), json!({"labels": {"a": "x"}})),
            (json!({"names": ["B", "a"]}), json!({"names": ["A", "b"]})),
            (
                json!({"roles": [{"scope": "/B"}, {"scope": "/a", "note": ""}]}),
                json!({"roles": [{"scope": "/A"}, {"scope": "/b"}]}),
            ),
        ] {
            assert!(mean_the_same(a.clone(), b.clone()), "{a} and {b}");
        }
    }

    #[test]
    fn every_other_difference_counts() {
        for (a, b) in [
            (json!({"subject": "A"}), json!({"subject": "a"})),
            (json!({"subject": ""}), json!({})),
            (json!({"tags": {"team": "X"}}), json!({"tags": {"team": "x"}})),
            (json!({"labels": {"A": "x"}}), json!({"labels": {"a": "x"}})),
            (json!({"names": ["a", "b"]}), json!({"names": ["a"]})),
            (
                json!({"roles": [{"scope": "/a"}, {"scope": "/A"}]}),
                json!({"roles": [{"scope": "/a"}, {"scope": "/b"}]}),
            ),
        ] {
            assert!(!mean_the_same(a.clone(), b.clone()), "{a} and {b}");
        }
    }

    #[test]
    fn a_service_gets_neither_null_elements_nor_blank_text() {
        let given = object(
            &json!({"note": "  ", "subject": "", "tags": {"a": null, "b": "x"}, "roles": [{"scope": "/", "note": ""}]}),
        );
        let sent = essence(&schema().block, &given);
        assert_eq!(
            sent,
            object(&json!({"note": null, "subject": "", "tags": {"b": "x"}, "roles": [{"scope": "/", "note": null}]}))
        );
    }

    #[test]
    fn keys_that_differ_in_case_only_are_refused_where_they_are_one() {
        let errors = |config: Json| super::super::validate::validate(&schema(), &object(&config), true).len();
        assert_eq!(errors(json!({"tags": {"Team": "a", "team": "b"}})), 1);
        assert_eq!(errors(json!({"labels": {"Team": "a", "team": "b"}})), 0);
    }
}
