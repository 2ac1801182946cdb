//! What the schema alone says about an object that is in the state: what of it a configuration would
//! have to say, and what of it must never have been stored.

use std::collections::BTreeMap;

use crate::{
    resource::AnyResource,
    schema::{Attribute, Block, Constraint, Kind, Schema},
    value::{self, Known, Value},
};

/// A configuration that would make the object of `state`, for `terraform plan -generate-config-out`.
///
/// Attributes that the resource's own checks refuse beside the others are left out: a resource that
/// can be given two names for one thing has both in its state, and a configuration may have one.
pub(super) fn as_configuration(resource: &dyn AnyResource, schema: &Schema, state: &Value) -> Value {
    let mut config = block(&schema.block, state, &configured);
    for _ in 0..schema.block.attributes.len() {
        let refused = resource.check(&config, true).into_iter().find_map(|error| {
            let attribute = schema.block.attribute(&error.attribute.steps.first()?.to_string())?;
            let may_go = attribute.constraint != Constraint::Required;
            (may_go && !value::attribute(&config, attribute.name).is_null()).then_some(attribute.name)
        });
        match (refused, &mut config) {
            (Some(name), Value::Value(Known::Map(map))) => map.insert(name.to_owned(), Value::Null),
            _ => break,
        };
    }
    config
}

/// The object without write-only values, which a version before they were write-only may have stored.
pub(super) fn without_write_only(schema: &Schema, state: &Value) -> Value {
    block(&schema.block, state, &|attribute, value| if attribute.write_only { Value::Null } else { value })
}

fn configured(attribute: &Attribute, value: Value) -> Value {
    let unsaid = !attribute.is_configurable()
        || attribute.write_only
        || attribute.deprecated.is_some()
        || attribute.default.as_ref() == Some(&value);
    if unsaid { Value::Null } else { value }
}

type Rule<'a> = &'a dyn Fn(&Attribute, Value) -> Value;

fn block(schema: &Block, object: &Value, rule: Rule<'_>) -> Value {
    let Value::Value(Known::Map(_)) = object else { return object.clone() };
    let mut map = attributes(&schema.attributes, object, rule);
    for inner in &schema.blocks {
        map.insert(inner.name.to_owned(), block(inner, value::attribute(object, inner.name), rule));
    }
    Value::Value(Known::Map(map))
}

fn attributes(schema: &[Attribute], object: &Value, rule: Rule<'_>) -> BTreeMap<String, Value> {
    let ruled = schema.iter().map(|attribute| {
        let value = value::attribute(object, attribute.name);
        let value = match &attribute.kind {
            Kind::Plain(_) => value.clone(),
            Kind::Nested(_, inner) => nested(inner, value, rule),
        };
        (attribute.name.to_owned(), rule(attribute, value))
    });
    ruled.collect()
}

/// An object, or a list, set or map of them: `schema` has the names of the objects' attributes.
fn nested(schema: &[Attribute], value: &Value, rule: Rule<'_>) -> Value {
    let is_object = |map: &BTreeMap<String, Value>| schema.iter().all(|attribute| map.contains_key(attribute.name));
    match value {
        Value::Value(Known::List(items)) => {
            Value::Value(Known::List(items.iter().map(|item| nested(schema, item, rule)).collect()))
        }
        Value::Value(Known::Map(map)) if is_object(map) => Value::Value(Known::Map(attributes(schema, value, rule))),
        Value::Value(Known::Map(map)) => {
            Value::Value(Known::Map(map.iter().map(|(key, item)| (key.clone(), nested(schema, item, rule))).collect()))
        }
        other => other.clone(),
    }
}
