//! The emulator's Kubernetes API answers what a real kube-apiserver answered.
//!
//! Each file of `tests/kubernetes-contract/` is a story: requests in order, each with the whole answer that was recorded.
//! What differs from run to run stands in angle brackets and must agree with itself: the same `<uid:web>` everywhere, no
//! `<uid:web>` equal to a `<uid:job>`, and a `<rev:229>` before a `<rev:231>`. A step is never skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // A test's helpers.

use std::collections::BTreeMap;
use std::path::Path;

use azwi::emulator::clock::Clock;
use azwi::emulator::http::{Request, Response};
use azwi::emulator::kubernetes::cluster::Cluster;
use azwi::emulator::kubernetes::{Context, answer};
use azwi::emulator::store::Store;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example/contract/";

#[test]
fn api() {
    replay("api.json");
}

#[test]
fn server_side_apply() {
    replay("server-side-apply.json");
}

#[test]
fn expiry() {
    replay("expiry.json");
}

#[test]
fn workload_identity() {
    replay("workload-identity.json");
}

#[test]
fn create_and_read() {
    replay("create-and-read.json");
}

#[test]
fn apply_and_patch() {
    replay("apply-and-patch.json");
}

#[test]
fn update_and_delete() {
    replay("update-and-delete.json");
}

#[test]
fn takeover() {
    replay("takeover.json");
}

#[test]
fn every_story_is_replayed() {
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file!())).unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(source.contains(&format!("replay(\"{name}\")")), "{name} is replayed by no test");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    #[allow(dead_code)] // For the reader.
    about: String,
    /// What the API server takes as its own audiences; its issuer alone where the story does not say.
    #[serde(default)]
    audiences: Vec<String>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    name: String,
    /// admin unless it is said: anonymous, or wrong for a token that is none.
    #[serde(default, rename = "as")]
    user: User,
    /// What happens to the server before the request.
    before: Option<Before>,
    send: Send,
    expect: Expect,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum User {
    #[default]
    Admin,
    Anonymous,
    Wrong,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Before {
    /// Its history up to now is dropped.
    Compact,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    method: String,
    path: String,
    #[serde(rename = "type")]
    content_type: Option<String>,
    accept: Option<String>,
    /// A string is sent as it is, anything else as JSON.
    body: Option<Value>,
}

/// A step that only prepares the next ones says no more than the status.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    status: u16,
    #[serde(rename = "type")]
    content_type: Option<String>,
    body: Option<Value>,
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes-contract")
}

