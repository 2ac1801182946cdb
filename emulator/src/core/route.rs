//! From a request to what answers it: the surface by the path, or by the name of the port, and then the surface's operation.

use super::http::{Request, Response};
use super::operation::{Admission, Call, Operation, Parameters};
use super::surface::{Surface, Surfaces};
use super::world::World;

/// Where a request goes.
pub(crate) struct Route {
    pub(crate) surface: &'static dyn Surface,
    pub(crate) destination: Destination,
}

/// What answers a request, and under which name.
pub(crate) struct Destination {
    /// The operation's name for log and faults.
    pub(crate) name: String,
    /// What its sender must be allowed to; see [`super::log::Entry::right`].
    pub(crate) right: Option<String>,
    pub(crate) target: Target,
}

/// What answers a request.
pub(crate) enum Target {
    /// An operation, in two steps.
    Operation(&'static Operation, Parameters),
    /// The surface itself, in one step.
    Handler(Handler),
    /// This answer.
    Refused(Response),
}

/// Answers a request in one step.
pub(crate) type Handler = Box<dyn Fn(&mut World, &Request) -> Response + Send + Sync>;

impl Route {
    /// Finds what answers a request; none if no surface serves it.
    pub(crate) fn of(surfaces: Surfaces, request: &Request) -> Option<Self> {
        let segments = request.segments();
        let surface = *surfaces.iter().find(|surface| surface.serves(request, &segments))?;
        Some(Self { surface, destination: surface.route(request, &segments) })
    }
}

/// The first step of an operation. On success the call knows its caller, and what is returned is busy until the effect.
///
/// # Errors
/// With the answer to a request that is refused.
pub(crate) fn admit(surface: &dyn Surface, world: &mut World, call: &mut Call<'_>) -> Admission {
    call.caller = surface.authorize(world, call)?;
    (call.operation.admit)(world, call)
}
