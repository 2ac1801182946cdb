//! Data sources: what they find, what bad input gets, and what is not there is named.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::azwi::{each_with_its_own_emulator, on_an_emulated_cluster_only, under_every_terraform};
use crate::binding::IN_AZURE;
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::texts;

fn data(kind: &str, attributes: &str) -> String {
    format!("data \"azwi_{kind}\" \"this\" {{\n{attributes}\n}}\n")
}

fn cluster(id: &str, rest: &str) -> String {
    data("cluster", &format!("  cluster_id = \"{id}\"\n{rest}"))
}

#[test]
fn a_cluster_of_aks_tells_its_issuer_and_what_is_switched_on() {
    on_an_emulated_cluster_only(IN_AZURE, |azwi| {
        let id = Emulator::cluster_id("rg-demo", "demo");
        let state = azwi.applied(&cluster(&id.to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions"), ""));
        let get = |attribute: &str| state.get("data.azwi_cluster.this", attribute);
        assert_eq!(get("issuer"), azwi.emulator.issuer());
        assert_eq!((get("kind"), get("id").to_lowercase()), ("aks".to_owned(), id.to_lowercase()));
        for (attribute, expected) in [
            ("name", "demo"),
            ("location", "westeurope"),
            ("oidc_issuer_enabled", "true"),
            ("workload_identity_enabled", "true"),
            ("api_server", "demo.hcp.westeurope.azmk8s.io"),
            ("private_cluster_enabled", "false"),
            ("local_account_disabled", "false"),
            ("azure_rbac_enabled", "true"),
            ("provisioning_state", "Succeeded"),
            ("power_state", "Running"),
            ("agent_version", "null"),
            ("connectivity_status", "null"),
        ] {
            assert_eq!(get(attribute), expected, "{attribute}");
        }
        assert_eq!(get("tenant_id"), azwi.environment["ARM_TENANT_ID"]);
    });
}

#[test]
fn a_cluster_of_arc_tells_of_its_agents() {
    each_with_its_own_emulator(|azwi| {
        let id = Emulator::cluster_id("rg-demo", "edge")
            .replace("Microsoft.ContainerService/managedClusters", "Microsoft.Kubernetes/connectedClusters");
        let state = azwi.applied(&cluster(&id, ""));
        let get = |attribute: &str| state.get("data.azwi_cluster.this", attribute);
        assert!(get("issuer").ends_with("/oidc/edge/"), "{}", get("issuer"));
        for (attribute, expected) in [
            ("kind", "arc"),
            ("connectivity_status", "Connected"),
            ("agent_version", "1.27.0"),
            ("distribution", "generic"),
            ("api_server", "null"),
            ("private_cluster_enabled", "null"),
            ("power_state", "null"),
        ] {
            assert_eq!(get(attribute), expected, "{attribute}");
        }
    });
}

#[test]
fn a_cluster_without_a_feature_is_an_error_with_the_command_or_a_warning() {
    each_with_its_own_emulator(|azwi| {
        let id = Emulator::cluster_id("rg-demo", "bare");
        azwi.emulator.put_cluster(&id, &json!({}));
        azwi.write(&cluster(&id, ""));
        let workload_identity_off = format!("`bare` {}", texts::WORKLOAD_IDENTITY_OFF);
        let command = format!("az aks update --subscription {SUBSCRIPTION} --resource-group rg-demo --name bare");
        azwi.apply_fails().on(
            "cluster_id",
            &[
                &format!("`bare` {}", texts::FEATURES_OFF),
                &format!("{command} --enable-oidc-issuer --enable-workload-identity"),
            ],
        );
        azwi.emulator.put_cluster(&id, &json!({"oidcIssuerProfile": {"enabled": true}}));
        azwi.apply_fails()
            .on("cluster_id", &[&workload_identity_off, &format!("{command} --enable-workload-identity\n")]);

        azwi.write(&cluster(&id, "  on_missing_feature = \"warning\""));
        let run = azwi.apply();
        run.warned().says(&[&workload_identity_off, "az aks update"]);
        let state = azwi.state();
        assert_eq!(state.get("data.azwi_cluster.this", "workload_identity_enabled"), "false");
        assert!(state.get("data.azwi_cluster.this", "issuer").starts_with("https://"));

        // An older cluster's issuer is only there after the next update of the cluster.
        azwi.emulator.faults(&json!([{"match": {"operation": "ManagedClusters_Get"}, "effect": {"status": 200, "body": {
            "id": id, "name": "bare", "location": "westeurope", "properties": {"provisioningState": "Updating",
                "oidcIssuerProfile": {"enabled": true}, "securityProfile": {"workloadIdentity": {"enabled": true}}}}}}]));
        azwi.write(&cluster(&id, ""));
        azwi.apply_fails().on("cluster_id", &[texts::ISSUER_NOT_YET_KNOWN, "`Updating`"]);
    });
}

#[test]
fn what_does_not_exist_is_named_on_the_attribute() {
    under_every_terraform(|azwi| {
        let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-demo");
        let no_cluster = Emulator::cluster_id("rg-demo", "nope");
        let no_identity = format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nope");
        let did_you_mean = format!("{} `Key Vault Secrets User`", texts::DID_YOU_MEAN);
        for (hcl, attribute, texts) in [
            (cluster(&no_cluster, ""), "cluster_id", [texts::NOT_FOUND, "`nope`", no_cluster.as_str()]),
            (
                data("user_assigned_identity", "  name = \"nope\"\n  resource_group_name = \"rg-demo\""),
                "name",
                [texts::NOT_FOUND, "`nope`", no_identity.as_str()],
            ),
            (
                data("federated_identity_credentials", &format!("  user_assigned_identity_id = \"{no_identity}\"")),
                "user_assigned_identity_id",
                [texts::NOT_FOUND, "`nope`", no_identity.as_str()],
            ),
            (
                data("service_account", "  name = \"nope\"\n  namespace = \"demo\""),
                "name",
                [texts::NOT_FOUND, "\"demo/nope\"", texts::CHECK_THE_CLUSTER],
            ),
            (
                data("service_account", "  name = \"nope\"\n  namespace = \"nowhere\""),
                "namespace",
                [texts::NOT_FOUND, "\"nowhere\"", texts::CHECK_THE_CLUSTER],
            ),
            (
                data("role_definition", "  name = \"Key Vault Secret User\""),
                "name",
                [texts::NO_ROLE_OF_THIS_NAME, "`Key Vault Secret User`", &did_you_mean],
            ),
            (
                data("role_definition", "  role_definition_id = \"7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11\""),
                "role_definition_id",
                [texts::NO_ROLE_OF_THIS_ID, "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11", "az role definition list"],
            ),
        ] {
            azwi.write(&hcl);
            azwi.apply_fails().on(attribute, &texts);
        }
    });
}

#[test]
fn bad_input_is_refused_unasked() {
    each_with_its_own_emulator(|azwi| {
        let before = azwi.emulator.requests();
        for (hcl, attribute, text) in [
            (cluster("demo", ""), "cluster_id", texts::NO_LEADING_SLASH),
            (
                cluster(&Emulator::cluster_id("rg", "x").replace("managedClusters", "fleets"), ""),
                "cluster_id",
                texts::NOT_A_CLUSTER_TYPE,
            ),
            (
                cluster(&Emulator::cluster_id("rg", "x"), "  on_missing_feature = \"ignore\""),
                "on_missing_feature",
                "`warning`",
            ),
            (data("oidc_issuer", "  issuer = \"http://issuer.example\""), "issuer", "https"),
            (data("oidc_issuer", "  issuer = \"https://issuer.example \""), "issuer", texts::WHITE_SPACE),
            (data("user_assigned_identity", "  name = \"a b\"\n  resource_group_name = \"rg\""), "name", "a b"),
            (
                data("federated_identity_credentials", "  user_assigned_identity_id = \"/x\""),
                "user_assigned_identity_id",
                texts::NOT_AN_IDENTITY,
            ),
            (data("service_account", "  name = \"Web\""), "name", texts::LOWER_CASE),
            (data("service_account", "  name = \"web\"\n  namespace = \"a.b\""), "namespace", "a.b"),
            (data("role_definition", "  role_definition_id = \"Reader\""), "role_definition_id", "Reader"),
            (data("role_definition", "  name = \"Reader\"\n  scope = \"rg-demo\""), "scope", "rg-demo"),
            (data("client_config", "  timeouts {\n    read = \"soon\"\n  }"), "read", "soon"),
        ] {
            azwi.write(&hcl);
            azwi.run(&["validate", "-json"]).failed().on(attribute, &[text]);
        }
        azwi.write(&data("role_definition", ""));
        azwi.run(&["validate", "-json"]).failed().says(&[texts::ONE_REQUIRED, "`name`", "`role_definition_id`"]);
        azwi.write(&data(
            "role_definition",
            "  name = \"Reader\"\n  role_definition_id = \"acdd72a7-3385-48ef-bd42-f606fba81ae7\"",
        ));
        azwi.run(&["validate", "-json"]).failed().says(&[texts::ONLY_ONE_ALLOWED, "`name`", "`role_definition_id`"]);
        assert_eq!(azwi.emulator.requests(), before);
    });
}

#[test]
fn issuer_equals_its_document_byte_for_byte() {
    on_an_emulated_cluster_only(IN_AZURE, |azwi| {
        let issuer = azwi.emulator.issuer();
        let state = azwi.applied(&data("oidc_issuer", &format!("  issuer = \"{issuer}\"")));
        let get = |attribute: &str| state.get("data.azwi_oidc_issuer.this", attribute);
        assert_eq!(get("id"), issuer);
        assert_eq!(get("id_token_signing_alg_values_supported"), "[\"RS256\"]");
        let keys: Json = serde_json::from_str(&get("keys")).unwrap();
        assert_eq!((&keys[0]["kty"], &keys[0]["use"]), (&json!("RSA"), &json!("sig")), "{keys}");
        let (_, published) = azwi.emulator.kubernetes("demo", Method::GET, "/openid/v1/jwks", None);
        assert_eq!(keys[0]["kid"], published["keys"][0]["kid"]);

        let bare = issuer.trim_end_matches('/');
        azwi.write(&data("oidc_issuer", &format!("  issuer = \"{bare}\"")));
        azwi.apply_fails().on(
            "issuer",
            &[texts::DOCUMENT_ISSUER_MISMATCH, texts::DIFFERS_IN_SLASH, &format!("issuer = \"{issuer}\"")],
        );

        let missing = issuer.replace("/demo/", "/nope/");
        azwi.write(&data("oidc_issuer", &format!("  issuer = \"{missing}\"")));
        azwi.apply_fails().on("issuer", &[texts::NO_DISCOVERY_DOCUMENT, "404", &missing]);

        azwi.emulator.faults(&json!([{"match": {"path": "openid-configuration"},
            "effect": {"status": 302, "headers": {"location": "https://elsewhere.example/x"}}}]));
        azwi.write(&data("oidc_issuer", &format!("  issuer = \"{issuer}\"")));
        azwi.apply_fails().on("issuer", &["https://elsewhere.example/x", texts::OTHER_HOST]);

        azwi.emulator
            .faults(&json!([{"match": {"operation": "Issuer_Keys"}, "effect": {"status": 200, "body": {"keys": []}}}]));
        azwi.apply().warned().says(&[texts::NO_KEYS]);
    });
}

#[test]
fn all_credentials_of_an_identity_are_listed_flexible_ones_too_with_how_many_are_left() {
    under_every_terraform(|azwi| {
        let id = Emulator::identity_id(SUBSCRIPTION, &azwi.group, "app");
        azwi.emulator.put_identity(&id, &json!({"location": "westeurope", "tags": {"team": "shop"}}));
        let plain = json!({"properties": {"issuer": "https://a.example/", "subject": "s", "audiences": ["api://AzureADTokenExchange"]}});
        azwi.emulator.put_identity(&format!("{id}/federatedIdentityCredentials/plain"), &plain);
        let flexible = json!({"properties": {"issuer": "https://token.actions.githubusercontent.com",
            "audiences": ["api://AzureADTokenExchange"],
            "claimsMatchingExpression": {"value": "claims['sub'] matches 'repo:a/*'", "languageVersion": 1}}});
        let (status, answer) = azwi.emulator.arm(
            Method::PUT,
            &format!("{id}/federatedIdentityCredentials/flexible"),
            "2025-05-31-preview",
            Some(&flexible),
        );
        assert_eq!(status, 201, "{answer}");
        let state = azwi.applied(&format!(
            "{}{}",
            data("federated_identity_credentials", &format!("  user_assigned_identity_id = \"{id}\"")),
            data("user_assigned_identity", "  name = \"app\"\n  resource_group_name = var.group"),
        ));
        let get = |attribute: &str| state.get("data.azwi_federated_identity_credentials.this", attribute);
        assert_eq!(get("remaining"), "18");
        let found: Json = serde_json::from_str(&get("credentials")).unwrap();
        assert_eq!((&found[0]["name"], &found[0]["subject"]), (&json!("flexible"), &Json::Null), "{found}");
        assert_eq!(found[1]["subject"], "s");
        assert_eq!(found[1]["audience"], "api://AzureADTokenExchange");

        let made = azwi.emulator.identity(&id).unwrap();
        for (attribute, property) in
            [("client_id", "clientId"), ("principal_id", "principalId"), ("tenant_id", "tenantId")]
        {
            assert_eq!(
                state.get("data.azwi_user_assigned_identity.this", attribute),
                made["properties"][property].as_str().unwrap()
            );
        }
        assert_eq!(state.get("data.azwi_user_assigned_identity.this", "tags"), "{\"team\":\"shop\"}");
        assert_eq!(state.get("data.azwi_user_assigned_identity.this", "subscription_id"), SUBSCRIPTION);
        azwi.emulator.delete_identity(&id);
    });
}

#[test]
fn a_service_account_is_shown_with_what_others_put_on_it() {
    under_every_terraform(|azwi| {
        let client = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11";
        azwi.emulator.create_account(
            &azwi.namespace,
            "web",
            &json!({"azure.workload.identity/client-id": client, "team": "shop",
                "azure.workload.identity/service-account-token-expiration": "7200"}),
        );
        let state = azwi.applied(&data("service_account", "  name = \"web\"\n  namespace = var.namespace"));
        let get = |attribute: &str| state.get("data.azwi_service_account.this", attribute);
        assert_eq!((get("client_id").as_str(), get("tenant_id").as_str()), (client, "null"));
        assert_eq!(get("token_expiration_seconds"), "7200");
        assert_eq!(get("subject"), format!("system:serviceaccount:{}:web", azwi.namespace));
        assert!(get("annotations").contains("\"team\":\"shop\""), "{}", get("annotations"));
        let live = azwi.emulator.account(&azwi.namespace, "web").unwrap();
        assert_eq!(get("uid"), live["metadata"]["uid"].as_str().unwrap());
        azwi.emulator.delete_account(&azwi.namespace, "web");
    });
}

#[test]
fn a_role_is_found_by_its_name_and_by_its_id() {
    under_every_terraform(|azwi| {
        let guid = "4633458b-17de-408a-b874-0445c86b69e6";
        let by_name = azwi.applied(&data("role_definition", "  name = \"KEY VAULT SECRETS USER\""));
        let of = |state: &crate::azwi::State, attribute: &str| state.get("data.azwi_role_definition.this", attribute);
        assert_eq!(of(&by_name, "role_definition_id"), guid);
        assert_eq!(of(&by_name, "name"), "KEY VAULT SECRETS USER", "as it is written");
        assert_eq!(of(&by_name, "scope"), format!("/subscriptions/{SUBSCRIPTION}"));
        assert!(of(&by_name, "permissions").contains("Microsoft.KeyVault/vaults/secrets/getSecret/action"));
        let id = of(&by_name, "id");
        let by_id = azwi.applied(&data(
            "role_definition",
            &format!("  role_definition_id = \"{id}\"\n  scope = \"/subscriptions/${{var.subscription_id}}/resourceGroups/${{var.group}}\""),
        ));
        assert_eq!(of(&by_id, "name"), "Key Vault Secrets User");
        assert_eq!(of(&by_id, "type"), "BuiltInRole");
    });
}

#[test]
fn who_is_signed_in_is_told_by_the_token() {
    under_every_terraform(|azwi| {
        let state = azwi.applied(&data("client_config", ""));
        let get = |attribute: &str| state.get("data.azwi_client_config.this", attribute);
        assert_eq!(get("tenant_id"), azwi.environment["ARM_TENANT_ID"]);
        assert_eq!(get("client_id"), azwi.environment["ARM_CLIENT_ID"]);
        assert_eq!(get("object_id"), "40000000-0000-4000-8000-000000000001");
        assert_eq!(get("subscription_id"), SUBSCRIPTION);
        assert_eq!(get("audience"), "api://AzureADTokenExchange");
    });
}

#[test]
fn a_data_source_of_a_cluster_that_is_only_planned_says_to_wait_and_waits_with_depends_on() {
    under_every_terraform(|mut azwi| {
        let kubeconfig = azwi.environment.remove("KUBE_CONFIG_PATH").unwrap();
        azwi.emulator.create_account(&azwi.namespace, "web", &json!({}));
        let planned = format!(
            "resource \"terraform_data\" \"cluster\" {{\n  input = \"{kubeconfig}\"\n}}\n\
             provider \"azwi\" {{\n  kubernetes {{\n    config_path = terraform_data.cluster.output\n  }}\n}}\n"
        );
        let account = "  name = \"web\"\n  namespace = var.namespace\n";
        azwi.write(&format!("{planned}{}", data("service_account", account)));
        azwi.apply_fails().says(&[texts::CONFIGURATION_UNKNOWN, "`kubernetes.config_path`", "`depends_on`"]);
        azwi.write(&format!(
            "{planned}{}",
            data("service_account", &format!("{account}  depends_on = [terraform_data.cluster]"))
        ));
        azwi.apply();
        assert!(!azwi.state().get("data.azwi_service_account.this", "uid").is_empty());
        azwi.emulator.delete_account(&azwi.namespace, "web");
    });
}
