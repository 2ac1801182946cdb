//! `Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials`.
//!
//! One write at a time per identity, deletions included: a second one that arrives before the first has its effect is
//! refused with 409. A credential has either a subject or, in the previews that know it, a claims matching expression; an
//! older version shows such a credential with neither.

use http::StatusCode;
use serde_json::{Value, json};

use super::error::Error;
use super::{ResourceType, id, identity, page};
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Admission, Answer, Call, Operation};
use crate::core::rule::Rule;
use crate::core::world::World;
use crate::entra::expression::Expression;

const TYPE: ResourceType = ResourceType {
    name: "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
    versions: &[
        "2022-01-31-preview",
        "2023-01-31",
        "2023-07-31-preview",
        "2024-11-30",
        "2025-01-31-preview",
        "2025-05-31-preview",
        "2026-04-30",
        "2026-05-31",
    ],
};
const ALL: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}/federatedIdentityCredentials";
const ONE: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}/federatedIdentityCredentials/{name}";

pub(crate) const OPERATIONS: &[Operation] = &[
    TYPE.operation("FederatedIdentityCredentials_CreateOrUpdate", "PUT", ONE, put).admitting(admit_put),
    TYPE.operation("FederatedIdentityCredentials_Get", "GET", ONE, get),
    TYPE.operation("FederatedIdentityCredentials_Delete", "DELETE", ONE, delete).admitting(admit_delete),
    TYPE.operation("FederatedIdentityCredentials_List", "GET", ALL, list),
];

/// The longest issuer, subject and audience, in characters.
const LONGEST: usize = 600;

fn admit_put(world: &World, call: &Call<'_>) -> Admission {
    let identity = parent(world, call, "write")?;
    check(world, call, identity)?;
    claim(world, identity)
}

fn admit_delete(world: &World, call: &Call<'_>) -> Admission {
    let identity = parent(world, call, "delete")?;
    if world.store.get(&key(identity, call)).is_none() {
        return Ok(None);
    }
    claim(world, identity)
}

/// Marks the identity's credentials as being written.
fn claim(world: &World, identity: &Value) -> Admission {
    if !world.settings.keeps(Rule::CredentialConcurrency) {
        return Ok(None);
    }
    let id = identity.text("id").to_lowercase();
    if world.busy.contains(&id) {
        let message = format!(
            "Too many Federated Identity Credentials are written concurrently for the managed identity '{id}'. Concurrent \
             Federated Identity Credentials writes under the same managed identity are not supported."
        );
        return Err(
            Error::conflict("ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity", message).into()
        );
    }
    Ok(Some(id))
}

fn parent<'a>(world: &'a World, call: &Call<'_>, verb: &str) -> Result<&'a Value, Error> {
    // A missing group or subscription has its own error; only the identity itself is a parent.
    id::group_id(world, call)?;
    identity::find(world, call).map_err(|_| {
        let (resource, _) = call.request.path.rsplit_once("/federated").unwrap_or((&call.request.path, ""));
        let message = format!(
            "Failed to perform '{verb}' on resource(s) of type 'userAssignedIdentities/federatedIdentityCredentials', because \
             the parent resource '{resource}' could not be found."
        );
        Error::not_found("ParentResourceNotFound", message)
    })
}

fn key(identity: &Value, call: &Call<'_>) -> String {
    let identity = identity.text("id");
    id::key(&format!("{identity}/federatedIdentityCredentials/{}", call.parameter("name")))
}

fn bad(message: impl Into<String>) -> Error {
    Error::bad_request("BadRequest", message)
}

/// Checks a write against all rules and returns the properties that it writes.
fn check(world: &World, call: &Call<'_>, identity: &Value) -> Result<Value, Error> {
    let name = call.parameter("name");
    let rest = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    if !(3..=120).contains(&name.len())
        || !name.starts_with(|it: char| it.is_ascii_alphanumeric())
        || !name.chars().all(rest)
    {
        return Err(bad(format!("Federated Identity Credential name '{name}' is invalid.")));
    }
    let region = identity.text("location");
    if world.settings.rules.regions_without_credentials.iter().any(|it| id::region(it) == region) {
        let message = "The request format was unexpected: Support for federated identity credentials not enabled.";
        return Err(Error::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message));
    }
    let properties = properties(call, &id::body(call)?)?;
    let prefix = id::key(&format!("{}/federatedIdentityCredentials/", identity.text("id")));
    let own = key(identity, call);
    let others: Vec<&Value> =
        world.store.under(&prefix).filter(|(key, _)| *key != own).map(|(_, credential)| credential).collect();
    let rules = &world.settings.rules;
    let same = |other: &Value, field: &str| other.at("properties").get(field) == properties.get(field);
    let keeps = |rule| world.settings.keeps(rule);
    let twin = |it: &&Value| same(it, "issuer") && same(it, "subject") && same(it, "claimsMatchingExpression");
    if keeps(Rule::CredentialUniqueness) && others.iter().any(twin) {
        let status = StatusCode::from_u16(rules.duplicate_credential_status).unwrap_or(StatusCode::BAD_REQUEST);
        let message = "Issuer and subject combination already exists for this Managed Identity.";
        return Err(Error::new(status, rules.duplicate_credential_code.clone(), message));
    }
    let full = others.len() >= rules.credential_limit && world.store.get(&own).is_none();
    if keeps(Rule::CredentialQuota) && full {
        let status = StatusCode::from_u16(rules.credential_limit_status).unwrap_or(StatusCode::BAD_REQUEST);
        let message = format!(
            "Too many Federated Identity Credentials: the managed identity '{}' has the maximum of {}.",
            identity.text("id"),
            rules.credential_limit
        );
        return Err(Error::new(status, rules.credential_limit_code.clone(), message));
    }
    Ok(properties)
}

