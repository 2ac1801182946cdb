//! What of the emulator's behaviour can be switched: delays, limits, and the rules on which Azure's documents disagree.
//!
//! The defaults are what Azure is documented or was seen to do. Settings are not part of the state: a restart has those it
//! was started with.

use serde::{Deserialize, Serialize};

use super::rule::Rule;

/// The switches. In JSON every one may be left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long every request takes between being admitted and having its effect, in milliseconds.
    pub latency_ms: u64,
    /// How long a new service principal stays unknown to role assignments, in milliseconds. In Azure up to minutes.
    pub principal_replication_ms: u64,
    /// How long a new or changed federated identity credential stays unknown to the token endpoint, in milliseconds.
    pub credential_propagation_ms: u64,
    /// How the replicas of the token endpoint differ.
    pub token_replicas: TokenReplicas,
    /// How long a new role assignment has no effect, at a vault as in Azure Resource Manager, in milliseconds. In Azure up to
    /// ten minutes.
    pub role_propagation_ms: u64,
    /// How long writing an AKS cluster takes after it was answered, in milliseconds. In Azure minutes.
    pub cluster_operation_ms: u64,
    /// How long an access token lasts, in seconds; 0 is Entra ID's hour.
    pub access_token_seconds: u32,
    /// Whether the documented limits on requests per second are kept.
    pub throttle: Throttle,
    /// Whether the clusters honour roles; where they do not, whoever signs in may do everything.
    pub rbac: bool,
    /// Requests that are refused with 403 `AuthorizationFailed`, as if the caller lacked the role.
    pub deny: Vec<Deny>,
    /// The most entries on one page of a list of Azure Resource Manager; 0 is no limit.
    pub page_size: usize,
    /// The rules that are not settled.
    pub rules: Rules,
    /// The rules that are not kept.
    pub without: Vec<Rule>,
}

/// The replicas of the token endpoint. Alike without being told otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenReplicas {
    /// How many there are.
    pub count: u32,
    /// What decides which of them a request lands on, and when each learns what.
    pub seed: u64,
    /// How much longer than `credential_propagation_ms` it may take until one of them knows a credential, in milliseconds.
    pub spread_ms: u64,
    /// How long one that found no credential says so without looking again, in milliseconds.
    pub miss_ms: u64,
}

impl Default for TokenReplicas {
    fn default() -> Self {
        Self { count: 3, seed: 0, spread_ms: 0, miss_ms: 0 }
    }
}

/// Whether requests are counted against the documented limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Throttle {
    /// Nothing is limited.
    #[default]
    Off,
    /// The token buckets of Azure Resource Manager and of the managed-identity service.
    Documented,
}

impl std::str::FromStr for Throttle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "documented" => Ok(Self::Documented),
            _ => Err(format!("`{text}` is neither `off` nor `documented`")),
        }
    }
}

/// One kind of request that nobody may make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// The operation's name, such as `RoleAssignments_Create`, or its action, such as `Microsoft.Authorization/roleAssignments/write`.
    pub operation: String,
    /// Only below this resource id; everywhere when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// The rules on which documents and reports disagree, or are silent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// The status of a second credential with the same issuer and subject. The documentation says 400, field reports 409.
    pub duplicate_credential_status: u16,
    /// The code of that error. `BadRequest` goes with 400, `Conflict` was seen with 409.
    pub duplicate_credential_code: String,
    /// The most credentials on one identity; documented as 20.
    pub credential_limit: usize,
    /// The status of the error for one credential too many; Azure's answer is not on record.
    pub credential_limit_status: u16,
    /// The code of that error.
    pub credential_limit_code: String,
    /// Whether a role assignment that names its `principalType` is taken for a principal that is not replicated yet, which
    /// is what the error text of `PrincipalNotFound` promises.
    pub principal_type_skips_replication: bool,
    /// Whether a replica of the token endpoint that does not know a credential yet answers AADSTS70021 (true), or what its
    /// other credentials make of the assertion: 70025, 700211, 700212 or 700213. The documentation names the first.
    pub unknown_credential_is_70021: bool,
    /// What sign-in says when an issuer's documents cannot be had: 50166, or 501661 or 90061, which were seen with the same
    /// text.
    pub unreachable_issuer_code: u32,
    /// Whether PATCH replaces the whole map of tags of an identity (true) or merges into it; the specification is silent.
    pub patch_replaces_tags: bool,
    /// Whether descriptions of sign-in errors break lines by CR LF before `Trace ID`, as they did until about 2024.
    pub sign_in_line_breaks: bool,
    /// Regions whose identities cannot have federated credentials, as documented.
    pub regions_without_credentials: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            duplicate_credential_status: 400,
            duplicate_credential_code: "BadRequest".to_owned(),
            credential_limit: 20,
            credential_limit_status: 400,
            credential_limit_code: "BadRequest".to_owned(),
            principal_type_skips_replication: true,
            unknown_credential_is_70021: true,
            unreachable_issuer_code: 50166,
            patch_replaces_tags: true,
            sign_in_line_breaks: false,
            regions_without_credentials: vec!["malaysiasouth".to_owned(), "newzealandnorth".to_owned()],
        }
    }
}

impl Settings {
    /// Whether a rule is kept.
    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        !self.without.contains(&rule)
    }

    /// One of the delays until what is new is known, in milliseconds; none where that rule is not kept.
    pub(crate) fn propagation_ms(&self, configured: u64) -> i64 {
        if self.keeps(Rule::Propagation) { i64::try_from(configured).unwrap_or(i64::MAX) } else { 0 }
    }

    /// These settings with the fields that `changes` names replaced; objects are merged, lists are replaced whole.
    ///
    /// # Errors
    /// When `changes` has an unknown field or a value of the wrong type.
    pub(crate) fn changed(&self, changes: &serde_json::Value) -> Result<Self, String> {
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        if !changes.is_object() {
            return Err("the settings are an object".to_owned());
        }
        json_patch::merge(&mut all, changes);
        let changed: Self = serde_json::from_value(all).map_err(|error| error.to_string())?;
        for status in [changed.rules.duplicate_credential_status, changed.rules.credential_limit_status] {
            if !(400..=599).contains(&status) {
                return Err(format!("{status} is not the status of an error"));
            }
        }
        let unreachable = changed.rules.unreachable_issuer_code;
        if ![50166, 501_661, 90061].contains(&unreachable) {
            return Err(format!("{unreachable} is none of 50166, 501661 and 90061"));
        }
        if !(1..=100).contains(&changed.token_replicas.count) {
            return Err(format!("{} is not a number of replicas from 1 to 100", changed.token_replicas.count));
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let first = Settings::default().changed(&json!({"latency_ms": 5, "rules": {"credential_limit": 2}})).unwrap();
        let second = first.changed(&json!({"throttle": "documented"})).unwrap();
        assert_eq!((second.latency_ms, second.rules.credential_limit), (5, 2));
        assert_eq!(second.rules.duplicate_credential_status, 400);
        assert!(first.changed(&json!({"latencyMs": 5})).unwrap_err().contains("latencyMs"));
        assert!(first.changed(&json!({"rules": {"credential_limit_status": 200}})).is_err());
        assert!(first.changed(&json!({"token_replicas": {"count": 0}})).is_err());
        assert!(first.changed(&json!({"without": ["gravity"]})).unwrap_err().contains("gravity"));
    }
}
