//! Every command of the guides is run, unless its page says why it is not.

use std::collections::BTreeSet;
use std::fs;

use super::each_page;
use super::markdown::{Page, pages, root};
use super::shell::Shell;

/// The commands of the other pages are run elsewhere: `import.sh` of each resource, the README of each example, and at the root what
/// builds and tests this.
fn guides() -> Vec<Page> {
    let guides = pages().into_iter().filter(|page| page.path.starts_with("docs/guides/"));
    guides.filter(|page| page.of("shell").next().is_some()).collect()
}

fn follow(with_azure_cli: bool) {
    let guides: Vec<Page> = guides().into_iter().filter(|page| page.runs("az") == with_azure_cli).collect();
    // Their commands are typed where this repository is checked out.
    each_page(&guides, |azwi, page| drop(Shell::begin(azwi, ".").follow(page, &page.blocks)));
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
fn every_example_has_a_test_that_follows_its_readme() {
    let tests = root().join("tests/acceptance/examples");
    let text: String =
        fs::read_dir(tests).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    let followed: BTreeSet<&str> =
        text.split("of_an_example(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let folders = |below: &str| -> Vec<String> {
        let entries = fs::read_dir(root().join("examples").join(below)).unwrap().map(|entry| entry.unwrap());
        let folders = entries.filter(|entry| entry.path().is_dir());
        folders.map(|entry| format!("{below}{}", entry.file_name().into_string().unwrap())).collect()
    };
    // Those of the reference have tests of their own.
    let elsewhere = ["data-sources", "modules", "provider", "resources"];
    let mut examples = folders("");
    examples.retain(|name| !elsewhere.contains(&name.as_str()));
    examples.extend(folders("modules/"));
    assert!(examples.len() >= 10, "{examples:?}");
    for name in examples {
        assert!(followed.contains(name.as_str()), "examples/{name}: no test follows its README");
    }
}
