//! One request to an API server: its time limit, its retries, and its answer or error.
//!
//! kube's own retries are off: they ignore Retry-After and retry what must not be sent twice. A request is repeated only where the
//! server cannot have acted (429, or no connection), or where repeating it changes nothing.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;

use super::{
    Connection,
    error::{Error, Kind, Task},
};
pub(super) use crate::http::Repeat;
use crate::http::{self as room, Backoff, Broken, End, Failed, GaveUp, OBJECT, TlsFailure, Unread, Verdict};
use crate::wait::{Interrupted, Wait};

/// How often one request is sent at most.
const TRIES: u32 = 6;
/// How long one try may take; the API server itself gives up after 60 seconds.
const TRY: Duration = Duration::from_secs(65);
/// The pauses where the server names none.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), most: Duration::from_secs(16) };

impl Connection {
    /// Sends `request` until it is answered, and returns the body of a 2xx.
    ///
    /// # Errors
    /// Everything else, told apart by [`Kind`].
    pub(super) async fn send(
        &self,
        task: &Task,
        request: Request<Vec<u8>>,
        repeat: Repeat,
        wait: &Wait,
    ) -> Result<Bytes, Error> {
        let request = &request;
        let attempt = |_| self.attempt(task, request, repeat, wait);
        match room::retry(wait, BACKOFF, attempt).await {
            Ok(body) => Ok(body),
            Err(GaveUp { end: End::Interrupted(Interrupted::Cancelled), .. }) => {
                Err(task.error(Kind::Cancelled, "the operation was stopped", ""))
            }
            Err(GaveUp { error, tries, end, .. }) => {
                let again = end != End::Final && tries > 1;
                let error = if again { error.advise(&format!("It was tried {tries} times.")) } else { error };
                Err(self.advised(error, wait).await)
            }
        }
    }

    /// One attempt: its token, its answer. A token that is refused is replaced once: it may end sooner than it says, or by the
    /// API server's clock.
    async fn attempt(
        &self,
        task: &Task,
        request: &Request<Vec<u8>>,
        repeat: Repeat,
        wait: &Wait,
    ) -> Result<Bytes, Failed<Error>> {
        let mut refused = None;
        loop {
            let mut request = request.clone();
            let token = match &self.bearer {
                Some(bearer) => {
                    let signed = bearer.sign(request.headers_mut(), refused.as_deref(), task, wait).await;
                    signed.map_err(|error| Verdict::Final.on(error))?
                }
                None => None,
            };
            match self.exchange_once(task, request, repeat, wait).await {
                Err(Failed { error, .. })
                    if error.kind == Kind::Unauthorized && token.is_some() && refused.is_none() =>
                {
                    tracing::debug!(
                        operation = task.operation,
                        object = task.object,
                        "the token was refused; asking for another"
                    );
                    refused = token;
                }
                done => return done,
            }
        }
    }

    /// The same error with what whoever handed out the kubeconfig has to say to it.
    async fn advised(&self, error: Error, wait: &Wait) -> Error {
        match (&self.remote, error.kind) {
            (Some(remote), Kind::Unreachable) => {
                let advice = remote.advise(wait).await;
                error.advise(&advice)
            }
            (Some(_), Kind::Forbidden) if self.bearer.is_some() => error.advise(
                "Where the cluster takes Azure roles (`enableAzureRBAC`), assign `Azure Kubernetes Service RBAC Writer` at the cluster \
                 instead.",
            ),
            _ => error,
        }
    }

