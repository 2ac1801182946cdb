//! One owner for each object, whatever the order in which Terraform makes its calls: each race is run twenty times, with the calls of an
//! apply thirty at a time against an emulator that takes a tenth of a second for every request.
//!
//! Without Terraform, whose processes would take longer than the races. What Terraform does with the same configurations is in
//! `tests/acceptance/owners.rs`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use azwi::azure::IdentityId;
use azwi::ledger::Instance;
use azwi::provider::Provider;
use azwi::resource::AnyResource;
use azwi::resources;
use azwi::value::{self, Value};
use azwi_emulator::{Emulator, Options};
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;

use crate::trust;

const IDENTITY: &str = "azwi_user_assigned_identity";
const CREDENTIAL: &str = "azwi_federated_identity_credential";
const ACCOUNT: &str = "azwi_service_account";
const ROLE: &str = "azwi_role_assignment";
const BINDING: &str = "azwi_federated_credential_binding";

const ROUNDS: usize = 20;
const AT_ONCE: usize = 30;
const LATENCY: u64 = 100;
const READER: (&str, &str) = ("role_definition_name", "Reader");
const SCOPE: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo";

/// An emulator, and a client of its settings.
struct World {
    emulator: Emulator,
    client: reqwest::Client,
}

/// A resource instance as Terraform keeps it.
#[derive(Clone)]
struct Kept {
    kind: &'static str,
    state: Value,
    private: Vec<u8>,
}

