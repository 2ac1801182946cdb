//! The rules for an object's metadata, in the API server's words: names, labels, annotations, finalizers, owners, and
//! what may not change.

use serde_json::{Map, Value};

use super::status::FieldError;

/// Which names a kind takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameRule {
    /// A DNS subdomain of at most 253 characters.
    Subdomain,
    /// A DNS label of at most 63 characters.
    Label,
    /// Anything that can stand in a path.
    PathSegment,
}

const MOST_ANNOTATION_BYTES: usize = 262_144;
const LONGEST_SUBDOMAIN: usize = 253;
const LONGEST_LABEL: usize = 63;

/// What is wrong with an object's metadata.
pub(super) fn validate(object: &Value, namespaced: bool, rule: NameRule) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (name, generate, namespace) = (text(object, "name"), text(object, "generateName"), text(object, "namespace"));
    if !generate.is_empty() {
        // What is checked is the prefix as it will stand in a name.
        let prefix = generate.strip_suffix('-').map_or_else(|| generate.to_owned(), |stem| format!("{stem}a"));
        errors.extend(rule.broken(&prefix).map(|rule| FieldError::invalid("metadata.generateName", generate, &rule)));
    }
    if name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        errors.extend(rule.broken(name).map(|rule| FieldError::invalid("metadata.name", name, &rule)));
    }
    if namespaced && namespace.is_empty() {
        errors.push(FieldError::required("metadata.namespace", ""));
    } else if namespaced {
        let broken = NameRule::Label.broken(namespace);
        errors.extend(broken.map(|rule| FieldError::invalid("metadata.namespace", namespace, &rule)));
    } else if !namespace.is_empty() {
        errors.push(FieldError::forbidden("metadata.namespace", "not allowed on this type"));
    }
    errors.extend(entries(object));
    errors.extend(finalizers(object));
    errors
}

/// What is wrong with changed metadata, beside what is wrong with any.
pub(super) fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if old.pointer("/metadata/deletionTimestamp").is_some() {
        let had = list(old, "finalizers");
        let added: Vec<_> = list(new, "finalizers").into_iter().filter(|finalizer| !had.contains(finalizer)).collect();
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers {}",
                go_strings(&added)
            );
            errors.push(FieldError::forbidden("metadata.finalizers", &detail));
        }
    }
    for field in ["name", "namespace", "uid"] {
        if text(new, field) != text(old, field) {
            errors.push(FieldError::invalid(format!("metadata.{field}"), text(new, field), "field is immutable"));
        }
    }
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        let of = |object: &Value| object.pointer(&format!("/metadata/{field}")).cloned().unwrap_or(Value::Null);
        if of(new) != of(old) {
            errors.push(FieldError::invalid_value(format!("metadata.{field}"), &of(new), "field is immutable"));
        }
    }
    errors.extend(entries(new));
    errors
}

/// What is wrong with labels, annotations and owners.
fn entries(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (key, value) in map(object, "labels") {
        errors.extend(qualified_name(key).into_iter().map(|rule| FieldError::invalid("metadata.labels", key, &rule)));
        let value = value.as_str().unwrap_or_default();
        errors.extend(label_value(value).map(|rule| FieldError::invalid("metadata.labels", value, &rule)));
    }
    let mut bytes = 0;
    for (key, value) in map(object, "annotations") {
        // Upper case is fine in annotations only.
        let rules = qualified_name(&key.to_lowercase());
        errors.extend(rules.into_iter().map(|rule| FieldError::invalid("metadata.annotations", key, &rule)));
        bytes += key.len() + value.as_str().map_or(0, str::len);
    }
    if bytes > MOST_ANNOTATION_BYTES {
        errors.push(FieldError::too_long("metadata.annotations", MOST_ANNOTATION_BYTES));
    }
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    for owner in owners.into_iter().flatten() {
        for (field, rule) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if owner.get(field).and_then(Value::as_str).unwrap_or_default().is_empty() {
                errors.push(FieldError::invalid(format!("metadata.ownerReferences.{field}"), "", rule));
            }
        }
    }
    errors.extend(two_controllers(object));
    errors
}

