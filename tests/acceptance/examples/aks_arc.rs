//! examples/aks-arc: a cluster of Azure Arc, connected and not.

use serde_json::{Value as Json, json};

use super::example::of_an_example;
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::texts;

#[test]
fn a_cluster_at_the_edge_reads_secrets_when_arc_says_that_all_is_well() {
    of_an_example("aks-arc", |example| {
        example.follow("Try it in the emulator");
        example.plan_is_empty();
        let account = example.azwi.emulator.account_of("edge", "demo", "edge-app").unwrap();
        let annotations = &account["metadata"]["annotations"];
        assert_eq!(annotations["azure.workload.identity/client-id"], example.output("client_id"));
        assert_eq!(annotations["azure.workload.identity/service-account-token-expiration"], "3600");
        let identity = Emulator::identity_id(SUBSCRIPTION, "rg-demo", "edge-app");
        let credentials = example.azwi.emulator.credentials(&identity);
        assert_eq!(credentials.len(), 1);
        assert_eq!(credentials[0]["properties"]["issuer"], format!("{}/oidc/edge/", example.azwi.emulator.url()));
        assert_eq!(credentials[0]["properties"]["subject"], "system:serviceaccount:demo:edge-app");
        assert_eq!(example.output("issuer"), credentials[0]["properties"]["issuer"]);
        assert_eq!(example.output("usable"), true);
        assert_eq!(
            example.output("cluster"),
            json!({ "connectivity_status": "Connected", "agent_state": "Succeeded", "agent_version": "1.27.0",
                "distribution": "generic", "kubernetes_version": "1.33.0" })
        );
        let vault =
            format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo");
        assert_eq!(example.azwi.emulator.role_assignments(&vault).len(), 1);

        let changes = example.change(&[("token_expiration_seconds", "86400"), ("tags", r#"{"site":"edge"}"#)]);
        let update = |address: &str| (address.to_owned(), "update".to_owned());
        assert_eq!(
            changes,
            [update("azwi_federated_credential_binding.app"), update("azwi_user_assigned_identity.app")]
        );
        for (variable, value, says) in [
            ("cluster_id", &*Emulator::cluster_id("rg-demo", "demo"), "az connectedk8s show"),
            ("token_expiration_seconds", "86401", texts::TOKEN_LIFETIME),
            ("key_vault_id", "kv-demo", texts::NOT_A_KEY_VAULT),
        ] {
            example.plan_fails(&[(variable, value)]).says(&[says]);
        }

        // What Azure says of a cluster that is not well; a person's own changes to it are never at stake.
        for (kind, changed, says) in [
            (
                "",
                json!({ "connectivityStatus": "Offline", "lastConnectivityTime": "2026-01-02T03:04:05Z" }),
                ["edge is Offline", "2026-01-02T03:04:05Z"],
            ),
            (
                "",
                json!({ "arcAgentProfile": { "agentState": "Failed" } }),
                [&format!("{} Failed", texts::AGENT_STATE), "arcAgentProfile.agentErrors"],
            ),
            (
                "",
                json!({ "securityProfile": null }),
                [&format!("`edge` {}", texts::WORKLOAD_IDENTITY_OFF), "--name edge --enable-workload-identity"],
            ),
            (
                "",
                json!({ "oidcIssuerProfile": null, "securityProfile": null }),
                [texts::FEATURES_OFF, "az connectedk8s update"],
            ),
            ("ProvisionedCluster", json!({ "securityProfile": null }), [texts::ONLY_WHEN_CREATED, "az aksarc create"]),
        ] {
            example.azwi.emulator.faults(&azure_says(kind, &changed));
            example.plan_fails(&[]).says(&says);
        }
        example.azwi.emulator.faults(&json!([]));
        example.follow("Clean up");
    });
}

/// A fault that has Azure describe the cluster `edge` with other properties.
fn azure_says(kind: &str, changed: &Json) -> Json {
    let mut properties = json!({
        "agentVersion": "1.27.0", "connectivityStatus": "Connected", "provisioningState": "Succeeded",
        "oidcIssuerProfile": { "enabled": true, "issuerUrl": "https://issuer.example/" },
        "securityProfile": { "workloadIdentity": { "enabled": true } },
    });
    for (name, value) in changed.as_object().unwrap() {
        properties[name] = value.clone();
    }
    let id = Emulator::cluster_id("rg-demo", "edge")
        .replace("Microsoft.ContainerService/managedClusters", "Microsoft.Kubernetes/connectedClusters");
    let body = json!({ "id": id, "name": "edge", "kind": kind, "location": "westeurope", "properties": properties });
    json!([{ "match": { "operation": "ConnectedCluster_Get" }, "effect": { "status": 200, "body": body } }])
}
