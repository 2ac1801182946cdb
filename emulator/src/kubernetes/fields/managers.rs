//! Who owns which fields: `metadata.managedFields` as a value.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::set::FieldSet;
use crate::kubernetes::go;

/// More update entries than this are merged, the oldest first; the number is kube-apiserver's.
const MOST_UPDATERS: usize = 10;

/// The managers of one object.
#[derive(Debug, Clone, Default)]
pub(super) struct Managers {
    pub(super) entries: BTreeMap<Manager, Owned>,
    /// Kept apart from the sets because an apply that changes nothing gives its manager no time.
    pub(super) times: BTreeMap<Manager, String>,
}

/// A manager. Two operations of one name are two managers; an applier is the same whatever version it applied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Manager {
    pub(super) name: String,
    pub(super) operation: Operation,
    /// Empty for an applier.
    version: String,
    subresource: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Apply,
    Update,
}

/// What a manager owns.
#[derive(Debug, Clone)]
pub(super) struct Owned {
    pub(super) version: String,
    pub(super) fields: FieldSet,
}

impl Manager {
    /// A manager; one without a name is called unknown.
    pub(super) fn new(name: &str, operation: Operation, version: &str, subresource: &str) -> Self {
        Self {
            name: if name.is_empty() { "unknown".to_owned() } else { name.to_owned() },
            operation,
            version: if operation == Operation::Apply { String::new() } else { version.to_owned() },
            subresource: subresource.to_owned(),
        }
    }

    /// As conflicts print it.
    pub(super) fn shown(&self) -> String {
        let mut shown = go::quote(&self.name);
        if !self.subresource.is_empty() {
            shown.push_str(&format!(" with subresource {}", go::quote(&self.subresource)));
        }
        if self.operation == Operation::Update {
            shown.push_str(&format!(" using {}", self.version));
        }
        shown
    }
}

impl Managers {
    /// Reads an object's managers; none where an entry is not a manager's.
    pub(super) fn parse(object: &Value) -> Option<Self> {
        let mut managers = Self::default();
        for entry in object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return None,
            };
            if text("fieldsType") != "FieldsV1" || text("apiVersion").is_empty() {
                return None;
            }
            let version = text("apiVersion").to_owned();
            let manager = Manager::new(text("manager"), operation, &version, text("subresource"));
            let fields = FieldSet::parse(entry.get("fieldsV1")?)?;
            if !text("time").is_empty() {
                managers.times.insert(manager.clone(), text("time").to_owned());
            }
            managers.entries.insert(manager, Owned { version, fields });
        }
        Some(managers)
    }

    /// The managers that an update starts from: those that the new object names, or the live ones. One empty entry is
    /// how a client resets them, and an empty list does, too.
    pub(super) fn of_update(live: &Value, new: &Value) -> Self {
        let named = new.pointer("/metadata/managedFields").and_then(Value::as_array);
        match named.map(Vec::as_slice) {
            Some([]) => return Self::default(),
            Some([only]) if only.as_object().is_some_and(Map::is_empty) => return Self::default(),
            _ => {}
        }
        match Self::parse(new) {
            Some(managers) if !managers.entries.is_empty() => managers,
            _ => Self::parse(live).unwrap_or_default(),
        }
    }

    /// As `managedFields`: appliers first, then by time and name.
    pub(super) fn json(&self) -> Value {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(manager, _)| {
            (manager.operation, self.times.get(*manager).cloned().unwrap_or_default(), manager.name.clone())
        });
        Value::Array(entries.into_iter().map(|(manager, owned)| self.entry(manager, owned)).collect())
    }

    fn entry(&self, manager: &Manager, owned: &Owned) -> Value {
        let operation = if manager.operation == Operation::Apply { "Apply" } else { "Update" };
        let mut entry = json!({
            "manager": manager.name, "operation": operation, "apiVersion": owned.version,
            "fieldsType": "FieldsV1", "fieldsV1": owned.fields.json(),
        });
        if let Value::Object(entry) = &mut entry {
            if let Some(time) = self.times.get(manager) {
                entry.insert("time".to_owned(), Value::from(time.as_str()));
            }
            if !manager.subresource.is_empty() {
                entry.insert("subresource".to_owned(), Value::from(manager.subresource.as_str()));
            }
        }
        entry
    }

    /// Merges the oldest updaters into one of the name `ancient-changes`, until there are no more than the cap.
    pub(super) fn cap(&mut self) {
        let mut updaters: Vec<Manager> =
            self.entries.keys().filter(|manager| manager.operation == Operation::Update).cloned().collect();
        let mut count = updaters.len();
        if count <= MOST_UPDATERS {
            return;
        }
        updaters.sort_by_key(|manager| (self.times.get(manager).cloned().unwrap_or_default(), manager.clone()));
        let mut first_of: BTreeMap<String, Manager> = BTreeMap::new();
        for manager in updaters {
            if count <= MOST_UPDATERS {
                break;
            }
            let Some(owned) = self.entries.get(&manager).cloned() else { continue };
            let Some(first) = first_of.get(&owned.version).cloned() else {
                first_of.insert(owned.version, manager);
                continue;
            };
            let bucket = Manager::new("ancient-changes", Operation::Update, &owned.version, "");
            if !self.entries.contains_key(&bucket)
                && let Some(oldest) = self.entries.remove(&first)
            {
                self.entries.insert(bucket.clone(), oldest);
            }
            if let Some(merged) = self.entries.get_mut(&bucket) {
                merged.fields = merged.fields.union(&owned.fields);
            }
            self.entries.remove(&manager);
            if let Some(time) = self.times.get(&manager).cloned() {
                self.times.insert(bucket, time);
            }
            count -= 1;
        }
    }
}
