//! The emulator's Azure over real TLS: sign in, write, list, fail, restart.
//!
//! The rules of each resource have unit tests beside them; here is what only shows on the wire.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod bad_input;
mod clusters;
mod faults;
mod fuzz;
mod issuers;
mod key_vault;
mod killed;
mod program;
mod rights;
mod rules;
#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "../support/mod.rs"]
mod support;
mod tunnel;

use azwi_emulator::Options;
use reqwest::Method;
use serde_json::{Value, json};
use support::{Client, IDENTITIES, body, credential};

#[tokio::test]
async fn an_identity_and_its_credentials_live_and_are_listed_in_pages() {
    let azure = Client::start(Options::default()).await;
    let (status, identity) =
        azure.put(&format!("{IDENTITIES}/app?api-version=2023-01-31"), &json!({"location": "westeurope"})).await;
    assert_eq!(status, 201, "{identity}");
    for name in ["one", "two", "three", "four", "five"] {
        assert_eq!(azure.put(&credential("app", name), &body(name)).await.0, 201);
    }
    let mut next =
        format!("{}{IDENTITIES}/app/federatedIdentityCredentials?%24top=2&api-version=2023-01-31", azure.url());
    let (mut pages, mut names) = (0, Vec::new());
    loop {
        let (_, page) = azure.send_to(Method::GET, &next, None).await;
        names.extend(page["value"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()));
        pages += 1;
        match page["nextLink"].as_str() {
            Some(link) => next = link.to_owned(),
            None => break,
        }
    }
    assert_eq!((pages, names.as_slice()), (3, ["five", "four", "one", "three", "two"].map(str::to_owned).as_slice()));
    assert_eq!(azure.delete(&credential("app", "one")).await.0, 200);
    assert_eq!(azure.delete(&credential("app", "one")).await.0, 204);
    let counts = azure.control(Method::GET, "log/counts", None).await.1;
    assert_eq!(counts["FederatedIdentityCredentials_CreateOrUpdate"], 5);
    assert_eq!(counts["FederatedIdentityCredentials_List"], 3);
    assert_eq!(counts["FederatedIdentityCredentials_Delete"], 2);
}

#[tokio::test]
async fn an_answer_carries_the_ids_that_support_asks_for() {
    let azure = Client::start(Options::default()).await;
    let request =
        azure.request(Method::GET, "/subscriptions/20000000-0000-4000-8000-000000000001?api-version=2022-12-01");
    let request = request.header("x-ms-correlation-request-id", "corr").header("x-ms-client-request-id", "mine");
    let response = request.header("x-ms-return-client-request-id", "true").send().await.unwrap();
    let header = |name: &str| response.headers().get(name).map(|it| it.to_str().unwrap().to_owned());
    assert_eq!(header("x-ms-correlation-request-id").as_deref(), Some("corr"));
    assert_eq!(header("x-ms-client-request-id").as_deref(), Some("mine"));
    assert!(header("x-ms-request-id").unwrap().len() == 36);
    assert_eq!(header("x-ms-ratelimit-remaining-subscription-reads").as_deref(), Some("250"));
    let entry = azure.emulator().log(0).pop().unwrap();
    let app = format!("{IDENTITIES}/app?api-version=2023-01-31");
    let location = json!({"location": "westeurope"});
    for (method, target, left) in [
        (Method::PUT, app.as_str(), "subscription-writes"),
        (Method::PATCH, app.as_str(), "subscription-writes"),
        (Method::DELETE, app.as_str(), "subscription-deletes"),
        (Method::GET, app.as_str(), "subscription-reads"),
        (Method::GET, "/tenants?api-version=2022-12-01", "tenant-reads"),
    ] {
        let response = azure.request(method.clone(), target).json(&location).send().await.unwrap();
        let headers = response.headers();
        assert!(headers.contains_key(format!("x-ms-ratelimit-remaining-{left}")), "{method} {target}: {headers:?}");
        assert_eq!(headers["x-ms-request-id"], headers["x-ms-correlation-request-id"], "where the client gave none");
        assert!(headers.contains_key("x-ms-routing-request-id"), "{method} {target}: {headers:?}");
    }
    assert_eq!((entry.operation.as_str(), entry.status), ("Subscriptions_Get", Some(200)));
    assert_eq!((entry.correlation_id.as_deref(), entry.client_request_id.as_deref()), (Some("corr"), Some("mine")));
}

#[tokio::test]
async fn of_two_writes_to_one_identity_at_once_one_is_refused_and_other_identities_do_not_wait() {
    let azure = Client::start(Options::default()).await;
    for name in ["app", "two"] {
        azure.put(&format!("{IDENTITIES}/{name}?api-version=2023-01-31"), &json!({"location": "westeurope"})).await;
    }
    azure.control(Method::PUT, "settings", Some(&json!({"latency_ms": 300}))).await;
    let (first, second, elsewhere) = (credential("app", "one"), credential("app", "two"), credential("two", "one"));
    let (one, two) = (body("1"), body("2"));
    let started = std::time::Instant::now();
    let ((first, _), (second, refused), (elsewhere, _)) =
        tokio::join!(azure.put(&first, &one), azure.put(&second, &two), azure.put(&elsewhere, &one));
    let mut statuses = [first, second];
    statuses.sort_unstable();
    assert_eq!((statuses, elsewhere), ([201, 409], 201), "{refused}");
    assert!(started.elapsed() < std::time::Duration::from_millis(900), "they were answered beside each other");
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_stop_what_it_began() {
    let azure = Client::start(Options::default()).await;
    azure.control(Method::PUT, "settings", Some(&json!({"latency_ms": 300}))).await;
    let target = format!("{IDENTITIES}/app?api-version=2023-01-31");
    let request = azure.request(Method::PUT, &target).json(&json!({"location": "westeurope"}));
    let lost = request.timeout(std::time::Duration::from_millis(100)).send().await;
    assert!(lost.unwrap_err().is_timeout());
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(azure.get(&target).await.0, 200);
}

#[tokio::test]
async fn a_restart_keeps_state_port_trust_and_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { dir: Some(folder.path().to_owned()), ..Options::default() };
    let target = format!("{IDENTITIES}/app?api-version=2023-01-31");
    let mut azure = Client::start(options()).await;
    let (_, made) = azure.put(&target, &json!({"location": "westeurope"})).await;
    let state = azure.emulator().state();
    let url = azure.url().to_owned();
    azure.restart(options());
    assert_eq!(azure.url(), url, "issuers have the port in their URLs");
    assert_eq!(azure.get(&target).await, (200, made), "with the old token and the old authority");
    assert_eq!(azure.emulator().state(), state);
    let second = azwi_emulator::Emulator::start(options()).err().unwrap();
    assert!(second.to_string().contains("used by another emulator"), "{second}");
}

