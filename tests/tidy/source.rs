//! Rust files as tokens, what ships apart from what is for tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::files_below;

/// One file.
pub(crate) struct Source {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What is compiled into the program.
    pub(crate) shipped: TokenStream,
    /// What is compiled for tests only.
    pub(crate) tests: TokenStream,
}

/// All files below a folder of the library.
pub(crate) fn library(folder: &Path) -> Vec<Source> {
    let read = |path: PathBuf| {
        let (mut shipped, mut tests) = (Vec::new(), Vec::new());
        split(tokens(&path), &mut shipped, &mut tests);
        Source { path, shipped: shipped.into_iter().collect(), tests: tests.into_iter().collect() }
    };
    let mut sources: Vec<Source> = files_below(folder, "rs").into_iter().map(read).collect();
    let for_tests: BTreeSet<PathBuf> = sources.iter().flat_map(modules_for_tests).collect();
    for source in sources.iter_mut().filter(|source| for_tests.contains(&source.path)) {
        source.tests.extend(std::mem::take(&mut source.shipped));
    }
    sources
}

/// All files below a folder of tests.
pub(crate) fn tests(folder: &Path) -> Vec<Source> {
    let read = |path: PathBuf| Source { shipped: TokenStream::new(), tests: tokens(&path), path };
    files_below(folder, "rs").into_iter().map(read).collect()
}

fn tokens(path: &Path) -> TokenStream {
    fs::read_to_string(path).unwrap().parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Parts the items below `#[cfg(test)]` from the others.
fn split(tokens: TokenStream, shipped: &mut Vec<TokenTree>, tests: &mut Vec<TokenTree>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let limits = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#')
            && matches!(tokens.peek(), Some(TokenTree::Group(group)) if group.stream().to_string() == "cfg (test)");
        if limits {
            for token in tokens.by_ref() {
                let ends = match &token {
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    TokenTree::Punct(punct) => punct.as_char() == ';',
                    _ => false,
                };
                tests.push(token);
                if ends {
                    break;
                }
            }
            continue;
        }
        match token {
            TokenTree::Group(group) => {
                let mut inner = Vec::new();
                split(group.stream(), &mut inner, tests);
                shipped.push(Group::new(group.delimiter(), inner.into_iter().collect()).into());
            }
            other => shipped.push(other),
        }
    }
}

/// The files of the modules that a file declares for tests only.
fn modules_for_tests(source: &Source) -> Vec<PathBuf> {
    let tokens: Vec<String> = source.tests.clone().into_iter().map(|token| token.to_string()).collect();
    let declared = tokens.windows(3).filter(|window| window[0] == "mod" && window[2] == ";");
    let folder = source.path.parent().unwrap();
    let below = folder.join(source.path.file_stem().unwrap());
    declared.flat_map(|window| [folder, &below].map(|folder| folder.join(format!("{}.rs", window[1])))).collect()
}

#[test]
fn what_is_for_tests_is_parted_from_what_ships() {
    let text = r#"fn a() { b!("shipped") } #[cfg(test)] #[path = "x.rs"] mod x; impl A { #[cfg(test)] fn f() { "test" } fn g() {} }
        #[cfg(unix)] mod u; #[cfg(test)] mod tests { fn t() { "test" } }"#;
    let (mut shipped, mut tests) = (Vec::new(), Vec::new());
    split(text.parse().unwrap(), &mut shipped, &mut tests);
    let [shipped, tests] = [shipped, tests].map(|tokens| tokens.into_iter().collect::<TokenStream>().to_string());
    assert!(shipped.contains("shipped") && shipped.contains("unix") && !shipped.contains("test"), "{shipped}");
    assert!(!tests.contains("shipped") && !tests.contains("unix") && tests.matches("\"test\"").count() == 2, "{tests}");
}
