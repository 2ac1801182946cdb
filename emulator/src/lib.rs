//! `azwi-emulator`: Azure Resource Manager, Entra ID and Kubernetes for this domain, on one local TLS port, and
//! Key Vault on one more per vault.
//!
//! It stands alone: it shares no type with `azure/` or `kubernetes/`, because a shared type would let both sides share one
//! mistake. It is reached over HTTP only.
//!
//! One request: `core/server.rs` reads it, `core/route.rs` finds its surface by the path and the surface its operation, `core/pipeline.rs`
//! gives it its steps, and the operation's own file answers it from the documents of `core/store.rs`. The surfaces are listed in
//! `surfaces.rs`; each is a folder.

mod arm;
mod control;
mod core;
mod entra;
mod graph;
mod key_vault;
mod kubernetes;
mod oidc;
pub mod seed;
mod surfaces;
#[cfg(test)]
mod test;

pub use self::core::{fault, jwt, log, rule, settings};

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use self::core::fault::Fault;
use self::core::folder::Folder;
use self::core::pipeline::Shared;
use self::core::port::NamedPort;
use self::core::server;
use self::core::settings::Settings;
use self::core::store::Store;
use self::core::world::{self, World};
use self::seed::Seed;

/// What an emulator is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its folder, which keeps the state; without one everything is gone at the end.
    pub dir: Option<PathBuf>,
    /// The address to listen on. Port 0 is any free one, and preferably the one that the folder's issuers have.
    pub listen: SocketAddr,
    /// What it begins with, where the folder has no state yet; [`seed::default_seed`] when absent.
    pub seed: Option<Seed>,
    /// Delays, limits and rules.
    pub settings: Settings,
    /// What goes wrong on purpose.
    pub faults: Vec<Fault>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dir: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: None,
            settings: Settings::default(),
            faults: Vec::new(),
        }
    }
}

/// A running emulator, on threads of its own; dropping it stops it.
///
/// Its threads make it independent of the caller's runtime: one emulator can serve all tests of a binary.
pub struct Emulator {
    /// `https://host:port`, without a slash at the end.
    pub url: String,
    /// The certificate of the authority that signed the server's, PEM.
    pub ca_pem: String,
    /// The folder with `ca.pem`, `kubeconfig` and `env`.
    pub dir: PathBuf,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts one and returns when it serves.
    ///
    /// # Errors
    /// When the folder or the port cannot be used, or the seed or a fault has an entry that cannot be.
    pub fn start(options: Options) -> io::Result<Self> {
        // All of it happens on the emulator's thread, so that this may be called from within a runtime, too.
        let (stop, stopped) = watch::channel(false);
        let (ready, started) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("emulator".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let prepared = runtime.and_then(|runtime| runtime.block_on(prepare(options)).map(|it| (runtime, it)));
            let (runtime, (listener, tls, shared, ports)) = match prepared {
                Ok(prepared) => prepared,
                Err(error) => return drop(ready.send(Err(error))),
            };
            let _ = ready.send(Ok(Arc::clone(&shared)));
            runtime.block_on(server::serve(listener, tls, shared, ports, stopped));
            // Requests under way are given up; what they have answered is on the disk.
            runtime.shutdown_timeout(Duration::from_secs(1));
        })?;
        let shared = started.recv().map_err(|_| io::Error::other("the emulator ended before it served"))??;
        let url = shared.lock().url.clone();
        Ok(Self {
            url,
            ca_pem: shared.folder.authority.certificate.clone(),
            dir: shared.folder.path().to_owned(),
            shared,
            stop,
            thread: Some(thread),
        })
    }

    /// The environment that points a client at it: what the `env` file has.
    pub fn env(&self) -> Vec<(String, String)> {
        self.shared.folder.env(&self.shared.lock())
    }

    /// Adds tenants, subscriptions, clusters and so on while it runs.
    ///
    /// # Errors
    /// At the first entry that cannot be.
    pub fn seed(&self, seed: &Seed) -> Result<(), String> {
        let mut world = self.shared.lock();
        seed.apply(&mut world)?;
        world.settle()?;
        world.store.flush().and_then(|()| self.shared.folder.write(&world)).map_err(|error| error.to_string())
    }

    /// The requests after this number; 0 is all of them.
    pub fn log(&self, since: u64) -> Vec<log::Entry> {
        self.shared.lock().log.since(since)
    }

    /// All documents by their keys.
    pub fn state(&self) -> Value {
        Value::Object(self.shared.lock().state())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What is served, and where.
type Prepared = (TcpListener, rustls::ServerConfig, Arc<Shared>, Option<UnboundedReceiver<NamedPort>>);

/// Everything up to the first request: folder, port, world.
async fn prepare(options: Options) -> io::Result<Prepared> {
    let folder = Folder::open(options.dir.as_deref())?;
    let mut store = folder.store()?;
    let listener = listen(options.listen, &mut store).await?;
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let tls = folder.authority.server(&address.ip().to_string(), surfaces::ALL).map_err(io::Error::other)?;
    let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidInput, error);
    if options.seed.is_some() && store.get(world::INITIAL).is_some() {
        tracing::warn!(folder = %folder.path().display(), "the folder has a state already: the seed is not used");
    }
    let seed = options.seed.unwrap_or_else(seed::default_seed);
    let url = format!("https://{address}");
    let mut world = World::new(store, url, surfaces::ALL, |world| seed.apply(world)).map_err(invalid)?;
    world.settings = options.settings;
    world.ca_pem.clone_from(&folder.authority.certificate);
    world.faults.replace(options.faults).map_err(invalid)?;
    world.store.flush()?;
    folder.write(&world)?;
    let http = http_client(&folder.authority.certificate).map_err(io::Error::other)?;
    let ports = world.ports.take_opened();
    Ok((listener, tls, Arc::new(Shared { world: world.into(), surfaces: surfaces::ALL, folder, http }), ports))
}

/// Listens where it is told to. With port 0 the port of the last time is tried first: the URLs of issuers have it in them.
async fn listen(wanted: SocketAddr, store: &mut Store) -> io::Result<TcpListener> {
    const PORT: &str = "emulator/port";
    let last = store.get(PORT).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let again = match last {
        Some(port) if wanted.port() == 0 => TcpListener::bind(SocketAddr::new(wanted.ip(), port)).await.ok(),
        _ => None,
    };
    let listener = match again {
        Some(listener) => listener,
        None => TcpListener::bind(wanted)
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {wanted}: {error}")))?,
    };
    let port = listener.local_addr()?.port();
    if let Some(last) = last.filter(|last| *last != port) {
        tracing::warn!(
            last,
            port,
            "the port has changed: the issuers of existing clusters still have the old one in their URLs"
        );
    }
    store.put(PORT, Value::from(port));
    Ok(listener)
}

/// The client that fetches keys of foreign issuers, which may be another emulator's with the same authority.
fn http_client(ca: &str) -> Result<reqwest::Client, String> {
    let ca = reqwest::Certificate::from_pem(ca.as_bytes()).map_err(|error| error.to_string())?;
    reqwest::Client::builder()
        .tls_certs_merge([ca])
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| error.to_string())
}
