//! From the configuration and the environment to the settings of both planes. Contacts nobody and reads no file.

use tf_provider::AttributePath;

use super::source::{Environment, Source};
use super::{cluster, schema};
use crate::azure;
use crate::clients::{Known, PlanChecks};
use crate::error::Error;
use crate::http::fits_header;
use crate::kubernetes;
use crate::lifecycle;
use crate::schema::{Block, Schema};
use crate::value::{self, Value};

/// The settings of both planes, as far as they are known.
pub(super) struct Settings {
    /// The settings of Azure.
    pub(super) azure: Known<azure::Config>,
    /// The settings of the cluster.
    pub(super) kubernetes: Known<kubernetes::Settings>,
    /// How far a plan may go beyond reading the state.
    pub(super) plan_checks: PlanChecks,
    /// What is wrong with the configuration.
    pub(super) errors: Vec<Error>,
}

/// Reads the provider's configuration.
pub(super) fn resolve(config: &Value, environment: Environment<'_>) -> Settings {
    let schema = schema::schema();
    let blocks = Blocks::of(&schema);
    let mut root = Source::read(&schema.block, AttributePath::root(), config, environment);
    let endpoint = value::attribute(config, "endpoint");
    let endpoint = Source::read(blocks.endpoint, AttributePath::new("endpoint"), endpoint, environment);
    let block = value::attribute(config, "kubernetes");
    let mut cluster = Source::read(blocks.kubernetes, AttributePath::new("kubernetes"), block, environment);
    let path = AttributePath::new("kubernetes").attribute("exec");
    let exec = Source::read(blocks.exec, path, value::attribute(block, "exec"), environment);

    cluster::ignore_what_cannot_apply(&mut cluster);
    let mut errors = lifecycle::validate::validate(&schema, config, true);
    for source in [&mut root, &mut cluster] {
        source.find_conflicts();
        if source.unknown.is_empty() {
            source.find_lonely();
        }
        errors.append(&mut source.errors);
    }
    let plan_checks = match root.text("plan_checks").as_deref() {
        Some("off") => PlanChecks::Off,
        Some("required") => PlanChecks::Required,
        _ => PlanChecks::Auto,
    };
    let azure = azure(&root, &endpoint, environment);
    let kubernetes = cluster::settings(&cluster, &exec, environment);
    Settings {
        azure: known(azure, [root, endpoint]),
        kubernetes: known(kubernetes, [cluster, exec]),
        plan_checks,
        errors,
    }
}

/// What excludes each other in a configuration, which may hold unknowns.
pub(super) fn conflicts(config: &Value) -> Vec<Error> {
    let schema = schema::schema();
    let nothing = |_: &str| None;
    let block = value::attribute(config, "kubernetes");
    let mut sources = [
        Source::read(&schema.block, AttributePath::root(), config, &nothing),
        Source::read(Blocks::of(&schema).kubernetes, AttributePath::new("kubernetes"), block, &nothing),
    ];
    sources.iter_mut().for_each(Source::find_conflicts);
    sources.into_iter().flat_map(|source| source.errors).collect()
}

/// The schema's blocks by name.
struct Blocks<'a> {
    endpoint: &'a Block,
    kubernetes: &'a Block,
    exec: &'a Block,
}

impl<'a> Blocks<'a> {
    fn of(schema: &'a Schema) -> Self {
        static NONE: Block = Block { name: "", doc: "", attributes: Vec::new(), blocks: Vec::new() };
        let named =
            |block: &'a Block, name: &str| block.blocks.iter().find(|inner| inner.name == name).unwrap_or(&NONE);
        let kubernetes = named(&schema.block, "kubernetes");
        Self { endpoint: named(&schema.block, "endpoint"), kubernetes, exec: named(kubernetes, "exec") }
    }
}

