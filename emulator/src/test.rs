//! A client for unit tests: requests go through both steps of their operation, without a port and without latency.

use http::HeaderValue;
use serde_json::{Value, json};

use super::dispatch::{self, Target};
use super::http::{Request, Response};
use super::operation::{Call, Stop};
use super::world::World;

/// A world and somebody who is signed in to it.
pub(crate) struct Api {
    pub(crate) world: World,
}

impl Api {
    pub(crate) fn new() -> Self {
        Self { world: World::test() }
    }

    /// An access token for Azure Resource Manager with these claims changed.
    pub(crate) fn token(&self, changes: &Value) -> String {
        let now = self.world.clock.unix();
        let mut claims = json!({
            "aud": "https://management.azure.com/", "exp": now + 600, "tid": self.world.default("tenant"),
            "appid": self.world.default("client_id"), "oid": "40000000-0000-4000-8000-000000000001",
        });
        json_patch::merge(&mut claims, changes);
        self.world.entra_key.sign(&claims).unwrap()
    }

    fn request(&self, method: &str, target: &str, body: &Value) -> Request {
        let mut request = Request::test(method, target);
        let token = format!("Bearer {}", self.token(&json!({})));
        request.headers.insert("authorization", HeaderValue::from_str(&token).unwrap());
        request.body = if body.is_null() { Vec::new().into() } else { body.to_string().into() };
        request
    }

    /// Both steps of one request.
    pub(crate) fn exchange(&mut self, request: &Request) -> Response {
        self.exchange_at(None, request)
    }

    /// Both steps of one request to a vault, or to what shares the one port.
    pub(crate) fn exchange_at(&mut self, vault: Option<&str>, request: &Request) -> Response {
        let route = dispatch::route(request, vault);
        let (operation, parameters) = match &route.target {
            Target::Operation(operation, parameters) => (*operation, parameters),
            Target::Nobody(response) => return response.clone(),
            Target::Cluster(name, path) => return dispatch::cluster(&mut self.world, name, path, request),
        };
        let mut call = Call { request, operation, parameters, caller: None };
        dispatch::admit(&mut self.world, &mut call)
            .and_then(|_| dispatch::effect(&mut self.world, &call))
            .unwrap_or_else(Stop::into_response)
    }

    /// The first step only: what it leaves busy, or the status of the refusal.
    pub(crate) fn admit(&mut self, method: &str, target: &str, body: &Value) -> Result<Option<String>, u16> {
        let request = self.request(method, target, body);
        let Target::Operation(operation, parameters) = &dispatch::route(&request, None).target else { return Err(404) };
        let mut call = Call { request: &request, operation, parameters, caller: None };
        dispatch::admit(&mut self.world, &mut call).map_err(|stop| stop.into_response().status.as_u16())
    }

    pub(crate) fn send(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let response = self.exchange(&self.request(method, target, body));
        (response.status.as_u16(), serde_json::from_slice(&response.body).unwrap_or(Value::Null))
    }

    pub(crate) fn put(&mut self, target: &str, body: &Value) -> (u16, Value) {
        self.send("PUT", target, body)
    }

    pub(crate) fn get(&mut self, target: &str) -> (u16, Value) {
        self.send("GET", target, &Value::Null)
    }

    pub(crate) fn delete(&mut self, target: &str) -> (u16, Value) {
        self.send("DELETE", target, &Value::Null)
    }
}
