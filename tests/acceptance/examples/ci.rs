//! examples/ci: its README, and its pipelines, whose commands are run as their systems would run them, signed in with the systems' tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value as Json, json};

use super::example::of_an_example;
use super::pipeline::{System, Variables};
use super::pipeline_runner::Runner;
use super::pipeline_tokens::Tokens;
use crate::azwi::{Azwi, on_an_emulated_cluster_only};
use crate::emulator::{Emulator, SUBSCRIPTION};
use crate::least_privilege::guide::{Guide, objects};
use crate::pages::markdown::{Block, Page};
use crate::pages::shell::Shell;
use crate::texts;

/// The heading of the README below which the identities of the pipelines are made.
const IDENTITIES: &str = "Whom the pipelines sign in as";
/// An application with exactly the rights of the guide's role `azwi plan`.
const EXACT: &str = "30000000-0000-4000-8000-0000000000c1";

#[test]
fn the_configuration_that_pipelines_apply_is_applied_changed_and_destroyed() {
    of_an_example("ci", |example| {
        let told = example.follow("Try it in the emulator");
        assert!(told.contains("5 passed, 0 failed"), "{told}");
        example.plan_is_empty();
        let identity = "azwi_user_assigned_identity.app";
        assert_eq!(example.change(&[("tags", r#"{"team":"payments"}"#)]), [(identity.into(), "update".into())]);
        let id = Emulator::identity_id(SUBSCRIPTION, "rg-demo", "payments");
        assert_eq!(example.azwi.emulator.identity(&id).unwrap()["tags"], json!({ "team": "payments" }));
        let account = example.azwi.emulator.account("demo", "payments").unwrap();
        let annotations = &account["metadata"]["annotations"];
        assert_eq!(annotations["azure.workload.identity/client-id"], example.output("client_id"));
        for (variable, says) in [
            ("cluster_id", texts::NOT_A_CLUSTER),
            ("key_vault_id", texts::NOT_A_KEY_VAULT),
            ("namespace", texts::NOT_A_NAMESPACE),
            ("name", texts::NOT_A_NAME_FOR_BOTH),
        ] {
            example.plan_fails(&[(variable, "No")]).says(&[says]);
        }

        example.follow(IDENTITIES);
        identities_are_as_they_should_be(example.azwi);
        example.follow("Clean up");
    });
}

fn identities_are_as_they_should_be(azwi: &Azwi) {
    let folder = "copy/examples/ci/identities";
    let file = || vec!["-var-file=emulator.tfvars".to_owned()];
    assert_eq!(azwi.plan_in(folder, &file()), []);
    let trusted = |job: &str| -> BTreeSet<(String, String, String)> {
        let id = Emulator::identity_id(SUBSCRIPTION, "rg-demo", &format!("terraform-{job}"));
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        let of = |one: &Json| {
            let its = &one["properties"];
            (text(&its["issuer"]), text(&its["subject"]), text(&its["audiences"][0]))
        };
        azwi.emulator.credentials(&id).iter().map(of).collect()
    };
    let all = |subjects: [(&str, &str); 3]| -> BTreeSet<(String, String, String)> {
        let owned = |(issuer, subject): (&str, &str)| {
            (issuer.to_owned(), subject.to_owned(), "api://AzureADTokenExchange".to_owned())
        };
        subjects.map(owned).into()
    };
    let devops = "https://login.microsoftonline.com/10000000-0000-4000-8000-000000000001/v2.0";
    let connection = |last: &str| {
        format!(
            "/eid1/c/pub/t/acme/a/devops/sc/60000000-0000-4000-8000-000000000001/60000000-0000-4000-8000-0000000000{last}"
        )
    };
    assert_eq!(
        trusted("plan"),
        all([
            ("https://token.actions.githubusercontent.com", "repo:acme/payments:pull_request"),
            (devops, &connection("a1")),
            ("https://gitlab.com", "project_path:acme/payments:ref_type:branch:ref:terraform"),
        ])
    );
    assert_eq!(
        trusted("apply"),
        all([
            ("https://token.actions.githubusercontent.com", "repo:acme/payments:environment:production"),
            (devops, &connection("a2")),
            ("https://gitlab.com", "project_path:acme/payments:ref_type:branch:ref:main"),
        ])
    );

    // A repository with immutable subjects has its ids in them.
    let immutable = vec![r#"-var=github={"repository":"acme@12/payments@34"}"#.to_owned()];
    let planned = azwi.plan_in(folder, &[file(), immutable].concat());
    assert_eq!(planned.iter().filter(|(_, action)| action == "create").count(), 2, "{planned:?}");
    assert_eq!(planned.iter().filter(|(_, action)| action == "delete").count(), 2, "{planned:?}");
    for (variable, says) in [
        (r#"github={"repository":"https://github.com/acme/payments"}"#, texts::NOT_A_REPOSITORY),
        (
            r#"azure_devops={"issuer":"x","plan_subject":"sc://a/b/c","apply_subject":"sc://a/b/d"}"#,
            texts::NOT_AN_ISSUER,
        ),
        (
            r#"azure_devops={"issuer":"https://vstoken.dev.azure.com/60000000-0000-4000-8000-000000000001","plan_subject":"sc://a/b/c","apply_subject":"sc://a/b/c"}"#,
            texts::ONE_SUBJECT,
        ),
        (
            r#"gitlab={"plan_subjects":["project_path:a/b:ref_type:branch:ref:*"],"apply_subject":"x"}"#,
            texts::NO_WILDCARD,
        ),
        (
            r#"gitlab={"plan_subjects":["project_path:a/b:ref_type:branch"],"apply_subject":"project_path:a/b:ref_type:branch"}"#,
            texts::ONE_SUBJECT,
        ),
    ] {
        let variable = format!("-var={variable}");
        azwi.run_in(folder, &["plan", "-json", "-input=false", "-var-file=emulator.tfvars", &variable])
            .failed()
            .says(&[says]);
    }
}

#[test]
fn what_of_the_pipelines_only_their_systems_can_run_is_known() {
    let tokens = Tokens::serve("10000000-0000-4000-8000-000000000001");
    let variables = variables(BTreeMap::new());
    let actions = ["actions/checkout@v4", "hashicorp/setup-terraform@v3", "actions/cache@v4"];
    let plan = |system: System| system.job("plan", &variables, &tokens).left_out;
    assert_eq!(plan(System::GitHub), actions);
    assert_eq!(plan(System::AzureDevOps), ["Install Terraform", "Cache@2", "az login of AzureCLI@2"]);
    let gitlab = plan(System::GitLab);
    assert!(gitlab.len() == 3 && gitlab[0].starts_with("apt-get") && gitlab[1].starts_with("curl"), "{gitlab:?}");
}

#[test]
fn each_pipeline_tests_plans_with_rights_to_read_only_and_applies_as_another_identity() {
    on_an_emulated_cluster_only("Azure and the rights that are asked for are the emulator's", |azwi| {
        let azwi = crate::binding::hurried(azwi);
        let page = Page::read("examples/ci/README.md");
        let blocks: Vec<Block> = page.blocks.iter().filter(|block| block.heading == IDENTITIES).cloned().collect();
        let shell = Shell::begin(&azwi, "examples/ci");
        shell.follow(&page, &blocks);

        let run = azwi.run_in("copy/examples/ci/identities", &["output", "-json"]).succeeded();
        let outputs: Json = serde_json::from_str(&run.stdout).unwrap();
        let client = |job: &str| outputs["client_ids"]["value"][job].as_str().unwrap().to_owned();
        let guide = Guide::read();
        // From here on rights count in the cluster, too.
        azwi.emulator.settings(&json!({ "rbac": true }));
        let tokens = Tokens::serve(&azwi.environment["ARM_TENANT_ID"]);
        for issuer in tokens.issuers() {
            azwi.emulator.trust(&issuer);
        }
        put_exact_application(&azwi, &guide);

        for system in System::ALL {
            let set = [("AZURE_PLAN_CLIENT_ID", client("plan")), ("AZURE_APPLY_CLIENT_ID", client("apply"))];
            let runner = Runner::new(&azwi, system);
            let mut set = variables(set.map(|(name, value)| (name.to_owned(), value)).into());
            let revision = fs::read_to_string(azwi.path("revision")).unwrap();
            set.insert("AZWI_SOURCE".to_owned(), azwi.path("source").display().to_string());
            set.insert("AZWI_REVISION".to_owned(), revision.trim().to_owned());
            lives(&runner, &tokens, &set, &guide);
        }
    });
}

/// What a reader sets in the system's settings, under the names that any of the three files has for it.
fn variables(clients: BTreeMap<String, String>) -> Variables {
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-demo");
    let cluster = Emulator::cluster_id("rg-demo", "demo");
    let vault = format!("{group}/providers/Microsoft.KeyVault/vaults/kv-demo");
    let tenant = "10000000-0000-4000-8000-000000000001";
    let mut all: Variables = [
        ("AZWI_SOURCE", "https://example.com/azwi.git"),
        ("AZWI_REVISION", "0123abc"),
        ("CLUSTER_ID", &cluster),
        ("TF_VAR_cluster_id", &cluster),
        ("KEY_VAULT_ID", &vault),
        ("TF_VAR_key_vault_id", &vault),
        ("RESOURCE_GROUP", "rg-demo"),
        ("TF_VAR_resource_group_name", "rg-demo"),
        ("NAMESPACE", "demo"),
        ("TF_VAR_namespace", "demo"),
        ("AZURE_TENANT_ID", tenant),
        ("ARM_TENANT_ID", tenant),
        ("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION),
        ("ARM_SUBSCRIPTION_ID", SUBSCRIPTION),
        ("SUBSCRIPTION_ID", SUBSCRIPTION),
        ("AZURE_PLAN_CLIENT_ID", ""),
        ("AZURE_APPLY_CLIENT_ID", ""),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    all.extend(clients);
    all
}

/// An application that trusts what the identity for plans trusts, and has the guide's rights to plan and no others.
fn put_exact_application(azwi: &Azwi, guide: &Guide) {
    let identity = Emulator::identity_id(SUBSCRIPTION, "rg-demo", "terraform-plan");
    let credentials: Vec<Json> = azwi
        .emulator
        .credentials(&identity)
        .iter()
        .map(|one| json!({ "name": one["name"], "issuer": one["properties"]["issuer"], "subject": one["properties"]["subject"] }))
        .collect();
    azwi.emulator.seed(&json!({ "applications": [{
        "client_id": EXACT, "object_id": EXACT, "name": "exact", "federated_identity_credentials": credentials,
        "permissions": [{ "actions": guide.role("azwi plan"), "scope": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-demo") }],
    }] }));
    for mut object in objects(&guide.manifest("azwi-plan")) {
        object["metadata"]["namespace"] = json!("demo");
        object["metadata"]["name"] = json!("exact");
        if object["kind"] == "RoleBinding" {
            object["roleRef"]["name"] = json!("exact");
            object["subjects"][0]["name"] = json!(EXACT);
        }
        let kind = object["kind"].as_str().unwrap().to_lowercase();
        let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/demo/{kind}s");
        let (status, answer) = azwi.emulator.kubernetes("demo", reqwest::Method::POST, &path, Some(&object));
        assert_eq!(status, 201, "{answer}");
    }
}

fn lives(runner: &Runner<'_>, tokens: &Tokens, set: &Variables, guide: &Guide) {
    let job = |name: &str| runner.system.job(name, set, tokens);
    let as_client = |name: &str, client: &str| {
        let set = ["AZURE_PLAN_CLIENT_ID", "AZURE_APPLY_CLIENT_ID"].map(|name| (name.to_owned(), client.to_owned()));
        runner.system.job(name, &variables(set.into()), tokens)
    };

    // The first one builds the provider and the emulator, as cargo is told to; the others find them in the cache.
    let tested = runner.succeeds(&job("test"));
    assert!(tested.contains("5 passed, 0 failed"), "{tested}");
    let built = fs::read_to_string(runner.azwi.path("built")).unwrap();
    let root = runner.folder().join(".azwi");
    let expected =
        [".", "emulator"].map(|path| format!("install --locked --path {path} --root {}\n", root.display())).concat();
    assert_eq!(built, expected);

    let emulator = &runner.azwi.emulator;
    for planned in [job("plan"), as_client("plan", EXACT)] {
        let (plan, _) = runner.plans(&planned, guide);
        assert!(plan.contains("Plan: 2 to add, 0 to change, 0 to destroy."), "{plan}");
        runner.plan_is_shown();
        // Whoever changes the pipeline in a pull request gets no further.
        let refused = runner.fails(&planned.with_command("terraform apply -auto-approve -lock=false"));
        for text in ["AuthorizationFailed", "403", "Microsoft.ManagedIdentity/userAssignedIdentities/write"] {
            assert!(refused.contains(text), "the plan's identity applied, or was not told `{text}`: {refused}");
        }
    }
    assert!(emulator.identity(&Emulator::identity_id(SUBSCRIPTION, "rg-demo", "payments")).is_none());

    // Nor as the identity that writes: its credentials trust another subject.
    let stolen = runner.fails(&as_client("plan", &set["AZURE_APPLY_CLIENT_ID"]));
    assert!(stolen.contains("AADSTS700213"), "{stolen}");

    runner.succeeds(&job("apply"));
    let account = emulator.account("demo", "payments").unwrap();
    let id = Emulator::identity_id(SUBSCRIPTION, "rg-demo", "payments");
    let client = emulator.identity(&id).unwrap()["properties"]["clientId"].clone();
    assert_eq!(account["metadata"]["annotations"]["azure.workload.identity/client-id"], client);
    for planned in [job("plan"), as_client("plan", EXACT)] {
        let (plan, used) = runner.plans(&planned, guide);
        assert!(plan.contains("No changes."), "{plan}");
        let cluster = "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action";
        for right in [cluster, "get serviceaccounts", "Microsoft.Authorization/roleAssignments/read"] {
            assert!(used.contains(right), "a plan of what exists should have needed `{right}`: {used:?}");
        }
    }
    runner.succeeds(&job("apply").with_command("terraform destroy -auto-approve"));
    assert!(emulator.identity(&id).is_none() && emulator.account("demo", "payments").is_none());
}
