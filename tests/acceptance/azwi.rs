//! A test's own place: a folder with a configuration, a Terraform, and a resource group and a namespace that no other
//! test uses.
//!
//! A configuration finds them as variables: `var.subscription_id`, `var.other_subscription_id`, `var.group`,
//! `var.namespace`. Runs see nothing of the machine's own environment but PATH: no sign-in, no kubeconfig, no settings of
//! Terraform.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::clusters;
use crate::emulator::{Emulator, OTHER_SUBSCRIPTION, SUBSCRIPTION};
use crate::report::{self, Report};
use crate::rounds;
use crate::terraform::{Run, Terraform, Told};

const HEADER: &str = r#"terraform {
  required_providers {
    azwi = {
      source = "azwi/azwi"
    }
  }
}
"#;

const VARIABLES: &str = r#"variable "subscription_id" {}
variable "other_subscription_id" {}
variable "group" {}
variable "namespace" {}
"#;

/// Runs a scenario under the Terraform that it has in this round ([`rounds`]), against an emulator that other tests use, too.
#[track_caller]
pub fn under_every_terraform(scenario: impl Fn(Azwi) + Sync) {
    run(&in_this_round(), on_the_shared_emulator, scenario);
}

/// The same under every Terraform in every round, for what depends on the version.
#[track_caller]
pub fn always_under_every_terraform(scenario: impl Fn(Azwi) + Sync) {
    run(&Terraform::all().iter().collect::<Vec<_>>(), on_the_shared_emulator, scenario);
}

/// The same with an emulator of its own, so that a scenario may give it faults and settings, and may count. Real clusters cannot be its
/// own, but no other such scenario has them meanwhile.
#[track_caller]
pub fn each_with_its_own_emulator(scenario: impl Fn(Azwi) + Sync) {
    let _clusters = clusters::to_itself();
    run(&in_this_round(), |terraform| Azwi::new(terraform, Arc::new(Emulator::start())), scenario);
}

/// The same for what no real cluster can play, such as an API server that fails on purpose. Where the clusters are real, the
/// scenario is not run, which the report tells.
#[track_caller]
pub fn on_an_emulated_cluster_only(why: &str, scenario: impl Fn(Azwi) + Sync) {
    if clusters::real().is_some() {
        return report::not_for_a_real_cluster(&test_name(), why);
    }
    each_with_its_own_emulator(scenario);
}

fn in_this_round() -> Vec<&'static Terraform> {
    rounds::chosen(&test_name(), &Terraform::all().iter().collect::<Vec<_>>())
}

fn on_the_shared_emulator(terraform: &Terraform) -> Azwi {
    Azwi::new(terraform, Emulator::shared())
}

/// Runs a scenario under these Terraforms at once; and if it has steps that need a version which none of them has, under one that has it.
#[track_caller]
fn run(terraforms: &[&Terraform], prepare: impl Fn(&Terraform) -> Azwi + Sync, scenario: impl Fn(Azwi) + Sync) {
    let test = test_name();
    let run_under = |terraform: &Terraform| {
        let terraform = terraform.for_one_run();
        let azwi = prepare(&terraform);
        let report = Report::begin(&test, &terraform.name, &azwi.namespace);
        scenario(azwi);
        report.end();
        terraform.lacks()
    };
    let run_all = |terraforms: &[&Terraform]| {
        let ended: Vec<(String, thread::Result<_>)> = thread::scope(|scope| {
            let runs: Vec<_> =
                terraforms.iter().map(|&one| (one.name.clone(), scope.spawn(|| run_under(one)))).collect();
            runs.into_iter().map(|(name, run)| (name, run.join())).collect()
        });
        let failed: Vec<&str> = ended.iter().filter(|(_, end)| end.is_err()).map(|(name, _)| name.as_str()).collect();
        let repeat = rounds::command(&test);
        assert!(
            failed.is_empty(),
            "failed under {}; the reasons are above. To repeat:\n  {repeat}",
            failed.join(" and ")
        );
        ended.into_iter().filter_map(|(_, end)| end.ok().flatten()).max()
    };
    if let Some(needed) = run_all(terraforms)
        && let Some(later) = rounds::for_the_steps_left_out(&test, terraforms, needed)
    {
        run_all(&[later]);
    }
}

/// The name of the test whose thread this is.
fn test_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// A folder, a Terraform, an emulator; see the module.
pub struct Azwi {
    /// The Terraform that runs here.
    pub terraform: Terraform,
    /// Azure and Kubernetes.
    pub emulator: Arc<Emulator>,
    /// The resource group of this test in both subscriptions.
    pub group: String,
    /// The namespace of this test in both clusters.
    pub namespace: String,
    /// A UUID that no other test uses.
    pub uuid: String,
    /// What runs see. A test may change it.
    pub environment: BTreeMap<String, String>,
    folder: TempDir,
}

