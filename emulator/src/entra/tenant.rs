//! Tenants: directories, known by a GUID and a domain.

use serde_json::{Value, json};

use super::seed::Tenant;
use crate::core::guid::guid;
use crate::core::json::Json as _;
use crate::core::store::Store;

/// Puts a tenant there.
///
/// # Errors
/// When its id is not a GUID.
pub(crate) fn put(store: &mut Store, tenant: &Tenant) -> Result<(), String> {
    let id = guid(&tenant.id, "a tenant")?;
    let document = json!({"tenantId": id, "displayName": tenant.name, "defaultDomain": tenant.name});
    store.put(key(&id), document);
    Ok(())
}

/// The GUID of the tenant with this GUID or domain.
pub(crate) fn find(store: &Store, name: &str) -> Option<String> {
    all(store)
        .find(|tenant| {
            ["tenantId", "defaultDomain"]
                .iter()
                .any(|field| tenant[field].as_str().is_some_and(|it| it.eq_ignore_ascii_case(name)))
        })
        .and_then(|tenant| tenant.at("tenantId").as_str())
        .map(str::to_owned)
}

/// All tenants.
pub(crate) fn all(store: &Store) -> impl Iterator<Item = &Value> {
    store.under("entra/tenants/").filter(|(key, _)| key.matches('/').count() == 2).map(|(_, document)| document)
}

/// The key of a tenant, under which its objects are.
pub(crate) fn key(id: &str) -> String {
    format!("entra/tenants/{id}")
}
