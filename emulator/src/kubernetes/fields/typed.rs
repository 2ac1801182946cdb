//! Objects as values with a type: which fields they have, how two are merged, and what is left when fields are removed.
//!
//! An applied object is read here as it was sent and not through [`super::super::decode`], because a field that the
//! type does not have is an error here, and a null is a value.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::path::Step;
use super::set::FieldSet;
use crate::kubernetes::go;
use crate::kubernetes::schema::{Elements, Type};

/// Checks that a value has its type's shape.
///
/// # Errors
/// With all that is wrong, in the words of the API server.
pub(super) fn check(of: &Type, value: &Value) -> Result<(), String> {
    let mut errors = Vec::new();
    check_at(of, value, "", &mut errors);
    match errors.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        several => Err(format!("errors:\n  {}", several.join("\n  "))),
    }
}

/// Whether every element of a keyed list has its key.
pub(super) fn is_ownable(of: &Type, value: &Value) -> bool {
    match (of, value) {
        (Type::Struct(of), Value::Object(map)) => {
            of.fields.iter().all(|field| map.get(field.name).is_none_or(|value| is_ownable(&field.of, value)))
        }
        (Type::Map(element), Value::Object(map)) => map.values().all(|value| is_ownable(element, value)),
        (Type::List(element, elements), Value::Array(items)) => items.iter().all(|item| {
            let keyed = matches!(elements, Elements::Keyed(_));
            (!keyed || Step::element(elements, item).is_some()) && is_ownable(element, item)
        }),
        _ => true,
    }
}

fn check_at(of: &Type, value: &Value, path: &str, errors: &mut Vec<String>) {
    let mut wrong = |what: String| errors.push(format!("{path}: {what}").trim_start_matches(": ").to_owned());
    match (of, value) {
        (_, Value::Null) | (Type::Any, _) | (Type::String, Value::String(_)) => {}
        (Type::Boolean, Value::Bool(_)) | (Type::Integer, Value::Number(_)) => {}
        (Type::Time, Value::String(_) | Value::Number(_) | Value::Bool(_)) => {}
        (Type::String, value) => {
            wrong(format!("expected string, got &value.valueUnstructured{{Value:{}}}", go::literal(value)))
        }
        (Type::Boolean, value) => wrong(format!("expected boolean, got &{{{}}}", go::plain(value))),
        (Type::Integer, value) => wrong(format!("expected numeric (int or float), got {}", go::type_of(value))),
        (Type::Time, value) => wrong(format!("expected any scalar, got &{{{}}}", go::plain(value))),
        (Type::Struct(of), Value::Object(map)) => {
            for (name, value) in map {
                let Some(field) = of.field(name) else {
                    errors.push(format!("{path}.{name}: field not declared in schema"));
                    break;
                };
                check_at(&field.of, value, &format!("{path}.{name}"), errors);
            }
        }
        (Type::Map(element), Value::Object(map)) => {
            for (key, value) in map {
                check_at(element, value, &format!("{path}.{key}"), errors);
            }
        }
        (Type::List(element, elements), Value::Array(items)) => {
            let mut seen = BTreeSet::new();
            for (index, item) in items.iter().enumerate() {
                let step = Step::element(elements, item);
                let at = match (&step, elements) {
                    (Some(step), _) => format!("{path}{}", step.shown()),
                    (None, Elements::Atomic | Elements::Set) => format!("{path}[{index}]"),
                    (None, Elements::Keyed(keys)) => {
                        errors.push(format!("{path}: element {index}: {}", keyless(keys, item)));
                        continue;
                    }
                };
                if let Some(step) = step
                    && let Some(duplicate) = seen.replace(step)
                {
                    errors.push(format!("{path}: duplicate entries for key {}", duplicate.shown()));
                }
                check_at(element, item, &at, errors);
            }
        }
        (Type::Struct(_) | Type::Map(_), value) => wrong(format!("expected map, got &{{{}}}", go::plain(value))),
        (Type::List(..), value) => wrong(format!("expected list, got &{{{}}}", go::plain(value))),
    }
}

/// What is said of an element that cannot be told apart.
fn keyless(keys: &[&str], item: &Value) -> String {
    let missing: Vec<String> = keys.iter().filter(|key| item.get(**key).is_none()).map(|key| go::quote(key)).collect();
    let what = "associative list with keys has an element that omits";
    match missing.first() {
        Some(first) if missing.len() < keys.len() => {
            format!("{what} key field {first} (and doesn't have default value)")
        }
        _ => {
            let all = missing.join(" ");
            format!("{what} all key fields [{all}] (and doesn't have default values for any key fields)")
        }
    }
}

/// The fields that a value has: its leaves, the elements of its lists, the keys of its maps, and what is empty.
pub(super) fn fields_of(of: &Type, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    collect(of, value, &mut Vec::new(), &mut set);
    set
}

