//! The settings of a connection, and what they amount to.
//!
//! They are the kubernetes provider's, with its names and environment variables, and differ from it in what they refuse: what
//! does not parse, and nothing at all (there it would go on to localhost or the pod's own account). `KUBECONFIG` is not read.
//!
//! What contradicts each other was sorted out before: the provider's schema says it. `resolve.rs` makes a connection of the rest.

use std::{collections::BTreeMap, fmt};

use super::{
    environment::Environment,
    error::Error,
    forms::{self, Mismatch},
};
use crate::{child, http::show_address, origin::Origins};

/// Everything that the `kubernetes` block and the environment can say. An empty string counts as not set.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `host`, `KUBE_HOST`: URL of the API server.
    pub host: Option<String>,
    /// `username`, `KUBE_USER`: for basic authentication.
    pub username: Option<String>,
    /// `password`, `KUBE_PASSWORD`: for basic authentication.
    pub password: Option<String>,
    /// `insecure`, `KUBE_INSECURE`: do not check the API server's certificate. False leaves it to the kubeconfig.
    pub insecure: Option<bool>,
    /// `tls_server_name`, `KUBE_TLS_SERVER_NAME`: the name that its certificate must bear.
    pub tls_server_name: Option<String>,
    /// `client_certificate`, `KUBE_CLIENT_CERT_DATA`: PEM.
    pub client_certificate: Option<String>,
    /// `client_key`, `KUBE_CLIENT_KEY_DATA`: PEM.
    pub client_key: Option<String>,
    /// `cluster_ca_certificate`, `KUBE_CLUSTER_CA_CERT_DATA`: PEM, one certificate or several.
    pub cluster_ca_certificate: Option<String>,
    /// `config_path`, `KUBE_CONFIG_PATH`: a kubeconfig. The variable is only read where neither path attribute is set.
    pub config_path: Option<String>,
    /// `config_paths`, `KUBE_CONFIG_PATHS` (separated as `PATH` is): kubeconfigs to merge, the first to set a thing wins. The
    /// variable is only read where neither path attribute nor `KUBE_CONFIG_PATH` is set.
    pub config_paths: Vec<String>,
    /// `config_context`, `KUBE_CTX`: the context to use instead of the current one.
    pub config_context: Option<String>,
    /// `config_context_auth_info`, `KUBE_CTX_AUTH_INFO`: the user to use instead of the context's.
    pub config_context_auth_info: Option<String>,
    /// `config_context_cluster`, `KUBE_CTX_CLUSTER`: the cluster to use instead of the context's.
    pub config_context_cluster: Option<String>,
    /// `token`, `KUBE_TOKEN`: a bearer token.
    pub token: Option<String>,
    /// `proxy_url`, `KUBE_PROXY_URL`: http, https or socks5. Without it the kubeconfig's, then `HTTPS_PROXY` and `NO_PROXY`.
    pub proxy_url: Option<String>,
    /// `exec`: a credential plugin.
    pub exec: Option<Exec>,
    /// `in_cluster_config`: use the service account of the pod that Terraform runs in. No environment variable.
    pub in_cluster_config: bool,
    /// `cluster_id`, `KUBE_CLUSTER_ID`: a cluster that Azure knows, instead of a kubeconfig. It is looked up by whoever made the
    /// client; here it only must not contradict the rest.
    pub cluster_id: Option<String>,
    /// What is taken from the process besides.
    pub environment: Environment,
    /// Who set what of this, by the attribute's name.
    pub origins: Origins,
}

/// A credential plugin (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Exec {
    /// `client.authentication.k8s.io/v1` or `/v1beta1`.
    pub api_version: String,
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Environment variables on top of ours.
    pub env: BTreeMap<String, String>,
}

