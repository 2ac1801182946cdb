//! Faults: what the emulator does wrong on purpose, so that a client's handling of failure can be tried.
//!
//! A fault is a pattern of requests and an effect. All that match count an occurrence; the first that is due strikes.

use http::{HeaderName, HeaderValue, StatusCode};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::http::{Request, Response};

/// One fault as it is written in JSON: `{"match": {…}, "effect": {…}}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests it strikes.
    #[serde(rename = "match", default)]
    pub pattern: Pattern,
    /// What then happens.
    pub effect: Effect,
}

/// Which requests; what is absent matches everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pattern {
    /// The HTTP method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A regular expression that is looked for in path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The operation's name, as the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Which of the matching requests, counted from 1: one number or several. Every one when it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<Nth>,
}

/// One number or several.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Nth {
    /// Just this one.
    One(u64),
    /// Any of these.
    Several(Vec<u64>),
}

/// What happens instead of, before or after the request's own effect.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Effect {
    /// Answer with this status. Without `after_effect` the request has no effect of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The body of that answer: JSON, or text where it is a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Headers of that answer.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub headers: serde_json::Map<String, Value>,
    /// Wait so many milliseconds first.
    pub delay_ms: u64,
    /// Close the connection without an answer: `before` or `after` the effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop: Option<Drop>,
    /// Let the request have its effect, and only then answer with `status`.
    pub after_effect: bool,
}

/// When the connection is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Drop {
    /// The request has no effect.
    Before,
    /// The effect is there and durable, the answer is lost.
    After,
}

impl Effect {
    /// The answer that this effect gives, where it gives one.
    pub(crate) fn response(&self) -> Option<Response> {
        let status = StatusCode::from_u16(self.status?).ok()?;
        let mut response = match &self.body {
            None => Response::empty(status),
            Some(Value::String(text)) => Response { body: text.clone().into(), ..Response::empty(status) },
            Some(body) => Response::json(status, body),
        };
        for (name, value) in &self.headers {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers.insert(name, value);
            }
        }
        Some(response)
    }

    /// A word or two for the log.
    pub(crate) fn describe(&self) -> String {
        match (self.drop, self.status) {
            (Some(Drop::Before), _) => "dropped before the effect".to_owned(),
            (Some(Drop::After), _) => "dropped after the effect".to_owned(),
            (None, Some(status)) if self.after_effect => format!("answered {status} after the effect"),
            (None, Some(status)) => format!("answered {status}"),
            (None, None) => format!("delayed by {} ms", self.delay_ms),
        }
    }
}

/// The faults in force, and how often each has matched.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    path: Option<Regex>,
    matched: u64,
}

impl Faults {
    /// Replaces all faults by these; their counts start anew.
    ///
    /// # Errors
    /// When a pattern's path is no regular expression or a status is none.
    pub(crate) fn replace(&mut self, faults: Vec<Fault>) -> Result<(), String> {
        let arm = |(index, fault): (usize, Fault)| {
            let path = match &fault.pattern.path {
                Some(path) => Some(Regex::new(path).map_err(|error| format!("fault {index}: path: {error}"))?),
                None => None,
            };
            if let Some(status) = fault.effect.status
                && !(200..=599).contains(&status)
            {
                return Err(format!("fault {index}: {status} is not the status of an answer"));
            }
            Ok(Armed { fault, path, matched: 0 })
        };
        self.armed = faults.into_iter().enumerate().map(arm).collect::<Result<_, String>>()?;
        Ok(())
    }

    /// The faults and their counts.
    pub(crate) fn list(&self) -> Value {
        let entry = |armed: &Armed| serde_json::json!({"match": armed.fault.pattern, "effect": armed.fault.effect, "matched": armed.matched});
        self.armed.iter().map(entry).collect()
    }

    /// The effect that strikes this request, if any.
    pub(crate) fn strike(&mut self, operation: &str, request: &Request) -> Option<Effect> {
        let target = request.path_and_query();
        let mut effect = None;
        for armed in &mut self.armed {
            let pattern = &armed.fault.pattern;
            let matches =
                pattern.method.as_deref().is_none_or(|method| request.method.as_str().eq_ignore_ascii_case(method))
                    && pattern.operation.as_deref().is_none_or(|name| name == operation)
                    && armed.path.as_ref().is_none_or(|path| path.is_match(&target));
            if !matches {
                continue;
            }
            armed.matched += 1;
            let due = match &pattern.nth {
                None => true,
                Some(Nth::One(number)) => *number == armed.matched,
                Some(Nth::Several(numbers)) => numbers.contains(&armed.matched),
            };
            if due && effect.is_none() {
                effect = Some(armed.fault.effect.clone());
            }
        }
        effect
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(json: Value) -> Faults {
        let mut faults = Faults::default();
        faults.replace(serde_json::from_value(json).unwrap()).unwrap();
        faults
    }

    #[test]
    fn a_fault_strikes_the_nth_match_and_only_that() {
        let mut faults = faults(json!([
            {"match": {"method": "put", "path": "/federated", "nth": 2}, "effect": {"status": 503}},
            {"match": {"operation": "Other"}, "effect": {"drop": "before"}}
        ]));
        let put = Request::test("PUT", "/x/federatedIdentityCredentials/a?api-version=1");
        let struck: Vec<bool> = (0..3).map(|_| faults.strike("Write", &put).is_some()).collect();
        assert_eq!(struck, [false, true, false]);
        assert!(faults.strike("Write", &Request::test("GET", "/x/federated")).is_none());
        assert_eq!(faults.strike("Other", &put).unwrap().drop, Some(Drop::Before));
        assert_eq!(faults.list()[0]["matched"], 4);
    }

    #[test]
    fn a_fault_that_cannot_be_is_refused() {
        let fault = |json| serde_json::from_value::<Fault>(json).unwrap();
        let replace = |json| Faults::default().replace(vec![fault(json)]);
        assert!(replace(json!({"match": {"path": "("}, "effect": {}})).unwrap_err().contains("fault 0: path"));
        assert!(replace(json!({"effect": {"status": 42}})).is_err());
        assert!(serde_json::from_value::<Fault>(json!({"effect": {"stauts": 500}})).is_err());
    }
}
