//! Which way of signing in a configuration asks for.
//!
//! The order is azurerm's: certificate, secret, OIDC, managed identity, Azure CLI. Unlike there, a method that is asked for but
//! incomplete is an error and never passed over: whoever sets a secret does not want to find out later that Terraform ran
//! as the person at the keyboard.

use std::path::{Path, PathBuf};

use super::super::config::Config;
use super::super::error::Error;
use super::super::secret::Secret;
use crate::http::show_address;

/// A complete way to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::azure) enum Method {
    Certificate { application: Application, bundle: Bundle, password: Option<Secret> },
    Secret { application: Application, secret: Secret },
    Oidc { application: Application, source: Source },
    ManagedIdentity { client_id: Option<String>, endpoint: Option<String>, api_version: String },
    Cli { tenant_id: Option<String>, subscription_id: Option<String> },
}

/// Whom to sign in as, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::azure) struct Application {
    pub(in crate::azure) client_id: String,
    pub(in crate::azure) tenant_id: String,
}

/// A PKCS#12 bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::azure) enum Bundle {
    Base64(Secret),
    File(PathBuf),
}

/// Where the token of the other issuer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::azure) enum Source {
    Token(Secret),
    File { path: PathBuf, attribute: &'static str },
    AzureDevOps { request: Request, connection: String },
    GitHub { request: Request },
}

/// A place that hands out tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::azure) struct Request {
    pub(in crate::azure) url: String,
    pub(in crate::azure) token: Secret,
}

impl Method {
    /// The method a configuration asks for.
    ///
    /// # Errors
    /// When it is incomplete, contradicts itself, or none is asked for.
    pub(in crate::azure) fn choose(config: &Config) -> Result<Self, Error> {
        if set(&config.client_certificate) || set(&config.client_certificate_path) {
            return certificate(config);
        }
        if set(&config.client_secret) || set(&config.client_secret_file_path) {
            return secret(config);
        }
        if config.use_oidc || config.use_aks_workload_identity {
            return oidc(config);
        }
        if config.use_msi {
            if !config.auxiliary_tenant_ids.is_empty() {
                return Err(Error::config(
                    "managed identity",
                    "a managed identity has tokens of its own tenant only: remove `auxiliary_tenant_ids` (ARM_AUXILIARY_TENANT_IDS)",
                ));
            }
            let api_version = text(&config.msi_api_version).unwrap_or_else(|| "2018-02-01".to_owned());
            let endpoint = text(&config.msi_endpoint);
            if let Some(endpoint) = &endpoint {
                check_url("managed identity", "msi_endpoint` (ARM_MSI_ENDPOINT)", endpoint)?;
            }
            return Ok(Self::ManagedIdentity {
                client_id: client_id(config, "managed identity")?,
                endpoint,
                api_version,
            });
        }
        if config.use_cli {
            return Ok(Self::Cli {
                tenant_id: text(&config.tenant_id),
                subscription_id: text(&config.subscription_id),
            });
        }
        Err(Error::config(
            "sign-in",
            "no way to sign in to Azure is set up: set `client_secret` or `client_certificate_path` with `client_id` and `tenant_id`, or `use_oidc`, `use_msi` or `use_cli`",
        ))
    }

    /// The method by the name used in messages.
    pub(in crate::azure) fn name(&self) -> &'static str {
        match self {
            Self::Certificate { .. } => "client certificate",
            Self::Secret { .. } => "client secret",
            Self::Oidc { source: Source::Token(_), .. } => "OIDC token",
            Self::Oidc { source: Source::File { attribute: "use_aks_workload_identity", .. }, .. } => {
                "AKS workload identity"
            }
            Self::Oidc { source: Source::File { .. }, .. } => "OIDC token file",
            Self::Oidc { source: Source::AzureDevOps { .. }, .. } => "OIDC of Azure DevOps",
            Self::Oidc { source: Source::GitHub { .. }, .. } => "OIDC of GitHub",
            Self::ManagedIdentity { .. } => "managed identity",
            Self::Cli { .. } => "Azure CLI",
        }
    }

    /// The tenant that the configuration names.
    pub(in crate::azure) fn tenant_id(&self) -> Option<&str> {
        match self {
            Self::Certificate { application, .. }
            | Self::Secret { application, .. }
            | Self::Oidc { application, .. } => Some(&application.tenant_id),
            Self::ManagedIdentity { .. } => None,
            Self::Cli { tenant_id, .. } => tenant_id.as_deref(),
        }
    }
}