fn known<T, const N: usize>(settings: Result<T, Error>, sources: [Source<'_>; N]) -> Known<T> {
    let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
    for mut source in sources {
        unknown.append(&mut source.unknown);
        wrong.append(&mut source.in_environment);
    }
    match (settings, wrong.into_iter().next()) {
        _ if !unknown.is_empty() => Known::Not(unknown),
        (_, Some(error)) | (Err(error), None) => Known::Wrong(error),
        (Ok(settings), None) => Known::Yes(settings),
    }
}

fn azure(root: &Source<'_>, endpoint: &Source<'_>, environment: Environment<'_>) -> Result<azure::Config, Error> {
    let cloud = root.text("environment").and_then(|name| name.parse().ok()).unwrap_or_default();
    // `/subscriptions/GUID` is an ID, too.
    let subscription_id = root.text("subscription_id").map(|text| match text.parse::<azure::SubscriptionId>() {
        Ok(id) => id.guid().to_owned(),
        Err(_) => text,
    });
    let mut origins = root.origins.clone();
    origins.extend(&endpoint.origins);
    Ok(azure::Config {
        tenant_id: root.text("tenant_id"),
        subscription_id,
        auxiliary_tenant_ids: root.list("auxiliary_tenant_ids"),
        environment: cloud,
        metadata_host: root.text("metadata_host"),
        endpoints: azure::config::Endpoints {
            active_directory_authority_host: endpoint.text("active_directory_authority_host"),
            resource_manager_endpoint: endpoint.text("resource_manager_endpoint"),
            resource_manager_audience: endpoint.text("resource_manager_audience"),
            microsoft_graph_endpoint: endpoint.text("microsoft_graph_endpoint"),
        },
        disable_instance_discovery: root.flag("disable_instance_discovery").unwrap_or(false),
        client_id: root.text("client_id"),
        client_id_file_path: root.text("client_id_file_path"),
        client_secret: root.secret("client_secret"),
        client_secret_file_path: root.text("client_secret_file_path"),
        client_certificate: root.secret("client_certificate"),
        client_certificate_path: root.text("client_certificate_path"),
        client_certificate_password: root.secret("client_certificate_password"),
        use_oidc: root.flag("use_oidc").unwrap_or(false),
        oidc_token: root.secret("oidc_token"),
        oidc_token_file_path: root.text("oidc_token_file_path"),
        oidc_request_token: root.secret("oidc_request_token"),
        oidc_request_url: root.text("oidc_request_url"),
        ado_pipeline_service_connection_id: root.text("ado_pipeline_service_connection_id"),
        use_aks_workload_identity: root.flag("use_aks_workload_identity").unwrap_or(false),
        aks_workload: azure::config::AksWorkload {
            client_id: environment("AZURE_CLIENT_ID"),
            tenant_id: environment("AZURE_TENANT_ID"),
            token_file: environment("AZURE_FEDERATED_TOKEN_FILE"),
        },
        use_msi: root.flag("use_msi").unwrap_or(false),
        msi_endpoint: root.text("msi_endpoint"),
        msi_api_version: root.text("msi_api_version"),
        use_cli: root.flag("use_cli").unwrap_or(true),
        disable_correlation_request_id: root.flag("disable_correlation_request_id").unwrap_or(false),
        correlation_request_id: header(environment, "ARM_CORRELATION_REQUEST_ID")?,
        user_agent_suffix: header(environment, "AZURE_HTTP_USER_AGENT")?,
        patience: patience(environment),
        origins,
    })
}

/// The text of a variable that becomes a header, or a part of one.
fn header(environment: Environment<'_>, variable: &str) -> Result<Option<String>, Error> {
    let text = environment(variable).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match text {
        Some(text) if !fits_header(&text) => Err(Error::new(
            format!("Invalid {variable}"),
            format!(
                "The environment variable {variable} is sent in a header, which carries visible ASCII on one line. Change or unset it."
            ),
        )),
        text => Ok(text),
    }
}

#[cfg(feature = "test-clock")]
use super::test_clock::patience;

#[cfg(not(feature = "test-clock"))]
fn patience(_: Environment<'_>) -> azure::Patience {
    azure::Patience::default()
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
