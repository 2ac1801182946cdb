//! What an attribute is, and everything that follows from it: validation, planning, documentation.
//!
//! On `tf_provider::schema`'s types. A resource states once that an attribute is computed, has a default, replaces the
//! object or keeps its value; `lifecycle` works from that, so that no resource plans by hand.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

pub use tf_provider::schema::AttributeConstraint as Constraint;

use crate::value::{self, Known, Type, Value};

/// A rule for a known value; the error is a sentence for the person who wrote it.
pub(crate) type Check = Arc<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;

/// The schema of a resource, a data source or the provider.
#[derive(Clone)]
pub struct Schema {
    /// Counts up when the shape of the state changes; the states of all older versions can be upgraded.
    pub version: i64,
    /// The attributes and blocks.
    pub block: Block,
}

/// Attributes, and blocks in them that are there at most once.
#[derive(Clone)]
pub struct Block {
    /// The name in its parent; empty for the root.
    pub name: &'static str,
    /// What it is for, in Markdown.
    pub doc: &'static str,
    /// The attributes, in the order of the documentation.
    pub attributes: Vec<Attribute>,
    /// The blocks in it. Each is of nesting mode single: null where it is not written.
    pub blocks: Vec<Block>,
}

/// The type of an attribute.
#[derive(Clone)]
pub enum Kind {
    /// A plain type.
    Plain(Type),
    /// Attributes within an attribute.
    Nested(Nesting, Vec<Attribute>),
}

/// How often nested attributes occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// One object.
    Single,
    /// A list of objects.
    List,
    /// A set of objects.
    Set,
    /// A map of objects.
    Map,
}

/// When a computed attribute keeps its value in an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stable {
    /// It may become anything.
    Never,
    /// It keeps its value as long as none of these attributes changes.
    Unless(&'static [&'static str]),
}

/// One attribute.
#[derive(Clone)]
pub struct Attribute {
    /// The name.
    pub name: &'static str,
    /// What it is, in Markdown: units, limits, and what a change does.
    pub doc: &'static str,
    /// The type.
    pub kind: Kind,
    /// Who gives the value.
    pub constraint: Constraint,
    /// Whether Terraform hides it.
    pub sensitive: bool,
    /// Whether it is in the configuration only, and never in plan or state.
    pub write_only: bool,
    /// What to use instead, where it is deprecated.
    pub deprecated: Option<&'static str>,
    /// The value where the configuration has none.
    pub default: Option<Value>,
    /// Whether a change replaces the object.
    pub replaces: bool,
    /// When a computed value is kept in an update.
    pub stable: Stable,
    /// Says that two texts mean the same, so that their difference is none.
    pub same: Option<fn(&str, &str) -> bool>,
    /// Whether text without a letter, such as `""`, means that the attribute is not set.
    pub blank_is_null: bool,
    /// Whether keys of the map that differ in case only are one key.
    pub keys_ignore_case: bool,
    /// The only texts that are allowed, for the check and for the documentation.
    pub allowed: &'static [&'static str],
    /// What a known value must fulfil.
    pub checks: Vec<Check>,
    /// Attributes and blocks beside this one that contradict it.
    pub conflicts_with: &'static [&'static str],
    /// Attributes beside this one, one of which it cannot do without.
    pub requires: &'static [&'static str],
    /// The environment variables that stand in for it.
    pub environment: Variables,
}

/// The environment variables that stand in for an attribute.
#[derive(Debug, Clone, Copy, Default)]
pub struct Variables {
    /// Their names. The first that is set and not empty counts.
    pub names: &'static [&'static str],
    /// Where the text of a variable is split into a list.
    pub separator: Option<char>,
    /// Attributes and blocks beside this one. The variables do not count if the configuration sets one of them.
    pub yields_to: &'static [&'static str],
    /// White space at the ends of the text is a part of it, as in a password.
    pub verbatim: bool,
}

/// The type of a string.
pub(crate) fn text() -> Kind {
    Kind::Plain(Type::String)
}

/// The type of a number.
pub(crate) fn number() -> Kind {
    Kind::Plain(Type::Number)
}

/// The type of a bool.
pub(crate) fn boolean() -> Kind {
    Kind::Plain(Type::Bool)
}

/// The type of a map of strings.
pub(crate) fn map_of_text() -> Kind {
    Kind::Plain(Type::Map(Box::new(Type::String)))
}

/// The type of a set of strings.
pub(crate) fn set_of_text() -> Kind {
    Kind::Plain(Type::Set(Box::new(Type::String)))
}

/// The type of a list of strings.
pub(crate) fn list_of_text() -> Kind {
    Kind::Plain(Type::List(Box::new(Type::String)))
}

