//! Kubeconfig files: read, merged, and reduced to one cluster and one user.
//!
//! kube-rs reads and merges them; the choice of context, cluster and user is made here, because its errors do not name what exists
//! and it takes proxies from the environment by a rule of its own.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::{
    Config,
    config::{AuthInfo, Cluster, Context, ExecAuthCluster, ExecInteractiveMode, Kubeconfig, KubeconfigError},
};
use secrecy::ExposeSecret as _;

use super::{
    config::{Settings, some},
    error::Error,
    forms,
};
use crate::child;

/// The connection that the kubeconfigs at `paths` describe, and how it signs in, in words.
pub(super) fn load(settings: &Settings, paths: &[&str]) -> Result<(Config, String), Error> {
    let attribute = if settings.config_paths.is_empty() { "config_path" } else { "config_paths" };
    let name = settings.name(attribute);
    let paths: Vec<PathBuf> = paths.iter().map(|path| expand(path, settings.environment.home.as_deref())).collect();
    // As kubectl does: of several, one that does not exist is skipped.
    let skipped = |path: &&PathBuf| paths.len() > 1 && !path.exists();
    let mut present: Vec<&PathBuf> = paths.iter().filter(|path| !skipped(path)).collect();
    if present.is_empty() {
        present.extend(paths.first());
    }
    let mut merged = Kubeconfig::default();
    for path in &present {
        let read = Kubeconfig::read_from(path).map_err(|error| unreadable(attribute, &name, path, &error))?;
        merged = merged.merge(read).map_err(|error| unreadable(attribute, &name, path, &error))?;
    }
    let files: Vec<String> = present.iter().map(|path| path.display().to_string()).collect();
    choose(settings, &merged, attribute, &files.join(", "))
}

/// The connection that a kubeconfig describes which came in place of a file.
pub(super) fn parse(settings: &Settings, text: &str) -> Result<(Config, String), Error> {
    let parsed = Kubeconfig::from_yaml(text)
        .map_err(|error| unreadable("cluster_id", "Azure", Path::new("of `cluster_id`"), &error))?;
    choose(settings, &parsed, "cluster_id", "the kubeconfig of `cluster_id`")
}

/// Reduces kubeconfigs, called `files` in messages, to one cluster and one user.
fn choose(
    settings: &Settings,
    merged: &Kubeconfig,
    attribute: &'static str,
    files: &str,
) -> Result<(Config, String), Error> {
    let context = context(settings, merged, files)?;
    let cluster = cluster(settings, merged, context, files)?;
    let (user, mut auth) = user(settings, merged, context, files)?;

    let server =
        cluster.server.clone().filter(|server| !server.is_empty()).or_else(|| some(&settings.host).map(str::to_owned));
    let server = server.ok_or_else(|| {
        Error::configuration(
            attribute,
            format!("the chosen cluster in {files} has no `server`."),
            "Set it there, or set `host`.",
        )
    })?;
    let wrong = |what: &str, reason: String| {
        Error::configuration(attribute, format!("{what} in {files} cannot be used."), reason)
    };
    let mut config = Config::new(forms::host(&server).map_err(|reason| wrong("the cluster's `server`", reason))?);
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    config.root_cert = authority(attribute, cluster)?;
    if let Some(proxy) = some(&cluster.proxy_url) {
        config.proxy_url = Some(forms::proxy(proxy).map_err(|reason| wrong("the cluster's `proxy-url`", reason))?);
    }
    if let Some(name) = &config.tls_server_name {
        forms::server_name(name).map_err(|reason| wrong("the cluster's `tls-server-name`", reason))?;
    }
    let of_user = |field: &str| format!("`{field}` of user \"{user}\"");
    if let Some(provider) = auth.auth_provider.take_if(|_| attribute != "cluster_id") {
        // Only the token that it holds; nothing is run or asked for a new one.
        let token = provider.config.get("id-token").filter(|_| provider.name == "oidc").cloned();
        let token = token.ok_or_else(|| {
            let reason =
                "Kubernetes 1.26 removed auth providers in favour of credential plugins (`exec`), such as kubelogin.";
            wrong(&of_user("auth-provider"), reason.to_owned())
        })?;
        auth.token = Some(token.into());
    }
    if let Some(token) = &auth.token {
        let token = forms::token(token.expose_secret()).map_err(|reason| wrong(&of_user("token"), reason))?;
        auth.token = Some(token.into());
    }
    // A plugin in a kubeconfig that was handed out is never run.
    if attribute != "cluster_id"
        && let Some(exec) = &mut auth.exec
    {
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            let message = format!("the credential plugin of user \"{user}\" in {files} needs a terminal.");
            return Err(Error::configuration(
                attribute,
                message,
                "A provider has none: sign in another way, or use a plugin that can do without.",
            ));
        }
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
        if exec.provide_cluster_info {
            exec.cluster = ExecAuthCluster::try_from(cluster).ok();
        }
    }
    let signed_in = describe(&user, &auth, files);
    config.auth_info = auth;
    Ok((config, signed_in))
}

