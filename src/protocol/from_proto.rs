//! Terraform's messages, read into what the rest of the provider works with.
//!
//! `what` names the value in the error, should it not be readable: "the configuration of azwi_x".

use super::{
    json,
    malformed::Malformed,
    msgpack,
    proto::tfplugin6::{ClientCapabilities, DynamicValue, RawState, ResourceIdentityData},
};
use crate::{
    error::{Error, Result},
    value::{Type, Value},
};

/// A value that must be there; it may be null.
pub(super) fn value(message: Option<DynamicValue>, kind: &Type, what: &str) -> Result<Value> {
    let read = match message {
        Some(DynamicValue { msgpack, .. }) if !msgpack.is_empty() => msgpack::decode(&msgpack, kind),
        Some(DynamicValue { json, .. }) if !json.is_empty() => json::decode(&json, kind),
        _ => Err(Malformed::new("there is no value at all")),
    };
    read.map_err(|malformed| malformed.into_error(what))
}

/// The identity of a resource; null where there is none, as in states that an older Terraform wrote.
pub(super) fn identity(message: Option<ResourceIdentityData>, kind: &Type, what: &str) -> Result<Value> {
    match message.and_then(|message| message.identity_data) {
        None => Ok(Value::Null),
        data => value(data, kind, what),
    }
}

/// A stored state or identity, of any version. Empty JSON is null.
pub(super) fn stored(message: Option<RawState>, kind: &Type, what: &str) -> Result<Value> {
    let stored = message.unwrap_or_default();
    if !stored.flatmap.is_empty() {
        return Err(Error::new(
            format!("Cannot read {what}"),
            "It was written by Terraform 0.11 or earlier. Apply the configuration once with Terraform 0.12 first.",
        ));
    }
    if stored.json.is_empty() {
        return Ok(Value::Null);
    }
    json::decode(&stored.json, kind).map_err(|malformed| malformed.into_error(what))
}

/// Whether the client would wait for an object until more is known. Terraform says so while it applies, too.
pub(super) fn deferral_allowed(client: Option<ClientCapabilities>) -> bool {
    client.is_some_and(|client| client.deferral_allowed)
}

/// Whether the client keeps write-only values out of plan and state.
pub(super) fn write_only_allowed(client: Option<ClientCapabilities>) -> bool {
    client.is_some_and(|client| client.write_only_attributes_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::string;

    #[test]
    fn msgpack_comes_first_and_json_is_taken_where_there_is_none() {
        let both = DynamicValue { msgpack: b"\xa1m".to_vec(), json: br#""j""#.to_vec() };
        assert_eq!(value(Some(both), &Type::String, "it").unwrap(), string("m"));
        let json = DynamicValue { msgpack: Vec::new(), json: br#""j""#.to_vec() };
        assert_eq!(value(Some(json), &Type::String, "it").unwrap(), string("j"));
        let error = value(Some(DynamicValue::default()), &Type::String, "the plan").unwrap_err();
        assert_eq!(error.summary, Malformed::new("").into_error("the plan").summary);
        assert!(value(None, &Type::String, "it").is_err());
    }

    #[test]
    fn an_identity_that_was_never_stored_is_null() {
        let kind = Type::Object([("name".to_owned(), Type::String)].into());
        assert_eq!(identity(None, &kind, "it").unwrap(), Value::Null);
        assert_eq!(identity(Some(ResourceIdentityData::default()), &kind, "it").unwrap(), Value::Null);
        assert_eq!(stored(Some(RawState::default()), &kind, "it").unwrap(), Value::Null);
    }

    #[test]
    fn a_state_from_before_terraform_0_12_is_refused_with_the_way_out() {
        let old = RawState { json: Vec::new(), flatmap: [("id".to_owned(), "x".to_owned())].into() };
        assert!(stored(Some(old), &Type::String, "it").unwrap_err().detail.contains("Terraform 0.12"));
    }
}
