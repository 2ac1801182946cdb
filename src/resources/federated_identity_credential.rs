//! `azwi_federated_identity_credential`: lets one subject of one issuer act as one managed identity.
//!
//! Azure refuses concurrent writes to one identity's credentials; `azure` queues them, so nothing here knows of it. Where
//! the credential lives follows from `user_assigned_identity_id` alone, never from the provider's subscription.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::azure::credentials::{Credential, Held, Trust};
use crate::azure::{CredentialId, IdError, IdentityId};
use crate::context::Context;
use crate::domain::credential::{check_audience, check_issuer, check_subject};
use crate::domain::existing::already_exists;
use crate::error::{Error, Result};
use crate::lifecycle::plan::Plan;
use crate::resource::{IdentityAttribute, Resource};
use crate::schema::{Schema, computed, optional_computed, required, text};
use crate::value;

/// The resource.
pub(super) struct FederatedIdentityCredential;

/// The credential as plan and state hold it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Model {
    name: String,
    user_assigned_identity_id: String,
    issuer: String,
    /// None where somebody made it a flexible credential, which matches claims instead.
    subject: Option<String>,
    audience: Option<String>,
    id: Option<String>,
}

#[async_trait]
impl Resource for FederatedIdentityCredential {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_federated_identity_credential"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A federated identity credential on a user-assigned managed identity: lets tokens of one issuer with one subject be \
             exchanged for tokens of the identity. An identity has at most 20 of them, and no two with the same issuer and \
             subject. Issuer, subject and audience are compared to the letter when a token is exchanged. Writes to one \
             identity are queued, because Azure refuses them at the same time.",
            vec![
                required("name", text(), "The name: 3 to 120 letters, digits, `-` or `_`, the first a letter or digit.")
                    .replaces()
                    .check(crate::azure::id::check_credential_name)
                    .same(str::eq_ignore_ascii_case),
                required(
                    "user_assigned_identity_id",
                    text(),
                    "The id of the identity: `/subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/…`. \
                     It may be in any subscription that the provider's account can write to.",
                )
                .replaces()
                .check(|id| id.parse::<IdentityId>().map(drop).map_err(|error| error.to_string()))
                .same(same_identity),
                required(
                    "issuer",
                    text(),
                    "The issuer of the tokens: an https URL of at most 600 characters, exactly as the tokens carry it, with or \
                     without its slash at the end. Changes in place.",
                )
                .check(check_issuer),
                required(
                    "subject",
                    text(),
                    "The subject of the tokens, at most 600 characters. A service account's is \
                     `system:serviceaccount:NAMESPACE:NAME`. Changes in place.",
                )
                .check(check_subject),
                optional_computed(
                    "audience",
                    text(),
                    "The audience of the tokens, exactly one. Defaults to that of the provider's cloud, `api://AzureADTokenExchange` \
                     in the public one. Changes in place.",
                )
                .check(check_audience)
                .stable(),
                computed("id", text(), "The credential's id.").stable(),
            ],
        )
    }

    fn identity_schema(&self) -> &'static [IdentityAttribute] {
        &[
            IdentityAttribute { name: "subscription_id", doc: "The identity's subscription." },
            IdentityAttribute { name: "resource_group_name", doc: "The identity's resource group." },
            IdentityAttribute { name: "user_assigned_identity_name", doc: "The identity's name." },
            IdentityAttribute { name: "name", doc: "The credential's name." },
        ]
    }

    fn identity(&self, model: &Model) -> Result<Vec<String>> {
        let id = model.credential()?;
        let identity = id.identity();
        Ok(vec![
            identity.subscription().to_owned(),
            identity.group().name().to_owned(),
            identity.name().to_owned(),
            id.name().to_owned(),
        ])
    }

    fn import_id(&self, identity: &[String]) -> String {
        let part = |index| identity.get(index).map_or("", String::as_str);
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}/federatedIdentityCredentials/{}",
            part(0),
            part(1),
            part(2),
            part(3)
        )
    }

    async fn plan(&self, context: &Context, plan: &mut Plan) -> Result<()> {
        if plan.planned("audience").is_unknown()
            && let Some(settings) = context.clients().ok().and_then(|clients| clients.azure_settings())
        {
            plan.settle("audience", value::string(settings.environment.token_exchange_audience()));
        }
        Ok(())
    }

    async fn create(&self, context: &Context, plan: Model) -> Result<Model> {
        let azure = context.clients()?.azure()?;
        let id = plan.credential()?;
        let held = azure.credentials().hold(id.identity(), &context.wait).await?;
        if !context.adopt_existing && azure.credentials().get(&id, &context.wait).await?.is_some() {
            let what = format!("The federated identity credential `{}`", id.name());
            return Err(already_exists(&what, self.name(), &id.to_string()).at("name"));
        }
        write(context, &held, &id, plan).await
    }

    async fn read(&self, context: &Context, state: Model) -> Result<Option<Model>> {
        let azure = context.clients()?.azure()?;
        let id = state.credential()?;
        Ok(azure
            .credentials()
            .get(&id, &context.wait)
            .await?
            .map(|found| Model::of(&id, &state.user_assigned_identity_id, found)))
    }

    async fn update(&self, context: &Context, _prior: Model, plan: Model) -> Result<Model> {
        let azure = context.clients()?.azure()?;
        let id = plan.credential()?;
        let held = azure.credentials().hold(id.identity(), &context.wait).await?;
        write(context, &held, &id, plan).await
    }

    async fn delete(&self, context: &Context, prior: Model) -> Result<()> {
        let azure = context.clients()?.azure()?;
        azure.credentials().delete(&prior.credential()?, &context.wait).await?;
        Ok(())
    }

    async fn import(&self, context: &Context, id: &str) -> Result<Option<Model>> {
        let id: CredentialId =
            id.parse().map_err(|error: IdError| Error::new("The import id is malformed", error.to_string()))?;
        let azure = context.clients()?.azure()?;
        let identity = id.identity().to_string();
        Ok(azure.credentials().get(&id, &context.wait).await?.map(|found| Model::of(&id, &identity, found)))
    }
}

async fn write(context: &Context, held: &Held<'_>, id: &CredentialId, plan: Model) -> Result<Model> {
    let default = context.clients()?.azure()?.token_exchange_audience();
    let trust = Trust {
        issuer: plan.issuer,
        subject: plan.subject.unwrap_or_default(),
        audience: plan.audience.unwrap_or_else(|| default.to_owned()),
    };
    let written = held.put(id, &trust, &context.wait).await?;
    Ok(Model::of(id, &plan.user_assigned_identity_id, written))
}

impl Model {
    fn of(id: &CredentialId, identity: &str, found: Credential) -> Self {
        Self {
            name: id.name().to_owned(),
            user_assigned_identity_id: identity.to_owned(),
            issuer: found.properties.issuer,
            subject: found.properties.subject,
            audience: found.properties.audiences.into_iter().next(),
            id: Some(id.to_string()),
        }
    }

    fn credential(&self) -> Result<CredentialId> {
        let identity: IdentityId = self.user_assigned_identity_id.parse().map_err(|error: IdError| {
            Error::new("The identity's id is malformed", error.to_string()).at("user_assigned_identity_id")
        })?;
        CredentialId::new(identity, &self.name)
            .map_err(|error| Error::new("The credential's name is malformed", error.to_string()).at("name"))
    }
}

fn same_identity(a: &str, b: &str) -> bool {
    a.parse::<IdentityId>().ok().is_some_and(|a| b.parse::<IdentityId>().ok().is_some_and(|b| a == b))
}
