//! Ids of resources, which ignore case, and the names in them.

use http::StatusCode;
use serde_json::Value;

use super::error::Error;
use super::subscription;
use crate::core::json::Json as _;
use crate::core::operation::Call;
use crate::core::store::Store;
use crate::core::world::World;

/// The regions that the emulator has, as people write them. Ids and locations have the other form, see [`region`].
pub(super) const REGIONS: &[&str] = &[
    "West Europe",
    "North Europe",
    "East US",
    "East US 2",
    "Central US",
    "West US",
    "West US 2",
    "West US 3",
    "South Central US",
    "North Central US",
    "UK South",
    "UK West",
    "Germany West Central",
    "France Central",
    "Sweden Central",
    "Switzerland North",
    "Norway East",
    "Poland Central",
    "Italy North",
    "Spain Central",
    "Canada Central",
    "Canada East",
    "Brazil South",
    "East Asia",
    "Southeast Asia",
    "Japan East",
    "Japan West",
    "Korea Central",
    "Australia East",
    "Australia Southeast",
    "Central India",
    "South India",
    "UAE North",
    "Qatar Central",
    "Israel Central",
    "South Africa North",
    "Mexico Central",
    "New Zealand North",
    "Malaysia South",
    "Malaysia West",
    "Indonesia Central",
];

/// Whether there is a region of this name, written as in a location.
pub(super) fn is_region(name: &str) -> bool {
    REGIONS.iter().any(|known| region(known) == name)
}

/// All regions, written as in a location.
pub(super) fn regions() -> Vec<String> {
    REGIONS.iter().copied().map(region).collect()
}

/// The key of the resource with this id.
pub(crate) fn key(id: &str) -> String {
    format!("arm{}", id.to_lowercase())
}

/// Whether `id` is `scope` or below it; both in lower case.
pub(super) fn is_within(id: &str, scope: &str) -> bool {
    id.strip_prefix(scope.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The subscription that a path is in, in lower case.
pub(super) fn subscription_of(segments: &[String]) -> Option<String> {
    let [first, subscription, ..] = segments else { return None };
    first.eq_ignore_ascii_case("subscriptions").then(|| subscription.to_lowercase())
}

/// The id of the resource group that a request names, which must exist, its name as it was created.
pub(super) fn group_id(world: &World, call: &Call<'_>) -> Result<String, Error> {
    find_group(&world.store, call.parameter("subscription"), call.parameter("group"))
}

/// The id of a resource group that must exist, its name as it was created.
pub(super) fn find_group(store: &Store, subscription: &str, group: &str) -> Result<String, Error> {
    subscription::require(store, subscription)?;
    let id = format!("/subscriptions/{subscription}/resourceGroups/{group}");
    let found = store.get(&key(&id)).and_then(|group| group.at("id").as_str());
    found.map(str::to_owned).ok_or_else(|| {
        Error::not_found("ResourceGroupNotFound", format!("Resource group '{group}' could not be found."))
    })
}

/// The region in the form that Azure compares: "West Europe" is `westeurope`.
pub(super) fn region(text: &str) -> String {
    text.chars().filter(|it| !it.is_whitespace()).collect::<String>().to_lowercase()
}

/// Reads the `location` of a body.
pub(super) fn location(body: &Value, resource_type: &str) -> Result<Option<String>, Error> {
    match body.get("location") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(location)) if is_region(&region(location)) => Ok(Some(region(location))),
        Some(Value::String(location)) => {
            let message = format!(
                "The provided location '{location}' is not available for resource type '{resource_type}'. List of available \
                 regions for the resource type is '{}'.",
                regions().join(",")
            );
            Err(Error::bad_request("LocationNotAvailableForResourceType", message))
        }
        Some(_) => Err(Error::content("The property 'location' must be a string")),
    }
}

/// Reads the `tags` of a body.
pub(super) fn tags(body: &Value) -> Result<Option<Value>, Error> {
    let tags = match body.get("tags") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(tags)) => tags,
        Some(_) => return Err(Error::content("The property 'tags' must be an object of strings")),
    };
    if tags.len() > 50 {
        let message = format!("The number of tags '{}' exceeds the maximum of '50'.", tags.len());
        return Err(Error::bad_request("InvalidTags", message));
    }
    for (name, value) in tags {
        let Some(value) = value.as_str() else {
            return Err(Error::content(format!("The value of the tag '{name}' must be a string")));
        };
        if name.is_empty()
            || name.len() > 512
            || value.len() > 256
            || name.contains(['<', '>', '%', '&', '\\', '?', '/'])
        {
            let message =
                format!("The tag '{name}' is invalid: a name has 1 to 512 characters without <>%&\\?/, a value 256.");
            return Err(Error::bad_request("InvalidTagNameCharacters", message));
        }
    }
    Ok(Some(Value::Object(tags.clone())))
}

/// Reads the JSON object in the body of a request.
pub(super) fn body(call: &Call<'_>) -> Result<Value, Error> {
    let body: Value = serde_json::from_slice(&call.request.body).map_err(Error::content)?;
    if body.is_object() { Ok(body) } else { Err(Error::content("The body must be a JSON object")) }
}

/// Refuses a name that its type does not allow.
pub(super) fn check_name(name: &str, kind: &str, shortest: usize, longest: usize, others: &str) -> Result<(), Error> {
    let first = name.chars().next().is_some_and(|it| it.is_ascii_alphanumeric() || others.contains('('));
    let sound = first && name.chars().all(|it| it.is_ascii_alphanumeric() || others.contains(it));
    if sound && (shortest..=longest).contains(&name.len()) {
        return Ok(());
    }
    let message = format!(
        "The {kind} name '{name}' is invalid: it has {shortest} to {longest} letters, digits and any of '{others}', and starts \
         with a letter or digit."
    );
    Err(Error::new(StatusCode::BAD_REQUEST, "InvalidResourceName", message))
}
