//! Ports that a surface opens while the emulator runs, beside the one that all surfaces share.

use std::net::TcpListener;
use std::sync::Arc;

use tokio::sync::oneshot;

/// A port that was opened and is not served yet.
pub(crate) struct NamedPort {
    /// The first part of every request's path that comes in at it; see [`Request::segments`](super::http::Request::segments).
    pub(crate) name: Arc<str>,
    pub(crate) listener: TcpListener,
    /// Resolves when the port is to be closed.
    pub(crate) closed: oneshot::Receiver<()>,
}
