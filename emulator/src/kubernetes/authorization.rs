//! Who may do what. Without RBAC everybody who signed in may do everything, and nobody else more than see that the
//! server is there; with it roles decide ([`super::rbac`]).

use super::authentication::User;
use super::status::Status;
use super::{Context, rbac};

/// What somebody wants to do.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes<'a> {
    /// get, list, watch, create, update, patch, delete or deletecollection; for a path the method in lower case.
    pub(super) verb: &'a str,
    /// Only for what is no resource.
    pub(super) path: Option<&'a str>,
    pub(super) group: &'a str,
    pub(super) resource: &'a str,
    pub(super) subresource: &'a str,
    /// Empty for a collection of all namespaces, and for what has none.
    pub(super) namespace: &'a str,
    /// Empty for a collection.
    pub(super) name: &'a str,
}

/// Why a user may do this, or as an error why he may not. Either is empty where there is no more to say than that.
pub(super) fn allows(context: &Context<'_>, user: &User, attributes: &Attributes<'_>) -> Result<String, String> {
    if context.cluster.has_rbac() {
        return rbac::allows(context, user, attributes);
    }
    let public = ["/healthz", "/livez", "/readyz", "/version"];
    let is_public = attributes.path.is_some_and(|path| {
        let path = path.trim_end_matches('/');
        attributes.verb == "get" && public.contains(&path)
    });
    if is_public || !user.is_anonymous() { Ok(String::new()) } else { Err(String::new()) }
}

/// Refuses what a user may not do.
///
/// # Errors
/// 403 with who, what and where.
pub(super) fn authorize(context: &Context<'_>, user: &User, attributes: &Attributes<'_>) -> Result<(), Status> {
    let Err(more) = allows(context, user, attributes) else { return Ok(()) };
    let Attributes { verb, path, group, resource, subresource, namespace, name } = attributes;
    if let Some(path) = path {
        return Err(Status::forbidden_path(&user.name, verb, path));
    }
    let whole = if subresource.is_empty() { (*resource).to_owned() } else { format!("{resource}/{subresource}") };
    let place = if namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{namespace}\"")
    };
    let more = if more.is_empty() { more } else { format!(": {more}") };
    let who = &user.name;
    let why = format!("User \"{who}\" cannot {verb} resource \"{whole}\" in API group \"{group}\" {place}{more}");
    Err(Status::forbidden(resource, group, name, &why))
}
