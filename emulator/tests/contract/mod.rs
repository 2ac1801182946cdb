//! Exchanges with the Kubernetes API as data: `tests/contract/kubernetes/*.json`, replayed step by step and compared whole.
//!
//! The same files run against a real API server, which also writes the answers in them (`make record`), and against the emulator.
//! What varies from run to run is replaced by a name for it, on both sides, by [`normal`]: a uid becomes `<uid: STEP>` after
//! the step that showed it first, so that the same object must have the same uid in all answers, and a version likewise.
//!
//! A step may say:
//! - `as`: `admin` (the default), `anonymous`, or a bearer token, mostly one that was kept;
//! - `headers`: one that is empty is not sent, for a body without a content type;
//! - `base64`: a body that is not text, in place of `body`;
//! - `after_compaction`: the server forgets its history first, where the file is held `without_watch_cache`;
//! - `keep`: names for parts of the answer (JSON pointers), for later steps to use as `${name}`; `${256KiB}` is a text of that length;
//! - `only`: of arrays with this key only the items with these names count, for lists of all that an API server has;
//! - `varies`: JSON pointers to what is only required to be there;
//! - `until`: ask again until the status is the recorded one, because what led to it takes its time.

mod difference;
mod normal;
mod print;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use normal::Normal;

/// One file: steps in order, in namespaces that no other file uses.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contract {
    /// What it is about.
    pub(crate) about: String,
    /// True where it only holds with RBAC on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) rbac: bool,
    /// True where it only holds on a server that keeps no history of its own beside etcd's, whose history the steps drop.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) without_watch_cache: bool,
    /// The exchanges.
    pub(crate) steps: Vec<Step>,
}

/// One exchange. Where nothing else is said, a JSON body goes as `application/json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// A sentence, and the name of what this step shows first.
    pub(crate) name: String,
    #[serde(default, rename = "as", skip_serializing_if = "String::is_empty")]
    user: String,
    /// Method and path.
    request: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    /// JSON, or text that is sent as it is.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    body: Value,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    base64: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    keep: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    only: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    varies: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    until: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    after_compaction: bool,
    #[serde(default)]
    answer: Answer,
}

/// What came back, normalised.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: u16,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    content_type: String,
    /// The `Warning` headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// JSON, text, or for a watch the list of events.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    body: Value,
}

/// An API server to hold to the contract.
pub(crate) trait Target {
    /// How long a step with `until` may take.
    const PATIENCE: Duration;
    /// Its URL, without a slash at the end.
    fn url(&self) -> String;
    /// The issuer of its tokens.
    fn issuer(&self) -> String;
    /// The token of somebody who may do everything.
    fn admin(&self) -> String;
    /// Sends a request and reads the answer to its end. The path begins with a slash.
    async fn exchange(&mut self, method: &str, path: &str, headers: &BTreeMap<String, String>, body: Vec<u8>) -> Raw;
    /// Forgets what was before now.
    async fn compact(&mut self);
}

