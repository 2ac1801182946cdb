//! What is wrong with a configuration, as far as the schema can tell.
//!
//! Terraform's core checks types and required attributes, but lets a configuration set what is computed only; that is
//! refused here. Unknown values pass: they are checked again when they are known.

use tf_provider::{AttributePath, AttributePathStep};

use crate::error::Error;
use crate::schema::{Attribute, Block, Kind, Nesting, Schema};
use crate::value::{self, Known, Type, Value};

/// Checks a configuration. `write_only_allowed` is what the client says it can do: Terraform before 1.11 and OpenTofu
/// before 1.11 would keep write-only values in the state.
pub(crate) fn validate(schema: &Schema, config: &Value, write_only_allowed: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    block(&schema.block, config, &AttributePath::root(), write_only_allowed, &mut errors);
    errors
}

fn block(schema: &Block, config: &Value, path: &AttributePath, write_only: bool, errors: &mut Vec<Error>) {
    for attribute in &schema.attributes {
        let path = path.clone().attribute(attribute.name);
        check(attribute, value::attribute(config, attribute.name), &path, write_only, errors);
    }
    for inner in &schema.blocks {
        let path = path.clone().attribute(inner.name);
        block(inner, value::attribute(config, inner.name), &path, write_only, errors);
    }
}

fn check(attribute: &Attribute, config: &Value, path: &AttributePath, write_only: bool, errors: &mut Vec<Error>) {
    if config.is_null() {
        return;
    }
    if !attribute.is_configurable() {
        errors.push(
            Error::new(
                "Invalid configuration for a read-only attribute",
                format!("`{}` is set by the provider and cannot be configured. Remove the line.", attribute.name),
            )
            .at_path(path.clone()),
        );
        return;
    }
    if attribute.write_only && !write_only {
        errors.push(
            Error::new(
                "Write-only attribute not allowed",
                format!("`{}` is write-only, which needs Terraform 1.11 or OpenTofu 1.11 or later.", attribute.name),
            )
            .at_path(path.clone()),
        );
    }
    if config.is_unknown() {
        return;
    }
    for rule in &attribute.checks {
        if let Err(detail) = rule(config) {
            errors.push(
                Error::new(format!("Invalid {}", label(path, attribute.name)), sentence(&detail)).at_path(path.clone()),
            );
        }
    }
    if let (Kind::Plain(_), Value::Value(Known::List(_))) = (&attribute.kind, config) {
        let nesting = if matches!(attribute.kind, Kind::Plain(Type::Set(_))) { Nesting::Set } else { Nesting::List };
        for (step, element) in elements(nesting, config) {
            errors.extend(element.is_null().then(|| null_element(attribute, nesting, path, step)));
        }
    }
    if let Kind::Nested(nesting, attributes) = &attribute.kind {
        for (step, object) in elements(*nesting, config) {
            if object.is_null() {
                errors.push(null_element(attribute, *nesting, path, step));
                continue;
            }
            // Terraform has no path into a set: the diagnostic stays at the set.
            let path = step.map_or_else(|| path.clone(), |step| path.clone() + step);
            for inner in attributes {
                let path = if *nesting == Nesting::Set { path.clone() } else { path.clone().attribute(inner.name) };
                check(inner, value::attribute(object, inner.name), &path, write_only, errors);
            }
        }
    }
}

/// The error on a null element. A null element of a map of texts is none: it is left out of what a service gets.
fn null_element(
    attribute: &Attribute,
    nesting: Nesting,
    path: &AttributePath,
    step: Option<AttributePathStep>,
) -> Error {
    let what = match nesting {
        Nesting::Single | Nesting::Set => "set",
        Nesting::List => "list",
        Nesting::Map => "map",
    };
    let detail = format!(
        "An element of the {what} `{}` is null. Leave it out: `[for element in … : element if element != null]`, or \
         `compact(…)` for text.",
        attribute.name
    );
    let path = step.map_or_else(|| path.clone(), |step| path.clone() + step);
    Error::new(format!("Null element in {}", attribute.name), detail).at_path(path)
}

/// The whole name of an attribute: Terraform before 1.15 and OpenTofu show no line of what is inside of another, and a path never
/// leads into a set.
fn label(path: &AttributePath, name: &str) -> String {
    match path.steps.last() {
        Some(AttributePathStep::Attribute(last)) if last == name => path.to_string(),
        _ => format!("{path}.{name}"),
    }
}

/// A rule about a name may say only what is wrong, because it is also told as a part of what is wrong with an id.
pub(crate) fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let stop = if detail.ends_with(char::is_alphanumeric) { "." } else { "" };
    first.into_iter().chain(letters).chain(stop.chars()).collect()
}

