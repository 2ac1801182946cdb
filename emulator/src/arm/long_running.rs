//! Operations that go on after their answer: `Azure-AsyncOperation` and `Location` say where to ask for the end.
//!
//! What an operation does is done at once; only its resource shows an unfinished `provisioningState`, and refuses further
//! writes, for the configured time.

use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::error::Error;
use super::{ResourceType, subscription};
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Need, Operation};
use crate::core::world::World;

const TYPE: ResourceType = ResourceType {
    name: "Microsoft.ContainerService/locations/operations",
    versions: super::managed_cluster::VERSIONS,
};

// Whoever began an operation may ask for its end, with rights to nothing but his own resource group.
pub(crate) const OPERATIONS: &[Operation] = &[
    TYPE.operation(
        "ManagedClusters_OperationStatus",
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.ContainerService/locations/{location}/operations/{operation}",
        status,
    )
    .needing(Need::Nothing),
    TYPE.operation(
        "ManagedClusters_OperationResult",
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.ContainerService/locations/{location}/operationresults/{operation}",
        result,
    )
    .needing(Need::Nothing),
];

/// Begins one and makes this answer tell where its end can be asked for.
pub(super) fn begin(world: &mut World, call: &Call<'_>, location: &str, response: Response) -> Response {
    let id = Uuid::new_v4().to_string();
    let now = world.now_ms();
    let operation = json!({"name": id, "startMs": now, "endMs": ends(world)});
    world.store.put(format!("arm/operations/{id}"), operation);
    let base = format!(
        "{}/subscriptions/{}/providers/Microsoft.ContainerService/locations/{location}",
        world.url,
        call.parameter("subscription")
    );
    let version = call.request.query("api-version").unwrap_or_default();
    response
        .with("azure-asyncoperation", &format!("{base}/operations/{id}?api-version={version}"))
        .with("location", &format!("{base}/operationresults/{id}?api-version={version}"))
        .with("retry-after", &world.settings.cluster_operation_ms.div_ceil(1000).min(10).to_string())
}

/// When an operation that begins now will have ended, in milliseconds since 1970.
pub(super) fn ends(world: &World) -> i64 {
    world.now_ms().saturating_add(i64::try_from(world.settings.cluster_operation_ms).unwrap_or(i64::MAX))
}

fn find<'a>(world: &'a World, call: &Call<'_>) -> Result<(&'a Value, bool), Error> {
    subscription::require(&world.store, call.parameter("subscription"))?;
    let id = call.parameter("operation").to_lowercase();
    let operation = world
        .store
        .get(&format!("arm/operations/{id}"))
        .ok_or_else(|| Error::not_found("OperationNotFound", format!("The operation '{id}' could not be found.")))?;
    Ok((operation, operation.at("endMs").as_i64().unwrap_or_default() <= world.now_ms()))
}

fn status(world: &mut World, call: &Call<'_>) -> Answer {
    let (operation, ended) = find(world, call)?;
    let time = |name: &str| {
        let nanoseconds = i128::from(operation.at(name).as_i64().unwrap_or_default()) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok().and_then(|at| at.format(&Rfc3339).ok())
    };
    let mut body = json!({
        "name": operation.at("name"),
        "status": if ended { "Succeeded" } else { "InProgress" },
        "startTime": time("startMs"),
    });
    if ended {
        json_patch::merge(&mut body, &json!({"endTime": time("endMs")}));
    }
    Ok(Response::json(StatusCode::OK, &body))
}

fn result(world: &mut World, call: &Call<'_>) -> Answer {
    let (_, ended) = find(world, call)?;
    if ended {
        return Ok(Response::empty(StatusCode::OK));
    }
    let here = format!("{}{}", world.url, call.request.path_and_query());
    Ok(Response::empty(StatusCode::ACCEPTED).with("location", &here).with("retry-after", "1"))
}
