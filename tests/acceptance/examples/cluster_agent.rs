//! examples/cluster-agent.

use reqwest::Method;
use serde_json::json;

use super::example::of_an_example;
use super::pod::{Pod, VAULT};
use crate::azwi::changes;
use crate::emulator::{Emulator, OTHER_SUBSCRIPTION, RESOURCE_MANAGER, SUBSCRIPTION};
use crate::texts;

const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const BINDING: &str = "azwi_federated_credential_binding.agent";

#[test]
fn an_agent_reads_the_subscription_and_changes_nothing_in_it() {
    of_an_example("cluster-agent", |example| {
        let emulator = &example.azwi.emulator;
        let printed = example.follow("Try it in the emulator");
        example.plan_is_empty();

        let client = example.output("client_id");
        let lines = format!(
            "AZURE_CLIENT_ID={}\nAZURE_SUBSCRIPTION_ID={SUBSCRIPTION}\nAZURE_TENANT_ID={}\nSERVICE_ACCOUNT_NAME=cluster-agent\n",
            client.as_str().unwrap(),
            emulator.environment["ARM_TENANT_ID"],
        );
        assert_eq!(example.output("env"), lines);
        assert!(printed.contains(&lines), "{printed}");
        assert_eq!(
            example.output("agent"),
            json!({"AZURE_CLIENT_ID": client, "AZURE_TENANT_ID": example.output("tenant_id"),
                "AZURE_SUBSCRIPTION_ID": example.output("subscription_id"),
                "SERVICE_ACCOUNT_NAME": example.output("service_account_name")})
        );
        let identity = Emulator::identity_id(SUBSCRIPTION, "rg-demo", "cluster-agent");
        let credentials = emulator.credentials(&identity);
        assert_eq!(credentials.len(), 1, "{credentials:#?}");
        assert_eq!(credentials[0]["properties"]["issuer"], emulator.issuer());
        assert_eq!(credentials[0]["properties"]["subject"], "system:serviceaccount:resiliency-system:cluster-agent");
        let account = emulator.account("resiliency-system", "cluster-agent").unwrap();
        assert_eq!(account["metadata"]["annotations"]["azure.workload.identity/client-id"], client);
        let principal = emulator.identity(&identity).unwrap()["properties"]["principalId"].clone();
        assert_eq!(readers(emulator, SUBSCRIPTION), [principal.as_str().unwrap()]);

        let pods = Pod::all(emulator, "resiliency-system");
        assert_eq!(pods.len(), 1, "the agent's");
        assert_eq!(pods[0].variable("AZURE_CLIENT_ID"), client);
        let access = pods[0].signs_in_to(RESOURCE_MANAGER).unwrap();
        let groups = |subscription: &str, name: &str| {
            format!("{}/subscriptions/{subscription}/resourceGroups{name}?api-version=2021-04-01", emulator.url())
        };
        let (status, list) = emulator.ask(Method::GET, &groups(SUBSCRIPTION, ""), &access, None);
        assert_eq!(status, 200, "{list}");
        assert!(list["value"].as_array().unwrap().iter().any(|group| group["name"] == "rg-demo"), "{list}");
        let new = json!({"location": "westeurope"});
        for (method, url, body) in [
            (Method::PUT, groups(SUBSCRIPTION, "/rg-new"), Some(&new)),
            (Method::DELETE, groups(SUBSCRIPTION, "/rg-demo"), None),
            (Method::GET, groups(OTHER_SUBSCRIPTION, ""), None),
        ] {
            let (status, answer) = emulator.ask(method, &url, &access, body);
            assert_eq!((status, &answer["error"]["code"]), (403, &json!("AuthorizationFailed")), "{url}: {answer}");
        }
        let vault =
            format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo");
        let (_, vault) = emulator.arm(Method::GET, &vault, "2023-07-01", None);
        let secret =
            format!("{}secrets/db-password?api-version=7.4", vault["properties"]["vaultUri"].as_str().unwrap());
        let access = pods[0].signs_in_to(VAULT).unwrap();
        assert_eq!(emulator.ask(Method::GET, &secret, &access, None).0, 403, "reading settings is not reading data");

        let moved = example.change(&[("subscription_id", OTHER_SUBSCRIPTION)]);
        assert_eq!(moved, changes([(BINDING, "update")]));
        assert_eq!(example.output("subscription_id"), OTHER_SUBSCRIPTION);
        assert!(readers(emulator, SUBSCRIPTION).is_empty());
        assert_eq!(readers(emulator, OTHER_SUBSCRIPTION), [principal.as_str().unwrap()]);
        example.follow("Clean up");
    });
}

