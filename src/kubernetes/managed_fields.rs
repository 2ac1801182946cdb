//! Who owns which key of a service account: `metadata.managedFields`, read, and rewritten to move ownership.
//!
//! Managers are told apart by name *and* operation: what was written by POST, PUT or a patch belongs to `<name>`/Update, and an
//! apply under the same name neither removes it nor changes it without a conflict with ourselves.

use std::{collections::BTreeSet, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value};

use super::service_account::Fields;

/// A part of a service account that has one owner or several: the grain at which server-side apply merges.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// One annotation.
    Annotation(String),
    /// One label.
    Label(String),
    /// `automountServiceAccountToken`.
    Automount,
    /// `imagePullSecrets`: one owner for the whole list.
    ImagePullSecrets,
    /// Anything else, as the server writes its path.
    Other(String),
}

impl Key {
    /// The held keys that an update takes out of other managers' Update entries, or they could never be removed. Each side is
    /// what is applied, and whether the whole object is ours. Whoever owns only annotations takes nothing; whoever stops owning
    /// the object takes what it goes on to manage.
    pub(crate) fn to_take_over(before: (&Fields, bool), after: (&Fields, bool)) -> BTreeSet<Self> {
        let (held, wanted) = (before.0.keys(), after.0.keys());
        let mut keys: BTreeSet<Self> = match (before.1, after.1) {
            (true, true) => held,
            (true, false) => held.intersection(&wanted).cloned().collect(),
            (false, true) => held.union(&wanted).cloned().collect(),
            (false, false) => BTreeSet::new(),
        };
        // It is computed where it is not configured, and never removed.
        keys.remove(&Self::Automount);
        keys
    }

    /// Reads a path as conflicts name it, such as `.metadata.annotations.azure.workload.identity/client-id`.
    pub(crate) fn from_path(path: &str) -> Self {
        if let Some(name) = path.strip_prefix(".metadata.annotations.") {
            return Self::Annotation(name.to_owned());
        }
        if let Some(name) = path.strip_prefix(".metadata.labels.") {
            return Self::Label(name.to_owned());
        }
        match path {
            ".automountServiceAccountToken" => Self::Automount,
            ".imagePullSecrets" => Self::ImagePullSecrets,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Annotation(name) => write!(f, "annotation \"{name}\""),
            Self::Label(name) => write!(f, "label \"{name}\""),
            Self::Automount => f.write_str("automountServiceAccountToken"),
            Self::ImagePullSecrets => f.write_str("imagePullSecrets"),
            Self::Other(path) => write!(f, "field {path}"),
        }
    }
}

/// The managers of one object, as its `managedFields` list them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Managers(Vec<ManagedFieldsEntry>);

impl Managers {
    /// Wraps what the API server sent.
    pub(crate) fn new(entries: Vec<ManagedFieldsEntry>) -> Self {
        Self(entries)
    }

    /// The keys that `manager` owns through server-side apply.
    pub(crate) fn applied_by(&self, manager: &str) -> BTreeSet<Key> {
        self.0.iter().filter(|entry| is(entry, manager, "Apply")).flat_map(keys).collect()
    }

    /// True where an entry of this name exists, whatever its operation.
    pub(crate) fn has(&self, manager: &str) -> bool {
        self.0.iter().any(|entry| entry.manager.as_deref() == Some(manager))
    }

    /// True where something besides `manager` (by apply) keeps keys on the object: a chart, a controller, another applier. A command
    /// such as `kubectl annotate` is nobody who comes back.
    pub(crate) fn has_owner_besides(&self, manager: &str) -> bool {
        let passing = ["kubectl-annotate", "kubectl-label", "kubectl-edit", "kubectl-patch", "kubectl-set"];
        let others = self.0.iter().filter(|entry| !is(entry, manager, "Apply") && !keys(entry).is_empty());
        others.filter_map(|entry| entry.manager.as_deref()).any(|name| !passing.contains(&name) && name != manager)
    }

    /// The keys that somebody owns through POST, PUT or a patch, and that an apply could therefore never remove.
    pub(crate) fn updated(&self) -> BTreeSet<Key> {
        self.0.iter().filter(|entry| entry.operation.as_deref() == Some("Update")).flat_map(keys).collect()
    }

