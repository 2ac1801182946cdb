//! A page of Markdown as the blocks of code in it.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// One page of this repository.
#[derive(Debug)]
pub struct Page {
    /// From the repository's root on, such as `docs/guides/emulator.md`.
    pub path: String,
    /// Its blocks of code, in order.
    pub blocks: Vec<Block>,
}

/// One fenced block of code.
#[derive(Debug, Clone)]
pub struct Block {
    /// The heading above it of the second level; empty before the first one.
    pub heading: String,
    /// `shell`, `terraform`, …
    pub language: String,
    /// What is in it.
    pub text: String,
    /// The line of the page where it begins.
    pub line: usize,
    /// Why it is not run, if the page says so.
    pub not_run: Option<String>,
    /// The file that the reader writes it to, if the page says so.
    pub file: Option<String>,
    /// What comes before it where it is run apart, with the Azure CLI: the emulator's values of the reader's variables.
    pub with_az: Option<String>,
}

impl Block {
    /// Whether it is run where its page is followed.
    pub fn runs(&self) -> bool {
        self.language == "shell" && self.not_run.is_none() && self.with_az.is_none()
    }
}

/// Where the repository is.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page of the folders `docs` and `examples`, and those at the root.
pub fn pages() -> Vec<Page> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.file_name().unwrap().to_string_lossy().starts_with('.') {
                below(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["docs", "examples"] {
        below(&root().join(folder), &mut found);
    }
    let at_the_root = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    found.extend(at_the_root.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    found.sort();
    found.iter().map(|path| Page::read(&path.strip_prefix(root()).unwrap().to_string_lossy())).collect()
}

impl Page {
    /// Reads a page.
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        // The front matter is the Registry's.
        let events = Parser::new_ext(&text, Options::ENABLE_YAML_STYLE_METADATA_BLOCKS).into_offset_iter();
        Self { path: path.to_owned(), blocks: blocks(&text, events) }
    }

    /// The blocks of this language.
    pub fn of(&self, language: &str) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(move |block| block.language == language)
    }

    /// Whether a block that is run has a command of this program, at the start of a line or in a substitution.
    pub fn runs(&self, program: &str) -> bool {
        let starts = |line: &str| line.trim_start().starts_with(&format!("{program} "));
        let called = |text: &str| text.contains(&format!("$({program} "));
        self.blocks
            .iter()
            .filter(|block| block.runs())
            .any(|block| called(&block.text) || block.text.lines().any(starts))
    }
}

fn blocks<'a>(text: &str, events: impl Iterator<Item = (Event<'a>, Range<usize>)>) -> Vec<Block> {
    let (mut blocks, mut heading, mut comment) = (Vec::new(), String::new(), String::new());
    let (mut in_heading, mut open): (bool, Option<Block>) = (false, None);
    for (event, range) in events {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                heading.clear();
                in_heading = true;
            }
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Text(part) | Event::Code(part) if in_heading => heading.push_str(&part),
            Event::Html(part) => comment.push_str(&part),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                let said = |what: &str| {
                    let inside = comment.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
                    Some(inside.strip_prefix(what)?.trim().to_owned())
                };
                open = Some(Block {
                    heading: heading.clone(),
                    language: language.into_string(),
                    text: String::new(),
                    line: text[..range.start].lines().count() + 1,
                    not_run: said("not run:"),
                    file: said("file:"),
                    with_az: said("with az:"),
                });
            }
            Event::Text(part) => {
                if let Some(block) = &mut open {
                    block.text.push_str(&part);
                }
                comment.clear();
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}
