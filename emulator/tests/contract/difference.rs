//! How two answers differ, in words.

use serde_json::Value;

use super::Answer;

/// How many places of one answer are shown.
const SHOWN: usize = 12;

/// A line for each place where the answer is not what was recorded; `None` where it is.
pub(super) fn between(recorded: &Answer, found: &Answer) -> Option<String> {
    let mut places = Vec::new();
    let as_value = |answer: &Answer| serde_json::to_value(answer).unwrap_or_default();
    walk("", &as_value(recorded), &as_value(found), &mut places);
    if places.is_empty() {
        return None;
    }
    let more = places.len().saturating_sub(SHOWN);
    places.truncate(SHOWN);
    if more > 0 {
        places.push(format!("and {more} more"));
    }
    Some(places.iter().map(|place| format!("    {place}\n")).collect())
}

fn walk(path: &str, recorded: &Value, found: &Value, places: &mut Vec<String>) {
    match (recorded, found) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before {
                match after.get(key) {
                    Some(other) => walk(&format!("{path}/{key}"), value, other, places),
                    None => places.push(format!("{path}/{key} is missing: {value}")),
                }
            }
            for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                places.push(format!("{path}/{key} is not in the recording: {value}"));
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (index, (value, other)) in before.iter().zip(after).enumerate() {
                walk(&format!("{path}/{index}"), value, other, places);
            }
        }
        _ if recorded == found => {}
        _ => places.push(format!("{path} is {found}, recorded {recorded}")),
    }
}
