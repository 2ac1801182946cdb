//! The few bytes of the provider's own that Terraform keeps with a planned or stored object: JSON.
//!
//! Where Terraform replaces an object, it asks for the deletion with the bytes that the plan of the new object gave. So that plan
//! leaves the new object there, and the deletion can see whether it is possible at all before the old one is gone. That is not
//! stored; with a stored object goes the time of its last write. What a later version of the provider keeps here is handed on
//! untouched.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value as Json};

use crate::value::{self, Type, Value};

const SUCCESSOR: &str = "successor";
const WRITTEN: &str = "written";

/// The bytes with the time of a write.
pub(super) fn with_write(private: &[u8], now: SystemTime) -> Vec<u8> {
    change(private, |entries| {
        entries.insert(WRITTEN.to_owned(), seconds(now).into());
    })
}

/// Whether the object was written within this time, as far as the clocks of the machines agree.
pub(super) fn is_written_within(private: &[u8], limit: Duration, now: SystemTime) -> bool {
    let written = read(private).and_then(|entries| entries.get(WRITTEN)?.as_u64());
    written.is_some_and(|written| seconds(now).abs_diff(written) < limit.as_secs())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The bytes with a planned new object; what is unknown in it becomes null.
pub(super) fn with_successor(private: &[u8], planned: &Value) -> Vec<u8> {
    change(private, |entries| {
        entries.insert(SUCCESSOR.to_owned(), value::to_json(planned));
    })
}

/// The bytes without it.
pub(super) fn without_successor(private: &[u8]) -> Vec<u8> {
    change(private, |entries| {
        entries.remove(SUCCESSOR);
    })
}

/// The new object that the bytes of a deletion name.
pub(super) fn successor(private: &[u8], kind: &Type) -> Option<Value> {
    value::from_json(read(private)?.get(SUCCESSOR)?, kind).ok().filter(Value::is_value)
}

fn read(private: &[u8]) -> Option<Map<String, Json>> {
    if private.is_empty() { Some(Map::new()) } else { serde_json::from_slice(private).ok() }
}

fn change(private: &[u8], change: impl FnOnce(&mut Map<String, Json>)) -> Vec<u8> {
    let Some(mut entries) = read(private) else { return private.to_owned() };
    change(&mut entries);
    if entries.is_empty() { Vec::new() } else { Json::Object(entries).to_string().into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_successor_comes_and_goes_and_all_else_stays() {
        let kind = Type::Object([("name".to_owned(), Type::String)].into());
        let planned = value::from_json(&json!({"name": "new"}), &kind).unwrap();
        for (kept, foreign) in [("", ""), (r#"{"other":1}"#, r#"{"other":1}"#)] {
            let private = with_successor(kept.as_bytes(), &planned);
            assert_eq!(successor(&private, &kind), Some(planned.clone()));
            assert_eq!(without_successor(&private), foreign.as_bytes());
            assert_eq!(successor(kept.as_bytes(), &kind), None);
        }
        let (now, limit) = (SystemTime::now(), Duration::from_secs(30));
        let written = with_write(br#"{"other":1}"#, now);
        assert!(is_written_within(&written, limit, now) && !is_written_within(b"", limit, now));
        assert!(!is_written_within(&written, limit, now + limit));
        assert_eq!(with_successor(b"no JSON", &planned), b"no JSON");
        assert_eq!(without_successor(b"no JSON"), b"no JSON");
    }
}