fn context<'a>(settings: &Settings, merged: &'a Kubeconfig, files: &str) -> Result<Option<&'a Context>, Error> {
    let names = || listed(merged.contexts.iter().map(|named| named.name.as_str()));
    let Some(name) = some(&settings.config_context).or_else(|| some(&merged.current_context)) else {
        // A cluster and a user chosen by name need no context.
        if some(&settings.config_context_cluster).is_some() {
            return Ok(None);
        }
        let message = format!("{files} has no current context.");
        return Err(Error::configuration(
            "config_context",
            message,
            format!("Choose one with `config_context` (KUBE_CTX): {}.", names()),
        ));
    };
    let found = merged.contexts.iter().find(|named| named.name == name).and_then(|named| named.context.as_ref());
    found.map(Some).ok_or_else(|| {
        let chosen = match some(&settings.config_context) {
            Some(_) => format!(", which {} names", settings.name("config_context")),
            None => String::new(),
        };
        let message = format!("there is no context \"{name}\" in {files}{chosen}.");
        Error::configuration("config_context", message, format!("These exist: {}.", names()))
    })
}

fn cluster<'a>(
    settings: &Settings,
    merged: &'a Kubeconfig,
    context: Option<&Context>,
    files: &str,
) -> Result<&'a Cluster, Error> {
    let name = some(&settings.config_context_cluster)
        .or_else(|| context.map(|context| context.cluster.as_str()))
        .unwrap_or_default();
    let found = merged.clusters.iter().find(|named| named.name == name).and_then(|named| named.cluster.as_ref());
    found.ok_or_else(|| {
        let names = listed(merged.clusters.iter().map(|named| named.name.as_str()));
        let message = format!("there is no cluster \"{name}\" in {files}.");
        Error::configuration("config_context_cluster", message, format!("These exist: {names}."))
    })
}

fn user(
    settings: &Settings,
    merged: &Kubeconfig,
    context: Option<&Context>,
    files: &str,
) -> Result<(String, AuthInfo), Error> {
    let of_context = context.and_then(|context| context.user.as_deref()).filter(|name| !name.is_empty());
    let Some(name) = some(&settings.config_context_auth_info).or(of_context) else {
        return Ok((String::new(), AuthInfo::default()));
    };
    let found = merged.auth_infos.iter().find(|named| named.name == name);
    let found = found.ok_or_else(|| {
        let names = listed(merged.auth_infos.iter().map(|named| named.name.as_str()));
        let message = format!("there is no user \"{name}\" in {files}.");
        Error::configuration("config_context_auth_info", message, format!("These exist: {names}."))
    })?;
    Ok((name.to_owned(), found.auth_info.clone().unwrap_or_default()))
}

