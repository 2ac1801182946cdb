//! A server on TLS that answers what a test tells it to, and remembers what it was asked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What was asked.
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
}

/// What to answer.
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
        after: Duration,
    },
    /// Close the connection without a word.
    Drop,
}

impl Reply {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self::text(status, &body.to_string())
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.to_owned(), after: Duration::ZERO }
    }

    /// An error as Azure Resource Manager writes it.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, serde_json::json!({"error": {"code": code, "message": message}}))
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

type Answers = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A running server. It stops with the runtime of its test.
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    pub(crate) async fn start(answers: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(authority().acceptor(), answers).await
    }

    /// On TLS by an authority that nobody trusts.
    pub(crate) async fn start_untrusted() -> Self {
        Self::start_with(Authority::new("Nobody's").acceptor(), |_| Reply::text(200, "{}")).await
    }

    async fn start_with(acceptor: TlsAcceptor, answers: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        authority();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (answers, seen): (Arc<Answers>, _) = (Arc::new(Box::new(answers)), Arc::clone(&log));
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (acceptor, answers, seen) = (acceptor.clone(), Arc::clone(&answers), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| answer(request, Arc::clone(&answers), Arc::clone(&seen)));
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, log }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
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

async fn answer(
    request: hyper::Request<Incoming>,
    answers: Arc<Answers>,
    log: Arc<Mutex<Vec<Asked>>>,
) -> Result<hyper::Response<Full<Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let asked = Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        raw_query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: body.collect().await.map_err(std::io::Error::other)?.to_bytes(),
    };
    log.lock().unwrap().push(asked.clone());
    match answers(&asked) {
        Reply::Drop => Err(std::io::Error::other("dropped")),
        Reply::Answer { status, headers, body, after } => {
            tokio::time::sleep(after).await;
            let mut response = hyper::Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response.headers_mut().insert("content-type", "application/json".parse().unwrap());
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            Ok(response)
        }
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse().unwrap()));
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

/// Sets the environment up: whatever makes a client calls this first, if only by starting a stand-in.
pub(crate) fn setup() {
    authority();
}

/// Trusts one more authority: clients that are made from now on do.
pub(crate) fn trust_also(pem: &str) {
    authority();
    // Replaced in one step, because another test may be making a client.
    let (file, next) = (FOLDER.join("ca.pem"), FOLDER.join("ca.next"));
    std::fs::write(&next, format!("{}{pem}", std::fs::read_to_string(&file).unwrap())).unwrap();
    std::fs::rename(&next, &file).unwrap();
}

/// The folder of the stand-in for the Azure CLI; what it was called with is in `calls`.
pub(crate) fn cli_folder() -> PathBuf {
    authority();
    FOLDER.clone()
}

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| tempfile::tempdir().unwrap().keep());

/// The authority that everything in this test binary trusts. Its first use sets the environment up.
fn authority() -> &'static Authority {
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let authority = Authority::new("Stand-in");
        let pem = FOLDER.join("ca.pem");
        std::fs::write(&pem, &authority.pem).unwrap();
        let path = format!("{}:{}", FOLDER.join("bin").display(), std::env::var("PATH").unwrap_or_default());
        super::fixtures::write_az(&FOLDER);
        set("SSL_CERT_FILE", pem.to_str().unwrap());
        set("NO_PROXY", "127.0.0.1,localhost");
        set("PATH", &path);
        authority
    });
    &AUTHORITY
}

#[allow(
    unsafe_code,
    reason = "every test passes here before it does anything else, so nobody reads the environment meanwhile"
)]
fn set(name: &str, value: &str) {
    // SAFETY: Rust's own readers hold the same lock; readers in C only run after this, behind the LazyLock.
    unsafe { std::env::set_var(name, value) };
}
