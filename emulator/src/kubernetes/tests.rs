//! What recordings of an API server alone cannot show: its controllers, its tokens as credentials, and odd input.

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::request_info::RequestInfo;
use super::{Context, answer};
use crate::core::clock::Clock;
use crate::core::http::Request;
use crate::core::store::Store;

pub(super) struct Server {
    pub(super) store: Store,
    clock: Clock,
    pub(super) cluster: Cluster,
}

impl Server {
    pub(super) fn start() -> Self {
        let (mut store, clock) = (Store::in_memory(), Clock::default());
        let url = "https://127.0.0.1:1/clusters/one";
        let cluster = Cluster::create(&mut store, &clock, "one", url, "https://issuer/one/", &["app".to_owned()]);
        Self { cluster: cluster.unwrap(), store, clock }
    }

    pub(super) fn ask(&mut self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let token = self.cluster.admin_token().to_owned();
        self.ask_as(&token, method, path, body)
    }

    pub(super) fn ask_as(&mut self, token: &str, method: &str, target: &str, body: Option<Value>) -> (u16, Value) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = http::HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default().into();
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let request = Request { path: path.to_owned(), query, headers, body, ..Request::test(method, "") };
        let info = RequestInfo::new(path, &request);
        let mut context = Context { store: &mut self.store, clock: &self.clock, cluster: &self.cluster };
        let response = answer(&mut context, &info, &request);
        (response.status.as_u16(), serde_json::from_slice(&response.body).unwrap_or(Value::Null))
    }
}

const ACCOUNTS: &str = "/api/v1/namespaces/app/serviceaccounts";

#[test]
fn a_namespace_has_its_default_account_and_gets_it_back() {
    let mut server = Server::start();
    assert_eq!(server.ask("DELETE", &format!("{ACCOUNTS}/default"), None).0, 200);
    assert_eq!(server.ask("GET", &format!("{ACCOUNTS}/default"), None).0, 200);
    let (created, _) = server.ask("POST", "/api/v1/namespaces", Some(json!({"metadata": {"name": "new"}})));
    assert_eq!(created, 201);
    assert_eq!(server.ask("GET", "/api/v1/namespaces/new/serviceaccounts/default", None).0, 200);
}

#[test]
fn a_deleted_namespace_is_emptied_and_then_gone() {
    let mut server = Server::start();
    server.ask("POST", ACCOUNTS, Some(json!({"metadata": {"name": "web"}})));
    let held = json!({"metadata": {"name": "held", "finalizers": ["x/y"]}});
    server.ask("POST", ACCOUNTS, Some(held));
    let (code, namespace) = server.ask("DELETE", "/api/v1/namespaces/app", None);
    assert_eq!((code, &namespace["status"]["phase"]), (200, &json!("Terminating")));
    assert_eq!(server.ask("GET", &format!("{ACCOUNTS}/web"), None).0, 404);
    assert_eq!(server.ask("POST", ACCOUNTS, Some(json!({"metadata": {"name": "late"}}))).0, 403);
    server.clock.advance(3_000);
    assert_eq!(server.ask("GET", "/api/v1/namespaces/app", None).0, 200, "an account is still held");
    server.ask("PUT", &format!("{ACCOUNTS}/held"), Some(json!({"metadata": {"name": "held"}})));
    assert_eq!(server.ask("GET", "/api/v1/namespaces/app", None).0, 404);
}