impl Settings {
    /// Refuses text that cannot be what it should be. No file is read.
    ///
    /// # Errors
    /// Each names the attribute, or the environment variable that set it.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(exec) = &self.exec {
            self.check_exec(exec)?;
        }
        self.form("host", &self.host, |text| forms::host(text).map(drop))?;
        self.form("proxy_url", &self.proxy_url, |text| forms::proxy(text).map(drop))?;
        self.form("tls_server_name", &self.tls_server_name, forms::server_name)?;
        self.form("token", &self.token, |text| forms::token(text).map(drop))?;
        self.form("cluster_ca_certificate", &self.cluster_ca_certificate, |pem| forms::authorities(pem).map(drop))?;
        let certificates = self.form("client_certificate", &self.client_certificate, forms::certificates)?;
        let key = self.form("client_key", &self.client_key, forms::key)?;
        match (certificates, key) {
            (Some(certificates), Some(key)) => forms::pair(certificates, &key).map_err(|mismatch| match mismatch {
                Mismatch::Certificate => {
                    self.wrong("client_certificate", "Its certificate cannot be read, although it is PEM text.")
                }
                Mismatch::Key => {
                    let certificate = self.name("client_certificate");
                    self.wrong("client_key", &format!("It is not the key of the certificate in {certificate}."))
                }
            }),
            _ => Ok(()),
        }
    }

    /// What `read` makes of a setting, if it is set.
    fn form<T>(
        &self,
        attribute: &'static str,
        value: &Option<String>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Error> {
        some(value).map(read).transpose().map_err(|reason| self.wrong(attribute, &reason))
    }

    /// An error on a setting, which names it.
    pub(super) fn wrong(&self, attribute: &'static str, reason: &str) -> Error {
        Error::configuration(attribute, format!("{} cannot be used.", self.name(attribute)), reason)
    }

    /// What a person calls a setting: by its attribute, or by the variable that set it.
    pub(super) fn name(&self, attribute: &str) -> String {
        self.origins.name("kubernetes.", attribute)
    }

    fn check_exec(&self, exec: &Exec) -> Result<(), Error> {
        if exec.command.is_empty() {
            let hint = "Name the credential plugin, such as kubelogin.";
            return Err(Error::configuration("exec", "`kubernetes.exec.command` is not set.", hint));
        }
        match exec.api_version.as_str() {
            "client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1" => Ok(()),
            other => {
                let message = match other {
                    "" => "`kubernetes.exec.api_version` is not set.".to_owned(),
                    other => format!("`kubernetes.exec.api_version` is \"{other}\"."),
                };
                let hint = "It must be client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1.";
                Err(Error::configuration("exec", message, hint))
            }
        }
    }
}

/// The text, where it is set and not empty.
pub(super) fn some(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|text| !text.is_empty())
}

/// Names the plugin; its arguments and its environment may be secret.
impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exec").field("command", &child::name(&self.command)).finish_non_exhaustive()
    }
}

/// Names what is set; shows no secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.host.as_deref().map(show_address))
            .field("cluster_id", &self.cluster_id)
            .field("config_path", &self.config_path)
            .field("config_paths", &self.config_paths)
            .field("config_context", &self.config_context)
            .field("in_cluster_config", &self.in_cluster_config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn refused(settings: &Settings) -> (&'static str, String) {
        let error = settings.check().unwrap_err();
        (error.attribute.unwrap(), error.to_string())
    }

    #[test]
    fn what_cannot_be_used_is_refused_on_the_attribute() {
        let host = Settings { host: set("https://cluster"), ..Settings::default() };
        let exec = Exec {
            api_version: "client.authentication.k8s.io/v1".to_owned(),
            command: "k".to_owned(),
            ..Exec::default()
        };
        for (attribute, settings) in [
            ("host", Settings { host: set("cluster.example.org"), ..Settings::default() }),
            ("proxy_url", Settings { proxy_url: set("ftp://proxy"), ..host.clone() }),
            ("tls_server_name", Settings { tls_server_name: set("https://cluster"), ..host.clone() }),
            ("token", Settings { token: set("a\nb"), ..host.clone() }),
            ("cluster_ca_certificate", Settings { cluster_ca_certificate: set("/etc/ca.pem"), ..host.clone() }),
            ("client_certificate", Settings { client_certificate: set("c"), ..host.clone() }),
            ("client_key", Settings { client_key: set("k"), ..host.clone() }),
            ("exec", Settings { exec: Some(Exec { api_version: "v1".to_owned(), ..exec.clone() }), ..host.clone() }),
            ("exec", Settings { exec: Some(Exec { command: String::new(), ..exec }), ..host.clone() }),
        ] {
            let (named, told) = refused(&settings);
            assert!(named == attribute && told.contains(&format!("`kubernetes.{attribute}")), "{told}");
        }
        assert_eq!(Settings { token: set(""), username: set(""), ..host }.check(), Ok(()), "empty is not set");
    }

    #[test]
    fn a_variable_that_cannot_be_used_is_named() {
        let mut settings = Settings { host: set("cluster"), ..Settings::default() };
        settings.origins.set("host", crate::origin::Origin::Variable("KUBE_HOST"));
        let (attribute, told) = refused(&settings);
        assert!(attribute == "host" && told.contains("KUBE_HOST") && !told.contains("kubernetes.host"), "{told}");
    }

    #[test]
    fn a_proxys_password_is_not_shown() {
        let (_, told) = refused(&Settings { proxy_url: set("ftp://user:hunter2@proxy"), ..Settings::default() });
        assert!(told.contains("proxy") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn settings_do_not_show_what_is_secret() {
        let settings = Settings {
            token: set("hunter2"),
            password: set("hunter2"),
            client_key: set("hunter2"),
            exec: Some(Exec {
                command: "plugin hunter2".to_owned(),
                args: vec!["hunter2".to_owned()],
                env: [("SECRET".to_owned(), "hunter2".to_owned())].into(),
                ..Exec::default()
            }),
            ..Settings::default()
        };
        assert!(!format!("{settings:?} {:?}", settings.exec).contains("hunter2"));
    }
}
