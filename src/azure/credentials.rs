//! Federated identity credentials of managed identities.
//!
//! Azure refuses concurrent writes to one identity's credentials, so whoever writes holds the identity ([`Credentials::hold`])
//! from before the first read that the write depends on. Across processes the refusal still happens, and is the one
//! conflict that is tried again.
//!
//! The generated client would fail on a credential without a subject (a flexible one, which somebody else may have made),
//! and with it on a whole list; so it sends, and our own model reads.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use azure_mgmt_msi::package_2023_01_31::models;
use reqwest::Method;
use serde::Deserialize;
use tokio::time::Instant;

use super::Azure;
use super::answer::Answer;
use super::arm::Request;
use super::error::{Error, ErrorKind, Result};
use super::generated::Call;
use super::id::{CredentialId, IdentityId};
use super::identities::null_is_empty;
use super::retry;
use super::view::Change;
use crate::http::{self, Failed, Verdict};
use crate::turn::{Turn, Turns};
use crate::wait::Wait;

/// How many credentials an identity holds.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
pub(crate) const MOST_PER_IDENTITY: usize = 20;

/// Who writes the credentials of an identity, by the identity's key. All configurations of the process share it, because a second
/// provider alias writes to the same identity.
static WRITERS: LazyLock<Turns> = LazyLock::new(Turns::default);

/// A federated identity credential, as the service describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Credential {
    /// Its full id, in the service's casing.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whom it trusts.
    #[serde(default)]
    pub properties: CredentialProperties,
}

/// The properties of a credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CredentialProperties {
    /// The issuer, byte for byte.
    #[serde(deserialize_with = "null_is_empty")]
    pub issuer: String,
    /// The subject, byte for byte; a flexible credential has none.
    pub subject: Option<String>,
    /// The audiences: exactly one.
    #[serde(deserialize_with = "null_is_empty")]
    pub audiences: Vec<String>,
    /// What a flexible credential has instead of a subject.
    pub claims_matching_expression: Option<ClaimsMatchingExpression>,
}

/// The expression of a flexible credential, which this provider reads but never writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClaimsMatchingExpression {
    /// Such as `claims['sub'] matches 'repo:contoso/*'`.
    pub value: String,
}

/// What a credential is to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The issuer, byte for byte as it is in the tokens.
    pub issuer: String,
    /// The subject, byte for byte.
    pub subject: String,
    /// The audience.
    pub audience: String,
}

impl Trust {
    /// Whether a credential trusts exactly this.
    pub(crate) fn describes(&self, credential: &Credential) -> bool {
        let found = &credential.properties;
        found.issuer == self.issuer
            && found.subject.as_deref() == Some(self.subject.as_str())
            && found.audiences == [self.audience.as_str()]
            && found.claims_matching_expression.is_none()
    }
}

/// Calls about credentials.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    pub(super) azure: &'a Azure,
}

/// The sole right in this process to write the credentials of one identity, until it is dropped.
#[derive(Debug)]
pub struct Held<'a> {
    credentials: Credentials<'a>,
    identity: IdentityId,
    _turn: Turn,
}

