//! Replacements that are planned only because a value is not known yet.
//!
//! Terraform reads a data source that has `depends_on`, itself or through its module, only after what it depends on has been
//! applied. A change of a tag there makes every value of it unknown, and an unknown value of an attribute that cannot change in
//! place plans a new object, although the value mostly stays the same.

use tf_provider::{AttributePath, AttributePathStep};

use super::plan::Plan;
use crate::error::Error;
use crate::value::{self, Value};

/// The warning, where nothing but unknown values of the configuration replaces the object.
pub(crate) fn warning(plan: &Plan) -> Option<Error> {
    if plan.is_create() || plan.replace.iter().any(|path| !at(&plan.planned, path).is_unknown()) {
        return None;
    }
    let unknown: Vec<&AttributePath> = plan.replace.iter().filter(|path| at(&plan.config, path).is_unknown()).collect();
    let first = *unknown.first()?;
    let names: Vec<String> = unknown.iter().map(|path| format!("`{path}`")).collect();
    let (names, is, its) = match &names[..] {
        [one] => (one.clone(), "is", "its value"),
        several => (several.join(", "), "are", "their values"),
    };
    Some(
        Error::new(
            format!("Replacement planned because {names} {is} not known yet"),
            format!(
                "A change here forces a new object, and Terraform knows {its} only after apply. So it plans to delete the object and \
                 to create it again, even if {its} will be the same.\n\nIf {its} comes from an object that this plan creates or \
                 replaces, nothing is wrong. Otherwise it comes from a data source with `depends_on`, on itself or on its module: \
                 any change of what it depends on makes everything that it reads unknown. Remove that `depends_on`, and refer to \
                 the attributes that the data source needs instead. Or apply the change behind it alone first, with `-target`, and \
                 plan again."
            ),
        )
        .at_path(first.clone()),
    )
}

/// The value at a path of attributes; what is inside an unknown is unknown.
fn at<'a>(object: &'a Value, path: &AttributePath) -> &'a Value {
    path.steps.iter().fold(object, |value, step| match step {
        AttributePathStep::Attribute(name) => value::attribute(value, name),
        AttributePathStep::Key(_) | AttributePathStep::Index(_) => &Value::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::plan::plan;
    use crate::schema::{Kind, Nesting, Schema, map_of_text, optional, optional_computed, required, text};
    use crate::value::Known;
    use serde_json::{Value as Json, json};

    fn schema() -> Schema {
        let account = vec![required("name", text(), "").replaces(), optional("note", text(), "")];
        Schema::new(
            "",
            vec![
                required("identity", text(), "").replaces(),
                required("name", text(), "").replaces(),
                optional_computed("role", text(), "").replaces().stable_unless(&["name"]),
                required("account", Kind::Nested(Nesting::Single, account), ""),
                optional("tags", map_of_text(), ""),
            ],
        )
    }

    /// Plans a change from a fixed state to one with these attributes; `"?"` is unknown.
    fn planned(changes: Json) -> Plan {
        let prior = json!({"identity": "i", "name": "n", "role": "r", "account": {"name": "a"}, "tags": {"a": "1"}});
        let mut config = prior.clone();
        config["role"] = Json::Null;
        for (name, value) in changes.as_object().unwrap() {
            config[name] = value.clone();
        }
        let of = |json| value::from_json(&json, &schema().value_type()).unwrap();
        plan(&schema(), of(prior), unknown(of(config)))
    }

    fn unknown(value: Value) -> Value {
        match value {
            Value::Value(Known::String(text)) if text == "?" => Value::Unknown,
            Value::Value(Known::Map(map)) => {
                Value::Value(Known::Map(map.into_iter().map(|(name, value)| (name, unknown(value))).collect()))
            }
            other => other,
        }
    }

    fn warned(changes: Json) -> Option<String> {
        warning(&planned(changes)).map(|warning| warning.attribute.to_string())
    }

    #[test]
    fn an_unknown_value_that_alone_replaces_is_named() {
        assert_eq!(warned(json!({"identity": "?"})).as_deref(), Some("identity"));
        assert_eq!(warned(json!({"account": {"name": "?"}})).as_deref(), Some("account.name"));
        assert_eq!(
            warned(json!({"name": "?", "tags": {"a": "2"}})).as_deref(),
            Some("name"),
            "what is computed follows"
        );
    }

    #[test]
    fn a_known_reason_to_replace_needs_no_warning() {
        assert_eq!(warned(json!({"identity": "?", "name": "m"})), None);
        assert_eq!(warned(json!({"name": "m"})), None);
        assert_eq!(warned(json!({"tags": {"a": "2"}})), None);
    }

    #[test]
    fn an_unknown_object_with_an_attribute_that_replaces_replaces() {
        let Value::Value(Known::Map(mut config)) = planned(json!({})).config else { panic!() };
        config.insert("account".to_owned(), Value::Unknown);
        let prior = planned(json!({})).prior;
        let plan = plan(&schema(), prior, Value::Value(Known::Map(config)));
        assert_eq!(plan.replace, [AttributePath::new("account")]);
        assert_eq!(warning(&plan).unwrap().attribute, AttributePath::new("account"));
    }
}
