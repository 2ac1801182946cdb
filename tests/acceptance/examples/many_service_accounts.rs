//! examples/many-service-accounts: several accounts, one identity, and each role at one resource.

use serde_json::json;

use super::example::{Example, of_an_example};
use crate::azwi::changes;
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::texts;

const AUDIENCE: &str = "api://AzureADTokenExchange";

/// What the catalogue gives: where, and the GUID that the role has in Azure's list of built-in roles.
const CATALOGUE: [(&str, &str, &str); 5] = [
    ("read_secrets", "Microsoft.KeyVault/vaults/kv-demo", "4633458b-17de-408a-b874-0445c86b69e6"),
    (
        "read_blobs",
        "Microsoft.Storage/storageAccounts/stdemo/blobServices/default/containers/catalogue",
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    ),
    (
        "write_blobs",
        "Microsoft.Storage/storageAccounts/stdemo/blobServices/default/containers/invoices",
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    ),
    (
        "send_messages",
        "Microsoft.ServiceBus/namespaces/sb-demo/queues/shipments",
        "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",
    ),
    (
        "receive_messages",
        "Microsoft.ServiceBus/namespaces/sb-demo/queues/orders",
        "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
    ),
];

/// What of the catalogue the identity has been given, in the catalogue's order.
fn granted(example: &Example<'_>) -> Vec<&'static str> {
    let emulator = &example.azwi.emulator;
    let identity = emulator.identity(&Emulator::identity_id(SUBSCRIPTION, "rg-demo", "shop")).unwrap();
    let providers = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-demo/providers");
    let has = |(_, at, role): &&(&str, &str, &str)| {
        let all = emulator.role_assignments(&format!("{providers}/{at}"));
        all.iter().any(|one| {
            one["properties"]["principalId"] == identity["properties"]["principalId"]
                && one["properties"]["roleDefinitionId"].as_str().unwrap().ends_with(role)
        })
    };
    CATALOGUE.iter().filter(has).map(|(access, ..)| *access).collect()
}

#[test]
fn several_accounts_act_as_one_identity_that_may_do_what_the_catalogue_gives_it() {
    of_an_example("many-service-accounts", |example| {
        // The page takes rights away at its end.
        example.follow("Try it in the emulator");
        assert_eq!(granted(example), ["read_secrets", "read_blobs"]);
        let role = |access: &str| format!("module.application.azwi_role_assignment.this[\"{access}\"]");
        let [sends, receives, writes] = ["send_messages", "receive_messages", "write_blobs"].map(role);
        assert_eq!(example.change(&[]), changes([(&sends, "create"), (&receives, "create"), (&writes, "create")]));
        assert_eq!(granted(example), CATALOGUE.map(|(access, ..)| access));

        let emulator = &example.azwi.emulator;
        let identity = emulator.identity(&Emulator::identity_id(SUBSCRIPTION, "rg-demo", "shop")).unwrap();
        assert_eq!(identity["tags"], json!({"application": "shop", "team": "storefront"}));
        let client = example.output("client_id");
        for name in ["scheduler", "web", "worker"] {
            let account = emulator.account("demo", name).unwrap();
            assert_eq!(account["metadata"]["annotations"]["azure.workload.identity/client-id"], client);
            let token = emulator.account_token("demo", name, AUDIENCE);
            emulator.exchange(client.as_str().unwrap(), &token).unwrap();
        }
        assert_eq!(example.output("service_account_names"), json!(["scheduler", "web", "worker"]));
        assert_eq!(example.output("may")["send_messages"], "Azure Service Bus Data Sender at queues/shipments");
        let stranger = emulator.account_token("demo", "default", AUDIENCE);
        emulator.exchange(client.as_str().unwrap(), &stranger).unwrap_err();

        // One more account is one more thing; other tags are the identity's alone.
        let importer = "module.application.azwi_federated_credential_binding.this[\"importer\"]";
        let more = ("service_accounts", r#"["web", "worker", "scheduler", "importer"]"#);
        assert_eq!(example.change(&[more]), changes([(importer, "create")]));
        let tagged = example.change(&[more, ("team", "checkout"), ("tags", r#"{"cost_centre": "4711"}"#)]);
        let about: Vec<&str> = tagged.iter().map(|(address, _)| address.as_str()).collect();
        assert!(about.contains(&"module.application.azwi_user_assigned_identity.this[0]"), "{tagged:?}");
        assert!(tagged.iter().all(|(_, action)| action == "update"), "{tagged:?}");
        assert!(!about.iter().any(|address| address.contains("binding")), "{tagged:?}");

        example.follow("Clean up");
        // Without anything to refresh a plan is quick.
        wrong_variables(example);
    });
}

fn wrong_variables(example: &Example<'_>) {
    example.plan_fails(&[("key_vault_id", "kv-demo")]).says(&[texts::NOT_A_VAULT, "az keyvault show --query id"]);
    example.plan_fails(&[("cluster_id", "demo")]).says(&[texts::NOT_A_CLUSTER, "az aks show --query id"]);
    example.plan_fails(&[("storage_account_id", "stdemo")]).says(&[texts::NOT_A_STORAGE_ACCOUNT]);
    example.plan_fails(&[("service_bus_namespace_id", "sb")]).says(&[texts::NOT_A_SERVICE_BUS]);
    example.plan_fails(&[("write_container", "Invoices")]).says(&[texts::NOT_A_CONTAINER]);
    example.plan_fails(&[("send_queue", "/")]).says(&[texts::NOT_A_QUEUE]);
    example.plan_fails(&[("access", r#"["read_everything"]"#)]).says(&[texts::CHOOSE_ACCESS, "read_secrets"]);
    example.plan_fails(&[("tags", r#"{"team": "x"}"#)]).says(&[texts::TAGS_BY_VARIABLE]);
    example.plan_fails(&[("namespace", "Demo")]).says(&[texts::NOT_A_NAMESPACE]);
    let many: Vec<String> = (0..21).map(|number| format!("\"app-{number}\"")).collect();
    example
        .plan_fails(&[("service_accounts", &format!("[{}]", many.join(",")))])
        .says(&[texts::TOO_MANY_ACCOUNTS, "21"]);
}
