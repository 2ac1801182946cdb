//! Rules of the house, as tests: they hold for what is not written yet.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod ci;
mod layers;
mod links;
mod prose;
mod source;

use std::path::{Path, PathBuf};

use azwi::data_source::AnyDataSource;
use azwi::provider::Provider;
use azwi::schema::{Attribute, Block, Constraint, Kind, Stable};
use azwi::value::{self, Known, Type, Value};
use azwi::{data_sources, resources};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn blocks() -> Vec<(String, Block)> {
    let mut all = vec![("provider".to_owned(), Provider::schema().block)];
    all.extend(resources::ALL.iter().map(|resource| (resource.type_name().to_owned(), resource.describe().block)));
    let data = |source: &&dyn AnyDataSource| (format!("data.{}", source.type_name()), source.describe().block);
    all.extend(data_sources::ALL.iter().map(data));
    all
}

fn each_attribute(path: &str, block: &Block, visit: &mut dyn FnMut(&str, &Attribute)) {
    fn attributes(path: &str, list: &[Attribute], visit: &mut dyn FnMut(&str, &Attribute)) {
        for attribute in list {
            let path = format!("{path}.{}", attribute.name);
            visit(&path, attribute);
            if let Kind::Nested(_, inner) = &attribute.kind {
                attributes(&path, inner, visit);
            }
        }
    }
    attributes(path, &block.attributes, visit);
    for inner in &block.blocks {
        assert!(inner.doc.ends_with('.'), "{path}.{} has no description that is a sentence", inner.name);
        each_attribute(&format!("{path}.{}", inner.name), inner, visit);
    }
}

#[test]
fn every_attribute_says_what_it_is() {
    for (name, block) in blocks() {
        assert!(block.doc.ends_with('.'), "{name} has no description that is a sentence");
        each_attribute(&name, &block, &mut |path, attribute| {
            assert!(attribute.doc.ends_with('.'), "{path} has no description that is a sentence");
            let twice = attribute.default.is_some() && attribute.doc.contains("Defaults to");
            assert!(!twice, "{path}: the page says the default by itself");
        });
    }
}

#[test]
fn what_a_schema_says_is_possible() {
    for (name, block) in blocks() {
        let top: Vec<&str> = block.attributes.iter().map(|attribute| attribute.name).collect();
        each_attribute(&name, &block, &mut |path, attribute| {
            assert!(
                attribute.default.is_none() || attribute.constraint == Constraint::OptionalComputed,
                "{path}: a default is computed"
            );
            if let Stable::Unless(others) = attribute.stable {
                assert!(attribute.is_computed(), "{path}: only what is computed can be stable");
                assert!(
                    others.iter().all(|other| top.contains(other)),
                    "{path} is stable unless {others:?}, which do not all exist"
                );
            }
        });
    }
}

/// A value of a type with nothing null, such as a state might hold.
fn sample(kind: &Type) -> Value {
    Value::Value(match kind {
        Type::String => Known::String("text".to_owned()),
        Type::Number | Type::Any => return value::number(4200),
        Type::Bool => Known::Bool(true),
        Type::List(element) | Type::Set(element) => Known::List(vec![sample(element)]),
        Type::Map(element) => Known::Map([("key".to_owned(), sample(element))].into()),
        Type::Tuple(elements) => Known::List(elements.iter().map(sample).collect()),
        Type::Object(attributes) => {
            Known::Map(attributes.iter().map(|(name, kind)| (name.clone(), sample(kind))).collect())
        }
    })
}

