//! Go's words: how its standard library quotes text and what it says of malformed JSON, because the API server's
//! messages carry them and clients print those messages.

use serde_json::Value;

/// Text as `%q` prints it.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            control if control.is_control() && (control as u32) < 0x80 => {
                out.push_str(&format!("\\x{:02x}", control as u32));
            }
            control if control.is_control() => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// What the decoder calls a value that it did not expect.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The Go type that JSON decodes to, as `%T` prints it.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as `%#v` prints what JSON decodes to.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::String(text) => quote(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let pairs: Vec<_> = map.iter().map(|(key, value)| format!("{}:{}", quote(key), literal(value))).collect();
            format!("map[string]interface {{}}{{{}}}", pairs.join(", "))
        }
    }
}

/// A value as `%v` prints what JSON decodes to.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let pairs: Vec<_> = map.iter().map(|(key, value)| format!("{key}:{}", plain(value))).collect();
            format!("map[{}]", pairs.join(" "))
        }
    }
}

/// Reads JSON.
///
/// # Errors
/// What Go's `encoding/json` says of the first thing that is wrong.
pub(super) fn parse_json(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(text).map_err(|error| {
        let mut scanner = Scanner { text, at: 0, depth: 0 };
        match scanner.document() {
            Err(problem) => problem,
            // What Go takes and serde does not, such as a lone surrogate or a number beyond any type.
            Ok(()) => error.to_string(),
        }
    })
}

/// Follows the grammar only to find where, and in which state, Go's scanner stops.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
}

/// Go's own limit of nesting.
const DEEPEST: u32 = 10_000;
/// What this scanner follows: as deep as `serde_json` reads, so that its stack is bounded too.
const FOLLOWED: u32 = 128;

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), String> {
        self.value("looking for beginning of value")?;
        self.space();
        if self.peek().is_some() { Err(self.invalid("after top-level value")) } else { Ok(()) }
    }

    fn value(&mut self, state: &str) -> Result<(), String> {
        self.space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.invalid(state)),
        }
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<(), String>) -> Result<(), String> {
        self.depth += 1;
        if self.depth > FOLLOWED {
            return Err(format!("exceeded max depth (the API server's is {DEEPEST})"));
        }
        self.at += 1;
        let read = inner(self);
        self.depth -= 1;
        read
    }

    fn object(&mut self) -> Result<(), String> {
        self.space();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.invalid("looking for beginning of object key string"));
            }
            self.string()?;
            self.space();
            if !self.take(b':') {
                return Err(self.invalid("after object key"));
            }
            self.value("looking for beginning of value")?;
            self.space();
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.invalid("after object key:value pair"));
            }
        }
    }

    fn array(&mut self) -> Result<(), String> {
        self.space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value("looking for beginning of value")?;
            self.space();
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.invalid("after array element"));
            }
        }
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'u') => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                    return Err(self.invalid("in \\u hexadecimal character escape"));
                                }
                                self.at += 1;
                            }
                        }
                        Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => self.at += 1,
                        _ => return Err(self.invalid("in string escape code")),
                    }
                }
                Some(byte) if byte >= 0x20 => self.at += 1,
                _ => return Err(self.invalid("in string literal")),
            }
        }
    }

    fn number(&mut self) -> Result<(), String> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits("in numeric literal")?;
        }
        if self.take(b'.') {
            self.digits("after decimal point in numeric literal")?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digits(&mut self, state: &str) -> Result<(), String> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.invalid(state));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        for expected in word.bytes() {
            if !self.take(expected) {
                return Err(self.invalid(&format!("in literal {word} (expecting '{}')", char::from(expected))));
            }
        }
        Ok(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, expected: u8) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.at += 1;
        }
        found
    }

    fn invalid(&self, state: &str) -> String {
        let Some(byte) = self.peek() else { return "unexpected end of JSON input".to_owned() };
        let shown = match byte {
            b'\'' => "'\\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            byte => {
                let quoted = quote(&char::from(byte).to_string());
                format!("'{}'", quoted.trim_matches('"'))
            }
        };
        format!("invalid character {shown} {state}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_json_is_refused_in_the_words_of_go() {
        let say = |text: &[u8]| parse_json(text).unwrap_err();
        assert_eq!(say(b"{\"apiVersion\":\"v1\",\"kind\":"), "unexpected end of JSON input");
        assert_eq!(say(&[0x81, 0xaa]), "invalid character '\\u0081' looking for beginning of value");
        assert_eq!(say(b"{a"), "invalid character 'a' looking for beginning of object key string");
        assert_eq!(say(b"{\"a\" 1}"), "invalid character '1' after object key");
        assert_eq!(say(b"[1 2]"), "invalid character '2' after array element");
        assert_eq!(say(b"{} x"), "invalid character 'x' after top-level value");
        assert_eq!(say(b"nul!"), "invalid character '!' in literal null (expecting 'l')");
        assert_eq!(say(b"[01]"), "invalid character '1' after array element");
        assert_eq!(say(b"\"\n\""), "invalid character '\\n' in string literal");
    }

    #[test]
    fn nesting_without_end_is_an_error_and_not_a_crash() {
        assert!(parse_json("[".repeat(200_000).as_bytes()).is_err());
    }

    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        assert_eq!(quote("a\nb\"\u{1}é"), "\"a\\nb\\\"\\x01é\"");
    }
}
