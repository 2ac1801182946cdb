//! Every command of the guides is run, unless its page says why it is not.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::markdown::{Page, pages, root};
use super::shell::Shell;
use crate::azwi::{Azwi, on_an_emulated_cluster_only};
use crate::emulator::Emulator;

const EMULATED: &str = "the guides are about clusters that Azure knows";

/// The commands of the other pages are run elsewhere: `import.sh` of each resource, the README of each example, and at the root what
/// builds and tests this.
fn guides() -> Vec<Page> {
    let guides = pages().into_iter().filter(|page| page.path.starts_with("docs/guides/"));
    guides.filter(|page| page.of("shell").next().is_some()).collect()
}

/// Each page has an emulator of its own, and one that fails does not hide the next.
fn follow(with_azure_cli: bool) {
    let guides = guides();
    let followed: Vec<&Page> = guides.iter().filter(|page| page.runs("az") == with_azure_cli).collect();
    assert!(!followed.is_empty());
    on_an_emulated_cluster_only(EMULATED, |azwi| {
        let mut failed = Vec::new();
        for page in &followed {
            let emulator = Arc::new(Emulator::start());
            let azwi = crate::binding::hurried(Azwi::anywhere(&azwi.terraform, emulator));
            // Its commands are typed where this repository is checked out.
            let follow = || Shell::begin(&azwi, ".").follow(page, &page.blocks);
            if catch_unwind(AssertUnwindSafe(follow)).is_err() {
                failed.push(page.path.as_str());
            }
        }
        assert!(failed.is_empty(), "{failed:?}; what failed in them is above");
    });
}

#[test]
fn every_command_of_a_guide_runs_in_the_emulator() {
    follow(false);
}

#[test]
#[ignore = "needs the Azure CLI; make test-clients installs it and runs this"]
fn every_command_of_a_guide_with_the_azure_cli_runs_in_the_emulator() {
    follow(true);
}

#[test]
fn a_page_s_reasons_not_to_run_a_command_are_reasons() {
    for page in pages() {
        for block in &page.blocks {
            let where_it_is = format!("{}:{}", page.path, block.line);
            assert!(!block.language.is_empty(), "{where_it_is}: a block of code says its language; output is `text`");
            assert!(block.language != "bash" && block.language != "sh", "{where_it_is}: commands are `shell`");
            let reason = block.not_run.as_deref().unwrap_or("a reason in words");
            assert!(reason.split(' ').count() > 2, "{where_it_is}: `{reason}` does not say why");
        }
    }
}

#[test]
fn every_example_with_a_readme_has_a_test_that_follows_it() {
    let tests = root().join("tests/acceptance/examples");
    let text: String =
        fs::read_dir(tests).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    let followed: BTreeSet<&str> =
        text.split("of_an_example(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for page in pages().iter().filter(|page| page.path.starts_with("examples/")) {
        let name = page.path.trim_start_matches("examples/").trim_end_matches("/README.md");
        assert!(name == "README.md" || followed.contains(name), "{}: no test follows it", page.path);
    }
}