/// An attribute that the configuration must give.
pub(crate) fn required(name: &'static str, kind: Kind, doc: &'static str) -> Attribute {
    Attribute::new(name, kind, Constraint::Required, doc)
}

/// An attribute that the configuration may give, and that is null otherwise.
pub(crate) fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Attribute {
    Attribute::new(name, kind, Constraint::Optional, doc)
}

/// An attribute that only the provider gives.
pub(crate) fn computed(name: &'static str, kind: Kind, doc: &'static str) -> Attribute {
    Attribute::new(name, kind, Constraint::Computed, doc)
}

/// An attribute that the configuration may give, and the provider gives otherwise.
pub(crate) fn optional_computed(name: &'static str, kind: Kind, doc: &'static str) -> Attribute {
    Attribute::new(name, kind, Constraint::OptionalComputed, doc)
}

impl Attribute {
    fn new(name: &'static str, kind: Kind, constraint: Constraint, doc: &'static str) -> Self {
        Self {
            name,
            doc,
            kind,
            constraint,
            sensitive: false,
            write_only: false,
            deprecated: None,
            default: None,
            replaces: false,
            stable: Stable::Never,
            same: None,
            blank_is_null: false,
            keys_ignore_case: false,
            allowed: &[],
            checks: Vec::new(),
            conflicts_with: &[],
            requires: &[],
            environment: Variables::default(),
        }
    }

    /// These environment variables stand in for it.
    #[must_use]
    pub fn env(mut self, names: &'static [&'static str]) -> Self {
        self.environment.names = names;
        self
    }

    /// The text of its environment variable is a list, split here.
    #[must_use]
    pub fn split_at(mut self, separator: char) -> Self {
        self.environment.separator = Some(separator);
        self
    }

    /// Its environment variables do not count if the configuration sets one of these attributes or blocks beside it.
    #[must_use]
    pub fn yields_to(mut self, others: &'static [&'static str]) -> Self {
        self.environment.yields_to = others;
        self
    }

    /// It contradicts these attributes and blocks beside it. Said of one of the two, it holds for both.
    #[must_use]
    pub fn conflicts_with(mut self, others: &'static [&'static str]) -> Self {
        self.conflicts_with = others;
        self
    }

    /// It is of no use without one of these attributes beside it.
    #[must_use]
    pub fn requires(mut self, others: &'static [&'static str]) -> Self {
        self.requires = others;
        self
    }

    /// White space at its ends is a part of the text.
    #[must_use]
    pub fn verbatim(mut self) -> Self {
        self.environment.verbatim = true;
        self
    }

    /// The description for a reader who does not see the schema's other properties: with the environment variables.
    pub fn description(&self) -> String {
        match self.environment.names {
            [] => self.doc.to_owned(),
            [one] => format!("{} Environment variable: `{one}`.", self.doc),
            several => format!("{} Environment variables: {}.", self.doc, any_of(several)),
        }
    }

    /// A change replaces the object.
    #[must_use]
    pub(crate) fn replaces(mut self) -> Self {
        self.replaces = true;
        self
    }

    /// Once computed, the value stays for the life of the object.
    #[must_use]
    pub(crate) fn stable(self) -> Self {
        self.stable_unless(&[])
    }

    /// Once computed, the value stays as long as none of these top-level attributes changes.
    #[must_use]
    pub(crate) fn stable_unless(mut self, others: &'static [&'static str]) -> Self {
        self.stable = Stable::Unless(others);
        self
    }

    /// The value where the configuration has none. Terraform shows the attribute as optional and computed.
    #[must_use]
    pub(crate) fn default(mut self, value: Value) -> Self {
        self.default = Some(value);
        self.constraint = Constraint::OptionalComputed;
        self
    }

    /// Terraform hides the value.
    #[must_use]
    pub(crate) fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Two texts for which `same` holds mean the same: neither a plan nor a refresh shows a difference. In a list, set or map of
    /// texts that goes for each element. The state keeps the spelling that the configuration had first.
    #[must_use]
    pub(crate) fn same(mut self, same: fn(&str, &str) -> bool) -> Self {
        self.same = Some(same);
        self
    }

    /// Empty text and white space mean the same as null, and reach no service.
    #[must_use]
    pub fn blank_is_null(mut self) -> Self {
        self.blank_is_null = true;
        self
    }

    /// Keys of the map that differ in case only are one key: the state keeps the configured spelling, and a configuration that
    /// has a key twice is refused.
    #[must_use]
    pub fn keys_ignore_case(mut self) -> Self {
        self.keys_ignore_case = true;
        self.check_value(|map| {
            let mut seen = BTreeMap::new();
            let given = value::as_map(map).into_iter().flatten().filter(|(_, element)| !element.is_null());
            for (key, _) in given {
                if let Some(other) = seen.insert(key.to_lowercase(), key) {
                    return Err(format!(
                        "`{other}` and `{key}` differ in case only, and are one key. Remove one of them."
                    ));
                }
            }
            Ok(())
        })
    }

    /// Only these texts are allowed.
    #[must_use]
    pub(crate) fn one_of(mut self, allowed: &'static [&'static str]) -> Self {
        self.allowed = allowed;
        self.check(move |text| {
            if allowed.contains(&text) {
                return Ok(());
            }
            Err(format!("Expected {}, got `{text}`.", any_of(allowed)))
        })
    }

    /// The text must fulfil `rule`; in a list, set or map of texts, each element's text.
    #[must_use]
    pub(crate) fn check(self, rule: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.check_value(move |value| match value {
            Value::Value(Known::String(text)) => rule(text),
            Value::Value(Known::List(items)) => items.iter().filter_map(value::as_str).try_for_each(&rule),
            Value::Value(Known::Map(map)) => map.values().filter_map(value::as_str).try_for_each(&rule),
            _ => Ok(()),
        })
    }

    /// Each key of the map must fulfil `rule`.
    #[must_use]
    pub(crate) fn check_keys(self, rule: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.check_value(move |value| {
            value::as_map(value).into_iter().flat_map(BTreeMap::keys).try_for_each(|key| rule(key))
        })
    }

    /// The number must lie within `range`, both ends included.
    #[must_use]
    pub(crate) fn within(self, range: RangeInclusive<i64>) -> Self {
        self.check_value(move |value| match value {
            Value::Value(Known::Number(number)) if !number.as_i64().is_some_and(|number| range.contains(&number)) => {
                Err(format!(
                    "Expected a whole number from {} to {}, got {}.",
                    range.start(),
                    range.end(),
                    number.as_str()
                ))
            }
            _ => Ok(()),
        })
    }

    /// The known, non-null value must fulfil `rule`.
    #[must_use]
    pub(crate) fn check_value(mut self, rule: impl Fn(&Value) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.checks.push(Arc::new(rule));
        self
    }

    /// Whether the configuration may give it.
    pub fn is_configurable(&self) -> bool {
        self.constraint != Constraint::Computed
    }

    /// Whether the provider may give it.
    pub fn is_computed(&self) -> bool {
        matches!(self.constraint, Constraint::Computed | Constraint::OptionalComputed)
    }
}

