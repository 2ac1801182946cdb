//! Resource groups. Deleting one deletes what is in it, in the background as far as a client can tell.

use http::StatusCode;
use serde_json::{Value, json};

use super::error::Error;
use super::seed;
use super::{ResourceType, id, page, role_assignment, subscription};
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Need, Operation};
use crate::core::store::Store;
use crate::core::world::World;

pub(super) const TYPE: ResourceType = ResourceType {
    name: "Microsoft.Resources/subscriptions/resourceGroups",
    versions: &[
        "2015-01-01",
        "2015-11-01",
        "2016-06-01",
        "2016-09-01",
        "2017-05-10",
        "2018-02-01",
        "2018-05-01",
        "2019-03-01",
        "2019-05-01",
        "2019-05-10",
        "2019-07-01",
        "2019-08-01",
        "2019-10-01",
        "2020-06-01",
        "2020-08-01",
        "2020-10-01",
        "2021-01-01",
        "2021-04-01",
        "2022-09-01",
        "2023-07-01",
        "2024-03-01",
        "2024-07-01",
        "2024-11-01",
        "2025-03-01",
        "2025-04-01",
    ],
};
const ONE: &str = "/subscriptions/{subscription}/resourceGroups/{group}";

pub(crate) const OPERATIONS: &[Operation] = &[
    TYPE.operation("ResourceGroups_CreateOrUpdate", "PUT", ONE, put),
    TYPE.operation("ResourceGroups_Get", "GET", ONE, get),
    TYPE.operation("ResourceGroups_CheckExistence", "HEAD", ONE, head),
    TYPE.operation("ResourceGroups_Update", "PATCH", ONE, patch),
    TYPE.operation("ResourceGroups_Delete", "DELETE", ONE, delete),
    TYPE.operation("ResourceGroups_List", "GET", "/subscriptions/{subscription}/resourceGroups", list),
    TYPE.operation(
        "ResourceGroups_DeletionStatus",
        "GET",
        "/subscriptions/{subscription}/operationresults/{result}",
        deleted,
    )
    .needing(Need::Nothing),
];

fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let subscription = call.parameter("subscription");
    subscription::require(&world.store, subscription)?;
    let name = call.parameter("group");
    id::check_name(name, "resource group", 1, 90, "-_.()")?;
    if name.ends_with('.') {
        return Err(Error::bad_request(
            "InvalidResourceGroup",
            "The name of a resource group does not end with a period.",
        )
        .into());
    }
    let body = id::body(call)?;
    let location = id::location(&body, TYPE.name)?.ok_or_else(|| {
        Error::bad_request("LocationRequired", "The location property is required for this definition.")
    })?;
    let key = id::key(&format!("/subscriptions/{subscription}/resourceGroups/{name}"));
    let before = world.store.get(&key).cloned();
    if let Some(there) = before.as_ref().and_then(|before| before.at("location").as_str())
        && there != location
    {
        let message = format!(
            "Invalid resource group location '{location}'. The Resource group already exists in location '{there}'."
        );
        return Err(Error::conflict("InvalidResourceGroupLocation", message).into());
    }
    let shown = before.as_ref().and_then(|before| before.at("name").as_str()).unwrap_or(name);
    let document = document(subscription, shown, &location, id::tags(&body)?.unwrap_or_else(|| json!({})));
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    world.store.put(key, document.clone());
    Ok(Response::json(status, &document))
}

fn document(subscription: &str, name: &str, location: &str, tags: Value) -> Value {
    json!({
        "id": format!("/subscriptions/{}/resourceGroups/{name}", subscription.to_lowercase()),
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": location,
        "tags": tags,
        "properties": {"provisioningState": "Succeeded"},
    })
}

fn find(world: &World, call: &Call<'_>) -> Result<Value, Error> {
    let id = id::group_id(world, call)?;
    world.store.get(&id::key(&id)).cloned().ok_or_else(|| Error::not_found("ResourceGroupNotFound", id))
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    Ok(Response::json(StatusCode::OK, &find(world, call)?))
}

fn head(world: &mut World, call: &Call<'_>) -> Answer {
    subscription::require(&world.store, call.parameter("subscription"))?;
    let found = find(world, call).is_ok();
    Ok(Response::empty(if found { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }))
}

fn patch(world: &mut World, call: &Call<'_>) -> Answer {
    let mut group = find(world, call)?;
    if let (Some(tags), Some(group)) = (id::tags(&id::body(call)?)?, group.as_object_mut()) {
        group.insert("tags".to_owned(), tags);
    }
    let key = id::key(group.text("id"));
    world.store.put(key, group.clone());
    Ok(Response::json(StatusCode::OK, &group))
}

fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let id = id::group_id(world, call)?;
    let key = id::key(&id);
    let within = format!("{key}/");
    let inside: Vec<String> = world.store.under(&within).map(|(key, _)| key.to_owned()).collect();
    for key in inside {
        super::forget(&mut world.store, &key);
    }
    role_assignment::forget_within(&mut world.store, &id);
    world.store.remove(&key);
    // The status of a deletion is kept nowhere: it is done when it is asked for.
    let version = call.request.query("api-version").unwrap_or_default();
    let token = format!("RESOURCEGROUPDELETIONJOB-{}", uuid::Uuid::new_v4().simple());
    let location = format!(
        "{}/subscriptions/{}/operationresults/{token}?api-version={version}",
        world.url,
        call.parameter("subscription")
    );
    Ok(Response::empty(StatusCode::ACCEPTED).with("location", &location).with("retry-after", "0"))
}

fn deleted(world: &mut World, call: &Call<'_>) -> Answer {
    subscription::require(&world.store, call.parameter("subscription"))?;
    Ok(Response::empty(StatusCode::OK))
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let subscription = call.parameter("subscription");
    subscription::require(&world.store, subscription)?;
    let prefix = id::key(&format!("/subscriptions/{subscription}/resourceGroups/"));
    let groups = world.store.under(&prefix).filter(|(key, _)| key.matches('/').count() == 4);
    let groups = groups.map(|(_, group)| group.clone()).collect();
    Ok(page::answer(world, call.request, &page::sorted(groups))?)
}

/// Puts a resource group of the seed there, unless it is there.
///
/// # Errors
/// When there is no such subscription or region.
pub(crate) fn seed(store: &mut Store, group: &seed::ResourceGroup, subscription: &str) -> Result<(), String> {
    let location = id::region(&group.location);
    if subscription::tenant(store, subscription).is_none() {
        return Err(format!("resource group `{}`: there is no subscription `{subscription}`", group.name));
    }
    if !id::is_region(&location) {
        return Err(format!("resource group `{}`: there is no region `{}`", group.name, group.location));
    }
    let key = id::key(&format!("/subscriptions/{subscription}/resourceGroups/{}", group.name));
    if store.get(&key).is_none() {
        let tags = Value::Object(group.tags.clone());
        store.put(key, document(subscription, &group.name, &location, tags));
    }
    Ok(())
}
