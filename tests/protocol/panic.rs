//! What a panic leaves on standard error: the form in which go-plugin looks for it, so that Terraform shows it.

use crate::alone;

const MESSAGE: &str = "the bridge is out";

#[test]
fn a_panic_is_reported_as_go_reports_one() {
    let Some(output) = alone("panic::a_panic_is_reported_as_go_reports_one") else {
        azwi::protocol::prepare();
        let _ = std::thread::spawn(|| panic!("{MESSAGE}")).join();
        return;
    };
    let stderr = String::from_utf8(output.stderr).unwrap();
    let report = stderr.lines().find(|line| line.starts_with("panic: ")).unwrap_or_else(|| panic!("{stderr}"));
    assert!(report.starts_with(&format!("panic: {MESSAGE} at {}:", file!())), "{report}");
    assert!(stderr.contains("a_panic_is_reported_as_go_reports_one"), "there is no backtrace");
}