#[tokio::test]
async fn the_clock_ends_a_token_and_a_reset_ends_everything() {
    let azure = Client::start(Options::default()).await;
    let target = format!("{IDENTITIES}/app?api-version=2023-01-31");
    let first = azure.emulator().state();
    azure.put(&target, &json!({"location": "westeurope"})).await;
    azure.control(Method::POST, "clock", Some(&json!({"advance_ms": 3_600_000}))).await;
    let (status, refused) = azure.get(&target).await;
    assert_eq!((status, &refused["error"]["code"]), (401, &json!("ExpiredAuthenticationToken")));
    azure.control(Method::POST, "clock", Some(&json!({"advance_ms": -3_600_000}))).await;
    let snapshot = azure.control(Method::GET, "state", None).await.1;
    assert_eq!(azure.control(Method::POST, "reset", None).await.0, 204);
    assert_eq!(azure.emulator().state(), first);
    assert_eq!(azure.get(&target).await.0, 404);
    assert_eq!(azure.control(Method::PUT, "state", Some(&snapshot)).await.0, 204);
    assert_eq!(azure.get(&target).await.0, 200);
}

#[tokio::test]
async fn tests_can_have_subscriptions_and_tenants_of_their_own() {
    let azure = Client::start(Options::default()).await;
    let seed = json!({
        "tenants": [{"id": "10000000-0000-4000-8000-0000000000bb", "name": "other.example"}],
        "subscriptions": [
            {"id": "20000000-0000-4000-8000-0000000000aa", "name": "Mine"},
            {"id": "20000000-0000-4000-8000-0000000000bb", "name": "Theirs", "tenant": "10000000-0000-4000-8000-0000000000bb"},
        ],
        "resource_groups": [{"name": "rg", "location": "eastus", "subscription": "20000000-0000-4000-8000-0000000000aa"}],
        "clusters": [{"name": "mine", "namespaces": ["app"]}],
    });
    assert_eq!(azure.control(Method::POST, "seed", Some(&seed)).await.0, 204);
    let group = |last: &str| {
        format!("/subscriptions/20000000-0000-4000-8000-0000000000{last}/resourceGroups/rg?api-version=2021-04-01")
    };
    assert_eq!(azure.get(&group("aa")).await.0, 200);
    let (status, refused) = azure.get(&group("bb")).await;
    assert_eq!((status, &refused["error"]["code"]), (401, &json!("InvalidAuthenticationTokenTenant")));
    let kubeconfig: Value =
        serde_json::from_str(&std::fs::read_to_string(azure.emulator().dir.join("kubeconfig")).unwrap()).unwrap();
    let contexts: Vec<_> =
        kubeconfig["contexts"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!((contexts, &kubeconfig["current-context"]), (vec!["demo", "edge", "mine", "second"], &json!("demo")));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_by_its_service() {
    let azure = Client::start(Options::default()).await;
    let huge = json!({"location": "westeurope", "tags": {"a": "x".repeat(5 << 20)}});
    let (status, refused) = azure.put(&format!("{IDENTITIES}/app?api-version=2023-01-31"), &huge).await;
    assert_eq!((status, &refused["error"]["code"]), (413, &json!("RequestContentTooLarge")));
}

#[tokio::test]
async fn a_group_takes_what_is_in_it_along() {
    let azure = Client::start(Options::default()).await;
    let group = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo";
    azure.put(&format!("{IDENTITIES}/app?api-version=2023-01-31"), &json!({"location": "westeurope"})).await;
    azure.put(&credential("app", "one"), &body("a")).await;
    let (_, inside) = azure.get(&format!("{group}/resources?api-version=2021-04-01")).await;
    let inside: Vec<_> = inside["value"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(inside.contains(&"app") && inside.contains(&"kv-demo") && !inside.contains(&"one"), "{inside:?}");
    let response = azure.request(Method::DELETE, &format!("{group}?api-version=2021-04-01")).send().await.unwrap();
    assert_eq!(response.status(), 202);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(azure.send_to(Method::GET, &location, None).await.0, 200);
    assert_eq!(
        azure.request(Method::HEAD, &format!("{group}?api-version=2021-04-01")).send().await.unwrap().status(),
        404
    );
    let state = azure.emulator().state();
    let left: Vec<_> = state
        .as_object()
        .unwrap()
        .keys()
        .filter(|key| key.contains("rg-demo") || key.contains("app") || key.contains("kv-demo"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
