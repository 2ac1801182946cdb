//! Where a setting comes from, so that an error names what a person has to change: an attribute in the configuration, or an
//! environment variable. A variable that was left over from something else is otherwise impossible to find.

use std::collections::BTreeMap;

/// Who set something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The configuration, in a file that Terraform reads.
    Configuration,
    /// This environment variable.
    Variable(&'static str),
}

/// The origin of each setting that is set, by the name of its attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<&'static str, Origin>);

impl Origins {
    /// Remembers who set an attribute.
    pub fn set(&mut self, attribute: &'static str, origin: Origin) {
        self.0.insert(attribute, origin);
    }

    /// Takes over what is known of other attributes.
    pub fn extend(&mut self, others: &Self) {
        self.0.extend(&others.0);
    }

    /// Forgets that an attribute is set.
    pub fn unset(&mut self, attribute: &str) {
        self.0.remove(attribute);
    }

    /// Whether the configuration set the attribute.
    pub fn is_configured(&self, attribute: &str) -> bool {
        self.0.get(attribute) == Some(&Origin::Configuration)
    }

    /// The environment variable that set the attribute; `None` if the configuration did, or nothing.
    pub fn variable(&self, attribute: &str) -> Option<&'static str> {
        match self.0.get(attribute) {
            Some(Origin::Variable(name)) => Some(name),
            _ => None,
        }
    }

    /// The name of what a person has to change: the variable, or the attribute with `prefix` in front.
    pub fn name(&self, prefix: &str, attribute: &str) -> String {
        self.variable(attribute).map_or_else(|| format!("`{prefix}{attribute}`"), |variable| format!("`{variable}`"))
    }
}
