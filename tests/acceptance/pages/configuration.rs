//! Every block of HCL in the documentation is formatted and valid, and so is every file of the examples.
//!
//! A block is a piece of a configuration: the variables and resources that it only refers to are declared for it, resources as their own
//! example has them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::Value as Json;

use super::markdown::{Block, pages, root};
use super::shell::copy;
use crate::azwi::{Azwi, on_an_emulated_cluster_only};

#[test]
fn every_configuration_in_the_documentation_is_formatted_and_valid() {
    on_an_emulated_cluster_only("it asks no cluster anything", |azwi| {
        let mut pieces = pieces();
        assert!(pieces.len() > 20, "only {} pieces were found", pieces.len());
        // Terraform before 1.12 knows no resource identities.
        pieces.retain(|piece| azwi.terraform.needs(1, 12) || !piece.block.text.contains("  identity = {"));
        for piece in &pieces {
            piece.write(&azwi);
        }
        // Beside them what they may call as `../modules/NAME`.
        copy(&root().join("examples/modules"), &azwi.path("pieces/modules"));
        azwi.run_in("pieces", &["fmt", "-check", "-diff", "-recursive", "."]).succeeded();

        // Most of them at once, as modules of one configuration; what only a root module may have, alone.
        let (alone, together): (Vec<&Piece>, Vec<&Piece>) = pieces.iter().partition(|piece| piece.is_a_root());
        validate(&azwi, "pieces", &together);
        for piece in alone {
            validate(&azwi, &format!("pieces/{}", piece.name), &[]);
        }
    });
}

#[test]
fn every_file_of_the_examples_is_formatted() {
    on_an_emulated_cluster_only("it asks no cluster anything", |azwi| {
        let examples = root().join("examples").display().to_string();
        azwi.run(&["fmt", "-check", "-diff", "-recursive", &examples]).succeeded();
    });
}

/// A block with the name of the folder that it is tried in.
struct Piece {
    name: String,
    block: Block,
}

fn pieces() -> Vec<Piece> {
    let mut pieces = Vec::new();
    for page in pages() {
        assert!(page.of("hcl").next().is_none(), "{}: call the language of configurations `terraform`", page.path);
        let name = page.path.trim_end_matches(".md").replace(['/', '.'], "-");
        pieces.extend(
            page.of("terraform").map(|block| Piece { name: format!("{name}-{}", block.line), block: block.clone() }),
        );
    }
    pieces
}

impl Piece {
    fn write(&self, azwi: &Azwi) {
        let file = if self.is_a_test() { "tests/piece.tftest.hcl" } else { "piece.tf" };
        let path = format!("pieces/{}/{file}", self.name);
        fs::create_dir_all(azwi.path(&path).parent().unwrap()).unwrap();
        azwi.file(&path, &self.block.text);
        azwi.file(&format!("pieces/{}/declared.tf", self.name), &self.imported());
        if !self.block.text.contains("required_providers") {
            azwi.file(
                &format!("pieces/{}/versions.tf", self.name),
                "terraform {\n  required_providers {\n    azwi = {\n      source = \"azwi/azwi\"\n    }\n  }\n}\n",
            );
        }
    }

    /// The resources that import blocks name and the block does not have.
    fn imported(&self) -> String {
        let target = Regex::new(r"(?m)^  to += (azwi_\w+)\.(\w+)(\[.*\])?$").unwrap();
        let missing = |kind: &str, name: &str| !self.block.text.contains(&format!("resource \"{kind}\" \"{name}\""));
        let targets = target.captures_iter(&self.block.text).filter(|found| missing(&found[1], &found[2]));
        targets.map(|found| object("managed", &found[1], &found[2]).unwrap()).collect()
    }

    /// Import blocks and tests are for a root module alone.
    fn is_a_root(&self) -> bool {
        self.is_a_test() || self.block.text.lines().any(|line| line == "import {" || line == "removed {")
    }

    fn is_a_test(&self) -> bool {
        self.block.text.lines().any(|line| line.starts_with("run \""))
    }
}

/// Validates a folder, and declares what is missing in it, or in the pieces that are its modules, until nothing is.
#[track_caller]
fn validate(azwi: &Azwi, folder: &str, modules: &[&Piece]) {
    let mut declared: BTreeSet<(String, String)> = BTreeSet::new();
    loop {
        if !modules.is_empty() {
            azwi.file(&format!("{folder}/main.tf"), &calls(modules, &declared));
        }
        azwi.run_in(folder, &["get"]).succeeded();
        let run = azwi.run_in(folder, &["validate", "-json"]);
        let told: Json = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
        let before = declared.len();
        for error in told["diagnostics"].as_array().unwrap().iter().filter(|one| one["severity"] == "error") {
            let stub = stub(error["detail"].as_str().unwrap_or_default()).unwrap_or_else(|| panic!("{error:#}\n{run}"));
            let file = Path::new(error["range"]["filename"].as_str().unwrap());
            let piece = file.parent().unwrap().display().to_string();
            if declared.insert((piece.clone(), stub.clone())) {
                let path = azwi.path(folder).join(piece).join("declared.tf");
                let others = fs::read_to_string(&path).unwrap_or_default();
                fs::write(path, others + &stub).unwrap();
            }
        }
        if declared.len() == before {
            run.succeeded();
            return;
        }
    }
}

/// A configuration that calls these pieces, with something unknown for every variable.
fn calls(pieces: &[&Piece], declared: &BTreeSet<(String, String)>) -> String {
    let variable = Regex::new(r#"(?m)^variable "([^"]+)""#).unwrap();
    let mut text = "variable \"any\" {\n  type = any\n}\n".to_owned();
    for piece in pieces {
        let stubs: String =
            declared.iter().filter(|(of, _)| *of == piece.name).map(|(_, stub)| format!("{stub}\n")).collect();
        let all = piece.block.text.clone() + &stubs;
        let arguments: String =
            variable.captures_iter(&all).map(|found| format!("  {} = var.any\n", &found[1])).collect();
        text += &format!("module \"{0}\" {{\n  source = \"./{0}\"\n{arguments}}}\n", piece.name);
    }
    text
}

/// The declaration of what an error says is undeclared.
fn stub(detail: &str) -> Option<String> {
    let found = |pattern: &str| Regex::new(pattern).unwrap().captures(detail);
    if let Some(name) = found(r#"An input variable with the name "([^"]+)" has not been declared"#) {
        return Some(format!("variable \"{}\" {{\n  type = any\n}}\n", &name[1]));
    }
    let named = found(r#"A (managed|data) resource "([^"]+)" "([^"]+)" has not been declared"#);
    let named = named.or_else(|| found(r#"There is no (managed|data) resource "([^"]+)" "([^"]+)" definition"#));
    named.and_then(|named| object(&named[1], &named[2], &named[3]))
}

/// A resource or a data source of this name, as its example has it.
fn object(mode: &str, kind: &str, name: &str) -> Option<String> {
    let (word, folder, file) = match mode {
        "data" => ("data", "data-sources", "data-source.tf"),
        _ => ("resource", "resources", "resource.tf"),
    };
    let example = fs::read_to_string(root().join(format!("examples/{folder}/{kind}/{file}"))).ok()?;
    let head = |name: &str| format!("{word} \"{kind}\" \"{name}\" {{");
    let begin = example.find(&head("this"))?;
    let end = begin + example[begin..].find("\n}\n")? + 3;
    Some(example[begin..end].replacen(&head("this"), &head(name), 1))
}
