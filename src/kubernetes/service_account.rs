//! A service account as it is in the cluster, and the part of one that somebody applies.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::core::v1::{LocalObjectReference, ServiceAccount as Wire},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::managed_fields::{Key, Managers};

/// A service account, read. Metadata that nothing here needs is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceAccount {
    /// The namespace it is in.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What tells it apart from a successor of the same name.
    pub uid: String,
    /// The version that was read.
    pub resource_version: String,
    /// When the API server made it, RFC 3339, whole seconds of the server's clock.
    pub created: String,
    /// True once its deletion was asked for; it stays while finalizers hold it.
    pub deleting: bool,
    /// Who must agree before a deletion is done.
    pub finalizers: Vec<String>,
    /// Everything that can be applied, whoever wrote it.
    pub fields: Fields,
    /// Who owns what of it.
    pub managers: Managers,
}

/// The parts of a service account that this crate writes: as wanted, as held before, or as found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether pods get a token mounted; `None` leaves it to the pod.
    pub automount: Option<bool>,
    /// Names of the secrets that images are pulled with; `None` leaves the list alone. Order means nothing.
    pub image_pull_secrets: Option<BTreeSet<String>>,
}

impl Fields {
    /// The keys that these fields set.
    pub fn keys(&self) -> BTreeSet<Key> {
        let mut keys: BTreeSet<Key> = self.annotations.keys().cloned().map(Key::Annotation).collect();
        keys.extend(self.labels.keys().cloned().map(Key::Label));
        keys.extend(self.automount.map(|_| Key::Automount));
        keys.extend(self.image_pull_secrets.as_ref().map(|_| Key::ImagePullSecrets));
        keys
    }

    /// The value of one key, to be compared and shown.
    pub(crate) fn value(&self, key: &Key) -> Option<String> {
        match key {
            Key::Annotation(name) => self.annotations.get(name).cloned(),
            Key::Label(name) => self.labels.get(name).cloned(),
            Key::Automount => self.automount.map(|mount| mount.to_string()),
            Key::ImagePullSecrets => {
                self.image_pull_secrets.as_ref().map(|names| names.iter().cloned().collect::<Vec<_>>().join(", "))
            }
            Key::Other(_) => None,
        }
    }

    /// Only those of `keys`.
    #[must_use]
    pub(crate) fn only(&self, keys: &BTreeSet<Key>) -> Self {
        let mut kept = self.clone();
        kept.annotations.retain(|name, _| keys.contains(&Key::Annotation(name.clone())));
        kept.labels.retain(|name, _| keys.contains(&Key::Label(name.clone())));
        kept.automount = kept.automount.filter(|_| keys.contains(&Key::Automount));
        kept.image_pull_secrets = kept.image_pull_secrets.filter(|_| keys.contains(&Key::ImagePullSecrets));
        kept
    }

    /// The body of a write: the name, these fields, and what pins the write to one object and one version of it.
    pub(super) fn body(&self, name: &str, uid: Option<&str>, resource_version: Option<&str>) -> Wire {
        let map = |values: &BTreeMap<String, String>| (!values.is_empty()).then(|| values.clone());
        let secrets = self.image_pull_secrets.as_ref();
        Wire {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                uid: uid.map(str::to_owned),
                resource_version: resource_version.map(str::to_owned),
                annotations: map(&self.annotations),
                labels: map(&self.labels),
                ..ObjectMeta::default()
            },
            automount_service_account_token: self.automount,
            image_pull_secrets: secrets
                .map(|names| names.iter().map(|name| LocalObjectReference { name: name.clone() }).collect()),
            ..Wire::default()
        }
    }
}

impl From<Wire> for ServiceAccount {
    fn from(wire: Wire) -> Self {
        let Wire { automount_service_account_token, image_pull_secrets, metadata, .. } = wire;
        Self {
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default(),
            resource_version: metadata.resource_version.unwrap_or_default(),
            created: metadata.creation_timestamp.map(|at| at.0.to_string()).unwrap_or_default(),
            deleting: metadata.deletion_timestamp.is_some(),
            finalizers: metadata.finalizers.unwrap_or_default(),
            fields: Fields {
                annotations: metadata.annotations.unwrap_or_default(),
                labels: metadata.labels.unwrap_or_default(),
                automount: automount_service_account_token,
                // The server writes no empty list, so a list that somebody emptied cannot be told from none.
                image_pull_secrets: image_pull_secrets.map(|list| list.into_iter().map(|secret| secret.name).collect()),
            },
            managers: Managers::new(metadata.managed_fields.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_carries_only_what_is_applied() {
        let fields = Fields {
            annotations: [("k".to_owned(), String::new())].into(),
            image_pull_secrets: Some(["b".to_owned(), "a".to_owned()].into()),
            ..Fields::default()
        };
        assert_eq!(
            serde_json::to_value(fields.body("web", Some("u"), None)).unwrap(),
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "imagePullSecrets": [{"name": "a"}, {"name": "b"}],
                   "metadata": {"name": "web", "uid": "u", "annotations": {"k": ""}}})
        );
        assert_eq!(
            serde_json::to_value(Fields::default().body("web", None, None)).unwrap(),
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}}),
            "an apply of this releases all that we own"
        );
    }

    #[test]
    fn fields_can_be_narrowed_to_some_keys() {
        let fields = Fields {
            annotations: [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())].into(),
            labels: [("a".to_owned(), "3".to_owned())].into(),
            automount: Some(false),
            image_pull_secrets: None,
        };
        let narrowed = fields.only(&[Key::Annotation("a".to_owned()), Key::Automount].into());
        assert_eq!(narrowed.keys(), [Key::Annotation("a".to_owned()), Key::Automount].into());
        assert_eq!(narrowed.value(&Key::Automount).as_deref(), Some("false"));
    }
}
