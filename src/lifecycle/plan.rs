//! What an object will be: one planner for every resource, working from the schema.
//!
//! Terraform's core checks the answer (`docs/plugin-protocol` in Terraform's repository, and `objchange/plan_valid.go`):
//! a planned value must equal the configured one, or the prior one where both are set; only what is computed may differ
//! from a null configuration. Where nothing changes, the prior state must come back equal to the bit, or the plan never
//! becomes empty.

use std::collections::BTreeMap;

use tf_provider::{AttributePath, AttributePathStep};

use super::meaning;
use crate::schema::{Attribute, Block, Kind, Nesting, Schema, Stable};
use crate::value::{self, Known, Value};

/// A planned create or update. Destroying needs no planner.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The state before; null for a create.
    pub prior: Value,
    /// What the user wrote, without what says nothing: null elements of maps, and text that means null.
    pub config: Value,
    /// What the object will be; unknown where only apply can tell.
    pub planned: Value,
    /// The attributes whose change makes a new object necessary.
    pub replace: Vec<AttributePath>,
}

impl Plan {
    /// Whether a new object is planned.
    pub(crate) fn is_create(&self) -> bool {
        self.prior.is_null()
    }

    /// Whether a top-level attribute becomes another value, or may.
    pub(crate) fn changes_attribute(&self, name: &str) -> bool {
        value::attribute(&self.prior, name) != value::attribute(&self.planned, name)
    }

    /// The planned value of a top-level attribute.
    pub(crate) fn planned(&self, name: &str) -> &Value {
        value::attribute(&self.planned, name)
    }

    /// Plans a value for a top-level attribute that is computed and that the configuration leaves open.
    pub(crate) fn settle(&mut self, name: &str, settled: Value) {
        if value::attribute(&self.config, name).is_null()
            && let Value::Value(Known::Map(map)) = &mut self.planned
        {
            map.insert(name.to_owned(), settled);
        }
    }

    /// Asks for a new object because of a top-level attribute.
    pub(crate) fn replace_because_of(&mut self, name: &'static str) {
        let path = AttributePath::new(name);
        if !self.is_create() && !self.replace.contains(&path) {
            self.replace.push(path);
        }
    }
}

/// Plans what becomes of `prior` (null for a create) under `config` (not null).
pub(crate) fn plan(schema: &Schema, prior: Value, config: Value) -> Plan {
    let mut planned = fill(&schema.block, &prior, &config);
    let mut replace = Vec::new();
    if !prior.is_null() && planned != prior {
        planned = unsettle(&schema.block, &prior, &config, planned);
        replacements(&schema.block, &prior, &planned, &AttributePath::root(), &mut replace);
    }
    Plan { prior, config: meaning::essence(&schema.block, &config), planned, replace }
}

/// The object as configured, with defaults, prior computed values, and unknowns where there is no prior.
fn fill(block: &Block, prior: &Value, config: &Value) -> Value {
    let mut object = BTreeMap::new();
    for attribute in &block.attributes {
        let (before, written) = (value::attribute(prior, attribute.name), value::attribute(config, attribute.name));
        object.insert(attribute.name.to_owned(), fill_attribute(attribute, before, written, prior.is_null()));
    }
    for inner in &block.blocks {
        let written = value::attribute(config, inner.name);
        let filled = match written {
            Value::Value(_) => fill(inner, value::attribute(prior, inner.name), written),
            other => other.clone(),
        };
        object.insert(inner.name.to_owned(), filled);
    }
    Value::Value(Known::Map(object))
}

fn fill_attribute(attribute: &Attribute, prior: &Value, config: &Value, new: bool) -> Value {
    if attribute.write_only {
        return Value::Null;
    }
    match (config, &attribute.kind) {
        (Value::Null, _) => match &attribute.default {
            Some(default) => default.clone(),
            None if !attribute.is_computed() => Value::Null,
            None if new => Value::Unknown,
            None => prior.clone(),
        },
        (Value::Value(_), Kind::Nested(nesting, attributes)) => fill_nested(*nesting, attributes, prior, config),
        // Terraform takes the prior value for the configured one where both are set.
        (config, _) if !prior.is_null() && meaning::same(attribute, prior, config) => prior.clone(),
        (config, _) => config.clone(),
    }
}

