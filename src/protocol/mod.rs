//! Terraform's plugin protocol, and the only place that knows it.
//!
//! [`serve`] is what Terraform and OpenTofu start: shake hands, serve until the host says goodbye or
//! is gone. [`debug`] serves without a host, for developers.

mod absent;
mod call;
mod debug;
mod from_proto;
mod go_plugin;
mod handshake;
mod json;
mod lifetime;
mod listener;
mod log;
mod looked_up;
mod malformed;
mod managed;
mod msgpack;
mod panic;
mod private;
pub mod proto;
mod server;
mod state;
mod tls;
mod to_proto;
#[cfg(test)]
mod toy;
mod types;

use std::{io, sync::Arc};

use futures::FutureExt as _;
use rustls::ServerConfig;
use tonic::transport::Server;

use go_plugin::Shutdown;
use handshake::{Invitation, Place};
use lifetime::{End, Interrupt};
use listener::Listener;
use tls::ServerTls;

pub(crate) use handshake::Refusal;
pub(crate) use tls::TlsError;

/// Why the provider cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host did not ask in the way it should.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no secure connection to be had.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The operating system refused.
    #[error("the provider cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// The server broke down.
    #[error("the provider stopped serving: {0}")]
    Serve(#[from] tonic::transport::Error),
}

/// Sets up what the whole process shares: the one crypto provider, the panic hook and the log.
///
/// rustls finds both ring and aws-lc-rs in the dependency tree and panics at the first TLS client
/// unless it is told which to use. So this comes first, in `main`.
pub fn prepare() {
    // It fails only when one is installed already, by a test in the same process.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    panic::install_hook();
    log::init(variable);
}

/// Serves the host that started this process, until it is done.
///
/// # Errors
/// When the process was not started by a host, or what it serves cannot be set up.
pub async fn serve() -> Result<(), Error> {
    let invitation = Invitation::read(variable)?;
    let tls = ServerTls::pinned_to(&invitation.client_certificate)?;
    let end = End::default();
    lifetime::watch(Interrupt::IsTheHosts, &end)?;
    let listener = Listener::bind(&invitation.place).await?;
    handshake::announce(&invitation.answer(listener.network(), listener.address(), &tls.certificate))?;
    run(listener, Some(tls.config), end, Shutdown::EndsUs).await
}

/// Serves whoever connects, one run of Terraform after another, until interrupted.
///
/// # Errors
/// When it cannot be set up.
pub async fn debug() -> Result<(), Error> {
    let end = End::default();
    lifetime::watch(Interrupt::EndsUs, &end)?;
    let listener = Listener::bind(&Place::default()).await?;
    handshake::announce(&debug::instructions(&listener, ADDRESS))?;
    run(listener, None, end, Shutdown::IsIgnored).await
}

/// The provider's source address. Without a host name it means the registry of whichever host reads it.
const ADDRESS: &str = "azwi/azwi";

async fn run(listener: Listener, tls: Option<Arc<ServerConfig>>, end: End, shutdown: Shutdown) -> Result<(), Error> {
    let (service, provider) = server::service();
    let router = go_plugin::add_to(Server::builder().add_service(service), &end, shutdown).await;
    let stop = end.begun().map(move |()| provider.stop());
    tokio::select! {
        served = router.serve_with_incoming_shutdown(listener.incoming(tls), stop) => Ok(served?),
        () = end.overdue() => Ok(()),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
