//! Where the jobs of examples/ci run: a checkout, an environment with nothing of the machine's own, and programs that a system's machines have.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use serde_json::{Value as Json, json};

use super::pipeline::{Job, Step, System};
use crate::azwi::Azwi;
use crate::least_privilege::guide::{Guide, Rights, objects, verbs};

/// A machine of the system, with a checkout of the example, and stand-ins for cargo and GitHub's command.
pub struct Runner<'a> {
    /// Azure, and the folder.
    pub azwi: &'a Azwi,
    /// Whose it is.
    pub system: System,
}

impl<'a> Runner<'a> {
    /// A fresh one.
    pub fn new(azwi: &'a Azwi, system: System) -> Self {
        let runner = Self { azwi, system };
        // Nothing of an earlier system's run is in its checkout.
        let _ = fs::remove_dir_all(azwi.path("checkout"));
        let _ = fs::remove_file(azwi.path("built"));
        crate::pages::shell::copy(&crate::pages::markdown::root().join("examples/ci"), &runner.folder());
        let programs = ["azwi-emulator", "terraform-provider-azwi"];
        let link = |name: &str| format!("ln -sf '{}' \"$6/bin/{name}\"\n", crate::terraform::program(name).display());
        // In the checkout of the revision that was asked for, and nowhere else.
        let here = format!("[ \"$(git rev-parse HEAD)\" = \"$(cat '{}')\" ]\n", azwi.path("revision").display());
        let links: String = programs.into_iter().map(link).collect();
        let built = azwi.path("built");
        runner.program("cargo", &format!("{here}echo \"$*\" >>'{}'\nmkdir -p \"$6/bin\"\n{links}", built.display()));
        runner.repository();
        runner.program(
            "gh",
            &format!("echo \"$GH_TOKEN $*\" >'{0}'\ncat \"$5\" >>'{0}'\n", azwi.path("commented").display()),
        );
        runner
    }

    /// The repository of the provider: of one commit, because what builds it is a stand-in.
    fn repository(&self) {
        let script = format!(
            "rm -rf '{0}'\ngit init --quiet '{0}'\ncd '{0}'\n\
             git -c user.name=a -c user.email=a@example.com commit --quiet --allow-empty --message one\ngit rev-parse HEAD >'{1}'\n",
            self.azwi.path("source").display(),
            self.azwi.path("revision").display()
        );
        let made = Command::new("sh").args(["-euc", &script]).output().unwrap();
        assert!(made.status.success(), "{}", told(&made));
    }

    fn program(&self, name: &str, script: &str) {
        self.azwi.file(&format!("bin/{name}"), &format!("#!/bin/sh\nset -eu\n{script}"));
        fs::set_permissions(self.azwi.path(&format!("bin/{name}")), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The checkout.
    pub fn folder(&self) -> std::path::PathBuf {
        self.azwi.path("checkout")
    }

    /// Runs the job that plans, and returns the plan and the rights that it needed, which are among those of the guide.
    pub fn plans(&self, job: &Job, guide: &Guide) -> (String, Rights) {
        let before = self.azwi.emulator.requests();
        self.succeeds(job);
        let log = self.azwi.emulator.log().split_off(before);
        assert!(!log.iter().any(|entry| matches!(entry["status"].as_u64(), Some(401 | 403))), "refused: {log:#?}");
        let used: Rights = log.iter().filter_map(|entry| entry["right"].as_str()).map(str::to_owned).collect();
        let mut given: Rights = guide.role("azwi plan").into_iter().collect();
        given.extend(verbs(&objects(&guide.manifest("azwi-plan"))[0]));
        let more: Vec<&String> = used.difference(&given).collect();
        assert!(more.is_empty() && !used.is_empty(), "a plan used {used:?}; the guide's roles lack {more:?}");
        (fs::read_to_string(self.folder().join("plan.txt")).unwrap(), used)
    }

    /// Runs a job to its end, and returns what it printed.
    pub fn succeeds(&self, job: &Job) -> String {
        let outputs: Vec<Output> = job.steps.iter().map(|step| self.run(step)).collect();
        for (step, output) in job.steps.iter().zip(&outputs) {
            let all = told(output);
            assert!(output.status.success(), "{:?}: {}\n{all}", self.system, step.script);
        }
        outputs.iter().map(told).collect()
    }

    /// Runs a job that should fail, and returns what the failing step printed, on one line.
    pub fn fails(&self, job: &Job) -> String {
        for step in &job.steps {
            let output = self.run(step);
            if !output.status.success() {
                // Terraform breaks its lines, and draws a line beside them.
                return told(&output).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
            }
        }
        panic!("{:?}: should have failed: {job:#?}", self.system)
    }

    fn run(&self, step: &Step) -> Output {
        let (program, arguments) = step.shell.split_first().unwrap();
        let script = self.azwi.path("step.sh");
        fs::write(&script, &step.script).unwrap();
        let path = format!("{}:{}", self.azwi.path("bin").display(), self.azwi.environment["PATH"]);
        let mut command = Command::new(program);
        command.args(arguments).arg(&script).current_dir(self.folder()).env_clear();
        // Where the emulated Azure is, and not who signs in to it.
        let of_the_cloud = |name: &str| {
            let about_the_endpoints = ["ENDPOINT", "AUDIENCE", "HOST", "DISCOVERY"];
            !name.starts_with("KUBE")
                && !name.starts_with("AZURE_")
                && !name.starts_with("TF_")
                && (!name.starts_with("ARM_") || about_the_endpoints.iter().any(|part| name.contains(part)))
        };
        command.envs(self.azwi.environment.iter().filter(|(name, _)| of_the_cloud(name)));
        command.envs(&step.environment).env("PATH", path).env("TF_CLI_ARGS", "-no-color");
        command.env("GITHUB_STEP_SUMMARY", self.azwi.path("summary")).output().unwrap()
    }

    /// The reviewer sees the plan where the system shows it.
    pub fn plan_is_shown(&self) {
        let read = |path: std::path::PathBuf| fs::read_to_string(path).unwrap();
        match self.system {
            System::GitHub => {
                let comment = read(self.azwi.path("commented"));
                let head = "a-token-of-github pr comment 17 --body-file plan.md --edit-last --create-if-none\n";
                assert!(comment.starts_with(head) && comment.contains("Plan: 2 to add"), "{comment}");
                assert!(read(self.azwi.path("summary")).contains("Plan: 2 to add"));
            }
            System::AzureDevOps => assert!(read(self.folder().join("plan.md")).contains("Plan: 2 to add")),
            System::GitLab => {
                let report: Json = serde_json::from_str(&read(self.folder().join("plan.json"))).unwrap();
                assert_eq!(report, json!({ "create": 2, "update": 0, "delete": 0 }));
            }
        }
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
