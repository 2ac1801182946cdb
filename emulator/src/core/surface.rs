//! The contract of a surface: one service that the emulator stands in for, such as Azure Resource Manager or a cluster's API server.
//!
//! A surface is stateless. Its documents are in the [`Store`](super::store::Store), and what it keeps in memory only is a type of its
//! own in [`World::memory`].

use std::path::Path;

use super::http::{Request, Response};
use super::operation::{self, Call, Caller, Found, Operation, Stop};
use super::route::{Destination, Target};
use super::world::World;

/// All surfaces. The first that serves a request answers it.
pub(crate) type Surfaces = &'static [&'static dyn Surface];

/// One service that the emulator stands in for.
pub(crate) trait Surface: Sync {
    /// Its name for the emulator's own log.
    fn name(&self) -> &'static str;

    /// Whether requests to these parts of a path are this surface's. A request to a port with a name has that name as its first part.
    fn serves(&self, request: &Request, segments: &[String]) -> bool;

    /// The operations among which [`Surface::route`] finds the one of a request.
    fn operations(&self) -> &'static [&'static [Operation]] {
        &[]
    }

    /// Finds what answers a request. A surface whose paths no list of operations describes has a router of its own here.
    fn route(&self, request: &Request, segments: &[String]) -> Destination {
        let failure = if segments.iter().any(|part| is_unsafe(part)) {
            Failure::UnsafePath
        } else {
            match operation::find(self.operations(), request.method.as_str(), segments) {
                Found::Operation(operation, parameters) => {
                    return Destination {
                        name: operation.name.to_owned(),
                        right: operation.action(&parameters),
                        target: Target::Operation(operation, parameters),
                    };
                }
                Found::OtherMethod => Failure::OtherMethod(request),
                Found::Nothing => Failure::UnknownPath(request),
            }
        };
        Destination { name: "unknown".to_owned(), right: None, target: Target::Refused(self.failure(failure)) }
    }

    /// Answers, in the form of this service's errors, where no operation does.
    fn failure(&self, failure: Failure<'_>) -> Response;

    /// What comes before an operation's own admission: finds the caller, and refuses one who lacks the right.
    ///
    /// # Errors
    /// With the answer to a request that is refused.
    fn authorize(&self, _world: &mut World, _call: &Call<'_>) -> Result<Option<Caller>, Stop> {
        Ok(None)
    }

    /// Adds what every answer of this service carries. There is no call where no operation was found.
    fn finish(&self, _world: &World, _request: &Request, _call: Option<&Call<'_>>, response: Response) -> Response {
        response
    }

    /// Whether this is the emulator's own interface: such requests are not logged, and meet neither faults nor latency.
    fn is_control(&self) -> bool {
        false
    }

    /// Prepares a world whose documents have just been read.
    ///
    /// # Errors
    /// If the surface cannot be served.
    fn start(&self, _world: &mut World) -> Result<(), String> {
        Ok(())
    }

    /// Makes what is outside of the documents follow them, after every change.
    ///
    /// # Errors
    /// If the machine has no port left.
    fn settle(&self, _world: &mut World) -> Result<(), String> {
        Ok(())
    }

    /// Forgets what it has in memory, when the world goes back to its initial state.
    fn reset(&self, _world: &mut World) {}

    /// Runs what is due without a request: the controllers of a cluster, for clients that only watch.
    fn tick(&self, _world: &mut World) {}

    /// The variables with which a client's environment points to this surface. `folder` is the emulator's.
    fn environment(&self, _world: &World, _folder: &Path) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The files that clients of this surface read from the emulator's folder: names and texts.
    fn files(&self, _world: &World) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The public domain below which each name is a port of its own.
    fn domain(&self) -> Option<Domain> {
        None
    }
}

/// Why no operation answers a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Failure<'a> {
    /// No operation has its path.
    UnknownPath(&'a Request),
    /// Operations have its path, but none has its method.
    OtherMethod(&'a Request),
    /// A part of its path would be taken for two, or for none.
    UnsafePath,
    /// Its body is longer than the emulator reads.
    TooLarge,
    /// The emulator has a bug, or the disk is full.
    Internal(&'a str),
}

/// A public domain whose names clients know without asking, such as `vault.azure.net`.
#[derive(Clone, Copy)]
pub(crate) struct Domain {
    /// With a dot before it.
    pub(crate) suffix: &'static str,
    /// What has a name in it: `vault`.
    pub(crate) noun: &'static str,
    /// Whether this name, in lower case, exists.
    pub(crate) has: fn(&World, &str) -> bool,
}

/// Whether a part of a path would be taken for two parts of an id once it is decoded, or for none.
fn is_unsafe(part: &str) -> bool {
    part == "." || part == ".." || part.contains(['/', '\\']) || part.contains(char::is_control)
}
