//! The body of a request as an object of a kind.

use serde_json::Value;

use super::decode;
use super::go;
use super::kinds::{self, Kind};
use super::options::Unknown;
use super::protobuf;
use super::schema::Struct;
use super::status::Status;
use crate::core::http::Request;

/// The media type of protobuf.
pub(super) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// As much as kube-apiserver takes of a body.
pub(super) const MOST_BYTES: usize = 3 * 1024 * 1024;

/// What a body holds: its type, which need not be a stored kind's.
#[derive(Clone, Copy)]
pub(super) struct Expected {
    pub(super) of: &'static Struct,
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
}

/// An object that was read, and what to warn of.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) object: Value,
    pub(super) warnings: Vec<String>,
}

impl Expected {
    /// An object of this kind.
    pub(super) fn of_kind(kind: &dyn Kind) -> Self {
        Self { of: kind.schema(), group: kind.group(), version: kind.version(), kind: kind.kind() }
    }

    /// Group and version as `apiVersion` has them.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Reads the body of a POST or a PUT.
    ///
    /// # Errors
    /// 413 and 415; 400 when it cannot be read as this type, or has fields that the type does not have and these are
    /// refused.
    pub(super) fn read(&self, request: &Request, unknown: Unknown) -> Result<Received, Status> {
        let value = match media_type(request).as_str() {
            "" | "application/json" => parse(&bytes(request)?).map_err(|problem| {
                let problem = format!("couldn't get version/kind; json parse error: {problem}");
                self.unrecognized(&problem, &request.body)
            })?,
            "application/yaml" => {
                yaml(&bytes(request)?).map_err(|problem| self.unrecognized(&problem, &request.body))?
            }
            PROTOBUF => protobuf::read(&bytes(request)?).ok_or_else(Status::unknown_body_format)?,
            _ => return Err(Status::unknown_body_format()),
        };
        self.decode(value, unknown)
    }

    /// Reads an object as this type; a kind and a version that are missing are this type's.
    pub(super) fn decode(&self, mut value: Value, unknown: Unknown) -> Result<Received, Status> {
        if value.is_null() {
            value = Value::Object(serde_json::Map::new());
        }
        let (kind, api_version) = self.type_of(&value);
        let version = api_version.rsplit('/').next().unwrap_or_default().to_owned();
        let unfit = |problem: &str| {
            let expected = self.kind;
            let version = go::quote(&version);
            Status::bad_request(format!("{kind} in version {version} cannot be handled as a {expected}: {problem}"))
        };
        self.check_type(&value).map_err(|problem| unfit(&problem))?;
        let decoded = decode::decode(self.of, &value).map_err(|problem| unfit(&problem))?;
        let warnings: Vec<_> =
            decoded.unknown.iter().map(|path| format!("unknown field {}", go::quote(path))).collect();
        if unknown == Unknown::Refused && !warnings.is_empty() {
            return Err(unfit(&format!("strict decoding error: {}", warnings.join(", "))));
        }
        let mut object = decoded.object;
        if let Some(object) = object.as_object_mut() {
            object.insert("kind".to_owned(), Value::from(self.kind));
            object.insert("apiVersion".to_owned(), Value::from(api_version));
        }
        Ok(Received { object, warnings: if unknown == Unknown::Warned { warnings } else { Vec::new() } })
    }

    /// Checks that an object says it is of this type, or does not say.
    ///
    /// # Errors
    /// In the words of the API server's decoder.
    pub(super) fn check_type(&self, value: &Value) -> Result<(), String> {
        let (kind, api_version) = self.type_of(value);
        if kind == self.kind && api_version == self.api_version() {
            return Ok(());
        }
        let served = kinds::ALL.iter().any(|it| it.kind() == kind && it.api_version() == api_version);
        if served {
            return Err(format!("converting (v1.{kind}) to (core.{}): unknown conversion", self.kind));
        }
        let scheme = "pkg/runtime/scheme.go:110";
        Err(format!("no kind \"{kind}\" is registered for version \"{api_version}\" in scheme \"{scheme}\""))
    }

    /// Kind and version of an object, this type's where it does not say.
    fn type_of(&self, value: &Value) -> (String, String) {
        let text = |name: &str, own: &str| match value.get(name).and_then(Value::as_str) {
            None | Some("") => own.to_owned(),
            Some(text) => text.to_owned(),
        };
        (text("kind", self.kind), text("apiVersion", &self.api_version()))
    }

    fn unrecognized(&self, problem: &str, body: &[u8]) -> Status {
        let message = format!(
            "the object provided is unrecognized (must be of type {}): {problem} ({})",
            self.kind,
            summary(body)
        );
        Status::bad_request(message)
    }
}

/// The media type of the body, in lower case and without parameters.
pub(super) fn media_type(request: &Request) -> String {
    let content_type = request.header("content-type").unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The body's bytes.
///
/// # Errors
/// 413.
pub(super) fn bytes(request: &Request) -> Result<bytes::Bytes, Status> {
    if request.body.len() > MOST_BYTES { Err(Status::too_large(MOST_BYTES)) } else { Ok(request.body.clone()) }
}

/// Reads YAML, of which JSON is a part.
///
/// # Errors
/// What is wrong and where.
pub(super) fn yaml(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|_| "yaml: control characters are not allowed".to_owned())?;
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let error = error.to_string();
        let line = error.lines().next().unwrap_or_default();
        if line.contains("unclosed bracket") {
            return format!("yaml: line {}: did not find expected {}", text.lines().count(), missing_at_end(text));
        }
        // The place is left out, as the API server leaves it out.
        format!("yaml: {}", line.rsplit_once(": ").map_or(line, |(_, problem)| problem))
    })
}

/// What the API server's reader of YAML misses at the end of a text that stops within a bracket.
fn missing_at_end(text: &str) -> &'static str {
    let text = text.trim_end();
    if text.ends_with([':', ',', '{', '[']) {
        return "node content";
    }
    if text.rfind('[') > text.rfind('{') { "',' or ']'" } else { "',' or '}'" }
}

fn parse(body: &[u8]) -> Result<Value, String> {
    let value = go::parse_json(body)?;
    match value {
        Value::Object(_) | Value::Null => Ok(value),
        other => Err(format!(
            "json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \
             \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            go::kind_of(&other)
        )),
    }
}

/// The beginning of a body, as messages show it.
fn summary(body: &[u8]) -> String {
    const SHOWN: usize = 30;
    let cut = body.get(..SHOWN).unwrap_or(body);
    let more = if body.len() > SHOWN { " ..." } else { "" };
    match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(cut)),
        Some(_) => format!("{}{more}", cut.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}
