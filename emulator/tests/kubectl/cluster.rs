//! A cluster of a running emulator, and kubectl as a command on it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use azwi_emulator::Options;
use azwi_emulator::settings::Settings;
use serde_json::Value;

use crate::support::Client;

/// A namespace of one test, in a cluster that all tests share.
pub(crate) struct Cluster {
    client: &'static Client,
    program: &'static Path,
    home: PathBuf,
    pub(crate) namespace: String,
}

/// How a run of kubectl ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

static NAMESPACES: AtomicU32 = AtomicU32::new(0);

/// Runs a test in a cluster where whoever signs in may do everything.
pub(crate) fn in_cluster(test: impl FnOnce(&Cluster)) {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    run(&CLIENT, Settings::default(), test);
}

/// Runs a test in a cluster where roles decide.
pub(crate) fn in_cluster_with_roles(test: impl FnOnce(&Cluster)) {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    run(&CLIENT, Settings { rbac: true, ..Settings::default() }, test);
}

fn run(client: &'static OnceLock<Client>, settings: Settings, test: impl FnOnce(&Cluster)) {
    let program = kubectl();
    let client = client.get_or_init(|| Client::without_azure(Options { settings, ..Options::default() }));
    let namespace = format!("test-{}", NAMESPACES.fetch_add(1, Ordering::Relaxed));
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("kubectl");
    std::fs::create_dir_all(&home).unwrap();
    let cluster = Cluster { client, program, home, namespace };
    cluster.ok(&format!("create namespace {}", cluster.namespace));
    test(&cluster);
}

/// The kubectl to run: the one that is named, or one on PATH, or one in `.tools/bin`.
fn kubectl() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        if let Some(named) = std::env::var_os("AZWI_KUBECTL") {
            assert!(Path::new(&named).is_file(), "AZWI_KUBECTL names {}, which is no file", named.display());
            return named.into();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin");
        let mut found = std::env::split_paths(&path).chain([tools]).map(|folder| folder.join("kubectl"));
        found
            .find(|it| it.is_file())
            .unwrap_or_else(|| panic!("no kubectl on PATH or in .tools/bin: make setup sees to it"))
    })
}

impl Cluster {
    /// What kubectl prints for a command, which must succeed. Words are apart by spaces, unless in single quotes.
    #[track_caller]
    pub(crate) fn ok(&self, command: &str) -> String {
        self.fed("", command)
    }

    /// The same with something on its standard input.
    #[track_caller]
    pub(crate) fn fed(&self, input: &str, command: &str) -> String {
        let run = self.run(input, command);
        assert_eq!(run.code, 0, "kubectl {command}\n{}{}", run.out, run.err);
        run.out
    }

    /// What kubectl complains of at a command, which must fail.
    #[track_caller]
    pub(crate) fn refused(&self, command: &str) -> String {
        let run = self.run("", command);
        assert_eq!(run.code, 1, "kubectl {command}\n{}{}", run.out, run.err);
        run.err
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, input: &str, command: &str) -> Run {
        let mut child = self.command(command).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code().unwrap(), out: text(output.stdout), err: without_skew(&text(output.stderr)) }
    }

    /// Starts a command that goes on.
    pub(crate) fn start(&self, command: &str) -> Child {
        self.command(command).stdin(Stdio::null()).spawn().unwrap()
    }

    fn command(&self, command: &str) -> Command {
        let mut kubectl = Command::new(self.program);
        kubectl.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &self.home);
        kubectl.env("KUBECONFIG", self.client.emulator().dir.join("kubeconfig"));
        kubectl.args(["--namespace", &self.namespace]).args(words(command));
        kubectl.stdout(Stdio::piped()).stderr(Stdio::piped());
        kubectl
    }

    /// The object that the emulator has, by the resource with its group (`deployments.apps`), of this namespace.
    pub(crate) fn has(&self, resource: &str, name: &str) -> Option<Value> {
        self.stored(&format!("{resource}/{}/{name}", self.namespace))
    }

    /// What the emulator has under a key of this cluster.
    pub(crate) fn stored(&self, key: &str) -> Option<Value> {
        self.client.emulator().state().get(format!("kubernetes/demo/{key}")).cloned()
    }

    /// The URL of the API server, and the file of its authority's certificate.
    pub(crate) fn server(&self) -> (String, PathBuf) {
        (format!("{}/clusters/demo", self.client.url()), self.client.emulator().dir.join("ca.pem"))
    }
}

/// kubectl's errors without what it says of its own version.
fn without_skew(text: &str) -> String {
    text.lines()
        .filter(|line| !line.contains("version difference between client"))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in command.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The words of each line of a table.
pub(crate) fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().map(|line| line.split_whitespace().collect()).collect()
}

/// Whether a text has all of these lines, whatever the space in and around them, in this order.
#[track_caller]
pub(crate) fn assert_lines(text: &str, wanted: &[&str]) {
    let flat = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines = text.lines().map(flat);
    for line in wanted {
        assert!(lines.any(|found| found == flat(line)), "`{line}` is not there, or not in its place:\n{text}");
    }
}
