//! The emulator's layers, as an allow-list: for each folder of `src/` the folders that it may import.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../../tests/support/layers.rs"]
mod layers;
#[path = "../../tests/support/map.rs"]
mod map;

use std::collections::BTreeMap;
use std::path::Path;

use layers::{Import, Rule};

const LIBRARY: &str = "azwi_emulator";

/// What each folder may import, from the top down. Unit tests may import anything.
const ALLOWED: &[Rule<'_>] = &[
    ("main", &["lib", "run", "signals", "start"]),
    ("run", &["lib", "signals", "start"]),
    ("signals", &[]),
    ("start", &["lib", "seed"]),
    ("lib", &["core", "seed", "surfaces"]),
    ("surfaces", &["control", "key_vault", "arm", "graph", "entra", "oidc", "kubernetes", "core"]),
    ("control", &["seed", "core"]),
    ("seed", &["key_vault", "arm", "entra", "kubernetes", "core"]),
    ("key_vault", &["arm", "core"]),
    ("arm", &["entra", "kubernetes", "core"]),
    ("graph", &["entra", "core"]),
    ("entra", &["kubernetes", "core"]),
    ("oidc", &["kubernetes", "core"]),
    ("kubernetes", &["core"]),
    ("core", &[]),
];

#[test]
fn each_folder_imports_only_what_is_allowed() {
    let mut imports = layers::imports(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), LIBRARY);
    imports.retain(|import| !import.in_tests);
    let found = layers::violations(&imports, ALLOWED);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn layers_point_down() {
    let found = layers::upward(ALLOWED);
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(layers::upward(&[("a", &["b"]), ("b", &["a"])]), ["`b` may import `a`, which is listed above it"]);
    assert_eq!(layers::upward(&[("a", &["c"])]), ["`a` may import `c`, which has no rule of its own"]);
}

#[test]
fn map_is_current() {
    map::assert_map_is_current(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md"), "emulator", ALLOWED);
}

/// The imports of a crate with a core and two surfaces, and this text in `core/store.rs`.
fn imports_with(store: &str) -> Vec<Import> {
    let sources = [
        ("lib.rs", "mod core; mod arm; mod entra; pub struct Options;"),
        ("core/mod.rs", "pub mod store; pub mod clock;"),
        ("core/clock.rs", "pub fn now() -> u64 { 0 }"),
        ("core/store.rs", store),
        ("arm/mod.rs", "mod id; pub struct Caller; macro_rules! error { ($($t:tt)*) => {} }"),
        ("arm/id.rs", ""),
        ("entra/mod.rs", ""),
    ];
    let sources: BTreeMap<String, String> =
        sources.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    layers::imports_of(&sources, LIBRARY)
}

/// What is wrong if `core` may import nothing.
fn violations_with(store: &str) -> Vec<String> {
    layers::violations(&imports_with(store), &[("core", &[])])
}

#[test]
fn every_way_to_import_is_reported() {
    for (text, imported) in [
        ("use crate::arm::Caller;", "arm"),
        ("use crate::{core::clock, arm};", "arm"),
        ("use crate::{core::clock, arm::{id, Caller}};", "arm/id"),
        ("use super::super::arm::Caller;", "arm"),
        ("use crate::arm as other;", "arm"),
        ("use crate::arm::*;", "arm"),
        ("pub use crate::arm::Caller;", "arm"),
        ("use azwi_emulator::arm::Caller;", "arm"),
        ("fn f() { let _ = crate::arm::Caller; }", "arm"),
        ("fn f(_: super::super::entra::Tenant) {}", "entra"),
        ("fn f() -> Vec<crate::arm::Caller> { Vec::new() }", "arm"),
        ("fn f() { println!(\"{}\", [crate::arm::id::of(1)]); }", "arm/id"),
        ("fn f() { use crate::entra; }", "entra"),
        ("use crate::Options;", "lib"),
        ("mod inner { use super::super::super::arm; }", "arm"),
    ] {
        let found = violations_with(text);
        let wanted = format!("core/store.rs:1: `core` may not import `{imported}`: {text}");
        assert!(found.contains(&wanted), "{text}: {found:?}");
    }
}

#[test]
fn what_stays_in_its_folder_is_not_reported() {
    for text in [
        "use super::clock; fn f() -> u64 { clock::now() }",
        "use crate::core::clock::now;",
        "use std::{fmt, io}; fn f(arm: u8) -> u8 { arm }",
        "use arm::Caller;",
        "mod inner { use super::super::clock; }",
        "//! See [`crate::arm`].",
    ] {
        assert_eq!(violations_with(text), [""; 0], "{text}");
    }
}

#[test]
fn imports_of_tests_are_marked() {
    let marked = |text: &str| imports_with(text).iter().map(|import| import.in_tests).collect::<Vec<_>>();
    assert_eq!(marked("#[cfg(test)] mod tests { use crate::arm; }"), [true]);
    assert_eq!(marked("#[cfg(test)] impl Store { fn f(_: crate::arm::Caller) {} }"), [true]);
    assert_eq!(marked("impl Store { #[cfg(test)] fn f(_: crate::arm::Caller) {} }"), [true]);
    assert_eq!(marked("#[cfg(not(test))] fn f(_: crate::arm::Caller) {}"), [false]);
}

#[test]
fn a_folder_without_a_rule_and_an_unused_permission_are_reported() {
    let imports = imports_with("use crate::arm::Caller;");
    let found = layers::violations(&imports, &[("arm", &[])]);
    assert_eq!(found, ["core/store.rs:1: no rule says what `core/store` may import: use crate::arm::Caller;"]);
    let found = layers::violations(&imports, &[("core", &["arm", "entra"])]);
    assert_eq!(found, ["`core` may import `entra` and does not: take it out of the list"]);
}

#[test]
fn the_longest_folder_has_the_rule() {
    let imports = imports_with("use crate::arm::Caller;");
    assert_eq!(layers::violations(&imports, &[("core", &[]), ("core/store", &["arm"])]), [""; 0]);
    assert_eq!(layers::violations(&imports, &[("core", &["arm"]), ("core/store", &[])]).len(), 2);
}
