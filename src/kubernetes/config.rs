//! The settings of a connection, and what they amount to.
//!
//! They are the kubernetes provider's, with its names and environment variables, and differ from it in what they refuse: what
//! contradicts itself, what does not parse, and nothing at all (there it would go on to localhost or the pod's own account).
//! `KUBECONFIG` is not read. Fields set here win over the kubeconfig's; a credential set here replaces its user altogether.

use std::{collections::BTreeMap, fmt};

use http::Uri;
use kube::{
    Config,
    config::{AuthInfo, ExecConfig, ExecInteractiveMode},
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{environment::Environment, error::Error, kubeconfig};
use crate::http::show_address;

/// Everything that the `kubernetes` block and the environment can say. An empty string counts as not set.
#[derive(Clone, Default)]
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
}

/// A credential plugin (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>).
#[derive(Debug, Clone, Default)]
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
    /// Refuses what contradicts itself, by the settings alone: no file is read.
    ///
    /// # Errors
    /// Each names the attribute and the environment variable.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let set = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty());
        let paths = set(&self.config_path) || !self.config_paths.is_empty();
        let user = set(&self.username) || set(&self.password);
        let both = |attribute, one: &str, other: &str| {
            let hint = "Set one of them; look in the environment for a KUBE_ variable that sets the other.";
            Err(Error::configuration(attribute, format!("`{one}` and `{other}` are both set"), hint))
        };
        let without = |attribute, one: &str, other: &str| {
            Err(Error::configuration(
                attribute,
                format!("`{one}` is set, but `{other}` is not"),
                "They belong together.",
            ))
        };
        if set(&self.cluster_id) {
            let other = [
                ("host", set(&self.host)),
                ("config_path", set(&self.config_path)),
                ("config_paths", !self.config_paths.is_empty()),
                ("in_cluster_config", self.in_cluster_config),
                ("token", set(&self.token)),
                ("exec", self.exec.is_some()),
                ("username", user),
                ("client_certificate", set(&self.client_certificate)),
                ("cluster_ca_certificate", set(&self.cluster_ca_certificate)),
                ("insecure", self.insecure == Some(true)),
            ];
            if let Some((other, _)) = other.iter().find(|(_, set)| *set) {
                return both("cluster_id", "cluster_id", other);
            }
        }
        if set(&self.config_path) && !self.config_paths.is_empty() {
            return both("config_paths", "config_path", "config_paths");
        }
        if self.in_cluster_config && paths {
            return both("in_cluster_config", "in_cluster_config", "config_path");
        }
        if self.in_cluster_config && set(&self.host) {
            return both("in_cluster_config", "in_cluster_config", "host");
        }
        if self.insecure == Some(true) && set(&self.cluster_ca_certificate) {
            return both("insecure", "insecure", "cluster_ca_certificate");
        }
        if set(&self.token) && user {
            return both("token", "token", "username");
        }
        if self.exec.is_some() && set(&self.token) {
            return both("exec", "exec", "token");
        }
        if self.exec.is_some() && user {
            return both("exec", "exec", "username");
        }
        if set(&self.username) != set(&self.password) {
            let (one, other) = if set(&self.username) { ("username", "password") } else { ("password", "username") };
            return without(one, one, other);
        }
        if set(&self.client_certificate) != set(&self.client_key) {
            let certificate = set(&self.client_certificate);
            let (one, other) =
                if certificate { ("client_certificate", "client_key") } else { ("client_key", "client_certificate") };
            return without(one, one, other);
        }
        for (name, value) in [
            ("config_context", &self.config_context),
            ("config_context_auth_info", &self.config_context_auth_info),
            ("config_context_cluster", &self.config_context_cluster),
        ] {
            if set(value) && !paths {
                return without(name, name, "config_path");
            }
        }
        if let Some(exec) = &self.exec {
            check_exec(exec)?;
        }
        if let Some(host) = some(&self.host) {
            url("host", host, &["https", "http"])?;
        }
        if let Some(proxy) = some(&self.proxy_url) {
            url("proxy_url", proxy, &["http", "https", "socks5"])?;
        }
        Ok(())
    }

    /// The connection that these settings describe, and how it signs in, in words. Reads files; blocks. `kubeconfig` is the text
    /// of the one that `cluster_id` stands for.
    pub(super) fn resolve(&self, kubeconfig: Option<&str>) -> Result<(Config, String), Error> {
        self.check()?;
        let paths: Vec<&str> =
            some(&self.config_path).into_iter().chain(self.config_paths.iter().map(String::as_str)).collect();
        let (mut config, mut signed_in) = if let Some(text) = kubeconfig {
            kubeconfig::parse(self, text)?
        } else if self.in_cluster_config {
            let config = Config::incluster().map_err(|error| {
                let hint = "It only works in a pod; elsewhere set `config_path` or `host`.";
                Error::configuration(
                    "in_cluster_config",
                    format!("this is not a pod with a service account: {error}"),
                    hint,
                )
            })?;
            (config, "the token of this pod's service account".to_owned())
        } else if !paths.is_empty() {
            kubeconfig::load(self, &paths)?
        } else if let Some(host) = some(&self.host) {
            (Config::new(url("host", host, &["https", "http"])?), "no credentials are set".to_owned())
        } else {
            return Err(Error::configuration(
                "config_path",
                "no cluster is configured",
                "In the provider's `kubernetes` block set `config_path` (KUBE_CONFIG_PATH), or `cluster_id` (KUBE_CLUSTER_ID) for a \
                 cluster of AKS or Azure Arc, or `host` (KUBE_HOST) with `token` (KUBE_TOKEN), `exec` or a client certificate, or \
                 `in_cluster_config = true` inside a pod. KUBECONFIG is not read.",
            ));
        };
        if let Some(host) = some(&self.host) {
            config.cluster_url = url("host", host, &["https", "http"])?;
        }
        if let Some(pem) = some(&self.cluster_ca_certificate) {
            config.root_cert = Some(certificates("cluster_ca_certificate", pem.as_bytes())?);
            config.root_cert_file = None;
            config.accept_invalid_certs = false;
        }
        if self.insecure == Some(true) {
            config.accept_invalid_certs = true;
        }
        if let Some(name) = some(&self.tls_server_name) {
            config.tls_server_name = Some(name.to_owned());
        }
        if let Some((auth, told)) = self.credential(&config.auth_info) {
            config.auth_info = auth;
            signed_in = told;
        }
        let configured =
            some(&self.proxy_url).map(str::to_owned).or_else(|| config.proxy_url.as_ref().map(Uri::to_string));
        let proxy = configured.or_else(|| self.environment.proxy(&config.cluster_url));
        config.proxy_url = proxy
            // The proxy resolves names either way here; kube knows only the one name for it.
            .map(|proxy| url("proxy_url", &proxy.replacen("socks5h://", "socks5://", 1), &["http", "https", "socks5"]))
            .transpose()?;
        Ok((config, signed_in))
    }

    /// The credential that is set here, where one is. Impersonation is no credential and stays.
    fn credential(&self, before: &AuthInfo) -> Option<(AuthInfo, String)> {
        let mut auth = AuthInfo {
            impersonate: before.impersonate.clone(),
            impersonate_uid: before.impersonate_uid.clone(),
            impersonate_groups: before.impersonate_groups.clone(),
            impersonate_user_extra: before.impersonate_user_extra.clone(),
            ..AuthInfo::default()
        };
        let mut told = Vec::new();
        if let Some(token) = some(&self.token) {
            auth.token = Some(token.to_owned().into());
            told.push("the token in `token` (KUBE_TOKEN)".to_owned());
        }
        if let (Some(username), Some(password)) = (some(&self.username), some(&self.password)) {
            auth.username = Some(username.to_owned());
            auth.password = Some(password.to_owned().into());
            told.push("`username` and `password` (KUBE_USER, KUBE_PASSWORD)".to_owned());
        }
        if let (Some(certificate), Some(key)) = (some(&self.client_certificate), some(&self.client_key)) {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            auth.client_certificate_data = Some(STANDARD.encode(certificate));
            // kube writes the certificate right behind the key; without a line's end between them neither would parse.
            auth.client_key_data = Some(STANDARD.encode(format!("{}\n", key.trim_end())).into());
            told.push("the certificate in `client_certificate` (KUBE_CLIENT_CERT_DATA)".to_owned());
        }
        if let Some(exec) = &self.exec {
            auth.exec = Some(ExecConfig {
                api_version: Some(exec.api_version.clone()),
                command: Some(exec.command.clone()),
                args: Some(exec.args.clone()),
                env: Some(exec.env.iter().map(|(name, value)| variable(name, value)).collect()),
                // A provider has no terminal: what kube would hand on is the pipe to Terraform.
                interactive_mode: Some(ExecInteractiveMode::Never),
                drop_env: None,
                install_hint: None,
                provide_cluster_info: false,
                cluster: None,
                other: BTreeMap::new(),
            });
            told.push(format!("what the credential plugin `{}` in `exec` returns", exec.command));
        }
        (!told.is_empty()).then(|| (auth, told.join(" and ")))
    }
}

