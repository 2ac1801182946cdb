//! What varies from run to run, replaced by names for it.

use std::collections::{BTreeMap, HashMap};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use regex::Regex;
use serde_json::{Map, Value, json};

/// What was seen so far in one file, and under which name.
pub(super) struct Normal {
    url: String,
    issuer: String,
    /// All that the requests say, which is as fixed in the answers.
    said: String,
    names: HashMap<String, String>,
    uid: Regex,
    time: Regex,
    age: Regex,
    token: Regex,
}

impl Normal {
    pub(super) fn new(url: &str, issuer: &str, said: String) -> Self {
        let regex = |text: &str| Regex::new(text).unwrap();
        Self {
            url: url.to_owned(),
            issuer: issuer.to_owned(),
            said,
            names: HashMap::new(),
            uid: regex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
            time: regex(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"),
            age: regex(r"^(\d+[smhd])+$"),
            token: regex(r"^eyJ[\w-]+\.[\w-]+\.[\w-]+$"),
        }
    }

    /// Names what varies in the answer of `step`.
    pub(super) fn normalise(&mut self, step: &str, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.normalise(step, item)),
            Value::Object(fields) => self.object(step, fields),
            Value::String(text) if self.token.is_match(text) => {
                *value = self.token(text);
                self.normalise(step, value);
            }
            Value::String(text) if self.time.is_match(text) && self.said.contains(text.as_str()) => {}
            Value::String(text) if self.time.is_match(text) => *text = "<time>".to_owned(),
            Value::String(text) => *text = self.text(step, text),
            _ => {}
        }
    }

    fn object(&mut self, step: &str, fields: &mut Map<String, Value>) {
        let is_list = fields.contains_key("items") || fields.contains_key("rows");
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            self.metadata(step, metadata, is_list);
        }
        if let Some(cells) = fields.get_mut("cells").and_then(Value::as_array_mut) {
            for cell in cells {
                if cell.as_str().is_some_and(|text| self.age.is_match(text)) {
                    *cell = "<age>".into();
                }
            }
        }
        // The server names the managers in the way in the order of a Go map, which is none.
        if let Some(causes) = fields.get_mut("causes").and_then(Value::as_array_mut) {
            causes.sort_by_key(|cause| {
                let conflict = cause["reason"] == "FieldManagerConflict";
                ["field", "message"].map(|key| if conflict { cause[key].to_string() } else { String::new() })
            });
        }
        // Rules come in the order of a Go map, too.
        for name in ["resourceRules", "nonResourceRules"] {
            fields
                .get_mut(name)
                .and_then(Value::as_array_mut)
                .into_iter()
                .for_each(|rules| rules.sort_by_key(Value::to_string));
        }
        if fields.contains_key("kty") {
            for part in ["n", "kid", "x", "y"] {
                fields.get_mut(part).into_iter().for_each(|value| *value = "<key>".into());
            }
        }
        if let Some(columns) = fields.get_mut("columnDefinitions").and_then(Value::as_array_mut) {
            // Prose of the API's documentation.
            columns.iter_mut().for_each(|column| column["description"] = "<description>".into());
        }
        fields.values_mut().for_each(|field| self.normalise(step, field));
    }

    fn metadata(&mut self, step: &str, metadata: &mut Map<String, Value>, is_list: bool) {
        if let Some(version) = metadata.get_mut("resourceVersion")
            && let Some(text) = version.as_str()
            && !text.starts_with('<')
        {
            // A list has the version of the whole store, which others write to as well.
            let name = if is_list { "<version of all>".to_owned() } else { self.name("version", step, text) };
            *version = name.into();
        }
        metadata.get_mut("continue").into_iter().for_each(|token| *token = "<continue>".into());
        let prefix = metadata.get("generateName").and_then(Value::as_str).map(str::to_owned);
        if let (Some(prefix), Some(name)) = (prefix, metadata.get_mut("name"))
            && name.as_str().is_some_and(|name| name.len() == prefix.len() + 5 && name.starts_with(&prefix))
        {
            *name = format!("{prefix}<random>").into();
        }
        // The server sorts by time, in whole seconds, so the order depends on when a second ended.
        if let Some(entries) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
            entries.sort_by_key(|entry| {
                ["operation", "manager", "subresource"].map(|key| entry[key].as_str().unwrap_or_default().to_owned())
            });
        }
    }

    fn text(&mut self, step: &str, text: &str) -> String {
        let text = text.replace(&self.issuer, "<issuer>").replace(&self.url, "<server>");
        let found: Vec<String> = self.uid.find_iter(&text).map(|found| found.as_str().to_owned()).collect();
        found.into_iter().fold(text, |text, uid| {
            if self.said.contains(&uid) {
                return text;
            }
            let name = self.name("uid", step, &uid);
            text.replace(&uid, &name)
        })
    }

    /// The name of a value: after the step that showed it first.
    fn name(&mut self, kind: &str, step: &str, value: &str) -> String {
        let key = format!("{kind} {value}");
        if let Some(name) = self.names.get(&key) {
            return name.clone();
        }
        let taken = |name: &str, names: &HashMap<String, String>| names.values().any(|other| other == name);
        let mut name = format!("<{kind}: {step}>");
        let mut number = 2;
        while taken(&name, &self.names) {
            name = format!("<{kind} {number}: {step}>");
            number += 1;
        }
        self.names.insert(key, name.clone());
        name
    }

    /// A token is what it says; when it was made and by which key varies, how long it lasts does not.
    fn token(&self, token: &str) -> Value {
        let parts: Vec<Value> = token
            .split('.')
            .take(2)
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        let (mut header, mut claims) = (parts[0].clone(), parts[1].clone());
        header["kid"] = "<key>".into();
        let made = claims["iat"].as_i64().unwrap_or_default();
        for name in ["iat", "nbf", "exp"] {
            if let Some(at) = claims[name].as_i64() {
                claims[name] = if at == made { "<now>".into() } else { format!("<now + {}>", at - made).into() };
            }
        }
        json!({"token": {"header": header, "claims": claims}})
    }
}

/// Drops the items of the named arrays, at any depth, whose names are not among those given.
pub(super) fn keep_only(value: &mut Value, only: &BTreeMap<String, Vec<String>>) {
    if only.is_empty() {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| keep_only(item, only)),
        Value::Object(fields) => {
            for (key, field) in fields {
                if let (Some(names), Some(items)) = (only.get(key), field.as_array_mut()) {
                    items.retain(|item| {
                        let named =
                            ["/name", "/resource", "/subresource", "/metadata/name"].map(|place| item.pointer(place));
                        let name = named.into_iter().flatten().find_map(Value::as_str).unwrap_or_default();
                        names.iter().any(|wanted| wanted == name)
                    });
                }
                keep_only(field, only);
            }
        }
        _ => {}
    }
}