impl Azwi {
    fn new(terraform: &Terraform, emulator: Arc<Emulator>) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(1);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        // Real clusters may have seen other test runs.
        let (group, namespace) = (format!("rg-test-{number}"), format!("ns-test-{}-{number}", std::process::id()));
        emulator.create_group(SUBSCRIPTION, &group);
        emulator.create_group(OTHER_SUBSCRIPTION, &group);
        emulator.create_namespace(&namespace);
        let mut azwi = Self::anywhere(terraform, emulator);
        for (name, value) in [
            ("subscription_id", SUBSCRIPTION),
            ("other_subscription_id", OTHER_SUBSCRIPTION),
            ("group", &group),
            ("namespace", &namespace),
        ] {
            azwi.environment.insert(format!("TF_VAR_{name}"), value.to_owned());
        }
        azwi.file("variables.tf", VARIABLES);
        azwi.file("header.tf", HEADER);
        // The name of a role assignment may be given, and is unique in a whole tenant.
        let uuid = format!("6f1d8b4e-0c55-4d12-9a35-{number:012}");
        Self { group, namespace, uuid, ..azwi }
    }

    /// A folder without variables and without anything made for it in the emulator, for configurations that bring all.
    pub fn anywhere(terraform: &Terraform, emulator: Arc<Emulator>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        let mut environment = emulator.environment.clone();
        let text = |path: &Path| path.to_string_lossy().into_owned();
        for (name, value) in [
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", text(&home)),
            ("TMPDIR", text(&std::env::temp_dir())),
            ("TF_CLI_CONFIG_FILE", text(&overrides().join("terraformrc"))),
            ("TF_IN_AUTOMATION", "1".to_owned()),
            ("CHECKPOINT_DISABLE", "1".to_owned()),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
        ] {
            environment.insert(name.to_owned(), value);
        }
        let terraform = terraform.clone();
        let (group, namespace, uuid) = Default::default();
        Self { terraform, emulator, group, namespace, uuid, environment, folder }
    }

    /// Makes this the configuration.
    pub fn write(&self, hcl: &str) {
        self.file("main.tf", hcl);
    }

    /// Makes a file of the configuration.
    pub fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Where a file of the configuration is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs Terraform to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_in("", arguments)
    }

    /// Runs Terraform in a folder below this one.
    pub fn run_in(&self, folder: &str, arguments: &[&str]) -> Run {
        let mut command = self.terraform.command(&self.path(folder), &self.environment, arguments);
        self.finish(folder, arguments, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Starts `apply` in a process group of its own, so that a test can interrupt it as Ctrl-C does.
    pub fn start_apply(&self) -> Child {
        use std::os::unix::process::CommandExt;
        let mut command = self.terraform.command(self.folder.path(), &self.environment, APPLY);
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits for an `apply` that was started.
    pub fn finish_apply(&self, child: Child) -> Run {
        self.finish("", APPLY, child)
    }

    fn finish(&self, folder: &str, arguments: &[&str], child: Child) -> Run {
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let what = format!("{}: {}\n{}", self.terraform.name, arguments.join(" "), self.configuration(folder));
        Run { what, status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    fn configuration(&self, folder: &str) -> String {
        let folder = self.path(folder);
        let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| name != "header.tf" && name != "variables.tf");
        names.sort();
        names
            .iter()
            .filter_map(|name| name.to_str().filter(|name| name.ends_with(".tf")))
            .map(|name| format!("--- {name}\n{}", fs::read_to_string(folder.join(name)).unwrap()))
            .collect()
    }

    /// Applies, and the test fails where that fails.
    #[track_caller]
    pub fn apply(&self) -> Run {
        self.run(APPLY).succeeded()
    }

    /// Applies a configuration, sees that the plan after it is empty, and returns the state.
    #[track_caller]
    pub fn applied(&self, hcl: &str) -> State {
        self.write(hcl);
        self.apply();
        assert_eq!(self.plan(), NOTHING);
        self.state()
    }

    /// Applies in vain.
    #[track_caller]
    pub fn apply_fails(&self) -> Told {
        self.run(APPLY).failed()
    }

    /// What a plan would do: for each resource that changes its address and the action, in the order of the addresses.
    ///
    /// The action is `create`, `update`, `delete`, `replace` or `import`.
    #[track_caller]
    pub fn plan(&self) -> Vec<(String, String)> {
        self.plan_in("", &[])
    }

    /// The same of a folder below this one, with options.
    #[track_caller]
    pub fn plan_in(&self, folder: &str, options: &[String]) -> Vec<(String, String)> {
        let mut arguments = vec!["plan", "-json", "-input=false", "-out=plan"];
        arguments.extend(options.iter().map(String::as_str));
        let run = self.run_in(folder, &arguments).succeeded();
        let events = run.stdout.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let mut changes: Vec<_> = events.filter_map(|event| change(&event)).collect();
        changes.sort();
        changes
    }

    /// Destroys everything, and sees that the emulator has nothing left of this test.
    #[track_caller]
    pub fn destroy(&self) {
        self.run(&["destroy", "-json", "-input=false", "-auto-approve"]).succeeded();
        self.emulator.assert_empty(&self.group, &self.namespace);
    }

    /// The state as it is.
    #[track_caller]
    pub fn state(&self) -> State {
        self.state_in("")
    }

    /// The same of a folder below this one.
    #[track_caller]
    pub fn state_in(&self, folder: &str) -> State {
        let run = self.run_in(folder, &["show", "-json"]).succeeded();
        State(serde_json::from_str(&run.stdout).unwrap())
    }

    /// Takes an object out of the state and leaves it in the world.
    #[track_caller]
    pub fn forget(&self, address: &str) {
        self.run(&["state", "rm", address]).succeeded();
    }

    /// Imports an object of the state again by its resource identity, and sees that the plan after it is empty. `hcl` is the
    /// configuration that has it. Terraform before 1.12 knows no resource identities.
    #[track_caller]
    pub fn import_by_identity(&self, address: &str, hcl: &str) {
        if !self.terraform.needs(1, 12) {
            return;
        }
        let run = self.run(&["state", "pull"]).succeeded();
        let state: Json = serde_json::from_str(&run.stdout).unwrap();
        let of = |resource: &&Json| address == format!("{}.{}", text(&resource["type"]), text(&resource["name"]));
        let resource = state["resources"].as_array().unwrap().iter().find(of).unwrap();
        let identity = &resource["instances"][0]["identity"];
        assert!(identity.is_object(), "{address} has no identity: {resource:#}");
        self.forget(address);
        self.write(&format!("import {{\n  to = {address}\n  identity = {identity}\n}}\n{hcl}"));
        assert_eq!(self.plan(), changes([(address, "import")]));
        self.apply();
        assert_eq!(self.plan(), NOTHING);
    }
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap()
}

const APPLY: &[&str] = &["apply", "-json", "-input=false", "-auto-approve"];

/// The plan that changes nothing.
pub const NOTHING: &[(String, String)] = &[];

/// A plan with these changes, in any order, to compare with.
pub fn changes<const N: usize>(changes: [(&str, &str); N]) -> Vec<(String, String)> {
    let mut changes = changes.map(|(address, action)| (address.to_owned(), action.to_owned())).to_vec();
    changes.sort();
    changes
}

fn change(event: &Json) -> Option<(String, String)> {
    let change = Some(&event["change"]).filter(|_| event["type"] == "planned_change")?;
    let action = change["action"].as_str().filter(|action| !["noop", "move", "read"].contains(action))?;
    Some((change["resource"]["addr"].as_str()?.to_owned(), action.to_owned()))
}

/// What the state holds.
pub struct State(Json);

impl State {
    /// One attribute of one resource as text; a test fails where the resource is not in the state.
    #[track_caller]
    pub fn get(&self, address: &str, attribute: &str) -> String {
        match &self.object(address)["values"][attribute] {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// Whether the state has this resource.
    pub fn has(&self, address: &str) -> bool {
        self.resources().iter().any(|resource| resource["address"] == address)
    }

    #[track_caller]
    fn object(&self, address: &str) -> &Json {
        self.resources()
            .into_iter()
            .find(|resource| resource["address"] == address)
            .unwrap_or_else(|| panic!("{address} is not in the state: {}", self.0))
    }

    /// The addresses of all resources, those of modules too.
    pub fn addresses(&self) -> Vec<&str> {
        let mut addresses: Vec<_> = self.resources().iter().map(|resource| text(&resource["address"])).collect();
        addresses.sort_unstable();
        addresses
    }

    fn resources(&self) -> Vec<&Json> {
        fn of<'a>(module: &'a Json, found: &mut Vec<&'a Json>) {
            found.extend(module["resources"].as_array().into_iter().flatten());
            for child in module["child_modules"].as_array().into_iter().flatten() {
                of(child, found);
            }
        }
        let mut found = Vec::new();
        of(&self.0["values"]["root_module"], &mut found);
        found
    }
}

/// A folder that every Terraform takes the provider under test from, and the configuration file that says so.
fn overrides() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // A folder of its own: beside other files of the build, Terraform might take one of those for the provider.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("provider");
        fs::create_dir_all(&folder).unwrap();
        let binary = folder.join("terraform-provider-azwi");
        let _ = fs::remove_file(&binary);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_terraform-provider-azwi"), binary).unwrap();
        let hosts = ["registry.terraform.io", "registry.opentofu.org"];
        let lines = hosts.map(|host| format!("    \"{host}/azwi/azwi\" = \"{}\"\n", folder.display())).concat();
        let text = format!("provider_installation {{\n  dev_overrides {{\n{lines}  }}\n  direct {{}}\n}}\n");
        fs::write(folder.join("terraformrc"), text).unwrap();
        folder
    })
}
