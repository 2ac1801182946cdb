//! One request from its arrival to its answer: log, fault, admission, latency, effect, disk.
//!
//! The world is locked for each step and never while anything is awaited. What a request writes is on the disk before its
//! answer leaves, and happens even if the client hangs up meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::dispatch::{self, Route, Surface, Target};
use super::entra::issuer::{self, Fetched};
use super::fault;
use super::folder::Folder;
use super::http::{Request, Response};
use super::operation::{Call, Stop};
use super::world::World;

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) world: Mutex<World>,
    pub(crate) folder: Folder,
    /// Fetches keys of foreign issuers.
    pub(crate) http: reqwest::Client,
}

impl Shared {
    /// The world, for one step. A panic of another step does not end the emulator.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is not to be written by others until the effect is there.
struct Busy {
    shared: Arc<Shared>,
    what: String,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.shared.lock().busy.remove(&self.what);
    }
}

/// Answers one request, which came in at a vault's port or at the one that all others share; nothing when the connection is to be dropped instead.
pub(crate) async fn answer(shared: Arc<Shared>, vault: Option<&str>, request: Request) -> Option<Response> {
    let route = dispatch::route(&request, vault);
    if route.surface == Surface::Control {
        return Some(control(&shared, &request, &route));
    }
    let (number, fault) = {
        let mut world = shared.lock();
        let now = world.now_ms();
        (world.log.arrived(now, &route, &request), world.faults.strike(&route.name, &request))
    };
    let struck = fault.as_ref().map(fault::Effect::describe);
    let fault = fault.unwrap_or_default();
    let delay = Duration::from_millis(fault.delay_ms);
    if fault.drop == Some(fault::Drop::Before) || (fault.status.is_some() && !fault.after_effect) {
        wait(delay).await;
        let response = if fault.drop.is_some() { None } else { fault.response() };
        let mut world = shared.lock();
        world.log.answered(number, response.as_ref().map(|it| it.status.as_u16()), struck);
        return response.map(|response| fault.spoil(dispatch::finish(&world, route.surface, &request, None, response)));
    }
    let mut response = serve(&shared, &request, &route, delay).await;
    if fault.after_effect
        && let Some(instead) = fault.response()
    {
        response = instead;
    }
    let dropped = fault.drop == Some(fault::Drop::After);
    shared.lock().log.answered(number, (!dropped).then_some(response.status.as_u16()), struck);
    (!dropped).then(|| fault.spoil(response))
}

async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

/// The two steps of a request and the time between them.
async fn serve(shared: &Arc<Shared>, request: &Request, route: &Route, delay: Duration) -> Response {
    let latency = delay + Duration::from_millis(shared.lock().settings.latency_ms);
    let (operation, parameters) = match &route.target {
        Target::Nobody(response) => {
            return dispatch::finish(&shared.lock(), route.surface, request, None, response.clone());
        }
        Target::Cluster(name, path) => {
            wait(latency).await;
            let mut world = shared.lock();
            let response = dispatch::cluster(&mut world, name, path, request);
            return durable(&mut world, response);
        }
        Target::Operation(operation, parameters) => (*operation, parameters),
    };
    let mut call = Call { request, operation, parameters, caller: None };
    let _busy = {
        let mut world = shared.lock();
        match dispatch::admit(&mut world, &mut call) {
            Err(stop) => return dispatch::finish(&world, route.surface, request, Some(&call), stop.into_response()),
            Ok(None) => None,
            Ok(Some(what)) => {
                world.busy.insert(what.clone());
                Some(Busy { shared: Arc::clone(shared), what })
            }
        }
    };
    wait(latency).await;
    let mut fetched = false;
    loop {
        let issuer = {
            let mut world = shared.lock();
            match dispatch::effect(&mut world, &call) {
                Err(Stop::NeedsIssuer(issuer)) if !fetched => issuer,
                other => {
                    let response = other.unwrap_or_else(Stop::into_response);
                    let response = durable(&mut world, response);
                    return dispatch::finish(&world, route.surface, request, Some(&call), response);
                }
            }
        };
        let jwks = issuer::fetch(&shared.http, &issuer).await;
        if let Err(reason) = &jwks {
            tracing::warn!(issuer, reason, "the keys of an issuer cannot be fetched");
        }
        let mut world = shared.lock();
        let at_ms = world.now_ms();
        world.fetched.insert(issuer, Fetched { at_ms, jwks });
        fetched = true;
    }
}

/// Lets the controllers go on, which otherwise do so when a cluster is asked for something, for those who only watch.
pub(crate) fn tick(shared: &Shared) {
    let mut world = shared.lock();
    if world.pulse.receiver_count() > 0 {
        dispatch::tick(&mut world);
        durable(&mut world, Response::empty(http::StatusCode::OK));
    }
}

fn control(shared: &Shared, request: &Request, route: &Route) -> Response {
    let Target::Operation(operation, parameters) = &route.target else {
        return match &route.target {
            Target::Nobody(response) => response.clone(),
            _ => dispatch::broken("no such route"),
        };
    };
    let mut world = shared.lock();
    let call = Call { request, operation, parameters, caller: None };
    let response = dispatch::effect(&mut world, &call).unwrap_or_else(Stop::into_response);
    if request.method != http::Method::GET
        && let Err(error) = shared.folder.write(&world)
    {
        return dispatch::broken(&format!("the emulator's folder cannot be written: {error}"));
    }
    durable(&mut world, response)
}

/// The answer, once what it tells is on the disk.
fn durable(world: &mut World, response: Response) -> Response {
    if let Err(error) = world.settle() {
        tracing::error!(error, "a vault does not listen");
    }
    match world.store.flush() {
        Ok(()) => response,
        Err(error) => {
            tracing::error!(%error, "a write is not durable");
            dispatch::broken(&error.to_string())
        }
    }
}