    async fn exchange_once(
        &self,
        task: &Task,
        request: Request<Vec<u8>>,
        repeat: Repeat,
        wait: &Wait,
    ) -> Result<Bytes, Failed<Error>> {
        let reads = request.method() == http::Method::GET;
        let exchange = async {
            let answer = self.client.send(request.map(Into::into)).await.map_err(|error| self.failed(task, &error))?;
            let (parts, body) = answer.into_parts();
            // kube is built without gzip, so nothing is decompressed on the way.
            let body = room::read(body, OBJECT).await.map_err(|unread| self.unread(task, &unread))?;
            Ok::<_, Error>((parts.status, parts.headers, body))
        };
        let exchange = tokio::time::timeout(TRY, exchange);
        // A write that was sent may still finish after Ctrl-C or the deadline, so that what it did is known.
        let ended = if reads { wait.bound(exchange).await } else { wait.bound_write(exchange).await };
        let late = |kind| task.error(kind, format!("the API server at {} did not answer in time", self.server), "");
        match ended {
            Ok(Ok(Ok((status, _, body)))) if status.is_success() => Ok(body),
            Ok(Ok(Ok((status, headers, body)))) => {
                let error = task.refused(status, &body, &self.signed_in);
                Err(classify(&error, room::retry_after(&headers, SystemTime::now()), repeat).on(error))
            }
            Ok(Ok(Err(error))) => Err(classify(&error, None, repeat).on(error)),
            // A read that met the deadline leaves the word to the failure before it; a write has to be looked for.
            Err(Interrupted::Deadline) if reads => Err(Verdict::Ended(Interrupted::Deadline).on(late(Kind::TimedOut))),
            Ok(Err(_)) if reads => Err(Verdict::Final.on(late(Kind::TimedOut))),
            Ok(Err(_)) | Err(Interrupted::Deadline) => {
                let error = late(Kind::Lost);
                Err(classify(&error, None, repeat).on(error))
            }
            Err(Interrupted::Cancelled) => {
                Err(Verdict::Final.on(task.error(Kind::Cancelled, "the operation was stopped", "")))
            }
        }
    }

    /// What a failure without an answer means.
    fn failed(&self, task: &Task, error: &kube::Error) -> Error {
        let broken = match error {
            kube::Error::Service(inner) => Broken::sending(inner.as_ref()),
            other => Broken::sending(other),
        };
        self.unread(task, &Unread::Broken(broken))
    }

    /// What an answer that was not read to its end means.
    fn unread(&self, task: &Task, unread: &Unread) -> Error {
        let server = &self.server;
        let broken = match unread {
            Unread::TooLarge(_) => {
                let hint = "Check that `host` is an API server.";
                return task.error(Kind::Unreadable, format!("{unread} (from {server})"), hint);
            }
            Unread::Broken(broken) => broken,
        };
        let (kind, hint) = match broken.certificate() {
            _ if !broken.never_sent => {
                let message = format!("the connection to {server} broke before the answer came: {broken}");
                return task.error(Kind::Lost, message, "");
            }
            Some(TlsFailure::UnknownIssuer) => {
                (Kind::Untrusted, "Set `cluster_ca_certificate` to the certificate of the cluster's authority.")
            }
            Some(TlsFailure::WrongName) => (Kind::Untrusted, "Set `tls_server_name`, or correct `host`."),
            Some(TlsFailure::Expired | TlsFailure::NotYetValid) => {
                (Kind::Untrusted, "Renew the API server's certificate, or check the clock of this machine.")
            }
            Some(_) => (Kind::Untrusted, "Check `cluster_ca_certificate` and `tls_server_name`."),
            None => {
                let hint =
                    "Check `host` or the kubeconfig, `proxy_url`, and that this machine can reach the API server.";
                (Kind::Unreachable, hint)
            }
        };
        task.error(kind, format!("no connection to the API server at {server}: {broken}"), hint)
    }
}

/// Whether another try may succeed where this one failed. A 500 is never repeated: it may be our own mistake, and then it comes
/// back for ever.
fn classify(error: &Error, after: Option<Duration>, repeat: Repeat) -> Verdict {
    match (error.kind, error.status) {
        (Kind::Throttled | Kind::Unreachable, _) => Verdict::Passing { tries: TRIES, after },
        (Kind::Server, Some(503 | 504)) | (Kind::Lost, _) if repeat == Repeat::Safe => {
            Verdict::Passing { tries: TRIES, after }
        }
        _ => Verdict::Final,
    }
}
