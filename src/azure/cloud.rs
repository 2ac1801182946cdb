//! The endpoints of a cloud: built in, described by a metadata host, and overridden one by one.
//!
//! The built-in ones are those of azure-cli-core 2.91.

use serde::Deserialize;
use url::Url;

use super::answer::Subject;
use super::config::{Config, Environment};
use super::error::{Error, ErrorKind};
use super::transport::{Outgoing, Transport};
use crate::http::{fits_header, show_address, show_url};
use crate::wait::Wait;

/// The version of `/metadata/endpoints` that lists all clouds a host knows.
const METADATA_API: &str = "2022-09-01";

/// Where a cloud's services are. URLs are https, and have no slash at their end when shown as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cloud {
    /// Entra ID, such as `https://login.microsoftonline.com/`.
    pub authority: Url,
    /// Azure Resource Manager, such as `https://management.azure.com/`.
    pub resource_manager: Url,
    /// What a token for it is for; its endpoint, mostly.
    pub resource_manager_audience: String,
    /// Microsoft Graph, such as `https://graph.microsoft.com/`.
    pub graph: Url,
    /// The audience that Entra ID expects in a federated token.
    pub token_exchange_audience: &'static str,
}

impl Cloud {
    /// The scope of a token for Azure Resource Manager.
    pub(crate) fn resource_manager_scope(&self) -> String {
        format!("{}/.default", self.resource_manager_audience.trim_end_matches('/'))
    }

    /// Checks what can be checked without asking anybody: that endpoints are URLs, and that none is missing.
    pub(super) fn check(config: &Config) -> Result<(), Error> {
        match &config.metadata_host {
            Some(host) => {
                metadata_url(host).map_err(|problem| Error::setting(config.name("metadata_host"), problem))?;
                resolve(config, &Raw::default()).map(drop).or_else(|error| {
                    // What the metadata host will say is not missing yet.
                    if error.message.contains("is not set") { Ok(()) } else { Err(error) }
                })
            }
            None => resolve(config, &Raw::built_in(config.environment)).map(drop),
        }
    }

    /// The cloud of a configuration; asks the metadata host if there is one.
    pub(super) async fn find(config: &Config, transport: &Transport, wait: &Wait) -> Result<Self, Error> {
        let Some(host) = &config.metadata_host else { return resolve(config, &Raw::built_in(config.environment)) };
        let url = metadata_url(host).map_err(|problem| Error::setting(config.name("metadata_host"), problem))?;
        let subject = Subject::new("GET cloud metadata", show_url(&url));
        let answer = transport.send(&subject, Outgoing::new(reqwest::Method::GET, url), None, wait).await?;
        let described: Described = answer.json(&subject)?;
        let raw = described.pick(config.environment).ok_or_else(|| {
            subject.error(
                ErrorKind::Config,
                format!("it describes no cloud for environment `{}`", config.environment.name()),
            )
        })?;
        resolve(config, &raw)
    }
}

/// Endpoints as text, from wherever.
#[derive(Debug, Default)]
struct Raw {
    authority: Option<String>,
    resource_manager: Option<String>,
    audience: Option<String>,
    graph: Option<String>,
}

impl Raw {
    fn built_in(environment: Environment) -> Self {
        let (authority, resource_manager, graph) = match environment {
            Environment::Public => {
                ("https://login.microsoftonline.com", "https://management.azure.com", "https://graph.microsoft.com")
            }
            Environment::UsGovernment => (
                "https://login.microsoftonline.us",
                "https://management.usgovcloudapi.net",
                "https://graph.microsoft.us",
            ),
            Environment::China => (
                "https://login.chinacloudapi.cn",
                "https://management.chinacloudapi.cn",
                "https://microsoftgraph.chinacloudapi.cn",
            ),
            Environment::Custom => return Self::default(),
        };
        Self {
            authority: Some(authority.to_owned()),
            resource_manager: Some(resource_manager.to_owned()),
            audience: None,
            graph: Some(graph.to_owned()),
        }
    }
}

