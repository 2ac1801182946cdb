//! Ownership of fields: what server-side apply does, and what every other write does to the owners.
//!
//! The rules were recorded from a real API server; the names of its steps are kept where they say something. An update
//! (POST, PUT, any other patch) owns what it changed. An apply owns what it sent, conflicts with whoever else owns a
//! field that it changes, and takes away what it sent last time and not now, unless another manager owns that too.

mod compare;
mod last_applied;
mod managers;
mod path;
mod set;
#[cfg(test)]
mod tests;
mod typed;

use serde_json::Value;

use self::compare::Comparison;
use self::managers::{Manager, Managers, Operation, Owned};
use self::path::Step;
use self::set::FieldSet;
use super::decode;
use super::schema::{Struct, Type};
use super::status::Status;

/// The owner of what an object had before the first apply to it, where nobody was tracked.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// A write, as far as ownership depends on it.
pub(super) struct Write<'a> {
    pub(super) of: &'static Struct,
    /// The group and version, as `apiVersion` has them.
    pub(super) version: String,
    /// The kind, which only a message names.
    pub(super) kind: &'a str,
    pub(super) manager: &'a str,
    pub(super) subresource: &'a str,
    /// Fields of the root that this write resets and so never owns.
    pub(super) reset: &'a [&'a str],
    /// The time that a manager gets.
    pub(super) now: String,
}

impl Write<'_> {
    /// The new object with its owners after an update. `live` is none for a create.
    pub(super) fn update(&self, live: Option<&Value>, new: &Value) -> Value {
        let zero = decode::zero(self.of);
        let managers = Managers::of_update(live.unwrap_or(&zero), new);
        let mut new = bare(new);
        // Objects whose owners were never tracked, or were reset, are not tracked by updates.
        if live.is_some() && managers.entries.is_empty() {
            return new;
        }
        let live = bare(live.unwrap_or(&zero));
        let of = Type::Struct(self.of);
        let mut managers = managers;
        // An object that ownership cannot be told of, because an element lacks its key, keeps the owners that it has.
        if typed::is_ownable(&of, &live) && typed::is_ownable(&of, &new) {
            managers = self.updated(&live, &new, managers, self.manager);
            managers.cap();
        }
        own(&mut new, &managers);
        new
    }

    /// The live object with an applied one laid over it, and its owners. `live` is none where the apply creates.
    ///
    /// # Errors
    /// A conflict with other managers unless it is forced, and a body that is not of the type.
    pub(super) fn apply(&self, live: Option<&Value>, applied: &Value, force: bool) -> Result<Value, Status> {
        let zero = decode::zero(self.of);
        let mut managers = live.and_then(Managers::parse).unwrap_or_default();
        if applied.pointer("/metadata/managedFields").is_some_and(|fields| !fields.is_null()) {
            return Err(Status::bad_request("metadata.managedFields must be nil"));
        }
        let of = Type::Struct(self.of);
        typed::check(&of, applied).map_err(|problem| self.untyped(applied, &problem))?;
        let live = bare(live.unwrap_or(&zero));
        if managers.entries.is_empty() {
            managers = self.updated(&zero, &live, managers, BEFORE_FIRST_APPLY);
        }

        let applier = Manager::new(self.manager, Operation::Apply, &self.version, self.subresource);
        let fields = typed::fields_of(&of, applied).without_fields(self.reset);
        let owned = Owned { version: self.version.clone(), fields };
        let last = managers.entries.insert(applier.clone(), owned).map(|owned| owned.fields);
        let merged = typed::merged(&of, &live, applied);
        let pruned = self.pruned(merged, last, &managers);
        let comparison = Comparison::of(&of, &live, &pruned).without_fields(self.reset);
        let takeable = last_applied::takeable(self.manager, &of, &self.version, &live);
        self.yielded(&mut managers, &applier, &comparison, (force, &takeable))?;
        if pruned != live {
            managers.times.insert(applier.clone(), self.now.clone());
        }
        if let Some(owned) = managers.entries.get_mut(&applier) {
            owned.fields = owned.fields.difference(&unowned());
        }
        managers.entries.retain(|_, owned| !owned.fields.is_empty());
        let mut new = decode::decode(self.of, &pruned).map_err(|problem| self.inconvertible(applied, &problem))?.object;
        last_applied::update(self.manager, &mut new, applied);
        own(&mut new, &managers);
        Ok(new)
    }

    /// The managers after an update by one of them.
    fn updated(&self, live: &Value, new: &Value, mut managers: Managers, name: &str) -> Managers {
        let manager = Manager::new(name, Operation::Update, &self.version, self.subresource);
        let comparison = Comparison::of(&Type::Struct(self.of), live, new).without_fields(self.reset);
        for owned in managers.entries.values_mut() {
            owned.fields = owned.fields.difference(&comparison.set()).difference(&comparison.removed);
        }
        managers.entries.retain(|_, owned| !owned.fields.is_empty());
        let taken = comparison.set().difference(&unowned());
        if !taken.is_empty() {
            managers.times.insert(manager.clone(), self.now.clone());
            let owned = managers
                .entries
                .entry(manager.clone())
                .or_insert_with(|| Owned { version: self.version.clone(), fields: FieldSet::default() });
            owned.fields = owned.fields.union(&taken);
        }
        managers
    }

    /// Without what this applier sent last time and not now, and nobody else owns.
    fn pruned(&self, merged: Value, last: Option<FieldSet>, managers: &Managers) -> Value {
        let Some(last) = last.filter(|last| !last.is_empty()) else { return merged };
        let of = Type::Struct(self.of);
        let last = last.with_named_fields(&of);
        let pruned = typed::without(&of, &merged, &last);
        let had = typed::fields_of(&of, &merged).with_named_fields(&of);

        let owned = managers.entries.values().fold(FieldSet::default(), |all, owned| all.union(&owned.fields));
        let kept = typed::fields_of(&of, &pruned).with_named_fields(&of).union(&owned.with_named_fields(&of));
        let pruned = typed::without(&of, &merged, &had.difference(&kept));

        // What went with its parent although the applier never owned it comes back.
        let kept = typed::fields_of(&of, &pruned).with_named_fields(&of);
        typed::without(&of, &merged, &had.difference(&kept).intersection(&last))
    }

    /// Takes from the other managers what an apply changes and removes, by force or where that is takeable.
    fn yielded(
        &self,
        managers: &mut Managers,
        applier: &Manager,
        comparison: &Comparison,
        (force, takeable): (bool, &FieldSet),
    ) -> Result<(), Status> {
        let changed = comparison.set();
        let conflicts: Vec<(&Manager, FieldSet)> = managers
            .entries
            .iter()
            .filter(|(manager, _)| *manager != applier)
            .map(|(manager, owned)| (manager, owned.fields.intersection(&changed).difference(takeable)))
            .filter(|(_, fields)| !fields.is_empty())
            .collect();
        if !force && !conflicts.is_empty() {
            return Err(conflict(&conflicts));
        }
        for (manager, owned) in &mut managers.entries {
            if manager != applier {
                owned.fields = owned.fields.difference(&changed).difference(&comparison.removed);
            }
        }
        managers.entries.retain(|_, owned| !owned.fields.is_empty());
        Ok(())
    }

    fn untyped(&self, applied: &Value, problem: &str) -> Status {
        let (name, kind) = self.named(applied);
        Status::internal(format!("failed to create typed patch object ({name}; {kind}): {problem}"))
    }

    fn inconvertible(&self, applied: &Value, problem: &str) -> Status {
        let (name, kind) = self.named(applied);
        Status::internal(format!(
            "failed to convert new object ({name}; {kind}) to proper version: unable to convert unstructured object to \
             {kind}: {problem}"
        ))
    }

    /// The applied object and its kind, as messages print them.
    fn named(&self, applied: &Value) -> (String, String) {
        let text = |pointer: &str| applied.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let version = if self.version.contains('/') { self.version.clone() } else { format!("/{}", self.version) };
        let name = format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"));
        (name, format!("{version}, Kind={}", self.kind))
    }
}

