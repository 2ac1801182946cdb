//! The clients of both planes, made at their first use: configuring the provider contacts nobody.

mod cluster;
mod listed;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::azure::{self, Azure, ClusterId, SubscriptionId};
use crate::error::{Error, Result};
use crate::kubernetes;
use crate::wait::Wait;
use cluster::AzureCluster;
use listed::Listed;

/// What the provider's configuration gives access to.
#[derive(Debug)]
pub struct Clients {
    azure_settings: Known<azure::Config>,
    azure: OnceLock<Result<Azure>>,
    kubernetes_settings: Known<kubernetes::Settings>,
    kubernetes: OnceLock<Result<kubernetes::Client>>,
    /// What a plan may ask beyond reading what is in the state.
    pub(crate) plan_checks: PlanChecks,
    /// The credentials that exist, for the checks of plans.
    pub(crate) listed: Listed,
    /// Whether the user has been told in this run that checks were skipped.
    skipped: AtomicBool,
    /// Why the checks of a plan do not ask an endpoint any more.
    unreachable: Mutex<BTreeMap<Endpoint, Error>>,
}

impl Clients {
    /// Clients with these settings; nothing is made yet.
    pub(crate) fn new(
        azure: Known<azure::Config>,
        kubernetes: Known<kubernetes::Settings>,
        plan_checks: PlanChecks,
    ) -> Self {
        Self {
            azure_settings: azure,
            azure: OnceLock::new(),
            kubernetes_settings: kubernetes,
            kubernetes: OnceLock::new(),
            plan_checks,
            listed: Listed::default(),
            skipped: AtomicBool::new(false),
            unreachable: Mutex::default(),
        }
    }

    /// Whether this is the first check of the run that could not be made: the user is told once, not for each object.
    pub(crate) fn first_skipped(&self) -> bool {
        !self.skipped.swap(true, Ordering::Relaxed)
    }

    /// Why an endpoint could not be reached by an earlier check of a plan. Only checks of plans may go by it.
    pub(crate) fn unreachable(&self, endpoint: Endpoint) -> Option<Error> {
        self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).get(&endpoint).cloned()
    }

    /// Notes that an endpoint could not be reached, so that no later check of a plan waits for it.
    pub(crate) fn set_unreachable(&self, endpoint: Endpoint, why: Error) {
        self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).entry(endpoint).or_insert(why);
    }

    /// The client of Azure.
    ///
    /// # Errors
    /// Where the configuration is unknown, names no way to sign in, or one that is misconfigured.
    pub fn azure(&self) -> Result<&Azure> {
        let made = self.azure.get_or_init(|| match &self.azure_settings {
            Known::Yes(settings) => Azure::new(settings.clone()).map_err(Error::from),
            Known::Not(attributes) => Err(unknown("Azure", attributes)),
            Known::Wrong(error) => Err(error.clone()),
        });
        made.as_ref().map_err(Clone::clone)
    }

    /// The subscription for what names none. Asks the Azure CLI at most, and nobody over a network.
    ///
    /// # Errors
    /// If neither the configuration nor the environment nor the Azure CLI supplies one, or the configuration is unknown.
    pub(crate) async fn subscription_id(&self, wait: &Wait) -> Result<SubscriptionId> {
        if let Some(configured) = self.configured_subscription()? {
            return Ok(configured);
        }
        let found = wait.bound(self.azure()?.subscription_id()).await;
        let interrupted =
            |why| azure::Error::interrupted(why, "find a subscription", "az account show", "the Azure CLI");
        Ok(found.map_err(interrupted)??)
    }

    /// The subscription that the configuration or the environment names.
    ///
    /// # Errors
    /// If it is not the ID of one.
    pub(crate) fn configured_subscription(&self) -> Result<Option<SubscriptionId>> {
        match &self.azure_settings {
            Known::Yes(settings) => Ok(settings.subscription()?),
            Known::Not(_) => Ok(None),
            Known::Wrong(error) => Err(error.clone()),
        }
    }

    /// Whether the configuration of Azure holds no unknowns.
    pub(crate) fn is_azure_known(&self) -> bool {
        !matches!(self.azure_settings, Known::Not(_))
    }

    /// What is configured for Azure; `None` where it is unknown.
    pub(crate) fn azure_settings(&self) -> Option<&azure::Config> {
        match &self.azure_settings {
            Known::Yes(settings) => Some(settings),
            Known::Not(_) | Known::Wrong(_) => None,
        }
    }

    /// The limits of waiting.
    pub(crate) fn patience(&self) -> azure::Patience {
        self.azure_settings().map(|settings| settings.patience).unwrap_or_default()
    }

    /// The cluster that `cluster_id` in the provider's `kubernetes` block names; `None` where the connection is another, or is
    /// not known yet.
    ///
    /// # Errors
    /// Where it is not the id of a cluster.
    pub(crate) fn cluster_id(&self) -> Result<Option<ClusterId>> {
        match &self.kubernetes_settings {
            Known::Yes(settings) => cluster_id(settings),
            Known::Not(_) => Ok(None),
            Known::Wrong(error) => Err(error.clone()),
        }
    }

    /// The client of the cluster.
    ///
    /// # Errors
    /// Where the configuration is unknown or contradicts itself. That none is configured is known at the first request.
    pub fn kubernetes(&self) -> Result<&kubernetes::Client> {
        let made = self.kubernetes.get_or_init(|| match &self.kubernetes_settings {
            Known::Yes(settings) => match cluster_id(settings)? {
                None => Ok(kubernetes::Client::new(settings.clone())),
                Some(id) => {
                    let azure = self.azure()?.clone();
                    Ok(kubernetes::Client::of_remote(settings.clone(), Arc::new(AzureCluster { azure, id })))
                }
            },
            Known::Not(attributes) => Err(unknown("the cluster", attributes)),
            Known::Wrong(error) => Err(error.clone()),
        });
        made.as_ref().map_err(Clone::clone)
    }
}

