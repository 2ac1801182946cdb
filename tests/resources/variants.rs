//! Where texts stand in a configuration, and the spellings that are tried there.

use std::collections::BTreeSet;

use azwi::error::Error;
use azwi::resource::AnyResource;
use azwi::schema::{Attribute, Kind, Nesting};
use azwi::value::{self, Type};
use serde_json::{Value as Json, json};

use super::objects::SUBSCRIPTION;

/// A text, or a map or set of texts, at a path of attributes. Of a set of objects, one after the other is meant.
pub(crate) struct Place {
    /// Names of attributes, and indexes into sets.
    path: Vec<String>,
    attribute: Attribute,
}

/// All texts that a configuration of the resource can have, by their names.
pub(crate) fn texts(resource: &dyn AnyResource) -> BTreeSet<String> {
    fn walk(attributes: &[Attribute], path: &str, found: &mut BTreeSet<String>) {
        for attribute in attributes.iter().filter(|attribute| attribute.is_configurable()) {
            let path = if path.is_empty() { attribute.name.to_owned() } else { format!("{path}.{}", attribute.name) };
            match &attribute.kind {
                Kind::Nested(_, inner) => walk(inner, &path, found),
                Kind::Plain(kind) if is_text(kind) => drop(found.insert(path)),
                Kind::Plain(_) => {}
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&resource.describe().block.attributes, "", &mut found);
    found
}

/// The places of a configuration that have a text.
pub(crate) fn places(resource: &dyn AnyResource, config: &Json) -> Vec<Place> {
    fn walk(attributes: &[Attribute], config: &Json, path: &[String], found: &mut Vec<Place>) {
        for attribute in attributes.iter().filter(|attribute| !config[attribute.name].is_null()) {
            let path: Vec<String> = path.iter().cloned().chain([attribute.name.to_owned()]).collect();
            match &attribute.kind {
                Kind::Nested(Nesting::Single, inner) => walk(inner, &config[attribute.name], &path, found),
                Kind::Nested(_, inner) => {
                    for (index, item) in config[attribute.name].as_array().unwrap().iter().enumerate() {
                        let path: Vec<String> = path.iter().cloned().chain([index.to_string()]).collect();
                        walk(inner, item, &path, found);
                    }
                }
                Kind::Plain(kind) if is_text(kind) => found.push(Place { path, attribute: attribute.clone() }),
                Kind::Plain(_) => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(&resource.describe().block.attributes, config, &[], &mut found);
    found
}

fn is_text(kind: &Type) -> bool {
    match kind {
        Type::String => true,
        Type::Map(inner) | Type::Set(inner) | Type::List(inner) => is_text(inner),
        _ => false,
    }
}

impl Place {
    /// The path without indexes.
    pub(crate) fn name(&self) -> String {
        let names = self.path.iter().filter(|step| step.parse::<usize>().is_err());
        names.cloned().collect::<Vec<_>>().join(".")
    }

    fn pointer(&self) -> String {
        self.path.iter().map(|step| format!("/{step}")).collect()
    }

    /// The configuration with each other spelling at this place.
    pub(crate) fn variants(&self, config: &Json) -> Vec<Json> {
        let plain = config.pointer(&self.pointer()).unwrap();
        let spelled = match plain {
            Json::String(text) => texts_like(text).into_iter().map(Json::from).collect(),
            Json::Array(items) => vec![json!([]), json!([items[0]]), json!(["", items[0]])],
            Json::Object(map) => maps_like(map),
            other => panic!("{} is {other}", self.name()),
        };
        let with = |value: Json| {
            let mut config = config.clone();
            *config.pointer_mut(&self.pointer()).unwrap() = value;
            config
        };
        spelled.into_iter().filter(|value| value != plain).map(with).collect()
    }

    /// Whether the schema says that the two configurations mean the same here.
    pub(crate) fn means_the_same(&self, plain: &Json, variant: &Json) -> bool {
        let text = |config: &Json| config.pointer(&self.pointer()).and_then(Json::as_str).map(str::to_owned);
        let (Some(a), Some(b)) = (text(plain), text(variant)) else { return false };
        a == b || self.attribute.same.is_some_and(|same| same(&a, &b))
    }

    /// Sees that the errors are on this attribute.
    pub(crate) fn is_refused(&self, errors: &[Error], what: &str) {
        let here = |error: &Error| error.attribute.to_string().starts_with(&self.path[0]);
        assert!(!errors.is_empty() && errors.iter().all(here), "{what}: {errors:#?}");
    }
}

/// Spellings of a text; many of them make no sense for most.
fn texts_like(text: &str) -> Vec<String> {
    let last = text.rsplit('/').next().unwrap_or_default();
    let mut spelled = vec![
        text.to_uppercase(),
        text.to_lowercase(),
        format!("{text}/"),
        format!(" {text}"),
        format!("{text} "),
        format!("{text}\n"),
        format!("\t{text}"),
        String::new(),
        " ".to_owned(),
        format!("{text}|/subscriptions/{SUBSCRIPTION}"),
        format!("/subscriptions/{text}"),
        format!("/subscriptions/{text}/"),
        format!("{{{text}}}"),
        text.replace("/resourceGroups/", "/resourcegroups/"),
        text.replace("/providers/Microsoft.", "/providers/microsoft."),
        text.replace(&format!("/subscriptions/{SUBSCRIPTION}"), ""),
        last.to_owned(),
    ];
    if text == "westeurope" {
        spelled.extend(["West Europe", "(Europe) West Europe", "WestEurope", " west europe "].map(str::to_owned));
    }
    spelled
}

/// Spellings of a map.
fn maps_like(plain: &serde_json::Map<String, Json>) -> Vec<Json> {
    let with = |change: &dyn Fn(&mut serde_json::Map<String, Json>)| {
        let mut map = plain.clone();
        change(&mut map);
        Json::Object(map)
    };
    let (key, value) = plain.iter().next().unwrap();
    let renamed = |name: String| {
        with(&|map| {
            let value = map.remove(key).unwrap();
            map.insert(name.clone(), value);
        })
    };
    vec![
        json!({}),
        json!({"none": null}),
        with(&|map| drop(map.insert("none".to_owned(), Json::Null))),
        with(&|map| drop(map.insert(key.clone(), Json::Null))),
        with(&|map| drop(map.insert(key.to_uppercase(), value.clone()))),
        with(&|map| drop(map.insert(key.to_uppercase(), Json::Null))),
        renamed(key.to_uppercase()),
        renamed(format!(" {key}")),
        renamed(String::new()),
        with(&|map| drop(map.insert(key.clone(), json!("")))),
        with(&|map| drop(map.insert(key.clone(), json!("SHOP")))),
        with(&|map| drop(map.insert(key.clone(), json!(" shop ")))),
    ]
}

/// The value of a configuration, by the resource's schema.
pub(crate) fn typed(resource: &dyn AnyResource, config: &Json) -> value::Value {
    value::from_json(config, &resource.describe().value_type()).unwrap()
}
