//! The one HTTP client under everything that speaks to Azure: our own requests, the generated clients, azure_identity.
//!
//! It alone knows roots of trust, proxies, timeouts, retries, pacing, correlation ids and what a failure looks like, so
//! that none of the three can do it differently. Roots are the machine's (and `SSL_CERT_FILE`'s), proxies those of
//! `HTTPS_PROXY` and `NO_PROXY`.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::answer::{Answer, Subject};
use super::config::Config;
use super::error::{Error, ErrorKind};
use super::pace::{Bucket, Pace};
use super::retry;
use crate::wait::{Interrupted, Wait};

const CONNECT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer. Azure Resource Manager answers within a minute or says 504.
const READ: Duration = Duration::from_secs(65);

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const CORRELATION_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");

/// A request, ready but for its token.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether it gets a connection of its own, as a client has that asks for the first time.
    pub(crate) alone: bool,
}

/// Puts a token on each attempt, because a request may be retried longer than its first token lasts.
#[async_trait]
pub(crate) trait Authorize: Send + Sync {
    async fn authorize(&self, headers: &mut HeaderMap, wait: &Wait) -> Result<(), Error>;
}

/// The client. Made once for a configuration; the connection pool opens with the first request.
#[derive(Debug)]
pub(crate) struct Transport {
    http: OnceLock<Result<reqwest::Client, String>>,
    /// For the metadata service of a virtual machine, which no proxy can reach.
    direct: OnceLock<Result<reqwest::Client, String>>,
    /// For requests that are to meet any replica of a service: a connection that is kept leads to the same one.
    alone: OnceLock<Result<reqwest::Client, String>>,
    user_agent: HeaderValue,
    correlation_id: Option<HeaderValue>,
    pace: Pace,
}

impl Transport {
    pub(crate) fn new(config: &Config) -> Self {
        let product = concat!("terraform-provider-azwi/", env!("CARGO_PKG_VERSION"));
        let user_agent = match config.user_agent_suffix.as_deref().map(str::trim) {
            Some(suffix) if !suffix.is_empty() => format!("{product} {suffix}"),
            _ => product.to_owned(),
        };
        let correlation_id = (!config.disable_correlation_request_id)
            .then(|| config.correlation_request_id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string()));
        Self {
            http: OnceLock::new(),
            direct: OnceLock::new(),
            alone: OnceLock::new(),
            user_agent: HeaderValue::from_str(&user_agent).unwrap_or(HeaderValue::from_static(product)),
            correlation_id: correlation_id.and_then(|id| HeaderValue::from_str(&id).ok()),
            pace: Pace::default(),
        }
    }

    /// Sends a request until it succeeds, fails for good, or the wait is over. Statuses below 400 are successes.
    pub(crate) async fn send(
        &self,
        subject: &Subject,
        mut request: Outgoing,
        authorize: Option<&dyn Authorize>,
        wait: &Wait,
    ) -> Result<Answer, Error> {
        request.headers.entry(CLIENT_REQUEST_ID).or_insert_with(|| {
            HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()).unwrap_or(HeaderValue::from_static("azwi"))
        });
        let bucket = Bucket::of(&request.method, request.url.path());
        let mut failed = Failed::default();
        loop {
            let slot = self.pace.reserve(&bucket, Instant::now());
            if !slot.is_zero() {
                wait.sleep(slot)
                    .await
                    .map_err(|why| failed.give_up(why, subject, "the service to take more requests"))?;
            }
            if let Some(authorize) = authorize {
                authorize.authorize(&mut request.headers, wait).await?;
            }
            let (error, pause) = match self.attempt(subject, &request, wait).await {
                Ok(answer) if answer.status.as_u16() < 400 => return Ok(answer),
                Ok(answer) => {
                    let error = answer.failure(subject);
                    if !retry::is_passing(answer.status) {
                        return Err(error);
                    }
                    let asked = retry::retry_after(&answer.headers, SystemTime::now());
                    if answer.status == StatusCode::TOO_MANY_REQUESTS {
                        self.pace.refused(&bucket, asked, Instant::now());
                        // The slots of the pace are the pause; a little more, so that clients drift apart.
                        (error, Some(Duration::from_millis(rand::random_range(0..250))))
                    } else {
                        failed.attempts += 1;
                        (error, Some(asked.unwrap_or_default().max(retry::backoff(failed.attempts, rand::random()))))
                    }
                }
                Err(Lost::Interrupted(why)) => {
                    let mut error = failed.give_up(why, subject, "an answer");
                    error.ambiguous = is_write(&request.method);
                    return Err(error);
                }
                Err(Lost::Unreachable { error, passing }) => {
                    failed.attempts += 1;
                    failed.connects += 1;
                    let again = passing && failed.connects < retry::CONNECTS;
                    (error, again.then(|| retry::backoff(failed.attempts, rand::random())))
                }
                Err(Lost::Broken(mut error)) => {
                    failed.attempts += 1;
                    error.ambiguous = is_write(&request.method);
                    let again = retry::may_repeat(&request.method);
                    (error, again.then(|| retry::backoff(failed.attempts, rand::random())))
                }
            };
            let Some(pause) = pause.filter(|_| failed.attempts < retry::ATTEMPTS) else { return Err(error) };
            tracing::debug!(operation = %subject.operation, target = %subject.target, status = error.status, code = error.code, "trying again in {pause:?}");
            failed.last = Some(error);
            wait.sleep(pause).await.map_err(|why| failed.give_up(why, subject, "the service to recover"))?;
        }
    }

    /// Sends a request once. The answer is read to its end.
    async fn attempt(&self, subject: &Subject, request: &Outgoing, wait: &Wait) -> Result<Answer, Lost> {
        let client = self.http(request).map_err(|problem| Lost::Unreachable {
            error: subject.error(ErrorKind::Network, format!("no HTTP client: {problem}")),
            passing: false,
        })?;
        let start = Instant::now();
        let mut headers = request.headers.clone();
        headers.insert(USER_AGENT, self.user_agent.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(id) = &self.correlation_id {
            headers.insert(CORRELATION_REQUEST_ID, id.clone());
        }
        let exchange = async {
            let sent = client
                .request(request.method.clone(), request.url.clone())
                .headers(headers)
                .body(request.body.clone())
                .send()
                .await?;
            let (status, headers) = (sent.status(), sent.headers().clone());
            Ok::<Answer, reqwest::Error>(Answer { status, headers, body: sent.bytes().await? })
        };
        let outcome =
            if is_write(&request.method) { wait.bound_write(exchange).await } else { wait.bound(exchange).await };
        let answer = outcome.map_err(Lost::Interrupted)?.map_err(|problem| {
            tracing::debug!(operation = %subject.operation, host = request.url.host_str(), "no answer: {}", chain(&problem));
            let untrusted = is_untrusted(&problem);
            let error = subject.error(ErrorKind::Network, describe(&problem, untrusted, &request.url));
            if untrusted || problem.is_connect() || problem.is_builder() {
                Lost::Unreachable { error, passing: !untrusted && !problem.is_builder() }
            } else {
                Lost::Broken(error)
            }
        })?;
        tracing::debug!(
            operation = %subject.operation,
            host = request.url.host_str(),
            path = request.url.path(),
            status = answer.status.as_u16(),
            milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            request_id = answer.header("x-ms-request-id"),
            "answered"
        );
        Ok(answer)
    }

    fn http(&self, request: &Outgoing) -> Result<&reqwest::Client, &str> {
        let local = matches!(request.url.host(), Some(url::Host::Ipv4(address)) if address.is_link_local());
        let (client, builder) = match (local, request.alone) {
            (true, _) => (&self.direct, reqwest::Client::builder().no_proxy()),
            (false, true) => (&self.alone, reqwest::Client::builder().pool_max_idle_per_host(0).http1_only()),
            (false, false) => (&self.http, reqwest::Client::builder()),
        };
        let made = client.get_or_init(|| {
            builder
                .connect_timeout(CONNECT)
                .read_timeout(READ)
                // A redirect would carry the token to wherever it points.
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(|problem| chain(&problem))
        });
        made.as_ref().map_err(String::as_str)
    }
}

