//! The guides that begin with commands: what those make by the Azure CLI and kubectl is what the configuration makes, and it is taken over
//! as the page says, with nothing made anew.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Value as Json, json};

use super::each_page;
use super::markdown::{Block, Page, pages};
use super::shell::Shell;
use crate::azwi::Azwi;
use crate::texts;

/// The kinds that the guides make: identities with their credentials, role assignments, and accounts that come with no namespace.
const KINDS: [&str; 3] = ["/userassignedidentities/", "/roleassignments/", "/serviceaccounts/"];

#[test]
#[ignore = "needs the Azure CLI; make test-clients installs it and runs this"]
fn a_guide_s_configuration_makes_and_takes_over_what_its_commands_make_with_the_azure_cli() {
    let guides: Vec<Page> = pages().into_iter().filter(|page| page.path.starts_with("docs/guides/from-")).collect();
    assert!(guides.len() >= 5);
    each_page(&guides, |azwi, page| Guide { page, shell: Shell::begin(azwi, "."), azwi }.live());
}

struct Guide<'a> {
    page: &'a Page,
    shell: Shell<'a>,
    azwi: &'a Azwi,
}

impl Guide<'_> {
    fn live(&self) {
        let emulator = &self.azwi.emulator;
        let before = emulator.state();
        self.follow("The commands");
        let by_commands = emulator.state();
        let (made, meant) = (identities(&by_commands), meaning(emulator.url(), &by_commands));
        assert!(
            made.len() >= 4,
            "the commands make an identity, a credential, an account and a role at least: {made:#?}"
        );
        self.run(&self.variables());

        // The configuration in a world where the commands were not run.
        emulator.restore(&before);
        self.follow("The configuration");
        self.run("terraform init\nterraform apply\nterraform plan -detailed-exitcode");
        assert_eq!(
            meaning(emulator.url(), &emulator.state()),
            meant,
            "{}: by configuration, by commands",
            self.page.path
        );
        self.run("terraform destroy");
        assert_eq!(identities(&emulator.state()), BTreeMap::new());

        emulator.restore(&by_commands);
        self.run(&format!("! terraform apply >refused 2>&1\ngrep --quiet '{}' refused", texts::ALREADY_EXISTS));
        self.follow("Move what exists into Terraform");
        self.is_taken_over(&made);

        emulator.restore(&by_commands);
        self.run("rm terraform.tfstate*");
        self.follow("With import blocks instead");
        self.is_taken_over(&made);

        self.follow("Undo");
        assert_eq!(identities(&emulator.state()), BTreeMap::new(), "{} leaves these", self.page.path);
    }

    #[track_caller]
    fn follow(&self, heading: &str) {
        let blocks: Vec<&Block> = self.page.blocks.iter().filter(|block| block.heading == heading).collect();
        assert!(!blocks.is_empty(), "{} has nothing under `{heading}`", self.page.path);
        self.shell.follow(self.page, blocks);
    }

    #[track_caller]
    fn run(&self, script: &str) {
        self.shell.run(&self.page.path, script);
    }

    /// The lines that tell the configuration what it is about.
    fn variables(&self) -> String {
        let shell = self.page.of("shell").filter(|block| block.heading.starts_with("Move"));
        let lines: Vec<&str> =
            shell.flat_map(|block| block.text.lines()).filter(|line| line.starts_with("export TF_VAR_")).collect();
        lines.join("\n")
    }

    #[track_caller]
    fn is_taken_over(&self, made: &BTreeMap<String, Json>) {
        assert_eq!(&identities(&self.azwi.emulator.state()), made, "{}: what is there, what was there", self.page.path);
        self.run("terraform plan -detailed-exitcode");
    }
}

fn documents(state: &Json) -> impl Iterator<Item = (&String, &Json)> {
    let ours = |key: &str| KINDS.iter().any(|kind| key.contains(kind)) && !key.ends_with("/default");
    state.as_object().unwrap().iter().filter(move |(key, _)| ours(key))
}

/// What may not change where something is taken over: its id, and what stands for it elsewhere.
fn identities(state: &Json) -> BTreeMap<String, Json> {
    let identity = |document: &Json| {
        let (properties, metadata) = (&document["properties"], &document["metadata"]);
        json!([document["id"], properties["clientId"], properties["principalId"], metadata["uid"]])
    };
    documents(state).map(|(key, document)| (key.clone(), identity(document))).collect()
}

/// What was made, without what is random, and without who made it when.
fn meaning(url: &str, state: &Json) -> Vec<String> {
    let mut meanings: Vec<String> = documents(state)
        .map(|(key, document)| {
            let kept: &[&str] = if key.contains("/roleassignments/") {
                &["principalId", "principalType", "roleDefinitionId", "scope", "condition"]
            } else {
                &["audiences", "issuer", "subject"]
            };
            let properties = kept.iter().map(|&name| (name, &document["properties"][name]));
            // The tenant is the webhook's where the commands name none, and kubectl notes what it was given.
            let annotations = document["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
            let annotations = annotations
                .into_iter()
                .filter(|(name, _)| !name.ends_with("/tenant-id") && !name.starts_with("kubectl.kubernetes.io/"));
            let key = Regex::new("roleassignments/.*").unwrap().replace(key, "roleassignments/…");
            json!([
                key,
                document["location"],
                document["tags"],
                properties.collect::<BTreeMap<_, _>>(),
                annotations.collect::<BTreeMap<_, _>>(),
                document["metadata"]["labels"],
            ])
            .to_string()
            .replace(url, "EMULATOR")
        })
        .collect();
    for (key, document) in documents(state) {
        for name in ["clientId", "principalId"] {
            if let Some(id) = document["properties"][name].as_str().filter(|_| !key.contains("/roleassignments/")) {
                for meaning in &mut meanings {
                    *meaning = meaning.replace(id, &format!("{name} of {}", document["name"]));
                }
            }
        }
    }
    meanings.sort();
    meanings
}
