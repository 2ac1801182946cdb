//! What the API server's decoder makes of a JSON body: the object as its Go struct would be written again.
//!
//! A field that the type does not have is dropped and reported, because `fieldValidation` decides what becomes of it. A
//! null is the same as absence, but in a map of strings, where it is an empty string. A wrong type is an error in the
//! words of Go's decoder, which clients print as they are.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::go;
use super::schema::{Field, Presence, Struct, Type};

/// An object in the form in which it is stored, and the paths of the fields that its type does not have.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) object: Value,
    pub(super) unknown: Vec<String>,
}

/// Reads a value as a struct.
///
/// # Errors
/// In the words of Go's decoder, when a value has another type than its field.
pub(super) fn decode(of: &'static Struct, value: &Value) -> Result<Decoded, String> {
    let mut reader = Reader { unknown: Vec::new() };
    let root = Place { owner: of.go, path: String::new() };
    let object = reader.value(&Type::Struct(of), value, &root)?;
    Ok(Decoded { object, unknown: reader.unknown })
}

/// What an empty struct is written as.
pub(super) fn zero(of: &Struct) -> Value {
    Value::Object(
        of.fields
            .iter()
            .filter_map(|field| match field.presence {
                Presence::Filled | Presence::Given => None,
                Presence::Always => Some((field.name.to_owned(), zero_of(&field.of))),
                Presence::Nullable => Some((field.name.to_owned(), Value::Null)),
            })
            .collect(),
    )
}

/// An instant as objects carry it, in whole seconds.
pub(super) fn timestamp(at: OffsetDateTime) -> String {
    let whole = at.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).unwrap_or_default()
}

struct Reader {
    unknown: Vec<String>,
}

/// Where a value stands: the struct that has the field, and the path to it from the root.
struct Place {
    owner: &'static str,
    path: String,
}

impl Place {
    fn field(&self, owner: &'static str, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { owner, path }
    }
}

impl Reader {
    fn value(&mut self, of: &Type, value: &Value, place: &Place) -> Result<Value, String> {
        match (of, value) {
            (_, Value::Null) => Ok(zero_of(of)),
            (Type::String, Value::String(_)) | (Type::Boolean, Value::Bool(_)) | (Type::Any, _) => Ok(value.clone()),
            (Type::Integer, Value::Number(number)) if number.is_i64() => Ok(value.clone()),
            (Type::Integer, Value::Number(number)) => Err(mismatch(&format!("number {number}"), of, place)),
            (Type::Time, Value::String(text)) => match OffsetDateTime::parse(text, &Rfc3339) {
                Ok(at) => Ok(Value::String(timestamp(at))),
                Err(_) => Err(format!(
                    "parsing time {0} as \"2006-01-02T15:04:05Z07:00\": cannot parse {0} as \"2006\"",
                    go::quote(text)
                )),
            },
            (Type::Struct(of), Value::Object(map)) => self.fields(of, map, place).map(Value::Object),
            (Type::Map(element), Value::Object(map)) => map
                .iter()
                .map(|(key, value)| Ok((key.clone(), self.value(element, value, place)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
            (Type::List(element, _), Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let seen = self.unknown.len();
                    let item = self.value(element, item, place)?;
                    for path in self.unknown.iter_mut().skip(seen) {
                        *path = path.replacen(&place.path, &format!("{}[{index}]", place.path), 1);
                    }
                    Ok(item)
                })
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array),
            _ => Err(mismatch(go::kind_of(value), of, place)),
        }
    }

    fn fields(
        &mut self,
        of: &'static Struct,
        map: &Map<String, Value>,
        place: &Place,
    ) -> Result<Map<String, Value>, String> {
        for name in map.keys() {
            if of.field(name).is_none() {
                self.unknown.push(place.field(of.go, name).path);
            }
        }
        let mut out = Map::new();
        for field in of.fields {
            let given = map.get(field.name).filter(|value| !value.is_null());
            let value = match given {
                Some(value) => Some(self.value(&field.of, value, &place.field(of.go, field.name))?),
                None => None,
            };
            if let Some(value) = written(field, value) {
                out.insert(field.name.to_owned(), value);
            }
        }
        Ok(out)
    }
}

fn written(field: &Field, value: Option<Value>) -> Option<Value> {
    match field.presence {
        Presence::Filled => value.filter(|value| !is_empty(value)),
        Presence::Given => value,
        Presence::Always => Some(value.unwrap_or_else(|| zero_of(&field.of))),
        Presence::Nullable => Some(value.unwrap_or(Value::Null)),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

fn zero_of(of: &Type) -> Value {
    match of {
        Type::String => Value::String(String::new()),
        Type::Boolean => Value::Bool(false),
        Type::Integer => Value::from(0),
        Type::Struct(of) => zero(of),
        Type::Time | Type::Any | Type::Map(_) | Type::List(..) => Value::Null,
    }
}

fn mismatch(got: &str, of: &Type, place: &Place) -> String {
    if place.path.is_empty() {
        return format!("json: cannot unmarshal {got} into Go value of type {}", go_type(of));
    }
    format!("json: cannot unmarshal {got} into Go struct field {}.{} of type {}", place.owner, place.path, go_type(of))
}

fn go_type(of: &Type) -> String {
    match of {
        Type::String => "string".to_owned(),
        Type::Boolean => "bool".to_owned(),
        Type::Integer => "int64".to_owned(),
        Type::Time => "v1.Time".to_owned(),
        Type::Any => "interface {}".to_owned(),
        Type::Struct(of) => format!("v1.{}", of.go),
        Type::Map(element) => format!("map[string]{}", go_type(element)),
        Type::List(element, _) => format!("[]{}", go_type(element)),
    }
}
