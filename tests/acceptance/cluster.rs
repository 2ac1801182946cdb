//! `kubernetes { cluster_id }`: a cluster by its Azure resource id, with neither kubeconfig nor kubelogin.

use serde_json::json;

use crate::azwi::{
    Azwi, NOTHING, changes, each_with_its_own_emulator, on_an_emulated_cluster_only, under_every_terraform,
};
use crate::binding::IN_AZURE;
use crate::emulator::Emulator;
use crate::texts;

/// Without what the environment says of a cluster.
fn only_azure(azwi: &mut Azwi) {
    azwi.environment.retain(|name, _| !name.starts_with("KUBE"));
}

fn provider(cluster: &str) -> String {
    format!("provider \"azwi\" {{\n  kubernetes {{\n    cluster_id = {cluster}\n  }}\n}}\n")
}

fn account(name: &str, rest: &str) -> String {
    format!(
        r#"resource "azwi_service_account" "{name}" {{
  name      = "{name}"
  namespace = var.namespace
  client_id = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11"
  {rest}
}}
"#
    )
}

#[test]
fn entra_id_and_local_accounts_lead_into_clusters_by_their_ids_each_under_its_alias() {
    on_an_emulated_cluster_only(IN_AZURE, |mut azwi| {
        only_azure(&mut azwi);
        // `demo` takes users of Entra ID, `second` has local accounts only.
        let (demo, second) = (Emulator::cluster_id("rg-demo", "demo"), Emulator::cluster_id("rg-demo", "second"));
        let other = format!(
            "provider \"azwi\" {{\n  alias = \"second\"\n  kubernetes {{\n    cluster_id = \"{}\"\n  }}\n}}\n",
            second.to_lowercase()
        );
        azwi.applied(&format!(
            "{}{other}{}{}",
            provider(&format!("\"{demo}\"")),
            account("one", ""),
            account("two", "provider = azwi.second")
        ));
        let found = |cluster: &str, name: &str| azwi.emulator.account_of(cluster, &azwi.namespace, name).is_some();
        assert!(found("demo", "one") && !found("second", "one"));
        assert!(found("second", "two") && !found("demo", "two"));
        azwi.destroy();
    });
}

#[test]
fn a_kubeconfig_in_the_environment_has_no_say_where_cluster_id_is_set_and_a_variable_sets_it_too() {
    on_an_emulated_cluster_only(IN_AZURE, |mut azwi| {
        assert!(azwi.environment.contains_key("KUBE_CONFIG_PATH"), "or this shows nothing");
        let second = Emulator::cluster_id("rg-demo", "second");
        azwi.applied(&format!("{}{}", provider(&format!("\"{second}\"")), account("one", "")));
        assert!(azwi.emulator.account_of("second", &azwi.namespace, "one").is_some());
        azwi.destroy();

        azwi.environment.insert("KUBE_CLUSTER_ID".to_owned(), second);
        azwi.write(&account("one", ""));
        azwi.apply_fails().says(&[texts::EXCLUSIVE, "KUBE_CLUSTER_ID", "KUBE_CONFIG_PATH"]);
        only_azure(&mut azwi);
        azwi.environment.insert("KUBE_CLUSTER_ID".to_owned(), Emulator::cluster_id("rg-demo", "second"));
        azwi.apply();
        assert!(azwi.emulator.account_of("second", &azwi.namespace, "one").is_some());
        azwi.destroy();
    });
}

#[test]
fn what_contradicts_cluster_id_is_named_at_validate() {
    under_every_terraform(|azwi| {
        let id = Emulator::cluster_id("rg-demo", "demo");
        azwi.write(&format!(
            "provider \"azwi\" {{\n  kubernetes {{\n    cluster_id = \"{id}\"\n    config_path = \"~/.kube/config\"\n    insecure = false\n    proxy_url = \"http://proxy:3128\"\n  }}\n}}\n{}",
            account("one", "")
        ));
        let told = azwi.run(&["validate", "-json"]).failed();
        told.on("config_path", &[texts::EXCLUSIVE, "cluster_id", "`config_path`"]);
        azwi.write(&format!(
            "{}{}",
            provider(&format!("\"{}\"", id.replace("managedClusters", "fleets"))),
            account("one", "")
        ));
        let told = azwi.run(&["validate", "-json"]).failed();
        told.on("cluster_id", &[texts::NOT_A_CLUSTER_TYPE, "`Microsoft.ContainerService/managedClusters`"]);
    });
}

#[test]
fn what_contradicts_cluster_id_only_when_it_is_known_is_named_before_anything_is_written() {
    each_with_its_own_emulator(|azwi| {
        let id = Emulator::cluster_id("rg-demo", "demo");
        azwi.write(&format!(
            "resource \"terraform_data\" \"id\" {{\n  input = \"{id}\"\n}}\n{}{}",
            provider("terraform_data.id.output").replace("  }\n}", "    host = \"https://elsewhere.example\"\n  }\n}"),
            account("one", "")
        ));
        azwi.run(&["validate", "-json"]).succeeded();
        azwi.apply_fails().says(&[texts::EXCLUSIVE, "cluster_id", "host"]);
    });
}

