//! What a connection takes from the process besides the `KUBE_` variables: the user's folder, and proxies.
//!
//! Proxies follow curl's rules, as they do for Azure. kube-rs has rules of its own, by which NO_PROXY is compared with the proxy's
//! address instead of the server's.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// What the process's environment says about every connection.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The user's folder, for paths that begin with `~`.
    pub home: Option<PathBuf>,
    /// `HTTPS_PROXY`, or `https_proxy`.
    pub https_proxy: Option<String>,
    /// `HTTP_PROXY`, or `http_proxy`.
    pub http_proxy: Option<String>,
    /// `ALL_PROXY`, or `all_proxy`.
    pub all_proxy: Option<String>,
    /// `NO_PROXY`, or `no_proxy`.
    pub no_proxy: Option<String>,
}

impl Environment {
    /// Reads it through `variable`, which answers the value of an environment variable.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| variable(name).or_else(|| variable(&name.to_lowercase()));
        Self {
            home: std::env::home_dir(),
            https_proxy: either("HTTPS_PROXY"),
            http_proxy: either("HTTP_PROXY"),
            all_proxy: either("ALL_PROXY"),
            no_proxy: either("NO_PROXY"),
        }
    }

    /// The proxy for `target`, its user and password put back into the URL.
    pub(super) fn proxy(&self, target: &Uri) -> Option<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let matcher = Matcher::builder()
            .all(text(&self.all_proxy))
            .https(text(&self.https_proxy))
            .http(text(&self.http_proxy))
            .no(text(&self.no_proxy))
            .build();
        let found = matcher.intercept(target)?;
        let url = found.uri().to_string();
        let user = found.raw_auth().map(|(user, password)| (user.to_owned(), password.to_owned()));
        let Some((user, password)) = user.or_else(|| decoded(found.basic_auth()?)) else { return Some(url) };
        let encode =
            |part: &str| percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC).to_string();
        Some(url.replacen("://", &format!("://{}:{}@", encode(&user), encode(&password)), 1))
    }
}

fn decoded(basic: &http::HeaderValue) -> Option<(String, String)> {
    let text = STANDARD.decode(basic.to_str().ok()?.strip_prefix("Basic ")?).ok()?;
    let (user, password) =
        std::str::from_utf8(&text).ok()?.split_once(':').map(|(u, p)| (u.to_owned(), p.to_owned()))?;
    Some((user, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(environment: &Environment, target: &'static str) -> Option<String> {
        environment.proxy(&Uri::from_static(target))
    }

    #[test]
    fn variables_may_be_written_in_small_letters() {
        let environment = Environment::read(|name| (name == "https_proxy").then(|| "http://proxy:3128".to_owned()));
        assert_eq!(proxied(&environment, "https://cluster:443").as_deref(), Some("http://proxy:3128/"));
        assert_eq!(proxied(&environment, "http://cluster:80"), None);
    }

    #[test]
    fn no_proxy_is_compared_with_the_server() {
        let environment = Environment {
            https_proxy: Some("http://10.0.0.1:3128".to_owned()),
            no_proxy: Some("10.0.0.0/8,.internal".to_owned()),
            ..Environment::default()
        };
        assert_eq!(proxied(&environment, "https://10.1.2.3"), None);
        assert_eq!(proxied(&environment, "https://api.internal"), None);
        assert!(proxied(&environment, "https://api.example.org").is_some(), "although the proxy itself is excluded");
    }

    #[test]
    fn a_proxys_user_and_password_stay_in_its_url() {
        let environment =
            Environment { https_proxy: Some("http://user:p%40ss@proxy:3128".to_owned()), ..Environment::default() };
        assert_eq!(proxied(&environment, "https://cluster").as_deref(), Some("http://user:p%40ss@proxy:3128/"));
    }
}
