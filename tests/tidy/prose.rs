//! A diagnostic's sentences are free to change: tests look for its kind, its attribute and its object's names.
//!
//! What tests may know of a sentence is in `tests/acceptance/texts.rs`, and for the library's own tests in `src/golden.txt`. Elsewhere a
//! test may look for no four words in a row, nor for three that a message has; and it may not repeat four words of a message at all.
//! Commands to paste are no sentences, and neither are names.

use std::collections::BTreeSet;
use std::fs;

use proc_macro2::{TokenStream, TokenTree};
use syn::Lit;

use super::source::{self, Source};
use super::{files_below, root};

/// So many words in a row are a sentence.
const SENTENCE: usize = 4;

/// So many words of a message tell it from others.
const PHRASE: usize = 3;

/// Methods and functions by which a test looks for a text, or the provider recognizes another service's.
const LOOKS_FOR: [&str; 7] = ["says", "on", "contains", "starts_with", "ends_with", "split_once", "strip_prefix"];

/// The programs of commands that messages tell to run.
const PROGRAMS: [&str; 7] = ["az", "kubectl", "helm", "terraform", "make", "cargo", "git"];

/// A string of a source.
#[derive(Debug)]
struct Text {
    value: String,
    /// Whether something is searched for it, or compared with it.
    looked_for: bool,
}

/// The strings of these tokens, without those that explain a failed test.
fn texts(tokens: TokenStream, looked_for: bool, found: &mut Vec<Text>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let ident = |place: usize| match tokens.get(place) {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    };
    let is = |place: usize, expected: char| matches!(tokens.get(place), Some(TokenTree::Punct(punct)) if punct.as_char() == expected);
    for (place, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Literal(literal) => {
                if let Ok(Lit::Str(value)) = syn::parse_str(&literal.to_string()) {
                    found.push(Text { value: value.value(), looked_for });
                }
            }
            TokenTree::Group(group) => {
                let (before, bang) = match place {
                    0 => (None, false),
                    _ if is(place - 1, '!') && place > 1 => (ident(place - 2), true),
                    _ => (ident(place - 1), false),
                };
                let attribute =
                    place > 0 && (is(place - 1, '#') || place > 1 && is(place - 1, '!') && is(place - 2, '#'));
                match before.as_deref() {
                    _ if attribute => {}
                    Some("panic" | "println" | "eprintln" | "unreachable") if bang => {}
                    Some("expect" | "expect_err") => {}
                    Some("assert" | "debug_assert") if bang => texts(arguments(group.stream(), 1), false, found),
                    Some("assert_eq" | "assert_ne") if bang => texts(arguments(group.stream(), 2), true, found),
                    Some(name) if !bang && LOOKS_FOR.contains(&name) => texts(group.stream(), true, found),
                    // Inside a call, a text is looked for no more; inside a list of texts, or `format!`, it is.
                    Some(name) if name != "format" => texts(group.stream(), false, found),
                    _ => texts(group.stream(), looked_for, found),
                }
            }
            _ => {}
        }
    }
}

/// The first arguments of these.
fn arguments(tokens: TokenStream, count: usize) -> TokenStream {
    let mut commas = 0;
    let first = |token: &TokenTree| {
        commas += usize::from(matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','));
        commas < count
    };
    tokens.into_iter().take_while(first).collect()
}

/// The sequences of this many words in a text.
fn sequences(text: &str, length: usize) -> BTreeSet<String> {
    if text.split_whitespace().next().is_some_and(|first| PROGRAMS.contains(&first)) {
        return BTreeSet::new();
    }
    let is_word = |word: &&str| {
        let inner = |c: char| c.is_lowercase() || matches!(c, '-' | '\'');
        word.starts_with(char::is_alphabetic) && word.chars().skip(1).all(inner)
    };
    let words: Vec<&str> = text.split_whitespace().map(|word| word.trim_end_matches(['.', ',', ':', ';'])).collect();
    // Each word of a name, such as that of a role, begins with a capital letter.
    let is_sentence = |window: &&[&str]| {
        let small = window.iter().filter(|word| word.starts_with(char::is_lowercase)).count();
        small > 1 && window.iter().all(is_word)
    };
    words.windows(length).filter(is_sentence).map(|window| window.join(" ")).collect()
}

