//! A job of one of the three pipelines of examples/ci as its system would run it: the steps that are commands, with the environment
//! that the file gives them.
//!
//! What only the system can run, such as an action or a task, is left out and told.

use std::collections::BTreeMap;
use std::fs;

use regex::{Captures, Regex};
use serde_json::Value as Json;

use super::pipeline_tokens::Tokens;
use crate::pages::markdown::root;

/// Who runs a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    GitHub,
    AzureDevOps,
    GitLab,
}

/// What a reader sets in the settings of the system.
pub type Variables = BTreeMap<String, String>;

/// A job.
#[derive(Debug)]
pub struct Job {
    /// The commands, in order.
    pub steps: Vec<Step>,
    /// What is not run, in order: an action, a task, or the name of a step.
    pub left_out: Vec<String>,
}

/// A command of a job.
#[derive(Debug, Clone)]
pub struct Step {
    /// What the system starts it with.
    pub shell: &'static [&'static str],
    /// The script.
    pub script: String,
    /// What it finds in its environment, beyond what every process has.
    pub environment: BTreeMap<String, String>,
}

impl Job {
    /// The job with another command in place of the one that plans.
    pub fn with_command(&self, command: &str) -> Self {
        let mut step = self.steps.iter().rev().find(|step| step.script.contains("terraform plan")).unwrap().clone();
        // What a task says of its service connection is still to be taken over.
        let head: Vec<&str> = step.script.lines().filter(|line| line.starts_with("export ")).collect();
        step.script = format!("set -e\n{}\nterraform init\n{command}", head.join("\n"));
        Self { steps: vec![step], left_out: Vec::new() }
    }
}

impl System {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::GitHub, Self::AzureDevOps, Self::GitLab];

    /// The file of the example.
    pub fn file(self) -> &'static str {
        match self {
            Self::GitHub => ".github/workflows/terraform.yml",
            Self::AzureDevOps => "azure-pipelines.yml",
            Self::GitLab => ".gitlab-ci.yml",
        }
    }

    /// A job by its name. `tokens` is where the system's tokens come from.
    pub fn job(self, name: &str, variables: &Variables, tokens: &Tokens) -> Job {
        let text = fs::read_to_string(root().join("examples/ci").join(self.file())).unwrap();
        let file: Json = serde_saphyr::from_str(&text).unwrap();
        match self {
            Self::GitHub => github(&file, name, variables, tokens),
            Self::AzureDevOps => azure_devops(&file, name, variables, tokens),
            Self::GitLab => gitlab(&file, name, variables, tokens),
        }
    }
}

/// <https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax>
fn github(file: &Json, name: &str, variables: &Variables, tokens: &Tokens) -> Job {
    let job = &file["jobs"][name];
    let expand = |text: &str| {
        replace(text, r"\$\{\{ *([\w.]+) *\}\}", |expression| match expression {
            "github.token" => "a-token-of-github".to_owned(),
            "github.event.pull_request.number" => "17".to_owned(),
            // A variable that is not set is nothing.
            _ => variables.get(expression.strip_prefix("vars.").unwrap()).cloned().unwrap_or_default(),
        })
    };
    let mut common = texts(&file["env"], &expand);
    common.extend(texts(&job["env"], &expand));
    // Permissions of a job replace those of the workflow.
    let permissions = if job["permissions"].is_object() { &job["permissions"] } else { &file["permissions"] };
    if permissions["id-token"] == "write" {
        let context = match job["environment"].as_str() {
            Some(environment) => format!("environment:{environment}"),
            None => "pull_request".to_owned(),
        };
        let secret = tokens.of_github(&format!("repo:acme/payments:{context}"));
        common.insert("ACTIONS_ID_TOKEN_REQUEST_URL".to_owned(), tokens.url("/github?api-version=2.0"));
        common.insert("ACTIONS_ID_TOKEN_REQUEST_TOKEN".to_owned(), secret);
    }
    let (mut steps, mut left_out) = (Vec::new(), Vec::new());
    for step in job["steps"].as_array().unwrap() {
        let Some(script) = step["run"].as_str() else {
            left_out.push(step["uses"].as_str().unwrap().to_owned());
            continue;
        };
        let mut environment = common.clone();
        environment.extend(texts(&step["env"], &expand));
        steps.push(Step { shell: &["bash", "-e"], script: expand(script), environment });
    }
    Job { steps, left_out }
}

