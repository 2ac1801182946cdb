//! `azwi_client_config`: whom the provider is signed in as, and where.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::azure::ErrorKind;
use crate::context::Context;
use crate::data_source::DataSource;
use crate::error::Result;
use crate::schema::{Schema, computed, text};

/// The data source.
pub(super) struct ClientConfig;

#[derive(Serialize, Deserialize)]
pub(super) struct Model {
    id: Option<String>,
    tenant_id: Option<String>,
    subscription_id: Option<String>,
    client_id: Option<String>,
    object_id: Option<String>,
    environment: Option<String>,
    audience: Option<String>,
}

#[async_trait]
impl DataSource for ClientConfig {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_client_config"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Whom the provider is signed in to Azure as, and where. Ids are those in the token that Entra ID issued.",
            vec![
                computed("id", text(), "The object id, or the client id where the token has none."),
                computed("tenant_id", text(), "The tenant."),
                computed(
                    "subscription_id",
                    text(),
                    "The subscription of what names none. Null where neither the configuration nor the Azure CLI has one.",
                ),
                computed(
                    "client_id",
                    text(),
                    "The client id of the application or managed identity; for a person, that of the Azure CLI.",
                ),
                computed(
                    "object_id",
                    text(),
                    "The object id of the application's service principal, of the managed identity or of the person: what roles are assigned to.",
                ),
                computed("environment", text(), "The cloud, as the provider's `environment` names it."),
                computed(
                    "audience",
                    text(),
                    "The audience that a federated token must have in this cloud, such as `api://AzureADTokenExchange`.",
                ),
            ],
        )
    }

    async fn read(&self, context: &Context, _config: Model) -> Result<Model> {
        let azure = context.clients()?.azure()?;
        let caller = azure.caller(&context.wait).await?;
        let tenant_id = match caller.tenant_id {
            Some(tenant) => tenant,
            None => azure.tenant_id().await?,
        };
        let subscription_id = match azure.subscription_id().await {
            Ok(subscription) => Some(subscription.guid().to_owned()),
            Err(error) if error.kind == ErrorKind::Config => None,
            Err(error) => return Err(error.into()),
        };
        let id = caller.object_id.clone().or_else(|| caller.client_id.clone()).unwrap_or_else(|| tenant_id.clone());
        Ok(Model {
            id: Some(id),
            tenant_id: Some(tenant_id),
            subscription_id,
            client_id: caller.client_id,
            object_id: caller.object_id,
            environment: Some(azure.environment().name().to_owned()),
            audience: Some(azure.token_exchange_audience().to_owned()),
        })
    }
}
