//! A client for unit tests: requests go through both steps of their operation, without a port and without latency.

use std::sync::OnceLock;

use http::HeaderValue;
use serde_json::{Value, json};

use crate::core::http::{Request, Response};
use crate::core::operation::Call;
use crate::core::route::{self, Destination, Route, Target};
use crate::core::store::Store;
use crate::core::surface::Surface;
use crate::core::world::World;
use crate::entra::signing_key;
use crate::seed::default_seed;
use crate::surfaces;

/// A world in memory with the default seed.
pub(crate) fn world() -> World {
    // Making keys is what takes time, so all tests begin with the same ones.
    static FIRST: OnceLock<Value> = OnceLock::new();
    let url = "https://127.0.0.1:8443";
    let over = |store| World::new(store, url.to_owned(), surfaces::ALL, |world| default_seed().apply(world)).unwrap();
    let first = FIRST.get_or_init(|| over(Store::in_memory()).store.snapshot());
    let mut store = Store::in_memory();
    store.restore(first.as_object().cloned().unwrap());
    over(store)
}

/// What answers a request, and of which surface.
pub(crate) fn route(request: &Request) -> (&'static dyn Surface, Destination) {
    let Route { surface, destination } = Route::of(surfaces::ALL, request).unwrap();
    (surface, destination)
}

/// A world and somebody who is signed in to it.
pub(crate) struct Api {
    pub(crate) world: World,
}

impl Api {
    pub(crate) fn new() -> Self {
        Self { world: world() }
    }

    /// An access token for Azure Resource Manager with these claims changed.
    pub(crate) fn token(&self, changes: &Value) -> String {
        let now = self.world.clock.unix();
        let mut claims = json!({
            "aud": "https://management.azure.com/", "exp": now + 600, "tid": self.world.default("tenant"),
            "appid": self.world.default("client_id"), "oid": "40000000-0000-4000-8000-000000000001",
        });
        json_patch::merge(&mut claims, changes);
        signing_key::sign(&self.world, &claims).unwrap()
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
        let (surface, destination) = route(request);
        let (operation, parameters) = match destination.target {
            Target::Operation(operation, parameters) => (operation, parameters),
            Target::Handler(handler) => return handler(&mut self.world, request),
            Target::Refused(response) => return response,
        };
        let mut call = Call { request, operation, parameters: &parameters, caller: None };
        route::admit(surface, &mut self.world, &mut call)
            .and_then(|_| (operation.answer)(&mut self.world, &call))
            .unwrap_or_else(|stop| stop.into_response(surface))
    }

    /// The first step only: what it leaves busy, or the status of the refusal.
    pub(crate) fn admit(&mut self, method: &str, target: &str, body: &Value) -> Result<Option<String>, u16> {
        let request = self.request(method, target, body);
        let (surface, destination) = route(&request);
        let Target::Operation(operation, parameters) = &destination.target else { return Err(404) };
        let mut call = Call { request: &request, operation, parameters, caller: None };
        let admitted = route::admit(surface, &mut self.world, &mut call);
        admitted.map_err(|stop| stop.into_response(surface).status.as_u16())
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
