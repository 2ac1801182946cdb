//! A port per vault. Clients refuse a vault that is a path below a host, so each has an address of its own.
//!
//! What listens follows what is stored: [`Ports::reconcile`] opens what is missing and closes what is gone. A vault's port
//! is remembered under `emulator/`, outside of snapshots, because it belongs to this machine; one that comes again under
//! its name has its port again unless somebody else took it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::store::Store;

/// The documents of this prefix are the vaults there are, by their names in lower case.
pub(crate) const NAMES: &str = "keyvault/names/";

/// A port that was opened and that nobody serves yet.
pub(crate) struct Opened {
    /// The vault's name in lower case.
    pub(crate) vault: Arc<str>,
    pub(crate) listener: TcpListener,
    /// Ends when the vault is gone.
    pub(crate) closed: oneshot::Receiver<()>,
}

/// The ports of all vaults.
pub(crate) struct Ports {
    address: IpAddr,
    open: HashMap<String, (u16, oneshot::Sender<()>)>,
    opened: mpsc::UnboundedSender<Opened>,
    /// The other end, until the server takes it; unit tests leave it here.
    waiting: Option<mpsc::UnboundedReceiver<Opened>>,
}

impl Ports {
    /// None yet; those to come are on the host of this URL.
    pub(crate) fn new(url: &str) -> Self {
        let host = url.trim_start_matches("https://").parse::<SocketAddr>();
        let (opened, waiting) = mpsc::unbounded_channel();
        Self {
            address: host.map_or(IpAddr::from([127, 0, 0, 1]), |host| host.ip()),
            open: HashMap::new(),
            opened,
            waiting: Some(waiting),
        }
    }

    /// Where ports come out that are to be served; nothing the second time.
    pub(crate) fn take_opened(&mut self) -> Option<mpsc::UnboundedReceiver<Opened>> {
        self.waiting.take()
    }

    /// The address of a vault, with the slash that vault URIs end with.
    pub(crate) fn uri(&self, vault: &str) -> Option<String> {
        let (port, _) = self.open.get(&vault.to_lowercase())?;
        Some(format!("https://{}/", SocketAddr::new(self.address, *port)))
    }

    /// Opens a port for each stored vault that has none, and closes those of vaults that are gone.
    ///
    /// # Errors
    /// When no port can be had; the vaults before that one have theirs.
    pub(crate) fn reconcile(&mut self, store: &mut Store) -> Result<(), String> {
        let stored: Vec<String> = store.under(NAMES).map(|(key, _)| key.trim_start_matches(NAMES).to_owned()).collect();
        self.open.retain(|name, _| stored.contains(name));
        for name in stored {
            if !self.open.contains_key(&name) {
                let listener =
                    self.listen(store, &name).map_err(|error| format!("no port for vault {name}: {error}"))?;
                let port = listener.local_addr().map_err(|error| error.to_string())?.port();
                let (close, closed) = oneshot::channel();
                // Nobody takes it when the server has ended, and then nobody asks it either.
                let _ = self.opened.send(Opened { vault: name.as_str().into(), listener, closed });
                self.open.insert(name, (port, close));
            }
        }
        Ok(())
    }

    fn listen(&self, store: &mut Store, name: &str) -> std::io::Result<TcpListener> {
        let key = format!("emulator/ports/{name}");
        let last = store.get(&key).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        let again = last.and_then(|port| TcpListener::bind((self.address, port)).ok());
        let listener = match again {
            Some(listener) => listener,
            None => TcpListener::bind((self.address, 0))?,
        };
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        if last != Some(port) {
            if let Some(last) = last {
                tracing::warn!(vault = name, last, port, "the port of a vault has changed, and with it its URI");
            }
            store.put(key, Value::from(port));
        }
        Ok(listener)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_keeps_its_port_and_has_none_when_it_is_gone() {
        let mut store = Store::in_memory();
        let mut ports = Ports::new("https://127.0.0.1:8443");
        store.put(format!("{NAMES}one"), Value::Null);
        ports.reconcile(&mut store).unwrap();
        let first = ports.uri("ONE").unwrap();
        ports.reconcile(&mut store).unwrap();
        assert_eq!(ports.uri("one").as_ref(), Some(&first));
        drop(ports);
        let mut again = Ports::new("https://127.0.0.1:8443");
        again.reconcile(&mut store).unwrap();
        assert_eq!(again.uri("one").as_ref(), Some(&first), "a restart finds the port again");
        store.remove(&format!("{NAMES}one"));
        again.reconcile(&mut store).unwrap();
        assert_eq!(again.uri("one"), None);
        let mut opened = again.take_opened().unwrap();
        let mut port = opened.try_recv().unwrap();
        assert!(port.closed.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    }

    #[test]
    fn a_port_that_somebody_else_took_is_replaced() {
        let mut store = Store::in_memory();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        store.put("emulator/ports/one", Value::from(port));
        store.put(format!("{NAMES}one"), Value::Null);
        let mut ports = Ports::new("https://127.0.0.1:8443");
        ports.reconcile(&mut store).unwrap();
        assert_ne!(ports.uri("one").unwrap(), format!("https://127.0.0.1:{port}/"));
        assert_ne!(store.get("emulator/ports/one").unwrap(), &Value::from(port));
    }
}
