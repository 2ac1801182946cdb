//! Label and field selectors.

use serde_json::Value;

use super::go;
use super::kinds::Kind;
use super::metadata;
use super::options::exact;
use super::status::Status;
use crate::core::http::Request;

/// A label selector: all of its requirements hold.
#[derive(Debug, Default, Clone)]
pub(super) struct Labels(Vec<Requirement>);

#[derive(Debug, Clone)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl Labels {
    /// Reads a selector.
    ///
    /// # Errors
    /// 400 with what was found and what was expected.
    pub(super) fn parse(text: &str) -> Result<Self, Status> {
        let mut parser = Parser { tokens: tokens(text).map_err(Status::bad_request)?, at: 0 };
        parser.selector().map(Self).map_err(Status::bad_request)
    }

    /// Whether it chooses everything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it chooses this object.
    pub(super) fn choose(&self, object: &Value) -> bool {
        self.0.iter().all(|requirement| {
            let labels = object.get("metadata").and_then(|metadata| metadata.get("labels"));
            let value = labels.and_then(|labels| labels.get(&requirement.key)).and_then(Value::as_str);
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            match &requirement.test {
                Test::Exists => value.is_some(),
                Test::Missing => value.is_none(),
                Test::In(values) => value.is_some_and(|value| values.iter().any(|other| other == value)),
                Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|other| other != value)),
                Test::Above(least) => number().is_some_and(|number| number > *least),
                Test::Below(most) => number().is_some_and(|number| number < *most),
            }
        })
    }
}

const OPERATORS: [&str; 8] = ["==", "!=", "=", "!", "(", ")", ",", ">"];

/// Splits a selector into operators and words.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let operator = OPERATORS.iter().copied().chain(["<"]).find(|operator| rest.starts_with(operator));
        let end = match operator {
            Some(operator) => operator.len(),
            None => rest.find(|c: char| c.is_whitespace() || "=!(),<>".contains(c)).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(end);
        tokens.push(token.to_owned());
        rest = after.trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
}

