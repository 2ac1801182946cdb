//! `azwi_user_assigned_identity`: a managed identity that somebody else made.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::azure::{IdError, IdentityId, ResourceGroupId, SubscriptionId};
use crate::context::Context;
use crate::data_source::DataSource;
use crate::error::{Error, Result};
use crate::schema::{Schema, computed, map_of_text, optional_computed, required, text};

/// The data source.
pub(super) struct UserAssignedIdentity;

#[derive(Serialize, Deserialize)]
pub(super) struct Model {
    name: String,
    resource_group_name: String,
    subscription_id: Option<String>,
    id: Option<String>,
    location: Option<String>,
    client_id: Option<String>,
    principal_id: Option<String>,
    tenant_id: Option<String>,
    isolation_scope: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

#[async_trait]
impl DataSource for UserAssignedIdentity {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_user_assigned_identity"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A user-assigned managed identity that exists.",
            vec![
                required("name", text(), "The name.").check(crate::azure::id::check_identity_name),
                required("resource_group_name", text(), "The resource group.")
                    .check(crate::azure::id::check_resource_group),
                optional_computed("subscription_id", text(), "The subscription. Defaults to the provider's.")
                    .check(|id| id.parse::<SubscriptionId>().map(drop).map_err(|error| error.to_string())),
                computed("id", text(), "The identity's id."),
                computed("location", text(), "The region."),
                computed("client_id", text(), "The client id: what goes into a service account's annotation."),
                computed("principal_id", text(), "The object id of its service principal: what roles are assigned to."),
                computed("tenant_id", text(), "The tenant it belongs to."),
                computed(
                    "isolation_scope",
                    text(),
                    "`Regional` where it is kept to resources of its region, else `None`.",
                ),
                computed("tags", map_of_text(), "Its tags."),
            ],
        )
    }

    async fn read(&self, context: &Context, config: Model) -> Result<Model> {
        let azure = context.clients()?.azure()?;
        let malformed = |attribute: &'static str| {
            move |error: IdError| Error::new("The identity is misnamed", error.to_string()).at(attribute)
        };
        let subscription = match &config.subscription_id {
            Some(given) => given.parse::<SubscriptionId>().map_err(malformed("subscription_id"))?,
            None => context.clients()?.subscription_id(&context.wait).await?,
        };
        let group = ResourceGroupId::new(subscription.clone(), &config.resource_group_name)
            .map_err(malformed("resource_group_name"))?;
        let id = IdentityId::new(group, &config.name).map_err(malformed("name"))?;
        let found = azure.identities().get(&id, &context.wait).await?.ok_or_else(|| not_found(&id).at("name"))?;
        Ok(Model {
            subscription_id: config.subscription_id.or_else(|| Some(subscription.guid().to_owned())),
            id: Some(id.to_string()),
            location: Some(found.location),
            client_id: Some(found.properties.client_id),
            principal_id: Some(found.properties.principal_id),
            tenant_id: Some(found.properties.tenant_id),
            isolation_scope: Some(found.properties.isolation_scope.unwrap_or_else(|| "None".to_owned())),
            tags: Some(found.tags),
            ..config
        })
    }
}

/// The error on an identity that does not exist.
pub(super) fn not_found(id: &IdentityId) -> Error {
    Error::new(
        format!("The managed identity `{}` does not exist", id.name()),
        format!(
            "Azure knows no `{id}`. Check name, resource group and subscription. Where the same configuration makes the identity, refer to \
             the resource's own attributes instead."
        ),
    )
}
