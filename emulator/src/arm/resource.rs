//! What all resources in resource groups have in common: each is found by its id, listed in pages by group and by
//! subscription, and deleted along with what hangs on it. A file of one type has only what is particular to it.

use http::StatusCode;
use serde_json::Value;

use super::error::{Error, resource_not_found};
use super::{ResourceType, id, page, role_assignment, subscription};
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call};
use crate::core::world::World;

/// A type of resource that is in resource groups.
pub(super) struct Resource {
    pub(super) of: ResourceType,
    /// The part of the path that is its name.
    pub(super) parameter: &'static str,
    /// A stored resource as it is answered to a request.
    pub(super) shown: fn(&World, &Call<'_>, &Value) -> Value,
}

impl Resource {
    /// The id of the resource that a request names; its group must exist.
    pub(super) fn id(&self, world: &World, call: &Call<'_>) -> Result<String, Error> {
        Ok(format!("{}/providers/{}/{}", id::group_id(world, call)?, self.of.name, call.parameter(self.parameter)))
    }

    /// The resource that a request names, which must exist.
    pub(super) fn find<'a>(&self, world: &'a World, call: &Call<'_>) -> Result<&'a Value, Error> {
        world
            .store
            .get(&id::key(&self.id(world, call)?))
            .ok_or_else(|| resource_not_found(self.of.name, call.parameter(self.parameter), call.parameter("group")))
    }

    /// Answers with the resource that a request names.
    pub(super) fn get(&self, world: &World, call: &Call<'_>) -> Answer {
        let shown = (self.shown)(world, call, self.find(world, call)?);
        Ok(Response::json(StatusCode::OK, &shown))
    }

    /// One page of those in the group that a request names, or else in its subscription.
    pub(super) fn list(&self, world: &World, call: &Call<'_>) -> Answer {
        let within = match call.parameter("group") {
            "" => {
                subscription::require(&world.store, call.parameter("subscription"))?;
                format!("/subscriptions/{}", call.parameter("subscription"))
            }
            _ => id::group_id(world, call)?,
        };
        let prefix = id::key(&format!("{within}/"));
        let items = world
            .store
            .under(&prefix)
            .filter(|(_, document)| document.text("type") == self.of.name)
            .map(|(_, document)| (self.shown)(world, call, document))
            .collect();
        Ok(page::answer(world, call.request, &page::sorted(items))?)
    }

    /// Removes the resource that a request names, with the role assignments at it and whatever goes with its type.
    pub(super) fn delete(&self, world: &mut World, call: &Call<'_>) -> Answer {
        let resource_id = self.id(world, call)?;
        if world.store.get(&id::key(&resource_id)).is_none() {
            return Ok(Response::empty(StatusCode::NO_CONTENT));
        }
        role_assignment::forget_within(&mut world.store, &resource_id);
        super::forget(&mut world.store, &id::key(&resource_id));
        Ok(Response::empty(StatusCode::OK))
    }

    /// The location in a body, which must have one.
    pub(super) fn location(&self, body: &Value) -> Result<String, Error> {
        id::location(body, self.of.name)?.ok_or_else(|| {
            Error::bad_request("LocationRequired", "The location property is required for this definition.")
        })
    }

    /// Refuses to write a resource that is in another location.
    pub(super) fn stay(&self, there: &Value, call: &Call<'_>, location: &str) -> Result<(), Error> {
        if there.text("location") == location {
            return Ok(());
        }
        let message = format!(
            "The resource '{}' already exists in location '{}' in resource group '{}'. A resource with the same name cannot \
             be created in location '{location}'. Please select a new resource name.",
            call.parameter(self.parameter),
            there.text("location"),
            call.parameter("group")
        );
        Err(Error::conflict("InvalidResourceLocation", message))
    }
}