fn collect(of: &Type, value: &Value, path: &mut Vec<Step>, set: &mut FieldSet) {
    match (of, value) {
        (Type::Struct(of), Value::Object(map)) if !of.atomic => {
            for (name, value) in map {
                let Some(field) = of.field(name) else { continue };
                path.push(Step::field(name));
                collect(&field.of, value, path, set);
                if value.is_null() || value.as_object().is_some_and(Map::is_empty) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (Type::Map(element), Value::Object(map)) => {
            for (key, value) in map {
                path.push(Step::field(key));
                collect(element, value, path, set);
                set.insert(path);
                path.pop();
            }
        }
        (Type::List(element, elements @ (Elements::Set | Elements::Keyed(_))), Value::Array(items)) => {
            for item in items {
                let Some(step) = Step::element(elements, item) else { continue };
                path.push(step);
                collect(element, item, path, set);
                set.insert(path);
                path.pop();
            }
        }
        (Type::Struct(of), Value::Null) if !of.atomic => {}
        (Type::Map(_) | Type::List(_, Elements::Set | Elements::Keyed(_)), Value::Null) => {}
        _ => set.insert(path),
    }
}

/// The live value with the applied one laid over it.
pub(super) fn merged(of: &Type, live: &Value, applied: &Value) -> Value {
    match (of, live, applied) {
        (Type::Struct(of), Value::Object(live), Value::Object(applied)) if !of.atomic => {
            overlaid(live, applied, |key| of.field(key).map_or(&Type::Any, |field| &field.of))
        }
        (Type::Map(element), Value::Object(live), Value::Object(applied)) => overlaid(live, applied, |_| element),
        (
            Type::List(element, elements @ (Elements::Set | Elements::Keyed(_))),
            Value::Array(live),
            Value::Array(applied),
        ) => merged_list(element, elements, live, applied),
        // A null laid over a map or a list of many owners takes nothing from it.
        (Type::Map(_), Value::Object(map), Value::Null) if !map.is_empty() => live.clone(),
        (Type::Struct(of), Value::Object(map), Value::Null) if !of.atomic && !map.is_empty() => live.clone(),
        (Type::List(_, Elements::Set | Elements::Keyed(_)), Value::Array(list), Value::Null) if !list.is_empty() => {
            live.clone()
        }
        _ => applied.clone(),
    }
}

fn overlaid<'t>(live: &Map<String, Value>, applied: &Map<String, Value>, of: impl Fn(&str) -> &'t Type) -> Value {
    let mut out = live.clone();
    for (key, value) in applied {
        let value = match live.get(key) {
            Some(live) => merged(of(key), live, value),
            None => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    Value::Object(out)
}

/// Keeps the applied order among what was applied. A live element that was not applied comes as early as it can without
/// passing an element, live before it, that was.
fn merged_list(element: &Type, elements: &Elements, live: &[Value], applied: &[Value]) -> Value {
    let step = |item: &Value| Step::element(elements, item);
    let applied_steps: Vec<Option<Step>> = applied.iter().map(step).collect();
    let live_steps: BTreeSet<Step> = live.iter().filter_map(step).collect();
    let is_applied = |item: &Value| applied_steps.contains(&step(item));
    let mut out = Vec::new();
    let mut rest = live.iter();
    for (index, item) in applied.iter().enumerate() {
        let shared = |step: &&Option<Step>| step.as_ref().is_some_and(|step| live_steps.contains(step));
        let wanted = applied_steps.iter().skip(index).find(shared).cloned().flatten();
        while let Some(next) = rest.as_slice().first().filter(|next| wanted.is_none() || step(next) != wanted) {
            rest.next();
            if !is_applied(next) {
                out.push(next.clone());
            }
        }
        if rest.as_slice().first().is_some_and(|next| step(next) == step(item)) {
            rest.next();
        }
        let before = step(item).and_then(|of| live.iter().find(|other| step(other).as_ref() == Some(&of)));
        out.push(before.map_or_else(|| item.clone(), |live| merged(element, live, item)));
    }
    out.extend(rest.filter(|item| !is_applied(item)).cloned());
    Value::Array(out)
}

/// The value without these fields. What is left empty becomes null, which the decoder drops.
pub(super) fn without(of: &Type, value: &Value, gone: &FieldSet) -> Value {
    match (of, value) {
        (Type::Struct(of), Value::Object(map)) if !map.is_empty() => {
            remaining(map, gone, |key| of.field(key).map_or(&Type::Any, |field| &field.of))
        }
        (Type::Map(element), Value::Object(map)) if !map.is_empty() => remaining(map, gone, |_| element),
        (Type::List(element, elements @ (Elements::Set | Elements::Keyed(_))), Value::Array(items))
            if !items.is_empty() =>
        {
            let mut left = Vec::new();
            for item in items {
                match Step::element(elements, item) {
                    Some(step) if gone.has(&step) => {}
                    Some(step) => {
                        left.push(gone.below(&step).map_or_else(|| item.clone(), |gone| without(element, item, gone)))
                    }
                    None => left.push(item.clone()),
                }
            }
            if left.is_empty() { Value::Null } else { Value::Array(left) }
        }
        _ => value.clone(),
    }
}

fn remaining<'t>(map: &Map<String, Value>, gone: &FieldSet, of: impl Fn(&str) -> &'t Type) -> Value {
    let mut left = Map::new();
    for (key, value) in map {
        let step = Step::field(key);
        if gone.has(&step) {
            continue;
        }
        let value = gone.below(&step).map_or_else(|| value.clone(), |gone| without(of(key), value, gone));
        left.insert(key.clone(), value);
    }
    if left.is_empty() { Value::Null } else { Value::Object(left) }
}
