//! Azure Resource Manager.
//!
//! Documents: `arm/<id in lower case>` is the resource with that id, as it is answered; a key in it that starts with `_` is
//! the emulator's own. Role assignments are `arm/roleassignments/<tenant>/<name>`, because a name is unique in its tenant
//! whatever the scope.
//!
//! What every request goes through before its own rules is here: the token, the api-version, the throttle, rights; and
//! what every answer carries: request ids and what is left of the rate limit.

pub(crate) mod access;
mod any_resource;
pub(crate) mod built_in_roles;
pub(crate) mod caller;
pub(crate) mod connected_cluster;
mod data_service;
pub(crate) mod error;
pub(crate) mod federated_identity_credential;
pub(crate) mod id;
pub(crate) mod identity;
mod kubeconfig;
mod long_running;
pub(crate) mod managed_cluster;
pub(crate) mod metadata;
pub(crate) mod page;
pub(crate) mod provider;
mod resource;
pub(crate) mod resource_group;
pub(crate) mod rights;
pub(crate) mod role_assignment;
pub(crate) mod role_definition;
pub(crate) mod seed;
pub(crate) mod subscription;
mod throttle;
pub(crate) mod vault;

use std::path::Path;

use http::StatusCode;
use uuid::Uuid;

use self::error::Error;
use self::throttle::Kind;
use crate::core::http::{Request, Response};
use crate::core::operation::{Access, Answer, Call, Caller, Need, Operation, Stop};
use crate::core::settings::Throttle;
use crate::core::store::Store;
use crate::core::surface::{Failure, Surface};
use crate::core::throttle::Limit;
use crate::core::world::World;

/// `management.azure.com`.
pub(crate) struct Arm;

const OPERATIONS: &[&[Operation]] = &[
    metadata::OPERATIONS,
    subscription::OPERATIONS,
    provider::OPERATIONS,
    resource_group::OPERATIONS,
    any_resource::OPERATIONS,
    identity::OPERATIONS,
    federated_identity_credential::OPERATIONS,
    role_definition::OPERATIONS,
    role_assignment::OPERATIONS,
    vault::OPERATIONS,
    managed_cluster::OPERATIONS,
    long_running::OPERATIONS,
    connected_cluster::OPERATIONS,
    data_service::OPERATIONS,
];

impl Surface for Arm {
    fn name(&self) -> &'static str {
        "arm"
    }

    /// Every path that is not another surface's.
    fn serves(&self, _request: &Request, _segments: &[String]) -> bool {
        true
    }

    fn operations(&self) -> &'static [&'static [Operation]] {
        OPERATIONS
    }

    fn failure(&self, failure: Failure<'_>) -> Response {
        error::failure(failure).response()
    }

    fn authorize(&self, world: &mut World, call: &Call<'_>) -> Result<Option<Caller>, Stop> {
        let Some(access) = call.operation.access else { return Ok(None) };
        let caller = caller::authenticate(world, call)?;
        throttle(world, call, &caller)?;
        check_version(call.request, access)?;
        rights::check(world, call, &caller)?;
        Ok(Some(caller))
    }

    fn finish(&self, world: &World, request: &Request, call: Option<&Call<'_>>, response: Response) -> Response {
        finish(world, request, call, response)
    }

    /// As azurerm and azapi read it.
    fn environment(&self, world: &World, _folder: &Path) -> Vec<(&'static str, String)> {
        let host = world.url.trim_start_matches("https://").to_owned();
        let default = |key| world.default(key).to_owned();
        vec![
            ("ARM_TENANT_ID", default("tenant")),
            ("ARM_SUBSCRIPTION_ID", default("subscription")),
            ("ARM_CLIENT_ID", default("client_id")),
            ("ARM_CLIENT_SECRET", default("client_secret")),
            ("ARM_METADATA_HOSTNAME", host),
            ("ARM_RESOURCE_MANAGER_ENDPOINT", world.url.clone()),
            ("ARM_RESOURCE_MANAGER_AUDIENCE", "https://management.azure.com/".to_owned()),
            ("ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST", world.url.clone()),
            ("ARM_DISABLE_INSTANCE_DISCOVERY", "true".to_owned()),
        ]
    }
}

/// A type of resource and the api-versions that have it.
pub(super) struct ResourceType {
    pub(super) name: &'static str,
    pub(super) versions: &'static [&'static str],
}