fn cluster_id(settings: &kubernetes::Settings) -> Result<Option<ClusterId>> {
    let given = settings.cluster_id.as_deref().filter(|text| !text.is_empty());
    given.map(str::parse).transpose().map_err(|error: azure::IdError| {
        Error::new(
            "The provider's `cluster_id` is not the id of a cluster",
            format!("{error}. It comes from `cluster_id` in the `kubernetes` block, or from KUBE_CLUSTER_ID."),
        )
    })
}

/// What the checks of a plan ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Endpoint {
    /// Azure Resource Manager, with the sign-in that it needs.
    Azure,
    /// The API server of the cluster.
    Kubernetes,
}

impl Endpoint {
    /// The name for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Azure => "Azure",
            Self::Kubernetes => "the cluster",
        }
    }

    /// What the checks of a plan find out there, for the warning that they are skipped.
    pub(crate) fn checks(self) -> &'static str {
        match self {
            Self::Azure => {
                "how many credentials an identity has and which of them has the same issuer and subject, whether a role of \
                 this name exists, which issuer the cluster has"
            }
            Self::Kubernetes => "whether a service account belongs to another identity",
        }
    }
}

/// Settings, or what keeps them from being known.
#[derive(Debug, Clone)]
pub(crate) enum Known<T> {
    /// All is known.
    Yes(T),
    /// These attributes are not.
    Not(Vec<String>),
    /// A variable of the environment is wrong, which only matters where the plane is used.
    Wrong(Error),
}

/// The provider's attribute `plan_checks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PlanChecks {
    /// Check what can be checked.
    #[default]
    Auto,
    /// Check nothing.
    Off,
    /// A check that cannot be made is an error.
    Required,
}

fn unknown(what: &str, attributes: &[String]) -> Error {
    let names = attributes.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Error {
        configuration_unknown: true,
        ..Error::new(
            format!("The provider's configuration for {what} is not known yet"),
            format!(
                "It depends on {names}, which Terraform only knows after apply. What is in the state stays as it was last seen, \
                 and new objects are planned from the configuration alone. A data source that needs it has to wait: give it a \
                 `depends_on` on a `terraform_data` whose `input` is that value. On the resource or module that makes the value, \
                 `depends_on` would delay the data source at each change."
            ),
        )
    }
}
