//! Faults: what the emulator does wrong on purpose, so that a client's handling of failure can be tried.
//!
//! A fault is a pattern of requests and an effect. All that match count an occurrence; the first that is due takes effect.

use http::{HeaderName, HeaderValue, StatusCode};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::chance::draw;
use super::cut;
use super::http::{Request, Response};

/// One fault as it is written in JSON: `{"match": {…}, "effect": {…}}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests it is for.
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
    /// How likely each of them is struck, from 0 to 1. Which ones is decided by `seed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The same seed and requests have the same faults.
    pub seed: u64,
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
    /// Send half of the answer's body and close the connection.
    pub truncate: bool,
    /// Send bytes that are no text in place of the answer's body.
    pub garbage: bool,
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

    /// What arrives of an answer.
    pub(crate) fn spoil(&self, mut response: Response) -> Response {
        if self.garbage {
            // Without the highest bit all of it was ASCII; with it, it is not even UTF-8.
            let rubbish = |body: &[u8]| body.iter().map(|byte| byte ^ 0xA5).collect::<Vec<u8>>();
            response.body = if response.body.is_empty() { rubbish(&[0; 64]) } else { rubbish(&response.body) }.into();
        }
        if self.truncate { cut::in_half(response) } else { response }
    }

    /// A word or two for the log.
    pub(crate) fn describe(&self) -> String {
        match (self.drop, self.status) {
            (Some(Drop::Before), _) => "dropped before the effect".to_owned(),
            (Some(Drop::After), _) => "dropped after the effect".to_owned(),
            (None, Some(status)) if self.after_effect => format!("answered {status} after the effect"),
            (None, Some(status)) => format!("answered {status}"),
            (None, None) if self.truncate => "truncated".to_owned(),
            (None, None) if self.garbage => "turned into garbage".to_owned(),
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
            if let Some(probability) = fault.pattern.probability
                && !(0.0..=1.0).contains(&probability)
            {
                return Err(format!("fault {index}: {probability} is not a probability from 0 to 1"));
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

    /// The effect on this request, if any. Every fault whose pattern matches counts it.
    pub(crate) fn effect(&mut self, operation: &str, request: &Request) -> Option<Effect> {
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
            let counted = match &pattern.nth {
                None => true,
                Some(Nth::One(number)) => *number == armed.matched,
                Some(Nth::Several(numbers)) => numbers.contains(&armed.matched),
            };
            let drawn = pattern.probability.is_none_or(|it| draw(pattern.seed, "fault", armed.matched) < it);
            if counted && drawn && effect.is_none() {
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
        let struck: Vec<bool> = (0..3).map(|_| faults.effect("Write", &put).is_some()).collect();
        assert_eq!(struck, [false, true, false]);
        assert!(faults.effect("Write", &Request::test("GET", "/x/federated")).is_none());
        assert_eq!(faults.effect("Other", &put).unwrap().drop, Some(Drop::Before));
        assert_eq!(faults.list()[0]["matched"], 4);
    }

    #[test]
    fn a_probable_fault_strikes_about_so_often_and_the_same_ones_each_time() {
        let struck = |seed: u64| -> Vec<bool> {
            let mut faults = faults(json!([{"match": {"probability": 0.3, "seed": seed}, "effect": {"status": 500}}]));
            (0..1000).map(|_| faults.effect("Any", &Request::test("GET", "/x")).is_some()).collect()
        };
        let first = struck(1);
        let count = first.iter().filter(|struck| **struck).count();
        assert!((240..360).contains(&count), "{count} of 1000");
        assert_eq!(struck(1), first);
        assert_ne!(struck(2), first);
    }

    #[test]
    fn a_fault_that_cannot_be_is_refused() {
        let fault = |json| serde_json::from_value::<Fault>(json).unwrap();
        let replace = |json| Faults::default().replace(vec![fault(json)]);
        assert!(replace(json!({"match": {"path": "("}, "effect": {}})).unwrap_err().contains("fault 0: path"));
        assert!(replace(json!({"effect": {"status": 42}})).is_err());
        assert!(replace(json!({"match": {"probability": 30}, "effect": {}})).unwrap_err().contains("30"));
        assert!(serde_json::from_value::<Fault>(json!({"effect": {"stauts": 500}})).is_err());
    }
}
