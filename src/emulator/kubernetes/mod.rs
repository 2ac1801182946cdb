//! A placeholder of the Kubernetes surface's signatures.

pub mod cluster;

use super::clock::Clock;
use super::http::{Request, Response};
use super::store::Store;
use cluster::Cluster;

/// What a request to one cluster is answered from.
pub struct Context<'a> {
    pub store: &'a mut Store,
    pub clock: &'a Clock,
    pub cluster: &'a Cluster,
}

/// Answers one request; its path no longer has the cluster's prefix.
pub fn answer(_context: &mut Context<'_>, _request: &Request) -> Response {
    Response::empty(http::StatusCode::NOT_IMPLEMENTED)
}
