//! Federated assertions: a token of somebody else's issuer, taken for the client that trusts it.
//!
//! Entra says which of the three does not match, in this order: issuer, audience, subject. Comparison is byte for byte;
//! since August 2024 a subject that differs in case only has an error of its own.

use jsonwebtoken::Algorithm;
use serde_json::Value;
use time::macros::format_description;

use super::client::{Client, Credential, Subject};
use super::error::SignInError;
use super::expression::Expression;
use super::issuer::{self, Keys};
use super::replicas;
use crate::core::jwt::{self, Lookup, Unverified};
use crate::core::rule::Rule;
use crate::core::settings::Settings;
use crate::core::world::World;

const DOCUMENTATION: &str =
    "https://docs.microsoft.com/en-us/azure/active-directory/develop/workload-identity-federation";

/// Why an assertion is not taken, yet or at all.
#[derive(Debug, PartialEq)]
pub(crate) enum Unproven {
    /// It is wrong.
    Wrong(SignInError),
    /// The keys of this issuer have to be fetched before it can be known.
    NeedsIssuer(String),
}

impl From<SignInError> for Unproven {
    fn from(error: SignInError) -> Self {
        Self::Wrong(error)
    }
}

/// Checks a federated assertion for a client.
pub(crate) fn check(world: &mut World, client: &Client, token: &Unverified) -> Result<(), Unproven> {
    let issued_by = token.claim("iss").unwrap_or_default();
    if is_entra(world, issued_by) && !is_of_a_pipeline(token) {
        let text = "AAD-issued tokens may not be used for federated identity flows.";
        return Err(SignInError::client(700_222, text).into());
    }
    if token.header.alg != Algorithm::RS256 {
        let text = format!(
            "Invalid JWT token. The algorithm '{:?}' is not supported for a federated assertion; RS256 is.",
            token.header.alg
        );
        return Err(SignInError::client(5_002_730, text).into());
    }
    check_times(world, token)?;
    find(world, client, token)?;
    if !world.settings.keeps(Rule::TokenSignature) {
        return Ok(());
    }
    let kid = token.header.kid.as_deref();
    let jwks = match issuer::keys(world, issued_by, kid) {
        Keys::Known(jwks) => jwks,
        Keys::ToFetch => return Err(Unproven::NeedsIssuer(issued_by.to_owned())),
        Keys::Unreachable => {
            let number = world.settings.rules.unreachable_issuer_code;
            return Err(SignInError::request(number, "Request to External OIDC endpoint failed.").into());
        }
    };
    let Lookup::Found(key) = jwt::find_key(&jwks, kid) else {
        let text = format!(
            "The certificate with identifier {} used to sign the federated credential could not be found in the metadata of \
             identity provider {}. Please validate that your Identity Provider's metadata exposes the key used to sign the \
             incoming token.",
            kid.unwrap_or_default(),
            issued_by
        );
        return Err(SignInError::client(7_000_272, text).into());
    };
    if !token.signed_by(&key, &[Algorithm::RS256]) {
        let text = "Client assertion failed signature validation. [Reason - The key was found, but use of the key to verify \
                    the signature failed.].";
        return Err(SignInError::client(700_027, text).into());
    }
    Ok(())
}

/// Whether a token of Entra ID's is that of a service connection of Azure DevOps, which is exchanged as if it were another issuer's:
/// <https://learn.microsoft.com/azure/devops/pipelines/release/convert-service-connections>
fn is_of_a_pipeline(token: &Unverified) -> bool {
    token.claim("sub").is_some_and(|subject| subject.starts_with("/eid1/") && subject.contains("/sc/"))
}

fn is_entra(world: &World, issuer: &str) -> bool {
    let own = format!("{}/", world.url);
    let tenant = issuer.strip_prefix(&own).and_then(|rest| rest.split('/').next());
    issuer.starts_with("https://sts.windows.net/")
        || issuer.starts_with("https://login.microsoftonline.com/")
        || tenant.is_some_and(|tenant| super::tenant::find(&world.store, tenant).is_some())
}

/// Finds that one of the client's credentials fits, or which part of the assertion fits none.
fn find(world: &mut World, client: &Client, token: &Unverified) -> Result<(), SignInError> {
    let look = replicas::look(world, client, token);
    let fits = |credential: &Credential| fits(&world.settings, credential, token);
    let is_there = look.known.iter().any(fits);
    if is_there && !look.missed {
        return Ok(());
    }
    let error = if !world.settings.rules.unknown_credential_is_70021 {
        let others: Vec<&Credential> = look.known.iter().filter(|credential| !fits(credential)).collect();
        mismatch(&world.settings, client, &others, token)
    } else if is_there || look.coming.iter().any(fits) {
        // The legacy catch-all, which is what propagation looks like from outside.
        let text = format!(
            "No matching federated identity record found for presented assertion. Assertion Issuer: '{}'. Assertion Subject: \
             '{}'. Assertion Audience: '{}'. {DOCUMENTATION}",
            token.claim("iss").unwrap_or_default(),
            token.claim("sub").unwrap_or_default(),
            token.audiences().join(",")
        );
        SignInError::new(70021, http::StatusCode::UNAUTHORIZED, "unauthorized_client", text)
    } else {
        mismatch(&world.settings, client, &client.credentials.iter().collect::<Vec<_>>(), token)
    };
    look.in_vain(world);
    Err(error)
}