fn certificate(config: &Config) -> Result<Method, Error> {
    const NAME: &str = "client certificate";
    let bundle = match (&config.client_certificate, text(&config.client_certificate_path)) {
        (Some(_), Some(_)) => {
            return Err(Error::config(
                NAME,
                "`client_certificate` (ARM_CLIENT_CERTIFICATE) and `client_certificate_path` (ARM_CLIENT_CERTIFICATE_PATH) are both set: keep one",
            ));
        }
        (Some(bundle), None) => Bundle::Base64(bundle.clone()),
        (None, path) => {
            let path = PathBuf::from(path.unwrap_or_default());
            if !path.is_file() {
                return Err(Error::config(
                    NAME,
                    format!(
                        "`client_certificate_path` (ARM_CLIENT_CERTIFICATE_PATH) names no file: {}",
                        path.display()
                    ),
                ));
            }
            Bundle::File(path)
        }
    };
    Ok(Method::Certificate {
        application: application(config, NAME)?,
        bundle,
        password: config.client_certificate_password.clone(),
    })
}

fn secret(config: &Config) -> Result<Method, Error> {
    const NAME: &str = "client secret";
    let secret = match (&config.client_secret, text(&config.client_secret_file_path)) {
        (Some(secret), None) => secret.clone(),
        (given, path) => {
            let read = read(
                NAME,
                "client_secret_file_path` (ARM_CLIENT_SECRET_FILE_PATH)",
                Path::new(&path.unwrap_or_default()),
            )?;
            if given.as_ref().is_some_and(|given| given.expose() != read) {
                return Err(Error::config(
                    NAME,
                    "`client_secret` (ARM_CLIENT_SECRET) and the content of `client_secret_file_path` differ: keep one",
                ));
            }
            Secret::new(read)
        }
    };
    Ok(Method::Secret { application: application(config, NAME)?, secret })
}

fn oidc(config: &Config) -> Result<Method, Error> {
    if config.use_aks_workload_identity {
        return aks(config);
    }
    let source = if let Some(token) = &config.oidc_token {
        Source::Token(token.clone())
    } else if let Some(path) = text(&config.oidc_token_file_path) {
        Source::File { path: path.into(), attribute: "oidc_token_file_path" }
    } else if let Some(connection) = text(&config.ado_pipeline_service_connection_id) {
        let request = request(
            config,
            "OIDC of Azure DevOps",
            "SYSTEM_OIDCREQUESTURI",
            "SYSTEM_ACCESSTOKEN; map it in the step's `env`",
        )?;
        Source::AzureDevOps { request, connection }
    } else if set(&config.oidc_request_url) || set(&config.oidc_request_token) {
        let request = request(
            config,
            "OIDC of GitHub",
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN; the job needs `permissions: id-token: write`",
        )?;
        Source::GitHub { request }
    } else {
        return Err(Error::config(
            "OIDC",
            "`use_oidc` (ARM_USE_OIDC) is true, but there is no token: set `oidc_token` (ARM_OIDC_TOKEN), `oidc_token_file_path` (ARM_OIDC_TOKEN_FILE_PATH), or `oidc_request_url` with `oidc_request_token`; GitHub sets those two in jobs with `permissions: id-token: write`, Azure DevOps also wants `ado_pipeline_service_connection_id`",
        ));
    };
    Ok(Method::Oidc { application: application(config, "OIDC")?, source })
}

