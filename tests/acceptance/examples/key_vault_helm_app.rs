//! examples/key-vault-helm-app.

use std::fs;

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::example::of_an_example;
use super::pod::{Pod, VAULT};
use crate::azwi::changes;
use crate::emulator::{Emulator, RESOURCE_MANAGER, SUBSCRIPTION};
use crate::texts;

const VAULT_ID: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo";
const SECRETS_OFFICER: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7";
const COMPONENTS: [&str; 3] = ["scheduler", "webserver", "worker"];

fn binding(account: &str) -> String {
    format!("azwi_federated_credential_binding.account[\"{account}\"]")
}

/// The subjects that the identity trusts, sorted.
fn subjects(emulator: &Emulator) -> Vec<String> {
    let credentials = emulator.credentials(&Emulator::identity_id(SUBSCRIPTION, "rg-demo", "orchestrator"));
    assert!(credentials.iter().all(|one| one["properties"]["issuer"] == emulator.issuer()), "{credentials:#?}");
    let mut subjects: Vec<_> =
        credentials.iter().map(|one| one["properties"]["subject"].as_str().unwrap().to_owned()).collect();
    subjects.sort();
    subjects
}

/// What a chart gets for its components.
fn values(client: &Json, account: impl Fn(&str) -> String) -> Json {
    let mut values = json!({
        "azureKeyVault": {
            "name": "kv-demo", "url": "https://kv-demo.vault.azure.net/", "clientId": client,
            "tenantId": "10000000-0000-4000-8000-000000000001",
        },
    });
    for component in COMPONENTS {
        values[component] = json!({
            "podLabels": {"azure.workload.identity/use": "true"},
            "serviceAccount": {"create": false, "name": account(component)},
        });
    }
    values
}

