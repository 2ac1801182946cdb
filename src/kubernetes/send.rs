//! One request to an API server: its time limit, its retries, and its answer or error.
//!
//! kube's own retries are off: they ignore Retry-After and retry what must not be sent twice. A request is repeated only where the
//! server cannot have acted (429, or no connection), or where repeating it changes nothing. A 500 is never repeated: it may be
//! our own mistake, and then it comes back for ever.

use std::{error::Error as _, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header::RETRY_AFTER};
use http_body_util::BodyExt as _;
use kube::client::AuthError;

use super::{
    Connection,
    error::{Error, Kind, Task},
};
use crate::wait::{Interrupted, Wait};

/// Whether a request may be sent again when nobody knows if it took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Reads, and writes that are pinned to a uid or version or that set what is set already.
    Safe,
    /// The caller reads back to find out.
    Never,
}

/// How often one request is sent at most.
const TRIES: u32 = 6;
/// How long one try may take; the API server itself gives up after 60 seconds.
const TRY: Duration = Duration::from_secs(65);
/// The first pause where the server names none; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

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
        let mut pause = PAUSE;
        let mut tries = 1;
        let mut refused = None;
        loop {
            let mut request = request.clone();
            let token = match &self.bearer {
                Some(bearer) => Some(bearer.sign(request.headers_mut(), refused.as_deref(), task, wait).await?),
                None => None,
            };
            let (error, after) = match self.attempt(task, request, wait).await {
                Ok((status, _, body)) if status.is_success() => return Ok(body),
                Ok((status, headers, body)) => (task.refused(status, &body, &self.signed_in), retry_after(&headers)),
                Err(error) => (error, None),
            };
            // A token may end sooner than it says, or by the API server's clock; a new one decides.
            if error.kind == Kind::Unauthorized && token.is_some() && refused.is_none() {
                tracing::debug!(
                    operation = task.operation,
                    object = task.object,
                    "the token was refused; asking for another"
                );
                refused = token;
                continue;
            }
            let again = match (error.kind, error.status) {
                (Kind::Throttled | Kind::Unreachable, _) => true,
                (Kind::Server, Some(503 | 504)) | (Kind::Lost, _) => repeat == Repeat::Safe,
                _ => false,
            };
            if !again || tries >= TRIES {
                return Err(self.advised(error, wait).await);
            }
            let rest = after.unwrap_or_else(|| pause.mul_f64(rand::random_range(0.5..=1.0)));
            tracing::debug!(operation = task.operation, object = task.object, tries, ?rest, %error, "trying again");
            match wait.sleep(rest).await {
                Ok(()) => {}
                // The failure that would have been tried again says more than that the time is up.
                Err(Interrupted::Deadline) => return Err(self.advised(error, wait).await),
                Err(Interrupted::Cancelled) => {
                    return Err(task.error(Kind::Cancelled, "the operation was stopped", ""));
                }
            }
            pause *= 2;
            tries += 1;
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

    async fn attempt(
        &self,
        task: &Task,
        request: Request<Vec<u8>>,
        wait: &Wait,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Error> {
        let reads = request.method() == http::Method::GET;
        let exchange = async {
            let answer = self.client.send(request.map(Into::into)).await.map_err(|error| self.failed(task, &error))?;
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.map_err(|error| self.failed(task, &error))?.to_bytes();
            Ok((parts.status, parts.headers, body))
        };
        let exchange = tokio::time::timeout(TRY, exchange);
        // A write that was sent may still finish after Ctrl-C or the deadline, so that what it did is known.
        let ended = if reads { wait.bound(exchange).await } else { wait.bound_write(exchange).await };
        match ended {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(Interrupted::Deadline) => {
                let kind = if reads { Kind::TimedOut } else { Kind::Lost };
                Err(task.error(kind, format!("the API server at {} did not answer in time", self.server), ""))
            }
            Err(Interrupted::Cancelled) => Err(task.error(Kind::Cancelled, "the operation was stopped", "")),
        }
    }

    /// What a failure without an answer means.
    fn failed(&self, task: &Task, error: &kube::Error) -> Error {
        let server = &self.server;
        let told = chain(error);
        if let Some(told) = sign_in_failure(error) {
            return task.error(Kind::Unauthorized, format!("signing in with {} failed: {told}", self.signed_in), "");
        }
        if !never_sent(error) {
            return task.error(
                Kind::Lost,
                format!("the connection to {server} broke before the answer came: {told}"),
                "",
            );
        }
        let (kind, hint) = if told.contains("UnknownIssuer") || told.contains("unknown issuer") {
            let hint =
                "Its certificate is not signed by a known authority: set `cluster_ca_certificate` to the cluster's.";
            (Kind::Untrusted, hint)
        } else if told.contains("NotValidForName") || told.contains("not valid for name") {
            (Kind::Untrusted, "Its certificate is for another name: set `tls_server_name`, or correct `host`.")
        } else if told.contains("ertificate") {
            (Kind::Untrusted, "Check `cluster_ca_certificate` and `tls_server_name`.")
        } else {
            let hint = "Check `host` or the kubeconfig, `proxy_url`, and that this machine can reach the API server.";
            (Kind::Unreachable, hint)
        };
        task.error(kind, format!("no connection to the API server at {server}: {told}"), hint)
    }
}

/// What a failed sign-in tells, where that is what failed. kube's own text quotes all that a plugin printed, tokens too.
pub(super) fn sign_in_failure(error: &kube::Error) -> Option<String> {
    let mut at: Option<&(dyn std::error::Error + 'static)> = match error {
        kube::Error::Service(inner) => Some(inner.as_ref()),
        other => Some(other),
    };
    while let Some(error) = at {
        match error.downcast_ref::<AuthError>() {
            Some(AuthError::AuthExecRun { cmd, out }) => {
                let said: String = String::from_utf8_lossy(&out.stderr).trim().chars().take(500).collect();
                return Some(format!("`{cmd}` ended with {}: {said}", out.status));
            }
            Some(AuthError::AuthExecParse(_)) => return Some("what it printed is no ExecCredential".to_owned()),
            Some(other) => return Some(other.to_string()),
            None => at = error.source(),
        }
    }
    None
}

/// True where the failure came before the request left: name, connection or TLS.
fn never_sent(error: &kube::Error) -> bool {
    let mut at: Option<&(dyn std::error::Error + 'static)> = match error {
        kube::Error::Service(inner) => Some(inner.as_ref()),
        other => other.source(),
    };
    while let Some(error) = at {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return error.is_connect();
        }
        at = error.source();
    }
    false
}

/// An error and what caused it, each said once.
fn chain(error: &kube::Error) -> String {
    let mut told = match error {
        kube::Error::Service(inner) => inner.to_string(),
        other => other.to_string(),
    };
    let mut at = match error {
        kube::Error::Service(inner) => inner.source(),
        other => other.source(),
    };
    while let Some(cause) = at {
        let text = cause.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        at = cause.source();
    }
    told
}

/// The pause that the server asks for; a date or nonsense counts as none.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
