//! What a read may show as drift: a text that means the same as the one in the state is none.

use std::collections::BTreeMap;

use super::meaning;
use crate::schema::{Attribute, Block, Kind, Nesting};
use crate::value::{self, Known, Value};

/// The state after a read: what was found, but with the prior spelling where both mean the same.
pub(crate) fn keep_spelling(block: &Block, prior: &Value, found: Value) -> Value {
    let Value::Value(Known::Map(mut found)) = found else { return found };
    for attribute in &block.attributes {
        if let Some(slot) = found.get_mut(attribute.name) {
            let taken = std::mem::replace(slot, Value::Null);
            *slot = keep(attribute, value::attribute(prior, attribute.name), taken);
        }
    }
    Value::Value(Known::Map(found))
}

fn keep(attribute: &Attribute, prior: &Value, found: Value) -> Value {
    if meaning::same(attribute, prior, &found) {
        return prior.clone();
    }
    match (&attribute.kind, found, prior) {
        (Kind::Nested(nesting, inner), Value::Value(found), Value::Value(_)) => {
            keep_nested(*nesting, inner, prior, found)
        }
        (Kind::Plain(_), Value::Value(Known::Map(found)), Value::Value(Known::Map(prior))) => {
            Value::Value(Known::Map(keep_map(attribute, prior, found)))
        }
        (_, found, _) => found,
    }
}

/// Each element of what was found with the spelling of its counterpart in the state.
fn keep_nested(nesting: Nesting, inner: &[Attribute], prior: &Value, found: Known) -> Value {
    let block = Block::root("", inner.to_vec());
    Value::Value(match (nesting, found) {
        (Nesting::Single, found) => return keep_spelling(&block, prior, Value::Value(found)),
        (Nesting::List, Known::List(items)) => {
            let before = value::as_list(prior);
            let kept = |(index, item)| keep_spelling(&block, before.get(index).unwrap_or(&Value::Null), item);
            Known::List(items.into_iter().enumerate().map(kept).collect())
        }
        (Nesting::Set, Known::List(items)) => {
            let mut before: Vec<&Value> = value::as_list(prior).iter().collect();
            let same = |a: &Value, b: &Value| meaning::same_object(inner, a, b);
            let kept = |item| meaning::take_match(&item, &mut before, same).cloned().unwrap_or(item);
            let mut kept: Vec<Value> = items.into_iter().map(kept).collect();
            value::make_set(&mut kept);
            Known::List(kept)
        }
        (Nesting::Map, Known::Map(map)) => Known::Map(
            map.into_iter()
                .map(|(key, item)| {
                    let item = keep_spelling(&block, value::attribute(prior, &key), item);
                    (key, item)
                })
                .collect(),
        ),
        (_, found) => found,
    })
}

/// The elements that were found under the keys of the state, and the null ones of the state, which no service keeps.
fn keep_map(
    attribute: &Attribute,
    prior: &BTreeMap<String, Value>,
    found: BTreeMap<String, Value>,
) -> BTreeMap<String, Value> {
    let given = prior.iter().filter(|(_, element)| !element.is_null());
    let keys: BTreeMap<String, &String> = given.map(|(key, _)| (meaning::folded(attribute, key), key)).collect();
    let found = found.into_iter().map(|(key, element)| {
        let key = keys.get(&meaning::folded(attribute, &key)).map_or(key, |key| (*key).clone());
        let kept = prior.get(&key).filter(|prior| meaning::same_text(attribute, prior, &element)).cloned();
        (key, kept.unwrap_or(element))
    });
    let mut kept: BTreeMap<String, Value> = found.collect();
    for (key, _) in prior.iter().filter(|(_, element)| element.is_null()) {
        kept.entry(key.clone()).or_insert(Value::Null);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Schema, map_of_text, optional, required, text};
    use serde_json::json;

    #[test]
    fn a_different_spelling_of_the_same_is_no_drift() {
        let schema = Schema::new(
            "",
            vec![
                optional("location", text(), "").same(|a, b| a.eq_ignore_ascii_case(b)),
                optional("subject", text(), ""),
            ],
        );
        let value = |json| value::from_json(&json, &schema.value_type()).unwrap();
        let prior = value(json!({"location": "WestEurope", "subject": "A"}));
        let found = value(json!({"location": "westeurope", "subject": "a"}));
        let kept = keep_spelling(&schema.block, &prior, found);
        assert_eq!(kept, value(json!({"location": "WestEurope", "subject": "a"})));
    }

    #[test]
    fn drift_of_one_element_leaves_the_spelling_of_the_others() {
        let role = vec![required("scope", text(), "").same(str::eq_ignore_ascii_case)];
        let schema = Schema::new(
            "",
            vec![
                optional("tags", map_of_text(), "").keys_ignore_case(),
                optional("labels", map_of_text(), ""),
                optional("note", text(), "").blank_is_null(),
                optional("roles", Kind::Nested(Nesting::Set, role), ""),
            ],
        );
        let value = |json| value::from_json(&json, &schema.value_type()).unwrap();
        let prior =
            value(json!({"tags": {"Team": "a", "App": "x", "none": null}, "labels": {"none": null}, "note": "",
            "roles": [{"scope": "/A"}, {"scope": "/B"}]}));
        let found =
            value(json!({"tags": {"team": "a", "app": "y"}, "labels": null, "note": null, "roles": [{"scope": "/a"}]}));
        assert_eq!(
            keep_spelling(&schema.block, &prior, found),
            value(json!({"tags": {"Team": "a", "App": "y", "none": null}, "labels": {"none": null}, "note": "",
                "roles": [{"scope": "/A"}]}))
        );
    }
}
