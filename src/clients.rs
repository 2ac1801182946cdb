//! The clients of both planes, made at their first use: configuring the provider contacts nobody.

use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::kubernetes;
use crate::provider::{Known, PlanChecks};

/// What the provider's configuration gives access to.
#[derive(Debug)]
pub struct Clients {
    kubernetes_settings: Known<kubernetes::Settings>,
    kubernetes: OnceLock<Result<kubernetes::Client>>,
    /// What a plan may ask beyond reading what is in the state.
    pub plan_checks: PlanChecks,
}

impl Clients {
    /// Clients with these settings; nothing is made yet.
    pub fn new(kubernetes: Known<kubernetes::Settings>, plan_checks: PlanChecks) -> Self {
        Self { kubernetes_settings: kubernetes, kubernetes: OnceLock::new(), plan_checks }
    }

    /// The client of the cluster.
    ///
    /// # Errors
    /// Where the configuration is unknown or contradicts itself. That none is configured is known at the first request.
    pub fn kubernetes(&self) -> Result<&kubernetes::Client> {
        let made = self.kubernetes.get_or_init(|| match &self.kubernetes_settings {
            Known::Yes(settings) => Ok(kubernetes::Client::new(settings.clone())),
            Known::Not(attributes) => Err(unknown("the cluster", attributes)),
        });
        made.as_ref().map_err(Clone::clone)
    }
}

fn unknown(what: &str, attributes: &[String]) -> Error {
    let names = attributes.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Error {
        configuration_unknown: true,
        ..Error::new(
            format!("The provider's configuration for {what} is not known yet"),
            format!(
                "It depends on {names}, which Terraform only knows after apply. What is in the state stays as it was last seen, \
                 and new objects are planned from the configuration alone. A data source that needs it should wait: give it a \
                 `depends_on` with what makes the value."
            ),
        )
    }
}