/// What is wrong where more than one owner says that it controls the object.
fn two_controllers(object: &Value) -> Option<FieldError> {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array)?;
    let text = |owner: &Value, field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let named = |owner: &Value| format!("{}/{}", text(owner, "kind"), text(owner, "name"));
    let controls = |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
    let mut controllers = owners.iter().filter(controls);
    let (first, second) = (controllers.next()?, controllers.next()?);
    let shown: Vec<String> = owners
        .iter()
        .map(|owner| {
            let fields = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];
            let fields = fields.iter().filter_map(|field| Some(format!("\"{field}\":{}", owner.get(*field)?)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        })
        .collect();
    let rule = format!(
        "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
        named(first),
        named(second)
    );
    Some(FieldError::invalid_as_shown("metadata.ownerReferences", format!("[{}]", shown.join(",")), &rule))
}

fn finalizers(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for finalizer in list(object, "finalizers") {
        let rules = qualified_name(finalizer);
        errors.extend(rules.into_iter().map(|rule| FieldError::invalid("metadata.finalizers", finalizer, &rule)));
    }
    for (index, finalizer) in list(object, "finalizers").into_iter().enumerate() {
        let standard = matches!(finalizer, "kubernetes" | "orphan" | "foregroundDeletion");
        if !standard && !finalizer.contains('/') {
            let rule = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(format!("metadata.finalizers[{index}]"), finalizer, rule));
        }
    }
    errors
}

impl NameRule {
    /// The rule that a name breaks.
    fn broken(self, name: &str) -> Option<String> {
        match self {
            Self::Subdomain => subdomain(name),
            Self::Label => label(name),
            Self::PathSegment if name == "." || name == ".." => Some(format!("may not be '{name}'")),
            Self::PathSegment => {
                let bad = ['/', '%'].into_iter().find(|bad| name.contains(*bad))?;
                Some(format!("may not contain '{bad}'"))
            }
        }
    }
}

/// The rules that a label key, or the name in any qualified name, breaks.
pub(super) fn qualified_name(key: &str) -> Vec<String> {
    let name_rule = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                     alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let parts: Vec<&str> = key.split('/').collect();
    let mut broken = Vec::new();
    let name = match parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                broken.push("prefix part must be non-empty".to_owned());
            } else {
                broken.extend(subdomain(prefix).map(|rule| format!("prefix part {rule}")));
            }
            name
        }
        _ => {
            let prefix = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a qualified name {name_rule} {prefix}")];
        }
    };
    if name.is_empty() {
        broken.push("name part must be non-empty".to_owned());
    } else if name.len() > LONGEST_LABEL {
        broken.push(at_most("name part ", LONGEST_LABEL));
    }
    if !is_word(name) {
        broken.push(format!("name part {name_rule}"));
    }
    broken
}

/// The rule that a label's value breaks.
pub(super) fn label_value(value: &str) -> Option<String> {
    if value.len() > LONGEST_LABEL {
        return Some(at_most("", LONGEST_LABEL));
    }
    (!value.is_empty() && !is_word(value)).then(|| {
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start \
         and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation \
         is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            .to_owned()
    })
}

fn subdomain(name: &str) -> Option<String> {
    if name.len() > LONGEST_SUBDOMAIN {
        return Some(at_most("", LONGEST_SUBDOMAIN));
    }
    (!name.split('.').all(is_dns_label)).then(|| {
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
         and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            .to_owned()
    })
}

fn label(name: &str) -> Option<String> {
    if name.len() > LONGEST_LABEL {
        return Some(at_most("", LONGEST_LABEL));
    }
    (!is_dns_label(name)).then(|| {
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end \
         with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            .to_owned()
    })
}

fn is_dns_label(name: &str) -> bool {
    let end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|byte| end(*byte))
        && bytes.last().is_some_and(|byte| end(*byte))
        && bytes.iter().all(|byte| end(*byte) || *byte == b'-')
}

fn is_word(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn at_most(part: &str, characters: usize) -> String {
    format!("{part}must be no more than {characters} characters")
}

fn go_strings(items: &[&str]) -> String {
    format!("[]string{{{}}}", items.iter().map(|item| super::go::quote(item)).collect::<Vec<_>>().join(", "))
}

/// A text of the metadata; empty where it is not there.
pub(super) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// Sets a field of the metadata, or removes it where the value is null.
pub(super) fn set(object: &mut Value, field: &str, value: Value) {
    let metadata = object.as_object_mut().map(|object| object.entry("metadata").or_insert_with(|| Map::new().into()));
    if let Some(metadata) = metadata.and_then(Value::as_object_mut) {
        if value.is_null() {
            metadata.remove(field);
        } else {
            metadata.insert(field.to_owned(), value);
        }
    }
}

/// A list of texts of the metadata.
pub(super) fn list<'a>(object: &'a Value, field: &str) -> Vec<&'a str> {
    let list = object.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn map<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    object.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_object).into_iter().flatten()
}
