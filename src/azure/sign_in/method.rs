//! Which way of signing in a configuration asks for.
//!
//! The order is azurerm's: certificate, secret, OIDC, managed identity, Azure CLI. Unlike there, the configuration wins over the
//! environment, and a method that is asked for but incomplete is an error and never passed over: Terraform would run as the
//! person at the keyboard.

use std::path::{Path, PathBuf};

use super::super::config::Config;
use super::super::error::{Error, ErrorKind};
use super::super::secret::Secret;
use crate::http::{show_address, show_text};

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
    /// `name` says who set the path.
    File {
        path: PathBuf,
        attribute: &'static str,
        name: String,
    },
    AzureDevOps {
        request: Request,
        connection: String,
    },
    GitHub {
        request: Request,
    },
}

/// A place that hands out tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::azure) struct Request {
    pub(in crate::azure) url: String,
    pub(in crate::azure) token: Secret,
    /// Who set the token, as messages say it.
    pub(in crate::azure) name: String,
}

impl Method {
    /// The method a configuration asks for: of those that are set up the first in azurerm's order. One that an attribute names comes
    /// before one that only a variable names, which may be left over from something else.
    ///
    /// # Errors
    /// When it is incomplete, contradicts itself, or none is asked for.
    pub(in crate::azure) fn choose(config: &Config) -> Result<Self, Error> {
        let named = |way: &Way| way.attributes().iter().any(|attribute| config.origins.is_configured(attribute));
        let mut ways: Vec<Way> = Way::ALL.into_iter().filter(|way| way.is_set_up(config)).collect();
        // A stable sort: azurerm's order among those that are named, and among the others.
        ways.sort_by_key(|way| !named(way));
        match ways.first() {
            Some(Way::Certificate) => certificate(config),
            Some(Way::Secret) => secret(config),
            Some(Way::Oidc) => oidc(config),
            Some(Way::ManagedIdentity) => managed_identity(config),
            Some(Way::Cli) => {
                Ok(Self::Cli { tenant_id: text(&config.tenant_id), subscription_id: text(&config.subscription_id) })
            }
            None => Err(Error::new(
                ErrorKind::Config,
                "sign in to Azure",
                "provider configuration",
                "No way to sign in is set up. Set `client_secret` (ARM_CLIENT_SECRET) or `client_certificate_path` \
                 (ARM_CLIENT_CERTIFICATE_PATH) with `client_id` and `tenant_id`, or `use_oidc` (ARM_USE_OIDC), `use_msi` (ARM_USE_MSI) or \
                 `use_cli` (ARM_USE_CLI).",
            )),
        }
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

/// The ways to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Certificate,
    Secret,
    Oidc,
    ManagedIdentity,
    Cli,
}

impl Way {
    /// In azurerm's order.
    const ALL: [Self; 5] = [Self::Certificate, Self::Secret, Self::Oidc, Self::ManagedIdentity, Self::Cli];

    fn is_set_up(self, config: &Config) -> bool {
        match self {
            Self::Certificate => set(&config.client_certificate) || set(&config.client_certificate_path),
            Self::Secret => set(&config.client_secret) || set(&config.client_secret_file_path),
            Self::Oidc => config.use_oidc || config.use_aks_workload_identity,
            Self::ManagedIdentity => config.use_msi,
            Self::Cli => config.use_cli,
        }
    }

    /// The attributes that name this way and no other.
    fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Certificate => &["client_certificate", "client_certificate_path", "client_certificate_password"],
            Self::Secret => &["client_secret", "client_secret_file_path"],
            Self::Oidc => &[
                "use_oidc",
                "use_aks_workload_identity",
                "oidc_token",
                "oidc_token_file_path",
                "oidc_request_token",
                "oidc_request_url",
                "ado_pipeline_service_connection_id",
            ],
            Self::ManagedIdentity => &["use_msi", "msi_endpoint", "msi_api_version"],
            Self::Cli => &["use_cli"],
        }
    }
}

