//! Which proxy a request goes through, by the environment: one rule for Azure, for clusters and for issuers.
//!
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` as curl reads them, with what Go programs such as kubectl and Terraform
//! itself read besides: `*` holds for IP addresses, too, an entry may have a port, and `*.example.org` is `.example.org`.
//! reqwest and kube-rs have rules of their own, which agree neither with that nor with each other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// The proxies that the process's environment names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// `HTTPS_PROXY`, or `https_proxy`.
    pub https_proxy: Option<String>,
    /// `HTTP_PROXY`, or `http_proxy`.
    pub http_proxy: Option<String>,
    /// `ALL_PROXY`, or `all_proxy`.
    pub all_proxy: Option<String>,
    /// `NO_PROXY`, or `no_proxy`.
    pub no_proxy: Option<String>,
}

impl Proxies {
    /// Reads them through `variable`, which answers the value of an environment variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| variable(name).or_else(|| variable(&name.to_lowercase()));
        Self {
            https_proxy: either("HTTPS_PROXY"),
            http_proxy: either("HTTP_PROXY"),
            all_proxy: either("ALL_PROXY"),
            no_proxy: either("NO_PROXY"),
        }
    }

    /// The proxy for `target`, with its user name and password in the URL.
    pub fn of(&self, target: &Uri) -> Option<String> {
        let no_proxy = self.exempt(target)?;
        let text = |value: &Option<String>| value.as_deref().unwrap_or_default().trim().to_owned();
        let matcher = Matcher::builder()
            .all(text(&self.all_proxy))
            .https(text(&self.https_proxy))
            .http(text(&self.http_proxy))
            .no(no_proxy)
            .build();
        let found = matcher.intercept(target)?;
        let url = found.uri().to_string();
        let user = found.raw_auth().map(|(user, password)| (user.to_owned(), password.to_owned()));
        let Some((user, password)) = user.or_else(|| decoded(found.basic_auth()?)) else { return Some(url) };
        let encode =
            |part: &str| percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC).to_string();
        Some(url.replacen("://", &format!("://{}:{}@", encode(&user), encode(&password)), 1))
    }

    /// A client of reqwest that goes through the proxies of this process's environment, or through those of the system if the
    /// environment names none.
    pub fn client() -> reqwest::ClientBuilder {
        let proxies = Self::read(|name| std::env::var(name).ok());
        let client = reqwest::Client::builder();
        if proxies.https_proxy.is_none() && proxies.http_proxy.is_none() && proxies.all_proxy.is_none() {
            return client;
        }
        client.proxy(reqwest::Proxy::custom(move |url| proxies.of(&url.as_str().parse().ok()?)))
    }

    /// `NO_PROXY` as far as it may hold for `target`, in the words of the library that matches it; `None` if it exempts everything.
    fn exempt(&self, target: &Uri) -> Option<String> {
        let default = if target.scheme_str() == Some("http") { 80 } else { 443 };
        let port = target.port_u16().unwrap_or(default);
        let mut entries = Vec::new();
        for entry in self.no_proxy.as_deref().unwrap_or_default().split([',', ' ']).map(str::trim) {
            if entry == "*" {
                return None;
            }
            let (host, only) = without_port(entry);
            if only.is_none_or(|only| only == port) {
                entries.push(host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host));
            }
        }
        Some(entries.join(","))
    }
}

/// An entry of `NO_PROXY` and the port that it is limited to.
fn without_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((host, after)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, after.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        // Two colons are in an IPv6 address.
        Some((host, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
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

    fn proxied(proxies: &Proxies, target: &'static str) -> Option<String> {
        proxies.of(&Uri::from_static(target))
    }

    #[test]
    fn variables_may_be_written_in_small_letters() {
        let proxies = Proxies::read(|name| (name == "https_proxy").then(|| "http://proxy:3128".to_owned()));
        assert_eq!(proxied(&proxies, "https://cluster:443").as_deref(), Some("http://proxy:3128/"));
        assert_eq!(proxied(&proxies, "http://cluster:80"), None);
    }

    #[test]
    fn no_proxy_is_compared_with_the_server() {
        let proxies = Proxies {
            https_proxy: Some("http://10.0.0.1:3128".to_owned()),
            no_proxy: Some("10.0.0.0/8,.internal".to_owned()),
            ..Proxies::default()
        };
        assert_eq!(proxied(&proxies, "https://10.1.2.3"), None);
        assert_eq!(proxied(&proxies, "https://api.internal"), None);
        assert!(proxied(&proxies, "https://api.example.org").is_some(), "although the proxy itself is excluded");
    }

    #[test]
    fn no_proxy_exempts_what_its_entries_say() {
        for (no_proxy, exempt, others) in [
            ("*", &["https://10.0.0.1", "https://[fd00::1]:6443", "https://api.example.org"][..], &[][..]),
            ("a, *", &["https://10.0.0.1"], &[]),
            ("10.0.0.1:6443", &["https://10.0.0.1:6443"], &["https://10.0.0.1", "https://10.0.0.2:6443"]),
            ("10.0.0.1:443", &["https://10.0.0.1"], &["http://10.0.0.1"]),
            ("[fd00::1]:6443", &["https://[fd00::1]:6443"], &["https://[fd00::1]"]),
            ("fd00::/8", &["https://[fd00::1]:6443"], &["https://[fe00::1]"]),
            ("10.0.0.0/8 172.16.0.0/12", &["https://10.9.9.9:6443", "https://172.16.0.1"], &["https://11.0.0.1"]),
            (".example.org", &["https://api.example.org"], &["https://badexample.org"]),
            ("*.example.org", &["https://api.example.org"], &["https://badexample.org"]),
            ("example.org", &["https://example.org", "https://api.EXAMPLE.org:6443"], &["https://badexample.org"]),
            ("api.example.org:6443", &["https://api.example.org:6443"], &["https://api.example.org"]),
            ("", &[], &["https://10.0.0.1", "https://api.example.org"]),
        ] {
            let proxies = Proxies {
                all_proxy: Some("http://proxy:3128".to_owned()),
                no_proxy: Some(no_proxy.to_owned()),
                ..Proxies::default()
            };
            for target in exempt {
                assert_eq!(proxied(&proxies, target), None, "NO_PROXY={no_proxy}: {target}");
            }
            for target in others {
                assert!(proxied(&proxies, target).is_some(), "NO_PROXY={no_proxy}: {target}");
            }
        }
    }

    #[test]
    fn a_proxys_user_and_password_stay_in_its_url() {
        let proxies = Proxies { https_proxy: Some("http://user:p%40ss@proxy:3128".to_owned()), ..Proxies::default() };
        assert_eq!(proxied(&proxies, "https://cluster").as_deref(), Some("http://user:p%40ss@proxy:3128/"));
    }
}
