//! A port per vault. Clients refuse a vault that is a path below a host, so each has an address of its own.
//!
//! What listens follows what is stored: [`reconcile`] opens what is missing and closes what is gone. A vault's port
//! is remembered under `emulator/`, outside of snapshots, because it belongs to this machine; one that comes again under
//! its name has its port again unless somebody else took it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::core::port::NamedPort;
use crate::core::store::Store;
use crate::core::world::World;

/// The documents of this prefix are the vaults there are, by their names in lower case.
pub(crate) const NAMES: &str = "keyvault/names/";

/// The ports of all vaults, by the vaults' names in lower case. A port closes when its sender is dropped.
#[derive(Debug, Default, Clone)]
pub(super) struct Ports(HashMap<String, (u16, Arc<oneshot::Sender<()>>)>);

/// The address of a vault, with the slash that vault URIs end with.
pub(crate) fn uri(world: &World, vault: &str) -> Option<String> {
    let Ports(open) = world.memory.get()?;
    let (port, _) = open.get(&vault.to_lowercase())?;
    Some(format!("https://{}/", SocketAddr::new(address(&world.url), *port)))
}

/// Opens a port for each stored vault that has none, and closes those of vaults that are gone.
///
/// # Errors
/// When no port can be had; the vaults before that one have theirs.
pub(super) fn reconcile(world: &mut World) -> Result<(), String> {
    let address = address(&world.url);
    world.memory.get_or_insert_default::<Ports>().reconcile(address, &mut world.store, &world.opened)
}

/// The host of the shared port, on which vaults listen, too.
fn address(url: &str) -> IpAddr {
    let host = url.trim_start_matches("https://").parse::<SocketAddr>();
    host.map_or(Ipv4Addr::LOCALHOST.into(), |host| host.ip())
}

impl Ports {
    fn reconcile(
        &mut self,
        address: IpAddr,
        store: &mut Store,
        opened: &mpsc::UnboundedSender<NamedPort>,
    ) -> Result<(), String> {
        let stored: Vec<String> = store.under(NAMES).map(|(key, _)| key.trim_start_matches(NAMES).to_owned()).collect();
        self.0.retain(|name, _| stored.contains(name));
        for name in stored {
            let Entry::Vacant(missing) = self.0.entry(name) else { continue };
            let name: Arc<str> = missing.key().as_str().into();
            let listener =
                listen(address, store, &name).map_err(|error| format!("no port for vault {name}: {error}"))?;
            let port = listener.local_addr().map_err(|error| error.to_string())?.port();
            let (close, closed) = oneshot::channel();
            // The server takes no port once it has ended, and then no client asks for one either.
            let _ = opened.send(NamedPort { name, listener, closed });
            missing.insert((port, Arc::new(close)));
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
            tracing::warn!(vault = name, last, port, "the port of a vault has changed, and with it its URI");
        }
        store.put(key, Value::from(port));
    }
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port_of(ports: &Ports, name: &str) -> Option<u16> {
        ports.0.get(name).map(|(port, _)| *port)
    }

    #[test]
    fn a_vault_keeps_its_port_and_has_none_when_it_is_gone() {
        let host = IpAddr::from(Ipv4Addr::LOCALHOST);
        let (opened, _waiting) = mpsc::unbounded_channel();
        let (mut store, mut ports) = (Store::in_memory(), Ports::default());
        store.put(format!("{NAMES}one"), Value::Null);
        ports.reconcile(host, &mut store, &opened).unwrap();
        let first = port_of(&ports, "one").unwrap();
        ports.reconcile(host, &mut store, &opened).unwrap();
        assert_eq!(port_of(&ports, "one"), Some(first));
        drop((ports, _waiting));
        let (opened, mut waiting) = mpsc::unbounded_channel();
        let mut again = Ports::default();
        again.reconcile(host, &mut store, &opened).unwrap();
        assert_eq!(port_of(&again, "one"), Some(first), "a restart finds the port again");
        store.remove(&format!("{NAMES}one"));
        again.reconcile(host, &mut store, &opened).unwrap();
        assert_eq!(port_of(&again, "one"), None);
        let mut port = waiting.try_recv().unwrap();
        assert!(port.closed.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    }

    #[test]
    fn a_port_that_somebody_else_took_is_replaced() {
        let (opened, _waiting) = mpsc::unbounded_channel();
        let mut store = Store::in_memory();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        store.put("emulator/ports/one", Value::from(port));
        store.put(format!("{NAMES}one"), Value::Null);
        let mut ports = Ports::default();
        ports.reconcile(Ipv4Addr::LOCALHOST.into(), &mut store, &opened).unwrap();
        assert_ne!(port_of(&ports, "one").unwrap(), port);
        assert_ne!(store.get("emulator/ports/one").unwrap(), &Value::from(port));
    }
}
