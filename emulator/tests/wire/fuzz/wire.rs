//! Requests sent as they are: no client between that would tidy up a path or a header.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::corpus::Shot;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// One connection to each address.
pub(crate) struct Wire {
    tls: TlsConnector,
    open: HashMap<String, SendRequest<Full<Bytes>>>,
}

impl Wire {
    pub(crate) fn new(ca: &str) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self { tls: TlsConnector::from(Arc::new(config)), open: HashMap::new() }
    }

    /// Sends a request and reads its whole answer.
    pub(crate) async fn send(&mut self, shot: &Shot) -> Result<Reply, String> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(shot)).await;
        answer.map_err(|_| format!("no answer within {PATIENCE:?}"))?
    }

    async fn exchange(&mut self, shot: &Shot) -> Result<Reply, String> {
        let mut sender = match self.open.remove(&shot.address).filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => self.connect(&shot.address).await?,
        };
        sender.ready().await.map_err(|error| format!("the connection ended: {error}"))?;
        let response = sender.send_request(shot.request()).await.map_err(|error| format!("no answer: {error}"))?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| format!("half an answer: {error}"))?;
        self.open.insert(shot.address.clone(), sender);
        Ok(Reply { status, body: body.to_bytes() })
    }

    async fn connect(&self, address: &str) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = self.tls.connect(name, stream).await.map_err(|error| format!("{address}: {error}"))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(sender)
    }
}
