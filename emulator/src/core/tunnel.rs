//! The shared port as a proxy, which leads to named ports by their public names: `kv-demo.vault.azure.net`.
//!
//! `az keyvault secret` makes a vault's address from its name and knows no other. A client with `HTTPS_PROXY` set asks for that
//! address with `CONNECT`, in plain text, where all others begin with TLS. After the answer, the same connection is one to that
//! port. The proxy leads nowhere else.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::pipeline::Shared;

/// The longest head of a request that is read, in bytes.
const LONGEST: usize = 8 << 10;

/// Where a connection to the shared port leads.
pub(super) enum Way {
    /// To the shared port, as nearly always.
    Here,
    /// To the port of this name.
    Port(Arc<str>),
    /// Nowhere, which the client has been answered.
    Nowhere,
}

/// Finds out where a new connection leads. What comes next on it is TLS.
///
/// # Errors
/// When the client goes away, or says too much.
pub(super) async fn way(stream: &mut TcpStream, shared: &Shared) -> io::Result<Way> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first != *b"C" {
        return Ok(Way::Here);
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= LONGEST {
            return Err(io::Error::other("the head of a request to the proxy has no end"));
        }
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let (way, answer) = find(target, shared);
    stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await?;
    Ok(way)
}

/// Where `host:port` is, and the answer's status and reason: a client shows it to a person.
fn find(target: &str, shared: &Shared) -> (Way, String) {
    let established = || "200 Connection established".to_owned();
    let host = target.rsplit_once(':').map_or(target, |(host, _)| host).to_lowercase();
    let world = shared.lock();
    if world.url.strip_prefix("https://") == Some(target) {
        return (Way::Here, established());
    }
    for domain in shared.surfaces.iter().filter_map(|surface| surface.domain()) {
        match host.strip_suffix(domain.suffix) {
            Some(name) if (domain.has)(&world, name) => return (Way::Port(name.into()), established()),
            Some(name) => return (Way::Nowhere, format!("404 the emulator has no {} {name}", domain.noun)),
            None => {}
        }
    }
    (Way::Nowhere, format!("403 this proxy leads to the emulator, not to {host}"))
}
