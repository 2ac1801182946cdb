//! The port: TLS, HTTP/1.1 and HTTP/2, and the way from hyper's requests to ours.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::dispatch;
use super::http::{Request, Response};
use super::pipeline::{self, Shared};

/// The longest body, in bytes; it is Azure Resource Manager's limit.
const LONGEST: usize = 4 << 20;
/// How long a client may take for its handshake, and open connections to end at shutdown.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves until `stop` becomes true or its sender goes.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: rustls::ServerConfig,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely; the next one may fare better.
            tokio::task::yield_now().await;
            continue;
        };
        tokio::spawn(connection(stream, acceptor.clone(), Arc::clone(&shared), graceful.watcher()));
    }
    drop(listener);
    let _ = tokio::time::timeout(Duration::from_secs(1), graceful.shutdown()).await;
}

async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let _ = stream.set_nodelay(true);
    let stream = match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a client's handshake failed"),
        Err(_) => return,
    };
    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
    let builder = auto::Builder::new(TokioExecutor::new());
    let served = watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned()).await;
    if let Err(error) = served {
        tracing::debug!(error, "a connection ended early");
    }
}

/// Ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault dropped the connection")]
struct Dropped;

async fn answer(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<bytes::Bytes>>, Dropped> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let mut request = Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: parts.headers,
        body: bytes::Bytes::new(),
    };
    let response = match Limited::new(body, LONGEST).collect().await {
        Ok(body) => {
            request.body = body.to_bytes();
            // On a task of its own: a client that hangs up does not stop what it has begun.
            match tokio::spawn(pipeline::answer(shared, request)).await {
                Ok(Some(response)) => response,
                Ok(None) => return Err(Dropped),
                Err(error) => {
                    tracing::error!(%error, "a request ended in a panic");
                    dispatch::broken("The emulator has a bug; its log on stderr has more.")
                }
            }
        }
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            dispatch::too_large(dispatch::route(&request).surface)
        }
        Err(_) => return Err(Dropped),
    };
    Ok(into_hyper(response))
}

fn into_hyper(response: Response) -> hyper::Response<Full<bytes::Bytes>> {
    let mut answer = hyper::Response::new(Full::new(response.body));
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    answer
}
