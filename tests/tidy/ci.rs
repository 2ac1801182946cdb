//! The workflows of GitHub run the targets of the Makefile, with actions that nobody can exchange: each is pinned by its commit.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use super::{files_below, root};

/// The names of a Makefile's targets.
fn targets(makefile: &str) -> BTreeSet<&str> {
    let is_name =
        |name: &&str| !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
    makefile.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).filter(is_name).collect()
}

/// What is wrong with a workflow or an action.
fn faults(text: &str, targets: &BTreeSet<&str>) -> Vec<String> {
    let uses = Regex::new(r"(?m)^[\s-]*uses:\s*(.*)$").unwrap();
    let pinned = Regex::new(r"^[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+(\.\d+)*$").unwrap();
    let make = Regex::new(r"\bmake +([\w-]+)").unwrap();
    let own = |action: &str| action.starts_with("./");
    let actions = uses.captures_iter(text).map(|found| found[1].trim().to_owned());
    let mut faults: Vec<String> = actions
        .filter(|action| !own(action) && !pinned.is_match(action))
        .map(|action| format!("`{action}` is not pinned by a commit with its version behind it"))
        .collect();
    let called = make.captures_iter(text).map(|found| found[1].to_owned());
    faults.extend(
        called.filter(|name| !targets.contains(name.as_str())).map(|name| format!("the Makefile has no {name}")),
    );
    faults
}

#[test]
fn workflows_pin_actions_and_run_targets_that_exist() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let targets = targets(&makefile);
    let mut files = files_below(&root().join(".github"), "yml");
    assert!(files.len() >= 4, "{files:?}");
    files.push(root().join(".ci/run"));
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let relative: &Path = file.strip_prefix(root()).unwrap();
        assert_eq!(faults(&text, &targets), [""; 0], "{}", relative.display());
        let workflow = relative.starts_with(".github/workflows");
        assert!(
            !workflow || text.contains("\npermissions:\n  contents: read\n"),
            "{}: workflows read, and write nothing",
            relative.display()
        );
    }
    let run = fs::read_to_string(root().join(".ci/run")).unwrap();
    let listed = run.lines().find_map(|line| line.strip_prefix("for target in ")?.strip_suffix("; do")).unwrap();
    for target in listed.split(' ') {
        assert!(targets.contains(target), ".ci/run: the Makefile has no {target}");
    }
}

#[test]
fn an_action_that_can_be_exchanged_and_a_missing_target_are_found() {
    let makefile = ".PHONY: check\ncheck: lint ## Check.\n\techo a: b\n";
    let targets = targets(makefile);
    assert_eq!(targets, BTreeSet::from(["check"]));
    let sha = "0123456789abcdef0123456789abcdef01234567";
    let good = format!("- uses: ./.github/actions/setup\n- uses: a/b@{sha} # v1.2\n- run: make check\n");
    assert_eq!(faults(&good, &targets), [""; 0]);
    for bad in [
        "- uses: a/b@v1".to_owned(),
        "  uses: a/b@0123456 # v1".to_owned(),
        format!("- uses: a/b@{sha}"),
        "- run: make lint".to_owned(),
    ] {
        assert_eq!(faults(&bad, &targets).len(), 1, "{bad}");
    }
}
