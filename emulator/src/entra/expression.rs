//! The language of flexible federated credentials, version 1: `claims['sub'] matches 'repo:a/*' and claims['x'] eq 'y'`.
//!
//! `matches` knows `*` and `?`. Microsoft's documentation puts comparands into quotes and its own example does not, so a
//! comparand without quotes is taken to the next space.

use regex::Regex;
use serde_json::{Map, Value};

/// An expression that was understood.
#[derive(Debug)]
pub(crate) struct Expression(Vec<Condition>);

#[derive(Debug)]
struct Condition {
    claim: String,
    pattern: Regex,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What was expected where.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.trim();
        let mut conditions = Vec::new();
        loop {
            let (claim, after) = rest
                .strip_prefix("claims['")
                .and_then(|rest| rest.split_once("']"))
                .ok_or_else(|| format!("expected claims['…'] at '{rest}'"))?;
            let after = after.trim_start();
            let (operator, after) =
                after.split_once(' ').ok_or_else(|| format!("expected eq or matches at '{after}'"))?;
            let after = after.trim_start();
            let (comparand, after) = match after.strip_prefix('\'') {
                Some(quoted) => quoted.split_once('\'').ok_or_else(|| format!("unclosed quote at '{after}'"))?,
                None => after.split_once(' ').unwrap_or((after, "")),
            };
            let exact = regex::escape(comparand);
            let pattern = match operator {
                "eq" => exact,
                "matches" => exact.replace(r"\*", ".*").replace(r"\?", "."),
                _ => return Err(format!("'{operator}' is neither eq nor matches")),
            };
            let pattern = Regex::new(&format!("(?s)^{pattern}$")).map_err(|error| error.to_string())?;
            conditions.push(Condition { claim: claim.to_owned(), pattern });
            let after = after.trim_start();
            if after.is_empty() {
                return Ok(Self(conditions));
            }
            rest = after.strip_prefix("and ").ok_or_else(|| format!("expected and at '{after}'"))?.trim_start();
        }
    }

    /// Whether these claims satisfy every condition.
    pub(crate) fn accepts(&self, claims: &Map<String, Value>) -> bool {
        self.0.iter().all(|condition| {
            claims.get(&condition.claim).and_then(Value::as_str).is_some_and(|it| condition.pattern.is_match(it))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn accepts(expression: &str, claims: Value) -> bool {
        Expression::parse(expression).unwrap().accepts(claims.as_object().unwrap())
    }

    #[test]
    fn wildcards_work_in_matches_and_nowhere_else() {
        let sub = |sub: &str| json!({"sub": sub, "ref": "a.b"});
        assert!(accepts("claims['sub'] matches 'repo:a/*:ref:?'", sub("repo:a/b/c:ref:x")));
        assert!(!accepts("claims['sub'] matches 'repo:a/*:ref:?'", sub("repo:a/b:ref:xy")));
        assert!(!accepts("claims['sub'] eq 'repo:*'", sub("repo:x")));
        assert!(accepts("claims['sub'] matches system:serviceaccount:ns:*", sub("system:serviceaccount:ns:a")));
        assert!(accepts("claims['sub'] eq 'x' and claims['ref'] eq 'a.b'", sub("x")));
        assert!(!accepts("claims['sub'] eq 'x' and claims['ref'] eq 'aXb'", sub("x")));
        assert!(!accepts("claims['nope'] matches '*'", sub("x")));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "sub eq 'x'",
            "claims['sub']",
            "claims['sub'] is 'x'",
            "claims['sub'] eq 'x",
            "claims['sub'] eq 'x' or",
        ] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
