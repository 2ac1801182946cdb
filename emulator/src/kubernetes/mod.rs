//! The Kubernetes API of one cluster, as a real kube-apiserver answers: statuses, bodies and messages were recorded from
//! one, and the recordings are replayed against it in `tests/kubernetes_recorded.rs`.
//!
//! A request goes through [`authentication`], [`authorization`] and then to a verb ([`verbs`]), which asks the kind
//! ([`kinds`]) what is particular to it and the ownership rules ([`fields`]) who owns what afterwards. Nothing here
//! answers 500 but for the one case in which the real server does.

mod admission;
mod authentication;
mod authorization;
mod body;
pub mod cluster;
mod controllers;
mod decode;
mod discovery;
pub(crate) mod entra;
mod fields;
mod go;
mod kinds;
mod metadata;
mod objects;
mod openapi;
mod options;
mod protobuf;
mod rbac;
mod respond;
mod reviews;
mod schema;
mod selectors;
mod status;
#[cfg(test)]
mod tests;
mod tokens;
mod verbs;
mod webhook;
#[cfg(test)]
mod workload_tests;
mod workloads;

use http::Method;

use self::authorization::Attributes;
use self::cluster::Cluster;
use self::status::Status;
use self::verbs::Target;
pub(crate) use self::verbs::{Piece, Watch};
use super::clock::Clock;
use super::http::{Request, Response};
use super::store::Store;

/// What a request is answered with.
#[derive(Debug)]
pub struct Context<'a> {
    /// The emulator's documents; the cluster's are under `kubernetes/<name>/`.
    pub store: &'a mut Store,
    /// The emulated time.
    pub clock: &'a Clock,
    /// The cluster that is asked.
    pub cluster: &'a Cluster,
}

/// Lets the controllers do what it is time for.
pub(crate) fn tick(context: &mut Context<'_>) {
    controllers::tick(context);
}

/// Answers a request to a cluster's API. The path is relative to the cluster's address: `/api/v1/namespaces`.
pub fn answer(context: &mut Context<'_>, request: &Request) -> Response {
    controllers::tick(context);
    let response = route(context, request).unwrap_or_else(|status| status.response());
    if respond::wants_yaml(request) { respond::in_yaml(response) } else { response }
}

fn route(context: &mut Context<'_>, request: &Request) -> Result<Response, Status> {
    let user = authentication::authenticate(context, request)?;
    let user = authentication::impersonate(context, user, request)?;
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
        ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
        _ => {
            let verb = request.method.as_str().to_ascii_lowercase();
            let asked = Attributes { verb: &verb, path: Some(&request.path), ..Attributes::default() };
            authorization::authorize(context, &user, &asked)?;
            return discovery::answer(context, request, &parts);
        }
    };
    let Some(place) = Place::of(rest) else { return Err(Status::no_resource()) };
    let watch = options::flag(request, "watch") && request.method == Method::GET;
    let verb = verbs::verb_of(&request.method, place.name.is_empty(), watch);
    // Who selects one object of a collection by its name asks for no more than that one.
    let selected = if matches!(verb, "list" | "watch" | "deletecollection") { selectors::named(request) } else { "" };
    let asked = Attributes {
        verb,
        path: None,
        group,
        resource: place.resource,
        subresource: place.subresource,
        namespace: place.attributed_namespace(),
        name: if place.name.is_empty() { selected } else { place.name },
    };
    authorization::authorize(context, &user, &asked)?;
    if !discovery::has_group(group) {
        return Ok(discovery::page_not_found());
    }
    if !discovery::serves(group, version) {
        return Err(Status::no_resource());
    }
    if reviews::is_one(group, place.resource) {
        if !place.name.is_empty() {
            return Err(Status::no_resource());
        }
        return reviews::answer(context, &user, (group, place.resource, place.namespace), request);
    }
    let kind = kinds::find(group, version, place.resource)?;
    let misplaced = if kind.namespaced() {
        place.namespace.is_empty() && !place.name.is_empty()
    } else {
        !place.namespace.is_empty()
    };
    // A name with a slash, which only an escape in the path makes, is no name.
    if misplaced || segments.iter().any(|part| part.contains('/')) {
        return Err(Status::no_resource());
    }
    if place.resource == "serviceaccounts" && place.subresource == "token" {
        return tokens::answer(context, place.namespace, place.name, request);
    }
    let target = Target {
        kind,
        namespace: place.namespace.to_owned(),
        name: place.name.to_owned(),
        subresource: place.subresource.to_owned(),
        user,
    };
    verbs::answer(context, &target, verb, request)
}

/// What the path of a resource names; what it does not name is empty.
struct Place<'a> {
    namespace: &'a str,
    resource: &'a str,
    name: &'a str,
    subresource: &'a str,
}

impl<'a> Place<'a> {
    fn of(rest: &[&'a str]) -> Option<Self> {
        let place = |namespace, resource, name, subresource| Self { namespace, resource, name, subresource };
        match rest {
            ["namespaces"] => Some(place("", "namespaces", "", "")),
            ["namespaces", name] => Some(place("", "namespaces", name, "")),
            // `finalize` and `status` are parts of the namespace; anything else is a resource in it.
            ["namespaces", name, part @ ("finalize" | "status")] => Some(place("", "namespaces", name, part)),
            ["namespaces", namespace, resource] => Some(place(namespace, resource, "", "")),
            ["namespaces", namespace, resource, name] => Some(place(namespace, resource, name, "")),
            ["namespaces", namespace, resource, name, part] => Some(place(namespace, resource, name, part)),
            [resource] => Some(place("", resource, "", "")),
            [resource, name] => Some(place("", resource, name, "")),
            [resource, name, part] => Some(place("", resource, name, part)),
            _ => None,
        }
    }

    /// The namespace that rights are asked for: a namespace itself is in itself.
    fn attributed_namespace(&self) -> &'a str {
        if self.resource == "namespaces" { self.name } else { self.namespace }
    }
}
