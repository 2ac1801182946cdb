//! What a panic leaves on standard error: the form in which go-plugin looks for it, so that Terraform shows it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy sees helpers outside #[test] as no tests")]

use std::process::Command;

/// Set in the process that panics, which is this program once more.
const VICTIM: &str = "AZWI_TEST_PANICS";

#[test]
fn a_panic_is_reported_as_go_reports_one() {
    if std::env::var_os(VICTIM).is_some() {
        azwi::protocol::prepare();
        let _ = std::thread::spawn(|| panic!("the bridge is out")).join();
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_panic_is_reported_as_go_reports_one", "--nocapture"])
        .env(VICTIM, "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let report = stderr.lines().find(|line| line.starts_with("panic: ")).unwrap_or_else(|| panic!("{stderr}"));
    assert!(report.starts_with("panic: the bridge is out at tests/protocol_panic.rs:"), "{report}");
    assert!(stderr.contains("a_panic_is_reported_as_go_reports_one"), "there is no backtrace");
}