/// Two accounts, the second after something else has happened.
fn with_a_pause(command: &str) -> String {
    format!(
        r#"{}{}
resource "terraform_data" "pause" {{
  depends_on = [azwi_service_account.before]
  provisioner "local-exec" {{
    command = <<-EOT
      {command}
    EOT
  }}
}}
{}"#,
        provider(&format!("\"{}\"", Emulator::cluster_id("rg-demo", "demo"))),
        account("before", ""),
        account("after", "depends_on = [terraform_data.pause]"),
    )
}

#[test]
fn a_token_that_expires_during_a_long_apply_is_replaced() {
    on_an_emulated_cluster_only(IN_AZURE, |mut azwi| {
        only_azure(&mut azwi);
        azwi.emulator.settings(&json!({"access_token_seconds": 2}));
        azwi.write(&with_a_pause("sleep 3"));
        azwi.apply();
        assert!(azwi.emulator.account(&azwi.namespace, "after").is_some());
        let refused: Vec<_> = azwi.emulator.log().into_iter().filter(|entry| entry["status"] == 401).collect();
        assert!(refused.is_empty(), "it should have been replaced before it was refused: {refused:#?}");
    });
}

#[test]
fn nobody_is_asked_before_the_cluster_is_needed() {
    each_with_its_own_emulator(|mut azwi| {
        only_azure(&mut azwi);
        azwi.write(&format!(
            "{}{}",
            provider(&format!("\"{}\"", Emulator::cluster_id("rg-demo", "demo"))),
            account("one", "")
        ));
        let before = azwi.emulator.requests();
        assert_eq!(azwi.plan(), changes([("azwi_service_account.one", "create")]));
        assert_eq!(azwi.emulator.requests(), before);
    });
}

#[test]
fn a_token_that_the_api_server_takes_for_expired_is_replaced_once() {
    on_an_emulated_cluster_only(IN_AZURE, |mut azwi| {
        only_azure(&mut azwi);
        let clock = format!("{}/_emulator/clock", azwi.emulator.url());
        azwi.write(&with_a_pause(&format!(
            "curl --silent --fail --noproxy '*' --cacert \"$SSL_CERT_FILE\" --data '{{\"advance_ms\": 7200000}}' {clock}"
        )));
        azwi.apply();
        azwi.emulator.advance_clock(-7_200_000);
        assert!(azwi.emulator.account(&azwi.namespace, "after").is_some());
        let refused = azwi.emulator.log().iter().filter(|entry| entry["status"] == 401).count();
        assert_eq!(refused, 1, "{:#?}", azwi.emulator.log());
    });
}

#[test]
fn a_cluster_that_cannot_be_reached_is_told_with_what_azure_says_of_it() {
    each_with_its_own_emulator(|mut azwi| {
        only_azure(&mut azwi);
        let id = Emulator::cluster_id("rg-demo", "hidden");
        let private =
            json!({"apiServerAccessProfile": {"enablePrivateCluster": true}, "aadProfile": {"managed": true}});
        azwi.emulator.put_cluster(&id, &private);
        // Its name resolves to nothing here, as a private one does outside its network.
        let nowhere = "eyJhcGlWZXJzaW9uIjoidjEiLCJraW5kIjoiQ29uZmlnIiwiY2x1c3RlcnMiOlt7Im5hbWUiOiJ4IiwiY2x1c3RlciI6eyJzZXJ2ZXIiOiJodHRwczovL25vd2hlcmUuaW52YWxpZDo0NDMifX1dLCJjb250ZXh0cyI6W3sibmFtZSI6IngiLCJjb250ZXh0Ijp7ImNsdXN0ZXIiOiJ4IiwidXNlciI6IngifX1dLCJjdXJyZW50LWNvbnRleHQiOiJ4IiwidXNlcnMiOlt7Im5hbWUiOiJ4IiwidXNlciI6e319XX0=";
        azwi.emulator.faults(&json!([{
            "match": {"path": "listClusterUserCredential"},
            "effect": {"status": 200, "body": {"kubeconfigs": [{"name": "clusterUser", "value": nowhere}]}},
        }]));
        azwi.write(&format!(
            "{}{}",
            provider(&format!("\"{id}\"")),
            account("one", "timeouts {\n    create = \"6s\"\n  }")
        ));
        azwi.apply_fails().says(&[
            texts::NO_CONNECTION,
            "https://nowhere.invalid",
            texts::PRIVATE_CLUSTER,
            "`hidden.privatelink.westeurope.azmk8s.io`",
            "`proxy_url`",
        ]);
        let arc = id.replace(
            "Microsoft.ContainerService/managedClusters/hidden",
            "Microsoft.Kubernetes/connectedClusters/edge",
        );
        azwi.write(&format!(
            "{}{}",
            provider(&format!("\"{arc}\"")),
            account("one", "timeouts {\n    create = \"6s\"\n  }")
        ));
        azwi.apply_fails().says(&["Connected", "az connectedk8s proxy", "in_cluster_config"]);
        azwi.emulator.faults(&json!([{
            "match": {"path": "listClusterUserCredential"},
            "effect": {"status": 403, "body": {"error": {"code": "AuthorizationFailed", "message": "no"}}},
        }]));
        azwi.apply_fails().says(&[
            "Azure Arc cluster \"edge\"",
            "AuthorizationFailed",
            "Azure Arc Enabled Kubernetes Cluster User Role",
            "az connectedk8s proxy",
        ]);
    });
}

