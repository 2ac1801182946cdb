//! What can be wrong with a request.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};

use super::corpus::Shot;

const SEGMENTS: &[&str] = &[
    "..",
    ".",
    "%2e%2e",
    "%2F",
    "a%2Fb",
    "a%5Cb",
    "%00",
    "%0a",
    "%ff",
    "%",
    "%zz",
    "%C3%A9",
    "null",
    "-",
    "*",
    "{x}",
    "'",
    "a;b",
    "%25252e",
    "00000000-0000-0000-0000-000000000000",
    "status",
    "token",
    "providers",
];
const QUERIES: &[&str] = &[
    "",
    "=",
    "&&&",
    "api-version",
    "api-version=",
    "api-version=latest",
    "api-version=2023-01-31&api-version=x",
    "api-version=2024-09-01%00",
    "api-version=2023-01-31&$top=-1",
    "api-version=2023-01-31&$top=99999999999999999999",
    "api-version=2023-01-31&$skiptoken=%ff%fe",
    "api-version=2023-01-31&$skiptoken=////",
    "api-version=2022-04-01&$filter='",
    "api-version=2022-04-01&$filter=principalId%20eq%20",
    "api-version=2022-04-01&$filter=roleName%20eq%20'%27",
    "api-version=7.4&maxresults=0",
    "api-version=7.4&maxresults=x&$skiptoken=x",
    "limit=-1",
    "limit=99999999999999999999",
    "limit=1&continue=garbage",
    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTF9",
    "resourceVersion=abc",
    "resourceVersion=-5&resourceVersionMatch=Exact",
    "resourceVersionMatch=Sideways",
    "labelSelector=!!",
    "labelSelector=a%20in%20(",
    "fieldSelector=metadata.name%3D%3D%3D",
    "fieldManager=",
    "fieldManager=%0a&force=maybe",
    "fieldManager=x&force=true&dryRun=None",
    "dryRun=All&dryRun=All",
    "fieldValidation=Loud",
    "propagationPolicy=Sideways",
    "gracePeriodSeconds=-99999999999",
    "timeoutSeconds=abc",
    "pretty=2&includeObject=x",
    "%ff=%fe",
    "since=-1",
    "authorization_endpoint=https%3A%2F%2F",
];
const TYPES: &[&str] = &[
    "",
    "text/plain",
    "application/xml",
    "application/json; charset=utf-16",
    "application/yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/vnd.kubernetes.protobuf",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "é",
    ";;;",
];
const AUTHORIZATIONS: &[&str] = &[
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer a.b.c",
    "Bearer ...",
    "Basic eDp5",
    // {"alg":"none"} . {"aud":"https://management.azure.com","exp":9999999999} .
    "Bearer eyJhbGciOiJub25lIn0.eyJhdWQiOiJodHRwczovL21hbmFnZW1lbnQuYXp1cmUuY29tIiwiZXhwIjo5OTk5OTk5OTk5fQ.",
    // {"alg":"RS256"} with claims that are a list
    "Bearer eyJhbGciOiJSUzI1NiJ9.W10.AAAA",
    "Bearer eyJhbGciOiJSUzI1NiJ9.e30.!!!!",
];
const HEADERS: &[(&str, &str)] = &[
    ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io"),
    ("accept", "application/vnd.kubernetes.protobuf"),
    ("accept", ";q=x,,"),
    ("impersonate-user", ""),
    ("impersonate-user", "system:anonymous"),
    ("impersonate-group", "x"),
    ("x-ms-correlation-request-id", "x y\tz"),
    ("x-ms-client-request-id", "\u{e9}"),
    ("x-ms-return-client-request-id", "true"),
    ("if-match", "*"),
    ("content-encoding", "gzip"),
];

