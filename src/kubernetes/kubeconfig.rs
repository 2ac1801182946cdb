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

use super::{
    config::{Settings, certificates, some, url},
    error::Error,
};

/// The connection that the kubeconfigs at `paths` describe, and how it signs in, in words.
pub(super) fn load(settings: &Settings, paths: &[&str]) -> Result<(Config, String), Error> {
    let attribute = if settings.config_paths.is_empty() { "config_path" } else { "config_paths" };
    let mut merged = Kubeconfig::default();
    for path in paths {
        let path = expand(path, settings.environment.home.as_deref());
        let read = Kubeconfig::read_from(&path).map_err(|error| unreadable(attribute, &path, &error))?;
        merged = merged.merge(read).map_err(|error| unreadable(attribute, &path, &error))?;
    }
    let files = paths.join(", ");
    let context = context(settings, &merged, &files)?;
    let cluster = cluster(settings, &merged, context, &files)?;
    let (user, mut auth) = user(settings, &merged, context, &files)?;

    let server =
        cluster.server.clone().filter(|server| !server.is_empty()).or_else(|| some(&settings.host).map(str::to_owned));
    let server = server.ok_or_else(|| {
        Error::configuration(
            attribute,
            format!("the chosen cluster in {files} has no `server`"),
            "Set it there, or set `host`.",
        )
    })?;
    let mut config = Config::new(url("config_path", &server, &["https", "http"])?);
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    config.root_cert = authority(attribute, cluster)?;
    if let Some(proxy) = some(&cluster.proxy_url) {
        config.proxy_url = Some(url("config_path", proxy, &["http", "https", "socks5"])?);
    }
    if let Some(exec) = &mut auth.exec {
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            let message = format!("the credential plugin of user \"{user}\" in {files} needs a terminal");
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
    let signed_in = describe(&user, &auth, &files);
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
        let message = format!("{files} has no current context");
        return Err(Error::configuration(
            "config_context",
            message,
            format!("Choose one with `config_context` (KUBE_CTX): {}.", names()),
        ));
    };
    let found = merged.contexts.iter().find(|named| named.name == name).and_then(|named| named.context.as_ref());
    found.map(Some).ok_or_else(|| {
        let message = format!("there is no context \"{name}\" in {files}");
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
        let message = format!("there is no cluster \"{name}\" in {files}");
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
        let message = format!("there is no user \"{name}\" in {files}");
        Error::configuration("config_context_auth_info", message, format!("These exist: {names}."))
    })?;
    Ok((name.to_owned(), found.auth_info.clone().unwrap_or_default()))
}

/// The cluster's certificate authority, from the file or the base64 in the kubeconfig.
fn authority(attribute: &'static str, cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let pem = if let Some(data) = some(&cluster.certificate_authority_data) {
        STANDARD.decode(data.trim()).map_err(|error| {
            let message = format!("the cluster's `certificate-authority-data` is not base64: {error}");
            Error::configuration(attribute, message, "")
        })?
    } else if let Some(path) = some(&cluster.certificate_authority) {
        std::fs::read(path).map_err(|error| {
            let message = format!("the cluster's `certificate-authority` {path} cannot be read: {error}");
            Error::configuration(attribute, message, "")
        })?
    } else {
        return Ok(None);
    };
    certificates(attribute, &pem).map(Some)
}

fn describe(user: &str, auth: &AuthInfo, files: &str) -> String {
    let how = if let Some(exec) = &auth.exec {
        format!("what the credential plugin `{}` returns", exec.command.as_deref().unwrap_or_default())
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
fn unreadable(attribute: &'static str, path: &Path, error: &KubeconfigError) -> Error {
    let file = path.display();
    match error {
        KubeconfigError::ReadConfig(error, _) => {
            Error::configuration(attribute, format!("the kubeconfig {file} cannot be read: {error}"), "")
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
        other => Error::configuration(attribute, format!("the kubeconfig {file} cannot be used: {other}"), ""),
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
