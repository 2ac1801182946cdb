//! The HTTP server of the tests: it answers as a test says, over TLS or without, and remembers what it was asked.
//!
//! It speaks HTTP/1.1 by hand, because no library lets a server close a connection in the middle of its answer, send what is
//! no HTTP, or never stop.

#![allow(dead_code, reason = "each program that includes this file uses a part of it")]

use std::collections::HashMap;
use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// As sent.
    pub(crate) path: String,
    /// As sent.
    pub(crate) raw_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    /// A query parameter, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.raw_query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// A field of a form, decoded.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        let form: HashMap<String, String> = url::form_urlencoded::parse(&self.body).into_owned().collect();
        form.get(name).cloned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn is(&self, method: Method, end: &str) -> bool {
        self.method == method && self.path.ends_with(end)
    }

    /// Method and path, as `GET /x`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Bytes,
        after: Duration,
    },
    /// The connection is closed without an answer.
    Close,
    /// These bytes are sent, and the connection is closed.
    Raw(Bytes),
    /// A 200 whose body never ends.
    Endless,
    /// For a CONNECT: the connection goes on to its target, as through a proxy.
    Tunnel,
}

impl Reply {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self::text(status, &body.to_string())
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Bytes::from(body.to_owned()), after: Duration::ZERO }
    }

    /// An error as Azure Resource Manager writes it.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, serde_json::json!({"error": {"code": code, "message": message}}))
    }

    pub(crate) fn raw(bytes: &str) -> Self {
        Self::Raw(Bytes::from(bytes.to_owned()))
    }

    /// A 200 with this body, compressed.
    pub(crate) fn gzip(body: &[u8]) -> Self {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body).unwrap();
        Self::Raw(gzipped(encoder.finish().unwrap()))
    }

    /// A GiB of spaces, compressed to a few MiB.
    pub(crate) fn gzip_bomb() -> Self {
        let mut block = Vec::with_capacity(1 << 16);
        let mut compress = flate2::Compress::new(flate2::Compression::fast(), false);
        // A full flush ends at a byte and forgets what came before, so that the block may be repeated.
        compress.compress_vec(&[b' '; 1 << 20], &mut block, flate2::FlushCompress::Full).unwrap();
        let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        Self::Raw(gzipped([&head[..], &block.repeat(1 << 10)].concat()))
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    pub(crate) fn after(mut self, pause: Duration) -> Self {
        if let Self::Answer { after, .. } = &mut self {
            *after = pause;
        }
        self
    }
}

fn gzipped(body: Vec<u8>) -> Bytes {
    let headers = [("content-encoding", "gzip".to_owned()), ("connection", "close".to_owned())];
    [head(200, &headers, body.len()), body].concat().into()
}

type Answers = dyn Fn(Asked) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync;

/// A running server. It stops with the runtime of its test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Without TLS.
    pub(crate) async fn start<F>(answers: impl Fn(Asked) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        Self::listen(None, answers).await
    }

    /// With TLS; see [`Authority::acceptor`].
    pub(crate) async fn with_tls<F>(acceptor: TlsAcceptor, answers: impl Fn(Asked) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        Self::listen(Some(acceptor), answers).await
    }

    async fn listen<F>(acceptor: Option<TlsAcceptor>, answers: impl Fn(Asked) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let answers: Arc<Answers> = Arc::new(move |asked| Box::pin(answers(asked)));
        let log: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let seen = Arc::clone(&log);
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                // Or the body of each answer waits 40 ms for the acknowledgement of its head.
                stream.set_nodelay(true).unwrap();
                let (acceptor, answers, seen) = (acceptor.clone(), Arc::clone(&answers), Arc::clone(&seen));
                // A client that goes away ends its connection and nothing else.
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, &answers, &seen).await,
                        Some(acceptor) => serve(acceptor.accept(stream).await?, &answers, &seen).await,
                    }
                });
            }
        });
        Self { address, scheme, log }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// What was asked so far.
    pub(crate) fn log(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    /// How often something was asked whose path ends so.
    pub(crate) fn count(&self, method: Method, end: &str) -> usize {
        self.log().iter().filter(|asked| asked.is(method.clone(), end)).count()
    }
}

async fn serve<S>(stream: S, answers: &Arc<Answers>, log: &Mutex<Vec<Asked>>) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    loop {
        let asked = match read(&mut stream).await {
            Ok(Some(asked)) => asked,
            Ok(None) => break,
            Err(error) => {
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await?;
                return Err(error);
            }
        };
        log.lock().unwrap().push(asked.clone());
        let target = asked.path.clone();
        match answers(asked).await {
            Reply::Answer { status, headers, body, after } => {
                tokio::time::sleep(after).await;
                stream.write_all(&head(status, &headers, body.len())).await?;
                stream.write_all(&body).await?;
                stream.flush().await?;
            }
            Reply::Close => break,
            Reply::Raw(bytes) => {
                stream.write_all(&bytes).await?;
                stream.shutdown().await?;
                break;
            }
            Reply::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                loop {
                    stream.write_all(&[b' '; 1 << 14]).await?;
                }
            }
            Reply::Tunnel => {
                let mut server = TcpStream::connect(target).await?;
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                tokio::io::copy_bidirectional(&mut stream, &mut server).await?;
                break;
            }
        }
    }
    Ok(())
}

fn head(status: u16, headers: &[(&'static str, String)], length: usize) -> Vec<u8> {
    let reason = StatusCode::from_u16(status).unwrap().canonical_reason().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        head.push_str("content-type: application/json\r\n");
    }
    if status != 204 {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// The next request of a connection; none at its end.
async fn read<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value.trim()).unwrap());
    }
    assert!(!headers.contains_key("transfer-encoding"), "this server reads no chunks");
    let length = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let (path, raw_query) = (path.to_owned(), query.to_owned());
    Ok(Some(Asked { method: method.parse().unwrap(), path, raw_query, headers, body: body.into() }))
}

/// An authority that signs certificates for 127.0.0.1.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// What a certificate is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    Valid,
    OtherName,
    Expired,
    NotYetValid,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// What a server shows a certificate with.
    pub(crate) fn acceptor(&self, leaf: Leaf) -> TlsAcceptor {
        let name = if leaf == Leaf::OtherName { "other.example" } else { "localhost" };
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        match leaf {
            Leaf::Valid => {}
            Leaf::OtherName => {}
            Leaf::Expired => params.not_after = rcgen::date_time_ymd(2001, 1, 1),
            Leaf::NotYetValid => params.not_before = rcgen::date_time_ymd(4001, 1, 1),
        }
        if leaf != Leaf::OtherName {
            params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse().unwrap()));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
