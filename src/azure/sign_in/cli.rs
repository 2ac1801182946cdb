//! What the Azure CLI knows: the subscription and tenant it is set to.

use std::ffi::OsStr;

use serde::Deserialize;

use super::super::error::{Error, ErrorKind};

/// The account that `az account show` names.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::azure) struct Account {
    /// The subscription.
    pub(in crate::azure) id: String,
    #[serde(rename = "tenantId")]
    pub(in crate::azure) tenant_id: String,
}

const COMMAND: &str = "az account show";

/// The CLI's current account, or that of a subscription.
pub(in crate::azure) async fn account(subscription: Option<&str>) -> Result<Account, Error> {
    let failed = |message: String| Error::new(ErrorKind::SignIn, "sign in with Azure CLI", COMMAND, message);
    let mut arguments = vec!["account", "show", "--output", "json"];
    if let Some(subscription) = subscription {
        arguments.extend(["--subscription", subscription]);
    }
    // On Windows `az` is a batch file, which only its shell starts.
    let program = if cfg!(windows) { "cmd" } else { "az" };
    if cfg!(windows) {
        arguments.splice(0..0, ["/C", "az"]);
    }
    let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    let output = azure_identity::new_executor().run(OsStr::new(program), &arguments).await.map_err(|problem| {
        failed(format!("the Azure CLI cannot be started: {problem}")).hint(
            "Install it from https://aka.ms/azure-cli, or sign in another way and set `use_cli = false` (ARM_USE_CLI).",
        )
    })?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()).hint("Sign in with `az login`."));
    }
    serde_json::from_slice(&output.stdout).map_err(|problem| failed(format!("its answer is not an account: {problem}")))
}
