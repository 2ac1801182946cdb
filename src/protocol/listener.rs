//! The place where the host connects: a unix socket, or a TCP port on Windows.
//!
//! A TLS handshake that stalls or fails costs its own connection only; the next one is accepted
//! meanwhile.

use std::{
    io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::handshake::Place;

/// A bound address. Dropping it removes the socket file.
#[derive(Debug)]
pub(super) struct Listener {
    socket: Socket,
    network: &'static str,
    address: String,
    file: Option<SocketFile>,
}

impl Listener {
    /// Binds where the host would like us to.
    pub(super) async fn bind(place: &Place) -> io::Result<Self> {
        #[cfg(unix)]
        return bind_unix(&place.directory, place.group.as_deref());
        #[cfg(not(unix))]
        return bind_tcp(place.ports.clone()).await;
    }

    /// `unix` or `tcp`, as Go calls them.
    pub(super) fn network(&self) -> &'static str {
        self.network
    }

    /// The socket's path, or address and port.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Every connection that has come through its TLS handshake, when there is one.
    ///
    /// The socket file goes when the stream is dropped.
    pub(super) fn incoming(self, tls: Option<Arc<ServerConfig>>) -> impl Stream<Item = io::Result<Connection>> + Send {
        let (sender, connections) = mpsc::channel(16);
        let Self { socket, file, .. } = self;
        tokio::spawn(async move {
            // Without a mention of it here the file would stay behind in `incoming`, and go at once.
            let _file = file;
            let tls = tls.map(TlsAcceptor::from);
            loop {
                let accepted = tokio::select! {
                    accepted = socket.accept() => accepted,
                    () = sender.closed() => return,
                };
                match accepted {
                    Ok(connection) => {
                        tokio::spawn(greet(connection, tls.clone(), sender.clone()));
                    }
                    // Out of file handles, mostly. They come back when something else closes.
                    Err(error) => {
                        tracing::warn!(%error, "A connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        });
        ReceiverStream::new(connections)
    }
}

/// Long for a machine that is busy starting thirty providers, short for somebody who only opened the socket.
const TLS_HANDSHAKE_LIMIT: Duration = Duration::from_secs(20);

async fn greet(connection: Connection, tls: Option<TlsAcceptor>, sender: mpsc::Sender<io::Result<Connection>>) {
    let connection = match tls {
        None => connection,
        Some(tls) => match tokio::time::timeout(TLS_HANDSHAKE_LIMIT, tls.accept(connection)).await {
            Ok(Ok(stream)) => Connection(Box::pin(stream)),
            Ok(Err(error)) => return tracing::warn!(%error, "A client was turned away"),
            Err(_) => return tracing::warn!("A client was turned away: its TLS handshake took too long"),
        },
    };
    // The receiver is gone only when the server has stopped.
    let _ = sender.send(Ok(connection)).await;
}

#[derive(Debug)]
enum Socket {
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
    #[cfg_attr(all(unix, not(test)), allow(dead_code, reason = "for Windows; kept under test everywhere"))]
    Tcp(TcpListener),
}

impl Socket {
    async fn accept(&self) -> io::Result<Connection> {
        match self {
            #[cfg(unix)]
            Self::Unix(listener) => Ok(Connection(Box::pin(listener.accept().await?.0))),
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Connection(Box::pin(stream)))
            }
        }
    }
}

/// A socket file that goes when its owner does.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // The host removes its folder itself, perhaps before us.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(unix)]
fn bind_unix(directory: &Path, group: Option<&str>) -> io::Result<Listener> {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    let path = directory.join(format!("plugin{:08x}", rand::random::<u32>()));
    let socket = tokio::net::UnixListener::bind(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("no socket at {}: {error}", path.display())))?;
    let file = SocketFile(path.clone());
    let mode = match group {
        None => 0o600,
        Some(group) => {
            chown(&path, None, Some(group_id(group)?))?;
            0o660
        }
    };
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
    let address = path.to_str().ok_or_else(|| io::Error::other("the path of the socket is not UTF-8"))?.to_owned();
    Ok(Listener { socket: Socket::Unix(socket), network: "unix", address, file: Some(file) })
}

#[cfg(unix)]
fn group_id(group: &str) -> io::Result<u32> {
    if let Ok(id) = group.parse() {
        return Ok(id);
    }
    match nix::unistd::Group::from_name(group) {
        Ok(Some(found)) => Ok(found.gid.as_raw()),
        _ => Err(io::Error::other(format!("PLUGIN_UNIX_SOCKET_GROUP names no group of this machine: `{group}`"))),
    }
}

#[cfg_attr(all(unix, not(test)), allow(dead_code, reason = "for Windows; kept under test everywhere"))]
async fn bind_tcp(ports: RangeInclusive<u16>) -> io::Result<Listener> {
    for port in ports.clone() {
        if let Ok(socket) = TcpListener::bind(("127.0.0.1", port)).await {
            let address = socket.local_addr()?.to_string();
            return Ok(Listener { socket: Socket::Tcp(socket), network: "tcp", address, file: None });
        }
    }
    Err(io::Error::other(format!("no port is free between {} and {}", ports.start(), ports.end())))
}

trait Stream2Way: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Stream2Way for T {}

/// A connection of whatever kind.
pub(super) struct Connection(Pin<Box<dyn Stream2Way>>);

impl Connected for Connection {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn the_socket_is_in_the_chosen_folder_for_us_alone_and_goes_when_dropped() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let listener = bind_unix(directory.path(), None).unwrap();
        let path = PathBuf::from(listener.address());
        assert_eq!(path.parent(), Some(directory.path()));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        drop(listener);
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_socket_is_there_as_long_as_connections_are_taken() {
        use futures::StreamExt as _;
        let directory = tempfile::tempdir().unwrap();
        let listener = bind_unix(directory.path(), None).unwrap();
        let path = PathBuf::from(listener.address());
        let mut connections = Box::pin(listener.incoming(None));
        for _ in 0..2 {
            let _client = tokio::net::UnixStream::connect(&path).await.unwrap();
            assert!(connections.next().await.unwrap().is_ok());
        }
        drop(connections);
        let gone = async {
            while path.exists() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_group_may_be_given_by_number_and_may_then_connect() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path().metadata().unwrap().gid();
        let listener = bind_unix(directory.path(), Some(&own.to_string())).unwrap();
        let socket = Path::new(listener.address()).metadata().unwrap();
        assert_eq!((socket.gid(), socket.permissions().mode() & 0o777), (own, 0o660));
        let error = bind_unix(directory.path(), Some("no such group")).unwrap_err();
        assert!(error.to_string().contains("`no such group`"), "{error}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "the failed socket was left behind");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_passed_over() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = bind_tcp(port..=port).await.unwrap_err();
        assert_eq!(error.to_string().matches(&port.to_string()).count(), 2, "{error}");
        let listener = bind_tcp(port..=port.saturating_add(50)).await.unwrap();
        assert_eq!(listener.network(), "tcp");
        assert_ne!(listener.address(), format!("127.0.0.1:{port}"));
    }
}