/// The cluster's certificate authority, from the file or the base64 in the kubeconfig.
fn authority(attribute: &'static str, cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let pem = if let Some(data) = some(&cluster.certificate_authority_data) {
        STANDARD.decode(data.trim()).map_err(|error| {
            let message = format!("the cluster's `certificate-authority-data` is not base64: {error}.");
            Error::configuration(attribute, message, "")
        })?
    } else if let Some(path) = some(&cluster.certificate_authority) {
        std::fs::read(path).map_err(|error| {
            let message = format!("the cluster's `certificate-authority` {path} cannot be read: {error}.");
            Error::configuration(attribute, message, "")
        })?
    } else {
        return Ok(None);
    };
    let found = forms::authorities(&String::from_utf8_lossy(&pem)).map_err(|reason| {
        Error::configuration(attribute, "the cluster's certificate authority in the kubeconfig cannot be used.", reason)
    })?;
    Ok(Some(found.iter().map(|der| der.to_vec()).collect()))
}

fn describe(user: &str, auth: &AuthInfo, files: &str) -> String {
    let how = if let Some(exec) = &auth.exec {
        format!("the credential plugin `{}`", child::name(exec.command.as_deref().unwrap_or_default()))
    } else if auth.token.is_some() || auth.token_file.is_some() {
        "the token".to_owned()
    } else if auth.client_certificate_data.is_some() || auth.client_certificate.is_some() {
        "the client certificate".to_owned()
    } else if auth.username.is_some() {
        "the user name and password".to_owned()
    } else {
        return format!("no credentials are set for user \"{user}\" in {files}");
    };
    format!("{how} of user \"{user}\" in {files}")
}

/// A path with `~` expanded.
fn expand(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with(['/', std::path::MAIN_SEPARATOR]) => {
            home.join(rest.trim_start_matches(['/', std::path::MAIN_SEPARATOR]))
        }
        _ => PathBuf::from(path),
    }
}

/// Why a file could not be used: which one, and on which line.
fn unreadable(attribute: &'static str, name: &str, path: &Path, error: &KubeconfigError) -> Error {
    let file = format!("{} ({name})", path.display());
    match error {
        KubeconfigError::ReadConfig(error, _) => {
            Error::configuration(attribute, format!("the kubeconfig {file} cannot be read: {error}."), "")
        }
        KubeconfigError::Parse(error) => {
            let line =
                error.location().map(|at| format!(", line {}, column {}", at.line(), at.column())).unwrap_or_default();
            let message = format!(
                "the kubeconfig {file}{line} does not parse: {}",
                redacted(&error.without_snippet().to_string())
            );
            Error::configuration(attribute, message, "")
        }
        other => Error::configuration(
            attribute,
            format!("the kubeconfig {file} cannot be used: {}.", redacted(&other.to_string())),
            "",
        ),
    }
}