#[test]
fn the_whole_subscription_is_warned_of_until_it_is_accepted() {
    of_an_example("cluster-agent", |example| {
        let printed = example.follow("Try it in the emulator");
        let warning = format!("{}`Reader` {}", texts::BROAD_ACCESS, texts::WHOLE_SUBSCRIPTION);
        let (applied, accepted) = printed.rsplit_once("SERVICE_ACCOUNT_NAME=cluster-agent\n").unwrap();
        assert!(applied.contains(&warning) && !accepted.contains(&warning), "{printed}");
        example.plan_is_empty();
        example.plan(&[]).warned().says(&[&warning, SUBSCRIPTION, "accept_broad_access = true"]);

        let accepted = [("accept_broad_access", "true")];
        let run = example.plan(&accepted);
        assert!(run.diagnostics("warning").is_empty(), "{run}");
        let roles = example.azwi.emulator.role_assignments(&format!("/subscriptions/{SUBSCRIPTION}"));
        assert_eq!(example.change(&accepted), changes([(BINDING, "update")]));
        let after = example.azwi.emulator.role_assignments(&format!("/subscriptions/{SUBSCRIPTION}"));
        assert_eq!(roles, after, "it changes nothing in Azure");
        example.follow("Clean up");
    });
}

#[test]
fn what_is_missing_or_wrong_is_told_before_anything_is_made() {
    of_an_example("cluster-agent", |example| {
        let emulator = &example.azwi.emulator;
        example.follow("Try it in the emulator");
        let off = |issuer| json!({"resource_group": "rg-demo", "oidc_issuer": issuer, "workload_identity": false});
        emulator
            .seed(&json!({"clusters": [{"name": "bare", "azure": off(false)}, {"name": "half", "azure": off(true)}]}));
        let [bare, half] = ["bare", "half"].map(|name| Emulator::cluster_id("rg-demo", name));
        for (variable, value, told) in [
            ("cluster_id", bare.as_str(), "--name bare --enable-oidc-issuer --enable-workload-identity"),
            ("cluster_id", &half, "--name half --enable-workload-identity"),
            ("cluster_id", "demo", texts::NOT_A_CLUSTER),
            ("subscription_id", "Demo", texts::NOT_A_SUBSCRIPTION),
            ("subscription_id", &format!("/subscriptions/{SUBSCRIPTION}"), texts::PATH_IS_TOO_MUCH),
            ("accept_broad_access", "yes", texts::NOT_A_BOOL),
            ("resource_group_name", "rg demo", texts::NOT_A_RESOURCE_GROUP),
            ("location", "West Europe", texts::NOT_A_LOCATION),
            ("namespace", "resiliency_system", texts::NOT_A_NAMESPACE),
            ("name", "agent-", texts::NOT_A_NAME),
            ("tags", r#"{"a%":"c"}"#, texts::TOO_MANY_TAGS),
        ] {
            example.plan_fails(&[(variable, value)]).says(&[told]);
        }
        example.follow("Clean up");
    });
}

/// Who is a reader of this whole subscription.
fn readers(emulator: &Emulator, subscription: &str) -> Vec<String> {
    let assignments = emulator.role_assignments(&format!("/subscriptions/{subscription}"));
    let role = |one: &serde_json::Value| one["properties"]["roleDefinitionId"].as_str().unwrap().ends_with(READER);
    let principal = |one: &serde_json::Value| one["properties"]["principalId"].as_str().unwrap().to_owned();
    assignments.iter().filter(|one| role(one)).map(principal).collect()
}