/// Whether two objects differ in no more than the times of their managers, which is no change.
pub(super) fn same_but_for_times(one: &Value, other: &Value) -> bool {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
            entry.remove("time");
        }
        object
    };
    timeless(one) == timeless(other)
}

fn conflict(conflicts: &[(&Manager, FieldSet)]) -> Status {
    let pairs: Vec<(String, String)> = conflicts
        .iter()
        .flat_map(|(manager, fields)| fields.shown().into_iter().map(|field| (manager.shown(), field)))
        .collect();
    let message = match pairs.as_slice() {
        [(manager, field)] => format!("Apply failed with 1 conflict: conflict with {manager}: {field}"),
        several => {
            let mut lines = Vec::new();
            for (manager, fields) in conflicts {
                lines.push(format!("conflicts with {}:", manager.shown()));
                lines.extend(fields.shown().into_iter().map(|field| format!("- {field}")));
            }
            format!("Apply failed with {} conflicts: {}", several.len(), lines.join("\n"))
        }
    };
    Status::apply_conflict(message, &pairs)
}

/// The object without its managers, which are no fields that anybody owns.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

fn own(object: &mut Value, managers: &Managers) {
    let entries = managers.json();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && entries.as_array().is_some_and(|entries| !entries.is_empty())
    {
        metadata.insert("managedFields".to_owned(), entries);
    }
}

/// What every object has and the server sets, which nobody owns.
fn unowned() -> FieldSet {
    let metadata =
        ["name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion"];
    let mut set = FieldSet::default();
    for name in ["apiVersion", "kind", "metadata"] {
        set.insert(&[Step::field(name)]);
    }
    for name in metadata {
        set.insert(&[Step::field("metadata"), Step::field(name)]);
    }
    set
}
