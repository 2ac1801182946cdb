//! Azure Resource Manager and Entra ID, as far as workload identity needs them.
//!
//! This module knows nothing of Terraform. [`Azure`] is made from a [`Config`] without touching the network; everything that
//! can be asked of Azure hangs on it, a file for each type of object:
//!
//! | file | what |
//! |---|---|
//! | `identities.rs` | managed identities |
//! | `credentials.rs` | their federated identity credentials, written one at a time for each identity |
//! | `clusters.rs` | clusters of AKS and Azure Arc, read only |
//! | `role_assignments.rs`, `role_definitions.rs` | Azure roles |
//! | `exchange.rs` | the exchange that a workload makes, to see whether it works |
//! | `caller.rs` | who is signed in |
//! | `recent.rs` | what was read a moment ago, for what many resources ask alike |
//! | `view.rs` | what a list said a moment ago, for reads that only refresh a state |
//! | `sign_in/` | the ways to get a token |
//! | `arm.rs`, `generated.rs` | our own requests, and those of the generated clients, to ARM |
//! | `transport.rs` | the one HTTP client under all of them, with `retry.rs` and `pace.rs` |
//!
//! A 404 is an answer: `get` returns an `Option`, and deleting what is gone succeeds.

mod answer;
mod arm;
pub(crate) mod caller;
pub(crate) mod cloud;
pub mod clusters;
pub mod config;
pub mod credentials;
pub(crate) mod error;
mod exchange;
mod generated;
mod hint;
pub(crate) mod id;
pub mod identities;
mod pace;
pub(crate) mod patience;
mod recent;
mod retry;
pub mod role_assignments;
pub(crate) mod role_definitions;
pub(crate) mod secret;
mod sign_in;
mod transport;
mod view;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tokio::sync::OnceCell;

pub(crate) use cloud::Cloud;
pub(crate) use clusters::Clusters;
pub use config::Config;
pub(crate) use config::Environment;
pub(crate) use credentials::Credentials;
pub(crate) use error::Result;
pub use error::{Error, ErrorKind};
pub use id::{ClusterId, CredentialId, IdentityId, RoleAssignmentId, RoleDefinitionId, Scope};
pub use id::{ClusterKind, IdError, ResourceGroupId, ScopeKind, SubscriptionId};
pub(crate) use identities::Identities;
pub use patience::Patience;
pub(crate) use role_assignments::RoleAssignments;
pub(crate) use role_definitions::RoleDefinitions;
pub use secret::Secret;
pub(crate) use sign_in::AccessToken;

use crate::wait::Wait;
use recent::Recent;
use sign_in::SignIn;
use sign_in::cli::{self, Account};
use sign_in::method::Method;
use transport::Transport;
use view::View;

/// How long the endpoints of a cloud may take to be found out.
const METADATA: Duration = Duration::from_secs(60);

/// Azure, as one configuration sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Azure {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    transport: Arc<Transport>,
    sign_in: SignIn,
    cloud: OnceCell<Cloud>,
    account: OnceCell<Account>,
    patience: Patience,
    seen_clusters: Recent<clusters::Cluster>,
    seen_identities: Recent<identities::Identity>,
    seen_credentials: View<credentials::Credential>,
    seen_assignments: View<role_assignments::RoleAssignment>,
    known_roles: role_definitions::Known,
}

