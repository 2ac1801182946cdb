//! Principals: what roles are assigned to. A new one takes a while to reach every replica of the directory.

use serde_json::{Value, json};
use uuid::Uuid;

use super::seed;
use super::{client, tenant};
use crate::core::guid::guid;
use crate::core::store::Store;

/// Puts a principal of the seed there; it is known everywhere at once.
///
/// # Errors
/// When its id is not a GUID or its kind is unknown.
pub(crate) fn seed(store: &mut Store, principal: &seed::Principal, tenant: &str) -> Result<(), String> {
    let id = guid(&principal.object_id, "a principal")?;
    if !["User", "Group", "ServicePrincipal"].contains(&principal.kind.as_str()) {
        return Err(format!("`{}` is not a kind of principal: User, Group or ServicePrincipal", principal.kind));
    }
    put(store, tenant, &id, &principal.name, &principal.kind, 0);
    Ok(())
}

/// Puts a principal there that exists since `created_ms`.
pub(crate) fn put(store: &mut Store, tenant: &str, id: &str, name: &str, kind: &str, created_ms: i64) {
    let document = json!({"objectId": id, "displayName": name, "principalType": kind, "createdMs": created_ms});
    store.put(key(tenant, id), document);
}

/// The principal with this object id.
pub(crate) fn get<'a>(store: &'a Store, tenant: &str, id: &str) -> Option<&'a Value> {
    store.get(&key(tenant, id))
}

/// Makes the service principal of a new managed identity and the client that signs in as it. Returns the principal's
/// object id and the client id.
pub(crate) fn create_for_identity(
    store: &mut Store,
    tenant: &str,
    id: &str,
    name: &str,
    now_ms: i64,
) -> (String, String) {
    let (object_id, client_id) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    put(store, tenant, &object_id, name, "ServicePrincipal", now_ms);
    client::put_identity(store, tenant, &client_id, &object_id, name, id);
    (object_id, client_id)
}

/// Removes what [`create_for_identity`] made.
pub(crate) fn remove_for_identity(store: &mut Store, tenant: &str, object_id: &str, client_id: &str) {
    store.remove(&key(tenant, object_id));
    client::remove(store, tenant, client_id);
}

fn key(tenant: &str, id: &str) -> String {
    format!("{}/principals/{}", tenant::key(tenant), id.to_lowercase())
}
