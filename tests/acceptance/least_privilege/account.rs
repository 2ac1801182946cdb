//! Somebody with just these rights: an application that the emulator limits, and a service account with a Role.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::guide::{Rights, objects, rule};
use crate::azwi::Azwi;
use crate::emulator::SUBSCRIPTION;

/// The environment of somebody who has just these rights: in Azure at the test's resource group, in Kubernetes in its
/// namespace. Where he has none, he cannot even sign in there,
/// unless he has none at all.
pub fn allowed(azwi: &Azwi, name: &str, rights: &Rights) -> BTreeMap<String, String> {
    let (actions, verbs): (Vec<String>, Vec<String>) =
        rights.iter().cloned().partition(|right| right.starts_with("Microsoft."));
    let rules: Vec<Json> = verbs.iter().map(|right| rule(right)).collect();
    let metadata = json!({ "name": name, "namespace": "app" });
    let group = "rbac.authorization.k8s.io";
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules,
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
        "roleRef": { "apiGroup": group, "kind": "Role", "name": name },
        "subjects": [{ "apiGroup": group, "kind": "User", "name": "terraform" }],
    });
    let manifest = if rules.is_empty() { String::new() } else { format!("{role}\n---\n{binding}") };
    signed_in(azwi, name, (!actions.is_empty() || manifest.is_empty()).then_some(actions), &manifest)
}

/// The environment of an application that has these actions at the test's resource group, and of a service account that has
/// what the manifest gives the user `terraform` in the namespace `app`, which becomes the test's.
pub fn signed_in(azwi: &Azwi, name: &str, actions: Option<Vec<String>>, manifest: &str) -> BTreeMap<String, String> {
    let mut environment = azwi.environment.clone();
    // Whether a binding is usable is found out in less time than Entra ID would want.
    environment.insert("AZWI_TEST_HURRY".to_owned(), "100".to_owned());
    environment.retain(|variable, _| !variable.starts_with("AZURE_") && !variable.starts_with("KUBE"));
    match actions {
        None => environment.retain(|variable, _| variable != "ARM_CLIENT_ID" && variable != "ARM_CLIENT_SECRET"),
        Some(actions) => {
            static COUNTER: AtomicU32 = AtomicU32::new(1);
            let client = format!("30000000-0000-4000-8000-0001{:08}", COUNTER.fetch_add(1, Ordering::Relaxed));
            let scope = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{}", azwi.group);
            azwi.emulator.seed(&json!({ "applications": [{
                "client_id": client, "object_id": client, "name": name, "secrets": ["secret"],
                "permissions": [{ "actions": actions, "scope": scope }],
            }] }));
            environment.insert("ARM_CLIENT_ID".to_owned(), client);
            environment.insert("ARM_CLIENT_SECRET".to_owned(), "secret".to_owned());
        }
    }
    if !manifest.is_empty() {
        let path = azwi.path(&format!("{name}.kubeconfig"));
        let principal = environment.get("ARM_CLIENT_ID").map(String::as_str);
        std::fs::write(&path, kubeconfig(azwi, name, principal, manifest)).unwrap();
        environment.insert("KUBE_CONFIG_PATH".to_owned(), path.to_str().unwrap().to_owned());
    }
    environment
}

/// Applies a manifest as the administrator would, and returns a kubeconfig of whom it gives rights to. A principal of Entra ID
/// gets them as well: where the cluster is known by its id, that is who comes.
fn kubeconfig(azwi: &Azwi, name: &str, principal: Option<&str>, manifest: &str) -> String {
    // Not in the test's namespace, which must be empty at its end.
    let user = format!("system:serviceaccount:demo:{name}");
    for mut object in objects(manifest) {
        let mut path = "/apis/rbac.authorization.k8s.io/v1".to_owned();
        if object["metadata"]["namespace"].is_string() {
            object["metadata"]["namespace"] = json!(azwi.namespace);
            path = format!("{path}/namespaces/{}", azwi.namespace);
        }
        if let Some(subjects) = object["subjects"].as_array_mut() {
            let users = || [Some(user.as_str()), principal].into_iter().flatten();
            let named = |subject: &Json| {
                assert_eq!(subject["name"], "terraform");
                users()
                    .map(|name| json!({ "apiGroup": subject["apiGroup"], "kind": subject["kind"], "name": name }))
                    .collect()
            };
            *subjects = subjects.iter().flat_map(|subject| -> Vec<Json> { named(subject) }).collect();
        }
        let path = format!("{path}/{}s", object["kind"].as_str().unwrap().to_lowercase());
        let (status, answer) = azwi.emulator.kubernetes("demo", Method::POST, &path, Some(&object));
        assert_eq!(status, 201, "{answer}");
    }
    azwi.emulator.create_account("demo", name, &json!({}));
    let path = format!("/api/v1/namespaces/demo/serviceaccounts/{name}/token");
    let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
    let (status, answer) = azwi.emulator.kubernetes("demo", Method::POST, &path, Some(&body));
    assert_eq!(status, 201, "{answer}");
    let mut config: Json = serde_saphyr::from_str(&azwi.emulator.kubeconfig()).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({ "token": answer["status"]["token"] });
    }
    config.to_string()
}
