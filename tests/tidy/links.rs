//! Every page that a person reads: its links lead somewhere, and it has something to copy.
//!
//! Links are read as GitHub reads them: relative to the page, with the anchors that GitHub makes of headings.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{BrokenLink, CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};
use regex::Regex;

use super::root;

/// Folders that are not ours, or not the repository's.
const ELSEWHERE: [&str; 4] = [".git", ".terraform", ".tools", "target"];

/// What a test looks at in a page.
#[derive(Debug, Default)]
struct Page {
    /// Where its links go, as they are written.
    links: Vec<String>,
    /// What a link can point at within it.
    anchors: BTreeSet<String>,
    /// The languages of its fenced blocks; empty for one that names none.
    blocks: Vec<String>,
}

/// All pages below a folder, by their paths relative to it.
fn pages(root: &Path) -> BTreeMap<PathBuf, Page> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() && !ELSEWHERE.iter().any(|name| path.ends_with(name)) {
                below(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    below(root, &mut found);
    let read = |path: PathBuf| {
        let page = Page::read(&fs::read_to_string(&path).unwrap());
        (path.strip_prefix(root).unwrap().to_owned(), page)
    };
    found.into_iter().map(read).collect()
}

impl Page {
    fn read(text: &str) -> Self {
        let options = Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
        let html = Regex::new(r#"\b(id|name|href|src)="([^"]*)""#).unwrap();
        let mut page = Self::default();
        let mut heading: Option<String> = None;
        // `[text][name]` without a definition of the name; without brackets behind it, brackets are just brackets.
        let undefined = std::cell::RefCell::new(Vec::new());
        let broken = |link: BrokenLink<'_>| {
            if matches!(link.link_type, LinkType::Reference | LinkType::Collapsed) {
                undefined.borrow_mut().push(format!("[{}]", link.reference));
            }
            None
        };
        for event in Parser::new_with_broken_link_callback(text, options, Some(broken)) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    page.blocks.push(language.into_string())
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.add_heading(&heading.take().unwrap()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Html(text) | Event::InlineHtml(text) => {
                    for found in html.captures_iter(&text) {
                        match &found[1] {
                            "id" | "name" => drop(page.anchors.insert(found[2].to_owned())),
                            _ => page.links.push(found[2].to_owned()),
                        }
                    }
                }
                _ => {}
            }
        }
        page.links.extend(undefined.into_inner());
        page
    }

    /// The anchor that GitHub makes: lower case, without punctuation, hyphens for spaces, and a number where it is there already.
    fn add_heading(&mut self, heading: &str) {
        let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
        let slug: String = heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
        let mut anchor = slug.clone();
        let mut number = 0;
        while !self.anchors.insert(anchor) {
            number += 1;
            anchor = format!("{slug}-{number}");
        }
    }
}

/// What is wrong with the links of the pages below a folder.
fn dead_links(root: &Path) -> Vec<String> {
    let pages = pages(root);
    let mut dead = Vec::new();
    for (path, page) in &pages {
        for link in &page.links {
            if let Err(why) = follow(root, &pages, path, link) {
                dead.push(format!("{}: `{link}` {why}", path.display()));
            }
        }
    }
    dead
}

fn follow(root: &Path, pages: &BTreeMap<PathBuf, Page>, from: &Path, link: &str) -> Result<(), String> {
    if link.starts_with("https://") {
        return Ok(());
    }
    if link.starts_with('[') {
        return Err("is defined nowhere".to_owned());
    }
    if link.contains(':') || link.starts_with('/') {
        return Err("is neither https nor relative to the page".to_owned());
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { from.to_owned() } else { resolved(from, file).ok_or("leaves the repository")? };
    if !root.join(&target).exists() {
        return Err("does not exist".to_owned());
    }
    let Some(anchor) = anchor else { return Ok(()) };
    let page = pages.get(&target).ok_or("has an anchor, and is no page")?;
    if page.anchors.contains(anchor) { Ok(()) } else { Err(format!("is no heading of {}", target.display())) }
}

/// The path of a link, relative to the root; `None` where it leads out of it.
fn resolved(from: &Path, link: &str) -> Option<PathBuf> {
    let mut target = from.parent()?.to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::Normal(name) => target.push(name),
            Component::ParentDir if !target.pop() => return None,
            _ => {}
        }
    }
    Some(target)
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let dead = dead_links(root());
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn every_page_of_the_documentation_has_something_to_copy() {
    let mut seen = 0;
    for (path, page) in pages(root()) {
        // A decision has nothing to run.
        if path.starts_with("docs") && !path.starts_with("docs/adr") {
            seen += 1;
            let runs = |language: &String| matches!(language.as_str(), "terraform" | "shell");
            assert!(page.blocks.iter().any(runs), "{} has no block of terraform or shell", path.display());
        }
    }
    assert!(seen > 20, "{seen} pages cannot be all");
}

#[test]
fn every_guide_and_every_example_is_linked_from_the_front() {
    let pages = pages(root());
    let linked = |from: &str| -> BTreeSet<PathBuf> {
        let links = pages[Path::new(from)].links.iter();
        links.filter_map(|link| resolved(Path::new(from), link.split('#').next().unwrap())).collect()
    };
    let index = linked("docs/index.md");
    let start = linked("docs/guides/getting-started.md");
    for path in pages.keys() {
        assert!(
            !path.starts_with("docs/guides") || index.contains(path),
            "docs/index.md does not link {}",
            path.display()
        );
        let example = path.starts_with("examples") && path.ends_with("README.md") && path.components().count() == 3;
        let folder = path.parent().unwrap();
        assert!(
            !example || start.contains(path) || start.contains(folder),
            "docs/guides/getting-started.md does not link {}",
            path.display()
        );
    }
}

#[test]
fn a_dead_link_is_found_whatever_it_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "docs/good.md",
        "# A `b`, c & d\n\n## Twice\n\n## Twice\n\n<a id=\"below\"></a>\n\n[1](#a-b-c--d) [2](#twice-1) [3](good.md#below) \
         [4](../docs) [5](https://example.com/x) [not a link] ![6](../picture.png)\n\n```text\n[no](link.md)\n```\n",
    );
    write("picture.png", "");
    assert_eq!(dead_links(folder.path()), [""; 0]);
    write(
        "docs/bad.md",
        "[1](gone.md) [2](good.md#nowhere) [3](#me) [4](/docs/good.md) [5](../../out.md) [6](http://example.com) [7][undefined] \
         ![8](gone.png)\n\n<img src=\"gone.svg\">\n\n| a |\n| --- |\n| [9](cell.md) |\n",
    );
    let dead = dead_links(folder.path());
    for link in
        ["gone.md", "nowhere", "#me", "/docs/", "out.md", "http:", "[undefined]", "gone.png", "gone.svg", "cell.md"]
    {
        assert!(dead.iter().any(|found| found.contains(link)), "{link} is not among {dead:#?}");
    }
    assert_eq!(dead.len(), 10, "{dead:#?}");
}