/// An attempt without an answer.
enum Lost {
    /// The wait was over.
    Interrupted(Interrupted),
    /// The request was never sent; `passing` if that may be different in a moment.
    Unreachable { error: Error, passing: bool },
    /// The connection broke when the request was out.
    Broken(Error),
}

/// What went wrong so far.
#[derive(Default)]
struct Failed {
    attempts: u32,
    connects: u32,
    last: Option<Error>,
}

impl Failed {
    /// The failure to report at the end of the wait: what the service said last, when it said something.
    fn give_up(&mut self, why: Interrupted, subject: &Subject, waiting_for: &str) -> Error {
        match (why, self.last.take()) {
            (Interrupted::Deadline, Some(last)) => last.hint("It was tried again until the timeout. Raise that in the resource's `timeouts` block if the service is only slow."),
            (why, _) => Error::interrupted(why, &subject.operation, &subject.target, waiting_for),
        }
    }
}

fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A broken connection in words, with where to look.
fn describe(problem: &reqwest::Error, untrusted: bool, url: &Url) -> String {
    let host = url.host_str().unwrap_or("the host");
    let text = chain(problem);
    if untrusted {
        return format!(
            "the TLS certificate of {host} is not trusted ({text}); where a proxy or an emulator has its own authority, name its PEM file in SSL_CERT_FILE"
        );
    }
    if problem.is_connect() {
        return format!("{host} cannot be reached ({text}); check the network, and HTTPS_PROXY and NO_PROXY");
    }
    if problem.is_timeout() {
        return format!("{host} did not answer in time ({text})");
    }
    format!("the connection to {host} broke ({text})")
}

/// Whether a connection failed because of the server's certificate, which no second attempt changes.
fn is_untrusted(problem: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(problem);
    while let Some(cause) = next {
        // An I/O error that carries another one skips it when asked for its source.
        let carried = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = carried.and_then(|carried| carried.downcast_ref()).or(cause.downcast_ref::<rustls::Error>());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        next = match carried {
            Some(carried) => Some(carried),
            None => cause.source(),
        };
    }
    false
}

/// An error with its causes, each said once. Never with the URL: its query may hold what entitles to a token.
fn chain(problem: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(problem);
    while let Some(cause) = next {
        let said = match cause.downcast_ref::<reqwest::Error>() {
            Some(_) => String::new(),
            None => cause.to_string(),
        };
        if !said.is_empty() && !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
        next = cause.source();
    }
    if text.is_empty() { "no reason given".to_owned() } else { text }
}