fn managed_identity(config: &Config) -> Result<Method, Error> {
    const NAME: &str = "managed identity";
    if !config.auxiliary_tenant_ids.is_empty() {
        let name = config.name("auxiliary_tenant_ids");
        let message = format!("A managed identity gets tokens of its own tenant only. Remove {name}.");
        return Err(Error::sign_in_setup(NAME, message));
    }
    let endpoint = text(&config.msi_endpoint);
    if let Some(endpoint) = &endpoint {
        check_url(NAME, &config.name("msi_endpoint"), endpoint)?;
    }
    let api_version = text(&config.msi_api_version).unwrap_or_else(|| "2018-02-01".to_owned());
    Ok(Method::ManagedIdentity { client_id: client_id(config, NAME)?, endpoint, api_version })
}

fn certificate(config: &Config) -> Result<Method, Error> {
    const NAME: &str = "client certificate";
    let bundle = match (&config.client_certificate, text(&config.client_certificate_path)) {
        (Some(_), Some(_)) => {
            let (one, other) = (config.name("client_certificate"), config.name("client_certificate_path"));
            return Err(Error::sign_in_setup(NAME, format!("{one} and {other} are both set. Keep one of them.")));
        }
        (Some(bundle), None) => Bundle::Base64(bundle.clone()),
        (None, path) => {
            let path = PathBuf::from(path.unwrap_or_default());
            if !path.is_file() {
                let name = config.name("client_certificate_path");
                return Err(Error::sign_in_setup(NAME, format!("{name} names no file: {}", path.display())));
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
            let (one, other) = (config.name("client_secret"), config.name("client_secret_file_path"));
            let read = read(NAME, &other, Path::new(&path.unwrap_or_default()))?;
            if given.as_ref().is_some_and(|given| given.expose() != read) {
                let message = format!("{one} and the content of the file in {other} differ. Keep one of them.");
                return Err(Error::sign_in_setup(NAME, message));
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
        Source::File { path: path.into(), attribute: "oidc_token_file_path", name: config.name("oidc_token_file_path") }
    } else if let Some(connection) = text(&config.ado_pipeline_service_connection_id) {
        let request = request(
            config,
            "OIDC of Azure DevOps",
            "Azure DevOps sets SYSTEM_OIDCREQUESTURI in every job.",
            "Azure DevOps has it in SYSTEM_ACCESSTOKEN if the step's `env` says `SYSTEM_ACCESSTOKEN: $(System.AccessToken)`.",
        )?;
        Source::AzureDevOps { request, connection }
    } else if set(&config.oidc_request_url) || set(&config.oidc_request_token) {
        let request = request(
            config,
            "OIDC of GitHub",
            "GitHub sets ACTIONS_ID_TOKEN_REQUEST_URL in jobs with `permissions: id-token: write`.",
            "GitHub sets ACTIONS_ID_TOKEN_REQUEST_TOKEN in jobs with `permissions: id-token: write`.",
        )?;
        Source::GitHub { request }
    } else {
        let message = format!(
            "{} is true, but there is no token. Set `oidc_token` (ARM_OIDC_TOKEN), `oidc_token_file_path` (ARM_OIDC_TOKEN_FILE_PATH), or \
             `oidc_request_url` with `oidc_request_token`. GitHub sets those two in jobs with `permissions: id-token: write`; Azure DevOps \
             also needs `ado_pipeline_service_connection_id`.",
            config.name("use_oidc")
        );
        return Err(Error::sign_in_setup("OIDC", message));
    };
    Ok(Method::Oidc { application: application(config, "OIDC")?, source })
}

/// The pod's own workload identity. What the configuration says besides must be the same.
fn aks(config: &Config) -> Result<Method, Error> {
    const NAME: &str = "AKS workload identity";
    let injected = |variable: &str, value: &Option<String>, attribute: &str, explicit: Option<String>| {
        let value = text(value).ok_or_else(|| {
            let message = format!(
                "{} is true, but {variable} is not set: this does not run in a pod with the label `azure.workload.identity/use: \"true\"`.",
                config.name("use_aks_workload_identity")
            );
            Error::sign_in_setup(NAME, message)
        })?;
        match explicit {
            Some(explicit) if explicit != value => {
                let name = config.name(attribute);
                let message = format!(
                    "{name} is `{explicit}`, but {variable} in this pod is `{value}`. Remove one or make them equal."
                );
                Err(Error::sign_in_setup(NAME, message))
            }
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
    let source = Source::File {
        path: path.into(),
        attribute: "use_aks_workload_identity",
        name: "`AZURE_FEDERATED_TOKEN_FILE`".to_owned(),
    };
    let application = Application { client_id, tenant_id: tenant(NAME, "`AZURE_TENANT_ID`", tenant_id)? };
    Ok(Method::Oidc { application, source })
}

fn application(config: &Config, method: &str) -> Result<Application, Error> {
    let client_id = client_id(config, method)?.ok_or_else(|| {
        let message = "The client ID of the application or identity is missing. Set `client_id` (ARM_CLIENT_ID).";
        Error::sign_in_setup(method, message)
    })?;
    let tenant_id = text(&config.tenant_id).ok_or_else(|| {
        Error::sign_in_setup(method, "The tenant to sign in to is missing. Set `tenant_id` (ARM_TENANT_ID).")
    })?;
    Ok(Application { client_id, tenant_id: tenant(method, &config.name("tenant_id"), tenant_id)? })
}

fn client_id(config: &Config, method: &str) -> Result<Option<String>, Error> {
    let Some(path) = text(&config.client_id_file_path) else { return Ok(text(&config.client_id)) };
    let (one, other) = (config.name("client_id"), config.name("client_id_file_path"));
    let read = read(method, &other, Path::new(&path))?;
    match text(&config.client_id) {
        Some(given) if given != read => {
            let message = format!("{one} is `{given}`, but the file in {other} says `{read}`. Keep one of them.");
            Err(Error::sign_in_setup(method, message))
        }
        _ => Ok(Some(read)),
    }
}

fn request(config: &Config, method: &str, url: &str, token: &str) -> Result<Request, Error> {
    let missing =
        |attribute: &str, advice: &str| Error::sign_in_setup(method, format!("`{attribute}` is not set. {advice}"));
    let address = text(&config.oidc_request_url).ok_or_else(|| missing("oidc_request_url", url))?;
    check_url(method, &config.name("oidc_request_url"), &address)?;
    let token = config.oidc_request_token.clone().ok_or_else(|| missing("oidc_request_token", token))?;
    Ok(Request { url: address, token, name: config.name("oidc_request_token") })
}

/// A tenant is a GUID or a domain; anything else would change the address to sign in at.
fn tenant(method: &str, name: &str, tenant_id: String) -> Result<String, Error> {
    if tenant_id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')) {
        return Ok(tenant_id);
    }
    let message = format!("{name} is `{}`, which is neither a GUID nor a domain name.", show_text(&tenant_id));
    Err(Error::sign_in_setup(method, message))
}

fn check_url(method: &str, name: &str, text: &str) -> Result<(), Error> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(()),
        _ => Err(Error::sign_in_setup(method, format!("{name} is not a URL: `{}`", show_address(text)))),
    }
}

pub(super) fn read(method: &str, name: &str, path: &Path) -> Result<String, Error> {
    let content = std::fs::read_to_string(path).map_err(|problem| {
        let message = format!("The file that {name} names, {}, cannot be read: {problem}.", path.display());
        Error::sign_in_setup(method, message)
    })?;
    match content.trim() {
        "" => Err(Error::sign_in_setup(method, format!("{name} names an empty file: {}", path.display()))),
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
