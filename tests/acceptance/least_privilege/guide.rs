//! docs/guides/least-privilege.md, as far as a machine reads it: the table, the role definitions, the manifests.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value as Json, json};

/// Actions of Azure and verbs of Kubernetes, as the emulator's log has them.
pub type Rights = BTreeSet<String>;

/// A right that the table lists.
pub struct Row {
    /// The first cell without its backticks.
    pub of: String,
    /// One of the words of the second cell.
    pub to: String,
    pub right: String,
}

/// docs/guides/least-privilege.md, as far as a machine reads it.
pub struct Guide {
    text: String,
    /// The first cells without their backticks.
    pub listed: BTreeSet<String>,
    /// A row for each right.
    pub rows: Vec<Row>,
}

impl Guide {
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides/least-privilege.md");
        let text = std::fs::read_to_string(path).unwrap();
        let table = text.lines().skip_while(|line| !line.starts_with("| Resource | To |")).skip(2);
        let (mut listed, mut rows) = (BTreeSet::new(), Vec::new());
        for line in table.take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [of, to, azure, graph, kubernetes] = cells[..] else { panic!("not five cells: {line}") };
            let of = of.replace('`', "");
            listed.insert(of.clone());
            assert_eq!(graph, "none", "no test can tell about Microsoft Graph yet: {line}");
            for to in to.split(", ") {
                assert!(["plan", "create", "update", "delete", "explain"].contains(&to), "`{to}` in {line}");
                for right in
                    [azure, kubernetes].into_iter().filter(|cell| *cell != "none").flat_map(|it| it.split(", "))
                {
                    let right = right.strip_prefix('`').and_then(|right| right.strip_suffix('`'));
                    let right = right.unwrap_or_else(|| panic!("a right is in backticks: {line}")).to_owned();
                    rows.push(Row { of: of.clone(), to: to.to_owned(), right });
                }
            }
        }
        assert!(rows.len() > 10, "the table has gone");
        Self { text, listed, rows }
    }

    /// The rights of some rows.
    pub fn rights(&self, wanted: impl Fn(&Row) -> bool) -> Rights {
        self.rows.iter().filter(|row| wanted(row)).map(|row| row.right.clone()).collect()
    }

    /// The actions of the role definition of this name.
    pub fn role(&self, name: &str) -> Vec<String> {
        let is_it = |role: &Json| role["Name"] == name;
        let role = self.blocks("json").map(|text| serde_json::from_str(text).unwrap()).find(is_it);
        let role = role.unwrap_or_else(|| panic!("the guide has no role definition `{name}`"));
        role["Actions"].as_array().unwrap().iter().map(|action| action.as_str().unwrap().to_owned()).collect()
    }

    /// The manifest whose first object has this name: a role and its binding.
    pub fn manifest(&self, name: &str) -> String {
        let is_it = |text: &&str| objects(text).first().is_some_and(|role| role["metadata"]["name"] == name);
        self.blocks("yaml").find(is_it).unwrap_or_else(|| panic!("the guide has no manifest `{name}`")).to_owned()
    }

    fn blocks(&self, language: &str) -> impl Iterator<Item = &str> {
        let all = self.text.split("```").skip(1).step_by(2);
        all.filter_map(move |block| block.strip_prefix(language)?.strip_prefix('\n'))
    }
}

/// `get serviceaccounts` or `get deployments.apps`, as a rule of a Role.
pub fn rule(right: &str) -> Json {
    let (verb, resource) = right.split_once(' ').unwrap_or_else(|| panic!("`{right}` is no verb and resource"));
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    json!({ "apiGroups": [group], "resources": [resource], "verbs": [verb] })
}

/// The verbs that a Role allows, in the words of the table.
pub fn verbs(role: &Json) -> Rights {
    let list = |rule: &Json, field: &str| -> Vec<String> {
        rule[field].as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let mut all = Rights::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in list(rule, "apiGroups") {
            let suffix = if group.is_empty() { group } else { format!(".{group}") };
            for resource in list(rule, "resources") {
                all.extend(list(rule, "verbs").iter().map(|verb| format!("{verb} {resource}{suffix}")));
            }
        }
    }
    all
}

/// The documents of a manifest.
pub fn objects(manifest: &str) -> Vec<Json> {
    manifest.split("\n---\n").map(|text| serde_saphyr::from_str(text).unwrap()).collect()
}
