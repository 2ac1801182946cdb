//! `azwi_federated_identity_credential`: lets one subject of one issuer act as one managed identity.
//!
//! Azure refuses concurrent writes to one identity's credentials; `azure` queues them, so nothing here knows of it. Where
//! the credential lives follows from `user_assigned_identity_id` alone, never from the provider's subscription.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::azure::credentials::{Credential, Trust};
use crate::azure::id::same_name;
use crate::azure::{Azure, CredentialId, IdError, IdentityId};
use crate::context::Context;
use crate::domain::credential::{check_audience, check_issuer, check_subject};
use crate::domain::credentials_planned::Pair;
use crate::error::{Error, Result};
use crate::lifecycle::plan::Plan;
use crate::resource::{IdentityAttribute, Owned, Resource};
use crate::resources::shared::credential as shared;
use crate::schema::{Schema, computed, optional_computed, required, text};
use crate::value::{self, Value};

/// The resource.
pub(super) struct FederatedIdentityCredential;

const NAME: &str = "azwi_federated_identity_credential";

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
        NAME
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A federated identity credential on a user-assigned managed identity: lets tokens of one issuer with one subject be \
             exchanged for tokens of the identity. An identity has at most 20 of them, and no two with the same issuer and \
             subject; credentials of one apply that take each other's subjects wait for each other. Issuer, subject and audience are compared to the letter when a token is exchanged. Writes to one \
             identity are queued, because Azure refuses them at the same time.",
            vec![
                required("name", text(), "The name: 3 to 120 letters, digits, `-` or `_`, the first a letter or digit.")
                    .replaces()
                    .check(crate::azure::id::check_credential_name)
                    .same(same_name),
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
        &shared::IDENTITY
    }

    fn identity(&self, model: &Model) -> Result<Vec<String>> {
        Ok(shared::identity_parts(&model.credential()?))
    }

    fn import_id(&self, identity: &[String]) -> String {
        shared::import_id(identity)
    }

    fn owns(&self, _context: &Context, object: &Value) -> Vec<Owned> {
        let text = |name: &str| value::as_str(value::attribute(object, name)).map(str::to_owned);
        shared::owns(credential_of(object).as_ref(), text("issuer").zip(text("subject")), "name")
    }

    fn label(&self, object: &Value) -> String {
        let text = |name| value::as_str(value::attribute(object, name)).unwrap_or("(not known yet)");
        format!("{NAME} `{}` on {}", text("name"), text("user_assigned_identity_id"))
    }

    async fn plan(&self, context: &Context, plan: &mut Plan) -> Result<()> {
        // Also in an update, where the prior one may be what somebody else has made of it.
        if let Some(settings) = context.clients().ok().and_then(|clients| clients.azure_settings()) {
            plan.settle("audience", value::string(settings.environment.token_exchange_audience()));
        }
        let text = |name: &str| value::as_str(plan.planned(name)).map(str::to_owned);
        let new = credential_of(&plan.planned);
        shared::check_at_plan(context, plan, new.as_ref(), text("issuer").zip(text("subject"))).await
    }

    async fn create(&self, context: &Context, plan: Model) -> Result<Model> {
        let id = plan.credential()?;
        let trust = plan.trust(context.clients()?.azure()?);
        let identity = &plan.user_assigned_identity_id;
        let wanted = shared::Wanted { id: &id, trust: &trust, type_name: NAME, attribute: "name" };
        match shared::create(context, wanted).await {
            Ok(written) => Ok(Model::of(&id, identity, written.credential)),
            Err(shared::Unfinished { error, made: Some(made) }) => Err(error.keeping(&Model::of(&id, identity, made))),
            Err(shared::Unfinished { error, made: None }) => Err(error),
        }
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

    async fn update(&self, context: &Context, prior: Model, plan: Model) -> Result<Model> {
        let id = plan.credential()?;
        shared::refuse_expression_in_update(context, &id, prior.subject.as_deref()).await?;
        let trust = plan.trust(context.clients()?.azure()?);
        let wanted = shared::Wanted { id: &id, trust: &trust, type_name: NAME, attribute: "name" };
        let written = shared::update(context, wanted, prior.pair()).await?;
        Ok(Model::of(&id, &plan.user_assigned_identity_id, written))
    }

    async fn delete(&self, context: &Context, prior: Model) -> Result<()> {
        shared::delete(context, &prior.credential()?, prior.pair(), &context.wait).await
    }

    async fn import(&self, context: &Context, id: &str) -> Result<Option<Model>> {
        let id: CredentialId =
            id.parse().map_err(|error: IdError| Error::new("The import id is malformed", error.to_string()))?;
        let azure = context.clients()?.azure()?;
        let identity = id.identity().to_string();
        let Some(found) = azure.credentials().get(&id, &context.wait).await? else { return Ok(None) };
        shared::refuse_expression(&found)?;
        Ok(Some(Model::of(&id, &identity, found)))
    }
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

    fn trust(&self, azure: &Azure) -> Trust {
        Trust {
            issuer: self.issuer.clone(),
            subject: self.subject.clone().unwrap_or_default(),
            audience: self.audience.clone().unwrap_or_else(|| azure.token_exchange_audience().to_owned()),
        }
    }

    /// Issuer and subject.
    fn pair(&self) -> Pair {
        self.subject.clone().map(|subject| (self.issuer.clone(), subject))
    }

    fn credential(&self) -> Result<CredentialId> {
        let identity: IdentityId = self.user_assigned_identity_id.parse().map_err(|error: IdError| {
            Error::new("The identity's id is malformed", error.to_string()).at("user_assigned_identity_id")
        })?;
        CredentialId::new(identity, &self.name)
            .map_err(|error| Error::new("The credential's name is malformed", error.to_string()).at("name"))
    }
}

/// The id of a planned or stored credential, where it is known.
fn credential_of(object: &Value) -> Option<CredentialId> {
    let text = |name| value::as_str(value::attribute(object, name));
    let identity: IdentityId = text("user_assigned_identity_id")?.parse().ok()?;
    CredentialId::new(identity, text("name")?).ok()
}

pub(super) fn same_identity(a: &str, b: &str) -> bool {
    a.parse::<IdentityId>().ok().is_some_and(|a| b.parse::<IdentityId>().ok().is_some_and(|b| a == b))
}
