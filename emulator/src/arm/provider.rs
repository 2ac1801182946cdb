//! Resource providers: the namespaces of what can be asked, with their types and api-versions. They are what the operations
//! say, so that a new operation is listed without more ado. All are registered in every subscription.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::error::Error;
use super::{ResourceType, id, page, subscription};
use crate::core::http::Response;
use crate::core::operation::{Access, Answer, Call, Need, Operation};
use crate::core::world::World;

const TYPE: ResourceType = ResourceType {
    name: "Microsoft.Resources/providers",
    versions: &[
        "2015-01-01",
        "2016-02-01",
        "2017-05-10",
        "2018-05-01",
        "2019-05-01",
        "2019-10-01",
        "2020-01-01",
        "2020-06-01",
        "2020-10-01",
        "2021-01-01",
        "2021-04-01",
        "2022-09-01",
        "2023-07-01",
        "2024-03-01",
        "2024-07-01",
        "2024-11-01",
        "2025-04-01",
    ],
};

const READ: Need = Need::Action("Microsoft.Resources/subscriptions/providers/read");

pub(crate) const OPERATIONS: &[Operation] = &[
    TYPE.operation("Providers_ListAtTenantScope", "GET", "/providers", list).needing(Need::Nothing),
    TYPE.operation("Providers_GetAtTenantScope", "GET", "/providers/{namespace}", get).needing(Need::Nothing),
    TYPE.operation("Providers_List", "GET", "/subscriptions/{subscription}/providers", list).needing(READ),
    TYPE.operation("Providers_Get", "GET", "/subscriptions/{subscription}/providers/{namespace}", get).needing(READ),
    TYPE.operation("Providers_Register", "POST", "/subscriptions/{subscription}/providers/{namespace}/register", get)
        .needing(Need::Action("{namespace}/register/action")),
];

/// The types of each namespace with their api-versions, newest first.
fn namespaces() -> BTreeMap<&'static str, BTreeMap<&'static str, Vec<&'static str>>> {
    let mut all: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
    for Access { resource_type, versions, .. } in super::OPERATIONS.iter().copied().flatten().filter_map(|it| it.access)
    {
        let Some((namespace, kind)) = resource_type.split_once('/') else { continue };
        // An action, such as `managedClusters/listClusterUserCredential`, is no type.
        if kind.rsplit('/').next().is_some_and(|last| last.starts_with("list")) {
            continue;
        }
        let known = all.entry(namespace).or_default().entry(kind).or_default();
        known.extend(versions.iter().copied().filter(|version| !known.contains(version)).collect::<Vec<_>>());
        known.sort_unstable_by(|one, other| other.cmp(one));
    }
    all
}

fn document(call: &Call<'_>, namespace: &str, types: &BTreeMap<&str, Vec<&str>>) -> Value {
    let types: Vec<Value> = types
        .iter()
        .map(|(kind, versions)| {
            json!({"resourceType": kind, "locations": id::REGIONS, "apiVersions": versions, "capabilities": "None"})
        })
        .collect();
    match call.parameter("subscription") {
        "" => json!({"id": format!("/providers/{namespace}"), "namespace": namespace, "resourceTypes": types}),
        subscription => json!({
            "id": format!("/subscriptions/{}/providers/{namespace}", subscription.to_lowercase()),
            "namespace": namespace,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": "Registered",
            "resourceTypes": types,
        }),
    }
}

/// Refuses a subscription that there is not, where a request names one.
fn check(world: &World, call: &Call<'_>) -> Result<(), Error> {
    match call.parameter("subscription") {
        "" => Ok(()),
        subscription => subscription::require(&world.store, subscription).map(drop),
    }
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    check(world, call)?;
    let all = namespaces().iter().map(|(namespace, types)| document(call, namespace, types)).collect();
    Ok(page::answer(world, call.request, &page::sorted(all))?)
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    check(world, call)?;
    let asked = call.parameter("namespace");
    let all = namespaces();
    let found = all.iter().find(|(namespace, _)| namespace.eq_ignore_ascii_case(asked)).ok_or_else(|| {
        Error::not_found("InvalidResourceNamespace", format!("The resource namespace '{asked}' is invalid."))
    })?;
    Ok(Response::json(StatusCode::OK, &document(call, found.0, found.1)))
}