fn fill_nested(nesting: Nesting, attributes: &[Attribute], prior: &Value, config: &Value) -> Value {
    let block = Block::root("", attributes.to_vec());
    let element = |prior: &Value, config: &Value| match config {
        Value::Value(_) => fill(&block, prior, config),
        other => other.clone(),
    };
    match (nesting, config) {
        (Nesting::Single, config) => element(prior, config),
        (Nesting::List, Value::Value(Known::List(items))) => {
            let before = value::as_list(prior);
            let filled = |(index, item)| element(before.get(index).unwrap_or(&Value::Null), item);
            Value::Value(Known::List(items.iter().enumerate().map(filled).collect()))
        }
        // Elements of a set have no place: one that means the same as one of the state is that one.
        (Nesting::Set, Value::Value(Known::List(items))) => {
            let mut before: Vec<&Value> = value::as_list(prior).iter().collect();
            let same = |a: &Value, b: &Value| meaning::same_object(attributes, a, b);
            let mut filled: Vec<Value> = items
                .iter()
                .map(|item| element(&Value::Null, item))
                .map(|item| meaning::take_match(&item, &mut before, same).cloned().unwrap_or(item))
                .collect();
            value::make_set(&mut filled);
            Value::Value(Known::List(filled))
        }
        (Nesting::Map, Value::Value(Known::Map(map))) => Value::Value(Known::Map(
            map.iter().map(|(key, item)| (key.clone(), element(value::attribute(prior, key), item))).collect(),
        )),
        (_, other) => other.clone(),
    }
}

/// In an update, what is computed may change with what is configured, unless the schema says that it stays.
fn unsettle(block: &Block, prior: &Value, config: &Value, planned: Value) -> Value {
    let Value::Value(Known::Map(mut object)) = planned else { return planned };
    let means_another = |attribute: &&Attribute| {
        let planned = object.get(attribute.name).unwrap_or(&Value::Null);
        !meaning::same(attribute, value::attribute(prior, attribute.name), planned)
    };
    let changed: Vec<&str> = block.attributes.iter().filter(means_another).map(|attribute| attribute.name).collect();
    if changed.is_empty() {
        return Value::Value(Known::Map(object));
    }
    let open: Vec<&Attribute> = block
        .attributes
        .iter()
        .filter(|attribute| {
            attribute.is_computed()
                && attribute.default.is_none()
                && value::attribute(config, attribute.name).is_null()
                && match attribute.stable {
                    Stable::Never => true,
                    Stable::Unless(others) => others.iter().any(|other| changed.contains(other)),
                }
        })
        .collect();
    for attribute in open {
        object.insert(attribute.name.to_owned(), Value::Unknown);
    }
    Value::Value(Known::Map(object))
}

fn replacements(block: &Block, prior: &Value, planned: &Value, path: &AttributePath, found: &mut Vec<AttributePath>) {
    for attribute in &block.attributes {
        let (before, after) = (value::attribute(prior, attribute.name), value::attribute(planned, attribute.name));
        if meaning::same(attribute, before, after) {
            continue;
        }
        let path = path.clone() + AttributePathStep::Attribute(attribute.name.into());
        match &attribute.kind {
            _ if attribute.replaces => found.push(path),
            // What is in it may become another, too.
            Kind::Nested(_, inner) if before.is_value() && after.is_unknown() && any_replaces(inner) => {
                found.push(path)
            }
            Kind::Nested(Nesting::Single, inner) if before.is_value() && after.is_value() => {
                replacements(&Block::root("", inner.clone()), before, after, &path, found);
            }
            _ => {}
        }
    }
}

