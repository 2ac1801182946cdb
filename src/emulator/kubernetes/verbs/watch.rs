//! Watches, as far as one answer can hold them: what changed up to now, after which the stream ends.
//!
//! An API server may end a watch whenever it likes, and a client then starts another from where it was. So this is a
//! watch that is never wrong, but that is asked for again and again.

use std::fmt::Write as _;

use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::{Target, list};
use crate::emulator::http::{Request, Response};
use crate::emulator::kubernetes::options::exact;
use crate::emulator::kubernetes::selectors::{Fields, Labels};
use crate::emulator::kubernetes::status::Status;
use crate::emulator::kubernetes::{Context, metadata};

/// Answers a watch: events from a revision on, or what there is and then nothing.
///
/// # Errors
/// 400 for a bad selector or revision. A revision that is gone is an event, not an error.
pub(super) fn watch(context: &mut Context<'_>, target: &Target, request: &Request) -> Result<Response, Status> {
    let labels = Labels::parse(exact(request, "labelSelector").unwrap_or_default())?;
    let fields = Fields::parse(target.kind, exact(request, "fieldSelector").unwrap_or_default())?;
    let namespace = Some(target.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let from = list::revision_of(exact(request, "resourceVersion").unwrap_or_default())?;
    let name = target.name.as_str();
    let chosen = |object: &Value| {
        let named = name.is_empty() || metadata::text(object, "name") == name;
        named && labels.choose(object) && fields.choose(target.kind, object)
    };
    context.compact();
    let mut events = Vec::new();
    if from == 0 {
        let objects = context.objects(target.kind, namespace).into_iter().map(|(_, object)| object);
        events.extend(objects.filter(&chosen).map(|object| json!({"type": "ADDED", "object": object})));
    } else {
        match context.changes_since(target.kind, namespace, from) {
            None => events.push(json!({"type": "ERROR", "object": Status::expired_watch().body()})),
            Some(changes) => events.extend(changes.into_iter().filter_map(|change| {
                // What comes into a selection is added to it, and what leaves it is deleted from it.
                let before = change.before.filter(&chosen);
                match (before, change.after.filter(&chosen)) {
                    (None, Some(after)) => Some(json!({"type": "ADDED", "object": after})),
                    (Some(_), Some(after)) => Some(json!({"type": "MODIFIED", "object": after})),
                    (Some(mut before), None) => {
                        metadata::set(&mut before, "resourceVersion", Value::from(change.revision.to_string()));
                        Some(json!({"type": "DELETED", "object": before}))
                    }
                    (None, None) => None,
                }
            })),
        }
    }
    let mut body = String::new();
    for event in events {
        // Writing to a string does not fail.
        let _ = writeln!(body, "{event}");
    }
    let mut response = Response::empty(StatusCode::OK);
    response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.body = body.into();
    Ok(response)
}
