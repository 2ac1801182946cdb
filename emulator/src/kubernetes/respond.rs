//! Answers in the form that a client asks for: the object, a table for people, or its metadata alone.

use http::StatusCode;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::kinds::Kind;
use super::options::exact;
use super::status::Status;
use super::{Context, metadata};
use crate::core::http::{Request, Response};

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    Table(Rows),
    Metadata,
}

/// What a row of a table has of its object beside the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    Metadata,
    Whole,
    Nothing,
}

impl Rows {
    /// As `includeObject` says, which kubectl sets to sort a table by what is in no cell.
    fn asked(request: &Request) -> Self {
        match exact(request, "includeObject") {
            Some("Object") => Self::Whole,
            Some("None") => Self::Nothing,
            _ => Self::Metadata,
        }
    }
}

impl Form {
    /// The first form of the `Accept` header that there is.
    ///
    /// # Errors
    /// 406 when there is none.
    pub(super) fn asked(request: &Request) -> Result<Self, Status> {
        let accept = request.header("accept").unwrap_or_default();
        if accept.trim().is_empty() {
            return Ok(Self::Whole);
        }
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
            if !matches!(media_type.as_str(), "application/json" | "application/yaml" | "application/*" | "*/*") {
                continue;
            }
            let parameters: Vec<&str> = parts.collect();
            match parameters.iter().find_map(|parameter| parameter.strip_prefix("as=")) {
                None => return Ok(Self::Whole),
                Some("Table") => return Ok(Self::Table(Rows::asked(request))),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => return Ok(Self::Metadata),
                Some(_) => {}
            }
        }
        Err(Status::not_acceptable())
    }

    /// Answers with one object.
    pub(super) fn object(self, context: &Context<'_>, code: StatusCode, kind: &dyn Kind, object: &Value) -> Response {
        Response::typed(code, "application/json", &self.of(context, kind, object))
    }

    /// One object in this form.
    pub(super) fn of(self, context: &Context<'_>, kind: &dyn Kind, object: &Value) -> Value {
        match self {
            Self::Whole => object.clone(),
            Self::Metadata => partial(object),
            Self::Table(rows) => {
                let list = json!({"resourceVersion": metadata::text(object, "resourceVersion")});
                table(context, kind, rows, (&list, std::slice::from_ref(object)))
            }
        }
    }

    /// Answers with a list; `list` is its metadata.
    pub(super) fn list(self, context: &Context<'_>, kind: &dyn Kind, list: &Value, objects: &[Value]) -> Response {
        let body = match self {
            Self::Whole => {
                let items: Vec<Value> = objects.iter().map(untyped).collect();
                let name = format!("{}List", kind.kind());
                json!({"kind": name, "apiVersion": kind.api_version(), "metadata": list, "items": items})
            }
            Self::Metadata => {
                let items: Vec<Value> = objects.iter().map(partial).collect();
                let (name, version) = ("PartialObjectMetadataList", "meta.k8s.io/v1");
                json!({"kind": name, "apiVersion": version, "metadata": list, "items": items})
            }
            Self::Table(rows) => table(context, kind, rows, (list, objects)),
        };
        Response::typed(StatusCode::OK, "application/json", &body)
    }
}

/// Whether the first form of the `Accept` header that there is is YAML.
pub(super) fn wants_yaml(request: &Request) -> bool {
    let ranges = request.header("accept").unwrap_or_default().split(',');
    let mut types = ranges.map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let known =
        |name: &String| matches!(name.as_str(), "application/json" | "application/yaml" | "application/*" | "*/*");
    types.find(known).is_some_and(|name| name == "application/yaml")
}

/// The same answer in YAML, where it is JSON.
pub(super) fn in_yaml(mut response: Response) -> Response {
    let is_json = response.headers.get(http::header::CONTENT_TYPE).is_some_and(|name| name == "application/json");
    let value = serde_json::from_slice::<Value>(&response.body).ok().filter(|_| is_json);
    if let Some(text) = value.and_then(|value| serde_saphyr::to_string(&value).ok()) {
        response.headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/yaml"));
        response.body = text.into();
    }
    response
}

/// The answer with a `Warning` header for each of these.
pub(super) fn warned(mut response: Response, warnings: &[String]) -> Response {
    for warning in warnings {
        let text = format!("299 - \"{}\"", warning.replace('\\', "\\\\").replace('"', "\\\""));
        if let Ok(value) = http::HeaderValue::from_str(&text) {
            response.headers.append(http::header::WARNING, value);
        }
    }
    response
}

/// An item of a list, which has neither kind nor version.
fn untyped(object: &Value) -> Value {
    let mut item = object.clone();
    if let Some(item) = item.as_object_mut() {
        item.remove("kind");
        item.remove("apiVersion");
    }
    item
}

fn partial(object: &Value) -> Value {
    let metadata = object.get("metadata").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}

/// A table of objects, the metadata of whose list comes first.
fn table(context: &Context<'_>, kind: &dyn Kind, rows: Rows, (list, objects): (&Value, &[Value])) -> Value {
    let column = |name: &str, format: &str, about: &str, priority: i32| json!({"name": name, "type": "string", "format": format, "description": about, "priority": priority});
    let mut columns = vec![column("Name", "name", "The name of the object, unique in its namespace.", 0)];
    columns.extend(kind.columns().iter().map(|it| column(it.name, "", it.about, 0)));
    columns.push(column("Age", "", "How long ago the object was created.", 0));
    columns.extend(kind.wide_columns().iter().map(|it| column(it.name, "", it.about, 1)));
    let lines: Vec<Value> = objects
        .iter()
        .map(|object| {
            let mut cells = vec![Value::from(metadata::text(object, "name"))];
            cells.extend(kind.columns().iter().map(|column| (column.cell)(object)));
            cells.push(Value::from(age(metadata::text(object, "creationTimestamp"), context.clock.now())));
            cells.extend(kind.wide_columns().iter().map(|column| (column.cell)(object)));
            match rows {
                Rows::Metadata => json!({"cells": cells, "object": partial(object)}),
                Rows::Whole => json!({"cells": cells, "object": object}),
                Rows::Nothing => json!({"cells": cells}),
            }
        })
        .collect();
    let (name, version) = ("Table", "meta.k8s.io/v1");
    json!({"kind": name, "apiVersion": version, "metadata": list, "columnDefinitions": columns, "rows": lines})
}

/// How long ago something was, in the one or two units that kubectl shows.
fn age(created: &str, now: OffsetDateTime) -> String {
    let Ok(created) = OffsetDateTime::parse(created, &Rfc3339) else { return "<unknown>".to_owned() };
    let seconds = (now - created).whole_seconds();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |big: i64, unit: &str, small: i64, sub: &str| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{sub}") }
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}
