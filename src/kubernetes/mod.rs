//! The Kubernetes API, as far as service accounts need it. Knows nothing of Terraform.
//!
//! A [`Client`] is made without touching a file or the network: the first request reads the kubeconfig, runs a credential plugin and
//! connects. Nothing configured is an error that says what to set; it is never localhost and never the pod's own account.
//!
//! - [`config`], [`forms`], [`environment`], `kubeconfig`, `resolve`: settings to a connection
//! - `bearer`, `plugin`: tokens that expire
//! - [`remote`]: a cluster whose kubeconfig and tokens somebody else hands out
//! - `send`: one request, with its retries
//! - [`service_accounts`], [`tokens`]: the verbs
//! - [`managed_fields`], [`ownership`]: who owns which key, and what may be written over whom

mod bearer;
pub mod config;
pub mod environment;
pub mod error;
pub mod forms;
mod kubeconfig;
pub(crate) mod managed_fields;
pub mod ownership;
mod plugin;
pub mod remote;
mod resolve;
mod send;
pub(crate) mod service_account;
pub(crate) mod service_accounts;
pub(crate) mod tokens;

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::{Config, client::ClientBuilder, config::AuthInfo};
use tokio::sync::OnceCell;

pub use config::{Exec, Settings};
pub use environment::Environment;
pub use error::{Error, Kind};
pub use managed_fields::Key;
pub use remote::{Audience, Remote};
pub use service_account::Fields;
pub use service_account::ServiceAccount;

pub use crate::http::Proxies;

use crate::http::show_address;
use crate::wait::{Interrupted, Wait};
use bearer::{Bearer, TokenFile};
use plugin::Plugin;

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
    /// Signs the requests, if their token expires.
    bearer: Option<Bearer>,
}

impl Client {
    /// A client with these settings; nothing is read or contacted yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, remote: None, connection: OnceCell::new() }
    }

    /// A client of a cluster whose kubeconfig comes from `remote`. Of the settings, `proxy_url` and `tls_server_name` count.
    pub fn of_remote(settings: Settings, remote: Arc<dyn Remote>) -> Self {
        Self { settings, remote: Some(remote), connection: OnceCell::new() }
    }

    /// The connection, made at the first call. A failure is not remembered.
    async fn connection(&self, wait: &Wait) -> Result<&Connection, Error> {
        self.connection.get_or_try_init(|| self.connect(wait)).await
    }

    async fn connect(&self, wait: &Wait) -> Result<Connection, Error> {
        // Another library in the process may bring a second crypto provider; without this line rustls would not choose.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let kubeconfig = match &self.remote {
            Some(remote) => Some(remote.kubeconfig(wait).await?),
            None => None,
        };
        let settings = self.settings.clone();
        let (mut config, mut signed_in) = blocking(wait, move || settings.resolve(kubeconfig.as_deref())).await?;
        let mut bearer = None;
        let audience = self.remote.as_ref().and_then(|remote| Some((remote, Audience::of(&config.auth_info)?)));
        if let Some((remote, audience)) = audience {
            config.auth_info = AuthInfo::default();
            signed_in = "the token of Entra ID that this provider signs in with".to_owned();
            bearer = Some(Bearer::Remote { remote: Arc::clone(remote), audience });
        } else if let Some(own) = renewed(&mut config, &signed_in, wait).await? {
            bearer = Some(own);
        }
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT);
        config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(crate::http::USER_AGENT)));
        let server = show_address(&config.cluster_url.to_string());
        let (described, own) = (signed_in.clone(), self.settings.client_certificate.is_some());
        let client = blocking(wait, move || {
            let builder = ClientBuilder::try_from(config).map_err(|error| unusable(&error, &described, own))?;
            Ok(builder.build())
        });
        Ok(Connection { client: client.await?, server, signed_in, remote: self.remote.clone(), bearer })
    }
}

/// Runs what reads files.
async fn blocking<T: Send + 'static>(
    wait: &Wait,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let failed = |message: &str| Error::configuration("config_path", message, "");
    match wait.bound(tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err(failed("reading the connection's settings failed unexpectedly.")),
        Err(Interrupted::Cancelled) => Err(failed("the operation was stopped.").of(Kind::Cancelled)),
        Err(Interrupted::Deadline) => Err(failed("its settings could not be read in time.").of(Kind::TimedOut)),
    }
}

/// Takes over a credential that expires: kube would neither bound nor end a plugin, and does not trim a token in a file.
async fn renewed(config: &mut Config, signed_in: &str, wait: &Wait) -> Result<Option<Bearer>, Error> {
    let auth = &mut config.auth_info;
    let (file, exec) = (auth.token_file.take(), auth.exec.take());
    if auth.token.is_some() || auth.username.is_some() {
        return Ok(None);
    }
    if let Some(path) = file {
        return Ok(Some(Bearer::File(TokenFile::new(&path))));
    }
    let Some(exec) = exec else { return Ok(None) };
    let plugin = Plugin::new(exec, signed_in.to_owned());
    if let Some((certificate, key)) = plugin.credential(None, wait).await?.certificate {
        auth.client_certificate_data = Some(STANDARD.encode(certificate));
        // kube writes the certificate right behind the key; without a line's end between them neither would parse.
        auth.client_key_data = Some(STANDARD.encode(format!("{}\n", key.trim_end())).into());
    }
    Ok(Some(Bearer::Plugin(Box::new(plugin))))
}

/// Why no client could be made of settings that were read. `own` says that the certificate is not a kubeconfig's.
fn unusable(error: &kube::Error, signed_in: &str, own: bool) -> Error {
    let attribute = if own { "client_certificate" } else { "config_path" };
    match error {
        kube::Error::RustlsTls(cause) => Error::configuration(
            attribute,
            format!("{signed_in} cannot be used: {cause}."),
            "Certificates and keys are PEM text, the key unencrypted.",
        ),
        other => Error::configuration(attribute, format!("{signed_in} cannot be used: {other}."), ""),
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
