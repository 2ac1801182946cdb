//! Terraform's types as JSON: `"string"`, `["list","string"]`, `["object",{"name":"string"}]`.

use serde_json::Value as Json;

use super::malformed::Malformed;
use crate::value::Type;

/// The type as JSON, with the attributes of objects in the order of their names.
pub(super) fn encode(kind: &Type) -> Vec<u8> {
    // Through `Json`, whose maps are ordered; those of `Type` are not, and the text should always be the same.
    serde_json::to_value(kind).map(|json| json.to_string().into_bytes()).unwrap_or_default()
}

/// Parses a type. serde_json's limit on nesting, 128, bounds how deep it can be.
pub(super) fn decode(bytes: &[u8]) -> Result<Type, Malformed> {
    let json: Json =
        serde_json::from_slice(bytes).map_err(|error| Malformed::new(format!("a type is not JSON: {error}")))?;
    parse(&json).ok_or_else(|| Malformed::new(format!("`{json}` is not a type")))
}

fn parse(json: &Json) -> Option<Type> {
    if let Json::String(name) = json {
        return match name.as_str() {
            "string" => Some(Type::String),
            "number" => Some(Type::Number),
            "bool" => Some(Type::Bool),
            "dynamic" => Some(Type::Any),
            _ => None,
        };
    }
    match json.as_array()?.as_slice() {
        [kind, of] => match (kind.as_str()?, of) {
            ("list", element) => Some(Type::List(Box::new(parse(element)?))),
            ("set", element) => Some(Type::Set(Box::new(parse(element)?))),
            ("map", element) => Some(Type::Map(Box::new(parse(element)?))),
            ("tuple", Json::Array(elements)) => Some(Type::Tuple(elements.iter().map(parse).collect::<Option<_>>()?)),
            ("object", attributes) => object(attributes),
            _ => None,
        },
        // The third part names the attributes that a module may leave out. In a value all are there.
        [kind, attributes, Json::Array(_)] if kind.as_str() == Some("object") => object(attributes),
        _ => None,
    }
}

fn object(attributes: &Json) -> Option<Type> {
    let attributes = attributes.as_object()?.iter().map(|(name, kind)| Some((name.clone(), parse(kind)?)));
    Some(Type::Object(attributes.collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_type_goes_there_and_back() {
        for text in [
            r#""string""#,
            r#""number""#,
            r#""bool""#,
            r#""dynamic""#,
            r#"["list","string"]"#,
            r#"["set",["map","number"]]"#,
            r#"["tuple",["string","bool"]]"#,
            r#"["tuple",[]]"#,
            r#"["object",{"a":"string","b":["list",["object",{}]],"c":"bool"}]"#,
        ] {
            assert_eq!(String::from_utf8(encode(&decode(text.as_bytes()).unwrap())).unwrap(), text);
        }
    }

    #[test]
    fn optional_attributes_of_an_object_type_are_attributes() {
        let with = decode(br#"["object",{"a":"string"},["a"]]"#).unwrap();
        assert_eq!(with, decode(br#"["object",{"a":"string"}]"#).unwrap());
    }

    #[test]
    fn what_is_no_type_is_an_error() {
        for text in ["", "{", "1", r#""str""#, "[]", r#"["list"]"#, r#"["object",[]]"#, r#"["tuple","string"]"#] {
            assert!(decode(text.as_bytes()).is_err(), "{text}");
        }
        let deep = format!("{}\"string\"{}", r#"["list","#.repeat(10_000), "]".repeat(10_000));
        assert!(decode(deep.as_bytes()).is_err());
    }
}
