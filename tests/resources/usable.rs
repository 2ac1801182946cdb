//! What the probe of `azwi_federated_credential_binding` is good for: when a create has ended, no workload is refused, although each
//! replica of Entra ID learns of a credential at a time of its own.
//!
//! A hundred creates at once, each followed at once by sign-ins of its workload; every one of them draws its own times from the
//! emulator's seed. Without Terraform, whose hundred processes would take longer than the replicas.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use azwi::azure::Secret;
use azwi::ledger::Instance;
use azwi::provider::Provider;
use azwi::resource::AnyResource;
use azwi::resources;
use azwi::value::{self, Value};
use azwi_emulator::settings::{Settings, TokenReplicas};
use azwi_emulator::{Emulator, Options};
use serde_json::{Value as Json, json};

use crate::trust;

const CREATES: usize = 100;
/// How often each workload signs in right after its create. With three replicas, it misses none of them.
const SIGN_INS: usize = 12;
const AUDIENCE: &str = "api://AzureADTokenExchange";

fn resource(name: &str) -> &'static dyn AnyResource {
    *resources::ALL.iter().find(|resource| resource.type_name() == name).unwrap()
}

/// Plans and applies a new object; its attributes.
async fn create(provider: &Provider, name: &str, config: Json) -> Json {
    let resource = resource(name);
    let config = value::from_json(&config, &resource.describe().value_type()).unwrap();
    let (plan, report) = resource.propose(provider, Instance::default(), Value::Null, config).await;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    let outcome = resource.apply(provider, Instance::default(), Value::Null, plan.planned).await;
    assert!(outcome.report.errors.is_empty(), "{:?}", outcome.report.errors);
    value::to_json(&outcome.state)
}

/// An emulator whose replicas learn within a second and a half. The provider's waits are fifty times shorter than they are, so this
/// stands for replicas that learn within a good minute.
fn slow_emulator(seed: u64) -> Emulator {
    let token_replicas = TokenReplicas { count: 3, seed, spread_ms: 1_000, miss_ms: 200 };
    let settings = Settings { credential_propagation_ms: 300, token_replicas, ..Settings::default() };
    Emulator::start(Options { settings, ..Options::default() }).unwrap()
}

/// How many of a hundred workloads are refused at least once right after their bindings were made.
async fn refused(emulator: &Emulator, more: &[(&str, &str)]) -> usize {
    let mut environment: BTreeMap<String, String> = emulator.env().into_iter().collect();
    environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let provider = Arc::new(Provider::default());
    let config = value::from_json(&json!({}), &Provider::schema().value_type()).unwrap();
    let report = provider.configure(&config, &|name| environment.get(name).cloned());
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    let mut identities = Vec::new();
    // Each holds twenty credentials.
    for number in 0..CREATES / 20 {
        let config =
            json!({"name": format!("usable-{number}"), "resource_group_name": "rg-demo", "location": "westeurope"});
        identities.push(create(&provider, "azwi_user_assigned_identity", config).await);
    }
    let issuer = format!("{}/oidc/demo/", emulator.url);
    let creates: Vec<_> = (0..CREATES)
        .map(|number| {
            let (provider, identity) = (Arc::clone(&provider), identities[number % identities.len()].clone());
            let config = json!({
                "user_assigned_identity_id": identity["id"], "issuer": issuer, "wait_until_usable": true,
                "service_account": {"namespace": "demo", "name": format!("usable-{number}")},
            });
            tokio::spawn(async move {
                let made = create(&provider, "azwi_federated_credential_binding", config).await;
                assert_eq!(made["usable"], true);
                is_refused(&provider, &identity, &format!("usable-{number}")).await
            })
        })
        .collect();
    let mut refused = 0;
    for create in creates {
        refused += usize::from(create.await.unwrap());
    }
    refused
}

/// Whether a workload that signs in again and again is refused at least once.
async fn is_refused(provider: &Provider, identity: &Json, account: &str) -> bool {
    let context = provider.context(Duration::from_secs(60));
    let clients = context.clients().unwrap();
    let audiences = [AUDIENCE.to_owned()];
    let kubernetes = clients.kubernetes().unwrap();
    let token = kubernetes.service_account_token("demo", account, &audiences, 600, &context.wait).await.unwrap();
    let token = Secret::new(token.token);
    let text = |name: &str| identity[name].as_str().unwrap();
    for _ in 0..SIGN_INS {
        let exchanged = clients.azure().unwrap().exchange(text("tenant_id"), text("client_id"), &token, &context.wait);
        if exchanged.await.is_err() {
            return true;
        }
    }
    false
}

#[test]
fn after_a_hundred_creates_nobody_is_refused_and_with_one_success_as_the_proof_some_are() {
    let (patient, hasty) = (slow_emulator(1), slow_emulator(1));
    trust(&patient);
    trust(&hasty);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let hurry = ("AZWI_TEST_HURRY", "50");
    let with_one = runtime.block_on(refused(&hasty, &[hurry, ("AZWI_TEST_PROBES", "1")]));
    println!("with one success as the proof, {with_one} of {CREATES} workloads are refused right after their create");
    assert!(with_one > 0, "or what follows shows nothing");
    assert_eq!(runtime.block_on(refused(&patient, &[hurry])), 0);
}
