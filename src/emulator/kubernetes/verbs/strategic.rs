//! Strategic merge patches: a merge patch that knows which lists are merged, and by which key.
//!
//! Its directives are keys of the patch that begin with a dollar sign: `$patch` replaces, deletes or merges a map or an
//! element; `$setElementOrder/x` orders the list x; `$deleteFromPrimitiveList/x` takes from it; `$retainKeys` drops
//! the other fields.

use serde_json::{Map, Value};

use crate::emulator::kubernetes::schema::{Elements, Type};

const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

/// The live value with the patch laid over it.
///
/// # Errors
/// When a directive is none, or an element of a merged list lacks its key.
pub(super) fn merge(of: &Type, live: Option<&Value>, patch: &Value) -> Result<Value, String> {
    match (of, patch) {
        (Type::Struct(_) | Type::Map(_) | Type::Any, Value::Object(patch)) => {
            merge_map(of, live.and_then(Value::as_object), patch)
        }
        (Type::List(element, elements @ (Elements::Set | Elements::Keyed(_))), Value::Array(patch)) => {
            let live = live.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            merge_list(element, elements, live, patch)
        }
        _ => Ok(patch.clone()),
    }
}

fn merge_map(of: &Type, live: Option<&Map<String, Value>>, patch: &Map<String, Value>) -> Result<Value, String> {
    let mut out = match patch.get("$patch").map(Value::as_str) {
        None | Some(Some("merge")) => live.cloned().unwrap_or_default(),
        Some(Some("replace")) => {
            let mut whole = patch.clone();
            whole.remove("$patch");
            return Ok(Value::Object(whole));
        }
        Some(Some("delete")) => return Ok(Value::Object(Map::new())),
        Some(_) => return Err("Unknown patch type found".to_owned()),
    };
    if let Some(kept) = patch.get("$retainKeys") {
        let kept = kept.as_array().ok_or("invalid patch format of retainKeys list")?;
        out.retain(|key, _| kept.iter().any(|kept| kept == key));
    }
    let of_field = |key: &str| match of {
        Type::Struct(of) => of.field(key).map_or(&Type::Any, |field| &field.of),
        Type::Map(element) => element,
        _ => &Type::Any,
    };
    for (key, value) in patch.iter().filter(|(key, _)| !key.starts_with('$')) {
        if value.is_null() {
            out.remove(key);
        } else {
            let merged = merge(of_field(key), out.get(key), value)?;
            out.insert(key.clone(), merged);
        }
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix(DELETE) {
            let gone = value.as_array().ok_or("invalid patch format of primitive list")?;
            if let Some(items) = out.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| !gone.contains(item));
            }
        }
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix(ORDER) {
            let order = value.as_array().ok_or("invalid patch format of setElementOrder list")?;
            if let (Type::List(_, elements), Some(items)) =
                (of_field(list), out.get_mut(list).and_then(Value::as_array_mut))
            {
                sort(elements, items, order);
            }
        }
    }
    Ok(Value::Object(out))
}

fn merge_list(element: &Type, elements: &Elements, live: &[Value], patch: &[Value]) -> Result<Value, String> {
    let Some(key) = merge_key(elements) else {
        let mut out = live.to_vec();
        for item in patch {
            if !out.contains(item) {
                out.push(item.clone());
            }
        }
        return Ok(Value::Array(out));
    };
    let directive = |item: &Value| item.get("$patch").and_then(Value::as_str).map(str::to_owned);
    // A bare replace makes the rest of the patch the whole list.
    let replaces = patch.iter().any(|item| directive(item).as_deref() == Some("replace") && item.get(key).is_none());
    let mut out = if replaces { Vec::new() } else { live.to_vec() };
    for item in patch {
        let directive = directive(item);
        let Some(id) = item.get(key) else {
            if directive.as_deref() == Some("replace") {
                continue;
            }
            return Err(format!("map: {item} does not contain declared merge key: {key}"));
        };
        let found = out.iter().position(|other| other.get(key) == Some(id));
        if directive.as_deref() == Some("delete") {
            out.retain(|other| other.get(key) != Some(id));
            continue;
        }
        match found.and_then(|index| out.get_mut(index)) {
            Some(existing) => *existing = merge(element, Some(existing), item)?,
            None => out.push(merge(element, None, item)?),
        }
    }
    Ok(Value::Array(out))
}

/// Orders a list: what the order names stands in that order, and what it does not name keeps its place before the
/// element that it stood before.
fn sort(elements: &Elements, items: &mut Vec<Value>, order: &[Value]) {
    let id = |item: &Value| match merge_key(elements) {
        Some(key) => item.get(key).cloned().unwrap_or(Value::Null),
        None => item.clone(),
    };
    let order: Vec<Value> = order.iter().map(&id).collect();
    let rank = |item: &Value| order.iter().position(|other| *other == id(item));
    let mut ranked: Vec<Value> = items.iter().filter(|item| rank(item).is_some()).cloned().collect();
    ranked.sort_by_key(&rank);
    let mut ranked = ranked.into_iter();
    let sorted = items
        .iter()
        .map(|item| if rank(item).is_some() { ranked.next().unwrap_or(Value::Null) } else { item.clone() })
        .collect();
    *items = sorted;
}

fn merge_key(elements: &Elements) -> Option<&'static str> {
    match elements {
        Elements::Keyed(keys) => keys.first().copied(),
        Elements::Atomic | Elements::Set => None,
    }
}
