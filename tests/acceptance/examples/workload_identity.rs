//! examples/modules/workload-identity: its own tests pass, and its README says what its inputs and outputs are.

use std::fs;

use regex::Regex;

use super::example::of_an_example;
use crate::pages::markdown::root;

const MODULE: &str = "examples/modules/workload-identity";

#[test]
fn the_module_passes_its_own_tests() {
    of_an_example("modules/workload-identity", |example| {
        let told = example.follow("Test it");
        assert!(told.contains("Success!") && told.contains(" 0 failed"), "{told}");
        let folder = example.azwi.path(&format!("{}/tests", example.folder()));
        let files: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(files.len() >= 3, "{files:?}");
        for file in files {
            assert!(told.contains(&format!("tests/{file}... pass")), "{file} was not run:\n{told}");
        }
    });
}

#[test]
fn every_validation_of_the_module_has_a_run_that_expects_it_to_fail() {
    let text = |file: &str| fs::read_to_string(root().join(MODULE).join(file)).unwrap();
    let (variables, tests) = (text("variables.tf"), text("tests/validation.tftest.hcl"));
    for variable in variables.split("\nvariable ").filter(|variable| variable.contains("validation {")) {
        let name = variable.split('"').nth(1).unwrap();
        let (rules, runs) = (variable.matches("validation {").count(), tests.matches(&format!("var.{name}")).count());
        assert!(runs >= rules, "{name} has {rules} validations, and {runs} runs expect one of them to fail");
    }
}

/// With UPDATE=1 it writes the tables anew.
#[test]
fn the_readme_lists_the_inputs_and_outputs() {
    let text = |file: &str| fs::read_to_string(root().join(MODULE).join(file)).unwrap();
    let readme = text("README.md");
    let mut wanted = readme.clone();
    for (of, tables) in [("inputs", inputs(&text("variables.tf"))), ("outputs", outputs(&text("outputs.tf")))] {
        let begin = wanted.find(&format!("<!-- {of} -->")).unwrap() + format!("<!-- {of} -->").len();
        let end = begin + wanted[begin..].find("<!-- end -->").unwrap();
        wanted.replace_range(begin..end, &format!("\n\n{tables}\n"));
    }
    if std::env::var_os("UPDATE").is_some() {
        return fs::write(root().join(MODULE).join("README.md"), wanted).unwrap();
    }
    assert_eq!(readme, wanted, "write it with UPDATE=1 cargo test --test acceptance the_readme_lists");
}

/// A table of all variables, and one of the fields of each that is made of objects.
fn inputs(variables: &str) -> String {
    let mut text = "| input | type | default | |\n| --- | --- | --- | --- |\n".to_owned();
    let mut objects = String::new();
    for (name, body) in blocks("variable", variables) {
        let kind = attribute(body, "type").unwrap();
        // The first line of a type that goes over several.
        let object = kind.ends_with("({");
        let kind = if object {
            kind.replace("object({", "object") + &")".repeat(kind.matches("(object").count())
        } else {
            kind
        };
        let default = attribute(body, "default").map_or("needed".to_owned(), |default| format!("`{default}`"));
        text += &format!("| `{name}` | `{kind}` | {default} | {} |\n", described(body));
        if object {
            objects += &format!("\n### `{name}`\n\n| field | type | default | |\n| --- | --- | --- | --- |\n");
            objects += &fields(body);
        }
    }
    text + &objects
}

fn fields(body: &str) -> String {
    let field = Regex::new(r"(?m)^    (\w+) += (.+?) +# (.+)$").unwrap();
    let optional = Regex::new(r"^optional\(([a-z()]+)(?:, (.+))?\)$").unwrap();
    let begin = body.find("({\n").unwrap();
    let lines = body[begin..body.find("\n  })").unwrap()].lines().skip(1);
    let row = |line: &str| {
        let found = field.captures(line).unwrap_or_else(|| panic!("a field without a comment: {line}"));
        let (kind, default) = match optional.captures(&found[2]) {
            Some(optional) => {
                (optional[1].to_owned(), format!("`{}`", optional.get(2).map_or("null", |default| default.as_str())))
            }
            None => (found[2].to_owned(), "needed".to_owned()),
        };
        format!("| `{}` | `{kind}` | {default} | {} |\n", &found[1], &found[3])
    };
    lines.map(row).collect()
}

fn outputs(outputs: &str) -> String {
    let row = |(name, body): (String, &str)| format!("| `{name}` | {} |\n", described(body));
    "| output | |\n| --- | --- |\n".to_owned() + &blocks("output", outputs).into_iter().map(row).collect::<String>()
}

/// The blocks of a formatted file, by their names.
fn blocks<'a>(kind: &str, text: &'a str) -> Vec<(String, &'a str)> {
    let block = Regex::new(&format!(r#"(?ms)^{kind} "(\w+)" \{{\n(.*?)^\}}$"#)).unwrap();
    let found: Vec<_> =
        block.captures_iter(text).map(|found| (found[1].to_owned(), found.get(2).unwrap().as_str())).collect();
    assert_eq!(found.len(), text.matches(&format!("\n{kind} ")).count() + usize::from(text.starts_with(kind)));
    found
}

fn attribute(body: &str, name: &str) -> Option<String> {
    Regex::new(&format!("(?m)^  {name} += (.+)$")).unwrap().captures(body).map(|found| found[1].to_owned())
}

fn described(body: &str) -> String {
    attribute(body, "description").unwrap().trim_matches('"').replace('|', "\\|")
}