fn resolve(config: &Config, raw: &Raw) -> Result<Cloud, Error> {
    let given = &config.endpoints;
    let endpoint = |name: &str, given: &Option<String>, raw: &Option<String>| -> Result<Url, Error> {
        let text = given.as_ref().or(raw.as_ref()).ok_or_else(|| {
            Error::setting(
                config.name("environment"),
                format!("`{name}` is not set, and the environment `custom` has no endpoints of its own."),
            )
        })?;
        endpoint_url(text).map_err(|problem| Error::setting(config.origins.name("endpoint.", name), problem))
    };
    let resource_manager =
        endpoint("resource_manager_endpoint", &given.resource_manager_endpoint, &raw.resource_manager)?;
    let audience = match (&given.resource_manager_audience, &given.resource_manager_endpoint, &raw.audience) {
        (Some(audience), _, _) | (None, None, Some(audience)) => audience.clone(),
        _ => resource_manager.as_str().to_owned(),
    };
    let authority =
        endpoint("active_directory_authority_host", &given.active_directory_authority_host, &raw.authority)?;
    let graph = match (&given.microsoft_graph_endpoint, &raw.graph) {
        // A private cloud may have none, and nothing here asks it before it has to.
        (None, None) => Url::parse("https://graph.microsoft.com/")
            .map_err(|problem| Error::setting("`endpoint.microsoft_graph_endpoint`", problem.to_string()))?,
        (given, raw) => endpoint("microsoft_graph_endpoint", given, raw)?,
    };
    Ok(Cloud {
        authority,
        resource_manager,
        resource_manager_audience: audience.trim_end_matches('/').to_owned(),
        graph,
        token_exchange_audience: config.environment.token_exchange_audience(),
    })
}

/// Checks the URL of an endpoint.
///
/// # Errors
/// If it is none.
pub(crate) fn check_endpoint(text: &str) -> Result<(), String> {
    endpoint_url(text).map(drop)
}

/// Checks a host that describes its cloud.
///
/// # Errors
/// If it is none.
pub(crate) fn check_metadata_host(host: &str) -> Result<(), String> {
    metadata_url(host).map(drop)
}

