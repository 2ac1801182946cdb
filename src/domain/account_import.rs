//! What an import of a service account takes: how much of it is ours is told by its managed fields.

use crate::domain::service_account::is_of_kubernetes;
use crate::kubernetes::{Fields, Key, ServiceAccount};

/// What an import takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Whether only annotations and labels are ours, on an object of somebody else's.
    pub annotations_only: bool,
    /// The parts that the import takes. Automount is none of them: it is read whoever set it.
    pub fields: Fields,
}

/// What of `live` is ours under `manager`.
///
/// Where the manager has applied labels or annotations to an object of which others keep more, these are all that is ours.
/// Otherwise the object is, with all labels and annotations but those of Kubernetes itself that we do not apply.
pub(crate) fn claim(live: &ServiceAccount, manager: &str) -> Claim {
    let own = live.managers.applied_by(manager);
    let partial = |key: &Key| matches!(key, Key::Annotation(_) | Key::Label(_));
    let annotations_only = !own.is_empty() && own.iter().all(partial) && live.managers.has_owner_besides(manager);
    let taken = |key: &Key| match key {
        key if own.contains(key) => true,
        _ if annotations_only => false,
        Key::Annotation(name) | Key::Label(name) => !is_of_kubernetes(name),
        Key::ImagePullSecrets => live.fields.image_pull_secrets.as_ref().is_some_and(|names| !names.is_empty()),
        Key::Automount | Key::Other(_) => false,
    };
    let mut fields = live.fields.only(&live.fields.keys().into_iter().filter(taken).collect());
    fields.automount = None;
    Claim { annotations_only, fields }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::service_account::CLIENT_ID;
    use serde_json::{Value, json};

    fn live(metadata: Value) -> ServiceAccount {
        let wire: k8s_openapi::api::core::v1::ServiceAccount =
            serde_json::from_value(json!({"metadata": metadata, "automountServiceAccountToken": false})).unwrap();
        wire.into()
    }

    fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    fn keys(claim: &Claim) -> Vec<String> {
        claim.fields.keys().iter().map(Key::to_string).collect()
    }

    #[test]
    fn a_foreign_object_is_taken_whole_but_for_what_is_kubernetes_own() {
        let owner = entry("Terraform", "Update", &json!({"f:metadata": {"f:annotations": {"f:owner": {}}}}));
        let claim = claim(
            &live(json!({
                "annotations": {CLIENT_ID: "c", "kubectl.kubernetes.io/last-applied-configuration": "{}", "owner": "me"},
                "labels": {"app.kubernetes.io/name": "web", "team": "a"}, "managedFields": [owner]})),
            "azwi",
        );
        assert!(!claim.annotations_only);
        assert_eq!(
            keys(&claim),
            [format!("annotation \"{CLIENT_ID}\"").as_str(), "annotation \"owner\"", "label \"team\""]
        );
    }

    #[test]
    fn of_an_object_that_we_only_annotate_our_keys_are_taken() {
        let ours = entry("azwi", "Apply", &json!({"f:metadata": {"f:annotations": {"f:a": {}}}}));
        let theirs = json!({"f:metadata": {"f:labels": {".": {}, "f:team": {}}}});
        let of = |manager| {
            let entries = [ours.clone(), entry(manager, "Update", &theirs)];
            claim(&live(json!({"annotations": {"a": "1"}, "labels": {"team": "a"}, "managedFields": entries})), "azwi")
        };
        assert!(of("helm").annotations_only);
        assert_eq!(keys(&of("helm")), ["annotation \"a\""]);
        assert!(!of("kubectl-label").annotations_only, "a label by hand makes nobody an owner");
    }

    #[test]
    fn kubernetes_own_keys_are_taken_where_we_apply_them() {
        let ours = entry("azwi", "Apply", &json!({"f:metadata": {"f:labels": {"f:app.kubernetes.io/name": {}}}}));
        let claim = claim(&live(json!({"labels": {"app.kubernetes.io/name": "web"}, "managedFields": [ours]})), "azwi");
        assert_eq!(keys(&claim), ["label \"app.kubernetes.io/name\""]);
    }

    #[test]
    fn whoever_applies_pull_secrets_owns_the_object() {
        let ours = entry("azwi", "Apply", &json!({"f:imagePullSecrets": {}}));
        let theirs = entry("helm", "Update", &json!({"f:metadata": {"f:labels": {"f:team": {}}}}));
        assert!(!claim(&live(json!({"managedFields": [ours, theirs]})), "azwi").annotations_only);
    }
}
