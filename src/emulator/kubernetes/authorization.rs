//! Who may do what. Without RBAC everybody who signed in may do everything, and nobody else more than see that the
//! server is there.

use super::Context;
use super::authentication::User;
use super::status::Status;

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

/// Whether a user may do this.
///
/// This is the place where RBAC decides once roles are kept; the cluster is passed for that.
pub(super) fn allows(_context: &Context<'_>, user: &User, attributes: &Attributes<'_>) -> bool {
    let public = ["/healthz", "/livez", "/readyz", "/version"];
    let is_public = attributes.path.is_some_and(|path| {
        let path = path.trim_end_matches('/');
        attributes.verb == "get" && public.contains(&path)
    });
    is_public || !user.is_anonymous()
}

/// Refuses what a user may not do.
///
/// # Errors
/// 403 with who, what and where.
pub(super) fn authorize(context: &Context<'_>, user: &User, attributes: &Attributes<'_>) -> Result<(), Status> {
    if allows(context, user, attributes) {
        return Ok(());
    }
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
    let why = format!("User \"{}\" cannot {verb} resource \"{whole}\" in API group \"{group}\" {place}", user.name);
    Err(Status::forbidden(resource, group, name, &why))
}