fn variable(name: &str, value: &str) -> std::collections::HashMap<String, String> {
    [("name".to_owned(), name.to_owned()), ("value".to_owned(), value.to_owned())].into()
}

fn check_exec(exec: &Exec) -> Result<(), Error> {
    if exec.command.is_empty() {
        return Err(Error::configuration(
            "exec",
            "`command` is empty",
            "Name the credential plugin, such as kubelogin.",
        ));
    }
    match exec.api_version.as_str() {
        "client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1" => Ok(()),
        other => Err(Error::configuration(
            "exec",
            format!("`api_version` is \"{other}\""),
            "It must be client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1.",
        )),
    }
}

/// The text, where it is set and not empty.
pub(super) fn some(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|text| !text.is_empty())
}

pub(super) fn url(attribute: &'static str, text: &str, schemes: &[&str]) -> Result<Uri, Error> {
    let refuse = || {
        let shown = show_address(text);
        let hint = format!("It must be a URL that begins with {}://.", schemes.join(":// or "));
        Error::configuration(attribute, format!("\"{shown}\" is not a URL that can be used"), hint)
    };
    let uri: Uri = text.trim().parse().map_err(|_| refuse())?;
    let known = uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme));
    if known && uri.host().is_some_and(|host| !host.is_empty()) { Ok(uri) } else { Err(refuse()) }
}

