//! Which resource instance a call is about.
//!
//! The protocol gives no addresses, but Terraform keeps a few bytes of the provider's with each instance, and hands them to the
//! calls about it. A mark in them tells two instances apart that are configured alike, and a replacement from a second owner:
//! Terraform plans the new object of a replacement with the bytes of the old one, and any other new object without.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

const INSTANCE: &str = "instance";
const REPLACES: &str = "replaces";

/// The mark of a resource instance. Without one, as in a state of an earlier version, it is nobody's in particular.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    mark: Option<String>,
    replaces: Option<String>,
}

impl Instance {
    /// The mark in an instance's private bytes.
    pub fn read(private: &[u8]) -> Self {
        let Some(kept) = parse(private) else { return Self::default() };
        let text = |name: &str| kept.get(name).and_then(Json::as_str).map(str::to_owned);
        Self { mark: text(INSTANCE), replaces: text(REPLACES) }
    }

    /// The mark for a plan, and the private bytes that carry it on. What else is in the bytes stays; bytes that are not this
    /// version's stay as they are, without a mark.
    pub fn plan(private: &[u8], new: bool) -> (Self, Vec<u8>) {
        let Some(mut kept) = parse(private) else { return (Self::default(), private.to_vec()) };
        let before = Self::read(private);
        let now = match before.mark {
            Some(mark) if !new => Self { mark: Some(mark), replaces: None },
            replaced => Self { mark: Some(Uuid::new_v4().to_string()), replaces: replaced },
        };
        for (name, value) in [(INSTANCE, &now.mark), (REPLACES, &now.replaces)] {
            match value {
                Some(value) => drop(kept.insert(name.to_owned(), value.clone().into())),
                None => drop(kept.remove(name)),
            }
        }
        let bytes = Json::Object(kept).to_string().into_bytes();
        (now, bytes)
    }

    /// Whether both are known to be one instance.
    pub fn is(&self, other: &Self) -> bool {
        self.mark.is_some() && self.mark == other.mark
    }

    /// Whether both are one instance in a plan, where the new object of a replacement counts as the old one.
    pub fn is_or_replaces(&self, other: &Self) -> bool {
        self.is(other) || self.mark.is_some() && self.replaces == other.mark
    }

    /// Whether it has a mark.
    pub fn is_known(&self) -> bool {
        self.mark.is_some()
    }
}

fn parse(private: &[u8]) -> Option<Map<String, Json>> {
    if private.is_empty() {
        return Some(Map::new());
    }
    serde_json::from_slice(private).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_is_told_from_a_second_owner() {
        let (old, bytes) = Instance::plan(b"", false);
        assert_eq!(Instance::read(&bytes), old);
        assert_eq!(Instance::plan(&bytes, false), (old.clone(), bytes.clone()), "an instance keeps its mark");
        let (new, replacing) = Instance::plan(&bytes, true);
        assert!(!new.is(&old) && new.is_or_replaces(&old));
        assert_eq!(Instance::read(&replacing), new);
        let (other, _) = Instance::plan(b"", true);
        assert!(!other.is_or_replaces(&old) && !other.is_or_replaces(&new));
    }

    #[test]
    fn bytes_of_another_version_stay_as_they_are() {
        assert_eq!(Instance::plan(b"kept", true), (Instance::default(), b"kept".to_vec()));
        let (_, bytes) = Instance::plan(br#"{"later":[1]}"#, false);
        let kept: Json = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(kept["later"], serde_json::json!([1]));
    }
}