#[test]
fn the_components_of_a_chart_keep_their_secrets_in_the_vault() {
    of_an_example("key-vault-helm-app", |example| {
        let emulator = &example.azwi.emulator;
        example.follow("Try it in the emulator");
        example.plan_is_empty();

        let client = example.output("client_id");
        let written = fs::read_to_string(example.azwi.path(&example.folder()).join("values.yaml")).unwrap();
        assert!(written.starts_with("azureKeyVault:\n  clientId: \""), "{written}");
        let read: Json = serde_saphyr::from_str(&written).unwrap();
        assert_eq!(read, values(&client, |_| "orchestrator".to_owned()));
        let account = emulator.account("orchestrator", "orchestrator").unwrap();
        assert_eq!(account["metadata"]["annotations"]["azure.workload.identity/client-id"], client);
        assert_eq!(account["metadata"]["labels"], json!({"app.kubernetes.io/part-of": "orchestrator"}));
        assert_eq!(subjects(emulator), ["system:serviceaccount:orchestrator:orchestrator"]);
        let identity = emulator.identity(&Emulator::identity_id(SUBSCRIPTION, "rg-demo", "orchestrator")).unwrap();
        let roles = emulator.role_assignments(VAULT_ID);
        assert_eq!(roles.len(), 1, "{roles:#?}");
        assert_eq!(roles[0]["properties"]["principalId"], identity["properties"]["principalId"]);
        assert!(roles[0]["properties"]["roleDefinitionId"].as_str().unwrap().ends_with(SECRETS_OFFICER), "{roles:#?}");

        let printed = example.follow("A chart that cannot label its pods");
        assert_eq!(printed.matches("<none>").count(), 4, "no pod of the old chart signs in as anything: {printed}");
        let pods = Pod::all(emulator, "orchestrator");
        assert_eq!(pods.len(), 4, "one of each component, and a second worker");
        for pod in &pods {
            assert_eq!(pod.variable("AZURE_CLIENT_ID"), client, "{}", pod.name());
        }
        a_pod_keeps_a_secret(emulator, &pods[0]);

        let split = example.change(&[("account_per_component", "true"), ("tags", r#"{"team":"data"}"#)]);
        assert_eq!(
            split,
            changes([
                ("azwi_user_assigned_identity.app", "update"),
                (&binding("orchestrator"), "delete"),
                (&binding("orchestrator-scheduler"), "create"),
                (&binding("orchestrator-webserver"), "create"),
                (&binding("orchestrator-worker"), "create"),
            ])
        );
        let read: Json = serde_saphyr::from_str(example.output("values").as_str().unwrap()).unwrap();
        assert_eq!(read, values(&client, |component| format!("orchestrator-{component}")));
        assert!(emulator.account("orchestrator", "orchestrator").is_none());
        assert_eq!(
            subjects(emulator),
            COMPONENTS.map(|one| format!("system:serviceaccount:orchestrator:orchestrator-{one}"))
        );

        // One component is shut out, and the others stay as they are.
        let fewer = [("account_per_component", "true"), ("components", r#"["webserver","scheduler"]"#)];
        let gone = example.change(&fewer);
        assert!(gone.contains(&(binding("orchestrator-worker"), "delete".to_owned())), "{gone:?}");
        assert_eq!(gone.len(), 2, "that, and the tags of before: {gone:?}");
        assert!(emulator.account("orchestrator", "orchestrator-worker").is_none());
        wrong_variables_are_told(example);
        example.follow("Clean up");
    });
}

/// A pod writes and reads secrets, and may do nothing with the vault itself.
#[track_caller]
fn a_pod_keeps_a_secret(emulator: &Emulator, pod: &Pod<'_>) {
    let (_, vault) = emulator.arm(Method::GET, VAULT_ID, "2023-07-01", None);
    let url = format!("{}secrets/connection?api-version=7.4", vault["properties"]["vaultUri"].as_str().unwrap());
    let access = pod.signs_in_to(VAULT).unwrap();
    let (status, answer) = emulator.ask(Method::PUT, &url, &access, Some(&json!({"value": "postgres://"})));
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = emulator.ask(Method::GET, &url, &access, None);
    assert_eq!((status, &answer["value"]), (200, &json!("postgres://")), "{answer}");
    let access = pod.signs_in_to(RESOURCE_MANAGER).unwrap();
    let vault = format!("{}{VAULT_ID}?api-version=2023-07-01", emulator.url());
    let (status, answer) = emulator.ask(Method::DELETE, &vault, &access, None);
    assert_eq!((status, &answer["error"]["code"]), (403, &json!("AuthorizationFailed")), "{answer}");
}

#[track_caller]
fn wrong_variables_are_told(example: &super::example::Example<'_>) {
    let off = json!({"resource_group": "rg-demo", "oidc_issuer": false, "workload_identity": false});
    example.azwi.emulator.seed(&json!({"clusters": [{"name": "bare", "azure": off}]}));
    let bare = Emulator::cluster_id("rg-demo", "bare");
    let command = "--name bare --enable-oidc-issuer --enable-workload-identity";
    example.plan_fails(&[("cluster_id", &bare)]).says(&["az aks update", command]);
    for (variable, value, told) in [
        ("cluster_id", "demo", texts::NOT_A_CLUSTER),
        ("key_vault_id", "kv-demo", texts::NAME_IS_NOT_ENOUGH),
        ("key_vault_url", "kv-demo", texts::NOT_A_VAULT_URL),
        ("resource_group_name", "rg-demo.", texts::DOT_AT_ITS_END),
        ("location", "West Europe", texts::NOT_A_LOCATION),
        ("namespace", "-app", texts::NOT_A_NAMESPACE),
        ("name", "Orchestrator", texts::NOT_A_NAME),
        ("components", "[]", texts::NO_COMPONENT),
        ("components", r#"["dag-processor"]"#, texts::COMPONENT_KEY),
        ("components", r#"["worker","Worker"]"#, texts::SAME_COMPONENT),
        ("tags", r#"{"":"c"}"#, texts::TOO_MANY_TAGS),
    ] {
        example.plan_fails(&[(variable, value)]).says(&[texts::INVALID_VARIABLE, told]);
    }
}