#[test]
fn an_arc_cluster_works_where_azure_hands_out_the_way_to_it() {
    each_with_its_own_emulator(|mut azwi| {
        only_azure(&mut azwi);
        azwi.emulator.seed(&json!({"clusters": [{"name": "plant", "namespaces": [azwi.namespace],
            "azure": {"resource_group": "rg-demo", "kind": "arc", "entra": true}}]}));
        let id = Emulator::cluster_id("rg-demo", "plant")
            .replace("Microsoft.ContainerService/managedClusters", "Microsoft.Kubernetes/connectedClusters");
        azwi.applied(&format!("{}{}", provider(&format!("\"{id}\"")), account("one", "")));
        assert!(azwi.emulator.account(&azwi.namespace, "one").is_none(), "it is in the other cluster");
        azwi.destroy();
    });
}

/// A cluster that Terraform makes in the same apply, by what stands for the resource of another provider.
fn made_here(azwi: &Azwi, generation: u32) -> String {
    let id = Emulator::cluster_id(&azwi.group, "fresh");
    let url = azwi.emulator.url();
    let curl = "curl --silent --show-error --fail --noproxy '*' --cacert $SSL_CERT_FILE --header \"authorization: Bearer $TEST_ARM_TOKEN\"";
    format!(
        r#"resource "terraform_data" "cluster" {{
  input            = "{id}"
  triggers_replace = {generation}
  provisioner "local-exec" {{
    command = <<-EOT
      {curl} --request PUT --header 'content-type: application/json' \
        --data '{{"location": "westeurope", "properties": {{"oidcIssuerProfile": {{"enabled": true}}, "aadProfile": {{"managed": true}}}}}}' \
        '{url}{id}?api-version=2026-05-01'
    EOT
  }}
  provisioner "local-exec" {{
    when    = destroy
    command = <<-EOT
      {curl} --request DELETE '{url}${{self.input}}?api-version=2026-05-01'
    EOT
  }}
}}
{}{}"#,
        provider("terraform_data.cluster.output"),
        account("one", "").replace("var.namespace", "\"default\""),
    )
}

#[test]
fn a_cluster_that_is_made_in_the_same_apply_gets_its_accounts_and_keeps_them_in_the_state_while_it_is_replaced() {
    each_with_its_own_emulator(|mut azwi| {
        only_azure(&mut azwi);
        azwi.environment.insert("TEST_ARM_TOKEN".to_owned(), azwi.emulator.arm_token().to_owned());
        azwi.write(&made_here(&azwi, 1));
        assert_eq!(
            azwi.plan(),
            changes([("azwi_service_account.one", "create"), ("terraform_data.cluster", "create")])
        );
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        let uid = azwi.state().get("azwi_service_account.one", "uid");

        // Made anew, it is another cluster, without the account. Meanwhile nobody can look.
        azwi.write(&made_here(&azwi, 2));
        assert_eq!(azwi.plan(), changes([("terraform_data.cluster", "replace")]));
        let run = azwi.apply();
        run.warned().says(&[texts::NOT_REFRESHED, "azwi_service_account", "`kubernetes.cluster_id`"]);
        assert_eq!(azwi.state().get("azwi_service_account.one", "uid"), uid);
        // Now everybody can, and it is made again.
        assert_eq!(azwi.plan(), changes([("azwi_service_account.one", "create")]));
        azwi.apply();
        assert_ne!(azwi.state().get("azwi_service_account.one", "uid"), uid);
        assert_eq!(azwi.plan(), NOTHING);
        azwi.destroy();
    });
}

#[test]
fn a_cluster_that_is_gone_keeps_its_accounts_in_the_state_with_a_warning_and_a_write_says_so() {
    each_with_its_own_emulator(|mut azwi| {
        only_azure(&mut azwi);
        let id = Emulator::cluster_id(&azwi.group, "gone");
        let properties = json!({"aadProfile": {"managed": true}});
        azwi.emulator.put_cluster(&id, &properties);
        let main =
            format!("{}{}", provider(&format!("\"{id}\"")), account("one", "").replace("var.namespace", "\"default\""));
        azwi.applied(&main);
        azwi.emulator.delete_cluster(&id);
        let run = azwi.run(&["plan", "-json", "-input=false"]).succeeded();
        run.warned().says(&[texts::NOT_REFRESHED, "azwi_service_account", texts::NOT_FOUND, &id]);
        assert!(azwi.state().has("azwi_service_account.one"));
        azwi.write(&main.replace("7d8b1f0e", "8d8b1f0e"));
        azwi.apply_fails().says(&[texts::NOT_FOUND, "\"gone\"", "`cluster_id`"]);
        assert!(azwi.state().has("azwi_service_account.one"));
    });
}