impl<'a> Credentials<'a> {
    /// Waits for the right to write an identity's credentials. Take it before reading what the write depends on.
    ///
    /// # Errors
    /// When the wait is over first.
    pub async fn hold(&self, identity: &IdentityId, wait: &Wait) -> Result<Held<'a>> {
        let turn = WRITERS.take(&identity.key(), wait).await.map_err(|why| {
            Error::interrupted(
                why,
                "write federated identity credential",
                &identity.to_string(),
                "other writes to this identity's credentials",
            )
        })?;
        Ok(Held { credentials: *self, identity: identity.clone(), _turn: turn })
    }

    /// The credential, or nothing when it does not exist. Always asks: for whoever is about to write.
    ///
    /// # Errors
    /// When Azure cannot be asked or does not allow it.
    pub async fn get(&self, id: &CredentialId, wait: &Wait) -> Result<Option<Credential>> {
        let call = Call::new(self.azure, "GET federated identity credential", id, wait);
        let (subscription, group, identity, name) = parts(id);
        let sent = call.credentials().await?.get(subscription, group, identity, name).send().await;
        match call.answer(sent).await {
            Ok(answer) => answer.json(call.subject()).map(Some),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same for refreshing a state: the second read on an identity lists it, and serves the rest from there.
    ///
    /// # Errors
    /// As [`Credentials::get`].
    pub async fn read(&self, id: &CredentialId, wait: &Wait) -> Result<Option<Credential>> {
        let named = |credential: Credential| (credential.name.to_lowercase(), credential);
        let list = async { Ok(self.list(id.identity(), wait).await?.into_iter().map(named).collect()) };
        let seen = &self.azure.inner.seen_credentials;
        seen.read(&id.identity().key(), &id.name().to_lowercase(), wait, list, self.get(id, wait)).await
    }

    /// All credentials on an identity, flexible ones included.
    ///
    /// # Errors
    /// When the identity does not exist, or Azure refuses.
    pub async fn list(&self, identity: &IdentityId, wait: &Wait) -> Result<Vec<Credential>> {
        let path = format!("{identity}/federatedIdentityCredentials");
        self.azure.list(&Request::new(Method::GET, "federated identity credentials", path, "2024-11-30"), wait).await
    }

    /// Creates or replaces a credential; holds its identity for this one call. Deadlocks until the timeout if the caller
    /// holds it already: use [`Held::put`] then.
    ///
    /// # Errors
    /// As [`Held::put`].
    pub async fn put(&self, id: &CredentialId, trust: &Trust, wait: &Wait) -> Result<Credential> {
        self.hold(id.identity(), wait).await?.put(id, trust, wait).await
    }

    /// Deletes a credential; holds its identity for this one call, as [`Credentials::put`] does.
    ///
    /// # Errors
    /// As [`Held::delete`].
    pub async fn delete(&self, id: &CredentialId, wait: &Wait) -> Result<()> {
        self.hold(id.identity(), wait).await?.delete(id, wait).await
    }
}

impl Held<'_> {
    /// Creates a credential, or makes an existing one trust this.
    ///
    /// Waits while another process writes, while a new identity cannot be seen yet (30 s without a trace of it are enough),
    /// and up to a minute while the identity is full.
    ///
    /// # Errors
    /// When Azure refuses; every conflict but the concurrent write at once. A lost connection is resolved by reading back.
    pub async fn put(&self, id: &CredentialId, trust: &Trust, wait: &Wait) -> Result<Credential> {
        self.check(id)?;
        let _view = self.changes();
        let azure = self.credentials.azure;
        let waited = &Waited::default();
        let attempt = |tries| async move {
            let send = || self.put_once(id, trust, wait);
            let read_back =
                || async move { Ok(self.credentials.get(id, wait).await?.filter(|found| trust.describes(found))) };
            match azure.write_once(wait, send, read_back).await {
                Ok(credential) => Ok(credential),
                Err(error) => Err(self.classify(id, error, tries, waited, wait).await),
            }
        };
        http::retry(wait, retry::BACKOFF, attempt).await.map_err(retry::gave_up)
    }

    /// The verdict on a refused PUT: whether the service only needs time, and how much it had.
    async fn classify(
        &self,
        id: &CredentialId,
        error: Error,
        tries: u32,
        waited: &Waited,
        wait: &Wait,
    ) -> Failed<Error> {
        let patience = self.credentials.azure.inner.patience;
        if error.is_concurrent_credential_write() {
            return Verdict::NotYet { after: patience.after_collision(tries) }.on(error);
        }
        if error.is_parent_not_found() {
            let there = match self.credentials.azure.identities().get(&self.identity, wait).await {
                Ok(found) => found.is_some(),
                Err(error) => return Verdict::Final.on(error),
            };
            let missing = waited.missing.lasts(!there);
            return match missing > patience.identity_missing {
                false => Verdict::NotYet { after: patience.next() }.on(error),
                true => Verdict::Final.on(error.hint(format!(
                    "The identity did not appear within {} s: create it first, or reference its resource so that Terraform orders the two.",
                    missing.as_secs()
                ))),
            };
        }
        if self.is_full(id, &error, wait).await {
            return match waited.full.lasts(true) > patience.identity_full {
                false => Verdict::NotYet { after: patience.next() }.on(error),
                true => Verdict::Final.on(full(error)),
            };
        }
        Verdict::Final.on(error)
    }

    /// Deletes a credential. One that is gone is deleted.
    ///
    /// # Errors
    /// When Azure refuses; only the concurrent write of another process is waited for.
    pub async fn delete(&self, id: &CredentialId, wait: &Wait) -> Result<()> {
        self.check(id)?;
        let _view = self.changes();
        let patience = self.credentials.azure.inner.patience;
        let attempt = |tries| async move {
            match self.delete_once(id, wait).await {
                Ok(_) => Ok(()),
                Err(error) if error.is_gone() => Ok(()),
                Err(error) if error.is_concurrent_credential_write() => {
                    Err(Verdict::NotYet { after: patience.after_collision(tries) }.on(error))
                }
                Err(error) => Err(Verdict::Final.on(error)),
            }
        };
        http::retry(wait, retry::BACKOFF, attempt).await.map_err(retry::gave_up)
    }

    /// Ends the view of the identity's credentials now, and once more when the write is over.
    fn changes(&self) -> Change<'_, Credential> {
        Change::begin(&self.credentials.azure.inner.seen_credentials, self.identity.key())
    }

    async fn put_once(&self, id: &CredentialId, trust: &Trust, wait: &Wait) -> Result<Credential> {
        let call = Call::new(self.credentials.azure, "PUT federated identity credential", id, wait);
        let (subscription, group, identity, name) = parts(id);
        let properties = models::FederatedIdentityCredentialProperties::new(
            trust.issuer.clone(),
            trust.subject.clone(),
            vec![trust.audience.clone()],
        );
        let body = models::FederatedIdentityCredential { properties: Some(properties), ..Default::default() };
        let sent = call.credentials().await?.create_or_update(subscription, group, identity, name, body).send().await;
        call.answer(sent).await?.json(call.subject())
    }

    async fn delete_once(&self, id: &CredentialId, wait: &Wait) -> Result<Answer> {
        let call = Call::new(self.credentials.azure, "DELETE federated identity credential", id, wait);
        let (subscription, group, identity, name) = parts(id);
        let sent = call.credentials().await?.delete(subscription, group, identity, name).send().await;
        call.answer(sent).await
    }

    /// Whether the refusal of a new credential means that there is no room. What the service says then is not documented,
    /// so where the text does not tell, the credentials are counted.
    async fn is_full(&self, id: &CredentialId, error: &Error, wait: &Wait) -> bool {
        if error.is_too_many_credentials() {
            return true;
        }
        let unclear = matches!(error.status, Some(400 | 409)) && !error.is_duplicate_issuer_and_subject();
        if !unclear || !matches!(error.kind, ErrorKind::Conflict | ErrorKind::BadRequest) {
            return false;
        }
        let Ok(there) = self.credentials.list(&self.identity, &wait.within(Duration::from_secs(10))).await else {
            return false;
        };
        there.len() >= MOST_PER_IDENTITY
            && !there.iter().any(|credential| credential.name.eq_ignore_ascii_case(id.name()))
    }

    fn check(&self, id: &CredentialId) -> Result<()> {
        if id.identity() == &self.identity {
            return Ok(());
        }
        let message = format!("the credential is not on the identity that is held, `{}`", self.identity);
        Err(Error::new(ErrorKind::BadRequest, "write federated identity credential", id.to_string(), message))
    }
}

