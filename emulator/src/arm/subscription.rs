//! Subscriptions and tenants, which are seeded and only read.

use http::StatusCode;
use serde_json::{Value, json};

use super::error::Error;
use super::seed;
use super::{ResourceType, id, page, rights};
use crate::core::guid::guid;
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Need, Operation};
use crate::core::store::Store;
use crate::core::world::World;
use crate::entra;

const VERSIONS: &[&str] = &[
    "2015-01-01",
    "2015-11-01",
    "2016-06-01",
    "2018-05-01",
    "2018-06-01",
    "2019-06-01",
    "2019-10-01",
    "2019-11-01",
    "2020-01-01",
    "2021-01-01",
    "2021-04-01",
    "2022-01-01",
    "2022-09-01",
    "2022-12-01",
    "2024-11-01",
];
const SUBSCRIPTIONS: ResourceType = ResourceType { name: "Microsoft.Resources/subscriptions", versions: VERSIONS };
const TENANTS: ResourceType = ResourceType { name: "Microsoft.Resources/tenants", versions: VERSIONS };

pub(crate) const OPERATIONS: &[Operation] = &[
    SUBSCRIPTIONS.operation("Subscriptions_List", "GET", "/subscriptions", list).needing(Need::Nothing),
    SUBSCRIPTIONS.operation("Subscriptions_Get", "GET", "/subscriptions/{subscription}", get),
    SUBSCRIPTIONS
        .operation("Subscriptions_ListLocations", "GET", "/subscriptions/{subscription}/locations", locations)
        .needing(Need::Action("Microsoft.Resources/subscriptions/locations/read")),
    TENANTS.operation("Tenants_List", "GET", "/tenants", tenants).needing(Need::Nothing),
];

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let subscription = require(&world.store, call.parameter("subscription"))?;
    Ok(Response::json(StatusCode::OK, subscription))
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let caller = call.caller.as_ref();
    let all = world.store.under("arm/subscriptions/").filter(|(key, _)| key.matches('/').count() == 2);
    let is_visible = |subscription: &&Value| {
        caller.is_some_and(|caller| {
            subscription.text("tenantId") == caller.tenant && rights::sees(world, caller, subscription.text("id"))
        })
    };
    let visible = all.map(|(_, document)| document).filter(is_visible).cloned().collect();
    Ok(page::answer(world, call.request, &page::sorted(visible))?)
}

fn locations(world: &mut World, call: &Call<'_>) -> Answer {
    let subscription = require(&world.store, call.parameter("subscription"))?.text("id");
    let show = |name: &&str| {
        json!({
            "id": format!("{subscription}/locations/{}", id::region(name)),
            "name": id::region(name),
            "type": "Region",
            "displayName": name,
            "regionalDisplayName": name,
            "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
        })
    };
    let all = id::REGIONS.iter().map(show).collect();
    Ok(page::answer(world, call.request, &page::sorted(all))?)
}

fn tenants(world: &mut World, call: &Call<'_>) -> Answer {
    let own = call.caller.as_ref().map(|caller| caller.tenant.as_str());
    let show = |tenant: &Value| {
        json!({
            "id": format!("/tenants/{}", tenant.text("tenantId")),
            "tenantId": tenant.at("tenantId"),
            "displayName": tenant.at("displayName"),
            "defaultDomain": tenant.at("defaultDomain"),
            "domains": [tenant.at("defaultDomain")],
            "tenantCategory": "Home",
            "tenantType": "AAD",
            "countryCode": "NL",
        })
    };
    let visible: Vec<Value> =
        entra::tenant::all(&world.store).filter(|it| it.at("tenantId").as_str() == own).map(show).collect();
    Ok(page::answer(world, call.request, &visible)?)
}

/// Puts a subscription there.
///
/// # Errors
/// When its id is not a GUID, or there is no such tenant.
pub(crate) fn put(store: &mut Store, subscription: &seed::Subscription, tenant: &str) -> Result<(), String> {
    let id = guid(&subscription.id, "a subscription")?;
    let tenant = entra::tenant::find(store, tenant)
        .ok_or_else(|| format!("subscription {id}: there is no tenant `{tenant}`"))?;
    let document = json!({
        "id": format!("/subscriptions/{id}"),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": id,
        "tenantId": tenant,
        "displayName": subscription.name,
        "state": "Enabled",
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
    });
    store.put(id::key(&format!("/subscriptions/{id}")), document);
    Ok(())
}

/// The tenant of a subscription, when there is such a subscription.
pub(crate) fn tenant(store: &Store, subscription: &str) -> Option<String> {
    store.get(&id::key(&format!("/subscriptions/{subscription}")))?["tenantId"].as_str().map(str::to_owned)
}

/// The subscription, which must exist.
pub(super) fn require<'a>(store: &'a Store, subscription: &str) -> Result<&'a Value, Error> {
    if guid(subscription, "a subscription").is_err() {
        let message = format!("The provided subscription identifier '{subscription}' is malformed or invalid.");
        return Err(Error::bad_request("InvalidSubscriptionId", message));
    }
    store.get(&id::key(&format!("/subscriptions/{subscription}"))).ok_or_else(|| {
        Error::not_found("SubscriptionNotFound", format!("The subscription '{subscription}' could not be found."))
    })
}