impl Parser {
    fn selector(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                "" => return Ok(requirements),
                token if is_word(token) || token == "!" => {}
                token => return Err(format!("found '{token}', expected: !, identifier, or 'end of string'")),
            }
            let requirement = self.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?;
            requirements.push(requirement);
            match self.next().as_str() {
                "" => return Ok(requirements),
                "," if is_word(self.peek()) || self.peek() == "!" => {}
                "," => return Err(format!("found '{}', expected: identifier after ','", self.peek())),
                token => return Err(format!("found '{token}', expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let negated = self.peek() == "!";
        if negated {
            self.next();
        }
        let key = self.word()?;
        if let Some(rule) = metadata::qualified_name(&key).first() {
            return Err(format!("<nil>: Invalid value: {}: {rule}", go::quote(&key)));
        }
        if negated {
            return Ok(Requirement { key, test: Test::Missing });
        }
        if matches!(self.peek(), "" | ",") {
            return Ok(Requirement { key, test: Test::Exists });
        }
        let test = match self.next().as_str() {
            "=" | "==" => Test::In(vec![self.value(&key)?]),
            "!=" => Test::NotIn(vec![self.value(&key)?]),
            "in" => Test::In(self.values(&key)?),
            "notin" => Test::NotIn(self.values(&key)?),
            ">" => Test::Above(self.number()?),
            "<" => Test::Below(self.number()?),
            token => return Err(format!("found '{token}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        Ok(Requirement { key, test })
    }

    fn value(&mut self, key: &str) -> Result<String, String> {
        if matches!(self.peek(), "" | ",") {
            return Ok(String::new());
        }
        let value = self.word()?;
        checked(key, value)
    }

    fn values(&mut self, key: &str) -> Result<Vec<String>, String> {
        match self.next().as_str() {
            "(" => {}
            token => return Err(format!("found '{token}' expected: '('")),
        }
        let mut values = Vec::new();
        loop {
            match self.peek() {
                token if is_word(token) => {
                    let value = self.next();
                    values.push(checked(key, value)?);
                    match self.next().as_str() {
                        "," => {}
                        ")" => return Ok(values),
                        token => return Err(format!("found '{token}', expected: ',' or ')'")),
                    }
                }
                "," | ")" => {
                    values.push(String::new());
                    if self.next() == ")" {
                        return Ok(values);
                    }
                }
                token => return Err(format!("found '{token}', expected: ',', or identifier")),
            }
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let word = self.word()?;
        word.parse().map_err(|_| {
            format!(
                "values[0]: Invalid value: {}: for 'Gt', 'Lt' operators, the value must be an integer",
                go::quote(&word)
            )
        })
    }

    fn word(&mut self) -> Result<String, String> {
        let token = self.next();
        if is_word(&token) { Ok(token) } else { Err(format!("found '{token}', expected: identifier")) }
    }

    fn peek(&self) -> &str {
        self.tokens.get(self.at).map(String::as_str).unwrap_or_default()
    }

    fn next(&mut self) -> String {
        let token = self.peek().to_owned();
        self.at += 1;
        token
    }
}

fn is_word(token: &str) -> bool {
    !token.is_empty() && token != "<" && !OPERATORS.contains(&token)
}

fn checked(key: &str, value: String) -> Result<String, String> {
    match metadata::label_value(&value) {
        Some(rule) => Err(format!("values[0][{key}]: Invalid value: {}: {rule}", go::quote(&value))),
        None => Ok(value),
    }
}

/// A field selector: all of its terms hold. A term is a field, whether it must be equal, and a value.
#[derive(Debug, Default, Clone)]
pub(super) struct Fields(Vec<(String, bool, String)>);

impl Fields {
    /// Reads a selector.
    ///
    /// # Errors
    /// 400 when a term is none, or names a field that the kind cannot be selected by.
    pub(super) fn parse(kind: &dyn Kind, text: &str) -> Result<Self, Status> {
        let known: Vec<&str> = kind.selectable(&Value::Null).into_iter().map(|(name, _)| name).collect();
        let mut terms = Vec::new();
        for term in text.split(',').filter(|term| !term.is_empty()) {
            let split = |operator: &str| term.split_once(operator);
            let (field, equal, value) = match (split("!="), split("=="), split("=")) {
                (Some((field, value)), _, _) => (field, false, value),
                (_, Some((field, value)), _) | (_, _, Some((field, value))) => (field, true, value),
                _ => {
                    let why = format!("invalid selector: '{text}'; can't understand '{term}'");
                    return Err(Status::bad_request(why));
                }
            };
            if !known.contains(&field) {
                return Err(Status::bad_request(kind.unselectable(field)));
            }
            terms.push((field.to_owned(), equal, value.to_owned()));
        }
        Ok(Self(terms))
    }

    /// Whether it chooses everything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it chooses this object.
    pub(super) fn choose(&self, kind: &dyn Kind, object: &Value) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let fields = kind.selectable(object);
        self.0.iter().all(|(name, equal, value)| {
            let found = fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
            (found == Some(value)) == *equal
        })
    }
}

/// The name of the one object that the field selector of a request lets through; empty where it may be another.
pub(super) fn named(request: &Request) -> &str {
    let mut terms = exact(request, "fieldSelector").unwrap_or_default().split(',');
    let name = terms.find_map(|term| term.strip_prefix("metadata.name=")).unwrap_or_default();
    name.strip_prefix('=').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chooses(selector: &str, labels: Value) -> bool {
        Labels::parse(selector).unwrap().choose(&json!({"metadata": {"labels": labels}}))
    }

    #[test]
    fn a_selector_chooses_by_equality_by_set_and_by_presence() {
        assert!(chooses("a=1,b!=2", json!({"a": "1"})));
        assert!(chooses("set in (page, other),even!=true", json!({"set": "page", "even": "false"})));
        assert!(!chooses("set notin (page)", json!({"set": "page"})));
        assert!(chooses("!a", json!({"b": "1"})));
        assert!(chooses("a,n>3", json!({"a": "", "n": "4"})));
        assert!(chooses("a=", json!({"a": ""})));
    }

    #[test]
    fn a_selector_that_is_none_says_what_was_expected() {
        let say = |selector: &str| Labels::parse(selector).unwrap_err().body()["message"].as_str().unwrap().to_owned();
        assert_eq!(say("a===b"), "unable to parse requirement: found '=', expected: identifier");
        assert_eq!(say("a=b c"), "found 'c', expected: ',' or 'end of string'");
        assert_eq!(say("a,"), "found '', expected: identifier after ','");
        assert_eq!(say("=a"), "found '=', expected: !, identifier, or 'end of string'");
        assert_eq!(say("a b"), "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
    }
}
