//! What Terraform does with a resource, and the rules that it holds a provider to: `AssertPlanValid` and `AssertObjectCompatible` of
//! its `internal/plans/objchange`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use azwi::error::Error;
use azwi::ledger::Instance;
use azwi::provider::Provider;
use azwi::resource::AnyResource;
use azwi::resources;
use azwi::schema::{Attribute, Kind, Nesting};
use azwi::value::{self, Known, Value};
use azwi_emulator::{Emulator, Options};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use super::objects::IDENTITY;
use super::trust;
use super::variants::typed;

/// The emulator that these tests share; each finds it as it left it.
fn emulator() -> &'static Emulator {
    static EMULATOR: LazyLock<Emulator> = LazyLock::new(|| {
        let emulator = Emulator::start(Options::default()).unwrap();
        trust(&emulator);
        emulator
    });
    &EMULATOR
}

/// The one resource instance of a test, under whatever spelling.
fn instance() -> Instance {
    Instance::read(br#"{"instance": "the one"}"#)
}

/// A provider that is configured for an emulator.
pub(crate) struct Host {
    runtime: Runtime,
    provider: Arc<Provider>,
    environment: BTreeMap<String, String>,
    issuer: String,
    principal: String,
}

/// A valid configuration.
pub(crate) struct Object {
    resource: &'static dyn AnyResource,
    config: Value,
}

impl Host {
    pub(crate) fn start() -> Self {
        let mut environment: BTreeMap<String, String> = emulator().env().into_iter().collect();
        environment.insert("AZWI_TEST_HURRY".to_owned(), "50".to_owned());
        let mut host = Self {
            runtime: Runtime::new().unwrap(),
            provider: Arc::default(),
            environment,
            issuer: format!("{}/oidc/demo/", emulator().url),
            principal: String::new(),
        };
        host.reset();
        host
    }

    /// Leaves nothing in the emulator but its seed and the identity that the others refer to.
    pub(crate) fn reset(&mut self) {
        let authority = reqwest::Certificate::from_pem(emulator().ca_pem.as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
        let reset = client.post(format!("{}/_emulator/reset", emulator().url)).send();
        assert!(self.runtime.block_on(reset).unwrap().status().is_success());
        self.renew();
        let identity = json!({"name": IDENTITY, "resource_group_name": "rg-demo", "location": "westeurope"});
        let object = self.object("azwi_user_assigned_identity", &identity).unwrap();
        let state = self.apply(&object, Value::Null, "the identity").unwrap();
        self.principal = value::as_str(value::attribute(&state, "principal_id")).unwrap().to_owned();
    }

    /// Configures the provider anew, as each run of Terraform does.
    pub(crate) fn renew(&mut self) {
        self.provider = Arc::default();
        let config = value::from_json(&json!({}), &Provider::schema().value_type()).unwrap();
        let report = self.provider.configure(&config, &|name| self.environment.get(name).cloned());
        assert!(report.errors.is_empty(), "{:?}", report.errors);
    }

    /// The object of a configuration, or what validation says of it.
    pub(crate) fn object(&self, kind: &str, config: &Json) -> Result<Object, Vec<Error>> {
        let resource = *resources::ALL.iter().find(|resource| resource.type_name() == kind).unwrap();
        // In every spelling of the two, as in `principal_id = upper(…)`.
        let mut text = config.to_string();
        for (name, value) in [("%PRINCIPAL%", &self.principal), ("%ISSUER%", &self.issuer)] {
            text = text.replace(name, value).replace(&name.to_lowercase(), &value.to_lowercase());
        }
        let config = typed(resource, &serde_json::from_str(&text).unwrap());
        let errors = resource.check(&config, true);
        if errors.is_empty() { Ok(Object { resource, config }) } else { Err(errors) }
    }

    /// Whether Terraform would replace the object.
    pub(crate) fn replaces(&self, object: &Object, state: &Value) -> bool {
        !self.propose(object, state.clone(), "a change").unwrap().1.is_empty()
    }

    /// Plans and applies as Terraform does: a replacement deletes first. Returns the state after a refresh, or the errors that left
    /// everything as it was.
    #[track_caller]
    pub(crate) fn apply(&self, object: &Object, mut prior: Value, what: &str) -> Result<Value, Vec<Error>> {
        let (mut planned, replace) = self.propose(object, prior.clone(), what)?;
        if planned == prior {
            return Ok(prior);
        }
        let replaces = !replace.is_empty();
        if replaces {
            let successor = self.propose(object, Value::Null, what)?.0;
            let refused = self.runtime.block_on(object.resource.refuse_replacement(&self.provider, &prior, &successor));
            if let Some(refused) = refused {
                return Err(refused.report.errors);
            }
            self.destroy(object, prior, what);
            prior = Value::Null;
            planned = self.propose(object, Value::Null, what)?.0;
        }
        let outcome =
            self.runtime.block_on(object.resource.apply(&self.provider, instance(), prior.clone(), planned.clone()));
        if !outcome.report.errors.is_empty() {
            assert!(!replaces, "{what} was deleted: {:#?}", outcome.report.errors);
            assert_eq!(outcome.state, prior, "{what}: {:#?}", outcome.report.errors);
            return Err(outcome.report.errors);
        }
        assert!(fits(&planned, &outcome.state), "{what}: planned {}, got {}", show(&planned), show(&outcome.state));
        let identity = outcome.identity;
        assert!(identity.is_value(), "{what} has no identity");
        let read = self.runtime.block_on(object.resource.refresh(&self.provider, outcome.state));
        assert!(read.report.errors.is_empty(), "{what}: {:#?}", read.report.errors);
        assert_eq!(read.identity, identity, "{what}");
        Ok(read.state)
    }

    /// The state after a read.
    pub(crate) fn refresh(&self, object: &Object, state: Value) -> Value {
        self.runtime.block_on(object.resource.refresh(&self.provider, state)).state
    }

    /// Sees that the next plan is empty.
    #[track_caller]
    pub(crate) fn plan_is_empty(&self, object: &Object, state: &Value, what: &str) {
        let (planned, replace) = self.propose(object, state.clone(), what).unwrap();
        assert!(replace.is_empty(), "{what} is replaced by the next plan because of {replace:?}");
        assert_eq!(show(&planned), show(state), "{what}: the next plan is not empty");
        assert_eq!(&planned, state, "{what}: the next plan is not empty");
    }

    #[track_caller]
    pub(crate) fn destroy(&self, object: &Object, state: Value, what: &str) {
        let outcome = self.runtime.block_on(object.resource.apply(&self.provider, instance(), state, Value::Null));
        assert!(outcome.report.errors.is_empty(), "{what}: {:#?}", outcome.report.errors);
    }

    #[track_caller]
    fn propose(&self, object: &Object, prior: Value, what: &str) -> Result<(Value, Vec<String>), Vec<Error>> {
        let proposed = object.resource.propose(&self.provider, instance(), prior.clone(), object.config.clone());
        let (plan, report) = self.runtime.block_on(proposed);
        if !report.errors.is_empty() {
            return Err(report.errors);
        }
        let schema = object.resource.describe();
        check(&schema.block.attributes, &prior, &object.config, &plan.planned, what);
        Ok((plan.planned, plan.replace.iter().map(ToString::to_string).collect()))
    }
}

/// A planned value is the configured one, or the prior one where both are set; what is computed is free where it is not configured.
#[track_caller]
fn check(attributes: &[Attribute], prior: &Value, config: &Value, planned: &Value, what: &str) {
    for attribute in attributes {
        let [prior, config, planned] = [prior, config, planned].map(|object| value::attribute(object, attribute.name));
        let free = attribute.is_computed() && config.is_null();
        if free || planned == config || planned == prior && !prior.is_null() && !config.is_null() {
            continue;
        }
        match (&attribute.kind, config) {
            (Kind::Nested(Nesting::Single, inner), Value::Value(_)) => check(inner, prior, config, planned, what),
            (Kind::Nested(Nesting::Set, _), Value::Value(Known::List(items))) => {
                assert_eq!(value::as_list(planned).len(), items.len(), "{what}: {}", attribute.name);
            }
            _ => panic!("{what}: {} is planned as {}, configured as {}", attribute.name, show(planned), show(config)),
        }
    }
}

/// What is planned as known comes back to the letter.
fn fits(planned: &Value, found: &Value) -> bool {
    match (planned, found) {
        (Value::Unknown, _) => true,
        (Value::Value(Known::List(a)), Value::Value(Known::List(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fits(a, b))
        }
        (Value::Value(Known::Map(a)), Value::Value(Known::Map(b))) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| fits(a, b)))
        }
        (a, b) => a == b,
    }
}

fn show(value: &Value) -> String {
    value::to_json(value).to_string()
}
