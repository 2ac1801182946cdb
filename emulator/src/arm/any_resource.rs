//! Resources whatever their type: what is in a group or a subscription, which is how the Azure CLI finds a vault that it knows
//! by its name alone.

use serde_json::{Value, json};

use super::role_definition::{conditions, unsupported};
use super::{id, page, resource_group, subscription};
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Need, Operation};
use crate::core::world::World;

pub(crate) const OPERATIONS: &[Operation] = &[
    resource_group::TYPE
        .operation("Resources_List", "GET", "/subscriptions/{subscription}/resources", list)
        .needing(Need::Action("Microsoft.Resources/subscriptions/resources/read")),
    resource_group::TYPE
        .operation(
            "Resources_ListByResourceGroup",
            "GET",
            "/subscriptions/{subscription}/resourceGroups/{group}/resources",
            list,
        )
        .needing(Need::Action("Microsoft.Resources/subscriptions/resourceGroups/resources/read")),
];

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let prefix = match call.parameter("group") {
        "" => {
            subscription::require(&world.store, call.parameter("subscription"))?;
            id::key(&format!("/subscriptions/{}/resourceGroups/", call.parameter("subscription")))
        }
        _ => format!("{}/providers/", id::key(&id::group_id(world, call)?)),
    };
    // Only what is directly in a group: namespace, type and name.
    let in_a_group = |key: &str| key.matches('/').count() == 8;
    let mut items: Vec<Value> =
        world.store.under(&prefix).filter(|(key, _)| in_a_group(key)).map(|(_, resource)| shown(resource)).collect();
    let filter = call.request.query("$filter").unwrap_or_default();
    for condition in conditions(filter) {
        if let ("resourceGroup", Some(group)) = &condition {
            let within = format!("/resourcegroups/{}/providers/", group.to_lowercase());
            items.retain(|resource| resource.text("id").to_lowercase().contains(&within));
            continue;
        }
        let (field, value) = match condition {
            ("resourceType", Some(value)) => ("type", value),
            (field @ ("name" | "location"), Some(value)) => (field, value),
            _ => return Err(unsupported(filter).into()),
        };
        items.retain(|resource| resource.text(field).eq_ignore_ascii_case(&value));
    }
    Ok(page::answer(world, call.request, &page::sorted(items))?)
}

/// A resource as lists of any type have it: without properties.
fn shown(resource: &Value) -> Value {
    let mut shown = json!({});
    for field in ["id", "name", "type", "location", "tags", "kind", "sku", "identity"] {
        json_patch::merge(&mut shown, &json!({field: resource.at(field)}));
    }
    shown
}

#[cfg(test)]
mod tests {
    use crate::test::Api;

    const SUBSCRIPTION: &str = "/subscriptions/20000000-0000-4000-8000-000000000001";

    #[test]
    fn resources_of_a_subscription_are_found_by_type_and_name() {
        let mut api = Api::new();
        let mut names = |scope: &str, filter: &str| {
            let (status, found) = api.get(&format!("{scope}/resources?api-version=2015-11-01&$filter={filter}"));
            let names = |it: &serde_json::Value| it["name"].as_str().unwrap().to_owned();
            (status, found["value"].as_array().into_iter().flatten().map(names).collect::<Vec<_>>())
        };
        let all = ["demo", "second", "kv-demo", "edge"].map(str::to_owned).to_vec();
        assert_eq!(names(SUBSCRIPTION, ""), (200, all.clone()));
        assert_eq!(names(&format!("{SUBSCRIPTION}/resourceGroups/rg-demo"), ""), (200, all));
        let vaults = "resourceType+eq+'microsoft.keyvault/VAULTS'";
        assert_eq!(names(SUBSCRIPTION, vaults).1, ["kv-demo"]);
        assert_eq!(names(SUBSCRIPTION, &format!("{vaults}+and+name+eq+'kv-demo'")).1, ["kv-demo"]);
        assert!(names(SUBSCRIPTION, &format!("{vaults}+and+name+eq+'demo'")).1.is_empty());
        assert_eq!(names(SUBSCRIPTION, &format!("{vaults}+and+resourceGroup+eq+'RG-demo'")).1, ["kv-demo"]);
        assert!(names(SUBSCRIPTION, "resourceGroup+eq+'rg'").1.is_empty());
        assert_eq!(names(SUBSCRIPTION, "colour+eq+'red'").0, 400);
        assert_eq!(names("/subscriptions/20000000-0000-4000-8000-0000000000ff", "").0, 404);
    }
}
