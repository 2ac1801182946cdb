//! JSON as a person would lay it out: what fits on a line is on one line.

use serde_json::Value;

const WIDTH: usize = 140;

/// The order of a step's keys; everything else is in the order of the alphabet.
const STEP: [&str; 12] = [
    "name",
    "as",
    "after_compaction",
    "request",
    "headers",
    "body",
    "base64",
    "keep",
    "only",
    "varies",
    "until",
    "answer",
];
const ANSWER: [&str; 4] = ["status", "content_type", "warnings", "body"];

/// The text of a file whose top has keys in the order `top`.
pub(super) fn print(value: &Value, top: &[&str]) -> String {
    let mut text = String::new();
    write(value, 0, 0, top, &mut text);
    text.push('\n');
    text
}

fn write(value: &Value, depth: usize, column: usize, order: &[&str], text: &mut String) {
    let line = one_line(value, order);
    if column + line.chars().count() <= WIDTH && !value.get("steps").is_some_and(Value::is_array) {
        text.push_str(&line);
        return;
    }
    let indent = |depth: usize| format!("\n{}", "  ".repeat(depth));
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                text.push_str(&indent(depth + 1));
                write(item, depth + 1, 2 * depth + 3, &[], text);
            }
            text.push_str(&indent(depth));
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (index, key) in keys(value, order).into_iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                text.push_str(&indent(depth + 1));
                let label = format!("{}: ", Value::from(key));
                text.push_str(&label);
                write(&fields[key], depth + 1, 2 * depth + 3 + label.len(), &[], text);
            }
            text.push_str(&indent(depth));
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}

fn one_line(value: &Value, order: &[&str]) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| one_line(item, &[])).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let parts = keys(value, order).into_iter();
            let parts = parts.map(|key| format!("{}: {}", Value::from(key), one_line(&fields[key], &[])));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn keys<'a>(value: &'a Value, order: &[&str]) -> Vec<&'a str> {
    let order = match value {
        Value::Object(fields) if fields.contains_key("request") && fields.contains_key("answer") => &STEP[..],
        Value::Object(fields) if fields.contains_key("status") && fields["status"].is_u64() => &ANSWER[..],
        _ => order,
    };
    let mut keys: Vec<&str> = value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    let place = |key: &str| order.iter().position(|known| *known == key).unwrap_or(order.len());
    keys.sort_by_key(|key| (place(key), key.to_string()));
    keys
}
