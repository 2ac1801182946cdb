//! `rbac.authorization.k8s.io/v1` Role and ClusterRole: what may be done, in a namespace or everywhere.

use serde_json::Value;

use super::Kind;
use crate::kubernetes::metadata::{self, NameRule};
use crate::kubernetes::schema::{API_VERSION, Elements, Field, KIND, METADATA, STRING_LIST, Struct, Type};
use crate::kubernetes::status::FieldError;

/// The group of all four kinds that rights are made of.
pub(in crate::kubernetes) const GROUP: &str = "rbac.authorization.k8s.io";

/// `rbac.authorization.k8s.io/v1` Role.
pub(in crate::kubernetes) struct Role;

/// `rbac.authorization.k8s.io/v1` ClusterRole.
pub(in crate::kubernetes) struct ClusterRole;

impl Kind for Role {
    fn kind(&self) -> &'static str {
        "Role"
    }

    fn plural(&self) -> &'static str {
        "roles"
    }

    fn group(&self) -> &'static str {
        GROUP
    }

    fn storage_hash(&self) -> &'static str {
        "7FuwZcIIItM="
    }

    fn schema(&self) -> &'static Struct {
        &ROLE
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate(object, true, NameRule::PathSegment);
        errors.extend(validate_rules(object, true));
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate_update(new, old);
        errors.extend(validate_rules(new, true));
        errors
    }
}

impl Kind for ClusterRole {
    fn kind(&self) -> &'static str {
        "ClusterRole"
    }

    fn plural(&self) -> &'static str {
        "clusterroles"
    }

    fn group(&self) -> &'static str {
        GROUP
    }

    fn namespaced(&self) -> bool {
        false
    }

    fn storage_hash(&self) -> &'static str {
        "bYE5ZWDrJ44="
    }

    fn schema(&self) -> &'static Struct {
        &CLUSTER_ROLE
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate(object, false, NameRule::PathSegment);
        errors.extend(validate_rules(object, false));
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = metadata::validate_update(new, old);
        errors.extend(validate_rules(new, false));
        errors
    }
}

fn validate_rules(object: &Value, namespaced: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (index, rule) in object.get("rules").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let is_empty = |field: &str| rule.get(field).and_then(Value::as_array).is_none_or(Vec::is_empty);
        let path = |field: &str| format!("rules[{index}].{field}");
        if is_empty("verbs") {
            errors.push(FieldError::required(path("verbs"), "verbs must contain at least one value"));
        }
        if !is_empty("nonResourceURLs") {
            let urls = rule.get("nonResourceURLs").unwrap_or(&Value::Null);
            if namespaced {
                let why = "namespaced rules cannot apply to non-resource URLs";
                errors.push(FieldError::invalid_value(path("nonResourceURLs"), urls, why));
            }
            if !is_empty("apiGroups") || !is_empty("resources") || !is_empty("resourceNames") {
                let why = "rules cannot apply to both regular resources and non-resource URLs";
                errors.push(FieldError::invalid_value(path("nonResourceURLs"), urls, why));
            }
            continue;
        }
        if is_empty("apiGroups") {
            let why = "resource rules must supply at least one api group";
            errors.push(FieldError::required(path("apiGroups"), why));
        }
        if is_empty("resources") {
            let why = "resource rules must supply at least one resource";
            errors.push(FieldError::required(path("resources"), why));
        }
    }
    errors
}

static ROLE: Struct =
    Struct { go: "Role", atomic: false, fields: &[KIND, API_VERSION, METADATA, Field::nullable("rules", RULES)] };

static CLUSTER_ROLE: Struct = Struct {
    go: "ClusterRole",
    atomic: false,
    fields: &[KIND, API_VERSION, METADATA, Field::nullable("rules", RULES), Field::given("aggregationRule", Type::Any)],
};

const RULES: Type = Type::List(&Type::Struct(&RULE), Elements::Atomic);

static RULE: Struct = Struct {
    go: "PolicyRule",
    atomic: false,
    fields: &[
        Field::nullable("verbs", STRING_LIST),
        Field::filled("apiGroups", STRING_LIST),
        Field::filled("resources", STRING_LIST),
        Field::filled("resourceNames", STRING_LIST),
        Field::filled("nonResourceURLs", STRING_LIST),
    ],
};
