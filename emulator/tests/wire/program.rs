//! The program: one line on stdout, a clean end on a signal, and errors that name what is wrong.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_azwi-emulator"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(child: &Child, number: i32) {
    let sent = Command::new("kill").arg(format!("-{number}")).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

fn env_of(folder: &Path) -> std::collections::HashMap<String, String> {
    let text = std::fs::read_to_string(folder.join("env")).unwrap();
    text.lines().map(|line| line.split_once('=').unwrap()).map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn it_says_ready_writes_its_files_and_ends_on_either_signal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let mut ports = Vec::new();
    for number in [15, 2] {
        let mut running = Running(program(&["serve", "--dir", path]).spawn().unwrap());
        let mut stdout = BufReader::new(running.0.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.strip_prefix("ready ").unwrap().trim_end();
        let env = env_of(folder.path());
        assert_eq!(format!("https://{}", env["ARM_METADATA_HOSTNAME"]), url);
        assert!(std::fs::read_to_string(&env["SSL_CERT_FILE"]).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(std::fs::read_to_string(&env["KUBE_CONFIG_PATH"]).unwrap().contains(&format!("{url}/clusters/demo")));
        for name in ["ARM_TENANT_ID", "ARM_SUBSCRIPTION_ID", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "KUBE_CTX"] {
            assert!(!env[name].is_empty(), "{name}");
        }
        ports.push(url.to_owned());
        signal(&running.0, number);
        assert!(running.0.wait().unwrap().success());
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "nothing else is on stdout");
    }
    assert_eq!(ports[0], ports[1], "the folder remembers the port");
}

#[tokio::test]
async fn a_file_of_faults_and_a_list_of_rules_are_taken_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let faults = folder.path().join("faults.json");
    std::fs::write(&faults, r#"[{"match": {"path": "^/metadata"}, "effect": {"status": 503}}]"#).unwrap();
    let (path, faults) = (folder.path().to_str().unwrap(), faults.to_str().unwrap());
    let arguments = ["serve", "--dir", path, "--faults", faults, "--without", "vault_role,token_subject"];
    let mut running = Running(program(&arguments).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.strip_prefix("ready ").unwrap().trim_end();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let http = crate::support::http_client(&std::fs::read_to_string(folder.path().join("ca.pem")).unwrap(), false);
    assert_eq!(http.get(format!("{url}/metadata/endpoints")).send().await.unwrap().status(), 503);
    let settings = http.get(format!("{url}/_emulator/settings")).send().await.unwrap();
    let settings: serde_json::Value = settings.json().await.unwrap();
    assert_eq!(settings["without"], serde_json::json!(["vault_role", "token_subject"]));
}

#[test]
fn what_it_cannot_start_with_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (seed, faults) =
        (file("seed.yaml", "subscription: []"), file("faults.json", "[{\"effect\": {\"stauts\": 1}}]"));
    for (arguments, expected) in [
        (vec!["serve", "--seed", &seed], "seed.yaml: "),
        (vec!["serve", "--faults", &faults], "stauts"),
        (vec!["serve", "--seed", "/nowhere.yaml"], "/nowhere.yaml: "),
        (vec!["serve", "--without", "gravity"], "gravity"),
        (vec!["serve", "--throttle", "some"], "neither `off` nor `documented`"),
        (vec!["serve", "--listen", "192.0.2.1:1"], "cannot listen on 192.0.2.1:1"),
    ] {
        let output = program(&arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(expected), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_shell_takes_the_environment_of_a_folder_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    std::fs::write(folder.path().join("env"), "PLAIN=a b\nQUOTED=it's $HOME `x`=\"y\"\n").unwrap();
    let program = env!("CARGO_BIN_EXE_azwi-emulator");
    let script = "eval \"$(\"$0\" env --dir \"$1\")\"; sh -c 'printf \"%s|%s\" \"$PLAIN\" \"$QUOTED\"'";
    let output = Command::new("sh").args(["-c", script, program, path]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "a b|it's $HOME `x`=\"y\"");
    let output = Command::new(program).args(["env", "--dir", "/nowhere"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("/nowhere/env: "));
}

#[test]
fn a_command_has_the_emulator_s_environment_and_nothing_of_another_cloud_s() {
    let script = r#"printf '%s\n' "$ARM_METADATA_HOSTNAME" "${ARM_USE_MSI-none}" "${AZURE_CONFIG_DIR-none}"; cat "$SSL_CERT_FILE"; exit 7"#;
    let output = program(&["run", "--", "sh", "-c", script])
        .env("ARM_METADATA_HOSTNAME", "management.azure.com")
        .env("ARM_USE_MSI", "true")
        .env("AZURE_CONFIG_DIR", "/home/somebody/.azure")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7), "the command's own status");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = stdout.lines().take(4).collect();
    assert!(lines[0].starts_with("127.0.0.1:"), "{stdout}");
    assert_eq!(lines[1..], ["none", "none", "-----BEGIN CERTIFICATE-----"]);
}

#[test]
fn a_command_that_is_told_to_end_takes_the_emulator_with_it() {
    let script = "trap 'echo told; exit 3' TERM; echo begun; while :; do sleep 0.05; done";
    let mut running = Running(program(&["run", "--", "sh", "-c", script]).spawn().unwrap());
    let mut stdout = BufReader::new(running.0.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    signal(&running.0, 15);
    assert_eq!(running.0.wait().unwrap().code(), Some(3));
    stdout.read_to_string(&mut line).unwrap();
    assert_eq!(line, "begun\ntold\n");
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let output = program(&["run", "--", "no-such-command"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, "azwi-emulator: no-such-command: No such file or directory (os error 2)\n");
}

#[test]
fn it_says_its_own_name() {
    let output = program(&["--version"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("azwi-emulator {}\n", env!("CARGO_PKG_VERSION")));
}
