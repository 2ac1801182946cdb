//! A Terraform as a command: which ones there are, one run of it, and what that run said.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value as Json;

use crate::{report, rounds};

/// A program of this build, `azwi-emulator` or `terraform-provider-azwi`. The first is of another package, which Cargo builds beside
/// these tests only if asked to.
pub fn program(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_terraform-provider-azwi")).with_file_name(name);
    assert!(program.is_file(), "{} does not exist: `cargo build --workspace --bins` first", program.display());
    program
}

/// One Terraform or OpenTofu on this machine.
#[derive(Debug, Clone)]
pub struct Terraform {
    path: PathBuf,
    /// `Terraform 1.11.4`, for messages.
    pub name: String,
    version: (u64, u64),
    /// The latest version that a step of this run needed and this Terraform has not reached.
    lacks: Arc<Mutex<Option<(u64, u64)>>>,
}

impl Terraform {
    /// Every Terraform to test with: those in AZWI_TERRAFORMS (`make test` sets it), or else the one on PATH. One that does not run fails
    /// the tests.
    pub fn all() -> &'static [Self] {
        static ALL: OnceLock<Vec<Terraform>> = OnceLock::new();
        ALL.get_or_init(|| {
            let promised = std::env::var("AZWI_TERRAFORMS").unwrap_or_else(|_| "terraform".to_owned());
            let all: Vec<Self> = promised.split(':').map(|path| Self::at(Path::new(path))).collect();
            report::print(&rounds::describe(&all));
            all
        })
    }

    fn at(path: &Path) -> Self {
        let output = Command::new(path)
            .args(["version", "-json"])
            .env("CHECKPOINT_DISABLE", "1")
            .env_remove("TF_CLI_CONFIG_FILE")
            .output()
            .unwrap_or_else(|error| {
                panic!("{} does not run: {error}. `make test` sets up what tests need.", path.display())
            });
        let json: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!("{} does not tell its version: {}", path.display(), String::from_utf8_lossy(&output.stderr))
        });
        let version = json["terraform_version"].as_str().unwrap();
        let product = if path.file_name().is_some_and(|name| name == "tofu") { "OpenTofu" } else { "Terraform" };
        let mut parts = version.split('.').map(|part| part.parse().unwrap_or_default());
        Self {
            path: path.to_owned(),
            name: format!("{product} {version}"),
            version: (parts.next().unwrap(), parts.next().unwrap()),
            lacks: Arc::default(),
        }
    }

    /// The same Terraform for one run of a scenario, which notes what the run needs.
    pub fn for_one_run(&self) -> Self {
        Self { lacks: Arc::default(), ..self.clone() }
    }

    /// Whether it is this version or a later one. OpenTofu's numbers mean the same for all that is asked here.
    pub fn is_at_least(&self, major: u64, minor: u64) -> bool {
        self.version >= (major, minor)
    }

    /// Whether a step that needs this version can run. If it cannot, the scenario runs again in the same round, under a Terraform that has
    /// the version.
    pub fn needs(&self, major: u64, minor: u64) -> bool {
        let can = self.is_at_least(major, minor);
        if !can {
            let mut lacks = self.lacks.lock().unwrap_or_else(PoisonError::into_inner);
            *lacks = (*lacks).max(Some((major, minor)));
        }
        can
    }

    /// The version that steps of this run needed and did not find.
    pub fn lacks(&self) -> Option<(u64, u64)> {
        *self.lacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A command of this Terraform in a folder, with exactly this environment.
    pub fn command(&self, folder: &Path, environment: &BTreeMap<String, String>, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(folder).env_clear().envs(environment).stdin(Stdio::null());
        command
    }

    /// Where it is, for a shell script that wants a `terraform`.
    pub fn path(&self) -> PathBuf {
        let found = Command::new("sh").arg("-c").arg("command -v \"$0\"").arg(&self.path).output().unwrap();
        PathBuf::from(String::from_utf8(found.stdout).unwrap().trim())
    }
}