#[test]
fn every_model_round_trips_through_its_schema() {
    for resource in resources::ALL {
        let full = sample(&resource.describe().value_type());
        resource.round_trips(&full).unwrap_or_else(|lost| panic!("{}: {lost}", resource.type_name()));
        // The same with everything null that may be null.
        let Value::Value(Known::Map(mut sparse)) = full else { panic!("a state is an object") };
        for attribute in resource.describe().block.attributes {
            if attribute.constraint == Constraint::Optional
                || attribute.constraint == Constraint::OptionalComputed && attribute.default.is_none()
            {
                sparse.insert(attribute.name.to_owned(), Value::Null);
            }
        }
        resource
            .round_trips(&Value::Value(Known::Map(sparse)))
            .unwrap_or_else(|lost| panic!("{}: {lost}", resource.type_name()));
    }
    for source in data_sources::ALL {
        let full = sample(&source.describe().value_type());
        source.round_trips(&full).unwrap_or_else(|lost| panic!("data.{}: {lost}", source.type_name()));
        // As a configuration arrives: with nothing but what it must have.
        let Value::Value(Known::Map(mut sparse)) = full else { panic!("a state is an object") };
        for attribute in source.describe().block.attributes {
            if attribute.constraint != Constraint::Required {
                sparse.insert(attribute.name.to_owned(), Value::Null);
            }
        }
        source
            .round_trips(&Value::Value(Known::Map(sparse)))
            .unwrap_or_else(|lost| panic!("data.{}: {lost}", source.type_name()));
    }
}

#[test]
fn every_resource_file_is_registered_and_named_after_its_type() {
    let registered: Vec<String> =
        resources::ALL.iter().map(|resource| resource.type_name().replacen("azwi_", "", 1)).collect();
    for file in files_below(&root().join("src/resources"), "rs") {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        // In folders are the steps of one resource, or of several.
        let is_a_step = file.parent() != Some(&root().join("src/resources"));
        if stem != "mod" && !is_a_step {
            assert!(
                registered.contains(&stem),
                "{} is not in resources::ALL under the name azwi_{stem}",
                file.display()
            );
        }
    }
}

#[test]
fn every_data_source_is_registered_named_after_its_type_and_has_an_example() {
    let registered: Vec<String> =
        data_sources::ALL.iter().map(|source| source.type_name().replacen("azwi_", "", 1)).collect();
    for file in files_below(&root().join("src/data_sources"), "rs") {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            stem == "mod" || registered.contains(&stem),
            "{} is not in data_sources::ALL under the name azwi_{stem}",
            file.display()
        );
    }
    for source in data_sources::ALL {
        let path = root().join("examples/data-sources").join(source.type_name()).join("data-source.tf");
        assert!(path.exists(), "{} is missing", path.display());
        let text = std::fs::read_to_string(&path).unwrap();
        let head = format!("data \"{}\" \"this\" {{", source.type_name());
        assert!(text.contains(&head), "{} has no `{head}`", path.display());
    }
}

#[test]
fn every_resource_has_an_identity_and_an_example() {
    for resource in resources::ALL {
        assert!(!resource.describe_identity().is_empty(), "{} has no identity", resource.type_name());
        for file in ["resource.tf", "import.sh"] {
            let path = root().join("examples/resources").join(resource.type_name()).join(file);
            assert!(path.exists(), "{} is missing", path.display());
        }
    }
}

#[test]
fn pages_are_current() {
    let pages = azwi::docs::pages(root()).unwrap();
    let update = std::env::var_os("UPDATE").is_some();
    for page in &pages {
        let path = root().join(&page.path);
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &page.text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == page.text, "{} is stale: run `make docs` and commit what it writes", page.path);
    }
    for folder in ["docs/resources", "docs/data-sources"] {
        for file in files_below(&root().join(folder), "md") {
            let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            assert!(pages.iter().any(|page| page.path == name), "{name} is the page of nothing");
        }
    }
}

#[test]
fn test_switches_are_compiled_for_tests_only() {
    let gated = root().join("src/provider/test_clock.rs");
    for file in files_below(&root().join("src"), "rs") {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(file == gated || !text.contains("AZWI_TEST_"), "{} reads a switch of tests", file.display());
    }
    let text = std::fs::read_to_string(root().join("src/provider/mod.rs")).unwrap();
    assert!(text.contains("#[cfg(feature = \"test-clock\")]\nmod test_clock;\n"));
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let before_tests = manifest.split("[dev-dependencies]").next().unwrap();
    assert_eq!(before_tests.matches("test-clock").count(), 1, "only a dev-dependency may enable test-clock");
    assert!(!before_tests.contains("\ndefault = "), "a default feature could enable test-clock");
}