/// What an apply is to do with an instance.
enum Change {
    Create(&'static str, Json),
    Update(Kept, Json),
    Delete(Kept),
}

/// What became of a change: the instance as Terraform keeps it from then on, and the errors.
struct Done {
    kept: Kept,
    errors: Vec<azwi::error::Error>,
}

impl Done {
    #[track_caller]
    fn well(self) -> Kept {
        assert!(self.errors.is_empty(), "{}: {:#?}", self.kept.kind, self.errors);
        self.kept
    }
}

impl Kept {
    fn get(&self, attribute: &str) -> String {
        value::as_str(value::attribute(&self.state, attribute)).unwrap().to_owned()
    }
}

/// The one emulator of these tests, which keep apart by names.
static SHARED: LazyLock<World> = LazyLock::new(|| {
    let emulator = Emulator::start(Options::default()).unwrap();
    trust(&emulator);
    let authority = reqwest::Certificate::from_pem(emulator.ca_pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
    World { emulator, client }
});

impl World {
    /// A provider as Terraform starts it for one walk.
    fn provider(&self) -> Arc<Provider> {
        let environment: BTreeMap<String, String> = self.emulator.env().into_iter().collect();
        let provider = Provider::default();
        let config = value::from_json(&json!({"plan_checks": "off"}), &Provider::schema().value_type()).unwrap();
        let report = provider.configure(&config, &|name| environment.get(name).cloned());
        assert!(report.errors.is_empty(), "{:?}", report.errors);
        Arc::new(provider)
    }

    async fn latency(&self, milliseconds: u64) {
        let settings = json!({ "latency_ms": milliseconds }).to_string();
        let url = format!("{}/_emulator/settings", self.emulator.url);
        let request = self.client.put(url).header("content-type", "application/json").body(settings);
        assert!(request.send().await.unwrap().status().is_success());
    }

    /// One apply: all changes, in this order, so many at a time.
    async fn apply(&self, changes: Vec<Change>, at_once: usize) -> Vec<Done> {
        let (provider, slots) = (self.provider(), Arc::new(Semaphore::new(at_once)));
        let mut running = Vec::new();
        for change in changes {
            let (provider, slots) = (Arc::clone(&provider), Arc::clone(&slots));
            running.push(tokio::spawn(async move {
                let _slot = slots.acquire().await.unwrap();
                run(&provider, change).await
            }));
        }
        let mut done = Vec::new();
        for one in running {
            done.push(one.await.unwrap());
        }
        done
    }

    /// The same, thirty at a time and each request slow.
    async fn race(&self, changes: Vec<Change>) -> Vec<Done> {
        self.latency(LATENCY).await;
        let done = self.apply(changes, AT_ONCE).await;
        self.latency(0).await;
        done
    }

    /// Creates, where nothing is in the way.
    async fn made(&self, kind: &'static str, configs: Vec<Json>) -> Vec<Kept> {
        let changes = configs.into_iter().map(|config| Change::Create(kind, config)).collect();
        self.apply(changes, AT_ONCE).await.into_iter().map(Done::well).collect()
    }

    async fn end(&self, kept: Vec<Kept>) {
        let done = self.apply(kept.into_iter().map(Change::Delete).collect(), AT_ONCE).await;
        done.into_iter().for_each(|done| drop(done.well()));
    }

    async fn identity(&self, name: &str) -> Kept {
        self.made(IDENTITY, vec![identity(name)]).await.remove(0)
    }

    /// The subjects of an identity's credentials, by name.
    async fn subjects(&self, identity: &Kept) -> BTreeMap<String, String> {
        let provider = self.provider();
        let context = provider.context(Duration::from_secs(60));
        let id: IdentityId = identity.get("id").parse().unwrap();
        let all = context.clients().unwrap().azure().unwrap().credentials().list(&id, &context.wait).await.unwrap();
        all.into_iter().map(|one| (one.name, one.properties.subject.unwrap())).collect()
    }
}

async fn run(provider: &Provider, change: Change) -> Done {
    let (kept, config) = match change {
        Change::Create(kind, config) => (Kept { kind, state: Value::Null, private: Vec::new() }, Some(config)),
        Change::Update(kept, config) => (kept, Some(config)),
        Change::Delete(kept) => (kept, None),
    };
    let resource: &dyn AnyResource = *resources::ALL.iter().find(|one| one.type_name() == kept.kind).unwrap();
    let (planned, private) = match config {
        None => (Value::Null, kept.private.clone()),
        Some(config) => {
            let config = value::from_json(&config, &resource.describe().value_type()).unwrap();
            let (instance, private) = Instance::plan(&kept.private, kept.state.is_null());
            let (plan, report) = resource.propose(provider, instance, kept.state.clone(), config).await;
            if !report.errors.is_empty() {
                return Done { kept, errors: report.errors };
            }
            assert!(plan.replace.is_empty(), "{:?}", plan.replace);
            (plan.planned, private)
        }
    };
    let outcome = resource.apply(provider, Instance::read(&private), kept.state, planned).await;
    Done { kept: Kept { kind: kept.kind, state: outcome.state, private }, errors: outcome.report.errors }
}

fn identity(name: &str) -> Json {
    json!({"name": name, "resource_group_name": "rg-demo", "location": "westeurope"})
}

fn credential(identity: &Kept, name: &str, subject: &str) -> Json {
    json!({"name": name, "user_assigned_identity_id": identity.get("id"), "issuer": "https://issuer.example/",
        "subject": format!("system:serviceaccount:demo:{subject}")})
}

fn account(name: &str) -> Json {
    json!({"namespace": "demo", "name": name, "client_id": "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11"})
}

/// A binding; `role` is the attribute and the value that name its role.
fn binding(identity: &Kept, account: &str, role: Option<(&str, &str)>) -> Json {
    let role = role.map(|(attribute, value)| json!([{"scope": SCOPE, attribute: value}]));
    json!({"user_assigned_identity_id": identity.get("id"), "issuer": issuer(), "wait_until_usable": false,
        "service_account": {"namespace": "demo", "name": account}, "role_assignments": role})
}

fn issuer() -> String {
    format!("{}/oidc/demo/", SHARED.emulator.url)
}

/// Runs a race twenty times, and another way round each time.
fn twenty_times(race: impl AsyncFn(&World, usize)) {
    let world = &*SHARED;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for round in 0..ROUNDS {
            race(world, round).await;
        }
    });
}

/// Exactly one of several was created; the errors of the others name it, and the attribute.
#[track_caller]
fn only_one(done: Vec<Done>, attribute: &str, named: &str) -> Kept {
    let (failed, mut made): (Vec<_>, Vec<_>) = done.into_iter().partition(|done| !done.errors.is_empty());
    assert_eq!(made.len(), 1, "{:#?}", failed.iter().map(|done| &done.errors).collect::<Vec<_>>());
    for one in &failed {
        let error = &one.errors[0];
        assert_eq!(error.attribute.to_string(), attribute, "{error}");
        assert!(error.detail.contains(named), "{error}");
        assert!(one.kept.state.is_null(), "what was refused is not in the state: {error}");
    }
    made.remove(0).kept
}

/// Turns a list, so that the calls come in another order.
fn turned<T>(mut list: Vec<T>, round: usize) -> Vec<T> {
    let by = round % list.len();
    list.rotate_left(by);
    if round % 2 == 1 {
        list.reverse();
    }
    list
}