impl Kind {
    /// The type of a value of this kind.
    pub(crate) fn value_type(&self) -> Type {
        match self {
            Self::Plain(kind) => kind.clone(),
            Self::Nested(nesting, attributes) => {
                let object = Type::Object(
                    attributes
                        .iter()
                        .map(|attribute| (attribute.name.to_owned(), attribute.kind.value_type()))
                        .collect(),
                );
                match nesting {
                    Nesting::Single => object,
                    Nesting::List => Type::List(Box::new(object)),
                    Nesting::Set => Type::Set(Box::new(object)),
                    Nesting::Map => Type::Map(Box::new(object)),
                }
            }
        }
    }
}

impl Block {
    /// The root of a schema.
    pub(crate) fn root(doc: &'static str, attributes: Vec<Attribute>) -> Self {
        Self { name: "", doc, attributes, blocks: Vec::new() }
    }

    /// A block that is written at most once.
    pub(crate) fn named(name: &'static str, doc: &'static str, attributes: Vec<Attribute>) -> Self {
        Self { name, doc, attributes, blocks: Vec::new() }
    }

    /// The same block with one more block in it.
    #[must_use]
    pub(crate) fn with(mut self, block: Self) -> Self {
        self.blocks.push(block);
        self
    }

    /// The type of a value of this block.
    pub(crate) fn value_type(&self) -> Type {
        Type::Object(
            self.attributes
                .iter()
                .map(|attribute| (attribute.name.to_owned(), attribute.kind.value_type()))
                .chain(self.blocks.iter().map(|block| (block.name.to_owned(), block.value_type())))
                .collect(),
        )
    }

    /// The attribute of this name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

impl Schema {
    /// A schema of version 0.
    pub(crate) fn new(doc: &'static str, attributes: Vec<Attribute>) -> Self {
        Self { version: 0, block: Block::root(doc, attributes) }
    }

    /// The type of the whole object.
    pub fn value_type(&self) -> Type {
        self.block.value_type()
    }
}

/// Names as a person lists alternatives: "`a`, `b` or `c`".
pub(crate) fn any_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
