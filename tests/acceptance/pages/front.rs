//! The README: what it has a newcomer type leads to a binding in the emulator.

use std::fs;
use std::process::{Command, Stdio};

use super::markdown::{Page, root};
use super::shell::{ANSWERS, Shell};
use crate::azwi::on_an_emulated_cluster_only;
use crate::texts;

#[test]
fn the_readme_leads_to_a_binding_and_to_a_plan_that_finds_what_is_broken() {
    let readme = Page::read("README.md");
    let commands: Vec<&str> = readme.of("shell").map(|block| block.text.as_str()).collect();
    let [make, rest @ ..] = &commands[..] else { panic!("the README has no commands") };
    assert_eq!(*make, "make shell\n");
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let script = "tools/shell";
    assert!(makefile.split("\nshell:").nth(1).unwrap().split("\n\n").next().unwrap().contains(script));

    on_an_emulated_cluster_only("the README is about the emulator", |azwi| {
        let azwi = crate::binding::hurried(azwi);
        let shell = Shell::begin(&azwi, ".");
        let programs = crate::terraform::program("azwi-emulator");
        let programs = programs.parent().unwrap().parent().unwrap();
        // What a person says there: the shell begins without settings of Terraform.
        let answers: String = ANSWERS.map(|(name, value)| format!("export {name}='{value}'\n")).concat();
        let output = Command::new(root().join(script))
            .args(["bash", "-euo", "pipefail", "-c", &(answers + &rest.concat())])
            .current_dir(azwi.path("copy"))
            .env_clear()
            .envs(shell.environment())
            .env("CARGO_TARGET_DIR", programs)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{stdout}\n{stderr}");
        // The account as kubectl shows it, and the plan after somebody has changed it.
        assert!(stdout.contains("azure.workload.identity/client-id: "), "{stdout}");
        assert!(
            stdout.contains(&format!("azwi_federated_credential_binding.app {}", texts::UPDATED_IN_PLACE)),
            "{stdout}\n{stderr}"
        );
        assert!(stdout.contains("someone-elses"), "{stdout}");
    });
}