/// An https URL that ends with a slash, so that paths can be joined to it.
fn endpoint_url(text: &str) -> Result<Url, String> {
    let wrong = |why: &str| {
        format!("`{}` is not an endpoint: {why}. It looks like `https://management.azure.com`.", show_address(text))
    };
    let mut url = Url::parse(text.trim()).map_err(|problem| wrong(&problem.to_string()))?;
    if url.scheme() != "https" || url.host_str().is_none() {
        return Err(wrong("it is no https URL"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a query"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "An endpoint has neither a user name nor a password in it. It looks like `https://management.azure.com`."
                .to_owned(),
        );
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

fn metadata_url(host: &str) -> Result<Url, String> {
    let text = host.trim().trim_end_matches('/');
    let text = text.strip_prefix("https://").unwrap_or(text);
    Url::parse(&format!("https://{text}/metadata/endpoints?api-version={METADATA_API}"))
        .ok()
        .filter(|url| url.path() == "/metadata/endpoints" && url.username().is_empty() && url.password().is_none())
        .filter(|_| fits_header(text))
        .ok_or_else(|| format!("`{}` is not a host. It looks like `management.azure.com`.", show_address(host)))
}

/// A metadata document: all clouds, or, from older hosts, the one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Described {
    All(Vec<Entry>),
    One(Box<Entry>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    name: String,
    resource_manager: Option<String>,
    microsoft_graph_resource_id: Option<String>,
    authentication: Option<Authentication>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authentication {
    login_endpoint: Option<String>,
    #[serde(default)]
    audiences: Vec<String>,
}

impl Described {
    /// The cloud by its name; where a host knows one only, that is it.
    fn pick(self, environment: Environment) -> Option<Raw> {
        let mut entries = match self {
            Self::All(entries) => entries,
            Self::One(entry) => vec![*entry],
        };
        let named = entries.iter().position(|entry| entry.name.parse() == Ok(environment));
        let index = named.or((entries.len() == 1).then_some(0))?;
        let entry = entries.swap_remove(index);
        let authentication = entry.authentication;
        Some(Raw {
            resource_manager: entry.resource_manager,
            graph: entry.microsoft_graph_resource_id,
            audience: authentication.as_ref().and_then(|it| it.audiences.first().cloned()),
            authority: authentication.and_then(|it| it.login_endpoint),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::config::Endpoints;

    fn cloud(config: &Config) -> Cloud {
        resolve(config, &Raw::built_in(config.environment)).unwrap()
    }

    #[test]
    fn a_cloud_brings_its_endpoints_and_each_can_be_replaced() {
        let mut config = Config { environment: Environment::UsGovernment, ..Config::default() };
        assert_eq!(cloud(&config).resource_manager_scope(), "https://management.usgovcloudapi.net/.default");
        assert_eq!(cloud(&config).token_exchange_audience, "api://AzureADTokenExchangeUSGov");
        config.endpoints.resource_manager_endpoint = Some("https://arm.local:8443".to_owned());
        assert_eq!(cloud(&config).resource_manager.as_str(), "https://arm.local:8443/");
        assert_eq!(cloud(&config).resource_manager_scope(), "https://arm.local:8443/.default");
        config.endpoints.resource_manager_audience = Some("https://management.core.windows.net/".to_owned());
        assert_eq!(cloud(&config).resource_manager_scope(), "https://management.core.windows.net/.default");
    }

    #[test]
    fn a_custom_cloud_without_endpoints_says_which_is_missing() {
        let mut config = Config { environment: Environment::Custom, ..Config::default() };
        assert!(Cloud::check(&config).unwrap_err().message.contains("`resource_manager_endpoint`"));
        config.metadata_host = Some("localhost:1".to_owned());
        assert!(Cloud::check(&config).is_ok());
    }

    #[test]
    fn an_endpoint_that_is_no_https_url_is_refused() {
        for (text, why) in
            [("management.azure.com", "relative URL"), ("http://localhost:1", "no https"), ("https://a/?b", "query")]
        {
            let endpoints = Endpoints { resource_manager_endpoint: Some(text.to_owned()), ..Endpoints::default() };
            let error = Cloud::check(&Config { endpoints, ..Config::default() }).unwrap_err();
            assert!(
                error.operation.contains("`endpoint.resource_manager_endpoint`") && error.message.contains(why),
                "{error}"
            );
        }
        for host in ["", "a/b", "http://a"] {
            assert!(
                Cloud::check(&Config { metadata_host: Some(host.to_owned()), ..Config::default() }).is_err(),
                "{host}"
            );
        }
    }

    #[test]
    fn a_metadata_document_is_searched_by_name_and_one_cloud_alone_is_taken() {
        let entry = |name: &str| {
            serde_json::json!({"name": name, "resourceManager": format!("https://{name}"),
                "authentication": {"loginEndpoint": "https://login", "audiences": ["https://audience"]}})
        };
        let pick = |document: serde_json::Value, environment| {
            serde_json::from_value::<Described>(document)
                .unwrap()
                .pick(environment)
                .and_then(|raw| raw.resource_manager)
        };
        let both = serde_json::json!([entry("AzureCloud"), entry("AzureUSGovernment")]);
        assert_eq!(pick(both.clone(), Environment::UsGovernment).as_deref(), Some("https://AzureUSGovernment"));
        assert_eq!(pick(both, Environment::China), None);
        assert_eq!(pick(entry("AzureStack"), Environment::Custom).as_deref(), Some("https://AzureStack"));
    }
}
