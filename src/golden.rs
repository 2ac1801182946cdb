//! The sentences that tests hold to the letter are in `src/golden.txt`, a section for each test, so that rewording one changes its
//! source and that file alone. `UPDATE=1 cargo test --lib` writes the file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// One test at a time reads the file, which it may also write.
static FILE: Mutex<()> = Mutex::new(());

/// Compares what each input gives with the section of the file; the test fails at the first difference.
#[track_caller]
pub(crate) fn assert_golden<I: AsRef<str>, T: ToString>(section: &str, cases: impl IntoIterator<Item = (I, T)>) {
    let _alone = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/golden.txt");
    let mut sections = parse(&fs::read_to_string(&path).unwrap_or_default());
    let found: String = cases.into_iter().map(|(input, text)| entry(input.as_ref(), &text.to_string())).collect();
    if std::env::var_os("UPDATE").is_some() {
        sections.insert(section.to_owned(), found.clone());
        let text: String = sections.iter().map(|(name, entries)| format!("== {name}\n{entries}\n")).collect();
        fs::write(&path, format!("{}\n", text.trim_end())).unwrap();
    }
    let difference = first_difference(sections.get(section).map(String::as_str).unwrap_or_default(), &found);
    assert!(
        difference.is_none(),
        "src/golden.txt differs at `== {section}`, first in {difference:?}. If the new text is right: UPDATE=1 cargo test --lib"
    );
}

/// The first line that is another one, as it is expected and as it was found.
fn first_difference<'a>(expected: &'a str, found: &'a str) -> Option<(&'a str, &'a str)> {
    let count = expected.lines().count().max(found.lines().count());
    let lines = |text: &'a str| text.lines().chain(std::iter::repeat("")).take(count);
    lines(expected).zip(lines(found)).find(|(expected, found)| expected != found)
}

fn entry(input: &str, text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("    {line}\n").replace("    \n", "\n")).collect();
    format!("{}\n{lines}", input.replace('\n', "\\n"))
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let text = format!("\n{text}");
    let sections = text.split("\n== ").skip(1).filter_map(|section| section.split_once('\n'));
    sections.map(|(name, entries)| (name.to_owned(), format!("{}\n", entries.trim_end()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_survive_being_written_and_read() {
        let entries = entry("a", "One.\n\nTwo.") + &entry("b", "Three.");
        assert_eq!(
            parse(&format!("== first\n{entries}\n== second\n{entries}")).into_values().collect::<Vec<_>>(),
            [entries.clone(), entries]
        );
    }

    #[test]
    fn another_text_one_more_and_one_less_are_differences() {
        assert_eq!(first_difference("a\n    One.\n", "a\n    One.\n"), None);
        assert_eq!(first_difference("a\n    One.\n", "a\n    Two.\n"), Some(("    One.", "    Two.")));
        assert_eq!(first_difference("", "a"), Some(("", "a")));
        assert_eq!(first_difference("a\nb", "a"), Some(("b", "")));
    }
}
