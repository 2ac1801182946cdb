//! What a connection takes from the process besides the `KUBE_` variables: the user's folder, and proxies.

use std::path::PathBuf;

use crate::http::Proxies;

/// What the process's environment says about every connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The user's folder, for paths that begin with `~`.
    pub home: Option<PathBuf>,
    /// The proxies.
    pub proxies: Proxies,
}

impl Environment {
    /// Reads it through `variable`, which answers the value of an environment variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        Self { home: std::env::home_dir(), proxies: Proxies::read(variable) }
    }
}
