//! Ports with names, which a surface opens beside the one that all surfaces share.
//!
//! The number of each port is remembered under `emulator/`, outside of snapshots, because it belongs to this machine. A port
//! that is opened again under its name has its number again, unless another program took it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::store::Store;

/// A port that was opened and is not served yet.
pub(crate) struct NamedPort {
    /// The first part of every request's path that comes in at it; see [`Request::segments`](super::http::Request::segments).
    pub(crate) name: Arc<str>,
    pub(crate) listener: TcpListener,
    /// Ends when the port is to be closed.
    pub(crate) closed: oneshot::Receiver<()>,
}

/// All ports with names.
pub(crate) struct Ports {
    address: IpAddr,
    open: HashMap<String, (u16, oneshot::Sender<()>)>,
    opened: mpsc::UnboundedSender<NamedPort>,
    /// The other end, until the server takes it; unit tests leave it here.
    waiting: Option<mpsc::UnboundedReceiver<NamedPort>>,
}

impl Ports {
    /// None yet; those to come are on the host of this URL.
    pub(super) fn new(url: &str) -> Self {
        let host = url.trim_start_matches("https://").parse::<SocketAddr>();
        let (opened, waiting) = mpsc::unbounded_channel();
        Self {
            address: host.map_or(Ipv4Addr::LOCALHOST.into(), |host| host.ip()),
            open: HashMap::new(),
            opened,
            waiting: Some(waiting),
        }
    }

    /// Where ports come out that are to be served; nothing the second time.
    pub(crate) fn take_opened(&mut self) -> Option<mpsc::UnboundedReceiver<NamedPort>> {
        self.waiting.take()
    }

    /// The URL of an open port, with a slash at its end.
    pub(crate) fn url(&self, name: &str) -> Option<String> {
        let (port, _) = self.open.get(name)?;
        Some(format!("https://{}/", SocketAddr::new(self.address, *port)))
    }

    /// Opens the ports of these names that are not open, and closes all others.
    ///
    /// # Errors
    /// If the machine has no port left; those before that one are open.
    pub(crate) fn reconcile(&mut self, store: &mut Store, names: Vec<String>) -> Result<(), String> {
        self.open.retain(|name, _| names.contains(name));
        for name in names {
            let Entry::Vacant(missing) = self.open.entry(name) else { continue };
            let name: Arc<str> = missing.key().as_str().into();
            let listener =
                listen(self.address, store, &name).map_err(|error| format!("no port for {name}: {error}"))?;
            let port = listener.local_addr().map_err(|error| error.to_string())?.port();
            let (close, closed) = oneshot::channel();
            // The server takes no port once it has ended, and then no client asks for one either.
            let _ = self.opened.send(NamedPort { name, listener, closed });
            missing.insert((port, close));
        }
        Ok(())
    }
}

fn listen(address: IpAddr, store: &mut Store, name: &str) -> std::io::Result<TcpListener> {
    let key = format!("emulator/ports/{name}");
    let last = store.get(&key).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let again = last.and_then(|port| TcpListener::bind((address, port)).ok());
    let listener = match again {
        Some(listener) => listener,
        None => TcpListener::bind((address, 0))?,
    };
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    if last != Some(port) {
        if let Some(last) = last {
            tracing::warn!(name, last, port, "a port has changed, and with it its URL");
        }
        store.put(key, Value::from(port));
    }
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_kept_for_its_name_and_closed_without_it() {
        let (mut store, one) = (Store::in_memory(), || vec!["one".to_owned()]);
        let mut ports = Ports::new("https://127.0.0.1:8443");
        ports.reconcile(&mut store, one()).unwrap();
        let first = ports.url("one").unwrap();
        ports.reconcile(&mut store, one()).unwrap();
        assert_eq!(ports.url("one").as_ref(), Some(&first));
        drop(ports);
        let mut again = Ports::new("https://127.0.0.1:8443");
        again.reconcile(&mut store, one()).unwrap();
        assert_eq!(again.url("one").as_ref(), Some(&first), "a restart finds the port again");
        again.reconcile(&mut store, Vec::new()).unwrap();
        assert_eq!(again.url("one"), None);
        let mut opened = again.take_opened().unwrap();
        let mut port = opened.try_recv().unwrap();
        assert!(port.closed.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    }

    #[test]
    fn a_port_that_another_program_took_is_replaced() {
        let mut store = Store::in_memory();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        store.put("emulator/ports/one", Value::from(port));
        let mut ports = Ports::new("https://127.0.0.1:8443");
        ports.reconcile(&mut store, vec!["one".to_owned()]).unwrap();
        assert_ne!(ports.url("one").unwrap(), format!("https://127.0.0.1:{port}/"));
        assert_ne!(store.get("emulator/ports/one").unwrap(), &Value::from(port));
    }
}