/// The certificates in a PEM text, at least one.
pub(super) fn certificates(attribute: &'static str, pem: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let read: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem).map(|read| read.map(|der| der.to_vec())).collect();
    let hint = "It must be PEM text that begins with -----BEGIN CERTIFICATE-----, not base64 of it and not a path.";
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(Error::configuration(attribute, "there is no certificate in it", hint)),
        Err(error) => Err(Error::configuration(attribute, format!("it does not parse: {error}"), hint)),
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
    fn what_contradicts_itself_is_refused_on_the_attribute() {
        let host = Settings { host: set("https://cluster"), ..Settings::default() };
        let kubeconfig = Settings { config_path: set("~/.kube/config"), ..Settings::default() };
        let exec = Exec {
            api_version: "client.authentication.k8s.io/v1".to_owned(),
            command: "k".to_owned(),
            ..Exec::default()
        };
        for (attribute, settings) in [
            ("config_paths", Settings { config_paths: vec!["a".to_owned()], ..kubeconfig.clone() }),
            ("in_cluster_config", Settings { in_cluster_config: true, ..kubeconfig.clone() }),
            ("in_cluster_config", Settings { in_cluster_config: true, ..host.clone() }),
            ("insecure", Settings { insecure: Some(true), cluster_ca_certificate: set("x"), ..host.clone() }),
            ("token", Settings { token: set("t"), username: set("u"), password: set("p"), ..host.clone() }),
            ("exec", Settings { exec: Some(exec.clone()), token: set("t"), ..host.clone() }),
            ("username", Settings { username: set("u"), ..host.clone() }),
            ("password", Settings { password: set("p"), ..host.clone() }),
            ("client_certificate", Settings { client_certificate: set("c"), ..host.clone() }),
            ("client_key", Settings { client_key: set("k"), ..host.clone() }),
            ("config_context", Settings { config_context: set("c"), ..host.clone() }),
            ("cluster_id", Settings { cluster_id: set("/x"), ..kubeconfig.clone() }),
            ("cluster_id", Settings { cluster_id: set("/x"), ..host.clone() }),
            ("cluster_id", Settings { cluster_id: set("/x"), token: set("t"), ..Settings::default() }),
            ("host", Settings { host: set("cluster.example.org"), ..Settings::default() }),
            ("proxy_url", Settings { proxy_url: set("ftp://proxy"), ..host.clone() }),
            ("exec", Settings { exec: Some(Exec { api_version: "v1".to_owned(), ..exec.clone() }), ..host.clone() }),
            ("exec", Settings { exec: Some(Exec { command: String::new(), ..exec }), ..host.clone() }),
        ] {
            assert_eq!(refused(&settings).0, attribute, "{settings:?}");
        }
        assert_eq!(Settings { insecure: Some(false), cluster_ca_certificate: set("x"), ..host }.check(), Ok(()));
        assert_eq!(Settings { token: set(""), username: set(""), ..kubeconfig }.check(), Ok(()), "empty is not set");
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
            ..Settings::default()
        };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn nothing_is_ever_localhost_or_the_pod() {
        let error = Settings::default().resolve(None).unwrap_err();
        assert!(error.hint.contains("in_cluster_config = true"), "{error}");
        let error = Settings { in_cluster_config: true, ..Settings::default() }.resolve(None).unwrap_err();
        assert_eq!(error.attribute, Some("in_cluster_config"));
    }

    #[test]
    fn a_certificate_that_is_no_pem_is_refused() {
        for wrong in [
            "/etc/ca.pem",
            "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
        ] {
            let settings =
                Settings { host: set("https://c"), cluster_ca_certificate: set(wrong), ..Settings::default() };
            assert_eq!(settings.resolve(None).unwrap_err().attribute, Some("cluster_ca_certificate"), "{wrong}");
        }
    }
}
