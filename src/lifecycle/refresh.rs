//! What a read may show as drift: a text that means the same as the one in the state is none.

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
    if let (Some(same), Some(before), Some(now)) = (attribute.same, value::as_str(prior), value::as_str(&found))
        && same(before, now)
    {
        return prior.clone();
    }
    match (&attribute.kind, found) {
        (Kind::Nested(Nesting::Single, attributes), found @ Value::Value(_)) => {
            keep_spelling(&Block::root("", attributes.clone()), prior, found)
        }
        (_, found) => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Schema, optional, text};
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
}