impl ResourceType {
    /// An operation on resources of this type.
    pub(super) const fn operation(
        &self,
        name: &'static str,
        method: &'static str,
        path: &'static str,
        answer: fn(&mut World, &Call<'_>) -> Answer,
    ) -> Operation {
        let mut operation = Operation::new(name, method, path, answer);
        operation.access = Some(Access { resource_type: self.name, versions: self.versions, need: Need::OfMethod });
        operation
    }
}

/// Removes the document at this key, and whatever goes with such a resource.
fn forget(store: &mut Store, key: &str) {
    let Some(document) = store.remove(key) else { return };
    identity::forget(store, &document);
    vault::forget(store, &document);
    managed_cluster::forget(store, &document);
}

#[cfg(test)]
#[path = "operations_tests.rs"]
mod operations_tests;

fn check_version(request: &Request, access: Access) -> Result<(), Error> {
    let version = request.query("api-version").unwrap_or_default();
    if version.is_empty() {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(Error::new(StatusCode::BAD_REQUEST, "MissingApiVersionParameter", message));
    }
    if access.versions.iter().any(|known| known.eq_ignore_ascii_case(version)) {
        return Ok(());
    }
    let supported = access.versions.join(", ");
    let (namespace, kind) = access.resource_type.split_once('/').unwrap_or((access.resource_type, ""));
    if namespace == "Microsoft.Resources" {
        let message = format!("The api-version '{version}' is invalid. The supported versions are '{supported}'.");
        return Err(Error::new(StatusCode::BAD_REQUEST, "InvalidApiVersionParameter", message));
    }
    let message = format!(
        "No registered resource provider found for location '{}' and API version '{version}' for type '{kind}'. The supported \
         api-versions are '{supported}'. The supported locations are '{}'.",
        id::regions().first().map(String::as_str).unwrap_or_default(),
        id::regions().join(", ")
    );
    Err(Error::new(StatusCode::BAD_REQUEST, "NoRegisteredProviderFound", message))
}

fn throttle(world: &mut World, call: &Call<'_>, caller: &Caller) -> Result<(), Error> {
    if world.settings.throttle == Throttle::Off {
        return Ok(());
    }
    let mut limits = vec![limit(call, caller)];
    let service = call.operation.access.map_or("", |access| access.resource_type);
    if service.starts_with("Microsoft.ManagedIdentity/") {
        // All that concerns one identity counts as one resource, its credentials included.
        let resource = match call.parameter("identity") {
            "" => String::new(),
            name => format!("{}|{}|{name}", call.parameter("subscription"), call.parameter("group")).to_lowercase(),
        };
        let subscription = call.parameter("subscription").to_lowercase();
        limits.extend(throttle::managed_identity(kind(call.operation), &caller.tenant, &subscription, &resource));
    }
    let now = world.now_ms();
    world.buckets.take(&limits, now).map_err(|seconds| {
        let message = format!(
            "The request is being throttled as the limit has been reached for operation type - {:?}. Please try again after \
             '{seconds}' seconds.",
            kind(call.operation)
        );
        Error::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message).retry_after(seconds)
    })
}

fn kind(operation: &Operation) -> Kind {
    match operation.method {
        "DELETE" => Kind::Delete,
        // A list ends in a collection, anything else in a parameter.
        "GET" if !operation.path.ends_with('}') => Kind::List,
        "GET" | "HEAD" => Kind::Read,
        _ => Kind::Write,
    }
}

fn limit(call: &Call<'_>, caller: &Caller) -> Limit {
    let subscription = id::subscription_of(&call.request.segments()).unwrap_or_else(|| caller.tenant.clone());
    throttle::resource_manager(kind(call.operation), &subscription, &caller.object_id)
}

/// Adds what every answer of Azure Resource Manager carries.
fn finish(world: &World, request: &Request, call: Option<&Call<'_>>, response: Response) -> Response {
    let id = Uuid::new_v4().to_string();
    let correlation = request.header("x-ms-correlation-request-id").map_or_else(|| id.clone(), str::to_owned);
    let stamp = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    let routing = format!("WESTEUROPE:{}:{id}", world.clock.now().format(stamp).unwrap_or_default());
    let mut response = response
        .with("x-ms-request-id", &id)
        .with("x-ms-correlation-request-id", &correlation)
        .with("x-ms-routing-request-id", &routing)
        .with("cache-control", "no-cache")
        .with("x-content-type-options", "nosniff");
    if request.header("x-ms-return-client-request-id").is_some_and(|it| it.eq_ignore_ascii_case("true"))
        && let Some(client_id) = request.header("x-ms-client-request-id")
    {
        response = response.with("x-ms-client-request-id", client_id);
    }
    if let Some((call, caller)) = call.and_then(|call| Some((call, call.caller.as_ref()?))) {
        let left = world.buckets.left(&limit(call, caller)).to_string();
        let name = match (id::subscription_of(&request.segments()).is_some(), kind(call.operation)) {
            (true, Kind::Read | Kind::List) => "x-ms-ratelimit-remaining-subscription-reads",
            (true, Kind::Write) => "x-ms-ratelimit-remaining-subscription-writes",
            (true, Kind::Delete) => "x-ms-ratelimit-remaining-subscription-deletes",
            (false, Kind::Read | Kind::List) => "x-ms-ratelimit-remaining-tenant-reads",
            (false, Kind::Write) => "x-ms-ratelimit-remaining-tenant-writes",
            (false, Kind::Delete) => "x-ms-ratelimit-remaining-tenant-deletes",
        };
        response = response.with(name, &left);
    }
    response
}