fn properties(call: &Call<'_>, body: &Value) -> Result<Value, Error> {
    let given = match body.get("properties") {
        Some(Value::Object(given)) if !given.is_empty() => given,
        None | Some(Value::Null | Value::Object(_)) => {
            return Err(bad("Federated Identity Credential from HTTP body has empty properties"));
        }
        Some(_) => return Err(Error::content("The property 'properties' must be an object")),
    };
    let text = |name: &str| match given.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) if text.chars().count() > LONGEST => {
            Err(bad(format!("The {name} of a Federated Identity Credential has at most {LONGEST} characters.")))
        }
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(Error::content(format!("The property '{name}' must be a string"))),
    };
    let (issuer, subject) = (text("issuer")?, text("subject")?);
    let audiences = match given.get("audiences") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(audiences)) => audiences,
        Some(_) => return Err(Error::content("The property 'audiences' must be a list of strings")),
    };
    let expression = given.get("claimsMatchingExpression").filter(|it| flexible(call) && !it.is_null());
    let incomplete = "The request format was unexpected. Federated Identity Credential must specify 'issuer', 'subject' and 'audience'.";
    if issuer.is_empty() || audiences.is_empty() || (subject.is_empty() && expression.is_none()) {
        return Err(bad(incomplete));
    }
    let [audience] = audiences else {
        return Err(bad("Federated identity credentials must have exactly one audience."));
    };
    let audience = audience.as_str().ok_or_else(|| Error::content("An audience must be a string"))?;
    if audience.is_empty() {
        return Err(bad(incomplete));
    }
    if audience.chars().count() > LONGEST {
        return Err(bad(format!("The audience of a Federated Identity Credential has at most {LONGEST} characters.")));
    }
    // A space around the issuer is taken, and is then what no token's issuer equals.
    let sound = url::Url::parse(issuer.trim()).is_ok_and(|url| url.scheme() == "https" && url.has_host());
    if !sound {
        return Err(bad(format!("The request format was unexpected. The issuer '{issuer}' is not a valid https URL.")));
    }
    let Some(expression) = expression else {
        return Ok(json!({"issuer": issuer, "subject": subject, "audiences": [audience]}));
    };
    if !subject.is_empty() {
        return Err(bad(
            "Federated Identity Credential must specify exactly one of 'subject' and 'claimsMatchingExpression'.",
        ));
    }
    let value = expression.text("value");
    if expression.at("languageVersion").as_i64() != Some(1) {
        return Err(bad("The languageVersion of a claimsMatchingExpression must be 1."));
    }
    Expression::parse(value)
        .map_err(|error| bad(format!("The claimsMatchingExpression '{value}' is invalid: {error}.")))?;
    let expression = json!({"value": value, "languageVersion": 1});
    Ok(json!({"issuer": issuer, "audiences": [audience], "claimsMatchingExpression": expression}))
}

/// Whether the api-version knows claims matching expressions; 2026-05-31, though newer, does not.
fn flexible(call: &Call<'_>) -> bool {
    matches!(call.request.query("api-version"), Some("2025-01-31-preview" | "2025-05-31-preview"))
}

fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let identity = parent(world, call, "write")?.clone();
    let properties = check(world, call, &identity)?;
    let key = key(&identity, call);
    let before = world.store.get(&key);
    let name = before.and_then(|before| before.at("name").as_str()).unwrap_or(call.parameter("name")).to_owned();
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    // What does not change does not have to propagate again; where it changes, replicas have the old one for a while.
    let (changed_ms, old) = match before {
        Some(before) if *before.at("properties") == properties => {
            (before.at("_changedMs").clone(), before.at("_before").clone())
        }
        Some(before) => {
            let old = json!({"properties": before.at("properties"), "_changedMs": before.at("_changedMs")});
            (json!(world.now_ms()), old)
        }
        None => (json!(world.now_ms()), Value::Null),
    };
    let credential = json!({
        "id": format!("{}/federatedIdentityCredentials/{name}", identity.text("id")),
        "name": name,
        "type": TYPE.name,
        "properties": properties,
        "_changedMs": changed_ms,
        "_before": old,
    });
    world.store.put(key, credential.clone());
    Ok(Response::json(status, &shown(&credential, call)))
}

fn shown(credential: &Value, call: &Call<'_>) -> Value {
    let mut shown = credential.clone();
    if let Some(shown) = shown.as_object_mut() {
        shown.retain(|name, _| !name.starts_with('_'));
        if let Some(properties) = shown.get_mut("properties").and_then(Value::as_object_mut)
            && !flexible(call)
        {
            properties.remove("claimsMatchingExpression");
        }
    }
    shown
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let identity = parent(world, call, "read")?;
    let name = call.parameter("name");
    let credential = world.store.get(&key(identity, call)).ok_or_else(|| {
        let parent = call.parameter("identity");
        let message = format!(
            "The Resource 'Microsoft.ManagedIdentity/userAssignedIdentities/{parent}/federatedIdentityCredentials/{name}' under \
             resource group '{}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
            call.parameter("group")
        );
        Error::not_found("ResourceNotFound", message)
    })?;
    Ok(Response::json(StatusCode::OK, &shown(credential, call)))
}

fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let identity = parent(world, call, "delete")?;
    let key = key(identity, call);
    let gone = world.store.remove(&key);
    Ok(Response::empty(if gone.is_some() { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let identity = parent(world, call, "read")?;
    let prefix = id::key(&format!("{}/federatedIdentityCredentials/", identity.text("id")));
    let items = world.store.under(&prefix).map(|(_, credential)| shown(credential, call)).collect();
    Ok(page::answer(world, call.request, &page::sorted(items))?)
}

#[cfg(test)]
#[path = "federated_identity_credential_tests.rs"]
mod tests;
