//! `azwi_oidc_issuer`: an issuer's discovery document and keys, fetched as Entra ID fetches them.
//!
//! The issuer in the document must be the one asked for, byte for byte. A slash more or less leads to the same document, and to a
//! credential that no token ever matches.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::data_source::DataSource;
use crate::domain::{credential, difference};
use crate::error::{Error, Result};
use crate::oidc;
use crate::schema::{Kind, Nesting, Schema, computed, list_of_text, required, text};

/// The data source.
pub(super) struct OidcIssuer;

#[derive(Serialize, Deserialize)]
pub(super) struct Model {
    issuer: String,
    id: Option<String>,
    discovery_url: Option<String>,
    jwks_uri: Option<String>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    keys: Option<Vec<Key>>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    kid: Option<String>,
    kty: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
}

#[async_trait]
impl DataSource for OidcIssuer {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_oidc_issuer"
    }

    fn schema(&self) -> Schema {
        let key = vec![
            computed("kid", text(), "What the header of a token calls the key."),
            computed("kty", text(), "The type, such as `RSA`."),
            computed("alg", text(), "What it signs with, such as `RS256`."),
            computed("use", text(), "What it is for: `sig`."),
        ];
        Schema::new(
            "What an issuer of tokens publishes: its discovery document and its keys, fetched anonymously and over https as Entra ID fetches \
             them. It is an error where the document names another issuer than the given one, even by a slash. Redirects to another host \
             are not followed.",
            vec![
                required("issuer", text(), "The issuer, byte for byte as it is in the tokens.")
                    .check(credential::check_issuer),
                computed("id", text(), "The issuer."),
                computed("discovery_url", text(), "Where the discovery document is."),
                computed("jwks_uri", text(), "Where the keys are."),
                computed("id_token_signing_alg_values_supported", list_of_text(), "What its tokens are signed with."),
                computed(
                    "keys",
                    Kind::Nested(Nesting::List, key),
                    "The public keys, in the order they are published in.",
                ),
            ],
        )
    }

    async fn read(&self, context: &Context, config: Model) -> Result<Model> {
        let issuer = config.issuer;
        let unread = |what: &str, failure: &oidc::Failure| {
            Error::new(
                format!("The {what} of issuer `{issuer}` cannot be read"),
                format!(
                    "{failure}.\n\nEntra ID reads it at every exchange of a token, from the internet and without signing in. Check the issuer \
                     letter by letter, and that its address is public."
                ),
            )
            .at("issuer")
        };
        let document =
            oidc::discovery(&issuer, &context.wait).await.map_err(|failure| unread("discovery document", &failure))?;
        if document.issuer != issuer {
            return Err(Error::new(
                "The discovery document names another issuer",
                format!(
                    "Given:    {issuer}\nDocument: {}\n\nIn the one given: {} Entra ID compares issuers byte for byte, so a credential with \
                     the one given would match no token. Write:\n\n  issuer = \"{}\"",
                    document.issuer,
                    difference::first(&document.issuer, &issuer),
                    document.issuer
                ),
            )
            .at("issuer"));
        }
        let keys =
            oidc::keys(&document.jwks_uri, &context.wait).await.map_err(|failure| unread("set of keys", &failure))?;
        if keys.is_empty() {
            context.warn(
                Error::new(
                    "The issuer publishes no keys",
                    format!("The set at {} is empty, so nobody can verify a token of it.", document.jwks_uri),
                )
                .at("issuer"),
            );
        }
        let keys = keys.into_iter().map(|key| Key { kid: key.kid, kty: key.kty, alg: key.alg, r#use: key.usage });
        Ok(Model {
            id: Some(issuer.clone()),
            discovery_url: Some(oidc::discovery_url(&issuer)),
            jwks_uri: Some(document.jwks_uri),
            id_token_signing_alg_values_supported: Some(document.id_token_signing_alg_values_supported),
            keys: Some(keys.collect()),
            issuer,
        })
    }
}