/// What is wrong with a test's strings, given the sequences that messages have.
fn pinned(tests: &Source, messages: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    texts(tests.tests.clone(), false, &mut found);
    let wrong = |text: &Text| {
        let sentences = sequences(&text.value, SENTENCE);
        let phrases = if text.looked_for { sequences(&text.value, PHRASE) } else { BTreeSet::new() };
        let of_a_message = sentences.union(&phrases).find(|sequence| messages.contains(*sequence));
        let sentence = of_a_message.or_else(|| sentences.first().filter(|_| text.looked_for))?;
        Some(format!("{}: \"{sentence}\"", tests.path.display()))
    };
    found.iter().filter_map(wrong).collect()
}

fn sequences_of_a_message(text: &str) -> BTreeSet<String> {
    &sequences(text, SENTENCE) | &sequences(text, PHRASE)
}

/// The sequences that the provider's messages have, and those of the examples.
fn messages() -> BTreeSet<String> {
    let mut found = Vec::new();
    for source in source::library(&root().join("src")) {
        texts(source.shipped, false, &mut found);
    }
    // What is looked for is another service's.
    let provider = found.iter().filter(|text| !text.looked_for).map(|text| text.value.clone());
    let rule = regex::Regex::new(r#"error_message\s*=\s*"(.*)""#).unwrap();
    let examples = files_below(&root().join("examples"), "tf").into_iter().flat_map(|file| {
        let text = fs::read_to_string(file).unwrap();
        rule.captures_iter(&text).map(|found| found[1].to_owned()).collect::<Vec<_>>()
    });
    provider.chain(examples).flat_map(|text| sequences_of_a_message(&text)).collect()
}

#[test]
fn tests_pin_no_sentences() {
    let messages = messages();
    assert!(messages.len() > 2000, "only {} sequences of words were found in messages", messages.len());
    let table = root().join("tests/acceptance/texts.rs");
    let tests = source::tests(&root().join("tests")).into_iter().chain(source::library(&root().join("src")));
    let pinned: Vec<String> =
        tests.filter(|source| source.path != table).flat_map(|source| pinned(&source, &messages)).collect();
    assert!(
        pinned.is_empty(),
        "tests pin sentences, which go to tests/acceptance/texts.rs or, for the library's own tests, to assert_golden:\n{}",
        pinned.join("\n")
    );
}

#[test]
fn a_pinned_sentence_is_found_in_every_form() {
    let messages = sequences_of_a_message("The identity was not found there, so create it first");
    let found = |test: &str| {
        let tests = format!("fn f() {{ {test} }}").parse().unwrap();
        pinned(&Source { path: "test.rs".into(), shipped: TokenStream::new(), tests }, &messages)
    };
    for sentence in [
        r#"told.says(&["is a new sentence"]);"#,
        r#"told.on("name", &[texts::KIND, "is a new sentence"]);"#,
        r#"assert!(error.detail.contains("this is a sentence"), "{error}");"#,
        r#"assert!(error.detail.contains("create it first"), "{error}");"#,
        r#"assert!(text.starts_with(&format!("{name} is a new sentence")));"#,
        r#"assert_eq!(error.summary, "This is a sentence");"#,
        r#"for (input, text) in [(1, "was not found there")] { told.says(&[text]); }"#,
        r#"const TEXT: &str = "Where it was not found there";"#,
        r#"helper("so create it first.");"#,
        r#"matches!(text, "identity was not found there,")"#,
    ] {
        assert!(!found(sentence).is_empty(), "{sentence}");
    }
    for other in [
        r#"told.says(&[texts::KIND, "Azure Service Bus Data Sender", "AADSTS700213", &id]);"#,
        r#"told.says(&["az keyvault show --query id", "client secret"]);"#,
        r#"let written = "create it first";"#,
        r#"assert!(made, "the identity was not found there");"#,
        r#"assert_eq!(made, 1, "was not found there at all");"#,
        r#"thing.unwrap_or_else(|| panic!("was not found there at all"));"#,
        r#"azwi.write("resource \"a\" \"b\" {\n  this is only written\n}");"#,
        r#"assert_eq!(azwi.apply("a word or two more"), NOTHING);"#,
        r#"#[ignore = "was not found there at all"] fn g() {}"#,
    ] {
        assert_eq!(found(other), [""; 0], "{other}");
    }
}

#[test]
fn each_section_of_the_golden_file_has_a_test() {
    let golden = fs::read_to_string(root().join("src/golden.txt")).unwrap();
    let mut tested = Vec::new();
    for source in source::library(&root().join("src")) {
        texts(source.tests, false, &mut tested);
    }
    for section in golden.lines().filter_map(|line| line.strip_prefix("== ")) {
        assert!(tested.iter().any(|text| text.value == section), "src/golden.txt: no test has the section {section}");
    }
}
