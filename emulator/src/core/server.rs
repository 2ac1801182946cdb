//! The ports: TLS, HTTP/1.1 and HTTP/2, and the way from hyper's requests to ours.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use super::cut::{Cut, Dropped};
use super::http::Request;
use super::pipeline::{self, Shared};
use super::port::NamedPort;
use super::stream;
use super::tunnel::{self, Way};

/// The longest body, in bytes; it is Azure Resource Manager's limit.
const LONGEST: usize = 4 << 20;
/// How long a client may take for its handshake, and open connections to end at shutdown.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many requests, watches included, one connection may have at once: a client that has as many waits without a word.
const STREAMS: u32 = 1000;
/// How often controllers run without a request, while a client watches.
const TICK: Duration = Duration::from_millis(500);

/// Serves the port that is shared, and the named ones as they come and go, until `stop` becomes true or its sender goes.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: rustls::ServerConfig,
    shared: Arc<Shared>,
    named: Option<UnboundedReceiver<NamedPort>>,
    stop: watch::Receiver<bool>,
) {
    let port = Port { acceptor: TlsAcceptor::from(Arc::new(tls)), shared, name: None, stop: stop.clone() };
    let mut ports = JoinSet::new();
    let ticking = tokio::spawn(tick(Arc::clone(&port.shared)));
    ports.spawn(accept(listener, port.clone(), stopped(stop.clone())));
    let ending = stopped(stop.clone());
    tokio::pin!(ending);
    if let Some(mut named) = named {
        loop {
            let opened = tokio::select! {
                opened = named.recv() => opened,
                () = &mut ending => break,
            };
            let Some(NamedPort { name, listener, closed }) = opened else { break };
            let stop = stop.clone();
            match TcpListener::from_std(listener) {
                Ok(listener) => drop(ports.spawn(accept(listener, Port { name: Some(name), ..port.clone() }, async {
                    tokio::select! {
                        _ = closed => {}
                        () = stopped(stop) => {}
                    }
                }))),
                Err(error) => tracing::error!(%error, port = &*name, "a port is not served"),
            }
        }
    }
    while ports.join_next().await.is_some() {}
    ticking.abort();
}

/// Lets time pass for those who wait without asking.
async fn tick(shared: Arc<Shared>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        pipeline::tick(&shared);
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// What all connections of one port have in common.
#[derive(Clone)]
struct Port {
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    /// None for the one that is shared.
    name: Option<Arc<str>>,
    /// Ends what would go on otherwise.
    stop: watch::Receiver<bool>,
}

/// Takes connections until the end, and then gives those that are open a second.
async fn accept(listener: TcpListener, port: Port, end: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut end => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely; the next one may fare better.
            tokio::task::yield_now().await;
            continue;
        };
        tokio::spawn(connection(stream, port.clone(), graceful.watcher()));
    }
    drop(listener);
    let _ = tokio::time::timeout(Duration::from_secs(1), graceful.shutdown()).await;
}

async fn connection(mut stream: TcpStream, mut port: Port, watcher: hyper_util::server::graceful::Watcher) {
    let _ = stream.set_nodelay(true);
    if port.name.is_none() {
        match tokio::time::timeout(PATIENCE, tunnel::way(&mut stream, &port.shared)).await {
            Ok(Ok(Way::Here)) => {}
            Ok(Ok(Way::Port(name))) => port.name = Some(name),
            Ok(Ok(Way::Nowhere)) => return,
            Ok(Err(error)) => return tracing::debug!(%error, "a connection ended before it began"),
            Err(_) => return,
        }
    }
    let stream = match tokio::time::timeout(PATIENCE, port.acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a client's handshake failed"),
        Err(_) => return,
    };
    let service = service_fn(move |request| answer(port.clone(), request));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(STREAMS);
    let served = watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned()).await;
    if let Err(error) = served {
        tracing::debug!(error, "a connection ended early");
    }
}

async fn answer(
    Port { shared, name, stop, .. }: Port,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Cut<stream::Body>>, Dropped> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let mut request = Request {
        port: name,
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: parts.headers,
        body: bytes::Bytes::new(),
    };
    let response = match Limited::new(body, LONGEST).collect().await {
        Ok(body) => {
            request.body = body.to_bytes();
            pipeline::answer(Arc::clone(&shared), request).await
        }
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => pipeline::too_large(&shared, &request),
        Err(_) => None,
    };
    let mut response = response.ok_or(Dropped)?;
    let body = stream::body(&mut response, &shared, &stop);
    let mut answer = hyper::Response::new(Cut::new(body, &response.headers));
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    Ok(answer)
}
