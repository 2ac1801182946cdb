//! Credential plugins, as kubectl runs them
//! (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>).
//!
//! kube-rs could run them, too, but it waits for them without a limit, leaves them behind when a call ends, runs them twice for
//! one connection, and its errors quote their arguments, which may be secret.

use kube::config::ExecConfig;
use serde::Deserialize;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{process::Command, sync::Mutex};

use super::{
    error::{Error, Kind},
    forms,
};
use crate::{
    child,
    http::show_text,
    wait::{Interrupted, Wait},
};

/// A token is replaced when it has less than this left.
const MARGIN: Duration = Duration::seconds(60);

/// A plugin with the last answer that is still good.
pub(super) struct Plugin {
    exec: ExecConfig,
    /// The plugin, as messages call it.
    described: String,
    kept: Mutex<Option<Issued>>,
}

/// What a plugin returned.
#[derive(Clone)]
pub(super) struct Issued {
    pub(super) token: Option<String>,
    /// A client certificate and its key, in PEM.
    pub(super) certificate: Option<(String, String)>,
    expires: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct ExecCredential {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

impl Plugin {
    /// A plugin that has not run yet. `described` is how messages call it.
    pub(super) fn new(exec: ExecConfig, described: String) -> Self {
        Self { exec, described, kept: Mutex::default() }
    }

    /// What the plugin returned last, or returns now if that has expired or is `refused`.
    pub(super) async fn credential(&self, refused: Option<&str>, wait: &Wait) -> Result<Issued, Error> {
        let mut kept = wait.bound(self.kept.lock()).await.map_err(|why| self.interrupted(why))?;
        let good = |issued: &&Issued| {
            let refused = refused.is_some() && issued.token.as_deref() == refused;
            !refused && issued.expires.is_none_or(|expires| expires - MARGIN > OffsetDateTime::now_utc())
        };
        if let Some(issued) = kept.as_ref().filter(good) {
            return Ok(issued.clone());
        }
        let issued = self.run(wait).await?;
        Ok(kept.insert(issued).clone())
    }

    async fn run(&self, wait: &Wait) -> Result<Issued, Error> {
        let program = self.exec.command.as_deref().unwrap_or_default();
        let name = child::name(program);
        let ended = wait.bound(child::output(self.command(program))).await.map_err(|why| self.interrupted(why))?;
        let output = ended.map_err(|problem| {
            let hint = self.exec.install_hint.as_deref().map(show_text).unwrap_or_default();
            match problem.kind() {
                std::io::ErrorKind::NotFound => {
                    self.failed(format!("`{name}` was not found. Install it, or set `command` to its path."))
                }
                _ => self.failed(format!("`{name}` cannot be started: {problem}.")),
            }
            .advise(&hint)
        })?;
        if !output.status.success() {
            return Err(self.failed(child::failure(program, &output)));
        }
        // What it printed is not quoted, because it may be a token.
        let answer = std::str::from_utf8(&output.stdout).ok().and_then(|text| serde_saphyr::from_str(text).ok());
        let Some(ExecCredential { status: Some(status) }) = answer else {
            return Err(self.failed(format!(
                "`{name}` exited with status 0, but its output is not an ExecCredential with a status."
            )));
        };
        self.read(status).map_err(|reason| self.failed(format!("`{name}` returned what cannot be used. {reason}")))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(self.exec.args.iter().flatten());
        for variable in self.exec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                command.env(name, value);
            }
        }
        let info = serde_json::json!({
            "apiVersion": self.exec.api_version,
            "kind": "ExecCredential",
            // A provider has no terminal.
            "spec": {"interactive": false, "cluster": self.exec.cluster.as_ref().filter(|_| self.exec.provide_cluster_info)},
        });
        command.env("KUBERNETES_EXEC_INFO", info.to_string());
        for name in self.exec.drop_env.iter().flatten() {
            command.env_remove(name);
        }
        command
    }

    fn read(&self, status: Status) -> Result<Issued, String> {
        let token = status.token.as_deref().filter(|token| !token.is_empty()).map(forms::token).transpose()?;
        let certificate = match (status.client_certificate_data, status.client_key_data) {
            (Some(certificate), Some(key)) => {
                forms::pair(forms::certificates(&certificate)?, &forms::key(&key)?)
                    .map_err(|_| "Its key is not that of its client certificate.".to_owned())?;
                Some((certificate, key))
            }
            _ => None,
        };
        if token.is_none() && certificate.is_none() {
            return Err("It holds neither a token nor a client certificate with its key.".to_owned());
        }
        let expires = status.expiration_timestamp.map(|text| OffsetDateTime::parse(&text, &Rfc3339)).transpose();
        let expires = expires.map_err(|_| "Its `expirationTimestamp` is not a time by RFC 3339.".to_owned())?;
        Ok(Issued { token, certificate, expires })
    }

    fn failed(&self, reason: String) -> Error {
        let message = format!("signing in with {} failed: {reason}", self.described);
        Error::configuration("exec", message, "").of(Kind::Unauthorized)
    }

    fn interrupted(&self, why: Interrupted) -> Error {
        match why {
            Interrupted::Cancelled => {
                Error::configuration("exec", "the operation was stopped.", "").of(Kind::Cancelled)
            }
            Interrupted::Deadline => Error::configuration(
                "exec",
                format!("{} did not answer in time and was ended.", self.described),
                "Run the credential plugin by hand to see why. It must not ask questions: there is no terminal.",
            )
            .of(Kind::TimedOut),
        }
    }
}
