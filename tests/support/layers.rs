//! Which module of a crate imports which, read from its parsed sources, and whether an allow-list permits it.
//!
//! Every `use` item counts (grouped, renamed, glob and `pub use` alike) and so does every path in code, types and macro arguments.
//! Modules are named by their path in the source tree: `kubernetes/verbs`, or `lib` and `main` for the crate roots themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::slice;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, ImplItem, Item, ItemMod, Lit, Meta, MetaNameValue, UseTree};

/// One module that another module refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    /// The file, relative to the source folder.
    pub(crate) file: String,
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// The text of that line, trimmed.
    pub(crate) line_text: String,
    /// The importing module.
    pub(crate) from: String,
    /// The imported module.
    pub(crate) to: String,
    /// Whether the import is compiled for tests only.
    pub(crate) in_tests: bool,
}

/// A folder or module, and those that it may import. The rule of a module is the one with the longest folder above it.
pub(crate) type Rule<'a> = (&'a str, &'a [&'a str]);

/// The imports of the crate whose sources are in `root`. `library` is the crate's own name, by which its programs import it.
pub(crate) fn imports(root: &Path, library: &str) -> Vec<Import> {
    let mut sources = BTreeMap::new();
    read(root, "", &mut sources);
    imports_of(&sources, library)
}

fn read(folder: &Path, prefix: &str, sources: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            read(&path, &format!("{name}/"), sources);
        } else if name.ends_with(".rs") {
            sources.insert(name, fs::read_to_string(path).unwrap());
        }
    }
}

/// The imports of these sources: file names relative to the source folder, and their text.
pub(crate) fn imports_of(sources: &BTreeMap<String, String>, library: &str) -> Vec<Import> {
    let mut tree = Tree { sources, files: Vec::new(), modules: BTreeSet::new() };
    for (root, file) in [("lib", "lib.rs"), ("main", "main.rs")] {
        if sources.contains_key(file) {
            tree.add_file(vec![root.to_owned()], file, "", false);
        }
    }
    let mut found = BTreeSet::new();
    for file in &tree.files {
        let mut visitor = Visitor {
            modules: &tree.modules,
            library,
            file: &file.name,
            text: &sources[&file.name],
            module: file.module.clone(),
            in_tests: file.in_tests,
            found: &mut found,
        };
        visitor.visit_file(&file.parsed);
    }
    found.into_iter().collect()
}

/// What the allow-list does not permit, a line each: imports without permission, modules without a rule, unused permissions.
pub(crate) fn violations(imports: &[Import], allowed: &[Rule<'_>]) -> Vec<String> {
    let rule_of = |module: &str| {
        allowed.iter().filter(|(folder, _)| is_within(module, folder)).max_by_key(|(folder, _)| folder.len())
    };
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for Import { file, line, line_text, from, to, .. } in imports {
        let Some((folder, permitted)) = rule_of(from) else {
            found.push(format!("{file}:{line}: no rule says what `{from}` may import: {line_text}"));
            continue;
        };
        if rule_of(to).is_some_and(|(target, _)| target == folder) {
            continue;
        }
        match permitted.iter().filter(|permitted| is_within(to, permitted)).max_by_key(|permitted| permitted.len()) {
            Some(permitted) => drop(used.insert((*folder, *permitted))),
            None => found.push(format!("{file}:{line}: `{folder}` may not import `{to}`: {line_text}")),
        }
    }
    for (folder, permitted) in allowed {
        for permitted in permitted.iter().filter(|permitted| !used.contains(&(*folder, **permitted))) {
            found.push(format!("`{folder}` may import `{permitted}` and does not: take it out of the list"));
        }
    }
    found
}

/// What is wrong with a list from the top down: folders that may import what is listed above them.
pub(crate) fn upward(allowed: &[Rule<'_>]) -> Vec<String> {
    let position = |folder: &str| allowed.iter().position(|(listed, _)| is_within(folder, listed));
    let mut found = Vec::new();
    for (at, (folder, permitted)) in allowed.iter().enumerate() {
        for permitted in *permitted {
            match position(permitted) {
                Some(target) if target > at => {}
                Some(_) => found.push(format!("`{folder}` may import `{permitted}`, which is listed above it")),
                None => found.push(format!("`{folder}` may import `{permitted}`, which has no rule of its own")),
            }
        }
    }
    found
}

fn is_within(module: &str, folder: &str) -> bool {
    module.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The modules of a crate, as its `mod` items declare them. A module's path begins with its crate root: `lib` or `main`.
struct Tree<'a> {
    sources: &'a BTreeMap<String, String>,
    files: Vec<File>,
    modules: BTreeSet<Vec<String>>,
}

struct File {
    name: String,
    module: Vec<String>,
    in_tests: bool,
    parsed: syn::File,
}

impl Tree<'_> {
    /// Adds a file and the modules that it declares. Their files are in `folder`, which ends with a slash unless it is empty.
    fn add_file(&mut self, module: Vec<String>, name: &str, folder: &str, in_tests: bool) {
        let parsed = syn::parse_file(&self.sources[name]).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.add_items(&module, &parsed.items, (name, folder), in_tests);
        self.modules.insert(module.clone());
        self.files.push(File { name: name.to_owned(), module, in_tests, parsed });
    }

    fn add_items(&mut self, module: &[String], items: &[Item], (file, folder): (&str, &str), in_tests: bool) {
        for item in items {
            let Item::Mod(ItemMod { attrs, ident, content, .. }) = item else { continue };
            let child = [module, &[ident.to_string()]].concat();
            let in_tests = in_tests || is_for_tests(attrs);
            let inner = format!("{folder}{ident}/");
            if let Some((_, items)) = content {
                self.add_items(&child, items, (file, &inner), in_tests);
                self.modules.insert(child);
                continue;
            }
            let beside = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let path = path_attribute(attrs);
            if in_tests && path.as_ref().is_some_and(|path| path.starts_with("../../tests/")) {
                // What several tests share is outside of the sources, and imports nothing of them.
                continue;
            }
            let named = path.map(|path| format!("{beside}/{path}").trim_start_matches('/').to_owned());
            let mut names = named.into_iter().chain([format!("{folder}{ident}.rs"), format!("{inner}mod.rs")]);
            let name = names.find(|name| self.sources.contains_key(name));
            let name = name.unwrap_or_else(|| panic!("the module `{}` has no file", child.join("::")));
            self.add_file(child, &name, &inner, in_tests);
        }
    }
}

/// Whether `#[cfg(test)]` or `#[test]` is among these attributes.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<Ident>().is_ok_and(|condition| condition == "test")
    })
}

