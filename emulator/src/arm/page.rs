//! Lists in pages, with `$top`, `$skiptoken` and `nextLink`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use super::error::Error;
use crate::core::http::{Request, Response};
use crate::core::json::Json as _;
use crate::core::world::World;

/// One page of `items`, which are in the order of their ids. The token names the last item of the page before, so that an
/// item which is deleted between two pages does not hide another.
pub(super) fn answer(world: &World, request: &Request, items: &[Value]) -> Result<Response, Error> {
    let after = match request.query("$skiptoken") {
        None => None,
        Some(token) => {
            let id = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Some(id.ok_or_else(|| {
                Error::bad_request("InvalidSkipToken", format!("The $skiptoken '{token}' is invalid."))
            })?)
        }
    };
    let top = match request.query("$top") {
        None => None,
        Some(text) => Some(text.parse::<usize>().ok().filter(|top| *top >= 1).ok_or_else(|| {
            Error::bad_request("InvalidTopParameter", format!("The $top '{text}' is not a number of at least 1."))
        })?),
    };
    let configured = Some(world.settings.page_size).filter(|size| *size > 0);
    let size = top.into_iter().chain(configured).min().unwrap_or(usize::MAX);
    let name = |item: &Value| item.text("id").to_lowercase();
    let rest: Vec<&Value> =
        items.iter().filter(|item| after.as_ref().is_none_or(|after| name(item) > *after)).collect();
    let page: Vec<&Value> = rest.iter().copied().take(size).collect();
    let mut body = json!({"value": page});
    if rest.len() > page.len()
        && let (Some(last), Some(body)) = (page.last(), body.as_object_mut())
    {
        let mut next = Request { query: request.query.clone(), ..request.clone() };
        next.query.retain(|(key, _)| !key.eq_ignore_ascii_case("$skiptoken"));
        next.query.push(("$skiptoken".to_owned(), URL_SAFE_NO_PAD.encode(name(last))));
        body.insert("nextLink".to_owned(), json!(format!("{}{}", world.url, next.path_and_query())));
    }
    Ok(Response::json(StatusCode::OK, &body))
}

/// The items in the order that pages need.
pub(super) fn sorted(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by_key(|item| item.text("id").to_lowercase());
    items
}
