//! A set of fields: which paths of an object somebody owns, or which have changed.
//!
//! A path and its parent are members independently of each other: a manager that created a map by an update owns the map
//! itself (`.` in `fieldsV1`) beside its keys, while one that applied a key owns only the key.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::path::Step;
use crate::kubernetes::schema::{Elements, Struct, Type};

/// A set of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::kubernetes) struct FieldSet {
    nodes: BTreeMap<Step, Node>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Node {
    /// Whether the path that ends here is in the set.
    member: bool,
    below: FieldSet,
}

impl FieldSet {
    /// Reads `fieldsV1`; none where it is not of that form.
    pub(super) fn parse(fields: &Value) -> Option<Self> {
        let mut set = Self::default();
        for (key, below) in fields.as_object()? {
            // "." marks the path above, which the caller has read.
            if key == "." {
                continue;
            }
            let inner = below.as_object()?;
            let node = Node { member: inner.is_empty() || inner.contains_key("."), below: Self::parse(below)? };
            set.nodes.insert(Step::parse(key)?, node);
        }
        Some(set)
    }

    /// As `fieldsV1`.
    pub(super) fn json(&self) -> Value {
        let mut out = Map::new();
        for (step, node) in &self.nodes {
            let mut below = node.below.json();
            if let (true, false, Value::Object(map)) = (node.member, node.below.is_empty(), &mut below) {
                map.insert(".".to_owned(), json!({}));
            }
            out.insert(step.key(), below);
        }
        Value::Object(out)
    }

    /// Whether no path is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.values().all(|node| !node.member && node.below.is_empty())
    }

    /// Whether this one step is in it.
    pub(super) fn has(&self, step: &Step) -> bool {
        self.nodes.get(step).is_some_and(|node| node.member)
    }

    /// The paths that begin with this step, without it.
    pub(super) fn below(&self, step: &Step) -> Option<&Self> {
        self.nodes.get(step).map(|node| &node.below).filter(|below| !below.is_empty())
    }

    /// Puts a path into it; the empty path is not one.
    pub(super) fn insert(&mut self, path: &[Step]) {
        match path {
            [] => {}
            [last] => self.nodes.entry(last.clone()).or_default().member = true,
            [first, rest @ ..] => self.nodes.entry(first.clone()).or_default().below.insert(rest),
        }
    }

    /// What is in either.
    pub(super) fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        for (step, node) in &other.nodes {
            let mine = out.nodes.entry(step.clone()).or_default();
            mine.member |= node.member;
            mine.below = mine.below.union(&node.below);
        }
        out
    }

    /// What is in both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.combined(other, |mine, theirs| mine && theirs, Self::intersection)
    }

    /// What is in this one and not in the other.
    pub(super) fn difference(&self, other: &Self) -> Self {
        self.combined(other, |mine, theirs| mine && !theirs, Self::difference)
    }

    fn combined(&self, other: &Self, members: fn(bool, bool) -> bool, sets: fn(&Self, &Self) -> Self) -> Self {
        let nothing = Node::default();
        let mut out = Self::default();
        for (step, mine) in &self.nodes {
            let theirs = other.nodes.get(step).unwrap_or(&nothing);
            let node = Node { member: members(mine.member, theirs.member), below: sets(&mine.below, &theirs.below) };
            if node.member || !node.below.is_empty() {
                out.nodes.insert(step.clone(), node);
            }
        }
        out
    }

    /// Without these fields of the root and all below them.
    pub(super) fn without_fields(mut self, names: &[&str]) -> Self {
        self.nodes.retain(|step, _| !names.iter().any(|name| *step == Step::field(name)));
        self
    }

    /// Also with the fields that a struct declares and below which there are paths. It is how a set of leaves is
    /// compared with what removing them leaves behind.
    pub(super) fn with_named_fields(&self, of: &Type) -> Self {
        let mut out = Self::default();
        for (step, node) in &self.nodes {
            let (declared, inner) = match (step, of) {
                (Step::Field(name), Type::Struct(Struct { fields, .. })) => {
                    let field = fields.iter().find(|field| field.name == name);
                    (field.is_some(), field.map_or(&Type::Any, |field| &field.of))
                }
                (Step::Field(_), Type::Map(element)) => (false, *element),
                (Step::Key(_), Type::List(element, Elements::Keyed(_))) => (false, *element),
                _ => (false, &Type::Any),
            };
            let member = node.member || (declared && !node.below.is_empty());
            out.nodes.insert(step.clone(), Node { member, below: node.below.with_named_fields(inner) });
        }
        out
    }

    /// Every path as messages print it: at each level first the members, then what is below.
    pub(super) fn shown(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.show(String::new(), &mut out);
        out
    }

    fn show(&self, prefix: String, out: &mut Vec<String>) {
        for (step, node) in &self.nodes {
            if node.member {
                out.push(format!("{prefix}{}", step.shown()));
            }
        }
        for (step, node) in &self.nodes {
            node.below.show(format!("{prefix}{}", step.shown()), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(fields: Value) -> FieldSet {
        FieldSet::parse(&fields).unwrap()
    }

    #[test]
    fn a_set_comes_back_from_its_json_as_it_was() {
        let fields = json!({
            "f:metadata": {"f:annotations": {".": {}, "f:a/b": {}}, "f:finalizers": {".": {}, "v:\"x/y\"": {}}},
            "f:spec": {"f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}}},
        });
        assert_eq!(set(fields.clone()).json(), fields);
    }

    #[test]
    fn a_map_and_its_keys_are_members_apart() {
        let both = set(json!({"f:labels": {".": {}, "f:a": {}}}));
        let key = set(json!({"f:labels": {"f:a": {}}}));
        assert_eq!(both.difference(&key).json(), json!({"f:labels": {}}));
        assert_eq!(both.intersection(&key), key);
        assert_eq!(key.union(&set(json!({"f:labels": {}}))), both);
        assert!(key.difference(&both).is_empty());
    }

    #[test]
    fn what_is_not_fields_v1_is_not_read() {
        assert_eq!(FieldSet::parse(&json!({"metadata": {}})), None);
        assert_eq!(FieldSet::parse(&json!({"f:a": 1})), None);
        assert_eq!(FieldSet::parse(&json!([])), None);
    }

    #[test]
    fn paths_are_shown_as_conflicts_print_them() {
        let fields = json!({"f:metadata": {"f:finalizers": {"v:\"a\"": {}}}, "f:secrets": {"k:{\"name\":\"s\"}": {}}});
        assert_eq!(set(fields).shown(), [".metadata.finalizers[=\"a\"]", ".secrets[name=\"s\"]"]);
    }
}
