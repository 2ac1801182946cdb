//! Strategic merge patches: a merge patch that knows which lists are merged, and by which key.
//!
//! Its directives are keys of the patch that begin with a dollar sign: `$patch` replaces, deletes or merges a map or an
//! element; `$setElementOrder/x` orders the list x; `$deleteFromPrimitiveList/x` takes from it; `$retainKeys` drops
//! the other fields.

use serde_json::{Map, Value};

use crate::kubernetes::go;
use crate::kubernetes::schema::{Elements, Type};

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
            merge_list(element, elements, items(live), patch)
        }
        _ => Ok(patch.clone()),
    }
}

fn merge_map(of: &Type, live: Option<&Map<String, Value>>, patch: &Map<String, Value>) -> Result<Value, String> {
    let mut out = match (patch.get("$patch").and_then(Value::as_str), live) {
        (None | Some("merge"), _) | (_, None) => live.cloned().unwrap_or_default(),
        (Some("replace"), Some(_)) => {
            let mut whole = patch.clone();
            whole.remove("$patch");
            return Ok(Value::Object(whole));
        }
        (Some("delete"), Some(_)) => return Ok(Value::Object(Map::new())),
        (Some(other), Some(_)) => {
            let patch = go::plain(&Value::Object(patch.clone()));
            return Err(format!("unknown patch type: {other} in map: {patch}"));
        }
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
    for (key, gone) in patch.iter().filter_map(|(key, value)| Some((key.strip_prefix(DELETE)?, value))) {
        let gone = gone.as_array().ok_or("invalid patch format of primitive list")?;
        if let Some(items) = out.get_mut(key).and_then(Value::as_array_mut) {
            items.retain(|item| !gone.contains(item));
        }
    }
    for (key, value) in patch.iter().filter(|(key, _)| !key.starts_with('$')) {
        if value.is_null() {
            out.remove(key);
        } else {
            let merged = merge(of_field(key), out.get(key), value)?;
            out.insert(key.clone(), merged);
        }
    }
    for (key, order) in patch.iter().filter_map(|(key, value)| Some((key.strip_prefix(ORDER)?, value))) {
        let order = order.as_array().ok_or("invalid patch format of setElementOrder list")?;
        if let (Type::List(_, elements), Some(list)) = (of_field(key), out.get_mut(key)) {
            *list = ordered(elements, items(Some(list)), order, items(live.and_then(|live| live.get(key))));
        }
    }
    Ok(Value::Object(out))
}

fn merge_list(element: &Type, elements: &Elements, live: &[Value], patch: &[Value]) -> Result<Value, String> {
    let mut out = live.to_vec();
    let Some(key) = merge_key(elements) else {
        let new: Vec<&Value> = patch.iter().filter(|item| !live.contains(item)).collect();
        out.extend(new.into_iter().cloned());
        return Ok(ordered(elements, &out, patch, live));
    };
    let directive = |item: &Value| item.get("$patch").and_then(Value::as_str).map(str::to_owned);
    // A bare replace makes the rest of the patch the whole list.
    if patch.iter().any(|item| directive(item).as_deref() == Some("replace") && item.get(key).is_none()) {
        out.clear();
    }
    let mut order = Vec::new();
    for item in patch {
        let directive = directive(item);
        let Some(id) = item.get(key) else {
            if directive.as_deref() == Some("replace") {
                continue;
            }
            return Err(format!("map: {} does not contain declared merge key: {key}", go::plain(item)));
        };
        if directive.as_deref() == Some("delete") {
            out.retain(|other| other.get(key) != Some(id));
            continue;
        }
        order.push(item.clone());
        match out.iter_mut().find(|other| other.get(key) == Some(id)) {
            Some(existing) => *existing = merge(element, Some(existing), item)?,
            None => out.push(merge(element, None, item)?),
        }
    }
    Ok(ordered(elements, &out, &order, live))
}

/// Orders a merged list: what the order names stands in that order; what it does not name stands where it stood live,
/// before the first of the others that it stood before.
fn ordered(elements: &Elements, items: &[Value], order: &[Value], live: &[Value]) -> Value {
    let id = |item: &Value| match merge_key(elements) {
        Some(key) => item.get(key).cloned().unwrap_or(Value::Null),
        None => item.clone(),
    };
    let place = |list: &[Value], item: &Value| list.iter().position(|other| id(other) == id(item));
    let (mut named, mut others): (Vec<&Value>, Vec<&Value>) =
        items.iter().partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    others.reverse();
    let mut out = Vec::new();
    for item in named {
        while let Some(other) = others.last() {
            let goes_first = match (place(live, other), place(live, item)) {
                (Some(other), Some(item)) => other < item,
                _ => false,
            };
            if !goes_first {
                break;
            }
            out.extend(others.pop().cloned());
        }
        out.push(item.clone());
    }
    out.extend(others.into_iter().rev().cloned());
    Value::Array(out)
}

fn items(list: Option<&Value>) -> &[Value] {
    list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn merge_key(elements: &Elements) -> Option<&'static str> {
    match elements {
        Elements::Keyed(keys) => keys.first().copied(),
        Elements::Atomic | Elements::Set => None,
    }
}