/// The file that `#[path = "…"]` names, relative to the file that it is in.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    let path = attributes.iter().find(|attribute| attribute.path().is_ident("path"))?;
    let Meta::NameValue(MetaNameValue { value: Expr::Lit(ExprLit { lit: Lit::Str(path), .. }), .. }) = &path.meta
    else {
        return None;
    };
    Some(path.value())
}

/// Reads one file.
struct Visitor<'a> {
    modules: &'a BTreeSet<Vec<String>>,
    library: &'a str,
    file: &'a str,
    text: &'a str,
    module: Vec<String>,
    in_tests: bool,
    found: &'a mut BTreeSet<Import>,
}

impl Visitor<'_> {
    /// The module that a path leads into, if it is one of the crate's. `std::fmt` and `Vec::new` are not.
    fn resolve(&self, path: &[Ident]) -> Option<Vec<String>> {
        let mut names = path.iter().map(Ident::to_string).peekable();
        let first = names.next()?;
        let mut module = match first.as_str() {
            "crate" => self.module[..1].to_vec(),
            "self" => self.module.clone(),
            "super" => {
                let mut module = self.module.clone();
                module.pop();
                while names.next_if(|name| name == "super").is_some() {
                    module.pop();
                }
                module
            }
            child => {
                let child = [&self.module[..], &[child.to_owned()]].concat();
                match self.modules.contains(&child) {
                    true => child,
                    false if first == self.library => vec!["lib".to_owned()],
                    false => return None,
                }
            }
        };
        for name in names {
            module.push(name);
            if !self.modules.contains(&module) {
                module.pop();
                break;
            }
        }
        Some(module)
    }

    fn record(&mut self, path: &[Ident]) {
        let (Some(to), Some(last)) = (self.resolve(path), path.last()) else { return };
        if to == self.module {
            return;
        }
        let line = Span::start(&last.span()).line;
        self.found.insert(Import {
            file: self.file.to_owned(),
            line,
            line_text: self.text.lines().nth(line - 1).unwrap_or_default().trim().to_owned(),
            from: shown(&self.module),
            to: shown(&to),
            in_tests: self.in_tests,
        });
    }

    fn record_use(&mut self, prefix: &[Ident], tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.record_use(&[prefix, slice::from_ref(&path.ident)].concat(), &path.tree),
            UseTree::Name(name) => self.record(&[prefix, slice::from_ref(&name.ident)].concat()),
            UseTree::Rename(rename) => self.record(&[prefix, slice::from_ref(&rename.ident)].concat()),
            UseTree::Glob(_) => self.record(prefix),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.record_use(prefix, tree)),
        }
    }

    /// Macro arguments are not parsed; their paths are identifiers with colons between.
    fn record_tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons) = (Vec::new(), 0);
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.record_path(&path);
                        path.clear();
                    }
                    path.push(ident);
                    colons = 0;
                }
                other => {
                    self.record_path(&path);
                    path.clear();
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.record_tokens(group.stream());
                    }
                }
            }
        }
        self.record_path(&path);
    }

    /// Records a path outside of a `use` item, where one name alone is a variable's or an item's, not a module's.
    fn record_path(&mut self, path: &[Ident]) {
        if path.len() > 1 {
            self.record(path);
        }
    }

    /// Visits what these attributes may limit to tests.
    fn within(&mut self, attributes: &[Attribute], visit: impl FnOnce(&mut Self)) {
        let before = self.in_tests;
        self.in_tests |= is_for_tests(attributes);
        visit(self);
        self.in_tests = before;
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            Item::Const(item) => &item.attrs,
            Item::Enum(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Macro(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Trait(item) => &item.attrs,
            Item::Type(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            // A module's attributes are read with its contents.
            _ => &[],
        };
        self.within(attributes, |this| visit::visit_item(this, item));
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            _ => &[],
        };
        self.within(attributes, |this| visit::visit_impl_item(this, item));
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.content.is_some() {
            self.module.push(item.ident.to_string());
            self.within(&item.attrs, |this| visit::visit_item_mod(this, item));
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.record_use(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<Ident> = path.segments.iter().map(|segment| segment.ident.clone()).collect();
        self.record_path(&names);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        visit::visit_macro(self, item);
        self.record_tokens(item.tokens.clone());
    }
}

fn shown(module: &[String]) -> String {
    if module.len() > 1 { module[1..].join("/") } else { module.concat() }
}