    /// Who owns `key` besides `manager` (by apply), named as the API server's conflicts do.
    pub fn owners(&self, key: &Key, manager: &str) -> Vec<String> {
        let others = self.0.iter().filter(|entry| !is(entry, manager, "Apply") && keys(entry).contains(key));
        others
            .map(|entry| {
                let name = entry.manager.as_deref().unwrap_or_default();
                let version = entry.api_version.as_deref().unwrap_or("v1");
                match entry.operation.as_deref() {
                    Some("Apply") => format!("\"{name}\""),
                    _ => format!("\"{name}\" using {version}"),
                }
            })
            .collect()
    }

    /// The same entries after `manager` has taken `wanted` from every Update entry into an Apply entry of its own. Entries of
    /// other appliers stay as they are: what they apply is theirs as well. `None` where there is nothing to take.
    pub(crate) fn taken_over(&self, manager: &str, wanted: &BTreeSet<Key>) -> Option<Self> {
        let taken: BTreeSet<Key> = self.updated().intersection(wanted).cloned().collect();
        if taken.is_empty() {
            return None;
        }
        let mut entries = self.0.clone();
        for entry in entries.iter_mut().filter(|entry| entry.operation.as_deref() == Some("Update")) {
            if let Some(FieldsV1(fields)) = &mut entry.fields_v1 {
                taken.iter().for_each(|key| remove(fields, key));
            }
        }
        entries.retain(|entry| entry.fields_v1.as_ref().is_none_or(|FieldsV1(fields)| !is_empty(fields)));
        if !entries.iter().any(|entry| is(entry, manager, "Apply")) {
            entries.push(ManagedFieldsEntry {
                manager: Some(manager.to_owned()),
                operation: Some("Apply".to_owned()),
                api_version: Some("v1".to_owned()),
                fields_type: Some("FieldsV1".to_owned()),
                ..ManagedFieldsEntry::default()
            });
        }
        for entry in entries.iter_mut().filter(|entry| is(entry, manager, "Apply")) {
            let FieldsV1(fields) = entry.fields_v1.get_or_insert_with(|| FieldsV1(Value::Object(Map::new())));
            taken.iter().for_each(|key| insert(fields, key));
        }
        Some(Self(entries))
    }

    /// The entries, to be written.
    pub fn entries(&self) -> &[ManagedFieldsEntry] {
        &self.0
    }
}

fn is(entry: &ManagedFieldsEntry, manager: &str, operation: &str) -> bool {
    // An entry of a subresource has the same name and another meaning.
    entry.manager.as_deref() == Some(manager)
        && entry.operation.as_deref() == Some(operation)
        && entry.subresource.as_deref().unwrap_or_default().is_empty()
}

fn keys(entry: &ManagedFieldsEntry) -> BTreeSet<Key> {
    let Some(FieldsV1(fields)) = &entry.fields_v1 else { return BTreeSet::new() };
    let metadata = fields.get("f:metadata");
    let named = |map: &str, key: fn(String) -> Key| {
        let children = metadata.and_then(|m| m.get(map)).and_then(Value::as_object);
        let names = children.into_iter().flat_map(Map::keys).filter_map(|name| name.strip_prefix("f:"));
        names.map(|name| key(name.to_owned())).collect::<Vec<_>>()
    };
    let mut keys: BTreeSet<Key> = named("f:annotations", Key::Annotation).into_iter().collect();
    keys.extend(named("f:labels", Key::Label));
    keys.extend(fields.get("f:automountServiceAccountToken").map(|_| Key::Automount));
    keys.extend(fields.get("f:imagePullSecrets").map(|_| Key::ImagePullSecrets));
    keys
}

/// Where a key stands in FieldsV1; `None` for what we never move.
fn place(key: &Key) -> Option<(Option<&'static str>, String)> {
    match key {
        Key::Annotation(name) => Some((Some("f:annotations"), format!("f:{name}"))),
        Key::Label(name) => Some((Some("f:labels"), format!("f:{name}"))),
        Key::Automount => Some((None, "f:automountServiceAccountToken".to_owned())),
        Key::ImagePullSecrets => Some((None, "f:imagePullSecrets".to_owned())),
        Key::Other(_) => None,
    }
}

fn remove(fields: &mut Value, key: &Key) {
    let Some(root) = fields.as_object_mut() else { return };
    match place(key) {
        Some((Some(map), name)) => {
            let Some(metadata) = root.get_mut("f:metadata").and_then(Value::as_object_mut) else { return };
            if let Some(children) = metadata.get_mut(map).and_then(Value::as_object_mut) {
                children.remove(&name);
                // `.` alone says that the manager made the map; without keys in it that means nothing to anybody.
                if children.keys().all(|child| child == ".") {
                    metadata.remove(map);
                }
            }
            if metadata.is_empty() {
                root.remove("f:metadata");
            }
        }
        Some((None, name)) => {
            root.remove(&name);
        }
        None => {}
    }
}

