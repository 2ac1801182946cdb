//! What a person is told about a binding: who is in the way, and what to do.

use tf_provider::AttributePath;

use crate::azure::ClusterId;
use crate::azure::clusters::Cluster;
use crate::domain::account_error::{self, Account};
use crate::domain::cluster::{BOTH_FEATURES, enable};
use crate::domain::existing::predecessor;
use crate::domain::service_account::{CLIENT_ID, TENANT_ID};
use crate::error::Error;
use crate::kubernetes::{self, Key, Kind, ServiceAccount};

/// The path of an attribute of `service_account`.
pub(crate) fn within_account(attribute: &str) -> AttributePath {
    AttributePath::new("service_account").attribute(attribute.to_owned())
}

/// An error of the rules of service accounts, on the attribute where a binding has it.
pub(crate) fn inside_account(mut error: Error) -> Error {
    let attribute = error.attribute.to_string();
    if matches!(attribute.as_str(), "name" | "namespace" | "manage") {
        error.attribute = within_account(&attribute);
    }
    error
}

/// What the annotations of an account say of another identity than the binding's; `None` where they say nothing else.
pub(crate) fn other_identity(live: &ServiceAccount, client_id: &str, tenant_id: &str, manager: &str) -> Option<String> {
    let said = |key: &str, ours: &str| {
        let value = live.fields.annotations.get(key).filter(|value| !value.eq_ignore_ascii_case(ours))?;
        let owners = live.managers.owners(&Key::Annotation(key.to_owned()), manager);
        let by = if owners.is_empty() { String::new() } else { format!(", set by {}", owners.join(" and ")) };
        Some(format!("  - {key} is \"{value}\"{by}; this binding's is \"{ours}\""))
    };
    let told: Vec<String> = [said(CLIENT_ID, client_id), said(TENANT_ID, tenant_id)].into_iter().flatten().collect();
    (!told.is_empty()).then(|| told.join("\n"))
}

/// The error on a service account whose annotations name another identity; `told` is what [`other_identity`] says.
pub(crate) fn belongs_to_another(namespace: &str, name: &str, told: &str) -> Error {
    Error::new(
        format!("Service account \"{namespace}/{name}\" already belongs to another identity"),
        format!(
            "{told}\n\nNothing was written. Pods act as the identity in the annotation, so one of the two has to go: remove the \
             annotation where it is set, or bind another service account. If the account is to serve several identities, set \
             `annotate = false`, and let the workload choose by client id. To overwrite the annotation, set \
             `adopt_existing = true`."
        ),
    )
    .at_path(within_account("annotate"))
}

/// What a refusal to write the service account means for a binding: the same as for `azwi_service_account`, but for the
/// attributes, which lie inside `service_account` or do not exist.
pub(crate) fn explain(error: kubernetes::Error, account: Account<'_>, credential_id: &str) -> Error {
    let Account { namespace, name, field_manager, .. } = account;
    let kind = error.kind;
    let causes: Vec<String> =
        error.causes.iter().map(|cause| format!("  - {} is owned by {}", cause.key, cause.owner())).collect();
    let causes = causes.join("\n");
    match kind {
        Kind::AlreadyExists => Error::new(
            format!("Service account \"{namespace}/{name}\" exists already"),
            format!(
                "It was left as it is. If something else creates it, such as a chart or `azwi_service_account`, set \
                 `manage = \"annotations\"`: only annotations and labels are added then, and a destroy removes only them. To take \
                 the whole account over, set `adopt_existing = true`: it is then deleted with the binding. If the binding exists \
                 as a whole, import it (`this` stands for the name of the resource below):\n\n\
                 import {{\n  to = {}.this\n  id = \"{credential_id}\"\n}}\n\n{}",
                account.type_name,
                predecessor("do none of this: ")
            ),
        )
        .at_path(within_account("name")),
        Kind::Conflict => Error::new(
            format!("Another field manager owns keys of service account \"{namespace}/{name}\""),
            format!(
                "{causes}\n\nTheir values there differ from those configured here, and nothing was written. Remove the keys here, or \
                 where that manager sets them; or set `adopt_existing = true` to overwrite them."
            ),
        )
        .at("service_account"),
        Kind::ManagerInUse => Error::new(
            format!("Service account \"{namespace}/{name}\" is bound by this credential already"),
            format!(
                "{causes}\n\nField manager \"{field_manager}\" has applied them, which is the one of credential `{credential_id}`. If they \
                 are left over from a run that did not finish, set `adopt_existing = true`, or import the binding.\n\n{}",
                predecessor("do neither: ")
            ),
        )
        .at("service_account"),
        _ => inside_account(account_error::explain(error, account)),
    }
}

/// The error on a cluster that publishes no issuer.
pub(crate) fn without_issuer(id: &ClusterId, cluster: &Cluster) -> Error {
    Error::new(
        format!("Cluster `{}` has no OIDC issuer", id.name()),
        format!(
            "{id} does not publish an issuer, so nobody can trust its tokens. {}",
            enable(id, cluster, BOTH_FEATURES)
        ),
    )
}

/// The warning on a cluster whose webhook Azure does not install.
pub(crate) fn without_webhook(id: &ClusterId, cluster: &Cluster) -> Error {
    Error::new(
        format!("Cluster `{}` has workload identity switched off", id.name()),
        format!(
            "Without the webhook no pod gets the token of its service account, unless somebody has installed it in another way. \
             {}",
            enable(id, cluster, BOTH_FEATURES)
        ),
    )
}

/// The Role that lets whoever applies request tokens of an account, to copy.
pub(crate) fn token_role(namespace: &str, name: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: request-tokens-of-{name}\n  namespace: {namespace}\n\
         rules:\n  - apiGroups: [\"\"]\n    resources: [\"serviceaccounts/token\"]\n    resourceNames: [\"{name}\"]\n    verbs: [\"create\"]"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn account(client: &str) -> ServiceAccount {
        let wire: k8s_openapi::api::core::v1::ServiceAccount = serde_json::from_value(json!({"metadata": {
            "name": "web", "namespace": "shop", "annotations": {CLIENT_ID: client},
            "managedFields": [{"manager": "helm", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:metadata": {"f:annotations": {format!("f:{CLIENT_ID}"): {}}}}}]}}))
        .unwrap();
        wire.into()
    }

    #[test]
    fn another_identity_is_told_with_whoever_set_it() {
        assert_eq!(other_identity(&account("mine"), "MINE", "t", "azwi-binding-1"), None, "casing is no difference");
        let told = other_identity(&account("theirs"), "mine", "t", "azwi-binding-1").unwrap();
        assert!(
            told.contains("\"theirs\"") && told.contains("\"helm\" using v1") && told.contains("\"mine\""),
            "{told}"
        );
        let error = belongs_to_another("shop", "web", &told);
        assert!(error.detail.contains("annotate = false") && error.detail.contains("helm"));
        assert_eq!(error.attribute.to_string(), "service_account.annotate");
    }

    #[test]
    fn the_role_to_request_tokens_is_for_this_account_alone() {
        let role: serde_json::Value = serde_saphyr::from_str(&token_role("shop", "web")).unwrap();
        assert_eq!(role["metadata"]["namespace"], "shop");
        assert_eq!(
            role["rules"],
            json!([{"apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": ["web"], "verbs": ["create"]}])
        );
    }
}
