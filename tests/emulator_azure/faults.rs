//! Faults as a client sees them: lost before, lost after, refused, late.

use std::time::{Duration, Instant};

use azwi::emulator::Options;
use reqwest::Method;
use serde_json::json;

use super::client::{Client, IDENTITIES};

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
