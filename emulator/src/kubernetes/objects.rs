//! The objects of one cluster in the store, and the history of their changes.
//!
//! Every write takes the next revision of its cluster, which becomes the object's resourceVersion. Each is also noted in
//! a history, from which a list is rolled back to the revision of its first page and a watch starts; like etcd's it is
//! cut off, after which such a list or watch answers that its revision is gone.

use serde_json::{Value, json};

use super::kinds::Kind;
use super::metadata;
use super::{Context, decode};

/// How long history is kept, in milliseconds: kube-apiserver has etcd compacted every five minutes.
pub(super) const HISTORY_MS: i64 = 5 * 60 * 1000;

/// As many changes as are kept at most, however young they are: two whole objects each.
const MOST_CHANGES: u64 = 20_000;

/// A change in the history.
#[derive(Debug)]
pub(super) struct Change {
    /// Namespace and name, as a key has them.
    pub(super) key: String,
    /// The object before; none where it was created.
    pub(super) before: Option<Value>,
    /// The object after; none where it was deleted.
    pub(super) after: Option<Value>,
    /// The revision of the change.
    pub(super) revision: u64,
}

impl Context<'_> {
    /// The revision of the last change in this cluster.
    pub(super) fn revision(&self) -> u64 {
        self.store.get(&self.path("_revision")).and_then(Value::as_u64).unwrap_or(0)
    }

    /// The object of this name.
    pub(super) fn object(&self, kind: &dyn Kind, namespace: &str, name: &str) -> Option<&Value> {
        self.store.get(&self.key(kind, namespace, name))
    }

    /// The objects of a kind, of one namespace or of all, with the part of their key below the kind (or namespace).
    pub(super) fn objects(&self, kind: &dyn Kind, namespace: Option<&str>) -> Vec<(String, Value)> {
        let prefix = self.prefix(kind, namespace);
        let strip = |key: &str| key.strip_prefix(&prefix).unwrap_or_default().to_owned();
        self.store.under(&prefix).map(|(key, object)| (strip(key), object.clone())).collect()
    }

    /// The same at an earlier revision; none where that is no longer kept.
    pub(super) fn objects_at(
        &self,
        kind: &dyn Kind,
        namespace: Option<&str>,
        revision: u64,
    ) -> Option<Vec<(String, Value)>> {
        let mut objects: std::collections::BTreeMap<_, _> = self.objects(kind, namespace).into_iter().collect();
        let changes = self.changes_since(kind, namespace, revision, usize::MAX)?;
        for change in changes.into_iter().rev() {
            match change.before {
                Some(before) => drop(objects.insert(change.key, before)),
                None => drop(objects.remove(&change.key)),
            }
        }
        Some(objects.into_iter().collect())
    }

    /// What changed after this revision, oldest first and at most so many; none where the history does not reach that far
    /// back.
    pub(super) fn changes_since(
        &self,
        kind: &dyn Kind,
        namespace: Option<&str>,
        revision: u64,
        at_most: usize,
    ) -> Option<Vec<Change>> {
        if revision < self.compacted() {
            return None;
        }
        let prefix = self.prefix(kind, namespace);
        let history = self.path("_history/");
        let from = history_key(&history, revision.saturating_add(1));
        let changes = self.store.under_from(&history, &from).filter_map(|(at, note)| {
            let key = note.get("key").and_then(Value::as_str)?.strip_prefix(&prefix)?.to_owned();
            let side = |name: &str| note.get(name).filter(|object| !object.is_null()).cloned();
            let revision = at.strip_prefix(&history)?.parse().ok()?;
            Some(Change { key, before: side("before"), after: side("after"), revision })
        });
        Some(changes.take(at_most).collect())
    }

    /// Writes an object and returns it with its new revision.
    pub(super) fn write(&mut self, kind: &dyn Kind, mut object: Value) -> Value {
        let revision = self.revision() + 1;
        metadata::set(&mut object, "resourceVersion", Value::from(revision.to_string()));
        let key = self.key(kind, metadata::text(&object, "namespace"), metadata::text(&object, "name"));
        let before = self.store.put(key.clone(), object.clone());
        self.note(revision, &key, before, Some(object.clone()));
        object
    }

    /// Deletes an object and returns it with the revision of its deletion.
    pub(super) fn erase(&mut self, kind: &dyn Kind, mut object: Value) -> Value {
        let revision = self.revision() + 1;
        let key = self.key(kind, metadata::text(&object, "namespace"), metadata::text(&object, "name"));
        let before = self.store.remove(&key);
        self.note(revision, &key, before, None);
        metadata::set(&mut object, "resourceVersion", Value::from(revision.to_string()));
        object
    }

    /// Drops the history that is older than it is kept, or more than is kept.
    pub(super) fn compact(&mut self) {
        let since = self.clock_ms() - HISTORY_MS;
        let history = self.path("_history/");
        let least = history_key(&history, self.revision().saturating_sub(MOST_CHANGES));
        let is_old = |note: &Value| note.get("at").and_then(Value::as_i64).is_some_and(|at| at < since);
        let old: Vec<String> = self
            .store
            .under(&history)
            .take_while(|(key, note)| *key <= least.as_str() || is_old(note))
            .map(|(key, _)| key.to_owned())
            .collect();
        let Some(last) = old.last().and_then(|key| key.strip_prefix(&history)).and_then(|at| at.parse::<u64>().ok())
        else {
            return;
        };
        for key in old {
            self.store.remove(&key);
        }
        self.store.put(self.path("_compacted"), Value::from(last));
    }

    /// The last revision that the history no longer has.
    fn compacted(&self) -> u64 {
        self.store.get(&self.path("_compacted")).and_then(Value::as_u64).unwrap_or(0)
    }

    /// The emulated time as objects carry it.
    pub(super) fn now(&self) -> String {
        decode::timestamp(self.clock.now())
    }

    fn clock_ms(&self) -> i64 {
        i64::try_from(self.clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }

    fn note(&mut self, revision: u64, key: &str, before: Option<Value>, after: Option<Value>) {
        self.compact();
        let note = json!({"at": self.clock_ms(), "key": key, "before": before, "after": after});
        self.store.put(history_key(&self.path("_history/"), revision), note);
        self.store.put(self.path("_revision"), Value::from(revision));
    }

    fn key(&self, kind: &dyn Kind, namespace: &str, name: &str) -> String {
        format!("{}{name}", self.prefix(kind, kind.namespaced().then_some(namespace)))
    }

    fn prefix(&self, kind: &dyn Kind, namespace: Option<&str>) -> String {
        match namespace {
            Some(namespace) => self.path(&format!("{}/{namespace}/", kind.resource())),
            None => self.path(&format!("{}/", kind.resource())),
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("kubernetes/{}/{rest}", self.cluster.name())
    }
}

/// The key of a revision's change, in the order of the revisions.
fn history_key(history: &str, revision: u64) -> String {
    format!("{history}{revision:020}")
}
