//! Faults as a client sees them: lost before, lost after, refused, late.

use std::time::{Duration, Instant};

use azwi_emulator::Options;
use reqwest::Method;
use serde_json::json;

use super::support::{Client, IDENTITIES};

#[tokio::test]
async fn a_dropped_connection_has_its_effect_or_not_as_asked_in_both_versions_of_http() {
    let mut azure = Client::start(Options::default()).await;
    for round in ["h2", "h1"] {
        for (when, found) in [("before", 404), ("after", 200)] {
            let target = format!("{IDENTITIES}/{round}-{when}?api-version=2023-01-31");
            let fault = json!([{
                "match": {"method": "PUT", "path": format!("/{round}-{when}\\?"), "operation": "UserAssignedIdentities_CreateOrUpdate", "nth": 1},
                "effect": {"drop": when},
            }]);
            assert_eq!(azure.control(Method::PUT, "faults", Some(&fault)).await.0, 200);
            let lost = azure.try_put(&target, &json!({"location": "westeurope"})).await;
            assert!(lost.is_err(), "{round} {when}: {lost:?}");
            assert_eq!(azure.get(&target).await.0, found, "{round} {when}");
            let entry = azure.emulator().log(0).into_iter().rev().find(|entry| entry.method == "PUT").unwrap();
            assert_eq!((entry.status, entry.fault), (None, Some(format!("dropped {when} the effect"))));
        }
        azure.downgrade();
    }
}

#[tokio::test]
async fn a_status_comes_instead_of_the_effect_or_after_it() {
    let azure = Client::start(Options::default()).await;
    let faults = json!([
        {"match": {"path": "/first"}, "effect": {"status": 503, "headers": {"Retry-After": 7}, "body": {"error": {"code": "Busy", "message": "m"}}}},
        {"match": {"path": "/second"}, "effect": {"status": 500, "after_effect": true, "body": "not JSON"}},
    ]);
    azure.control(Method::PUT, "faults", Some(&faults)).await;
    let identity = |name: &str| format!("{IDENTITIES}/{name}?api-version=2023-01-31");
    let location = json!({"location": "westeurope"});
    let response = azure.request(Method::PUT, &identity("first")).json(&location).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "7"));
    assert_eq!(azure.put(&identity("second"), &location).await, (500, json!("not JSON")));
    let listed = azure.control(Method::GET, "faults", None).await.1;
    assert_eq!((&listed[0]["matched"], &listed[1]["matched"]), (&json!(1), &json!(1)));
    azure.control(Method::PUT, "faults", Some(&json!([]))).await;
    assert_eq!(azure.get(&identity("first")).await.0, 404);
    assert_eq!(azure.get(&identity("second")).await.0, 200);
}

#[tokio::test]
async fn a_delay_is_waited_and_bad_faults_are_refused() {
    let azure = Client::start(Options::default()).await;
    let fault = json!([{"match": {"operation": "Subscriptions_List"}, "effect": {"delay_ms": 300}}]);
    azure.control(Method::PUT, "faults", Some(&fault)).await;
    let started = Instant::now();
    assert_eq!(azure.get("/subscriptions?api-version=2022-12-01").await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(300));
    let (status, refused) =
        azure.control(Method::PUT, "faults", Some(&json!([{"match": {"path": "("}, "effect": {}}]))).await;
    assert_eq!(status, 400);
    assert!(refused["error"].as_str().unwrap().starts_with("fault 0: path"), "{refused}");
}

#[tokio::test]
async fn half_an_answer_is_an_error_and_its_request_had_its_effect() {
    let mut azure = Client::start(Options::default()).await;
    for round in ["h2", "h1"] {
        let target = format!("{IDENTITIES}/cut-{round}?api-version=2023-01-31");
        let fault = json!([{"match": {"method": "PUT"}, "effect": {"truncate": true}}]);
        azure.control(Method::PUT, "faults", Some(&fault)).await;
        let put = azure.request(Method::PUT, &target).json(&json!({"location": "westeurope"}));
        let mut response = put.send().await.unwrap();
        assert_eq!(response.status(), 201, "{round}");
        let promised = response.headers()["content-length"].to_str().unwrap().parse::<usize>().unwrap();
        let mut came = Vec::new();
        let error = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => came.extend_from_slice(&chunk),
                Ok(None) => panic!("{round}: {} of {promised} bytes, and no error", came.len()),
                Err(error) => break error,
            }
        };
        assert!(came.len() <= promised / 2, "{round}: {} of {promised}: {error}", came.len());
        // A stream of HTTP/2 that is reset may take what was under way with it; of HTTP/1.1 all has come.
        assert!(round == "h2" || came.starts_with(b"{"), "{round}: {} of {promised}: {error}", came.len());
        assert_eq!(azure.get(&target).await.0, 200, "{round}");
        assert_eq!(azure.emulator().log(0).iter().filter(|it| it.fault.as_deref() == Some("truncated")).count(), 1);
        azure.control(Method::DELETE, "log", None).await;
        azure.downgrade();
    }
}

#[tokio::test]
async fn garbage_is_no_text_and_comes_with_the_status_and_headers_of_the_answer() {
    let azure = Client::start(Options::default()).await;
    let faults = json!([
        {"match": {"path": "^/subscriptions"}, "effect": {"garbage": true}},
        {"match": {"path": "^/tenants"}, "effect": {"garbage": true, "status": 502}},
    ]);
    azure.control(Method::PUT, "faults", Some(&faults)).await;
    for (path, status) in [("/subscriptions?api-version=2022-12-01", 200), ("/tenants?api-version=2022-12-01", 502)] {
        let response = azure.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), status);
        assert!(response.headers().contains_key("x-ms-request-id"));
        let body = response.bytes().await.unwrap();
        assert!(!body.is_empty() && std::str::from_utf8(&body).is_err(), "{path}: {body:?}");
    }
}

#[tokio::test]
async fn a_probable_fault_strikes_some_and_another_seed_strikes_others() {
    let azure = Client::start(Options::default()).await;
    let strikes = async |seed: u64| {
        let pattern = json!({"operation": "Tenants_List", "probability": 0.5, "seed": seed});
        let fault = json!([{"match": pattern, "effect": {"status": 429, "headers": {"Retry-After": "1"}}}]);
        azure.control(Method::PUT, "faults", Some(&fault)).await;
        let mut statuses = Vec::new();
        for _ in 0..20 {
            statuses.push(azure.get("/tenants?api-version=2022-12-01").await.0);
        }
        statuses
    };
    let first = strikes(1).await;
    assert!(first.contains(&200) && first.contains(&429), "{first:?}");
    assert_eq!(strikes(1).await, first);
    assert_ne!(strikes(2).await, first);
}