/// <https://learn.microsoft.com/azure/devops/pipelines/yaml-schema>
fn azure_devops(file: &Json, name: &str, variables: &Variables, tokens: &Tokens) -> Job {
    let mut known = variables.clone();
    known.insert("System.AccessToken".to_owned(), "a-token-of-the-job".to_owned());
    let expand = |text: &str| replace(text, r"\$\(([\w.]+)\)", |name| known[name].clone());
    // A variable is in the environment of each step in capitals, except for what is secret, such as the access token.
    let mut common: BTreeMap<String, String> = variables.clone();
    for variable in file["variables"].as_array().unwrap() {
        if let Some(name) = variable["name"].as_str() {
            common.insert(name.to_owned(), expand(variable["value"].as_str().unwrap()));
        }
    }
    let mut common: BTreeMap<String, String> =
        common.into_iter().map(|(name, value)| (name.to_uppercase().replace('.', "_"), value)).collect();
    common.insert("SYSTEM_OIDCREQUESTURI".to_owned(), tokens.url("/devops"));

    let jobs = file["stages"].as_array().unwrap().iter().flat_map(|stage| stage["jobs"].as_array().unwrap());
    let job = jobs.into_iter().find(|job| job["job"] == name || job["deployment"] == name).unwrap();
    let deployed = &job["strategy"]["runOnce"]["deploy"]["steps"];
    let (mut steps, mut left_out) = (Vec::new(), Vec::new());
    for step in deployed.as_array().or(job["steps"].as_array()).unwrap() {
        let mut environment = common.clone();
        environment.extend(texts(&step["env"], &expand));
        let script = match (step["script"].as_str(), step["task"].as_str()) {
            // It fetches a program from the network.
            (Some(_), _) if step["displayName"] == "Install Terraform" => {
                left_out.push("Install Terraform".to_owned());
                continue;
            }
            (Some(script), _) => script,
            (_, Some("AzureCLI@2")) => {
                // What it does before: `az login` by the service connection, and telling the script whose it is.
                left_out.push("az login of AzureCLI@2".to_owned());
                let connection = step["inputs"]["azureSubscription"].as_str().unwrap();
                for (name, value) in tokens.of_azure_devops(connection, variables) {
                    environment.insert(name.to_owned(), value);
                }
                step["inputs"]["inlineScript"].as_str().unwrap()
            }
            (_, task) => {
                left_out.push(task.unwrap_or("checkout").to_owned());
                continue;
            }
        };
        steps.push(Step { shell: &["bash"], script: expand(script), environment });
    }
    Job { steps, left_out }
}

/// <https://docs.gitlab.com/ci/yaml>
fn gitlab(file: &Json, name: &str, variables: &Variables, tokens: &Tokens) -> Job {
    let job = &file[name];
    let mut environment = variables.clone();
    for given in [&file["variables"], &job["variables"]] {
        let known = environment.clone();
        environment.extend(texts(given, &|text: &str| replace(text, r"\$(\w+)", |name| known[name].clone())));
    }
    let branch = if job["environment"].is_string() { "main" } else { "terraform" };
    for (name, token) in job["id_tokens"].as_object().into_iter().flatten() {
        let subject = format!("project_path:acme/payments:ref_type:branch:ref:{branch}");
        let token = tokens.signed("https://gitlab.com", &subject, token["aud"].as_str().unwrap());
        environment.insert(name.clone(), token);
    }
    let lines = |list: &Json| -> Vec<String> {
        list.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    };
    let script = lines(&job["script"]).join("\n");
    // They install programs from the network.
    let left_out = lines(&file["default"]["before_script"]);
    Job { steps: vec![Step { shell: &["bash", "-eo", "pipefail"], script, environment }], left_out }
}

fn texts(map: &Json, expand: &dyn Fn(&str) -> String) -> BTreeMap<String, String> {
    let entries = map.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.clone(), expand(value.as_str().unwrap()))).collect()
}

fn replace(text: &str, pattern: &str, by: impl Fn(&str) -> String) -> String {
    Regex::new(pattern).unwrap().replace_all(text, |found: &Captures<'_>| by(&found[1])).into_owned()
}
