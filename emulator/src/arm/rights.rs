//! Who may do what in Azure Resource Manager, before any resource is looked at: what one may not see may as well not exist.
//!
//! An application of the seed without `permissions` may do everything. Everybody else may do what the seed's permissions and
//! the roles that are assigned to him let him do, a managed identity only the latter. Conditions of assignments are not looked
//! at.

use super::access::{self, Asked, Right};
use super::error::{Error, authorization_failed};
use super::id;
use crate::core::operation::{Call, Caller};
use crate::core::world::World;
use crate::entra::client;

/// Refuses what nobody may do, by the settings, or what this caller may not.
pub(super) fn check(world: &World, call: &Call<'_>, caller: &Caller) -> Result<(), Error> {
    let path = format!("/{}", call.request.path.trim_start_matches('/'));
    let action = call.operation.action(call.parameters);
    let denied = is_denied(world, call, action.as_deref(), &path.to_lowercase());
    if !denied && action.as_deref().is_none_or(|action| may(world, caller, action, &path)) {
        return Ok(());
    }
    Err(authorization_failed(caller, action.as_deref().unwrap_or(call.operation.name), scope(call, &path)))
}

fn may(world: &World, caller: &Caller, action: &str, path: &str) -> bool {
    let Some(permissions) = client::permissions(&world.store, &caller.tenant, &caller.client_id) else { return true };
    let path = path.to_lowercase();
    permissions.iter().any(|permission| {
        let scope = permission.scope.as_deref().unwrap_or("/").to_lowercase();
        access::covers(&scope, &path) && access::grants(&permission.actions, &permission.not_actions, action)
    }) || {
        let Caller { tenant, object_id: principal, .. } = caller;
        access::allows(world, Asked { tenant, principal, right: Right::Action(action), resource: &path })
    }
}

/// Whether a subscription is in somebody's list: whoever has a right to anything in it sees it.
pub(super) fn sees(world: &World, caller: &Caller, subscription: &str) -> bool {
    let Some(permissions) = client::permissions(&world.store, &caller.tenant, &caller.client_id) else { return true };
    let subscription = subscription.to_lowercase();
    let concerns = |scope: &str| access::covers(scope, &subscription) || id::is_within(scope, &subscription);
    permissions.iter().any(|permission| concerns(&permission.scope.as_deref().unwrap_or("/").to_lowercase()))
        || access::assigned(world, &caller.tenant, &caller.object_id).iter().any(|(scope, _)| concerns(scope))
}

fn is_denied(world: &World, call: &Call<'_>, action: Option<&str>, path: &str) -> bool {
    world.settings.deny.iter().any(|deny| {
        let meant = deny.operation == call.operation.name
            || action.is_some_and(|action| deny.operation.eq_ignore_ascii_case(action));
        meant && deny.scope.as_deref().is_none_or(|scope| id::is_within(path, &scope.to_lowercase()))
    })
}

/// What the error names: the resource, or what a list or an action is asked of.
fn scope<'a>(call: &Call<'_>, path: &'a str) -> &'a str {
    let path = path.trim_end_matches('/');
    match path.rsplit_once('/') {
        Some((parent, _)) if !call.operation.path.ends_with('}') && !parent.is_empty() => parent,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::{Value, json};

    use crate::arm::OPERATIONS;
    use crate::core::http::Request;
    use crate::test::Api;

    #[test]
    fn every_operation_refuses_whoever_has_no_role() {
        let mut api = Api::new();
        let nobody = api.token(&json!({"appid": "30000000-0000-4000-8000-0000000000ff"}));
        let known = |part: &str| match part.trim_matches(['{', '}']) {
            "*scope" | "subscription" => "20000000-0000-4000-8000-000000000001".to_owned(),
            _ if part.starts_with('{') => "some-name".to_owned(),
            _ => part.to_owned(),
        };
        let mut asked = 0;
        for operation in OPERATIONS.iter().copied().flatten() {
            let Some(access) = operation.access else { continue };
            let path = operation.path.split('/').map(known).collect::<Vec<_>>().join("/");
            let path = if operation.path.starts_with("/{*scope}") { format!("/subscriptions{path}") } else { path };
            let version = access.versions.last().unwrap();
            let mut request = Request::test(operation.method, &format!("{path}?api-version={version}"));
            let Some(action) = crate::test::route(&request).1.right else { continue };
            request.headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {nobody}")).unwrap());
            let response = api.exchange(&request);
            let answer: Value = serde_json::from_slice(&response.body).unwrap();
            let text = answer["error"]["message"].as_str().unwrap_or_default();
            assert_eq!(response.status, 403, "{}: {answer}", operation.name);
            assert!(text.contains(&format!("perform action '{action}' over scope '/subscriptions/")), "{text}");
            asked += 1;
        }
        assert!(asked > 40, "{asked}");
    }
}
