//! A shell as `make shell` gives it to a reader, in a copy of the examples.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use super::markdown::{Block, Page, root};
use crate::azwi::Azwi;

/// One shell that blocks run in, one after another: the later ones have the variables that an earlier one sets, and the folder that it
/// goes to.
pub struct Shell<'a> {
    azwi: &'a Azwi,
}

impl<'a> Shell<'a> {
    /// A shell in this folder below the copy's top, such as `examples/quickstart`.
    pub fn begin(azwi: &'a Azwi, folder: &str) -> Self {
        let top = azwi.path("copy");
        copy(&root().join("examples"), &top.join("examples"));
        fs::create_dir_all(azwi.path("bin")).unwrap();
        // A page says `terraform`, and the one under test is meant.
        let terraform = format!("#!/bin/sh\nexec '{}' \"$@\"\n", azwi.terraform.path().display());
        azwi.file("bin/terraform", &terraform);
        fs::set_permissions(azwi.path("bin/terraform"), fs::Permissions::from_mode(0o755)).unwrap();
        azwi.file("shell-state", &format!("cd '{}'\n", top.join(folder).display()));
        Self { azwi }
    }

    /// Runs these blocks of a page in order: those of `shell`, and those that the reader writes to a file.
    #[track_caller]
    pub fn follow<'b>(&self, page: &Page, blocks: impl IntoIterator<Item = &'b Block>) -> Output {
        let mut script = String::new();
        for block in blocks {
            if let Some(file) = &block.file {
                script += &format!("cat >'{file}' <<'END OF THE BLOCK'\n{}END OF THE BLOCK\n", block.text);
            } else if block.runs() {
                script += &format!(": '{}:{}'\n{}\n", page.path, block.line, block.text.trim_end());
            }
        }
        self.run(&page.path, &script)
    }

    /// Runs a script of a page, which has to succeed.
    #[track_caller]
    pub fn run(&self, what: &str, script: &str) -> Output {
        let state = self.azwi.path("shell-state");
        let whole = format!(
            ". '{state}'\nset -aeuo pipefail\n{script}\nset +aeu\n{{ export -p; printf 'cd %q\\n' \"$PWD\"; }} >'{state}'\n",
            state = state.display()
        );
        let output = self.command(&whole).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{what} under {} ended with {}:\n{script}\n--- stdout\n{}\n--- stderr\n{}",
            self.azwi.terraform.name,
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
        output
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", script]).stdin(Stdio::null()).env_clear().envs(self.environment());
        command
    }

    /// What a command of a page sees.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = self.azwi.environment.clone();
        let path = format!("{}:{}", self.azwi.path("bin").display(), programs(&environment["PATH"]));
        let found = mirror().join("terraformrc").display().to_string();
        for (name, value) in [("PATH", path.as_str()), ("TF_CLI_CONFIG_FILE", &found)].into_iter().chain(ANSWERS) {
            environment.insert(name.to_owned(), value.to_owned());
        }
        environment
    }
}

/// What a person would answer to Terraform, and no colours in what a failure shows.
pub const ANSWERS: [(&str, &str); 3] = [
    ("TF_CLI_ARGS", "-no-color"),
    ("TF_CLI_ARGS_apply", "-auto-approve -input=false"),
    ("TF_CLI_ARGS_destroy", "-auto-approve -input=false"),
];

/// PATH with the emulator's program and the tools that setting up has made.
fn programs(path: &str) -> String {
    let emulator = crate::terraform::program("azwi-emulator");
    format!("{}:{path}:{}", emulator.parent().unwrap().display(), root().join(".tools/bin").display())
}

/// Copies a folder without what Terraform has put into it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        // What somebody has tried in the repository itself is not part of the example.
        if name == ".terraform" || name.to_string_lossy().contains(".tfstate") || name == ".terraform.lock.hcl" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// A folder in which `terraform init` finds the provider under test, with the configuration file that says so.
pub fn mirror() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mirror");
        let provider = Path::new(env!("CARGO_BIN_EXE_terraform-provider-azwi"));
        let made = Command::new(root().join("tools/mirror"))
            .arg(provider)
            .arg(&folder)
            .arg(folder.join("terraformrc"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        folder
    })
}
