//! Service principals: of applications, and of managed identities, whose client id is all that a guide has at hand.

use http::StatusCode;
use serde_json::{Value, json};

use super::error::Error;
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Operation};
use crate::core::world::World;
use crate::entra::client::{self, Client};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new("ListServicePrincipal", "GET", "/v1.0/servicePrincipals", list),
    Operation::new("GetServicePrincipal", "GET", "/v1.0/servicePrincipals/{id}", get),
];

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let tenant = super::tenant(world, call)?;
    let mut found = all(world, &tenant);
    let filter = call.request.query("$filter").unwrap_or_default();
    for condition in filter.split(" and ").map(str::trim).filter(|condition| !condition.is_empty()) {
        let condition = Condition::parse(condition).ok_or_else(|| Error::filter(filter))?;
        found.retain(|principal| condition.holds(principal));
    }
    let context = format!("{}/v1.0/$metadata#servicePrincipals", world.url);
    Ok(Response::json(StatusCode::OK, &json!({"@odata.context": context, "value": found})))
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let tenant = super::tenant(world, call)?;
    let id = call.parameter("id");
    let found = all(world, &tenant).into_iter().find(|principal| principal.text("id").eq_ignore_ascii_case(id));
    Ok(Response::json(StatusCode::OK, &found.ok_or_else(|| Error::not_found(id))?))
}

/// The service principals of a tenant, in the order of their names.
fn all(world: &World, tenant: &str) -> Vec<Value> {
    let clients = client::all(&world.store, tenant).into_iter().filter(|client| client.service_principal);
    let mut all: Vec<Value> = clients.map(|client| shown(&client, tenant)).collect();
    all.sort_by(|one, other| {
        (one.text("displayName"), one.text("id")).cmp(&(other.text("displayName"), other.text("id")))
    });
    all
}

fn shown(client: &Client, tenant: &str) -> Value {
    let (kind, names) = match &client.identity {
        Some(id) => ("ManagedIdentity", json!(["isExplicit=True", id])),
        None => ("Application", json!([])),
    };
    json!({
        "id": client.object_id,
        "appId": client.client_id,
        "displayName": client.name,
        "appDisplayName": client.name,
        "servicePrincipalNames": [client.client_id],
        "servicePrincipalType": kind,
        "alternativeNames": names,
        "accountEnabled": true,
        "appOwnerOrganizationId": tenant,
    })
}

/// One condition of a `$filter`, in one of the forms that clients use.
struct Condition<'a> {
    field: &'a str,
    value: String,
    /// Whether the field only has to begin with the value.
    begins: bool,
}

impl<'a> Condition<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        const FIELDS: &[&str] = &["id", "appId", "displayName", "servicePrincipalType", "servicePrincipalNames"];
        let (field, value, begins) = if let Some(both) = text.strip_prefix("startswith(") {
            let (field, value) = both.strip_suffix(')')?.split_once(',')?;
            (field, value, true)
        } else if let Some((field, any)) = text.split_once("/any(") {
            (field, any.strip_suffix(')')?.split_once(" eq ")?.1, false)
        } else {
            let (field, value) = text.split_once(" eq ")?;
            (field, value, false)
        };
        let (field, value) = (field.trim(), value.trim().strip_prefix('\'')?.strip_suffix('\'')?);
        FIELDS.contains(&field).then(|| Self { field, value: value.replace("''", "'").to_lowercase(), begins })
    }

    fn holds(&self, principal: &Value) -> bool {
        let holds = |it: &Value| {
            let it = it.as_str().unwrap_or_default().to_lowercase();
            if self.begins { it.starts_with(&self.value) } else { it == self.value }
        };
        match principal.at(self.field) {
            Value::Array(several) => several.iter().any(holds),
            one => holds(one),
        }
    }
}
