//! Signing in: from a method to tokens, each fetched once and kept until shortly before it expires.

mod assertion;
mod bridge;
mod certificate;
pub(super) mod cli;
mod managed_identity;
pub(super) mod method;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use azure_core::credentials::TokenCredential;
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use time::{Duration, OffsetDateTime};

use super::cloud::Cloud;
use super::error::Error;
use super::secret::Secret;
use super::transport::Transport;
use method::{Application, Method};

/// A token is replaced when it has less than this left: longer than any single request takes.
const MARGIN: Duration = Duration::minutes(5);

/// A token of Entra ID.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token, for `Authorization: Bearer`.
    pub token: Secret,
    /// When it expires.
    pub expires_on: OffsetDateTime,
}

/// Signs in one way, to as many tenants and for as many resources as asked.
#[derive(Debug)]
pub(super) struct SignIn {
    method: Method,
    transport: Arc<Transport>,
    credentials: Mutex<HashMap<Option<String>, Arc<dyn TokenCredential>>>,
    tokens: Mutex<HashMap<Asked, Kept>>,
}

/// Whose token, for what: a tenant where it is not the method's own, and a scope.
type Asked = (Option<String>, String);
/// The lock lets one caller fetch a token while the others wait for it.
type Kept = Arc<tokio::sync::Mutex<Option<AccessToken>>>;

impl SignIn {
    pub(super) fn new(method: Method, transport: Arc<Transport>) -> Self {
        Self { method, transport, credentials: Mutex::default(), tokens: Mutex::default() }
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// A token for a scope, of the method's own tenant or of another.
    pub(super) async fn token(&self, cloud: &Cloud, tenant: Option<&str>, scope: &str) -> Result<AccessToken, Error> {
        let asked = (tenant.map(str::to_owned), scope.to_owned());
        let kept = Arc::clone(self.tokens.lock().unwrap_or_else(PoisonError::into_inner).entry(asked).or_default());
        let mut kept = kept.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| token.expires_on > OffsetDateTime::now_utc() + MARGIN) {
            return Ok(token.clone());
        }
        let failed = |error: azure_core::Error| {
            bridge::from_core(&error, self.method.name(), tenant.or(self.method.tenant_id()).unwrap_or(scope))
        };
        let credential = self.credential(cloud, tenant).map_err(failed)?;
        let issued = credential.get_token(&[scope], None).await.map_err(failed).map_err(|error| self.advise(error))?;
        tracing::debug!(method = self.method.name(), scope, expires_on = %issued.expires_on, "signed in");
        let token = AccessToken { token: Secret::new(issued.token.secret().to_owned()), expires_on: issued.expires_on };
        *kept = Some(token.clone());
        Ok(token)
    }

    /// Forgets a token that a service did not accept, with the credential that would give it again.
    pub(super) async fn forget(&self, tenant: Option<&str>, scope: &str, refused: &str) {
        let asked = (tenant.map(str::to_owned), scope.to_owned());
        let kept = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(&asked).map(Arc::clone);
        let Some(kept) = kept else { return };
        let mut kept = kept.lock().await;
        // Another request may have replaced it meanwhile.
        if kept.as_ref().is_some_and(|token| token.token.expose() == refused) {
            *kept = None;
            self.credentials.lock().unwrap_or_else(PoisonError::into_inner).remove(&asked.0);
        }
    }

    fn credential(&self, cloud: &Cloud, tenant: Option<&str>) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let key = tenant.map(str::to_owned);
        if let Some(credential) = credentials.get(&key) {
            return Ok(Arc::clone(credential));
        }
        let credential = self.make(cloud, tenant)?;
        credentials.insert(key, Arc::clone(&credential));
        Ok(credential)
    }

    fn make(&self, cloud: &Cloud, tenant: Option<&str>) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let name = self.method.name();
        let client_options = bridge::options(&self.transport, cloud, name);
        Ok(match &self.method {
            Method::Secret { application, secret } => ClientSecretCredential::new(
                tenant.unwrap_or(&application.tenant_id),
                application.client_id.clone(),
                secret.expose().to_owned().into(),
                Some(ClientSecretCredentialOptions { client_options }),
            )?,
            Method::Certificate { application, bundle, password } => {
                let tenant = tenant.unwrap_or(&application.tenant_id);
                let signed = certificate::Signed {
                    bundle: bundle.clone(),
                    password: password.clone(),
                    client_id: application.client_id.clone(),
                    endpoint: format!("{}{tenant}/oauth2/v2.0/token", cloud.authority),
                    opened: OnceLock::new(),
                };
                asserted(application, tenant, signed, client_options)?
            }
            Method::Oidc { application, source } => {
                let federated = assertion::Federated {
                    source: source.clone(),
                    transport: Arc::clone(&self.transport),
                    audience: cloud.token_exchange_audience,
                    method: name,
                };
                asserted(application, tenant.unwrap_or(&application.tenant_id), federated, client_options)?
            }
            Method::ManagedIdentity { client_id, endpoint: Some(endpoint), api_version } => {
                Arc::new(managed_identity::MetadataService {
                    transport: Arc::clone(&self.transport),
                    endpoint: endpoint.clone(),
                    api_version: api_version.clone(),
                    client_id: client_id.clone(),
                })
            }
            Method::ManagedIdentity { client_id, endpoint: None, .. } => {
                let user_assigned_id = client_id.clone().map(UserAssignedId::ClientId);
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id,
                    client_options,
                }))?
            }
            Method::Cli { tenant_id, subscription_id } => Arc::new(cli::Cli {
                tenant_id: tenant.map(str::to_owned).or_else(|| tenant_id.clone()),
                subscription_id: subscription_id.clone(),
            }),
        })
    }

    /// Adds what to do where the service does not say so itself.
    fn advise(&self, error: Error) -> Error {
        match &self.method {
            Method::ManagedIdentity { .. } if error.status.is_none() => error.hint(
                "No managed identity can be had here: `use_msi` works on machines and services in Azure that have one.",
            ),
            _ => error,
        }
    }
}

fn asserted(
    application: &Application,
    tenant: &str,
    assertion: impl ClientAssertion + 'static,
    client_options: azure_core::http::ClientOptions,
) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let options = ClientAssertionCredentialOptions { client_options };
    Ok(ClientAssertionCredential::new(tenant.to_owned(), application.client_id.clone(), assertion, Some(options))?)
}