#[test]
fn a_token_signs_in_until_it_expires_or_its_account_is_gone() {
    let mut server = Server::start();
    let token_of = |server: &mut Server, audiences: Value| {
        let body = json!({"spec": {"audiences": audiences, "expirationSeconds": 600}});
        let (code, answer) = server.ask("POST", &format!("{ACCOUNTS}/default/token"), Some(body));
        assert_eq!(code, 201);
        answer["status"]["token"].as_str().unwrap().to_owned()
    };
    let token = token_of(&mut server, json!([]));
    let who = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let (code, answer) = server.ask_as(&token, "POST", who, Some(json!({})));
    assert_eq!((code, &answer["status"]["userInfo"]["username"]), (201, &json!("system:serviceaccount:app:default")));
    let for_entra = token_of(&mut server, json!(["api://AzureADTokenExchange"]));
    assert_eq!(server.ask_as(&for_entra, "POST", who, Some(json!({}))).0, 401, "meant for somebody else");
    server.clock.advance(599_000);
    assert_eq!(server.ask_as(&token, "GET", ACCOUNTS, None).0, 200);
    server.clock.advance(2_000);
    assert_eq!(server.ask_as(&token, "GET", ACCOUNTS, None).0, 401);
    let token = token_of(&mut server, json!([]));
    server.ask("DELETE", &format!("{ACCOUNTS}/default"), None);
    assert_eq!(server.ask_as(&token, "GET", ACCOUNTS, None).0, 401, "the account is another of the same name");
}

#[test]
fn a_watch_tells_what_came_into_its_selection_changed_and_left_it() {
    let mut server = Server::start();
    let (_, list) = server.ask("GET", ACCOUNTS, None);
    let from = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    server.ask("POST", ACCOUNTS, Some(json!({"metadata": {"name": "web", "labels": {"a": "1"}}})));
    server.ask("PUT", &format!("{ACCOUNTS}/web"), Some(json!({"metadata": {"name": "web"}})));
    let mut context = Context { store: &mut server.store, clock: &server.clock, cluster: &server.cluster };
    let mut request = Request::test("GET", ACCOUNTS);
    let authorization = format!("Bearer {}", server.cluster.admin_token());
    request.headers.insert("authorization", authorization.parse().unwrap());
    for (name, value) in [("watch", "true"), ("resourceVersion", &from), ("labelSelector", "a=1")] {
        request.query.push((name.to_owned(), value.to_owned()));
    }
    let response = answer(&mut context, &RequestInfo::new(&request.path, &request), &request);
    let text = String::from_utf8(response.body.to_vec()).unwrap();
    let types: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone()).collect();
    assert_eq!(types, ["ADDED", "DELETED"]);
}

#[test]
fn whatever_is_sent_is_answered_and_no_answer_is_a_500_by_accident() {
    let mut server = Server::start();
    let paths =
        ["/", "//", "/api/v1/namespaces/%2F/serviceaccounts/%2e%2e", "/api/v1/a/b/c/d/e/f", "/apis//v1/x", "/%ff"];
    let bodies =
        [json!([]), json!(""), json!({"metadata": {"name": []}}), json!({"metadata": 1, "spec": []}), json!(null)];
    let places = [format!("{ACCOUNTS}/default"), format!("{ACCOUNTS}/default/token"), ACCOUNTS.to_owned()];
    for path in paths.iter().map(|path| (*path).to_owned()).chain(places) {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            for body in &bodies {
                let (code, answer) = server.ask(method, &path, Some(body.clone()));
                assert!(code < 500 || method == "DELETE", "{method} {path} with {body}: {code} {answer}");
            }
        }
    }
}

#[test]
fn with_roles_on_the_built_in_view_lets_read_and_no_more() {
    let mut server = Server::start();
    server.cluster.set_rbac(&mut server.store, &server.clock, true);
    let (_, made) = server.ask("POST", &format!("{ACCOUNTS}/default/token"), Some(json!({"spec": {}})));
    let token = made["status"]["token"].as_str().unwrap().to_owned();
    assert_eq!(server.ask_as(&token, "GET", ACCOUNTS, None).0, 403);
    assert_eq!(server.ask_as(&token, "GET", "/apis", None).0, 200, "discovery is for all who signed in");
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/app/rolebindings";
    let binding = json!({
        "metadata": {"name": "view"}, "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "app"}],
    });
    assert_eq!(server.ask("POST", bindings, Some(binding)).0, 201);
    assert_eq!(server.ask_as(&token, "GET", ACCOUNTS, None).0, 200);
    assert_eq!(server.ask_as(&token, "GET", "/api/v1/serviceaccounts", None).0, 403, "the binding is one namespace's");
    assert_eq!(server.ask_as(&token, "DELETE", &format!("{ACCOUNTS}/default"), None).0, 403);
}