fn insert(fields: &mut Value, key: &Key) {
    let Some((map, name)) = place(key) else { return };
    let mut at = fields;
    for step in map.map(|map| ["f:metadata", map]).into_iter().flatten() {
        let Some(children) = at.as_object_mut() else { return };
        at = children.entry(step).or_insert_with(|| Value::Object(Map::new()));
    }
    if let Some(children) = at.as_object_mut() {
        children.entry(name).or_insert_with(|| Value::Object(Map::new()));
    }
}

fn is_empty(fields: &Value) -> bool {
    fields.as_object().is_some_and(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn managers(entries: Value) -> Managers {
        Managers::new(serde_json::from_value(entries).unwrap())
    }

    fn annotation(name: &str) -> Key {
        Key::Annotation(name.to_owned())
    }

    fn of_helm_and_azwi() -> Managers {
        managers(json!([
            {"manager": "azwi", "operation": "Apply", "apiVersion": "v1", "time": "2026-11-22T05:52:50Z", "fieldsType": "FieldsV1",
             "fieldsV1": {"f:metadata": {"f:annotations": {"f:azure.workload.identity/client-id": {}}}}},
            {"manager": "helm", "operation": "Update", "apiVersion": "v1", "time": "2026-11-22T05:52:50Z", "fieldsType": "FieldsV1",
             "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, "f:meta.helm.sh/release-name": {}},
                                          "f:labels": {".": {}, "f:app.kubernetes.io/managed-by": {}}},
                          "f:imagePullSecrets": {}}},
        ]))
    }

    #[test]
    fn keys_are_read_per_manager_and_operation() {
        let managers = of_helm_and_azwi();
        assert_eq!(managers.applied_by("azwi"), [annotation("azure.workload.identity/client-id")].into());
        assert!(managers.applied_by("helm").is_empty(), "helm updates, it does not apply");
        assert_eq!(managers.owners(&Key::ImagePullSecrets, "azwi"), ["\"helm\" using v1"]);
        assert!(managers.owners(&annotation("azure.workload.identity/client-id"), "azwi").is_empty());
    }

    #[test]
    fn what_an_update_owns_moves_to_our_apply_entry_and_nothing_else_moves() {
        let wanted = [annotation("meta.helm.sh/release-name"), annotation("not-there")].into();
        let moved = of_helm_and_azwi().taken_over("azwi", &wanted).unwrap();
        assert_eq!(
            moved.applied_by("azwi"),
            [annotation("azure.workload.identity/client-id"), annotation("meta.helm.sh/release-name")].into()
        );
        assert_eq!(
            moved.updated(),
            [Key::Label("app.kubernetes.io/managed-by".to_owned()), Key::ImagePullSecrets].into()
        );
        assert_eq!(
            serde_json::to_value(&moved.entries()[1].fields_v1).unwrap(),
            json!({"f:imagePullSecrets": {}, "f:metadata": {"f:labels": {".": {}, "f:app.kubernetes.io/managed-by": {}}}})
        );
    }

    #[test]
    fn an_update_entry_of_our_own_name_is_another_manager() {
        let posted =
            managers(json!([{"manager": "azwi", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, "f:k": {}}}}}]));
        assert!(posted.applied_by("azwi").is_empty());
        let moved = posted.taken_over("azwi", &[annotation("k")].into()).unwrap();
        assert_eq!(moved.applied_by("azwi"), [annotation("k")].into());
        assert!(moved.updated().is_empty());
        assert_eq!(moved.entries().len(), 1, "the emptied entry goes");
    }

    #[test]
    fn other_appliers_keep_what_they_apply() {
        let shared =
            managers(json!([{"manager": "argocd", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:annotations": {"f:k": {}}}}}]));
        assert_eq!(shared.taken_over("azwi", &[annotation("k")].into()), None);
    }

    #[test]
    fn paths_of_conflicts_become_keys() {
        let read = Key::from_path(".metadata.annotations.azure.workload.identity/client-id");
        assert_eq!(read, annotation("azure.workload.identity/client-id"));
        assert_eq!(
            Key::from_path(".metadata.labels.app.kubernetes.io/name"),
            Key::Label("app.kubernetes.io/name".into())
        );
        assert_eq!(Key::from_path(".imagePullSecrets"), Key::ImagePullSecrets);
        assert_eq!(Key::from_path(".secrets").to_string(), "field .secrets");
    }
}
