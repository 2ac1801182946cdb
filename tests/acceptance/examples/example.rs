//! One of the examples that are told in a README: its commands are run as the README has them, and its life goes on from there.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::azwi::{Azwi, NOTHING, State, on_an_emulated_cluster_only};
use crate::pages::markdown::{Block, Page};
use crate::pages::shell::{Shell, mirror};
use crate::terraform::{Run, Told};

/// An example in a copy of its own, with an emulator of its own.
pub struct Example<'a> {
    /// The emulator, and Terraform's environment.
    pub azwi: &'a Azwi,
    /// The shell that the README is followed in.
    pub shell: Shell<'a>,
    name: String,
    readme: Page,
    followed: BTreeSet<String>,
}

/// Lives the life of one example under every Terraform. At its end nothing of it may be left, and every block of its README that can
/// run was run.
#[track_caller]
pub fn of_an_example(name: &str, life: impl Fn(&mut Example<'_>) + Sync) {
    on_an_emulated_cluster_only("its cluster is known to Azure", |azwi| {
        let mut azwi = crate::binding::hurried(azwi);
        // An example has its own variables, and the defaults that a reader gets.
        azwi.environment.retain(|name, _| !name.starts_with("TF_VAR_"));
        let found = mirror().join("terraformrc").display().to_string();
        azwi.environment.insert("TF_CLI_CONFIG_FILE".to_owned(), found);
        let before = held(&azwi);
        let mut example = Example {
            azwi: &azwi,
            shell: Shell::begin(&azwi, &format!("examples/{name}")),
            name: name.to_owned(),
            readme: Page::read(&format!("examples/{name}/README.md")),
            followed: BTreeSet::new(),
        };
        life(&mut example);
        example.followed_everything();
        let left: Vec<String> = held(&azwi).difference(&before).cloned().collect();
        assert!(left.is_empty(), "{name} leaves behind: {left:#?}");
    });
}

/// Everything that an example could leave behind: the keys of the emulator's documents, without what comes with a namespace.
fn held(azwi: &Azwi) -> BTreeSet<String> {
    let ours = ["/userassignedidentities/", "/roleassignments/", "/serviceaccounts/", "/pods/", "/deployments/"];
    let keys = azwi.emulator.state();
    keys.as_object()
        .unwrap()
        .keys()
        .filter(|key| ours.iter().any(|kind| key.contains(kind)) && !key.ends_with("/default"))
        .cloned()
        .collect()
}

impl Example<'_> {
    /// Runs the blocks of the README below a heading, in order; the test fails where one fails. Returns what they printed.
    #[track_caller]
    pub fn follow(&mut self, heading: &str) -> String {
        let blocks: Vec<Block> = self.readme.blocks.iter().filter(|block| block.heading == heading).cloned().collect();
        assert!(blocks.iter().any(runs), "{} has nothing to run below `{heading}`", self.readme.path);
        self.followed.insert(heading.to_owned());
        String::from_utf8(self.shell.follow(&self.readme, &blocks).stdout).unwrap()
    }

    #[track_caller]
    fn followed_everything(&self) {
        let left: Vec<&Block> =
            self.readme.blocks.iter().filter(|block| runs(block) && !self.followed.contains(&block.heading)).collect();
        assert!(left.is_empty(), "{}: the test follows nothing of {left:#?}", self.readme.path);
    }

    /// Sees that a plan with `emulator.tfvars` changes nothing.
    #[track_caller]
    pub fn plan_is_empty(&self) {
        assert_eq!(self.changes(&[]), NOTHING, "{}", self.name);
    }

    /// What a plan with `emulator.tfvars` and these variables would change: addresses with `create`, `update`, `delete` or `replace`.
    #[track_caller]
    pub fn changes(&self, variables: &[(&str, &str)]) -> Vec<(String, String)> {
        self.azwi.plan_in(&self.folder(), &self.arguments(variables))
    }

    /// Applies with these variables on top of `emulator.tfvars`, sees that the plan after it is empty, and returns what the plan before
    /// it said would change.
    #[track_caller]
    pub fn change(&self, variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let changes = self.changes(variables);
        self.terraform("apply", &["-json", "-auto-approve"], variables).succeeded();
        assert_eq!(self.changes(variables), NOTHING, "{}", self.name);
        changes
    }

    /// The errors of a plan with these variables on top of `emulator.tfvars`.
    #[track_caller]
    pub fn plan_fails(&self, variables: &[(&str, &str)]) -> Told {
        self.terraform("plan", &["-json"], variables).failed()
    }

    /// A plan with these variables on top of `emulator.tfvars`, whose warnings may be asked for.
    #[track_caller]
    pub fn plan(&self, variables: &[(&str, &str)]) -> Run {
        self.terraform("plan", &["-json"], variables).succeeded()
    }

    /// The value of an output.
    #[track_caller]
    pub fn output(&self, name: &str) -> Json {
        let run = self.azwi.run_in(&self.folder(), &["output", "-json", name]).succeeded();
        serde_json::from_str(&run.stdout).unwrap()
    }

    /// The state of the root module and of the modules that it calls.
    #[track_caller]
    pub fn state(&self) -> State {
        self.azwi.state_in(&self.folder())
    }

    /// Its folder, from the test's folder on.
    pub fn folder(&self) -> String {
        format!("copy/examples/{}", self.name)
    }

    fn terraform(&self, command: &str, options: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut arguments = vec![command.to_owned(), "-input=false".to_owned()];
        arguments.extend(options.iter().map(|&option| option.to_owned()));
        arguments.extend(self.arguments(variables));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.azwi.run_in(&self.folder(), &arguments)
    }

    fn arguments(&self, variables: &[(&str, &str)]) -> Vec<String> {
        let mut arguments = vec!["-var-file=emulator.tfvars".to_owned()];
        arguments.extend(variables.iter().map(|(name, value)| format!("-var={name}={value}")));
        arguments
    }
}

fn runs(block: &Block) -> bool {
    block.file.is_some() || block.runs()
}