fn elements(nesting: Nesting, value: &Value) -> Vec<(Option<AttributePathStep>, &Value)> {
    match (nesting, value) {
        (Nesting::Single, object) => vec![(None, object)],
        (Nesting::List, Value::Value(Known::List(items))) => {
            (0..).zip(items).map(|(index, item)| (Some(AttributePathStep::Index(index)), item)).collect()
        }
        (Nesting::Set, Value::Value(Known::List(items))) => items.iter().map(|item| (None, item)).collect(),
        (Nesting::Map, Value::Value(Known::Map(map))) => {
            map.iter().map(|(key, item)| (Some(AttributePathStep::Key(key.clone().into())), item)).collect()
        }
        _ => Vec::new(),
    }
}

/// An error on the second attribute where both are set.
pub(crate) fn conflicts(config: &Value, a: &str, b: &str) -> Option<Error> {
    let both = value::attribute(config, a).is_value() && value::attribute(config, b).is_value();
    both.then(|| {
        Error::new(format!("{a} and {b} exclude each other"), format!("Set only one of `{a}` and `{b}`.")).at(b)
    })
}

/// An error where not exactly one of the two attributes is set. What is unknown may still become either.
pub(crate) fn exactly_one(config: &Value, a: &str, b: &str) -> Option<Error> {
    if value::attribute(config, a).is_null() && value::attribute(config, b).is_null() {
        return Some(Error::new(format!("{a} or {b} is missing"), format!("Set one of `{a}` and `{b}`.")).at(a));
    }
    conflicts(config, a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_golden;
    use crate::schema::{computed, list_of_text, map_of_text, number, optional, required, set_of_text, text};
    use serde_json::json;

    /// The attribute of each error, and its text.
    fn errors(config: serde_json::Value) -> Vec<(String, String)> {
        let schema = Schema::new(
            "",
            vec![
                required("name", text(), "")
                    .check(|name| if name == "ok" { Ok(()) } else { Err("bad name".to_owned()) }),
                optional("roles", Kind::Nested(Nesting::Set, vec![required("scope", number(), "").within(1..=2)]), ""),
                optional("seconds", number(), "").within(3600..=86400),
                computed("id", text(), ""),
                optional("mode", text(), "").one_of(&["a", "b", "c"]),
                optional("nested", Kind::Nested(Nesting::Single, vec![required("in", number(), "").within(1..=2)]), ""),
            ],
        );
        let config = value::from_json(&config, &schema.value_type()).unwrap();
        validate(&schema, &config, true)
            .into_iter()
            .map(|error| (error.attribute.to_string(), error.to_string()))
            .collect()
    }

    #[test]
    fn a_good_configuration_has_no_errors() {
        assert!(errors(json!({"name": "ok", "seconds": 3600, "mode": "a", "nested": {"in": 1}})).is_empty());
    }

    #[test]
    fn null_elements_of_lists_and_sets_are_refused_and_of_maps_are_not() {
        let nested = || vec![required("in", text(), "")];
        let schema = Schema::new(
            "",
            vec![
                optional("list", list_of_text(), ""),
                optional("set", set_of_text(), ""),
                optional("map", map_of_text(), "")
                    .check(|text| if text.is_empty() { Err("empty".into()) } else { Ok(()) }),
                optional("lists", Kind::Nested(Nesting::List, nested()), ""),
                optional("sets", Kind::Nested(Nesting::Set, nested()), ""),
                optional("maps", Kind::Nested(Nesting::Map, nested()), ""),
            ],
        );
        let places = |config| {
            let config = value::from_json(&config, &schema.value_type()).unwrap();
            let errors = validate(&schema, &config, true);
            errors.into_iter().map(|error| error.attribute.to_string()).collect::<Vec<_>>()
        };
        let without = json!({"list": ["a"], "set": ["a"], "map": {"a": "x", "b": null}, "lists": [{"in": "a"}]});
        assert!(places(without).is_empty());
        let with = json!({"list": ["a", null], "set": [null], "lists": [{"in": "a"}, null], "sets": [null],
            "maps": {"a": null}});
        assert_eq!(places(with), ["list[1]", "set", "lists[1]", "sets", "maps[\"a\"]"]);
    }

    #[test]
    fn each_mistake_is_named_at_its_attribute() {
        let config = json!({"name": "x", "seconds": 60, "id": "mine", "mode": "d", "nested": {"in": 9}, "roles": [{"scope": 3}]});
        let named = errors(config);
        let attributes: Vec<&str> = named.iter().map(|(attribute, _)| attribute.as_str()).collect();
        assert_eq!(attributes, ["name", "roles", "seconds", "id", "mode", "nested.in"]);
        assert_golden("lifecycle::validate", named);
    }
}
