//! Every text of every resource in every spelling that azurerm, Azure's portal and the Azure CLI print: it is refused on its
//! attribute, or it is planned, applied and read, and the next plan is empty.
//!
//! The walk goes over the schemas, so that a new attribute is tried by itself; only its plain spelling has to be added to
//! `objects.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use azwi::resources;
use azwi::value::Value;

use super::host::Host;
use super::objects::{Base, bases};
use super::variants::{self, Place, places};

#[test]
fn every_text_in_every_spelling_is_refused_or_has_an_empty_second_plan() {
    let mut host = Host::start();
    let (mut cases, mut failed) = (0, 0);
    for resource in resources::ALL {
        for base in bases(resource.type_name()) {
            for place in places(*resource, &base.config) {
                for variant in place.variants(&base.config) {
                    cases += 1;
                    for case in [creates as Case, changes] {
                        host.renew();
                        let case = AssertUnwindSafe(|| case(&host, &base, &place, &variant));
                        if catch_unwind(case).is_err() {
                            failed += 1;
                            host.reset();
                        }
                    }
                }
            }
        }
    }
    assert_eq!(failed, 0, "of {cases} spellings; each is shown above");
    assert!(cases > 200, "{cases}");
}

type Case = fn(&Host, &Base, &Place, &serde_json::Value);

/// A new object with this spelling.
fn creates(host: &Host, base: &Base, place: &Place, variant: &serde_json::Value) {
    let what = format!("a new {} with {} = {variant}", base.kind, place.name());
    let object = match host.object(base.kind, variant) {
        Ok(object) => object,
        Err(errors) => return place.is_refused(&errors, &what),
    };
    match host.apply(&object, Value::Null, &what) {
        Ok(state) => {
            host.plan_is_empty(&object, &state, &what);
            host.destroy(&object, state, &what);
        }
        Err(errors) => place.is_refused(&errors, &what),
    }
}

/// An object in its plain spelling that gets this one. It is not replaced if both mean the same, and is left as it is if this one
/// names nothing, such as a role that does not exist.
fn changes(host: &Host, base: &Base, place: &Place, variant: &serde_json::Value) {
    let Ok(object) = host.object(base.kind, variant) else { return };
    let plain = host.object(base.kind, &base.config).unwrap();
    let what = format!("{} whose {} becomes {variant}", base.kind, place.name());
    let before = host.apply(&plain, Value::Null, &what).unwrap();
    if place.means_the_same(&base.config, variant) {
        assert!(!host.replaces(&object, &before), "{what} is replaced");
    }
    match host.apply(&object, before.clone(), &what) {
        Ok(state) => {
            host.plan_is_empty(&object, &state, &what);
            host.destroy(&object, state, &what);
        }
        Err(errors) => {
            place.is_refused(&errors, &what);
            host.plan_is_empty(&plain, &host.refresh(&plain, before.clone()), &what);
            host.destroy(&plain, before, &what);
        }
    }
}

/// Each resource is tried with all of its texts.
#[test]
fn every_text_of_every_schema_has_a_plain_spelling() {
    for resource in resources::ALL {
        let mut missing = variants::texts(*resource);
        for base in bases(resource.type_name()) {
            for place in places(*resource, &base.config) {
                missing.remove(&place.name());
            }
        }
        assert!(missing.is_empty(), "{}: no base object in objects.rs has {missing:?}", resource.type_name());
    }
}
