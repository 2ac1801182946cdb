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
use reqwest::{Body, Method, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::answer::{Answer, Subject};
use super::config::Config;
use super::error::{Error, ErrorKind};
use super::pace::{Bucket, Pace};
use super::retry;
use crate::http::{self, Broken, Failed, OBJECT, Proxies, Repeat, TlsFailure, Unread, Verdict, show_text};
use crate::wait::Wait;

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
    /// Whether it may be sent again if its answer is lost.
    pub(crate) repeat: Repeat,
    /// The most that is read of its answer, in bytes.
    pub(crate) limit: usize,
}

impl Outgoing {
    /// A request for an object, without headers and body.
    pub(crate) fn new(method: Method, url: Url) -> Self {
        let repeat = Repeat::of(&method);
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method, url, headers, body, alone: false, repeat, limit: OBJECT }
    }
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
        let product = http::USER_AGENT;
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
        let request = &request;
        let attempt = |_| self.attempt(subject, request, authorize, wait);
        http::retry(wait, retry::BACKOFF, attempt).await.map_err(retry::gave_up)
    }

    /// One attempt: its slot, its token, its answer.
    async fn attempt(
        &self,
        subject: &Subject,
        request: &Outgoing,
        authorize: Option<&dyn Authorize>,
        wait: &Wait,
    ) -> Result<Answer, Failed<Error>> {
        let bucket = Bucket::of(&request.method, request.url.path());
        let slot = self.pace.reserve(&bucket, Instant::now());
        if !slot.is_zero() {
            wait.sleep(slot).await.map_err(|why| {
                let waiting_for = "the service to take more requests";
                Verdict::Ended(why).on(Error::interrupted(why, &subject.operation, &subject.target, waiting_for))
            })?;
        }
        let mut headers = request.headers.clone();
        if let Some(authorize) = authorize {
            authorize.authorize(&mut headers, wait).await.map_err(|error| Verdict::Final.on(error))?;
        }
        let answer = self.exchange(subject, request, headers, wait).await?;
        if answer.status.as_u16() < 400 {
            return Ok(answer);
        }
        let asked = http::retry_after(&answer.headers, SystemTime::now());
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            self.pace.refused(&bucket, asked, Instant::now());
        }
        let (verdict, failure) = (retry::refused(answer.status, asked), answer.failure(subject));
        match asked.filter(|asked| verdict != Verdict::Final && *asked > wait.remaining()) {
            Some(asked) => Err(Verdict::Final.on(failure.hint(retry::outlasts_the_timeout(asked)))),
            None => Err(verdict.on(failure)),
        }
    }

    /// Sends a request once. The answer is read to its end, or to its limit.
    async fn exchange(
        &self,
        subject: &Subject,
        request: &Outgoing,
        mut headers: HeaderMap,
        wait: &Wait,
    ) -> Result<Answer, Failed<Error>> {
        let client = self.http(request).map_err(|problem| {
            Verdict::Final.on(subject.error(ErrorKind::Network, format!("no HTTP client: {problem}")))
        })?;
        let start = Instant::now();
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
                .await
                .map_err(|problem| Unread::Broken(Broken::sending(&problem)))?;
            let (status, headers) = (sent.status(), sent.headers().clone());
            let body = http::read(Body::from(sent), request.limit).await?;
            Ok::<Answer, Unread>(Answer { status, headers, body })
        };
        let writes = is_write(&request.method);
        let outcome = if writes { wait.bound_write(exchange).await } else { wait.bound(exchange).await };
        let answer = outcome
            .map_err(|why| {
                let mut error = Error::interrupted(why, &subject.operation, &subject.target, "an answer");
                error.ambiguous = writes;
                Verdict::Ended(why).on(error)
            })?
            .map_err(|unread| match unread {
                Unread::TooLarge(_) => {
                    let mut error = subject.error(ErrorKind::Decode, unread.to_string());
                    error.ambiguous = writes;
                    Verdict::Final.on(error)
                }
                Unread::Broken(broken) => {
                    tracing::debug!(operation = %subject.operation, host = request.url.host_str(), "no answer: {broken}");
                    let mut error = subject.error(ErrorKind::Network, describe(&broken, &request.url));
                    error.ambiguous = writes && !broken.never_sent;
                    retry::broken(&broken, request.repeat).on(error)
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
            (false, true) => (&self.alone, Proxies::client().pool_max_idle_per_host(0).http1_only()),
            (false, false) => (&self.http, Proxies::client()),
        };
        let made = client.get_or_init(|| {
            builder
                .connect_timeout(CONNECT)
                .read_timeout(READ)
                // A redirect would carry the token to wherever it points.
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(|problem| Broken::sending(&problem).to_string())
        });
        made.as_ref().map_err(String::as_str)
    }
}

fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A broken connection in words, with where to look.
fn describe(broken: &Broken, url: &Url) -> String {
    let host = show_text(url.host_str().unwrap_or("the host"));
    match broken.certificate() {
        Some(TlsFailure::Expired | TlsFailure::NotYetValid) => {
            format!("{host} is not trusted: {broken}; check the clock of this machine")
        }
        Some(TlsFailure::WrongName) => format!("{host} is not trusted: {broken}; check the endpoint's host"),
        Some(_) => format!(
            "{host} is not trusted: {broken}; if a proxy or an emulator has its own authority, name its PEM file in SSL_CERT_FILE"
        ),
        None if broken.never_sent => {
            format!("{host} cannot be reached: {broken}; check the network, and HTTPS_PROXY and NO_PROXY")
        }
        None => format!("no complete answer from {host}: {broken}"),
    }
}
