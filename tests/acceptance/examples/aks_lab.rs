//! examples/aks-lab.

use reqwest::Method;
use serde_json::json;

use super::example::of_an_example;
use super::pod::{Pod, VAULT};
use crate::azwi::changes;
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::texts;

const VAULT_ID: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo";
const SECRETS_USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";
const BINDING: &str = "azwi_federated_credential_binding.lab";

/// What the secret holds that the README creates.
const SECRET: &str = "correct horse battery staple";

/// Has the README's script read the secret; what it says, whether it succeeds or not.
const READ: &str = "./read-secret.sh aks-lab sdk 2>&1 || true";

#[test]
fn two_pods_read_a_secret_of_the_vault_and_no_longer_without_the_role() {
    of_an_example("aks-lab", |example| {
        let emulator = &example.azwi.emulator;
        let printed = example.follow("Try it in the emulator");
        assert!(printed.contains(&format!("db-password is: {SECRET}\n")), "{printed}");
        example.plan_is_empty();

        let identity = Emulator::identity_id(SUBSCRIPTION, "rg-demo", "aks-lab");
        let credentials = emulator.credentials(&identity);
        assert_eq!(credentials.len(), 1, "{credentials:#?}");
        assert_eq!(
            credentials[0]["properties"],
            json!({"issuer": emulator.issuer(), "subject": "system:serviceaccount:aks-lab:aks-lab",
                "audiences": ["api://AzureADTokenExchange"]})
        );
        let identity = emulator.identity(&identity).unwrap();
        assert_eq!(identity["tags"], json!({"application": "aks-lab"}));
        let account = emulator.account("aks-lab", "aks-lab").unwrap();
        let annotations = &account["metadata"]["annotations"];
        assert_eq!(annotations["azure.workload.identity/client-id"], identity["properties"]["clientId"]);
        let roles = emulator.role_assignments(VAULT_ID);
        assert_eq!(roles.len(), 1, "{roles:#?}");
        assert_eq!(roles[0]["properties"]["principalId"], identity["properties"]["principalId"]);
        assert!(roles[0]["properties"]["roleDefinitionId"].as_str().unwrap().ends_with(SECRETS_USER), "{roles:#?}");

        let pods = ["sdk", "azure-cli"].map(|name| Pod::named(emulator, "aks-lab", name));
        for pod in &pods {
            let url = format!("{}/secrets/db-password?api-version=7.4", pod.variable("KEYVAULT_URL").as_str().unwrap());
            let access = pod.signs_in_to(VAULT).unwrap();
            let (status, secret) = emulator.ask(Method::GET, &url, &access, None);
            assert_eq!((status, &secret["value"]), (200, &json!(SECRET)), "{secret}");
            let (status, refusal) = emulator.ask(Method::PUT, &url, &access, Some(&json!({"value": "mine"})));
            assert_eq!(
                (status, &refusal["error"]["innererror"]["code"]),
                (403, &json!("ForbiddenByRbac")),
                "{refusal}"
            );
        }

        emulator.delete_role_assignment(roles[0]["id"].as_str().unwrap());
        let said = String::from_utf8(example.shell.run("the script", READ).stdout).unwrap();
        assert!(said.contains(texts::GOT_ACCESS_TOKEN) && said.contains(texts::VAULT_REFUSED), "{said}");
        assert_eq!(example.change(&[]), changes([(BINDING, "update")]));
        let said = String::from_utf8(example.shell.run("the script", READ).stdout).unwrap();
        assert!(said.contains(SECRET), "{said}");

        let tagged = example.change(&[("tags", r#"{"team":"a"}"#), ("secret_name", "other")]);
        assert_eq!(tagged, changes([("azwi_user_assigned_identity.lab", "update")]));
        assert!(example.output("pods").as_str().unwrap().contains("value: other\n"));
        example.follow("Clean up");
    });
}

#[test]
fn what_is_missing_is_told_with_the_command_that_mends_it() {
    of_an_example("aks-lab", |example| {
        let emulator = &example.azwi.emulator;
        example.follow("Try it in the emulator");

        let off = json!({"resource_group": "rg-demo", "oidc_issuer": false, "workload_identity": false});
        emulator.seed(&json!({"clusters": [
            {"name": "bare", "azure": off},
            {"name": "stopped", "azure": {"resource_group": "rg-demo"}},
        ]}));
        let [bare, stopped] = ["bare", "stopped"].map(|name| Emulator::cluster_id("rg-demo", name));
        emulator.put_cluster(&stopped, &json!({"powerState": {"code": "Stopped"}}));
        let command = format!(
            "  az aks update --subscription {SUBSCRIPTION} --resource-group rg-demo --name bare --enable-oidc-issuer \
             --enable-workload-identity\n"
        );
        example.plan_fails(&[("cluster_id", &bare)]).says(&[texts::FEATURES_OFF, &command]);
        example.plan_fails(&[("cluster_id", &stopped)]).says(&["az aks start --resource-group rg-demo --name stopped"]);

        for (variable, value, told) in [
            ("cluster_id", "demo", texts::NOT_A_CLUSTER),
            ("cluster_id", &bare.replace("ContainerService/managed", "Kubernetes/connected"), texts::NOT_A_CLUSTER),
            ("key_vault_id", "https://kv-demo.vault.azure.net/", texts::NAME_IS_NOT_ENOUGH),
            ("key_vault_url", "kv-demo", texts::NOT_A_VAULT_URL),
            ("secret_name", "db_password", "az keyvault secret list"),
            ("resource_group_name", "/subscriptions/x/resourceGroups/rg-demo", texts::ID_IS_TOO_MUCH),
            ("location", "West Europe", texts::NOT_A_LOCATION),
            ("namespace", "Lab", texts::NOT_A_NAMESPACE),
            ("name", "no", texts::NOT_A_NAME),
            ("tags", r#"{"a/b":"c"}"#, texts::TOO_MANY_TAGS),
        ] {
            example.plan_fails(&[(variable, value)]).says(&[texts::INVALID_VARIABLE, told]);
        }

        // A pod that lacks the label, told by the script that a reader has.
        let plain = r#"kubectl --namespace aks-lab run plain --image=nginx --overrides '{"spec":{"serviceAccountName":"aks-lab"}}'
            ./read-secret.sh aks-lab plain 2>&1 || true
            kubectl --namespace aks-lab delete pod plain"#;
        let said = String::from_utf8(example.shell.run("the script", plain).stdout).unwrap();
        assert!(said.contains("plain has no AZURE_CLIENT_ID") && said.contains(texts::LABEL_MISSING), "{said}");
        example.follow("Clean up");
    });
}
