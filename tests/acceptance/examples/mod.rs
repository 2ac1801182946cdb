//! What a reader copies works as it stands: every example is applied, planned empty, imported as its page says, destroyed.

mod aks_arc;
mod aks_lab;
mod ci;
mod cluster_agent;
mod example;
mod fleet_from_yaml;
mod key_vault_helm_app;
mod many_clusters;
mod many_service_accounts;
mod pipeline;
mod pipeline_runner;
mod pipeline_tokens;
mod pod;
mod quickstart;
mod workload_identity;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use regex::Regex;

use crate::azwi::{Azwi, NOTHING, each_with_its_own_emulator, on_an_emulated_cluster_only};
use crate::binding::IN_AZURE;
use crate::clusters;

fn example(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path)).unwrap()
}

/// An example that names a cluster by its id in Azure, which a real one does not have: it has its issuer.
fn of_this_cluster(azwi: &Azwi, text: &str) -> String {
    if clusters::real().is_none() {
        return text.to_owned();
    }
    let named = Regex::new(r#"cluster_id( +)= "[^"]*""#).unwrap();
    let text = named.replace_all(text, format!("issuer$1= \"{}\"", azwi.emulator.issuer()));
    Regex::new(r"\|/subscriptions/[^']*").unwrap().replace_all(&text, "").into_owned()
}

/// A folder with the provider's example, which finds its kubeconfig where a user has it.
fn beside_the_provider_example(azwi: &Azwi) -> Azwi {
    let azwi = Azwi::anywhere(&azwi.terraform, Arc::clone(&azwi.emulator));
    azwi.file("provider.tf", &example("provider/provider.tf"));
    fs::create_dir(azwi.path("home/.kube")).unwrap();
    azwi.file("home/.kube/config", &azwi.emulator.kubeconfig());
    crate::binding::hurried(azwi)
}

#[test]
fn every_resource_s_example_is_applied_imported_and_destroyed() {
    on_an_emulated_cluster_only(IN_AZURE, |azwi| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/resources");
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert!(names.len() >= 4, "{names:?}");
        for name in names {
            let azwi = beside_the_provider_example(&azwi);
            let address = format!("{name}.this");
            let state = azwi.applied(&of_this_cluster(&azwi, &example(&format!("resources/{name}/resource.tf"))));
            import_as_the_page_says(&azwi, &name, &address, &state.get(&address, "id"));
            assert_eq!(azwi.plan(), NOTHING);
            azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
            azwi.emulator.assert_empty("rg-demo", "demo");
        }
    });
}

#[test]
fn every_data_source_s_example_is_applied_and_destroyed() {
    each_with_its_own_emulator(|azwi| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data-sources");
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert!(names.len() >= 7, "{names:?}");
        for name in names {
            let azwi = beside_the_provider_example(&azwi);
            azwi.applied(&example(&format!("data-sources/{name}/data-source.tf")));
            assert!(!azwi.state().get(&format!("data.{name}.this"), "id").is_empty());
            azwi.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
            azwi.emulator.assert_empty("rg-demo", "demo");
        }
    });
}

/// Runs the example's import.sh, with a `terraform` on its PATH that is the one under test.
fn import_as_the_page_says(azwi: &Azwi, name: &str, address: &str, id: &str) {
    azwi.forget(address);
    let mut script = of_this_cluster(azwi, &example(&format!("resources/{name}/import.sh")));
    // The name of an assignment follows from its principal, which is another one each time.
    if let Some((_, printed)) = script.trim_end().to_owned().rsplit_once("roleAssignments/") {
        script = script.replace(printed, id.rsplit('/').next().unwrap());
    }
    fs::create_dir_all(azwi.path("bin")).unwrap();
    azwi.file("bin/terraform", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", azwi.terraform.path().display()));
    fs::set_permissions(azwi.path("bin/terraform"), PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", azwi.path("bin").display(), azwi.environment["PATH"]);
    let output = Command::new("sh")
        .args(["-euc", &script])
        .current_dir(azwi.path("."))
        .env_clear()
        .envs(&azwi.environment)
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(azwi.state().get(address, "id"), id);
}
