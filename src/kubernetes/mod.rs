//! The Kubernetes API, as far as service accounts need it. Knows nothing of Terraform.
//!
//! A [`Client`] is made without touching a file or the network: the first request reads the kubeconfig, runs a credential plugin and
//! connects. Nothing configured is an error that says what to set; it is never localhost and never the pod's own account.
//!
//! - [`config`], [`environment`], `kubeconfig`: settings to a connection
//! - [`remote`]: a cluster whose kubeconfig and tokens somebody else hands out
//! - `send`: one request, with its retries
//! - [`service_accounts`], [`tokens`]: the verbs
//! - [`managed_fields`], [`ownership`]: who owns which key, and what may be written over whom

pub(crate) mod config;
pub(crate) mod environment;
pub(crate) mod error;
mod kubeconfig;
pub(crate) mod managed_fields;
pub mod ownership;
pub(crate) mod remote;
mod send;
pub(crate) mod service_account;
pub(crate) mod service_accounts;
pub(crate) mod tokens;

use std::{fmt, sync::Arc, time::Duration};

use kube::{client::ClientBuilder, config::AuthInfo};
use tokio::sync::OnceCell;

pub use config::{Exec, Settings};
pub use environment::Environment;
pub(crate) use error::{Cause, Failure};
pub use error::{Error, Kind};
pub use managed_fields::Key;
pub(crate) use managed_fields::Managers;
pub use remote::{Audience, Remote};
pub use service_account::Fields;
pub(crate) use service_account::ServiceAccount;
pub(crate) use tokens::Token;

use crate::http::show_address;
use crate::wait::{Interrupted, Wait};
use remote::Bearer;

/// How long one TCP and TLS handshake may take.
const CONNECT: Duration = Duration::from_secs(10);

/// A lazy client of one cluster. Cheap to make, meant to be shared.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    remote: Option<Arc<dyn Remote>>,
    connection: OnceCell<Connection>,
}

/// A client that is signed in, or has what it needs to be.
struct Connection {
    client: kube::Client,
    server: String,
    signed_in: String,
    /// Who knows the cluster, where that is not the user.
    remote: Option<Arc<dyn Remote>>,
    /// Signs the requests, where the kubeconfig holds no credential.
    bearer: Option<Bearer>,
}

impl Client {
    /// A client with these settings; nothing is read or contacted yet.
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, remote: None, connection: OnceCell::new() }
    }

    /// A client of a cluster whose kubeconfig comes from `remote`. Of the settings, `proxy_url` and `tls_server_name` count.
    pub(crate) fn of_remote(settings: Settings, remote: Arc<dyn Remote>) -> Self {
        Self { settings, remote: Some(remote), connection: OnceCell::new() }
    }

    /// The connection, made at the first call. A failure is not remembered.
    async fn connection(&self, wait: &Wait) -> Result<&Connection, Error> {
        self.connection.get_or_try_init(|| self.connect(wait)).await
    }

    async fn connect(&self, wait: &Wait) -> Result<Connection, Error> {
        // Another library in the process may bring a second crypto provider; without this line rustls would not choose.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        self.settings.check()?;
        let (settings, remote) = (self.settings.clone(), self.remote.clone());
        let kubeconfig = match &remote {
            Some(remote) => Some(remote.kubeconfig(wait).await?),
            None => None,
        };
        // Files are read and credential plugins run here, and a plugin may take its time.
        let made = tokio::task::spawn_blocking(move || connect(&settings, remote.zip(kubeconfig)));
        let failed =
            |message: &str| Error::configuration("exec", message, "Run the credential plugin by hand to see why.");
        match wait.bound(made).await {
            Ok(Ok(made)) => made,
            Ok(Err(_)) => Err(failed("reading the connection's settings failed unexpectedly")),
            Err(Interrupted::Cancelled) => Err(failed("the operation was stopped").of(Kind::Cancelled)),
            Err(Interrupted::Deadline) => {
                Err(failed("the credential plugin did not answer in time").of(Kind::TimedOut))
            }
        }
    }
}

fn connect(settings: &Settings, remote: Option<(Arc<dyn Remote>, String)>) -> Result<Connection, Error> {
    let (remote, kubeconfig) = remote.unzip();
    let (mut config, mut signed_in) = settings.resolve(kubeconfig.as_deref())?;
    let mut bearer = None;
    if let Some(remote) = &remote
        && let Some(audience) = Audience::of(&config.auth_info)
    {
        config.auth_info = AuthInfo::default();
        signed_in = "the token of Entra ID that this provider signs in with".to_owned();
        bearer = Some(Bearer { remote: Arc::clone(remote), audience });
    }
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(crate::http::USER_AGENT)));
    let server = show_address(&config.cluster_url.to_string());
    let builder = ClientBuilder::try_from(config).map_err(|error| unusable(&error, &signed_in))?;
    Ok(Connection { client: builder.build(), server, signed_in, remote, bearer })
}

/// Why no client could be made of settings that were read.
fn unusable(error: &kube::Error, signed_in: &str) -> Error {
    let told = send::sign_in_failure(error);
    match (error, told) {
        (_, Some(told)) => {
            let message = format!("signing in with {signed_in} failed: {told}");
            Error::configuration("exec", message, "").of(Kind::Unauthorized)
        }
        (kube::Error::RustlsTls(cause), None) => Error::configuration(
            "client_certificate",
            format!("{signed_in} cannot be used: {cause}"),
            "Certificates and keys are PEM text, the key unencrypted.",
        ),
        (other, None) => Error::configuration("host", other.to_string(), ""),
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.server)
            .field("signed_in", &self.signed_in)
            .finish_non_exhaustive()
    }
}
