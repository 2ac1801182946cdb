//! From settings to a connection: which cluster, and how to sign in to it.
//!
//! What the configuration says comes first, then a kubeconfig that it names, then the environment, then a kubeconfig that the
//! environment names. A credential replaces that of a later one altogether, so that a token is not sent along with the
//! certificate of somebody else.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Uri;
use kube::{
    Config,
    config::{AuthInfo, ExecConfig, ExecInteractiveMode},
};

use super::{
    config::{Settings, some},
    error::Error,
    forms, kubeconfig,
};
use crate::child;

impl Settings {
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
                let message = format!(
                    "{} is true, but this is not a pod with a service account.",
                    self.name("in_cluster_config")
                );
                let hint = format!("It only works in a pod; elsewhere set `config_path` or `host`. ({error})");
                Error::configuration("in_cluster_config", message, hint)
            })?;
            (config, "the token of this pod's service account".to_owned())
        } else if !paths.is_empty() {
            kubeconfig::load(self, &paths)?
        } else if let Some(host) = some(&self.host) {
            (Config::new(self.host(host)?), "no credentials are set".to_owned())
        } else {
            return Err(Error::configuration(
                "config_path",
                "No cluster is configured.",
                "In the provider's `kubernetes` block set `config_path` (KUBE_CONFIG_PATH), or `cluster_id` (KUBE_CLUSTER_ID) for a \
                 cluster of AKS or Azure Arc, or `host` (KUBE_HOST) with `token` (KUBE_TOKEN), `exec` or a client certificate, or \
                 `in_cluster_config = true` inside a pod. KUBECONFIG is not read.",
            ));
        };
        // Beside a kubeconfig that the configuration names, a variable only says what that leaves open.
        let base =
            ["config_path", "config_paths", "in_cluster_config"].iter().any(|name| self.origins.is_configured(name));
        let wins = |attribute: &str| !base || self.origins.variable(attribute).is_none();
        if let Some(host) = some(&self.host).filter(|_| wins("host")) {
            config.cluster_url = self.host(host)?;
        }
        let open = config.root_cert.is_none() && config.root_cert_file.is_none() && !config.accept_invalid_certs;
        if let Some(pem) = some(&self.cluster_ca_certificate).filter(|_| open || wins("cluster_ca_certificate")) {
            let found = forms::authorities(pem).map_err(|reason| self.wrong("cluster_ca_certificate", &reason))?;
            config.root_cert = Some(found.iter().map(|der| der.to_vec()).collect());
            config.root_cert_file = None;
            config.accept_invalid_certs = false;
        }
        if self.insecure == Some(true) && (open || wins("insecure")) {
            config.accept_invalid_certs = true;
        }
        if let Some(name) = some(&self.tls_server_name)
            && (config.tls_server_name.is_none() || wins("tls_server_name"))
        {
            config.tls_server_name = Some(name.to_owned());
        }
        if let Some((auth, told)) = self.credential(&config.auth_info)
            && (is_empty(&config.auth_info)
                || ["token", "username", "client_certificate", "exec"].iter().all(|name| wins(name)))
        {
            config.auth_info = auth;
            signed_in = told;
        }
        let own = some(&self.proxy_url).filter(|_| config.proxy_url.is_none() || wins("proxy_url")).map(str::to_owned);
        let configured = own.or_else(|| config.proxy_url.as_ref().map(Uri::to_string));
        config.proxy_url = match (configured, self.environment.proxies.of(&config.cluster_url)) {
            (Some(proxy), _) => Some(forms::proxy(&proxy).map_err(|reason| self.wrong("proxy_url", &reason))?),
            (None, Some(proxy)) => Some(forms::proxy(&proxy).map_err(|reason| {
                let message = "the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used.";
                Error::configuration("proxy_url", message, reason)
            })?),
            (None, None) => None,
        };
        Ok((config, signed_in))
    }

    fn host(&self, text: &str) -> Result<Uri, Error> {
        forms::host(text).map_err(|reason| self.wrong("host", &reason))
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
            auth.token = Some(token.trim().to_owned().into());
            told.push(format!("the token in {}", self.origin("token", "KUBE_TOKEN")));
        }
        if let (Some(username), Some(password)) = (some(&self.username), some(&self.password)) {
            auth.username = Some(username.to_owned());
            auth.password = Some(password.to_owned().into());
            let (username, password) = (self.origin("username", "KUBE_USER"), self.origin("password", "KUBE_PASSWORD"));
            told.push(format!("the user name in {username} and the password in {password}"));
        }
        if let (Some(certificate), Some(key)) = (some(&self.client_certificate), some(&self.client_key)) {
            auth.client_certificate_data = Some(STANDARD.encode(certificate));
            // kube writes the certificate right behind the key; without a line's end between them neither would parse.
            auth.client_key_data = Some(STANDARD.encode(format!("{}\n", key.trim_end())).into());
            told.push(format!("the certificate in {}", self.origin("client_certificate", "KUBE_CLIENT_CERT_DATA")));
        }
        if let Some(exec) = &self.exec {
            let variable = |(name, value): (&String, &String)| {
                [("name".to_owned(), name.clone()), ("value".to_owned(), value.clone())].into()
            };
            auth.exec = Some(ExecConfig {
                api_version: Some(exec.api_version.clone()),
                command: Some(exec.command.clone()),
                args: Some(exec.args.clone()),
                env: Some(exec.env.iter().map(variable).collect()),
                // A provider has no terminal: what kube would hand on is the pipe to Terraform.
                interactive_mode: Some(ExecInteractiveMode::Never),
                drop_env: None,
                install_hint: None,
                provide_cluster_info: false,
                cluster: None,
                other: std::collections::BTreeMap::new(),
            });
            told.push(format!("the credential plugin `{}` in `kubernetes.exec`", child::name(&exec.command)));
        }
        (!told.is_empty()).then(|| (auth, told.join(" and ")))
    }

    /// Where a credential comes from: the variable that set it, or the attribute with the variable that may do so.
    fn origin(&self, attribute: &str, variable: &str) -> String {
        match self.origins.variable(attribute) {
            Some(variable) => variable.to_owned(),
            None if self.origins.is_configured(attribute) => format!("`kubernetes.{attribute}`"),
            None => format!("`{attribute}` ({variable})"),
        }
    }
}

/// Whether a user of a kubeconfig has no credential.
fn is_empty(auth: &AuthInfo) -> bool {
    auth.token.is_none()
        && auth.token_file.is_none()
        && auth.username.is_none()
        && auth.client_certificate.is_none()
        && auth.client_certificate_data.is_none()
        && auth.exec.is_none()
        && auth.auth_provider.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Option<String> {
        Some(text.to_owned())
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
