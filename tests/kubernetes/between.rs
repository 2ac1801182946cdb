//! A server between the client and a cluster, or instead of one: it counts, delays, loses and invents answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use azwi::kubernetes::{Client, Settings};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::server::{Asked, Reply, Server};

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
    /// So is this.
    Reply(Reply),
}

type Decide = dyn Fn(&str, usize) -> Pin<Box<dyn Future<Output = Fate> + Send>> + Send + Sync;

/// The server. It runs until the test's runtime ends.
pub(crate) struct Between {
    pub(crate) url: String,
    server: Server,
}

impl Between {
    /// Starts one. `decide` is given `METHOD path` and how often that has come before.
    pub(crate) async fn start<F>(
        cluster: Option<&Cluster>,
        decide: impl Fn(&str, usize) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Fate> + Send + 'static,
    {
        let decide: Arc<Decide> = Arc::new(move |request, before| Box::pin(decide(request, before)));
        let (cluster, seen) = (cluster.cloned(), Arc::new(std::sync::Mutex::new(Vec::<String>::new())));
        let server = Server::start(move |asked| {
            let (cluster, decide) = (cluster.clone(), decide.clone());
            let line = asked.line();
            let before = {
                let mut seen = seen.lock().unwrap();
                seen.push(line.clone());
                seen.iter().filter(|earlier| **earlier == line).count() - 1
            };
            async move { reply(decide(&line, before).await, cluster, asked).await }
        })
        .await;
        Self { url: server.url(), server }
    }

    /// A client that talks to it; signs in with the cluster's token where there is one.
    pub(crate) fn client(&self, cluster: Option<&Cluster>) -> Client {
        let token = cluster.map(|cluster| cluster.token.clone());
        Client::new(Settings { host: Some(self.url.clone()), token, ..Settings::default() })
    }

    /// The requests so far, as `METHOD path`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.server.log().iter().map(Asked::line).collect()
    }

    /// The `Authorization` headers so far.
    pub(crate) fn signed_in(&self) -> Vec<String> {
        self.server.log().iter().filter_map(|asked| asked.header("authorization").map(str::to_owned)).collect()
    }

    /// How many requests had this method.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|request| request.starts_with(method)).count()
    }
}

async fn reply(fate: Fate, cluster: Option<Cluster>, asked: Asked) -> Reply {
    match fate {
        Fate::Answer(status, headers, body) => {
            headers.into_iter().fold(Reply::text(status, &body), |reply, (name, value)| reply.with(name, value))
        }
        Fate::Reply(reply) => reply,
        Fate::LoseRequest => Reply::Close,
        Fate::Pass | Fate::LoseAnswer => {
            let query = if asked.raw_query.is_empty() { String::new() } else { format!("?{}", asked.raw_query) };
            let path = format!("{}{query}", asked.path);
            let kind = asked.header("content-type").unwrap_or_default();
            let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
            let (status, body) = cluster.unwrap().request(asked.method.clone(), &path, kind, body).await;
            if matches!(fate, Fate::LoseAnswer) { Reply::Close } else { Reply::json(status, body) }
        }
    }
}

/// An HTTP proxy.
pub(crate) async fn proxy() -> Server {
    Server::start(|_| std::future::ready(Reply::Tunnel)).await
}

/// A SOCKS 5 proxy without sign-in. Returns its address and what it was asked for.
pub(crate) async fn socks_proxy() -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
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
