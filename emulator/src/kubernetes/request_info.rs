//! What a request to a cluster is about, as kube-apiserver's `RequestInfo` has it: read from method, path and query once, for the
//! log, the right that it needs, and the router.

use http::Method;

use super::options::flag;
use crate::core::http::{Request, segments};

/// A request to a cluster, taken apart.
#[derive(Debug)]
pub(super) struct RequestInfo {
    /// The path below the cluster's address, percent-encoding kept.
    pub(super) path: String,
    /// Its decoded parts.
    pub(super) parts: Vec<String>,
    /// As rights name it: get, list, watch, create, update, patch, delete or deletecollection. For a path that is no resource's the
    /// method in lower case. Empty for a method that resources do not have.
    pub(super) verb: String,
    /// None for a path such as `/version`.
    pub(super) resource: Option<Resource>,
    is_apply: bool,
}

/// The resource that a path names. What it does not name is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) namespace: String,
    pub(super) resource: String,
    /// Empty for a collection.
    pub(super) name: String,
    /// All parts after the name, with slashes between.
    pub(super) subresource: String,
}

impl RequestInfo {
    /// Takes a request apart whose path below the cluster's address is `path`.
    pub(super) fn new(path: &str, request: &Request) -> Self {
        let parts = segments(path).collect::<Vec<_>>();
        let resource = Resource::of(&parts);
        let verb = match &resource {
            Some(resource) => verb_of(request, resource.name.is_empty()).to_owned(),
            None => request.method.as_str().to_ascii_lowercase(),
        };
        Self { path: path.to_owned(), parts, verb, resource, is_apply: is_apply(request) }
    }

    /// The operation's name for log and faults, such as `serviceaccounts/token.create`, `pods.list` or `readyz.get`. Server-side
    /// apply is a verb of its own there.
    pub(super) fn operation(&self) -> String {
        let Some(resource) = &self.resource else {
            let path = self.path.trim_matches('/');
            return format!("{}.{}", if path.is_empty() { "root" } else { path }, self.verb);
        };
        let verb = match self.verb.as_str() {
            "patch" if self.is_apply => "apply",
            "" => "other",
            verb => verb,
        };
        format!("{}.{verb}", resource.with_subresource())
    }

    /// What its sender must be allowed to, such as `get deployments.apps`; none for a path that is no resource's.
    pub(super) fn right(&self) -> Option<String> {
        let resource = self.resource.as_ref()?;
        let dot = if resource.group.is_empty() { "" } else { "." };
        let verb = if self.verb.is_empty() { "other" } else { &self.verb };
        Some(format!("{verb} {}{dot}{}", resource.with_subresource(), resource.group))
    }
}

impl Resource {
    fn of(parts: &[String]) -> Option<Self> {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            // A namespace itself, and its own parts; anything else below a namespace is a resource in it.
            ["namespaces"] | ["namespaces", _] | ["namespaces", _, "finalize" | "status", ..] => ("", rest),
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            _ => ("", rest),
        };
        let (resource, rest) = rest.split_first()?;
        let (name, rest) = rest.split_first().unwrap_or((&"", &[]));
        Some(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            namespace: namespace.to_owned(),
            resource: (*resource).to_owned(),
            name: (*name).to_owned(),
            subresource: rest.join("/"),
        })
    }

    /// As roles name it.
    fn with_subresource(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            subresource => format!("{}/{subresource}", self.resource),
        }
    }

    /// The namespace that rights are needed in: a namespace is in itself.
    pub(super) fn attributed_namespace(&self) -> &str {
        if self.resource == "namespaces" { &self.name } else { &self.namespace }
    }
}

/// Whether a request is a server-side apply.
pub(super) fn is_apply(request: &Request) -> bool {
    request.method == Method::PATCH
        && request.header("content-type").is_some_and(|it| it.starts_with("application/apply-patch"))
}

/// The verb that a request on a resource means.
fn verb_of(request: &Request, is_collection: bool) -> &'static str {
    match (request.method.as_str(), is_collection) {
        // One object is not watched but as a selection of its collection.
        ("GET", true) if flag(request, "watch") => "watch",
        ("GET", true) => "list",
        ("GET", false) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "deletecollection",
        ("DELETE", false) => "delete",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(method: &str, target: &str) -> RequestInfo {
        let request = Request::test(method, target);
        RequestInfo::new(&request.path, &request)
    }

    #[test]
    fn an_operation_is_the_resource_and_the_verb() {
        let operation = |method: &str, target: &str| info(method, target).operation();
        assert_eq!(operation("GET", "/api/v1/namespaces/n/serviceaccounts"), "serviceaccounts.list");
        assert_eq!(operation("GET", "/api/v1/namespaces/n"), "namespaces.get");
        assert_eq!(operation("PUT", "/api/v1/namespaces/n/finalize"), "namespaces/finalize.update");
        assert_eq!(operation("POST", "/api/v1/namespaces/n/serviceaccounts/s/token"), "serviceaccounts/token.create");
        assert_eq!(operation("GET", "/apis/apps/v1/deployments?watch=true"), "deployments.watch");
        assert_eq!(operation("GET", "/apis/apps/v1/deployments?watch=false"), "deployments.list");
        assert_eq!(operation("HEAD", "/api/v1/pods"), "pods.other");
        assert_eq!(operation("GET", "/readyz"), "readyz.get");
        assert_eq!(operation("GET", "/api/v1/"), "api/v1.get");
        assert_eq!(operation("GET", "/"), "root.get");
    }

    #[test]
    fn a_right_has_the_group_and_no_verb_of_its_own_for_apply() {
        let right = |method: &str, target: &str| info(method, target).right();
        assert_eq!(right("GET", "/apis/apps/v1/namespaces/n/deployments/d").unwrap(), "get deployments.apps");
        assert_eq!(right("DELETE", "/api/v1/namespaces/n/pods").unwrap(), "deletecollection pods");
        let mut apply = Request::test("PATCH", "/api/v1/namespaces/n/serviceaccounts/s");
        apply.headers.insert("content-type", "application/apply-patch+yaml".parse().unwrap());
        let apply = RequestInfo::new(&apply.path, &apply);
        assert_eq!(apply.operation(), "serviceaccounts.apply");
        assert_eq!(apply.right().unwrap(), "patch serviceaccounts");
        assert_eq!(right("GET", "/version"), None);
        assert_eq!(right("GET", "/api/v1/"), None);
    }

    #[test]
    fn a_path_names_one_resource() {
        let resource = |path: &str| info("GET", path).resource.unwrap();
        let wanted = Resource {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            namespace: "n/x".to_owned(),
            resource: "deployments".to_owned(),
            name: "d".to_owned(),
            subresource: "scale".to_owned(),
        };
        assert_eq!(resource("/apis/apps/v1/namespaces/n%2Fx/deployments/d/scale/"), wanted);
        assert_eq!(resource("/api/v1/namespaces/n").attributed_namespace(), "n");
        assert_eq!(resource("/api/v1/pods/p/a/b").subresource, "a/b");
    }
}
