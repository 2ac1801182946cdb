//! Looking into JSON that may be anything.

use serde_json::Value;

static NULL: Value = Value::Null;

/// Members of a JSON value, where there are any.
pub(crate) trait Json {
    /// The member of this name; null when there is none, or this is no object.
    fn at(&self, name: &str) -> &Value;

    /// The text of the member of this name; empty when it is no text.
    fn text(&self, name: &str) -> &str {
        self.at(name).as_str().unwrap_or_default()
    }
}

impl Json for Value {
    fn at(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&NULL)
    }
}
