//! What changed between two objects, by field.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::path::Step;
use super::set::FieldSet;
use crate::kubernetes::schema::{Elements, Type};

/// The fields that a write added, changed and removed. A map that appears is added itself, beside its keys.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    added: FieldSet,
    modified: FieldSet,
    pub(super) removed: FieldSet,
}

impl Comparison {
    /// Compares an object before and after a write.
    pub(super) fn of(of: &Type, before: &Value, after: &Value) -> Self {
        let mut comparison = Self::default();
        comparison.walk(of, Some(before), Some(after), &mut Vec::new());
        comparison
    }

    /// The fields that now have a value which they did not have.
    pub(super) fn set(&self) -> FieldSet {
        self.modified.union(&self.added)
    }

    /// Without these fields of the root and all below them.
    pub(super) fn without_fields(self, names: &[&str]) -> Self {
        Self {
            added: self.added.without_fields(names),
            modified: self.modified.without_fields(names),
            removed: self.removed.without_fields(names),
        }
    }

    fn walk(&mut self, of: &Type, before: Option<&Value>, after: Option<&Value>, path: &mut Vec<Step>) {
        let parts = parts(of, before, after);
        for part in parts.iter().flatten() {
            path.push(part.step.clone());
            self.walk(part.of, part.before, part.after, path);
            path.pop();
        }
        match (before, after) {
            (None, None) => {}
            (None, Some(_)) => self.added.insert(path),
            (Some(_), None) => self.removed.insert(path),
            (Some(before), Some(after)) if parts.is_none() && before != after => self.modified.insert(path),
            (Some(_), Some(_)) => {}
        }
    }
}

struct Part<'a> {
    step: Step,
    of: &'a Type,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
}

/// What both values consist of; none where they have one owner as a whole, or neither has anything in it.
fn parts<'a>(of: &'a Type, before: Option<&'a Value>, after: Option<&'a Value>) -> Option<Vec<Part<'a>>> {
    match of {
        Type::Struct(of) if !of.atomic => {
            let maps = maps(before, after)?;
            let part = |field: &'a crate::kubernetes::schema::Field| Part {
                step: Step::field(field.name),
                of: &field.of,
                before: maps.0.and_then(|map| map.get(field.name)),
                after: maps.1.and_then(|map| map.get(field.name)),
            };
            Some(of.fields.iter().map(part).collect())
        }
        Type::Map(element) => {
            let maps = maps(before, after)?;
            let keys: BTreeSet<&String> = maps.0.into_iter().chain(maps.1).flat_map(Map::keys).collect();
            let part = |key: &'a String| Part {
                step: Step::field(key),
                of: element,
                before: maps.0.and_then(|map| map.get(key)),
                after: maps.1.and_then(|map| map.get(key)),
            };
            Some(keys.into_iter().map(part).collect())
        }
        Type::List(element, elements @ (Elements::Set | Elements::Keyed(_))) => {
            let lists = (before.and_then(Value::as_array), after.and_then(Value::as_array));
            if lists.0.is_none_or(Vec::is_empty) && lists.1.is_none_or(Vec::is_empty) {
                return None;
            }
            let (before, after) = (by_step(elements, lists.0), by_step(elements, lists.1));
            let steps: BTreeSet<&Step> = before.keys().chain(after.keys()).collect();
            let part = |step: &Step| Part {
                step: step.clone(),
                of: element,
                before: before.get(step).copied(),
                after: after.get(step).copied(),
            };
            Some(steps.into_iter().map(part).collect())
        }
        _ => None,
    }
}

type Fields<'a> = Option<&'a Map<String, Value>>;

fn maps<'a>(before: Option<&'a Value>, after: Option<&'a Value>) -> Option<(Fields<'a>, Fields<'a>)> {
    let maps = (before.and_then(Value::as_object), after.and_then(Value::as_object));
    let empty = maps.0.is_none_or(Map::is_empty) && maps.1.is_none_or(Map::is_empty);
    (!empty).then_some(maps)
}

fn by_step<'a>(elements: &Elements, list: Option<&'a Vec<Value>>) -> BTreeMap<Step, &'a Value> {
    list.into_iter().flatten().filter_map(|item| Some((Step::element(elements, item)?, item))).collect()
}