impl Azure {
    /// Checks a configuration and decides how to sign in. Touches no network and fetches no token.
    ///
    /// # Errors
    /// When the method asked for is incomplete, or an endpoint is not a URL: [`ErrorKind::Config`], naming what to set.
    pub fn new(config: Config) -> Result<Self> {
        Cloud::check(&config)?;
        if config.auxiliary_tenant_ids.len() > 3 {
            return Err(Error::setting(
                config.name("auxiliary_tenant_ids"),
                "Azure Resource Manager accepts the tokens of at most three other tenants.",
            ));
        }
        config.subscription()?;
        let method = Method::choose(&config)?;
        let transport = Arc::new(Transport::new(&config));
        let patience = config.patience;
        let sign_in = SignIn::new(method, Arc::clone(&transport));
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                transport,
                sign_in,
                cloud: OnceCell::new(),
                account: OnceCell::new(),
                patience,
                seen_clusters: Recent::default(),
                seen_identities: Recent::default(),
                seen_credentials: View::default(),
                seen_assignments: View::default(),
                known_roles: role_definitions::Known::default(),
            }),
        })
    }

    /// The same with other limits of waiting. To be called before this is shared; clones made earlier keep theirs.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.patience = patience;
        }
        self
    }

    /// The limits of waiting.
    pub(crate) fn patience(&self) -> &Patience {
        &self.inner.patience
    }

    /// How this signs in, such as `client secret`.
    pub fn sign_in_method(&self) -> &'static str {
        self.inner.sign_in.method().name()
    }

    /// The cloud, as configurations name it.
    pub(crate) fn environment(&self) -> Environment {
        self.inner.config.environment
    }

    /// The audience that a federated token has in this cloud. Needs no network.
    pub fn token_exchange_audience(&self) -> &'static str {
        self.inner.config.environment.token_exchange_audience()
    }

    /// The cloud's endpoints; with `metadata_host` asked for at first use.
    ///
    /// # Errors
    /// When the metadata host cannot be asked, or does not know the environment.
    pub(crate) async fn cloud(&self) -> Result<&Cloud> {
        let inner = &self.inner;
        let find = async || Cloud::find(&inner.config, &inner.transport, &Wait::at_most(METADATA)).await;
        inner.cloud.get_or_try_init(find).await
    }

    /// The tenant signed in to: configured, the Azure CLI's, or the one in the token of a managed identity.
    ///
    /// # Errors
    /// When the CLI or the metadata service must be asked and cannot be.
    pub async fn tenant_id(&self) -> Result<String> {
        if let Some(tenant) = self.inner.sign_in.method().tenant_id().or(self.inner.config.tenant_id.as_deref()) {
            return Ok(tenant.to_owned());
        }
        if matches!(self.inner.sign_in.method(), Method::Cli { .. }) {
            return Ok(self.account().await?.tenant_id.clone());
        }
        let scope = self.cloud().await?.resource_manager_scope();
        let token = self.token(&scope).await?;
        claim(&token, "tid").ok_or_else(|| {
            Error::new(ErrorKind::Decode, "find the tenant", "access token", "the token names no tenant")
                .hint("Set `tenant_id` (ARM_TENANT_ID).")
        })
    }

    /// The subscription for what names none: configured, or the Azure CLI's.
    ///
    /// # Errors
    /// When none is configured and the CLI is not used or cannot be asked.
    pub async fn subscription_id(&self) -> Result<SubscriptionId> {
        if let Some(configured) = self.inner.config.subscription()? {
            return Ok(configured);
        }
        const MISSING: &str =
            "Set `subscription_id` in the resource or in the provider's configuration, or ARM_SUBSCRIPTION_ID.";
        match self.inner.sign_in.method() {
            Method::Cli { .. } => {
                let account = self.account().await.map_err(|error| error.hint(MISSING))?;
                let unusable = |error: IdError| {
                    Error::new(ErrorKind::Decode, "find a subscription", "az account show", error.to_string())
                };
                account.id.parse().map_err(unusable)
            }
            method => {
                let message = format!(
                    "No subscription is configured, and signing in with {} does not supply one.",
                    method.name()
                );
                Err(Error::new(ErrorKind::Config, "find a subscription", "provider configuration", message)
                    .hint(MISSING))
            }
        }
    }

    /// A token for a scope such as `https://management.azure.com/.default`, kept until shortly before it expires.
    ///
    /// # Errors
    /// When signing in fails: [`ErrorKind::SignIn`] with what Entra ID said.
    pub async fn token(&self, scope: &str) -> Result<AccessToken> {
        self.inner.sign_in.token(self.cloud().await?, None, scope).await
    }

    /// Managed identities.
    pub fn identities(&self) -> Identities<'_> {
        Identities { azure: self }
    }

    /// Federated identity credentials of managed identities.
    pub fn credentials(&self) -> Credentials<'_> {
        Credentials { azure: self }
    }

    /// Clusters of AKS and Azure Arc.
    pub fn clusters(&self) -> Clusters<'_> {
        Clusters { azure: self }
    }

    /// Role assignments.
    pub fn role_assignments(&self) -> RoleAssignments<'_> {
        RoleAssignments { azure: self }
    }

    /// Role definitions.
    pub fn role_definitions(&self) -> RoleDefinitions<'_> {
        RoleDefinitions { azure: self }
    }

    async fn account(&self) -> Result<&Account> {
        self.inner.account.get_or_try_init(|| cli::account(self.inner.config.subscription_id.as_deref())).await
    }
}

/// A claim of a token that we were given for ourselves; nobody's word but Entra ID's own is taken from it.
fn claim(token: &AccessToken, name: &str) -> Option<String> {
    let payload = token.token.expose().split('.').nth(1)?;
    let claims: serde_json::Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()?;
    claims.get(name)?.as_str().map(str::to_owned)
}
