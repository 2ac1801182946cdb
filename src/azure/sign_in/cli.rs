//! The Azure CLI: its tokens, and the subscription and tenant it is set to.
//!
//! azure_identity has a credential for the CLI, too. It starts `az` through a shell that nothing ends when a wait is over, and
//! its errors do not say how `az` ended.

use std::process::Output;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use tokio::process::Command;

use super::super::answer::aadsts;
use super::super::error::{Error, ErrorKind};
use super::bridge::into_core;
use crate::child;

const INSTALL: &str = "Install the Azure CLI from https://aka.ms/azure-cli, or sign in another way: `client_secret`, \
                       `client_certificate_path`, `use_oidc` or `use_msi`.";
const SIGN_IN: &str = "Sign in with `az login`, with `--tenant` for another tenant.";

/// The account that `az account show` names.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::azure) struct Account {
    /// The subscription.
    pub(in crate::azure) id: String,
    #[serde(rename = "tenantId")]
    pub(in crate::azure) tenant_id: String,
}

/// The CLI's current account, or that of a subscription.
pub(in crate::azure) async fn account(subscription: Option<&str>) -> Result<Account, Error> {
    let mut arguments = vec!["account", "show", "--output", "json"];
    if let Some(subscription) = subscription {
        arguments.extend(["--subscription", subscription]);
    }
    ask(&arguments, "an account").await
}

/// Tokens of the account that the CLI is signed in as.
#[derive(Debug)]
pub(super) struct Cli {
    pub(super) tenant_id: Option<String>,
    pub(super) subscription_id: Option<String>,
}

#[derive(Deserialize)]
struct Issued {
    #[serde(rename = "accessToken")]
    access_token: String,
    /// In seconds. Its older neighbour `expiresOn` is a local time.
    expires_on: Option<i64>,
}

#[async_trait]
impl TokenCredential for Cli {
    async fn get_token(&self, scopes: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        self.token(scopes.first().copied().unwrap_or_default()).await.map_err(into_core)
    }
}

impl Cli {
    async fn token(&self, scope: &str) -> Result<AccessToken, Error> {
        let mut arguments = vec!["account", "get-access-token", "--output", "json", "--scope", scope];
        // The CLI accepts only one of the two.
        match (&self.tenant_id, &self.subscription_id) {
            (Some(tenant), _) => arguments.extend(["--tenant", tenant]),
            (None, Some(subscription)) => arguments.extend(["--subscription", subscription]),
            (None, None) => {}
        }
        let issued: Issued = ask(&arguments, "a token").await?;
        let expires_on = issued.expires_on.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        let expires_on = expires_on.ok_or_else(|| {
            failed("Its answer does not say when the token expires.")
                .hint("The Azure CLI says so since version 2.54: run `az upgrade`.")
        })?;
        Ok(AccessToken::new(issued.access_token, expires_on))
    }
}

/// Runs `az` and reads its answer, which is expected to be `what`.
async fn ask<T: DeserializeOwned>(arguments: &[&str], what: &str) -> Result<T, Error> {
    let missing = || failed("`az` was not found.").hint(INSTALL);
    let output = match child::output(command(arguments)).await {
        Ok(output) if is_missing(&output) => return Err(missing()),
        Ok(output) => output,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
        Err(problem) => return Err(failed(format!("`az` cannot be started: {problem}.")).hint(INSTALL)),
    };
    if !output.status.success() {
        let mut error = failed(child::failure("az", &output));
        error.code = aadsts(&error.message);
        return Err(error.hint(SIGN_IN));
    }
    // The answer is not quoted, because it may be a token.
    serde_json::from_slice(&output.stdout)
        .map_err(|_| failed(format!("`az` exited with status 0, but its output is not {what}.")))
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::SignIn, "sign in with Azure CLI", "az", message)
}

fn command(arguments: &[&str]) -> Command {
    // On Windows `az` is a batch file, which only its shell starts; that shell searches the current folder first.
    let mut command = Command::new(if cfg!(windows) { "cmd" } else { "az" });
    if cfg!(windows) {
        command.args(["/C", "az"]);
        command.current_dir(std::env::var_os("SYSTEMROOT").unwrap_or_else(|| ".".into()));
    }
    command.args(arguments);
    command
}

/// Whether a shell did not find it.
fn is_missing(output: &Output) -> bool {
    output.status.code() == Some(127) || String::from_utf8_lossy(&output.stderr).contains("' is not recognized")
}