fn replay(file: &str) {
    let story: Story = serde_json::from_str(&std::fs::read_to_string(folder().join(file)).unwrap()).unwrap();
    let mut store = Store::in_memory();
    let clock = Clock::default();
    let mut cluster =
        Cluster::create(&mut store, &clock, "contract", "https://127.0.0.1:1/clusters/contract", ISSUER, &[]).unwrap();
    cluster.stop_controllers(&mut store);
    let mut seen = Seen::default();
    if !story.audiences.is_empty() {
        let audiences = story.audiences.iter().map(|audience| seen.filled(audience)).collect();
        cluster.set_api_audiences(&mut store, audiences);
    }
    let mut wrong = Vec::new();
    let mut start = clock.now().replace_nanosecond(0).unwrap();
    for step in &story.steps {
        // Held within one second, as a recording is: what has several managers is ordered by their times.
        clock.advance(i64::try_from((start - clock.now()).whole_milliseconds()).unwrap());
        if let Some(Before::Compact) = step.before {
            clock.advance(6 * 60 * 1000);
            start += time::Duration::minutes(6);
        }
        let request = request(step, &cluster, &seen);
        let response = answer(&mut Context { store: &mut store, clock: &clock, cluster: &cluster }, &request);
        for difference in differences(step, &response, &mut seen) {
            wrong.push(format!("{}: {difference}", step.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {file}:\n{}", wrong.len(), wrong.join("\n"));
}

fn request(step: &Step, cluster: &Cluster, seen: &Seen) -> Request {
    let target = seen.filled(&step.send.path);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let mut headers = http::HeaderMap::new();
    let mut header = |name: &'static str, value: &str| headers.insert(name, value.parse().unwrap());
    header("user-agent", "Python-urllib/3.11");
    match step.user {
        User::Admin => drop(header("authorization", &format!("Bearer {}", cluster.admin_token()))),
        User::Wrong => drop(header("authorization", "Bearer wrong")),
        User::Anonymous => {}
    }
    for (name, value) in [("content-type", &step.send.content_type), ("accept", &step.send.accept)] {
        if let Some(value) = value {
            header(name, value);
        }
    }
    let body = match &step.send.body {
        None => Vec::new(),
        Some(Value::String(text)) => seen.filled(text).into_bytes(),
        Some(body) => seen.filled(&body.to_string()).into_bytes(),
    };
    Request { method: step.send.method.parse().unwrap(), path: path.to_owned(), query, headers, body: body.into() }
}

fn differences(step: &Step, response: &Response, seen: &mut Seen) -> Vec<String> {
    let mut out = Vec::new();
    let (status, expected) = (response.status.as_u16(), step.expect.status);
    if status != expected {
        let body = String::from_utf8_lossy(&response.body);
        out.push(format!("status {status} instead of {expected}: {body}"));
        return out;
    }
    let content_type = response.headers.get("content-type").map(|value| value.to_str().unwrap());
    if step.expect.content_type.as_deref().is_some_and(|expected| Some(expected) != content_type) {
        out.push(format!("content type {content_type:?} instead of {:?}", step.expect.content_type));
    }
    if let Some(expected) = &step.expect.body {
        let text = String::from_utf8_lossy(&response.body).into_owned();
        let mut body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        add_decoded_token(&mut body);
        seen.compare("", expected, &body, &mut out);
    }
    out
}

/// Puts what a token says beside it, where a recording has it too.
fn add_decoded_token(body: &mut Value) {
    let Some(token) = body.pointer("/status/token").and_then(Value::as_str) else { return };
    let part = |index: usize| -> Value {
        let text = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    body["status"]["decoded"] = json!({"header": part(0), "claims": part(1)});
}

/// What the placeholders stood for so far.
#[derive(Default)]
struct Seen {
    named: BTreeMap<String, String>,
    revisions: BTreeMap<u64, u64>,
    /// When the token at hand was issued.
    unix: Option<i64>,
}

impl Seen {
    /// A text to send, with its placeholders filled in.
    fn filled(&self, text: &str) -> String {
        let placeholder = Regex::new(r"<([^<>]+)>").unwrap();
        let fill = |found: &regex::Captures<'_>| match found[1].split_once([':', '*']) {
            _ if &found[1] == "issuer" => ISSUER.to_owned(),
            _ if &found[1] == "time" => "2026-01-01T00:00:00Z".to_owned(),
            Some(("rev", revision)) => self.revisions[&revision.parse().unwrap()].to_string(),
            Some((letter, count)) if letter.len() == 1 => letter.repeat(count.parse().unwrap()),
            Some(_) => self.named[&found[1]].clone(),
            None => panic!("{} cannot be sent", &found[0]),
        };
        placeholder.replace_all(text, fill).into_owned()
    }

    fn compare(&mut self, path: &str, expected: &Value, found: &Value, out: &mut Vec<String>) {
        match (expected, found) {
            (Value::Object(expected), Value::Object(found)) => {
                for (key, expected) in expected {
                    let key = if key.contains('<') { self.filled(key) } else { key.clone() };
                    match found.get(&key) {
                        Some(found) => self.compare(&format!("{path}.{key}"), expected, found, out),
                        None => out.push(format!("{path}.{key} is missing")),
                    }
                }
                for key in found.keys().filter(|key| !expected.contains_key(*key) && !key.contains('<')) {
                    out.push(format!("{path}.{key} is too much: {}", found[key]));
                }
            }
            (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
                for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                    self.compare(&format!("{path}[{index}]"), expected, found, out);
                }
            }
            (Value::String(expected), _) if expected.contains('<') => {
                let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
                if let Err(why) = self.meet(expected, &found) {
                    out.push(format!("{path}: {why}"));
                }
            }
            _ if expected == found => {}
            _ => out.push(format!("{path}: {found} instead of {expected}")),
        }
    }

    /// Compares a text that has placeholders and learns what they stand for.
    fn meet(&mut self, expected: &str, found: &str) -> Result<(), String> {
        let placeholder = Regex::new(r"<(issuer|time|text|token|unix(?:\+\d+)?|[a-z]+:[^<>]+|[a-z]\*\d+)>").unwrap();
        let (mut pattern, mut last, mut names) = ("(?s)^".to_owned(), 0, Vec::new());
        for part in placeholder.captures_iter(expected) {
            let whole = part.get(0).unwrap();
            pattern += &regex::escape(&expected[last..whole.start()]);
            pattern += match &part[1] {
                "time" => r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)",
                name if name.starts_with("uid:") => "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
                name if name.starts_with("rev:") || name.starts_with("unix") => r"(\d+)",
                _ => "(.*?)",
            };
            names.push(part[1].to_owned());
            last = whole.end();
        }
        pattern += &regex::escape(&expected[last..]);
        let found_parts = Regex::new(&(pattern + "$")).unwrap().captures(found);
        let found_parts = found_parts.ok_or_else(|| format!("{found:?} instead of {expected:?}"))?;
        for (name, value) in names.iter().zip(found_parts.iter().skip(1).flatten()) {
            self.learn(name, value.as_str())?;
        }
        Ok(())
    }

    fn learn(&mut self, name: &str, value: &str) -> Result<(), String> {
        let unequal = |wanted: &str| Err(format!("<{name}> is {value} instead of {wanted}"));
        match name.split_once([':', '*', '+']) {
            None if name == "issuer" && value != ISSUER => unequal(ISSUER),
            None if name == "unix" && self.unix != Some(value.parse().unwrap()) => unequal(&format!("{:?}", self.unix)),
            None => Ok(()),
            Some(("unix", later)) => {
                // Keys come in alphabetical order: `exp` is there before `iat` and `nbf`.
                self.unix = Some(value.parse::<i64>().unwrap() - later.parse::<i64>().unwrap());
                Ok(())
            }
            Some(("rev", recorded)) => {
                let (recorded, value): (u64, u64) = (recorded.parse().unwrap(), value.parse().unwrap());
                let before = self.revisions.range(..recorded).next_back().map(|(_, value)| *value);
                let after = self.revisions.range(recorded + 1..).next().map(|(_, value)| *value);
                let known = *self.revisions.entry(recorded).or_insert(value);
                if known != value {
                    return unequal(&known.to_string());
                }
                if before.is_some_and(|before| before >= value) || after.is_some_and(|after| after <= value) {
                    return Err(format!("<{name}> is {value}, which is out of order: {:?}", self.revisions));
                }
                Ok(())
            }
            Some((letter, count)) if letter.len() == 1 => {
                let wanted = letter.repeat(count.parse().unwrap());
                if value == wanted { Ok(()) } else { unequal(&wanted) }
            }
            Some((kind, _)) => {
                let kind = format!("{kind}:");
                let other = self.named.iter().find(|(other, known)| {
                    other.starts_with(&kind) && other.as_str() != name && known.as_str() == value
                });
                if let Some((other, _)) = other {
                    return Err(format!("<{name}> is {value}, which is <{other}>"));
                }
                let known = self.named.entry(name.to_owned()).or_insert_with(|| value.to_owned());
                if known == value { Ok(()) } else { Err(format!("<{name}> is {value} instead of {known}")) }
            }
        }
    }
}