fn parts(id: &CredentialId) -> (&str, &str, &str, &str) {
    let identity = id.identity();
    (identity.subscription(), identity.group().name(), identity.name(), id.name())
}

fn full(mut error: Error) -> Error {
    error.kind = ErrorKind::Conflict;
    match error.is_too_many_credentials() {
        true => error,
        false => error.hint(format!("The identity holds {MOST_PER_IDENTITY} credentials, which is all it can.")),
    }
}

/// How long a PUT has met a state that may pass.
#[derive(Debug, Default)]
struct Waited {
    /// The identity cannot be seen.
    missing: Since,
    /// The identity has no room.
    full: Since,
}

/// The time since which a state lasts.
#[derive(Debug, Default)]
struct Since(Mutex<Option<Instant>>);

impl Since {
    /// Takes note whether the state is met, and says for how long it has been; zero if it is not.
    fn lasts(&self, met: bool) -> Duration {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *since = since.or(Some(Instant::now())).filter(|_| met);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_flexible_credential_is_read_and_is_nobody_s_plain_one() {
        let flexible: Credential = serde_json::from_value(json!({
            "id": "/x", "name": "ficResourceName", "type": "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
            "properties": {"issuer": "https://i", "audiences": ["a"], "claimsMatchingExpression": {"languageVersion": 1, "value": "claims['sub'] matches 'x'"}}
        }))
        .unwrap();
        assert_eq!(flexible.properties.subject, None);
        assert!(flexible.properties.claims_matching_expression.is_some());
        let trust = Trust { issuer: "https://i".into(), subject: String::new(), audience: "a".into() };
        assert!(!trust.describes(&flexible));
    }

    #[test]
    fn issuer_and_subject_are_compared_byte_for_byte() {
        let credential = |issuer: &str, subject: &str| Credential {
            id: "/x".into(),
            name: "x".into(),
            properties: CredentialProperties {
                issuer: issuer.into(),
                subject: Some(subject.into()),
                audiences: vec!["a".into()],
                claims_matching_expression: None,
            },
        };
        let trust = Trust { issuer: "https://i/".into(), subject: "s".into(), audience: "a".into() };
        assert!(trust.describes(&credential("https://i/", "s")));
        assert!(!trust.describes(&credential("https://i", "s")));
        assert!(!trust.describes(&credential("https://i/", "S")));
    }
}
