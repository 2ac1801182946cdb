//! Watches of the emulator's Kubernetes API over the wire: what comes, when it comes, and when it ends.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use azwi_emulator::Options;
use bytes::Bytes;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use support::Client;

const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// A cluster, and its administrator.
struct Server(Client);

impl Server {
    fn start(http_1: bool) -> Self {
        let mut client = Client::without_azure(Options::default());
        if http_1 {
            client.downgrade();
        }
        Self(client)
    }

    async fn send(&self, method: Method, path: &str, accept: &str, body: Value) -> Response {
        let request = self.0.to_cluster(method, path).header("accept", accept);
        let request = if body.is_null() { request } else { request.json(&body) };
        request.send().await.unwrap()
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let answer = self.send(method, path, "application/json", body).await;
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn create(&self, name: &str, labels: Value) -> Value {
        let (status, made) =
            self.ask(Method::POST, ACCOUNTS, json!({"metadata": {"name": name, "labels": labels}})).await;
        assert_eq!(status, 201, "{made}");
        made
    }

    async fn delete(&self, name: &str) {
        assert_eq!(self.ask(Method::DELETE, &format!("{ACCOUNTS}/{name}"), Value::Null).await.0, 200);
    }

    async fn version(&self) -> String {
        let (_, list) = self.ask(Method::GET, ACCOUNTS, Value::Null).await;
        list["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
    }

    async fn watch(&self, query: &str) -> Watch {
        self.watch_as("application/json", query).await
    }

    async fn watch_as(&self, accept: &str, query: &str) -> Watch {
        let path = format!("{ACCOUNTS}?watch=true&{query}");
        let answer = self.send(Method::GET, &path, accept, Value::Null).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/json");
        Watch { answer, rest: Bytes::new() }
    }

    /// The emulator's own.
    async fn control(&self, method: Method, path: &str, body: Value) {
        let body = Some(body).filter(|body| !body.is_null());
        let (status, answer) = self.0.control(method, path, body.as_ref()).await;
        assert!((200..300).contains(&status), "{status} {answer}");
    }
}

/// A watch under way.
struct Watch {
    answer: Response,
    rest: Bytes,
}

impl Watch {
    /// The next event; none at the end.
    async fn event(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line = self.rest.split_to(end + 1);
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let chunk = tokio::time::timeout(PATIENCE, self.answer.chunk()).await.unwrap();
            let chunk = chunk.unwrap_or_default()?;
            self.rest = [std::mem::take(&mut self.rest), chunk].concat().into();
        }
    }

    /// What happened next, and to which object.
    async fn next(&mut self) -> (String, String) {
        let event = self.event().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
    }

    async fn expect(&mut self, event: &str, name: &str) {
        assert_eq!(self.next().await, (event.to_owned(), name.to_owned()));
    }

    async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(300), self.event()).await.is_err()
    }
}

#[tokio::test]
async fn changes_come_as_they_happen_over_both_versions_of_http() {
    for http_1 in [true, false] {
        let server = Server::start(http_1);
        let version = server.version().await;
        let mut watch = server.watch(&format!("resourceVersion={version}")).await;
        assert!(!watch.answer.headers().contains_key("content-length"));
        assert!(watch.is_silent().await, "nothing has happened since");
        let made = server.create("web", json!({})).await;
        let event = watch.event().await.unwrap();
        assert_eq!(event, json!({"type": "ADDED", "object": made}));
        server.delete("web").await;
        let gone = watch.event().await.unwrap();
        assert_eq!(gone["type"], "DELETED");
        let revision =
            |event: &Value| event["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap();
        assert!(revision(&gone) > revision(&event), "a deletion has a revision of its own");
    }
}

#[tokio::test]
async fn without_a_version_or_with_0_it_begins_with_what_there_is() {
    let server = Server::start(false);
    server.create("web", json!({})).await;
    for query in ["", "resourceVersion=0"] {
        let mut watch = server.watch(query).await;
        watch.expect("ADDED", "default").await;
        watch.expect("ADDED", "web").await;
        assert!(watch.is_silent().await);
    }
}

#[tokio::test]
async fn what_comes_into_a_selection_is_added_to_it_and_what_leaves_it_deleted() {
    let server = Server::start(false);
    let mut watch = server.watch("labelSelector=tier%3Dfront&fieldSelector=metadata.name!%3Dother").await;
    server.create("web", json!({})).await;
    server.create("other", json!({"tier": "front"})).await;
    let label = async |value: &str| {
        let patch = json!({"metadata": {"labels": {"tier": value}}}).to_string();
        let request = server.0.to_cluster(Method::PATCH, &format!("{ACCOUNTS}/web"));
        let request = request.header("content-type", "application/merge-patch+json").body(patch);
        assert_eq!(request.send().await.unwrap().status(), 200);
    };
    label("front").await;
    watch.expect("ADDED", "web").await;
    label("back").await;
    let gone = watch.event().await.unwrap();
    assert_eq!(gone["type"], "DELETED");
    assert_eq!(gone["object"]["metadata"]["labels"]["tier"], "front", "as it was when it was last selected");
    assert!(watch.is_silent().await);
}

#[tokio::test]
async fn a_version_that_is_too_old_is_an_event_and_the_end() {
    let server = Server::start(false);
    let version = server.version().await;
    server.create("web", json!({})).await;
    server.control(Method::POST, "clock", json!({"advance_ms": 10 * 60 * 1000})).await;
    server.create("later", json!({})).await;
    let mut watch = server.watch(&format!("resourceVersion={version}")).await;
    let event = watch.event().await.unwrap();
    assert_eq!(event["type"], "ERROR");
    assert_eq!((&event["object"]["code"], &event["object"]["reason"]), (&json!(410), &json!("Expired")));
    assert_eq!(watch.event().await, None);
}

#[tokio::test]
async fn it_ends_when_its_time_is_over_and_says_before_how_far_it_was() {
    let server = Server::start(false);
    let version = server.version().await;
    let begun = Instant::now();
    let mut watch = server.watch(&format!("resourceVersion={version}&timeoutSeconds=3&allowWatchBookmarks=true")).await;
    // A change of another kind, of which the bookmark tells the revision.
    assert_eq!(server.ask(Method::POST, "/api/v1/namespaces", json!({"metadata": {"name": "other"}})).await.0, 201);
    let wanted = server.version().await;
    let event = watch.event().await.unwrap();
    assert_eq!(event["type"], "BOOKMARK");
    let object = json!({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"resourceVersion": wanted}});
    assert_eq!(event["object"], object);
    assert_eq!(watch.event().await, None);
    let lasted = begun.elapsed();
    assert!(lasted >= Duration::from_secs(3) && lasted < Duration::from_secs(5), "{lasted:?}");
}

