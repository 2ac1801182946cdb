//! Users of Entra ID at an API server, as AKS and Arc have them: a token for the AKS server application is one's way in.
//!
//! A service principal's user name is its object id. Only a cluster that was told to trust a tenant takes such tokens; that
//! is the document `kubernetes/<name>/_entra`, which the cluster's resource in Azure writes.

use serde_json::{Value, json};

use super::Context;
use super::authentication::User;
use crate::core::access_token;
use crate::core::json::Json as _;
use crate::core::store::Store;

/// The application that stands for all AKS API servers.
pub(crate) const SERVER: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// Makes a cluster trust the users of this tenant, or nobody of Entra ID.
pub(crate) fn trust(store: &mut Store, cluster: &str, tenant: Option<&str>) {
    let key = format!("kubernetes/{cluster}/_entra");
    match tenant {
        Some(tenant) => drop(store.put(key, json!({"tenant": tenant}))),
        None => drop(store.remove(&key)),
    }
}

/// The user of a token of Entra ID; none where it is not one, or not one for this cluster.
pub(super) fn user_of(context: &Context<'_>, token: &str) -> Option<User> {
    let trusted = context.store.get(&format!("kubernetes/{}/_entra", context.cluster.name()))?;
    let token = access_token::verify(access_token::published(context.store), context.clock.unix(), token).ok()?;
    let tenant = token.claim("tid")?;
    if !token.audiences().contains(&SERVER) || !tenant.eq_ignore_ascii_case(trusted.text("tenant")) {
        return None;
    }
    let id = token.claim("oid")?;
    let mut groups: Vec<String> = token
        .claims
        .get("groups")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    groups.push("system:authenticated".to_owned());
    Some(User {
        name: token.claim("upn").unwrap_or(id).to_owned(),
        uid: String::new(),
        groups,
        extra: vec![("oid".to_owned(), vec![id.to_owned()])],
    })
}
