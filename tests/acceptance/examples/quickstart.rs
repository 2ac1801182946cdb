//! examples/quickstart.

use super::example::of_an_example;
use crate::texts;

#[test]
fn the_quickstart_binds_an_account_to_an_identity() {
    of_an_example("quickstart", |example| {
        example.follow("Try it in the emulator");
        example.plan_is_empty();
        let account = example.azwi.emulator.account("demo", "quickstart").unwrap();
        let annotations = &account["metadata"]["annotations"];
        assert_eq!(annotations["azure.workload.identity/client-id"], example.output("client_id"));
        assert_eq!(example.output("usable"), true);
        assert_eq!(
            example.state().addresses(),
            ["azwi_federated_credential_binding.app", "azwi_user_assigned_identity.app", "data.azwi_cluster.this"]
        );

        example.plan_fails(&[("key_vault_id", "kv-demo")]).says(&[texts::NOT_A_KEY_VAULT, "az keyvault show"]);
        let plan = example.plan(&[("location", "")]);
        assert!(plan.diagnostics("error").is_empty());

        let renamed = example.change(&[("name", "renamed")]);
        assert!(!renamed.is_empty() && renamed.iter().all(|(_, action)| action == "replace"), "{renamed:?}");
        assert!(example.azwi.emulator.account("demo", "quickstart").is_none());
        example.follow("Clean up");
    });
}
