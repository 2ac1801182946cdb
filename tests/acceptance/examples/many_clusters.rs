//! examples/many-clusters: one identity, a credential for each cluster, and clusters that come and go.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;
use reqwest::Method;
use serde_json::json;

use super::example::{Example, of_an_example};
use crate::azwi::{NOTHING, changes};
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::texts;

const EAST: &str = "module.east.azwi_federated_credential_binding.this[\"storefront\"]";

fn identity() -> String {
    Emulator::identity_id(SUBSCRIPTION, "rg-demo", "storefront")
}

fn issuers(example: &Example<'_>) -> BTreeSet<String> {
    let all = example.azwi.emulator.credentials(&identity());
    all.iter().map(|one| one["properties"]["issuer"].as_str().unwrap().to_owned()).collect()
}

/// Replaces what a pattern matches in a file of the example's copy, which has to have it.
fn edit(example: &Example<'_>, file: &str, pattern: &str, by: &str) {
    let path = example.azwi.path(&format!("{}/{file}", example.folder()));
    let text = fs::read_to_string(&path).unwrap();
    let edited = Regex::new(pattern).unwrap().replace_all(&text, by);
    assert_ne!(edited, text, "{file} has nothing like {pattern}");
    fs::write(path, edited.as_bytes()).unwrap();
}

fn remove_module(example: &Example<'_>) {
    edit(example, "main.tf", r#"(?s)data "azwi_cluster" "east" \{.*?\n\}\n\n"#, "");
    edit(example, "main.tf", r#"(?s)module "east" \{.*?\n\}\n"#, "");
    edit(example, "outputs.tf", r", east = (data\.azwi_cluster|module)\.east[^ ,}]+", "");
}

fn remove_provider(example: &Example<'_>) {
    edit(example, "main.tf", r#"(?s)provider "azwi" \{\n  alias = "east".*?\n\}\n\n"#, "");
}

#[test]
fn an_application_is_in_two_clusters_and_leaves_one_of_them() {
    of_an_example("many-clusters", |example| {
        example.follow("Try it in the emulator");
        example.plan_is_empty();
        let emulator = &example.azwi.emulator;
        let client = example.output("client_id");
        assert_eq!(example.output("usable"), json!({"west": true, "east": true}));
        assert_eq!(issuers(example).len(), 2);
        let subjects: BTreeSet<String> =
            emulator.credentials(&identity()).iter().map(|one| one["properties"]["subject"].to_string()).collect();
        assert_eq!(subjects.len(), 1, "{subjects:?}");
        for cluster in ["demo", "second"] {
            let account = emulator.account_of(cluster, "demo", "storefront").unwrap();
            assert_eq!(account["metadata"]["annotations"]["azure.workload.identity/client-id"], client);
            let asked = json!({
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"audiences": ["api://AzureADTokenExchange"]},
            });
            let path = "/api/v1/namespaces/demo/serviceaccounts/storefront/token";
            let (_, answer) = emulator.kubernetes(cluster, Method::POST, path, Some(&asked));
            emulator.exchange(client.as_str().unwrap(), answer["status"]["token"].as_str().unwrap()).unwrap();
        }
        let vault =
            format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo");
        assert_eq!(emulator.role_assignments(&vault).len(), 1, "the role is the identity's, and assigned once");

        let tags = example.change(&[("tags", r#"{"team": "checkout"}"#)]);
        assert_eq!(tags, changes([("azwi_user_assigned_identity.app", "update")]));
        example.change(&[]);

        // Both at once is what Terraform refuses. The page has the order, which is the module first.
        let main = example.azwi.path(&format!("{}/main.tf", example.folder()));
        remove_module(example);
        let without_module = fs::read_to_string(&main).unwrap();
        remove_provider(example);
        example.plan_fails(&[]).says(&[texts::NO_PROVIDER_CONFIGURATION]);
        fs::write(&main, without_module).unwrap();
        assert_eq!(example.change(&[]), changes([(EAST, "delete")]));
        assert!(emulator.account_of("second", "demo", "storefront").is_none());
        assert_eq!(issuers(example), BTreeSet::from([emulator.issuer()]));
        remove_provider(example);
        assert_eq!(example.changes(&[]), NOTHING);
        example.follow("Clean up");

        let demo = Emulator::cluster_id("rg-demo", "demo");
        let twice = format!(r#"{{"west": "{demo}", "east": "{}"}}"#, demo.to_uppercase());
        example.plan_fails(&[("cluster_ids", &twice)]).says(&[texts::SAME_CLUSTER]);
        example.plan_fails(&[("cluster_ids", r#"{"west": "demo", "east": "second"}"#)]).says(&["az aks show"]);
        example.plan_fails(&[("key_vault_id", "kv-demo")]).says(&["az keyvault show --query id"]);
    });
}

#[test]
fn of_a_cluster_that_is_gone_the_credential_is_deleted_and_the_account_forgotten() {
    of_an_example("many-clusters", |example| {
        example.follow("Try it in the emulator");
        let emulator = &example.azwi.emulator;
        emulator.delete_account_of("second", "demo", "storefront");
        emulator.delete_cluster(&Emulator::cluster_id("rg-demo", "second"));
        example.plan_fails(&[]).says(&[texts::NOT_FOUND, "`second`"]);
        remove_module(example);
        let arguments = ["apply", "-json", "-input=false", "-auto-approve", "-var-file=emulator.tfvars"];
        let run = example.azwi.run_in(&example.folder(), &arguments);
        run.failed().says(&["second", "terraform state rm"]);
        assert_eq!(issuers(example), BTreeSet::from([emulator.issuer()]), "nobody else is trusted any more");
        example.azwi.run_in(&example.folder(), &["state", "rm", "module.east"]).succeeded();
        remove_provider(example);
        assert_eq!(example.changes(&[]), NOTHING);
        example.follow("Clean up");
    });
}