#[test]
fn a_list_that_loses_its_first_element_is_one_apply() {
    twenty_times(async |world, round| {
        let app = world.identity("shifting").await;
        let name = |number: usize| format!("list-{number}");
        let all = (0..6).map(|number| credential(&app, &name(number), &name(number))).collect();
        let mut kept = world.made(CREDENTIAL, all).await;
        let mut changes = vec![Change::Delete(kept.pop().unwrap())];
        let shifted = |(number, kept)| Change::Update(kept, credential(&app, &name(number), &name(number + 1)));
        changes.extend(kept.into_iter().enumerate().map(shifted));
        world.race(turned(changes, round)).await.into_iter().for_each(|done| drop(done.well()));
        let expected = (0..5).map(|number| (name(number), format!("system:serviceaccount:demo:list-{}", number + 1)));
        assert_eq!(world.subjects(&app).await, expected.collect());
        world.end(vec![app]).await;
    });
}

#[test]
fn a_circle_of_credentials_is_one_apply() {
    twenty_times(async |world, round| {
        let (app, count) = (world.identity("circling").await, 2 + round % 5);
        let name = |number: usize| format!("circle-{number}");
        let all = (0..count).map(|number| credential(&app, &name(number), &name(number))).collect();
        let kept = world.made(CREDENTIAL, all).await;
        let next = |number: usize| name((number + 1) % count);
        let moved = |(number, kept)| Change::Update(kept, credential(&app, &name(number), &next(number)));
        let changes = kept.into_iter().enumerate().map(moved).collect();
        world.race(turned(changes, round)).await.into_iter().for_each(|done| drop(done.well()));
        let expected = (0..count).map(|number| (name(number), format!("system:serviceaccount:demo:{}", next(number))));
        assert_eq!(world.subjects(&app).await, expected.collect());
        world.end(vec![app]).await;
    });
}

#[test]
fn a_swap_one_call_at_a_time_fails_within_seconds_and_converges() {
    let world = &*SHARED;
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let app = world.identity("swapping").await;
        let configs = |subjects: [&str; 2]| {
            [credential(&app, "first", subjects[0]), credential(&app, "second", subjects[1])].to_vec()
        };
        let mut kept = world.made(CREDENTIAL, configs(["a", "b"])).await;
        let mut applies = 0;
        loop {
            applies += 1;
            assert!(applies <= 3, "does not converge");
            let changes =
                kept.iter().cloned().zip(configs(["b", "a"])).map(|(kept, config)| Change::Update(kept, config));
            let start = Instant::now();
            let done = world.apply(changes.collect(), 1).await;
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
            let errors: Vec<String> = done.iter().flat_map(|done| &done.errors).map(ToString::to_string).collect();
            if errors.is_empty() {
                break;
            }
            assert!(errors.iter().all(|error| error.contains("first") || error.contains("second")), "{errors:#?}");
            kept = done.into_iter().map(|done| done.kept).collect();
        }
        let subjects = world.subjects(&app).await;
        assert_eq!(subjects["first"], "system:serviceaccount:demo:b");
        assert_eq!(subjects["second"], "system:serviceaccount:demo:a");
        world.end(vec![app]).await;
    });
}

/// What is destroyed under one key and created under another, in one apply.
fn renamed(kept: Vec<Kept>, configs: Vec<Json>) -> Vec<Change> {
    let kind = kept[0].kind;
    let creates = configs.into_iter().map(|config| Change::Create(kind, config));
    creates.chain(kept.into_iter().map(Change::Delete)).collect()
}

#[test]
fn an_identity_under_another_key_is_one_apply() {
    twenty_times(async |world, round| {
        let configs = || (0..4).map(|number| identity(&format!("renamed-{number}"))).collect::<Vec<_>>();
        let kept = world.made(IDENTITY, configs()).await;
        let before: Vec<String> = kept.iter().map(|kept| kept.get("principal_id")).collect();
        let done = world.race(turned(renamed(kept, configs()), round)).await;
        let kept: Vec<Kept> = done.into_iter().map(Done::well).filter(|kept| !kept.state.is_null()).collect();
        assert_eq!(kept.len(), 4);
        assert!(kept.iter().all(|kept| !before.contains(&kept.get("principal_id"))), "each is created anew");
        world.end(kept).await;
    });
}

