//! Reads the provider's attributes, each with the environment variables that stand in for it.
//!
//! An empty text counts as not set, as it does for azurerm. What is unknown is written down by name, so that the plane it
//! belongs to can say so; it is never taken for not set, which would be another cluster or another account.

use crate::error::Error;
use crate::value::{self, Known, Value};

/// Looks up an environment variable. A function, so that tests have an environment of their own.
pub(crate) type Environment<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// One block of the configuration and the environment beside it.
pub(super) struct Source<'a> {
    pub(super) block: &'a Value,
    /// The block's name with a dot, for names that a person reads; empty for the root.
    prefix: &'static str,
    environment: Environment<'a>,
    /// The attributes that are not known yet.
    pub(super) unknown: Vec<String>,
    /// What is wrong.
    pub(super) errors: Vec<Error>,
}

impl<'a> Source<'a> {
    pub(super) fn new(block: &'a Value, prefix: &'static str, environment: Environment<'a>) -> Self {
        Self { block, prefix, environment, unknown: Vec::new(), errors: Vec::new() }
    }

    /// The attribute, unless it is null, empty or unknown.
    fn configured(&mut self, name: &str) -> Option<&'a Known> {
        match value::attribute(self.block, name) {
            Value::Unknown => {
                self.unknown.push(format!("{}{name}", self.prefix));
                None
            }
            Value::Value(Known::String(text)) if text.is_empty() => None,
            Value::Value(known) => Some(known),
            Value::Null => None,
        }
    }

    fn variable(&self, names: &[&'static str]) -> Option<(&'static str, String)> {
        names.iter().find_map(|name| Some((*name, (self.environment)(name).filter(|text| !text.is_empty())?)))
    }

    /// Whether the environment has no say: the attribute is set, or will be.
    fn is_settled(&self, name: &str) -> bool {
        !value::attribute(self.block, name).is_null()
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str, variables: &[&'static str]) -> Option<String> {
        match self.configured(name) {
            Some(Known::String(text)) => Some(text.clone()),
            _ if value::attribute(self.block, name).is_unknown() => None,
            _ => self.variable(variables).map(|(_, text)| text),
        }
    }

    /// A text that nobody may see.
    pub(super) fn secret<S: From<String>>(&mut self, name: &str, variables: &[&'static str]) -> Option<S> {
        self.text(name, variables).map(S::from)
    }

    /// A bool; `default` where neither attribute nor variable is set.
    pub(super) fn flag(&mut self, name: &str, variables: &[&'static str], default: bool) -> bool {
        if let Some(Known::Bool(flag)) = self.configured(name) {
            return *flag;
        }
        if self.is_settled(name) {
            return default;
        }
        let Some((variable, text)) = self.variable(variables) else { return default };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "t" => true,
            "false" | "0" | "f" => false,
            _ => {
                self.errors.push(
                    Error::new(
                        format!("{variable} is neither true nor false"),
                        format!("The environment variable {variable} stands in for `{}{name}` and holds `{text}`. Set it to true or false, or unset it.", self.prefix),
                    ),
                );
                default
            }
        }
    }

    /// A list of texts; a variable is split at `separator`.
    pub(super) fn list(&mut self, name: &str, variables: &[&'static str], separator: char) -> Vec<String> {
        match self.configured(name) {
            Some(Known::List(items)) => {
                if !items.iter().all(value::is_wholly_known) {
                    self.unknown.push(format!("{}{name}", self.prefix));
                }
                items.iter().filter_map(value::as_str).map(str::to_owned).collect()
            }
            _ if self.is_settled(name) => Vec::new(),
            _ => self
                .variable(variables)
                .map(|(_, text)| {
                    text.split(separator).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
                })
                .unwrap_or_default(),
        }
    }

    /// A map of texts.
    pub(super) fn map(&mut self, name: &str) -> Vec<(String, String)> {
        match self.configured(name) {
            Some(Known::Map(map)) => {
                if !map.values().all(value::is_wholly_known) {
                    self.unknown.push(format!("{}{name}", self.prefix));
                }
                map.iter().filter_map(|(key, item)| Some((key.clone(), value::as_str(item)?.to_owned()))).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn block(entries: &[(&str, Value)]) -> Value {
        Value::Value(Known::Map(
            entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<BTreeMap<_, _>>(),
        ))
    }

    fn environment(name: &str) -> Option<String> {
        match name {
            "A" => Some("from the environment".to_owned()),
            "YES" => Some("true".to_owned()),
            "ODD" => Some("maybe".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn an_attribute_wins_over_its_variable_and_an_empty_one_does_not() {
        let object = block(&[("set", value::string("x")), ("empty", value::string(""))]);
        let mut source = Source::new(&object, "", &environment);
        assert_eq!(source.text("set", &["A"]).as_deref(), Some("x"));
        assert_eq!(source.text("empty", &["A"]).as_deref(), Some("from the environment"));
        assert_eq!(source.text("absent", &["EMPTY", "A"]).as_deref(), Some("from the environment"));
        assert_eq!(source.text("absent", &["NONE"]), None);
    }

    #[test]
    fn what_is_unknown_is_never_taken_from_the_environment() {
        let object = block(&[("host", Value::Unknown), ("use", Value::Unknown)]);
        let mut source = Source::new(&object, "kubernetes.", &environment);
        assert_eq!(source.text("host", &["A"]), None);
        assert!(!source.flag("use", &["YES"], false));
        assert_eq!(source.unknown, ["kubernetes.host", "kubernetes.use"]);
    }

    #[test]
    fn a_variable_that_is_no_bool_is_named() {
        let object = block(&[]);
        let mut source = Source::new(&object, "", &environment);
        assert!(source.flag("use_cli", &["YES"], false));
        assert!(source.flag("use_msi", &["ODD"], true));
        assert!(source.errors[0].summary.contains("ODD"));
    }
}
