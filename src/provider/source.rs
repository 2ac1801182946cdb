//! Merges a block of the configuration with the environment, attribute by attribute, as the schema says.
//!
//! The configuration wins: over the variables of the same attribute, even with empty text, which switches them off; and over
//! the variables of an attribute that says the same thing in another way. What is unknown is written down by name, so that the
//! plane it belongs to can say so. It is never taken for not set, which would be another cluster or another account.

use std::collections::BTreeMap;

use tf_provider::AttributePath;

use crate::error::Error;
use crate::lifecycle::validate::sentence;
use crate::origin::{Origin, Origins};
use crate::schema::{Attribute, Block, Kind, Variables, any_of};
use crate::value::{self, Known, Type, Value};

/// Looks up an environment variable. A function, so that tests have an environment of their own.
pub(crate) type Environment<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// One block of the configuration, completed by the environment.
pub(super) struct Source<'a> {
    schema: &'a Block,
    path: AttributePath,
    values: BTreeMap<&'static str, Known>,
    /// The blocks in it that are written.
    blocks: Vec<&'static str>,
    /// Who set each of the attributes.
    pub(super) origins: Origins,
    /// The attributes that are not known yet, by their whole names.
    pub(super) unknown: Vec<String>,
    /// What is wrong with the configuration.
    pub(super) errors: Vec<Error>,
    /// What is wrong with environment variables. It only matters where the plane that they belong to is used.
    pub(super) in_environment: Vec<Error>,
}

impl<'a> Source<'a> {
    /// Reads the attributes of `schema` from `block`, which is at `path`, and from the environment.
    pub(super) fn read(schema: &'a Block, path: AttributePath, block: &Value, environment: Environment<'_>) -> Self {
        let written = |inner: &&Block| !value::attribute(block, inner.name).is_null();
        let mut source = Self {
            schema,
            path,
            values: BTreeMap::new(),
            blocks: schema.blocks.iter().filter(written).map(|inner| inner.name).collect(),
            origins: Origins::default(),
            unknown: Vec::new(),
            errors: Vec::new(),
            in_environment: Vec::new(),
        };
        let mut open = Vec::new();
        for attribute in &schema.attributes {
            match value::attribute(block, attribute.name) {
                Value::Null => open.push(attribute),
                configured if value::is_wholly_known(configured) => source.configure(attribute, configured),
                _ => source.unknown.push(source.name_of(attribute.name)),
            }
        }
        let configured = source.origins.clone();
        for attribute in open {
            let others = attribute.environment.yields_to.iter().chain(attribute.conflicts_with);
            let against = schema.attributes.iter().filter(|other| other.conflicts_with.contains(&attribute.name));
            let mut others = others.copied().chain(against.map(|other| other.name));
            let beside = others.find(|other| configured.is_configured(other) || source.blocks.contains(other));
            match (beside, variable(attribute, environment)) {
                (None, Some((variable, text))) => source.take(attribute, variable, &text),
                (Some(other), Some((variable, _))) => {
                    tracing::debug!(variable, other, "the configuration wins over a variable")
                }
                (_, None) => {}
            }
        }
        source
    }

    fn configure(&mut self, attribute: &Attribute, configured: &Value) {
        let Value::Value(known) = configured else { return };
        let known = match known {
            Known::String(text) if !attribute.environment.verbatim => Known::String(text.trim().to_owned()),
            other => other.clone(),
        };
        // Empty text and an empty list switch the variable off and say nothing else; so does `false` among what excludes another.
        let says_something = match &known {
            Known::String(text) => !text.is_empty(),
            Known::List(items) => !items.is_empty(),
            Known::Bool(flag) => *flag,
            _ => true,
        };
        if says_something {
            self.origins.set(attribute.name, Origin::Configuration);
        }
        if says_something || matches!(known, Known::Bool(_)) {
            self.values.insert(attribute.name, known);
        }
    }