/// The pod's own workload identity. What the configuration says besides must be the same.
fn aks(config: &Config) -> Result<Method, Error> {
    const NAME: &str = "AKS workload identity";
    let injected = |variable: &str, value: &Option<String>, attribute: &str, explicit: Option<String>| {
        let value = text(value).ok_or_else(|| {
            Error::config(NAME, format!("`use_aks_workload_identity` is true, but {variable} is not set: this does not run in a pod with the label `azure.workload.identity/use: \"true\"`"))
        })?;
        match explicit {
            Some(explicit) if explicit != value => Err(Error::config(
                NAME,
                format!(
                    "`{attribute}` is `{explicit}`, but {variable} in this pod is `{value}`: remove one or make them equal"
                ),
            )),
            _ => Ok(value),
        }
    };
    let pod = &config.aks_workload;
    let client_id = injected("AZURE_CLIENT_ID", &pod.client_id, "client_id", client_id(config, NAME)?)?;
    let tenant_id = injected("AZURE_TENANT_ID", &pod.tenant_id, "tenant_id", text(&config.tenant_id))?;
    let path = injected(
        "AZURE_FEDERATED_TOKEN_FILE",
        &pod.token_file,
        "oidc_token_file_path",
        text(&config.oidc_token_file_path),
    )?;
    let source = Source::File { path: path.into(), attribute: "use_aks_workload_identity" };
    Ok(Method::Oidc { application: Application { client_id, tenant_id: tenant(NAME, tenant_id)? }, source })
}

fn application(config: &Config, method: &str) -> Result<Application, Error> {
    let client_id = client_id(config, method)?.ok_or_else(|| {
        Error::config(method, "`client_id` (ARM_CLIENT_ID) is not set; it is the application's or identity's client id")
    })?;
    let tenant_id = text(&config.tenant_id).ok_or_else(|| {
        Error::config(method, "`tenant_id` (ARM_TENANT_ID) is not set; it is the tenant to sign in to")
    })?;
    Ok(Application { client_id, tenant_id: tenant(method, tenant_id)? })
}

fn client_id(config: &Config, method: &str) -> Result<Option<String>, Error> {
    let Some(path) = text(&config.client_id_file_path) else { return Ok(text(&config.client_id)) };
    let read = read(method, "client_id_file_path` (ARM_CLIENT_ID_FILE_PATH)", Path::new(&path))?;
    match text(&config.client_id) {
        Some(given) if given != read => Err(Error::config(
            method,
            format!(
                "`client_id` (ARM_CLIENT_ID) is `{given}`, but the file in `client_id_file_path` says `{read}`: keep one"
            ),
        )),
        _ => Ok(Some(read)),
    }
}

fn request(config: &Config, method: &str, url: &str, token: &str) -> Result<Request, Error> {
    let missing = |attribute: &str, variable: &str| {
        Error::config(method, format!("`{attribute}` is not set; the pipeline has it in {variable}"))
    };
    let address = text(&config.oidc_request_url).ok_or_else(|| missing("oidc_request_url", url))?;
    check_url(method, "oidc_request_url`", &address)?;
    let token = config.oidc_request_token.clone().ok_or_else(|| missing("oidc_request_token", token))?;
    Ok(Request { url: address, token })
}

/// A tenant is a GUID or a domain; anything else would change the address to sign in at.
fn tenant(method: &str, tenant_id: String) -> Result<String, Error> {
    if tenant_id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')) {
        return Ok(tenant_id);
    }
    Err(Error::config(method, format!("`tenant_id` `{tenant_id}` is neither a GUID nor a domain name")))
}

fn check_url(method: &str, attribute: &str, text: &str) -> Result<(), Error> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(()),
        _ => Err(Error::config(method, format!("`{attribute} is not a URL: `{}`", show_address(text)))),
    }
}

pub(super) fn read(method: &str, attribute: &str, path: &Path) -> Result<String, Error> {
    let content = std::fs::read_to_string(path).map_err(|problem| {
        Error::config(method, format!("`{attribute} cannot be read from {}: {problem}", path.display()))
    })?;
    match content.trim() {
        "" => Err(Error::config(method, format!("`{attribute} names an empty file: {}", path.display()))),
        content => Ok(content.to_owned()),
    }
}

fn set<T: AsText>(value: &Option<T>) -> bool {
    value.as_ref().is_some_and(|value| !value.as_text().trim().is_empty())
}

fn text(value: &Option<String>) -> Option<String> {
    value.as_deref().map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
}

trait AsText {
    fn as_text(&self) -> &str;
}

impl AsText for String {
    fn as_text(&self) -> &str {
        self
    }
}

impl AsText for Secret {
    fn as_text(&self) -> &str {
        self.expose()
    }
}

#[cfg(test)]
#[path = "method_tests.rs"]
mod tests;