/// Makes one to three things wrong with a request.
pub(super) fn mutate(shot: &mut Shot, random: &mut StdRng, others: &[Shot]) {
    for _ in 0..random.random_range(1..=3) {
        match random.random_range(0..12) {
            0..=4 => body(shot, random),
            5..=6 => path(shot, random),
            7..=8 => query(shot, random),
            9 => shot.set("content-type", TYPES.choose(random).unwrap()),
            10 => match random.random_range(0..3) {
                0 => shot.set("authorization", AUTHORIZATIONS.choose(random).unwrap()),
                // A token that is good, for somebody else.
                1 => {
                    let other = others.choose(random).unwrap();
                    if let Some((name, value)) = other.headers.iter().find(|(name, _)| name == "authorization") {
                        shot.set(name, value);
                    }
                }
                _ => {
                    let (name, value) = HEADERS.choose(random).unwrap();
                    shot.set(name, value);
                }
            },
            _ => {
                let methods = ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"];
                shot.method = (*methods.choose(random).unwrap()).to_owned();
            }
        }
    }
}

fn path(shot: &mut Shot, random: &mut StdRng) {
    let (path, query) = match shot.target.split_once('?') {
        Some((path, query)) => (path.to_owned(), format!("?{query}")),
        None => (shot.target.clone(), String::new()),
    };
    let mut parts: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
    let at = random.random_range(0..parts.len());
    match random.random_range(0..6) {
        0 => drop(parts.remove(at)),
        1 => parts.insert(at, parts[at].clone()),
        2 => parts[at] = parts[at].to_uppercase(),
        3 => parts[at] = "x".repeat(random.random_range(1..5000)),
        4 => parts.push(String::new()),
        _ => parts[at] = (*SEGMENTS.choose(random).unwrap()).to_owned(),
    }
    shot.target = format!("/{}{query}", parts.join("/"));
}

fn query(shot: &mut Shot, random: &mut StdRng) {
    let path = shot.target.split('?').next().unwrap_or_default().to_owned();
    let odd = QUERIES.choose(random).unwrap();
    shot.target = match shot.target.split_once('?') {
        Some((_, query)) if random.random_bool(0.5) => format!("{path}?{query}&{odd}"),
        _ => format!("{path}?{odd}"),
    };
}

fn body(shot: &mut Shot, random: &mut StdRng) {
    if let Ok(mut json) = serde_json::from_slice::<Value>(&shot.body)
        && random.random_bool(0.75)
    {
        let pointers = pointers(&json);
        let at = pointers.choose(random).unwrap();
        if let Some(node) = json.pointer_mut(at) {
            change(node, random);
        }
        shot.body = json.to_string().into();
        return;
    }
    let mut bytes = shot.body.to_vec();
    let at = random.random_range(0..=bytes.len());
    match random.random_range(0..6) {
        0 => bytes.truncate(at),
        1 => bytes.clear(),
        2 => bytes.insert(at, random.random()),
        3 => bytes.splice(at..at, *b"\xff\xfe\x00").for_each(drop),
        4 => bytes = "[".repeat(random.random_range(1..100_000)).into(),
        _ => bytes.extend_from_within(at..),
    }
    shot.body = bytes.into();
}

/// Puts something else in the place of a part of a document.
fn change(node: &mut Value, random: &mut StdRng) {
    if let Value::Object(members) = node
        && random.random_bool(0.5)
    {
        let names: Vec<String> = members.keys().cloned().collect();
        if let Some(name) = names.choose(random) {
            let value = members.remove(name).unwrap_or_default();
            if random.random_bool(0.5) {
                members.insert(format!("{name}\u{0}é"), value);
            }
            return;
        }
    }
    *node = match random.random_range(0..14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1e308),
        5 => json!(""),
        6 => json!("x".repeat(random.random_range(1..100_000))),
        7 => json!("\u{0}\r\n\u{202e}é'\"/../%2F"),
        8 => json!([]),
        9 => json!({}),
        10 => json!([[[[[[null]]]]]]),
        11 => json!({"": {"": {"": [node.clone()]}}}),
        12 => json!([node.clone(), node.clone()]),
        _ => json!(node.to_string()),
    };
}

/// Where the parts of a document are.
fn pointers(document: &Value) -> Vec<String> {
    let mut all = vec![String::new()];
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match document {
        Value::Object(members) => {
            for (name, value) in members {
                all.extend(pointers(value).into_iter().map(|rest| format!("/{}{rest}", escaped(name))));
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                all.extend(pointers(value).into_iter().map(|rest| format!("/{index}{rest}")));
            }
        }
        _ => {}
    }
    all
}