/// The first line of a parser's message, without what it quotes: a kubeconfig is full of secrets.
fn redacted(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let mut parts = line.split(['"', '`']);
    let mut told = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        let quoted = index % 2 == 0;
        let shown = if quoted && part.chars().count() > 24 { "…" } else { part };
        told.push('"');
        told.push_str(shown);
    }
    told
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"apiVersion: v1
kind: Config
current-context: dev
clusters:
- {name: dev, cluster: {server: "https://dev:6443", tls-server-name: api, proxy-url: "http://proxy:1", insecure-skip-tls-verify: true}}
- {name: prod, cluster: {server: "https://prod:6443"}}
users:
- {name: dev, user: {token: dev-token, as: someone}}
- {name: prod, user: {username: u, password: p}}
contexts:
- {name: dev, context: {cluster: dev, user: dev}}
- {name: prod, context: {cluster: prod, user: prod}}
- {name: lost, context: {cluster: gone, user: gone}}
"#;

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn with(&self, name: &str, text: &str) -> String {
            let path = self.0.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        }
    }

    fn at(path: &str) -> Settings {
        Settings { config_path: Some(path.to_owned()), ..Settings::default() }
    }

    fn set(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn the_current_context_gives_cluster_and_user() {
        let files = Files::new();
        let (config, signed_in) = at(&files.with("config", CONFIG)).resolve(None).unwrap();
        assert_eq!(config.cluster_url, "https://dev:6443/");
        assert_eq!(config.tls_server_name.as_deref(), Some("api"));
        assert_eq!(config.proxy_url.unwrap(), "http://proxy:1/");
        assert!(config.accept_invalid_certs);
        assert!(config.auth_info.token.is_some());
        assert!(signed_in.contains("user \"dev\""), "{signed_in}");
    }

    #[test]
    fn what_is_set_wins_over_the_kubeconfig_and_a_credential_replaces_its_user() {
        let files = Files::new();
        let settings = Settings {
            host: set("https://other:1"),
            username: set("me"),
            password: set("p"),
            tls_server_name: set("name"),
            proxy_url: set("socks5://socks:1"),
            insecure: Some(false),
            ..at(&files.with("config", CONFIG))
        };
        let (config, signed_in) = settings.resolve(None).unwrap();
        assert_eq!(
            (config.cluster_url.to_string(), config.tls_server_name.as_deref()),
            ("https://other:1/".to_owned(), Some("name"))
        );
        assert_eq!(config.proxy_url.unwrap(), "socks5://socks:1/");
        assert!(config.accept_invalid_certs, "false does not overrule the kubeconfig");
        assert!(config.auth_info.token.is_none(), "the kubeconfig's token would be sent instead");
        assert_eq!(config.auth_info.username.as_deref(), Some("me"));
        assert_eq!(config.auth_info.impersonate.as_deref(), Some("someone"));
        assert!(signed_in.contains("KUBE_USER"), "{signed_in}");
    }

    #[test]
    fn variables_only_complete_a_kubeconfig_that_the_configuration_names() {
        use crate::origin::Origin;
        let files = Files::new();
        let nobody = CONFIG.replace("token: dev-token, ", "");
        let (somebody, nobody) = (files.with("config", CONFIG), files.with("nobody", &nobody));
        for (path, origin, host, token) in [
            (&somebody, Origin::Configuration, "https://dev:6443/", "dev-token"),
            (&nobody, Origin::Configuration, "https://dev:6443/", "of-the-environment"),
            (&somebody, Origin::Variable("KUBE_CONFIG_PATH"), "https://other:1/", "of-the-environment"),
        ] {
            let mut settings = Settings {
                host: set("https://other:1"),
                token: set("of-the-environment"),
                tls_server_name: set("other"),
                proxy_url: set("http://other:1"),
                ..at(path)
            };
            settings.origins.set("config_path", origin);
            for (attribute, variable) in [
                ("host", "KUBE_HOST"),
                ("token", "KUBE_TOKEN"),
                ("tls_server_name", "KUBE_TLS_SERVER_NAME"),
                ("proxy_url", "KUBE_PROXY_URL"),
            ] {
                settings.origins.set(attribute, Origin::Variable(variable));
            }
            let (config, _) = settings.resolve(None).unwrap();
            let wins = origin != Origin::Configuration;
            assert_eq!(config.cluster_url, host);
            assert_eq!(config.auth_info.token.unwrap().expose_secret(), token, "{origin:?}");
            assert_eq!(config.auth_info.impersonate.as_deref(), Some("someone"));
            assert_eq!(config.tls_server_name.as_deref(), Some(if wins { "other" } else { "api" }));
            assert_eq!(config.proxy_url.unwrap(), if wins { "http://other:1/" } else { "http://proxy:1/" });
        }
    }

    #[test]
    fn context_cluster_and_user_can_be_chosen() {
        let files = Files::new();
        let path = files.with("config", CONFIG);
        let (config, _) = Settings { config_context: set("prod"), ..at(&path) }.resolve(None).unwrap();
        assert_eq!(
            (config.cluster_url.to_string(), config.auth_info.username.as_deref()),
            ("https://prod:6443/".to_owned(), Some("u"))
        );
        let (config, _) =
            Settings { config_context_cluster: set("prod"), config_context_auth_info: set("dev"), ..at(&path) }
                .resolve(None)
                .unwrap();
        assert_eq!(config.cluster_url, "https://prod:6443/");
        assert!(config.auth_info.token.is_some());
    }

    #[test]
    fn what_is_missing_is_named_with_what_exists() {
        let files = Files::new();
        let path = files.with("config", CONFIG);
        for (attribute, settings, parts) in [
            (
                "config_context",
                Settings { config_context: set("nope"), ..at(&path) },
                ["\"nope\"", "\"dev\", \"prod\", \"lost\""],
            ),
            (
                "config_context_cluster",
                Settings { config_context: set("lost"), ..at(&path) },
                ["\"gone\"", "\"dev\", \"prod\""],
            ),
            (
                "config_context_auth_info",
                Settings { config_context_auth_info: set("x"), ..at(&path) },
                ["\"x\"", "\"dev\", \"prod\""],
            ),
            ("config_context", at(&files.with("none", "clusters: []")), ["no current context", "none"]),
            ("config_path", at("/nowhere/config"), ["/nowhere/config", "cannot be read"]),
        ] {
            let error = settings.resolve(None).unwrap_err();
            assert_eq!(error.attribute, Some(attribute), "{error}");
            for part in parts {
                assert!(error.to_string().contains(part), "{part} in {error}");
            }
        }
    }

    #[test]
    fn files_are_merged_and_the_first_wins() {
        let files = Files::new();
        let first = files
            .with("first", "current-context: prod\nclusters:\n- {name: prod, cluster: {server: 'https://first:1'}}\n");
        let settings = Settings { config_paths: vec![first, files.with("second", CONFIG)], ..Settings::default() };
        let (config, _) = settings.resolve(None).unwrap();
        assert_eq!(config.cluster_url, "https://first:1/");
        assert_eq!(config.auth_info.username.as_deref(), Some("u"), "only the second file has users");
    }

    #[test]
    fn a_tilde_is_the_users_folder() {
        let files = Files::new();
        files.with("config", CONFIG);
        let mut settings = at("~/config");
        settings.environment.home = Some(files.0.path().to_owned());
        assert!(settings.resolve(None).is_ok());
        assert_eq!(expand("~other/config", Some(Path::new("/home/me"))), Path::new("~other/config"));
    }

    #[test]
    fn a_file_that_does_not_parse_is_named_with_the_line_and_without_its_secrets() {
        let files = Files::new();
        let secret = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ";
        for (text, line) in [
            ("apiVersion: v1\nclusters:\n- name: [broken\n", "line "),
            (secret, "line 1"),
            (&format!("users:\n- name: u\n  user: \"{secret}\"\n"), "line 3"),
            ("apiVersion: v1\ncontexts: 5\n", "line 2"),
        ] {
            let path = files.with("config", text);
            let error = at(&path).resolve(None).unwrap_err().to_string();
            assert!(error.contains(&path) && error.contains(line), "{line} in {error}");
            assert!(!error.contains(secret), "{error}");
        }
    }

    #[test]
    fn a_plugin_that_needs_a_terminal_is_refused() {
        let files = Files::new();
        let exec = "{apiVersion: client.authentication.k8s.io/v1, command: login, interactiveMode: MODE}";
        let text = |mode| CONFIG.replace("token: dev-token", &format!("exec: {}", exec.replace("MODE", mode)));
        let error = at(&files.with("config", &text("Always"))).resolve(None).unwrap_err();
        assert!(error.message.contains("terminal"), "{error}");
        let (config, signed_in) = at(&files.with("config", &text("IfAvailable"))).resolve(None).unwrap();
        assert_eq!(config.auth_info.exec.unwrap().interactive_mode, Some(ExecInteractiveMode::Never));
        assert!(signed_in.contains("`login`"), "{signed_in}");
    }
}
