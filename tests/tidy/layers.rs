//! Which module of `src/` may use which. Every module uses only those below it in the list, so the arrows point one way.

#[path = "../support/layers.rs"]
mod imports;
#[path = "../support/map.rs"]
mod map;

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};

use self::imports::{Import, Rule};
use super::{root, source};

const ALLOWED: &[Rule<'static>] = &[
    ("main", &["protocol"]),
    (
        "protocol",
        &[
            "resources",
            "data_sources",
            "resource",
            "data_source",
            "provider",
            "context",
            "ledger",
            "error",
            "schema",
            "value",
        ],
    ),
    ("docs", &["resources", "data_sources", "resource", "data_source", "provider", "schema", "value"]),
    (
        "resources",
        &[
            "resource",
            "context",
            "clients",
            "ledger",
            "domain",
            "lifecycle",
            "error",
            "azure",
            "kubernetes",
            "schema",
            "value",
            "wait",
        ],
    ),
    ("data_sources", &["data_source", "context", "domain", "lifecycle", "error", "azure", "oidc", "schema", "value"]),
    ("resource", &["provider", "context", "ledger", "domain", "lifecycle", "error", "timeouts", "schema", "value"]),
    ("data_source", &["provider", "context", "lifecycle", "error", "timeouts", "schema", "value"]),
    (
        "provider",
        &[
            "context",
            "clients",
            "ledger",
            "lifecycle",
            "error",
            "azure",
            "kubernetes",
            "http",
            "origin",
            "schema",
            "value",
            "wait",
        ],
    ),
    ("context", &["clients", "ledger", "domain", "error", "azure", "turn", "wait"]),
    ("clients", &["error", "azure", "kubernetes", "wait"]),
    ("ledger", &["domain", "error", "turn", "wait"]),
    ("domain", &["error", "azure", "kubernetes"]),
    ("lifecycle", &["error", "schema", "value"]),
    ("error", &["azure", "kubernetes"]),
    ("azure", &["child", "http", "origin", "turn", "wait"]),
    ("kubernetes", &["child", "http", "origin", "wait"]),
    ("oidc", &["http", "wait"]),
    ("child", &["http"]),
    ("http", &["wait"]),
    ("origin", &[]),
    ("timeouts", &["schema", "value"]),
    ("schema", &["value"]),
    ("value", &[]),
    ("turn", &["wait"]),
    ("wait", &[]),
];

/// Names that only these modules, with what is below them, may write: Terraform's messages, and the clients of the two services.
const NAMED_ONLY_IN: &[(&str, &[&str])] = &[
    ("tfplugin6", &["protocol"]),
    ("tonic", &["protocol"]),
    ("tf_provider", &["protocol", "provider", "domain", "lifecycle", "error", "schema", "value"]),
    ("kube", &["kubernetes"]),
    ("k8s_openapi", &["kubernetes"]),
    ("azure_core", &["azure"]),
    ("azure_core_021", &["azure"]),
    ("azure_identity", &["azure"]),
    ("azure_mgmt_authorization", &["azure"]),
    ("azure_mgmt_msi", &["azure"]),
    ("reqwest", &["azure", "http", "oidc"]),
];

/// What is compiled for tests only may reach further, for what it tests.
fn shipped(imports: Vec<Import>) -> Vec<Import> {
    imports.into_iter().filter(|import| !import.in_tests).collect()
}

