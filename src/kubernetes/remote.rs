//! A cluster whose kubeconfig and tokens somebody else hands out, as Azure does. The hand is a trait, because this module
//! knows nothing of Azure.
//!
//! Such a kubeconfig holds either a credential of the cluster's own, which is used, or the call of a plugin that would fetch a
//! token (kubelogin, or the `auth-provider` before it). The plugin is never run: what it would be told is read from its
//! arguments, and the token is asked for here, anew for each request, so that one that expires during a long apply is replaced.

use std::fmt;

use async_trait::async_trait;
use kube::config::AuthInfo;

use super::error::Error;
use crate::wait::Wait;

/// Whoever knows the way to a cluster.
#[async_trait]
pub trait Remote: fmt::Debug + Send + Sync {
    /// The cluster's kubeconfig, as YAML.
    ///
    /// # Errors
    /// [`Kind::NoCluster`](super::Kind::NoCluster) where the cluster does not exist; else why it is not handed out.
    async fn kubeconfig(&self, wait: &Wait) -> Result<String, Error>;

    /// A token for the API server that lasts at least as long as one request. `refused` is the one that the API server did not
    /// accept; another is wanted then.
    ///
    /// # Errors
    /// Where none can be had.
    async fn token(&self, audience: &Audience, refused: Option<&str>, wait: &Wait) -> Result<String, Error>;

    /// What to do where the API server cannot be reached.
    async fn advise(&self, wait: &Wait) -> String;
}

/// For whom a token is to be, as far as the kubeconfig says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience {
    /// The application that stands for the API server.
    pub server_id: Option<String>,
    /// The tenant of the cluster's users.
    pub tenant_id: Option<String>,
}

impl Audience {
    /// What a user of a kubeconfig tells its plugin; `None` where the user has a credential of its own.
    pub(super) fn of(auth: &AuthInfo) -> Option<Self> {
        if auth.token.is_some() || auth.client_certificate_data.is_some() || auth.username.is_some() {
            return None;
        }
        let arguments = auth.exec.iter().flat_map(|exec| exec.args.iter().flatten()).map(String::as_str);
        let arguments: Vec<&str> = arguments.collect();
        let provider = auth.auth_provider.as_ref().map(|provider| &provider.config);
        let find = |flag: &str, name: &str| {
            let after = arguments.iter().position(|argument| *argument == flag).and_then(|at| arguments.get(at + 1));
            let joined = || {
                arguments.iter().find_map(|argument| argument.strip_prefix(flag)?.strip_prefix('=')).map(str::to_owned)
            };
            after.map(|text| (*text).to_owned()).or_else(joined).or_else(|| provider?.get(name).cloned())
        };
        Some(Self { server_id: find("--server-id", "apiserver-id"), tenant_id: find("--tenant-id", "tenant-id") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audience(yaml: &str) -> Option<Audience> {
        Audience::of(&serde_saphyr::from_str::<AuthInfo>(yaml).unwrap())
    }

    #[test]
    fn what_a_plugin_would_be_told_is_read_from_any_form_of_its_arguments() {
        let expected = Some(Audience { server_id: Some("s".to_owned()), tenant_id: Some("t".to_owned()) });
        for yaml in [
            "exec: {command: kubelogin, args: [get-token, --server-id, s, --login, devicecode, --tenant-id, t]}",
            "exec: {command: kubelogin, args: [get-token, --server-id=s, --tenant-id=t]}",
            "auth-provider: {name: azure, config: {apiserver-id: s, tenant-id: t, client-id: c}}",
        ] {
            assert_eq!(audience(yaml), expected, "{yaml}");
        }
        assert_eq!(audience("{}"), Some(Audience::default()));
    }

    #[test]
    fn a_credential_of_the_cluster_s_own_needs_no_token() {
        for yaml in ["token: t", "{client-certificate-data: c, client-key-data: k}", "{username: u, password: p}"] {
            assert_eq!(audience(yaml), None, "{yaml}");
        }
    }
}
