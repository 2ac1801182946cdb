//! A page's map of which module may use which, drawn from the same list that the imports are held to.

use std::fs;
use std::path::Path;

/// Compares the block of text between `<!-- map: NAME -->` and `<!-- /map -->` with the list; with UPDATE set, writes it.
#[track_caller]
pub(crate) fn assert_map_is_current(page: &Path, name: &str, allowed: &[(&str, &[&str])]) {
    let text = fs::read_to_string(page).unwrap();
    let (begin, end) = (format!("<!-- map: {name} -->\n"), "<!-- /map -->");
    let start =
        text.find(&begin).unwrap_or_else(|| panic!("{} has no `{}`", page.display(), begin.trim())) + begin.len();
    let length = text[start..].find(end).unwrap_or_else(|| panic!("{} has no `{end}`", page.display()));
    let current = format!("{}\n```text\n{}```\n\n{}", &text[..start], draw(allowed), &text[start + length..]);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(page, &current).unwrap();
    }
    let committed = fs::read_to_string(page).unwrap();
    assert!(committed == current, "the map of {} is stale: run `make docs` and commit what it writes", page.display());
}

/// One line for each module, with what it may use behind the arrow.
fn draw(allowed: &[(&str, &[&str])]) -> String {
    let width = allowed.iter().map(|(module, _)| module.len()).max().unwrap_or_default();
    let line = |(module, permitted): &(&str, &[&str])| match permitted {
        [] => format!("{module}\n"),
        some => format!("{module:width$} ─► {}\n", some.join("  ")),
    };
    allowed.iter().map(line).collect()
}
