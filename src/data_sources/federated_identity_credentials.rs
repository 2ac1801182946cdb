//! `azwi_federated_identity_credentials`: all credentials on one identity, and how many more it takes.
//!
//! Flexible credentials, which others may have made, are listed as well: they have an expression in place of a subject.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::user_assigned_identity::not_found;
use crate::azure::IdentityId;
use crate::azure::credentials::MOST_PER_IDENTITY;
use crate::context::Context;
use crate::data_source::DataSource;
use crate::error::{Error, Result};
use crate::schema::{Kind, Nesting, Schema, computed, number, required, text};

/// The data source.
pub(super) struct FederatedIdentityCredentials;

#[derive(Serialize, Deserialize)]
pub(super) struct Model {
    user_assigned_identity_id: String,
    id: Option<String>,
    credentials: Option<Vec<Credential>>,
    remaining: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Credential {
    id: Option<String>,
    name: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
    audience: Option<String>,
    claims_matching_expression: Option<String>,
}

#[async_trait]
impl DataSource for FederatedIdentityCredentials {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_federated_identity_credentials"
    }

    fn schema(&self) -> Schema {
        let credential = vec![
            computed("id", text(), "The credential's id."),
            computed("name", text(), "Its name."),
            computed("issuer", text(), "The issuer it trusts."),
            computed("subject", text(), "The subject it trusts. Null for a flexible credential."),
            computed("audience", text(), "The audience it expects."),
            computed(
                "claims_matching_expression",
                text(),
                "What a flexible credential has in place of a subject. Null for others.",
            ),
        ];
        Schema::new(
            "All federated identity credentials on a managed identity, and how many more it takes: an identity holds 20 at most.",
            vec![
                required("user_assigned_identity_id", text(), "The identity's id.")
                    .check(|id| id.parse::<IdentityId>().map(drop).map_err(|error| format!("{error}."))),
                computed("id", text(), "The identity's id."),
                computed("credentials", Kind::Nested(Nesting::List, credential), "The credentials, ordered by name."),
                computed("remaining", number(), "How many more the identity takes."),
            ],
        )
    }

    async fn read(&self, context: &Context, config: Model) -> Result<Model> {
        let id: IdentityId = config.user_assigned_identity_id.parse().map_err(|error| {
            Error::new("The identity's id is malformed", format!("{error}.")).at("user_assigned_identity_id")
        })?;
        let azure = context.clients()?.azure()?;
        let mut found = match azure.credentials().list(&id, &context.wait).await {
            Err(error) if error.is_gone() => return Err(not_found(&id).at("user_assigned_identity_id")),
            listed => listed?,
        };
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let remaining = MOST_PER_IDENTITY.saturating_sub(found.len());
        let credentials = found.into_iter().map(|credential| Credential {
            id: Some(format!("{id}/federatedIdentityCredentials/{}", credential.name)),
            name: Some(credential.name),
            issuer: Some(credential.properties.issuer),
            subject: credential.properties.subject,
            audience: credential.properties.audiences.into_iter().next(),
            claims_matching_expression: credential.properties.claims_matching_expression.map(|it| it.value),
        });
        Ok(Model {
            id: Some(id.to_string()),
            credentials: Some(credentials.collect()),
            remaining: Some(remaining as u64),
            ..config
        })
    }
}
