//! A binding and its cluster in Azure: the provider's own by default; and what a binding asks of Azure.

use serde_json::Value as Json;

use crate::azwi::{NOTHING, changes, on_an_emulated_cluster_only};
use crate::binding::{CLUSTER, IN_AZURE, READER, THIS, binding_of, credential, hurried};
use crate::emulator::Emulator;
use crate::texts;

/// `kubernetes { cluster_id }` of the provider.
fn provider(cluster: &str) -> String {
    format!("provider \"azwi\" {{\n  kubernetes {{\n    cluster_id = \"{cluster}\"\n  }}\n}}\n")
}

#[test]
fn provider_cluster_is_the_default_and_the_only_one() {
    on_an_emulated_cluster_only(IN_AZURE, |azwi| {
        let mut azwi = hurried(azwi);
        azwi.environment.retain(|name, _| !name.starts_with("KUBE"));
        let hcl = provider(CLUSTER) + &binding_of("", "").replace("local.cluster_id", "null");
        let state = azwi.applied(&hcl);
        assert_eq!(state.get(THIS, "cluster_id"), CLUSTER);
        assert_eq!(state.get(THIS, "issuer"), azwi.emulator.issuer());
        assert_eq!(state.get(THIS, "usable"), "true");
        azwi.forget(THIS);
        azwi.run(&["import", "-no-color", "-input=false", THIS, &state.get(THIS, "id")]).succeeded();
        assert_eq!(azwi.plan(), NOTHING);
        azwi.import_by_identity(THIS, &hcl);

        let other = CLUSTER.replace("managedClusters/demo", "managedClusters/second");
        azwi.write(&(provider(CLUSTER) + &binding_of("", "").replace("local.cluster_id", &format!("\"{other}\""))));
        let told = azwi.run(&["plan", "-json", "-input=false"]).failed();
        told.on("cluster_id", &[texts::OTHER_CLUSTER, CLUSTER, &other]);

        // Another cluster is another issuer: in place, since clusters are rebuilt.
        azwi.write(&(provider(&other) + &binding_of("", "").replace("local.cluster_id", "null")));
        assert_eq!(azwi.plan(), changes([(THIS, "update")]));
        azwi.apply();
        assert!(credential(&azwi)["properties"]["issuer"].as_str().unwrap().ends_with("/oidc/second/"));
        assert!(azwi.emulator.account_of("second", &azwi.namespace, "app").is_some());
        assert_eq!(azwi.plan(), NOTHING);
        azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
        azwi.emulator.delete_account(&azwi.namespace, "app");
        azwi.emulator.assert_empty(&azwi.group, &azwi.namespace);
    });
}

#[test]
fn one_create_takes_six_requests_at_most_a_refresh_three_and_each_role_three_more() {
    on_an_emulated_cluster_only(IN_AZURE, |azwi| {
        let azwi = hurried(azwi);
        azwi.applied(binding_of("", "").split("resource \"azwi_federated").next().unwrap());
        let arm = |emulator: &Emulator| {
            emulator
                .log()
                .iter()
                .filter(|entry| is_arm(entry))
                .map(|entry| entry["operation"].clone())
                .collect::<Vec<_>>()
        };
        // A saved plan, so that only the create is counted: the identity is not refreshed in the apply.
        azwi.write(&binding_of("", ""));
        azwi.run(&["plan", "-input=false", "-out=saved"]).succeeded();
        let before = arm(&azwi.emulator).len();
        azwi.run(&["apply", "-json", "-input=false", "saved"]).succeeded();
        let all = arm(&azwi.emulator);
        // With what Terraform's second plan of it asks: the cluster, and the list of credentials.
        assert!(all.len() - before <= 6, "{:#?}", &all[before..]);
        let created = &all[before..];
        println!("a create: {created:?}");

        let before = all.len();
        azwi.run(&["plan", "-refresh-only", "-input=false"]).succeeded();
        let all = arm(&azwi.emulator);
        println!("a refresh: {:?}", &all[before..]);
        // With the identity's own.
        assert!(all.len() - before <= 3, "{:#?}", &all[before..]);

        azwi.write(&binding_of("", READER));
        azwi.run(&["plan", "-input=false", "-out=saved"]).succeeded();
        let before = arm(&azwi.emulator).len();
        azwi.run(&["apply", "-json", "-input=false", "saved"]).succeeded();
        let all = arm(&azwi.emulator);
        println!("a role more: {:?}", &all[before..]);
        let of_roles = |operation: &&Json| operation.as_str().unwrap().contains("Role");
        assert!(all[before..].iter().filter(of_roles).count() <= 3, "{:#?}", &all[before..]);
        azwi.destroy();
    });
}

fn is_arm(entry: &Json) -> bool {
    let path = entry["path"].as_str().unwrap_or_default();
    path.starts_with("/subscriptions/") || path.starts_with("/providers/")
}