/// One run that has ended.
pub struct Run {
    /// Which command, by which Terraform, on which configuration: all that a reader of a failure needs.
    pub what: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Run {
    /// The run, where it succeeded; else the test fails and shows it.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert!(self.status.success(), "should have succeeded:\n{self}");
        self
    }

    /// The errors of a run that should fail, and did.
    #[track_caller]
    pub fn failed(self) -> Told {
        assert!(!self.status.success(), "should have failed:\n{self}");
        self.told("error")
    }

    /// The warnings of a run.
    #[track_caller]
    pub fn warned(self) -> Told {
        self.told("warning")
    }

    #[track_caller]
    fn told(self, severity: &'static str) -> Told {
        let diagnostics = self.diagnostics(severity);
        assert!(!diagnostics.is_empty(), "printed no {severity}:\n{self}");
        Told { severity, diagnostics, run: self }
    }

    /// The diagnostics of this severity that a run with `-json` printed; `validate` prints them all in one object.
    pub fn diagnostics(&self, severity: &str) -> Vec<Diagnostic> {
        let whole = serde_json::from_str::<Json>(&self.stdout).ok();
        let listed = whole.as_ref().and_then(|json| json["diagnostics"].as_array().cloned());
        let events = || self.stdout.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let all = listed.unwrap_or_else(|| {
            events().map(|mut event| event["diagnostic"].take()).filter(|diagnostic| !diagnostic.is_null()).collect()
        });
        all.iter().filter(|diagnostic| diagnostic["severity"] == severity).map(Diagnostic::read).collect()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n--- {}", self.what, self.status)?;
        let mut told = false;
        for severity in ["error", "warning"] {
            for diagnostic in self.diagnostics(severity) {
                // That the provider is the one under test is what every run here warns of.
                if diagnostic.summary != "Provider development overrides are in effect" {
                    writeln!(f, "--- {severity} {diagnostic}")?;
                    told = true;
                }
            }
        }
        // Where it printed JSON, the diagnostics are what there is to read in it.
        if !told {
            writeln!(f, "--- stdout\n{}", self.stdout.trim_end())?;
        }
        writeln!(f, "--- stderr\n{}", self.stderr.trim_end())
    }
}

/// The errors, or the warnings, of one run.
pub struct Told {
    severity: &'static str,
    diagnostics: Vec<Diagnostic>,
    run: Run,
}

impl Told {
    /// The one on this attribute whose text has all of these; else the test fails and shows the run.
    #[track_caller]
    pub fn on(&self, attribute: &str, texts: &[&str]) -> &Diagnostic {
        let fits = |one: &&Diagnostic| one.attribute == attribute && one.says_all(texts);
        let found = self.diagnostics.iter().find(fits);
        found.unwrap_or_else(|| panic!("no {} on `{attribute}` says {texts:?}:\n{}", self.severity, self.run))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.diagnostics.len()
    }

    /// One whose text has all of these; else the test fails and shows the run.
    #[track_caller]
    pub fn says(&self, texts: &[&str]) -> &Diagnostic {
        let found = self.diagnostics.iter().find(|one| one.says_all(texts));
        found.unwrap_or_else(|| panic!("no {} says {texts:?}:\n{}", self.severity, self.run))
    }
}

/// One error or warning.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    summary: String,
    /// The text below the summary.
    pub detail: String,
    /// The attribute or block whose line Terraform shows; empty where it shows none.
    pub attribute: String,
}

impl Diagnostic {
    fn read(json: &Json) -> Self {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let code = text(&json["snippet"]["code"]);
        let attribute = code.split(['=', '{']).next().unwrap_or_default().trim().to_owned();
        Self { summary: text(&json["summary"]), detail: text(&json["detail"]), attribute }
    }

    fn says_all(&self, texts: &[&str]) -> bool {
        let whole = format!("{}\n{}", self.summary, self.detail);
        texts.iter().all(|text| whole.contains(text))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on `{}`: {}\n{}", self.attribute, self.summary, self.detail)
    }
}
