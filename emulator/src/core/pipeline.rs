//! One request from its arrival to its answer: log, fault, admission, latency, effect, disk.
//!
//! The world is locked for each step and never while anything is awaited. What a request writes is on the disk before its
//! answer leaves, and happens even if the client hangs up meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::fault;
use super::folder::Folder;
use super::http::{Request, Response};
use super::operation::{Call, Operation, Parameters, Stop};
use super::route::{self, Destination, Route, Target};
use super::surface::{Failure, Surface, Surfaces};
use super::world::World;

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) world: Mutex<World>,
    pub(crate) surfaces: Surfaces,
    pub(crate) folder: Folder,
    /// Fetches what operations need from other servers.
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

/// Answers one request; nothing if the connection is to be dropped instead.
pub(crate) async fn answer(shared: Arc<Shared>, request: Request) -> Option<Response> {
    let Route { surface, destination } = Route::of(shared.surfaces, &request)?;
    // On a task of its own: a client that hangs up does not stop what it has begun.
    match tokio::spawn(answer_routed(shared, surface, destination, request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, surface = surface.name(), "a request ended in a panic");
            Some(surface.failure(Failure::Internal("The emulator has a bug; its log on stderr has more.")))
        }
    }
}

/// The answer to a request with a body that is not read to its end.
pub(crate) fn too_large(shared: &Shared, request: &Request) -> Option<Response> {
    Route::of(shared.surfaces, request).map(|route| route.surface.failure(Failure::TooLarge))
}

async fn answer_routed(
    shared: Arc<Shared>,
    surface: &'static dyn Surface,
    destination: Destination,
    request: Request,
) -> Option<Response> {
    if surface.is_control() {
        return Some(control(&shared, surface, destination.target, &request));
    }
    let (number, fault) = {
        let mut world = shared.lock();
        let now = world.now_ms();
        (world.log.arrived(now, &destination, &request), world.faults.effect(&destination.name, &request))
    };
    let described = fault.as_ref().map(fault::Effect::describe);
    let fault = fault.unwrap_or_default();
    let delay = Duration::from_millis(fault.delay_ms);
    if fault.drop == Some(fault::Drop::Before) || (fault.status.is_some() && !fault.after_effect) {
        wait(delay).await;
        let response = if fault.drop.is_some() { None } else { fault.response() };
        let mut world = shared.lock();
        world.log.answered(number, response.as_ref().map(|it| it.status.as_u16()), described);
        return response.map(|response| fault.spoil(surface.finish(&world, &request, None, response)));
    }
    let mut response = serve(&shared, surface, destination.target, &request, delay).await;
    if fault.after_effect
        && let Some(instead) = fault.response()
    {
        response = instead;
    }
    let dropped = fault.drop == Some(fault::Drop::After);
    shared.lock().log.answered(number, (!dropped).then_some(response.status.as_u16()), described);
    (!dropped).then(|| fault.spoil(response))
}

async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

async fn serve(
    shared: &Arc<Shared>,
    surface: &'static dyn Surface,
    target: Target,
    request: &Request,
    delay: Duration,
) -> Response {
    let latency = delay + Duration::from_millis(shared.lock().settings.latency_ms);
    match target {
        Target::Refused(response) => surface.finish(&shared.lock(), request, None, response),
        Target::Handler(handler) => {
            wait(latency).await;
            let mut world = shared.lock();
            let response = handler(&mut world, request);
            durable(&mut world, surface, response)
        }
        Target::Operation(operation, parameters) => {
            operate(shared, surface, (operation, &parameters), request, latency).await
        }
    }
}

/// The two steps of an operation and the time between them.
async fn operate(
    shared: &Arc<Shared>,
    surface: &'static dyn Surface,
    (operation, parameters): (&'static Operation, &Parameters),
    request: &Request,
    latency: Duration,
) -> Response {
    let mut call = Call { request, operation, parameters, caller: None };
    let _busy = {
        let mut world = shared.lock();
        match route::admit(surface, &mut world, &mut call) {
            Err(stop) => return surface.finish(&world, request, Some(&call), stop.into_response(surface)),
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
        let fetch = {
            let mut world = shared.lock();
            match (operation.answer)(&mut world, &call) {
                Err(Stop::Fetch(fetch)) if !fetched => fetch,
                other => {
                    let response = other.unwrap_or_else(|stop| stop.into_response(surface));
                    let response = durable(&mut world, surface, response);
                    return surface.finish(&world, request, Some(&call), response);
                }
            }
        };
        let put = fetch(shared.http.clone()).await;
        put(&mut shared.lock());
        fetched = true;
    }
}

/// Lets the controllers go on, which otherwise do so when a cluster is asked for something, for those who only watch.
pub(crate) fn tick(shared: &Shared) {
    let mut world = shared.lock();
    if world.pulse.receiver_count() > 0 {
        world.tick();
        if let Err(error) = write(&mut world) {
            tracing::error!(%error, "a write is not durable");
        }
    }
}

fn control(shared: &Shared, surface: &dyn Surface, target: Target, request: &Request) -> Response {
    let mut world = shared.lock();
    let response = match target {
        Target::Refused(response) => return response,
        Target::Handler(handler) => handler(&mut world, request),
        Target::Operation(operation, parameters) => {
            let call = Call { request, operation, parameters: &parameters, caller: None };
            (operation.answer)(&mut world, &call).unwrap_or_else(|stop| stop.into_response(surface))
        }
    };
    if request.method != http::Method::GET
        && let Err(error) = shared.folder.write(&world)
    {
        return surface.failure(Failure::Internal(&format!("the emulator's folder cannot be written: {error}")));
    }
    durable(&mut world, surface, response)
}

/// The answer, once what it says is on the disk.
fn durable(world: &mut World, surface: &dyn Surface, mut response: Response) -> Response {
    response.replaced = *world.pulse.borrow();
    match write(world) {
        Ok(()) => response,
        Err(error) => {
            tracing::error!(%error, "a write is not durable");
            surface.failure(Failure::Internal(&error.to_string()))
        }
    }
}

fn write(world: &mut World) -> std::io::Result<()> {
    if let Err(error) = world.settle() {
        tracing::error!(error, "what is outside of the documents does not follow them");
    }
    world.store.flush()
}