/// An answer as it came.
pub(crate) struct Raw {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

/// Who we say we are, where a step does not say it. The API server names the field manager after the part before the slash where a request names none.
const USER_AGENT: &str = "contract/1";

/// The files below the emulator's package, by name.
pub(crate) fn files(package: &str) -> Vec<PathBuf> {
    let folder = Path::new(package).join("tests/contract/kubernetes");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

impl Contract {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn write(&self, path: &Path) {
        fs::write(
            path,
            print::print(&serde_json::to_value(self).unwrap(), &["about", "rbac", "without_watch_cache", "steps"]),
        )
        .unwrap();
    }

    /// Runs the steps and returns how the answers differ: the step's name and a paragraph. Where `record` is set, they become the
    /// answers.
    pub(crate) async fn run(&mut self, target: &mut impl Target, record: bool) -> Vec<(String, String)> {
        let mut kept: BTreeMap<String, String> = [("256KiB".to_owned(), "x".repeat(1 << 18))].into();
        let requests = self.steps.iter().map(|step| format!("{} {}", step.request, step.body)).collect::<Vec<_>>();
        let mut normal = Normal::new(&target.url(), &target.issuer(), requests.join("\n"));
        let mut differences = Vec::new();
        for step in &mut self.steps {
            if step.after_compaction {
                target.compact().await;
            }
            let live = step.ask(target, &kept, record).await;
            for (name, pointer) in &step.keep {
                let found = live.body.pointer(pointer).and_then(Value::as_str);
                kept.insert(name.clone(), found.unwrap_or("not-in-the-answer").to_owned());
            }
            let answer = step.normalised(live, &mut normal);
            if record {
                step.answer = answer;
            } else if let Some(told) = difference::between(&step.answer, &answer) {
                differences.push((step.name.clone(), format!("{}\n{told}", step.request)));
            }
        }
        differences
    }
}

impl Step {
    async fn ask<T: Target>(&self, target: &mut T, kept: &BTreeMap<String, String>, record: bool) -> Answer {
        let begun = std::time::Instant::now();
        loop {
            let answer = self.send(target, kept).await;
            // When recording, the status that was there before says what to wait for.
            let waits = self.until && answer.status != self.answer.status && !(record && self.answer.status == 0);
            if !waits || begun.elapsed() >= T::PATIENCE {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn send(&self, target: &mut impl Target, kept: &BTreeMap<String, String>) -> Answer {
        let request = fill(&self.request, kept);
        let (method, path) = request.split_once(' ').unwrap();
        let mut headers: BTreeMap<String, String> =
            self.headers.iter().map(|(name, value)| (name.clone(), fill(value, kept))).collect();
        headers.entry("user-agent".to_owned()).or_insert_with(|| USER_AGENT.to_owned());
        let token = match self.user.as_str() {
            "" | "admin" => Some(target.admin()),
            "anonymous" => None,
            token => Some(fill(token, kept)),
        };
        headers.extend(token.map(|token| ("authorization".to_owned(), format!("Bearer {token}"))));
        let body = match &self.body {
            Value::Null => STANDARD.decode(&self.base64).unwrap(),
            Value::String(text) => fill(text, kept).into_bytes(),
            body => fill(&body.to_string(), kept).into_bytes(),
        };
        if !body.is_empty() {
            headers.entry("content-type".to_owned()).or_insert_with(|| "application/json".to_owned());
        }
        headers.retain(|_, value| !value.is_empty());
        let raw = target.exchange(method, path, &headers, body).await;
        let header = |name: &str| {
            let values = raw.headers.get_all(name).into_iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let content_type = header("content-type").concat();
        let body = if content_type == "application/yaml" {
            serde_saphyr::from_str(&raw.text).unwrap_or(Value::String(raw.text.clone()))
        } else if path.contains("watch=true") && content_type.starts_with("application/json") {
            raw.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect()
        } else {
            serde_json::from_str(&raw.text).unwrap_or(Value::String(raw.text.clone()))
        };
        Answer { status: raw.status, content_type, warnings: header("warning"), body }
    }

    fn normalised(&self, mut answer: Answer, normal: &mut Normal) -> Answer {
        normal::keep_only(&mut answer.body, &self.only);
        for pointer in &self.varies {
            if let Some(value) = answer.body.pointer_mut(pointer) {
                *value = "<varies>".into();
            }
        }
        normal.normalise(&self.name, &mut answer.body);
        answer
    }
}

/// The text with every `${name}` replaced by what was kept under that name.
fn fill(text: &str, kept: &BTreeMap<String, String>) -> String {
    let mut filled = text.to_owned();
    for (name, value) in kept {
        filled = filled.replace(&format!("${{{name}}}"), value);
    }
    assert!(!filled.contains("${"), "nothing was kept for {filled}");
    filled
}
