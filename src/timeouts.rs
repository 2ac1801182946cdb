//! The block `timeouts`, which every resource and every data source has: how long each operation may take.

use std::time::Duration;

use crate::schema::{Attribute, Block, optional, text};
use crate::value::{self, Value};

/// The block's name.
pub(crate) const NAME: &str = "timeouts";
/// The default of `create`, `update` and `delete`.
pub(crate) const WRITE: Duration = Duration::from_secs(600);
/// The default of `read`.
pub(crate) const READ: Duration = Duration::from_secs(300);

/// The block of a resource.
pub(crate) fn of_resource() -> Block {
    block(vec![
        duration("create", "For a create. Defaults to `10m`."),
        duration("read", "For a read. Defaults to `5m`."),
        duration("update", "For an update. Defaults to `10m`."),
        duration("delete", "For a delete. Defaults to `10m`."),
    ])
}

/// The block of a data source.
pub(crate) fn of_data_source() -> Block {
    block(vec![duration("read", "For a read. Defaults to `5m`.")])
}

/// What an object says of an operation.
pub(crate) fn of(object: &Value, verb: &str, default: Duration) -> Duration {
    value::as_str(value::attribute(value::attribute(object, NAME), verb))
        .and_then(|text| parse(text).ok())
        .unwrap_or(default)
}

fn block(attributes: Vec<Attribute>) -> Block {
    Block::named(NAME, "How long each operation may take, such as `90s`, `10m` or `1h30m`.", attributes)
}

fn duration(name: &'static str, doc: &'static str) -> Attribute {
    optional(name, text(), doc).check(|text| parse(text).map(drop))
}

fn parse(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(format!("Expected a duration such as `90s`, `10m` or `1h30m`, got `{text}`.")),
    }
}
