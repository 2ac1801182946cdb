//! The rules that can be switched off one by one, to see what a client does when a service does not keep them, and whether a
//! test would notice.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A rule that the emulator keeps unless [`Settings::without`](super::settings::Settings::without) names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Rule {
    /// An identity has so many credentials and no more.
    CredentialQuota,
    /// No two credentials of an identity have the same issuer and subject.
    CredentialUniqueness,
    /// The credentials of one identity are written one at a time.
    CredentialConcurrency,
    /// A federated assertion is signed by a key that its issuer publishes.
    TokenSignature,
    /// A federated assertion's issuer is the credential's.
    TokenIssuer,
    /// A federated assertion's subject is the credential's.
    TokenSubject,
    /// A federated assertion's audience is the credential's.
    TokenAudience,
    /// What is new takes its configured time to be known: credentials, principals and roles.
    Propagation,
    /// A server-side apply that is not forced changes nothing that another manager owns.
    ApplyConflicts,
    /// A vault with Azure RBAC is for those who have a role there.
    VaultRole,
}
