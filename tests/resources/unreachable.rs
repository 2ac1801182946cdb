//! A plan without a network waits once, says so once, and is made all the same.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use azwi::context::Report;
use azwi::ledger::Instance;
use azwi::provider::Provider;
use azwi::resource::AnyResource;
use azwi::resources;
use azwi::value::{self, Value};
use futures::{StreamExt, stream};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use super::authorities;
use super::objects::SUBSCRIPTION;

/// How many objects Terraform plans at the same time.
const PARALLELISM: usize = 10;

/// An endpoint that takes connections and says nothing.
struct Silent(TcpListener);

impl Silent {
    fn url(&self) -> String {
        format!("https://{}", self.0.local_addr().unwrap())
    }
}

/// Plans these new objects as Terraform does; what was told, and how long it took.
fn plan(environment: &[(&str, &str)], kind: &str, configs: Vec<Json>) -> (Vec<Report>, Duration) {
    authorities();
    let resource: &'static dyn AnyResource = *resources::ALL.iter().find(|one| one.type_name() == kind).unwrap();
    let provider = Arc::new(Provider::default());
    let empty = value::from_json(&json!({}), &Provider::schema().value_type()).unwrap();
    let find = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    assert!(provider.configure(&empty, &find).errors.is_empty());
    let plans = configs.into_iter().map(|config| {
        let config = value::from_json(&config, &resource.describe().value_type()).unwrap();
        let provider = Arc::clone(&provider);
        async move {
            let (plan, report) = resource.propose(&provider, Instance::default(), Value::Null, config).await;
            assert!(plan.planned.is_value());
            report
        }
    });
    let start = Instant::now();
    let reports = Runtime::new().unwrap().block_on(stream::iter(plans).buffer_unordered(PARALLELISM).collect());
    (reports, start.elapsed())
}

fn identity(number: usize) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/unreachable-{number}"
    )
}

/// Credentials, twenty on each identity.
fn credentials(count: usize) -> Vec<Json> {
    let credential = |number: usize| {
        json!({"name": format!("c-{number}"), "user_assigned_identity_id": identity(number / 20), "issuer": "https://i.example/",
            "subject": format!("system:serviceaccount:demo:a{number}")})
    };
    (0..count).map(credential).collect()
}

/// The one warning of all reports.
fn warning(reports: &[Report]) -> String {
    let errors: Vec<_> = reports.iter().flat_map(|report| &report.errors).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let warnings: Vec<_> = reports.iter().flat_map(|report| &report.warnings).collect();
    let [warning] = warnings[..] else { panic!("{warnings:#?}") };
    warning.to_string()
}

#[test]
fn a_thousand_new_credentials_wait_once_for_azure_that_does_not_answer() {
    let silent = Silent(TcpListener::bind("127.0.0.1:0").unwrap());
    let url = silent.url();
    let environment = [
        ("ARM_TENANT_ID", "10000000-0000-4000-8000-000000000001"),
        ("ARM_CLIENT_ID", "30000000-0000-4000-8000-000000000001"),
        ("ARM_CLIENT_SECRET", "s"),
        ("ARM_RESOURCE_MANAGER_ENDPOINT", &url),
        ("ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST", &url),
    ];
    let (reports, took) = plan(&environment, "azwi_federated_identity_credential", credentials(1_000));
    assert!(took < Duration::from_secs(20), "{took:?}");
    let warning = warning(&reports);
    assert!(!warning.contains("`timeouts`"), "{warning}");
    println!("1,000 credentials were planned in {took:?}:\n{warning}");
}

#[test]
fn bindings_wait_once_for_each_endpoint() {
    let silent = Silent(TcpListener::bind("127.0.0.1:0").unwrap());
    let url = silent.url();
    let cluster = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
    );
    let environment = [
        ("ARM_TENANT_ID", "10000000-0000-4000-8000-000000000001"),
        ("ARM_CLIENT_ID", "30000000-0000-4000-8000-000000000001"),
        ("ARM_CLIENT_SECRET", "s"),
        ("ARM_RESOURCE_MANAGER_ENDPOINT", &url),
        ("ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST", &url),
        ("KUBE_HOST", &url),
        ("KUBE_TOKEN", "t"),
        ("KUBE_INSECURE", "true"),
    ];
    let binding = |number: usize| {
        json!({"user_assigned_identity_id": identity(number / 20), "cluster_id": cluster, "credential_name": format!("b-{number}"),
            "service_account": {"namespace": "demo", "name": format!("a{number}")},
            "role_assignments": [{"scope": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-demo"), "role_definition_name": "Reader"}]})
    };
    let (reports, took) = plan(&environment, "azwi_federated_credential_binding", (0..100).map(binding).collect());
    assert!(took < Duration::from_secs(25), "{took:?}");
    warning(&reports);
}

#[test]
fn without_a_sign_in_nothing_is_waited_for() {
    let environment = [("ARM_USE_CLI", "false")];
    let (reports, took) = plan(&environment, "azwi_federated_identity_credential", credentials(200));
    assert!(took < Duration::from_secs(4), "{took:?}");
    warning(&reports);
}