#[test]
fn an_account_under_another_key_is_one_apply() {
    twenty_times(async |world, round| {
        let configs = || (0..4).map(|number| account(&format!("renamed-{number}"))).collect::<Vec<_>>();
        let kept = world.made(ACCOUNT, configs()).await;
        let done = world.race(turned(renamed(kept, configs()), round)).await;
        let kept: Vec<Kept> = done.into_iter().map(Done::well).filter(|kept| !kept.state.is_null()).collect();
        assert_eq!(kept.len(), 4);
        world.end(kept).await;
    });
}

#[test]
fn a_role_assignment_under_another_key_is_one_apply() {
    twenty_times(async |world, round| {
        let app = world.identity("role-renamed").await;
        let roles = ["Reader", "Key Vault Secrets User", "Storage Blob Data Reader"];
        let config = |role: &&str| json!({"scope": SCOPE, "role_definition_name": role, "principal_id": app.get("principal_id")});
        let configs = || roles.iter().map(config).collect::<Vec<_>>();
        let kept = world.made(ROLE, configs()).await;
        let done = world.race(turned(renamed(kept, configs()), round)).await;
        let mut kept: Vec<Kept> = done.into_iter().map(Done::well).filter(|kept| !kept.state.is_null()).collect();
        assert_eq!(kept.len(), roles.len());
        kept.push(app);
        world.end(kept).await;
    });
}

#[test]
fn bindings_that_exchange_their_accounts_are_one_apply() {
    twenty_times(async |world, round| {
        let app = world.identity("binding-renamed").await;
        let configs = || {
            (0..3)
                .map(|number| binding(&app, &format!("exchanged-{number}"), (number == 0).then_some(READER)))
                .collect::<Vec<_>>()
        };
        let kept = world.made(BINDING, configs()).await;
        let done = world.race(turned(renamed(kept, configs()), round)).await;
        let kept: Vec<Kept> = done.into_iter().map(Done::well).filter(|kept| !kept.state.is_null()).collect();
        assert_eq!(kept.len(), 3);
        assert_eq!(world.subjects(&app).await.len(), 3);
        world.end(kept).await;
        world.end(vec![app]).await;
    });
}

#[test]
fn of_two_identities_of_one_name_one_is_created() {
    twenty_times(async |world, _| {
        let twins = (0..3).map(|_| Change::Create(IDENTITY, identity("twin"))).collect();
        let kept = only_one(world.race(twins).await, "name", IDENTITY);
        world.end(vec![kept]).await;
    });
}

#[test]
fn of_two_accounts_of_one_name_one_is_created() {
    twenty_times(async |world, _| {
        let twins = (0..3).map(|_| Change::Create(ACCOUNT, account("twin"))).collect();
        let kept = only_one(world.race(twins).await, "name", ACCOUNT);
        world.end(vec![kept]).await;
    });
}

#[test]
fn of_two_credentials_of_one_name_one_is_created() {
    twenty_times(async |world, _| {
        let app = world.identity("twin-credentials").await;
        let twins = ["a", "b"].map(|subject| Change::Create(CREDENTIAL, credential(&app, "twin", subject)));
        only_one(world.race(twins.into()).await, "name", CREDENTIAL);
        world.end(vec![app]).await;
    });
}

#[test]
fn of_two_assignments_of_one_role_one_is_created() {
    twenty_times(async |world, round| {
        let app = world.identity("twin-roles").await;
        let mut config =
            json!({"scope": SCOPE, "role_definition_name": "Reader", "principal_id": app.get("principal_id")});
        let first = config.clone();
        if round % 2 == 1 {
            config["name"] = json!(uuid::Uuid::new_v4().to_string());
        }
        let twins = [first, config].map(|config| Change::Create(ROLE, config));
        let kept = only_one(world.race(twins.into()).await, "scope", ROLE);
        world.end(vec![kept]).await;
        world.end(vec![app]).await;
    });
}

#[test]
fn of_two_bindings_that_assign_one_role_one_is_created() {
    twenty_times(async |world, round| {
        let app = world.identity("twin-bindings").await;
        // Named alike, the plan sees it; named in two ways, only apply can.
        let other =
            if round % 2 == 0 { READER } else { ("role_definition_id", "acdd72a7-3385-48ef-bd42-f606fba81ae7") };
        let twins = [("left", READER), ("right", other)]
            .map(|(name, role)| Change::Create(BINDING, binding(&app, name, Some(role))));
        let kept = only_one(world.race(twins.into()).await, "role_assignments", BINDING);
        assert_eq!(world.subjects(&app).await.len(), 1, "the other has left nothing");
        world.end(vec![kept]).await;
        world.end(vec![app]).await;
    });
}