fn fits(settings: &Settings, credential: &Credential, token: &Unverified) -> bool {
    issuer_fits(settings, credential, token)
        && audience_fits(settings, credential, token)
        && subject_fits(settings, credential, token)
}

fn issuer_fits(settings: &Settings, credential: &Credential, token: &Unverified) -> bool {
    token.claim("iss") == Some(credential.issuer.as_str()) || !settings.keeps(Rule::TokenIssuer)
}

fn audience_fits(settings: &Settings, credential: &Credential, token: &Unverified) -> bool {
    token.audiences().contains(&credential.audience.as_str()) || !settings.keeps(Rule::TokenAudience)
}

fn subject_fits(settings: &Settings, credential: &Credential, token: &Unverified) -> bool {
    let fits = match &credential.subject {
        Subject::Exact(own) => token.claims.get("sub") == Some(&Value::from(own.as_str())),
        Subject::Matching(text) => Expression::parse(text).is_ok_and(|expression| expression.accepts(&token.claims)),
    };
    fits || !settings.keeps(Rule::TokenSubject)
}

/// Which part of an assertion fits none of these credentials.
fn mismatch(settings: &Settings, client: &Client, credentials: &[&Credential], token: &Unverified) -> SignInError {
    let claim = |name| token.claim(name).unwrap_or_default();
    let (issued_by, subject, audiences) = (claim("iss"), claim("sub"), token.audiences());
    if credentials.is_empty() {
        let text = format!(
            "The client '{}'({}) has no configured federated identity credentials.",
            client.client_id, client.name
        );
        return SignInError::client(70025, text);
    }
    let mismatch = |number, what: &str, value: &str| {
        let text = format!(
            "No matching federated identity record found for presented assertion {what} '{value}'. Please check your \
             federated identity credential Subject, Audience and Issuer against the presented assertion. {DOCUMENTATION}"
        );
        SignInError::client(number, text)
    };
    let of_issuer = || credentials.iter().filter(|it| issuer_fits(settings, it, token));
    if of_issuer().next().is_none() {
        return mismatch(700_211, "issuer", issued_by);
    }
    let for_audience = || of_issuer().filter(|it| audience_fits(settings, it, token));
    if for_audience().next().is_none() {
        return mismatch(700_212, "audience", &audiences.join(","));
    }
    let differs_by_case = |credential: &&&Credential| match &credential.subject {
        Subject::Exact(own) => own.to_lowercase() == subject.to_lowercase(),
        Subject::Matching(_) => false,
    };
    if for_audience().any(|it| differs_by_case(&it)) {
        let text = format!(
            "No matching federated identity record found for presented assertion subject '{subject}'. The subject matches \
             with case-insensitive comparison, but not with case-sensitive comparison. Check your federated identity \
             credential Subject, Audience and Issuer against the presented assertion. See documentation at: \
             https://learn.microsoft.com/entra/workload-id/workload-identity-federation. See breaking change notification \
             and remediation at: \
             https://learn.microsoft.com/en-us/entra/identity-platform/reference-breaking-changes#august-2024."
        );
        return SignInError::client(7_002_138, text);
    }
    let text = format!(
        "No matching federated identity record found for presented assertion subject '{subject}'. Check your federated \
         identity credential Subject, Audience and Issuer against the presented assertion. \
         https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
    );
    SignInError::client(700_213, text)
}

/// How far the clocks of issuer and Entra may be apart, in seconds: five minutes, as everywhere at Microsoft.
const SKEW: i64 = 300;

/// Refuses an assertion that is not good yet or no longer, or does not say until when.
pub(super) fn check_times(world: &World, token: &Unverified) -> Result<(), SignInError> {
    let now = world.clock.unix();
    let (from, until) = (token.time("nbf").or_else(|| token.time("iat")), token.time("exp"));
    if until.is_some_and(|until| now <= until.saturating_add(SKEW))
        && from.is_none_or(|from| now >= from.saturating_sub(SKEW))
    {
        return Ok(());
    }
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");
    let show = |seconds: Option<i64>| {
        let time = seconds.and_then(|seconds| time::OffsetDateTime::from_unix_timestamp(seconds).ok());
        time.and_then(|time| time.format(format).ok()).unwrap_or_else(|| "<unknown>".to_owned())
    };
    let text = format!(
        "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time of \
         assertion {}. Review the documentation at \
         https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .",
        show(Some(now)),
        show(from),
        show(until)
    );
    Err(SignInError::client(700_024, text))
}
