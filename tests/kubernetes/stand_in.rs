//! A server between the client and a cluster, or instead of one: it counts, delays, loses and invents answers.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use azwi::kubernetes::{Client, Settings};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::cluster::Cluster;

/// What becomes of one request.
pub(crate) enum Fate {
    /// The cluster answers.
    Pass,
    /// The connection ends; the cluster never hears of it.
    LoseRequest,
    /// The cluster acts; the connection ends without its answer.
    LoseAnswer,
    /// This is the answer: status, headers, body.
    Answer(u16, Vec<(&'static str, &'static str)>, String),
}

type Decide = dyn Fn(&str, usize) -> Pin<Box<dyn Future<Output = Fate> + Send>> + Send + Sync;

/// The server. It runs until the test's runtime ends.
pub(crate) struct StandIn {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<String>>>,
    signed_in: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    /// Starts one. `decide` is given `METHOD path` and how often that has come before.
    pub(crate) async fn start<F>(
        cluster: Option<&Cluster>,
        decide: impl Fn(&str, usize) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Fate> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let decide: Arc<Decide> = Arc::new(move |request, before| Box::pin(decide(request, before)));
        let signed_in = Arc::new(Mutex::new(Vec::new()));
        let (cluster, log, credentials) = (cluster.cloned(), seen.clone(), signed_in.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (cluster, log, decide) = (cluster.clone(), log.clone(), decide.clone());
                let credentials = credentials.clone();
                let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                    let credential =
                        request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
                    credentials.lock().unwrap().extend(credential);
                    serve(request, cluster.clone(), log.clone(), decide.clone())
                });
                tokio::spawn(async move {
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { url, seen, signed_in }
    }

    /// A client that talks to it; signs in with the cluster's token where there is one.
    pub(crate) fn client(&self, cluster: Option<&Cluster>) -> Client {
        let token = cluster.map(|cluster| cluster.token.clone());
        Client::new(Settings { host: Some(self.url.clone()), token, ..Settings::default() })
    }

    /// The requests so far, as `METHOD path`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The `Authorization` headers so far.
    pub(crate) fn signed_in(&self) -> Vec<String> {
        self.signed_in.lock().unwrap().clone()
    }

    /// How many requests had this method.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|request| request.starts_with(method)).count()
    }
}

async fn serve(
    request: Request<Incoming>,
    cluster: Option<Cluster>,
    log: Arc<Mutex<Vec<String>>>,
    decide: Arc<Decide>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let path = request.uri().path_and_query().unwrap().to_string();
    let line = format!("{} {}", request.method(), request.uri().path());
    let before = {
        let mut log = log.lock().unwrap();
        log.push(line.clone());
        log.iter().filter(|seen| **seen == line).count() - 1
    };
    let lost = || std::io::Error::other("lost");
    let fate = decide(&line, before).await;
    match fate {
        Fate::Answer(status, headers, body) => {
            let mut answer = Response::new(Full::new(Bytes::from(body)));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            for (name, value) in headers {
                answer.headers_mut().insert(name, value.parse().unwrap());
            }
            Ok(answer)
        }
        Fate::LoseRequest => Err(lost()),
        Fate::Pass | Fate::LoseAnswer => {
            let method = request.method().clone();
            let kind =
                request.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
            let body: Bytes = request.into_body().collect().await.unwrap().to_bytes();
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let (status, body) = cluster.unwrap().request(method, &path, &kind, body).await;
            if matches!(fate, Fate::LoseAnswer) {
                return Err(lost());
            }
            let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            Ok(answer)
        }
    }
}

/// An HTTP proxy that knows CONNECT only. Returns its address and what it was asked for.
pub(crate) async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let log = log.clone();
            tokio::spawn(async move {
                let mut client = BufReader::new(client);
                let mut head = Vec::new();
                loop {
                    let mut line = String::new();
                    client.read_line(&mut line).await.unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    head.push(line.trim().to_owned());
                }
                let target = head[0].split(' ').nth(1).unwrap().to_owned();
                log.lock().unwrap().push(head.join("\n"));
                let mut server = tokio::net::TcpStream::connect(target).await.unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                Ok::<(), Infallible>(())
            });
        }
    });
    (address, asked)
}

/// A SOCKS 5 proxy without sign-in. Returns its address and what it was asked for.
pub(crate) async fn socks_proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let log = log.clone();
            tokio::spawn(async move {
                let methods = [client.read_u8().await.unwrap(), client.read_u8().await.unwrap()][1];
                client.read_exact(&mut vec![0; methods.into()]).await.unwrap();
                client.write_all(&[5, 0]).await.unwrap();
                // Version, CONNECT, reserved, and the kind of address: 1 is IPv4, 3 a name.
                let mut head = [0; 4];
                client.read_exact(&mut head).await.unwrap();
                let host = if head[3] == 1 {
                    let mut ip = [0; 4];
                    client.read_exact(&mut ip).await.unwrap();
                    std::net::Ipv4Addr::from(ip).to_string()
                } else {
                    let mut name = vec![0; client.read_u8().await.unwrap().into()];
                    client.read_exact(&mut name).await.unwrap();
                    String::from_utf8(name).unwrap()
                };
                let target = format!("{host}:{}", client.read_u16().await.unwrap());
                log.lock().unwrap().push(target.clone());
                let mut server = tokio::net::TcpStream::connect(target).await.unwrap();
                client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (address, asked)
}
