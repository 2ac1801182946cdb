//! Objects of the directory by their ids, whatever they are: what the Azure CLI names the principals of role assignments by.

use http::StatusCode;
use serde_json::{Value, json};

use super::error::Error;
use crate::core::http::Response;
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Operation};
use crate::core::world::World;
use crate::entra::{client, principal};

pub(super) const OPERATIONS: &[Operation] =
    &[Operation::new("DirectoryObjects_GetByIds", "POST", "/v1.0/directoryObjects/getByIds", by_ids)];

fn by_ids(world: &mut World, call: &Call<'_>) -> Answer {
    let tenant = super::tenant(world, call)?;
    let invalid = || Error::bad_request("The property 'ids' must be a list of object ids.");
    let body: Value = serde_json::from_slice(&call.request.body).map_err(|_| invalid())?;
    let ids = body.at("ids").as_array().ok_or_else(invalid)?;
    let types = body.at("types").as_array();
    let clients = client::all(&world.store, &tenant);
    let mut found = Vec::new();
    for id in ids {
        let id = id.as_str().ok_or_else(invalid)?;
        let Some(principal) = principal::get(&world.store, &tenant, id) else { continue };
        let name = principal.at("displayName");
        let (kind, more) = match principal.text("principalType") {
            "User" => ("user", json!({"userPrincipalName": name})),
            "Group" => ("group", json!({})),
            _ => {
                let own = clients.iter().find(|client| client.object_id.eq_ignore_ascii_case(id));
                let client_id = own.map_or(id, |client| client.client_id.as_str());
                ("servicePrincipal", json!({"appId": client_id, "servicePrincipalNames": [client_id]}))
            }
        };
        let is_wanted = |types: &Vec<Value>| types.iter().any(|it| it == kind || it == "directoryObject");
        if types.is_none_or(is_wanted) {
            let mut object = json!({"@odata.type": format!("#microsoft.graph.{kind}"), "id": principal.at("objectId"), "displayName": name});
            json_patch::merge(&mut object, &more);
            found.push(object);
        }
    }
    let context = format!("{}/v1.0/$metadata#directoryObjects", world.url);
    Ok(Response::json(StatusCode::OK, &json!({"@odata.context": context, "value": found})))
}