fn any_replaces(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.kind {
        _ if attribute.replaces => true,
        Kind::Nested(_, inner) => any_replaces(inner),
        Kind::Plain(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{boolean, computed, map_of_text, optional, optional_computed, required, text};
    use serde_json::{Value as Json, json};

    fn schema() -> Schema {
        Schema::new(
            "",
            vec![
                required("name", text(), "").replaces(),
                optional("location", text(), "").same(|a, b| a.eq_ignore_ascii_case(b)),
                optional("tags", map_of_text(), ""),
                optional("adopt", boolean(), "").default(value::boolean(false)),
                optional_computed("audience", text(), "").stable(),
                computed("id", text(), "").stable(),
                computed("subject", text(), "").stable_unless(&["location"]),
                computed("etag", text(), ""),
                optional(
                    "account",
                    Kind::Nested(
                        Nesting::Single,
                        vec![
                            required("namespace", text(), "").replaces(),
                            optional("manage", text(), "").default(value::string("object")),
                        ],
                    ),
                    "",
                ),
            ],
        )
    }

    fn of(json: Json) -> Value {
        value::from_json(&json, &schema().value_type()).unwrap()
    }

    fn shown(value: &Value) -> Json {
        let map = value::as_map(value).unwrap();
        map.iter()
            .map(|(name, value)| (name.clone(), if value.is_unknown() { json!("?") } else { value::to_json(value) }))
            .collect()
    }

    fn prior() -> Value {
        of(
            json!({"name": "n", "location": "westeurope", "adopt": false, "audience": "a", "id": "i", "subject": "s", "etag": "e"}),
        )
    }

    #[test]
    fn a_create_leaves_unknown_what_only_the_service_knows() {
        let plan = plan(&schema(), Value::Null, of(json!({"name": "n", "account": {"namespace": "ns"}})));
        assert_eq!(
            shown(&plan.planned),
            json!({"name": "n", "location": null, "tags": null, "adopt": false, "audience": "?", "id": "?", "subject": "?",
                "etag": "?", "account": {"namespace": "ns", "manage": "object"}})
        );
        assert!(plan.replace.is_empty());
    }

    #[test]
    fn nothing_changed_is_the_prior_state_to_the_bit() {
        let plan = plan(&schema(), prior(), of(json!({"name": "n", "location": "WestEurope"})));
        assert_eq!(plan.planned, prior());
        assert_eq!(plan.prior, plan.planned);
    }

    #[test]
    fn another_spelling_in_a_map_or_a_set_is_the_prior_state_to_the_bit() {
        let role =
            vec![required("scope", text(), "").same(str::eq_ignore_ascii_case), optional("accept", boolean(), "")];
        let schema = Schema::new(
            "",
            vec![
                optional("tags", map_of_text(), "").keys_ignore_case(),
                optional("roles", Kind::Nested(Nesting::Set, role), ""),
                optional("note", text(), "").blank_is_null().replaces(),
                computed("etag", text(), ""),
            ],
        );
        let of = |json: Json| value::from_json(&json, &schema.value_type()).unwrap();
        let prior =
            of(json!({"tags": {"Team": "a"}, "roles": [{"scope": "/B"}, {"scope": "/A"}], "note": "", "etag": "e"}));
        let respelled =
            of(json!({"tags": {"team": "a", "app": null}, "roles": [{"scope": "/a"}, {"scope": "/b"}], "note": " "}));
        assert_eq!(plan(&schema, prior.clone(), respelled).planned, prior);
        let without = of(json!({"tags": {"team": "a"}, "roles": [{"scope": "/b", "accept": true}, {"scope": "/a"}]}));
        let plan = plan(&schema, prior, without);
        assert_eq!(
            shown(&plan.planned),
            json!({"tags": {"Team": "a"}, "roles": [{"scope": "/A", "accept": null}, {"scope": "/b", "accept": true}],
                "note": null, "etag": "?"}),
            "an element that differs in more than spelling is the configured one"
        );
        assert!(plan.replace.is_empty(), "an empty text that goes is no change: {:?}", plan.replace);
    }

    #[test]
    fn an_update_keeps_what_is_stable_and_opens_the_rest() {
        let plan = plan(&schema(), prior(), of(json!({"name": "n", "location": "westeurope", "tags": {"a": "b"}})));
        assert_eq!(
            shown(&plan.planned),
            json!({"name": "n", "location": "westeurope", "tags": {"a": "b"}, "adopt": false, "audience": "a", "id": "i",
                "subject": "s", "etag": "?", "account": null})
        );
        assert!(plan.replace.is_empty());
    }

    #[test]
    fn what_depends_on_a_changed_attribute_is_open_again() {
        let plan = plan(&schema(), prior(), of(json!({"name": "n", "location": "eastus"})));
        assert!(plan.planned("subject").is_unknown());
        assert_eq!(value::as_str(plan.planned("id")), Some("i"));
    }

    #[test]
    fn a_changed_name_replaces_and_so_does_one_inside_an_object() {
        let first = plan(&schema(), prior(), of(json!({"name": "m", "location": "westeurope"})));
        assert_eq!(first.replace, [AttributePath::new("name")]);
        let with_account =
            of(json!({"name": "n", "location": "westeurope", "adopt": false, "audience": "a", "id": "i",
            "subject": "s", "etag": "e", "account": {"namespace": "one", "manage": "object"}}));
        let second = plan(
            &schema(),
            with_account,
            of(json!({"name": "n", "location": "westeurope", "account": {"namespace": "two"}})),
        );
        assert_eq!(second.replace, [AttributePath::new("account").attribute("namespace")]);
    }

    #[test]
    fn an_unknown_name_may_become_another_and_so_replaces() {
        let Value::Value(Known::Map(mut config)) = of(json!({"name": "n", "location": "westeurope"})) else { panic!() };
        config.insert("name".to_owned(), Value::Unknown);
        let plan = plan(&schema(), prior(), Value::Value(Known::Map(config)));
        assert_eq!(plan.replace, [AttributePath::new("name")]);
    }
}