    /// Takes the text of a variable for an attribute.
    fn take(&mut self, attribute: &Attribute, variable: &'static str, text: &str) {
        let known = match (&attribute.kind, attribute.environment.separator) {
            (Kind::Plain(Type::Bool), _) => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "t" => Known::Bool(true),
                "false" | "0" | "f" => Known::Bool(false),
                _ => {
                    let detail = format!(
                        "The environment variable {variable} stands in for `{}` and holds `{}`. Set it to true or false, or unset it.",
                        self.name_of(attribute.name),
                        crate::http::show_text(text)
                    );
                    return self
                        .in_environment
                        .push(Error::new(format!("{variable} is neither true nor false"), detail));
                }
            },
            (_, Some(separator)) => {
                let parts = text.split(separator).map(str::trim).filter(|part| !part.is_empty());
                Known::List(parts.map(value::string).collect())
            }
            _ => Known::String(text.to_owned()),
        };
        let says_something = !matches!(known, Known::Bool(false));
        let known = Value::Value(known);
        for rule in &attribute.checks {
            if let Err(detail) = rule(&known) {
                let detail = format!(
                    "{}\n\nThe environment variable {variable} stands in for `{}`.",
                    sentence(&detail),
                    self.name_of(attribute.name)
                );
                self.in_environment.push(Error::new(format!("Invalid {variable}"), detail));
            }
        }
        let Value::Value(known) = known else { return };
        self.values.insert(attribute.name, known);
        if says_something {
            self.origins.set(attribute.name, Origin::Variable(variable));
        }
    }

    /// Takes back what a variable said, because it cannot apply here.
    pub(super) fn ignore_variables(&mut self, attributes: &[&'static str]) {
        for attribute in attributes {
            if let Some(variable) = self.origins.variable(attribute) {
                tracing::debug!(variable, "the variable cannot apply");
                self.values.remove(attribute);
                self.origins.unset(attribute);
            }
        }
    }

    /// Whether the configuration or a variable says something for the attribute.
    pub(super) fn has(&self, attribute: &str) -> bool {
        self.is_configured(attribute) || self.origins.variable(attribute).is_some()
    }

    /// Whether the configuration says something for the attribute or block.
    pub(super) fn is_configured(&self, name: &str) -> bool {
        self.origins.is_configured(name) || self.blocks.contains(&name)
    }

    /// Finds what contradicts each other.
    pub(super) fn find_conflicts(&mut self) {
        let pairs =
            self.schema.attributes.iter().flat_map(|one| one.conflicts_with.iter().map(|other| (one.name, *other)));
        let pairs: Vec<_> = pairs.filter(|(one, other)| self.has(one) && self.has(other)).collect();
        for (one, other) in pairs {
            match (self.origins.variable(one), self.origins.variable(other)) {
                (Some(one), Some(variable)) => self.in_environment.push(Error::new(
                    format!("{one} and {variable} exclude each other"),
                    format!(
                        "Both environment variables are set. Unset one of them, or switch {variable} off with `{other} = \"\"` in the \
                         provider's configuration.",
                    ),
                )),
                _ => self.errors.push(
                    Error::new(
                        format!("{one} and {other} exclude each other"),
                        format!("Remove `{other}` or `{one}` from the provider's configuration."),
                    )
                    .at_path(self.path.clone().attribute(other)),
                ),
            }
        }
    }

    /// Finds what is of no use alone.
    pub(super) fn find_lonely(&mut self) {
        for attribute in &self.schema.attributes {
            let alone = !attribute.requires.is_empty() && !attribute.requires.iter().any(|other| self.has(other));
            if !alone || !self.has(attribute.name) {
                continue;
            }
            let needed: Vec<&Attribute> =
                attribute.requires.iter().filter_map(|name| self.schema.attribute(name)).collect();
            let names: Vec<&str> = needed.iter().map(|needed| needed.name).collect();
            let variables: Vec<&str> = needed.iter().flat_map(|needed| needed.environment.names).copied().collect();
            let missing = format!("Set {} ({}), too", any_of(&names), variables.join(", "));
            match self.origins.variable(attribute.name) {
                Some(variable) => self.in_environment.push(Error::new(
                    format!("{variable} requires {}", variables.join(" or ")),
                    format!(
                        "The environment variable {variable} stands in for `{}`, which is of no use alone. {missing}, or unset {variable}.",
                        self.name_of(attribute.name)
                    ),
                )),
                None => self.errors.push(
                    Error::new(
                        format!("{} requires {}", attribute.name, names.join(" or ")),
                        format!("`{}` is of no use alone. {missing}, or remove it.", attribute.name),
                    )
                    .at_path(self.path.clone().attribute(attribute.name)),
                ),
            }
        }
    }

    /// The whole name of an attribute.
    fn name_of(&self, attribute: &str) -> String {
        self.path.clone().attribute(attribute.to_owned()).to_string()
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name) {
            Some(Known::String(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// A text that must not be shown.
    pub(super) fn secret<S: From<String>>(&self, name: &str) -> Option<S> {
        self.text(name).map(S::from)
    }

    /// A bool.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.values.get(name) {
            Some(Known::Bool(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// A list of texts.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.values.get(name) {
            Some(Known::List(items)) => items.iter().filter_map(value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    /// A map of texts.
    pub(super) fn map(&self, name: &str) -> BTreeMap<String, String> {
        match self.values.get(name) {
            Some(Known::Map(map)) => {
                map.iter().filter_map(|(key, item)| Some((key.clone(), value::as_str(item)?.to_owned()))).collect()
            }
            _ => BTreeMap::new(),
        }
    }
}

/// The first variable of an attribute that is set and not empty.
fn variable(attribute: &Attribute, environment: Environment<'_>) -> Option<(&'static str, String)> {
    let Variables { names, verbatim, .. } = attribute.environment;
    names.iter().find_map(|name| {
        let text = environment(name)?;
        let text = if verbatim { text } else { text.trim().to_owned() };
        (!text.is_empty()).then_some((*name, text))
    })
}