#[test]
fn every_module_uses_only_what_the_list_permits() {
    let violations = imports::violations(&shipped(imports::imports(&root().join("src"), "azwi")), ALLOWED);
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn every_module_has_a_rule_and_uses_only_modules_below_it() {
    let folders = std::fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path());
    let names = folders.filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs"));
    let modules: BTreeSet<String> =
        names.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    // The root of the library has nothing but its modules, and `golden` is for tests.
    let ruled = ALLOWED.iter().map(|(module, _)| *module).chain(["lib", "golden"]).map(str::to_owned).collect();
    assert_eq!(modules, ruled);
    let upward = imports::upward(ALLOWED);
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

#[test]
fn each_rule_refuses_whatever_form_an_import_has() {
    let modules: Vec<&str> = ALLOWED.iter().map(|(module, _)| *module).filter(|module| *module != "main").collect();
    let declared: String = modules.iter().map(|module| format!("pub mod {module};\n")).collect();
    for (module, permitted) in ALLOWED.iter().filter(|(module, _)| *module != "main") {
        for other in modules.iter().filter(|other| *other != module && !permitted.contains(other)) {
            for text in [
                format!("use crate::{other}::Thing;"),
                format!("use crate::{{other::Thing, {other}::{{One, Another as Third}}}};"),
                format!("use {{crate::{other} as harmless, std::fmt}};"),
                format!("pub use super::super::{other}::*;"),
                format!("fn f() -> super::super::{other}::Thing {{ todo!() }}"),
                format!("fn f() {{ crate::{other}::act(); }}"),
                format!("fn f() {{ println!(\"{{}}\", crate::{other}::NAME); }}"),
                format!("mod inner {{ use super::super::super::{other}::Thing; }}"),
            ] {
                let sources = modules.iter().map(|module| (format!("{module}.rs"), String::new()));
                let mut sources: BTreeMap<String, String> = sources.collect();
                sources.insert("lib.rs".to_owned(), declared.clone());
                sources.insert(format!("{module}.rs"), "mod part;".to_owned());
                sources.insert(format!("{module}/part.rs"), text.clone());
                let violations = imports::violations(&shipped(imports::imports_of(&sources, "azwi")), ALLOWED);
                let refusal = format!("`{module}` may not import `{other}`");
                assert!(violations.iter().any(|violation| violation.contains(&refusal)), "{module}: {text}");
            }
        }
    }
}

#[test]
fn map_is_current() {
    map::assert_map_is_current(&root().join("ARCHITECTURE.md"), "provider", ALLOWED);
}

/// The names among `names` that a source file writes: where a path begins, or within `use`.
fn written<'a>(tokens: TokenStream, names: &[&'a str]) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => found.extend(names.iter().copied().find(|name| ident == *name)),
            TokenTree::Group(group) => found.extend(written(group.stream(), names)),
            _ => {}
        }
    }
    found
}

/// What a file of this module writes and may not.
fn strangers(module: &str, tokens: TokenStream) -> Vec<&'static str> {
    let may = |(_, modules): &&(&str, &[&str])| modules.contains(&module);
    let foreign: Vec<&str> = NAMED_ONLY_IN.iter().filter(|rule| !may(rule)).map(|(name, _)| *name).collect();
    written(tokens, &foreign).into_iter().collect()
}

#[test]
fn a_service_and_terraform_are_spoken_to_in_one_module_each() {
    let mut used = BTreeSet::new();
    let names: Vec<&str> = NAMED_ONLY_IN.iter().map(|(name, _)| *name).collect();
    for source in source::library(&root().join("src")) {
        let path = source.path.strip_prefix(root().join("src")).unwrap();
        let module = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        used.extend(written(source.shipped.clone(), &names).into_iter().map(|name| (name, module.to_owned())));
        let strangers = strangers(module, source.shipped);
        assert!(strangers.is_empty(), "{} may not name {strangers:?}", path.display());
    }
    for (name, modules) in NAMED_ONLY_IN {
        let unused = modules.iter().find(|module| !used.contains(&(*name, (**module).to_owned())));
        assert_eq!(unused, None, "it does not name {name}: take it out of the list");
        for text in
            [format!("use {name}::Thing;"), format!("use {{std::fmt, {name} as other}};"), format!("{name}::f()")]
        {
            let strangers = |module| strangers(module, text.parse().unwrap());
            assert_eq!(strangers("wait"), [*name], "{text}");
            assert!(modules.iter().all(|module| strangers(module).is_empty()), "{text}");
        }
    }
}