#[tokio::test]
async fn a_list_can_be_streamed() {
    let server = Server::start(false);
    server.create("web", json!({})).await;
    let options = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = server.watch(options).await;
    watch.expect("ADDED", "default").await;
    watch.expect("ADDED", "web").await;
    let event = watch.event().await.unwrap();
    assert_eq!(event["type"], "BOOKMARK");
    assert_eq!(event["object"]["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
    assert_eq!(event["object"]["metadata"]["resourceVersion"], server.version().await);
    server.create("later", json!({})).await;
    watch.expect("ADDED", "later").await;
    let path = format!("{ACCOUNTS}?watch=true&sendInitialEvents=true");
    let (status, refused) = server.ask(Method::GET, &path, Value::Null).await;
    assert_eq!(status, 422);
    let wanted = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting \
                  resourceVersionMatch to NotOlderThan";
    assert_eq!(refused["message"], wanted);
}

#[tokio::test]
async fn tables_have_their_columns_once() {
    let server = Server::start(false);
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let mut watch = server.watch_as(accept, "").await;
    let first = watch.event().await.unwrap();
    assert_eq!(first["object"]["columnDefinitions"][0]["name"], "Name");
    assert_eq!(first["object"]["rows"][0]["cells"][0], "default");
    server.create("web", json!({})).await;
    let second = watch.event().await.unwrap();
    assert_eq!((&second["type"], &second["object"]["columnDefinitions"]), (&json!("ADDED"), &Value::Null));
    assert_eq!(second["object"]["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

#[tokio::test]
async fn what_nobody_asks_for_happens_while_somebody_watches() {
    let server = Server::start(false);
    assert_eq!(server.ask(Method::POST, "/api/v1/namespaces", json!({"metadata": {"name": "brief"}})).await.0, 201);
    let path = "/api/v1/namespaces?watch=true&fieldSelector=metadata.name%3Dbrief";
    let answer = server.send(Method::GET, path, "application/json", Value::Null).await;
    let mut watch = Watch { answer, rest: Bytes::new() };
    watch.expect("ADDED", "brief").await;
    assert_eq!(server.ask(Method::DELETE, "/api/v1/namespaces/brief", Value::Null).await.0, 200);
    watch.expect("MODIFIED", "brief").await;
    watch.expect("DELETED", "brief").await;
}

#[tokio::test]
async fn a_reset_and_the_end_of_the_emulator_end_it() {
    let mut server = Server::start(false);
    let mut watch = server.watch("resourceVersion=1000000").await;
    server.control(Method::POST, "reset", Value::Null).await;
    assert_eq!(watch.event().await, None, "there is nothing to go on with after a reset");
    let version = server.version().await;
    let mut watch = server.watch(&format!("resourceVersion={version}")).await;
    let begun = Instant::now();
    tokio::task::spawn_blocking(move || server.0.stop()).await.unwrap();
    assert_eq!(watch.event().await, None);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_watch_at_once_and_all_hear_all_of_it_in_order() {
    let server = Server::start(false);
    let version = server.version().await;
    let mut watches = Vec::new();
    for _ in 0..200 {
        watches.push(server.watch(&format!("resourceVersion={version}")).await);
    }
    let begun = Instant::now();
    let names: Vec<String> = (0..20).map(|number| format!("web-{number}")).collect();
    for name in &names {
        server.create(name, json!({})).await;
    }
    for watch in &mut watches {
        for name in &names {
            watch.expect("ADDED", name).await;
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_holds_nobody_up_and_hears_that_it_is_too_late() {
    let server = Server::start(true);
    let version = server.version().await;
    let mut slow = server.watch(&format!("resourceVersion={version}")).await;
    // More than the buffers of a connection take: 64 changes of a quarter of a megabyte.
    let large = "x".repeat(250 * 1024);
    server.create("web", json!({})).await;
    for number in 0..64 {
        let body = json!({"metadata": {"name": "web", "annotations": {"large": large, "number": number.to_string()}}});
        assert_eq!(server.ask(Method::PUT, &format!("{ACCOUNTS}/web"), body).await.0, 200);
    }
    server.control(Method::POST, "clock", json!({"advance_ms": 10 * 60 * 1000})).await;
    server.create("later", json!({})).await;
    let (mut heard, mut last) = (0, Value::Null);
    while let Some(event) = slow.event().await {
        heard += 1;
        last = event;
    }
    assert_eq!((&last["type"], &last["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert!(heard < 64, "{heard} events were kept for a client that did not read");
}
