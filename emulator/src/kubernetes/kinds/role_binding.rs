//! `rbac.authorization.k8s.io/v1` RoleBinding and ClusterRoleBinding: who has a role.

use serde_json::{Value, json};

use super::role::GROUP;
use super::{Column, Kind};
use crate::kubernetes::metadata::{self, NameRule};
use crate::kubernetes::schema::{API_VERSION, Elements, Field, KIND, METADATA, Struct, Type};
use crate::kubernetes::status::FieldError;

/// `rbac.authorization.k8s.io/v1` RoleBinding.
pub(in crate::kubernetes) struct RoleBinding;

/// `rbac.authorization.k8s.io/v1` ClusterRoleBinding.
pub(in crate::kubernetes) struct ClusterRoleBinding;

impl Kind for RoleBinding {
    fn kind(&self) -> &'static str {
        "RoleBinding"
    }

    fn plural(&self) -> &'static str {
        "rolebindings"
    }

    fn group(&self) -> &'static str {
        GROUP
    }

    fn storage_hash(&self) -> &'static str {
        "eGsCzGH6b1g="
    }

    fn schema(&self) -> &'static Struct {
        &ROLE_BINDING
    }

    fn default(&self, object: &mut Value) {
        fill(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate(object, true, NameRule::PathSegment);
        errors.extend(validate_binding(object, &["Role", "ClusterRole"]));
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate_update(new, old);
        errors.extend(validate_role_kept(new, old));
        errors.extend(validate_binding(new, &["Role", "ClusterRole"]));
        errors
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn wide_columns(&self) -> &'static [Column] {
        WIDE_COLUMNS
    }
}

impl Kind for ClusterRoleBinding {
    fn kind(&self) -> &'static str {
        "ClusterRoleBinding"
    }

    fn plural(&self) -> &'static str {
        "clusterrolebindings"
    }

    fn group(&self) -> &'static str {
        GROUP
    }

    fn namespaced(&self) -> bool {
        false
    }

    fn storage_hash(&self) -> &'static str {
        "48tpQ8gZHFc="
    }

    fn schema(&self) -> &'static Struct {
        &CLUSTER_ROLE_BINDING
    }

    fn default(&self, object: &mut Value) {
        fill(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate(object, false, NameRule::PathSegment);
        errors.extend(validate_binding(object, &["ClusterRole"]));
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate_update(new, old);
        errors.extend(validate_role_kept(new, old));
        errors.extend(validate_binding(new, &["ClusterRole"]));
        errors
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn wide_columns(&self) -> &'static [Column] {
        WIDE_COLUMNS
    }
}

const COLUMNS: &[Column] = &[Column::text("Role", "The role that is given.", |binding| {
    json!(format!("{}/{}", text(binding, "/roleRef/kind"), text(binding, "/roleRef/name")))
})];

const WIDE_COLUMNS: &[Column] = &[
    Column::text("Users", "The users who have it.", |binding| subjects(binding, "User")),
    Column::text("Groups", "The groups whose members have it.", |binding| subjects(binding, "Group")),
    Column::text("ServiceAccounts", "The service accounts that have it.", |binding| {
        subjects(binding, "ServiceAccount")
    }),
];

/// Fills in the groups of what a binding refers to.
fn fill(object: &mut Value) {
    let fill = |reference: &mut Value, group: &str| {
        if let Some(reference) = reference.as_object_mut()
            && reference.get("apiGroup").is_none_or(|group| group == "")
            && !group.is_empty()
        {
            reference.insert("apiGroup".to_owned(), json!(group));
        }
    };
    if let Some(role) = object.get_mut("roleRef") {
        fill(role, GROUP);
    }
    for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        let group = if text(subject, "/kind") == "ServiceAccount" { "" } else { GROUP };
        fill(subject, group);
    }
}

fn validate_binding(object: &Value, roles: &[&str]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (group, kind, name) =
        (text(object, "/roleRef/apiGroup"), text(object, "/roleRef/kind"), text(object, "/roleRef/name"));
    if group != GROUP {
        errors.push(FieldError::not_supported("roleRef.apiGroup", group, &[GROUP]));
    }
    if !roles.contains(&kind) {
        errors.push(FieldError::not_supported("roleRef.kind", kind, roles));
    }
    if name.is_empty() {
        errors.push(FieldError::required("roleRef.name", ""));
    }
    for (index, subject) in object.get("subjects").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let path = |field: &str| format!("subjects[{index}].{field}");
        if text(subject, "/name").is_empty() {
            errors.push(FieldError::required(path("name"), ""));
        }
        let group = text(subject, "/apiGroup");
        match text(subject, "/kind") {
            "ServiceAccount" => {
                if !group.is_empty() {
                    errors.push(FieldError::not_supported(path("apiGroup"), group, &[""]));
                }
                if text(subject, "/namespace").is_empty() {
                    errors.push(FieldError::required(path("namespace"), ""));
                }
            }
            "User" | "Group" => {
                if group != GROUP {
                    errors.push(FieldError::not_supported(path("apiGroup"), group, &[GROUP]));
                }
            }
            other => {
                let kinds = ["ServiceAccount", "User", "Group"];
                errors.push(FieldError::not_supported(path("kind"), other, &kinds));
            }
        }
    }
    errors
}

fn validate_role_kept(new: &Value, old: &Value) -> Option<FieldError> {
    let role = new.get("roleRef");
    let part = |field: &str| json!(text(new, &format!("/roleRef/{field}")));
    // The field is shown as the Go struct that has no names for JSON.
    let shown = format!("{{\"APIGroup\":{},\"Kind\":{},\"Name\":{}}}", part("apiGroup"), part("kind"), part("name"));
    (role != old.get("roleRef")).then(|| FieldError::invalid_as_shown("roleRef", shown, "cannot change roleRef"))
}

fn subjects(binding: &Value, kind: &str) -> Value {
    let subjects = binding.get("subjects").and_then(Value::as_array);
    let of_kind = subjects.into_iter().flatten().filter(|subject| text(subject, "/kind") == kind);
    let names = of_kind.map(|subject| match text(subject, "/namespace") {
        "" => text(subject, "/name").to_owned(),
        namespace => format!("{namespace}/{}", text(subject, "/name")),
    });
    json!(names.collect::<Vec<_>>().join(", "))
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

static ROLE_BINDING: Struct =
    Struct { go: "RoleBinding", atomic: false, fields: &[KIND, API_VERSION, METADATA, SUBJECTS, ROLE_REFERENCE] };

static CLUSTER_ROLE_BINDING: Struct = Struct {
    go: "ClusterRoleBinding",
    atomic: false,
    fields: &[KIND, API_VERSION, METADATA, SUBJECTS, ROLE_REFERENCE],
};

const SUBJECT_TYPE: Type = Type::Struct(&SUBJECT);
const SUBJECTS: Field = Field::filled("subjects", Type::List(&SUBJECT_TYPE, Elements::Atomic));
const ROLE_REFERENCE: Field = Field::always("roleRef", Type::Struct(&REFERENCE));

static SUBJECT: Struct = Struct {
    go: "Subject",
    atomic: true,
    fields: &[
        Field::always("kind", Type::String),
        Field::filled("apiGroup", Type::String),
        Field::always("name", Type::String),
        Field::filled("namespace", Type::String),
    ],
};

static REFERENCE: Struct = Struct {
    go: "RoleRef",
    atomic: true,
    fields: &[
        Field::always("apiGroup", Type::String),
        Field::always("kind", Type::String),
        Field::always("name", Type::String),
    ],
};
