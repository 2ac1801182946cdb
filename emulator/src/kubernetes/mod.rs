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
pub(crate) mod cluster;
mod controllers;
mod decode;
mod discovery;
pub(crate) mod entra;
mod fields;
mod go;
mod kinds;
mod kubeconfig;
mod metadata;
mod objects;
mod openapi;
mod options;
mod protobuf;
mod rbac;
mod request_info;
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

use std::borrow::Cow;
use std::path::Path;

use http::StatusCode;
use serde_json::json;

use self::authorization::Attributes;
use self::cluster::Cluster;
use self::request_info::{RequestInfo, Resource};
use self::status::Status;
use self::verbs::Target;
use crate::core::clock::Clock;
use crate::core::http::{Request, Response};
use crate::core::route::{self, Destination};
use crate::core::rule::Rule;
use crate::core::store::Store;
use crate::core::surface::{Failure, Surface};
use crate::core::world::World;

/// The API servers of all clusters, each below `/clusters/<name>`.
pub(crate) struct Kubernetes;

impl Surface for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn serves(&self, _request: &Request, segments: &[String]) -> bool {
        matches!(segments, [first, _, ..] if first == "clusters")
    }

    fn route(&self, request: &Request, segments: &[String]) -> Destination {
        let cluster = segments.get(1).cloned().unwrap_or_default();
        let without_first = |path: &str| {
            let path = path.trim_start_matches('/').split_once('/');
            path.map_or_else(String::new, |(_, rest)| rest.to_owned())
        };
        let path = format!("/{}", without_first(&without_first(&request.path)));
        let info = RequestInfo::new(&path, request);
        Destination {
            name: info.operation(),
            right: info.right(),
            target: route::Target::Handler(Box::new(move |world, request| serve(world, &cluster, &info, request))),
        }
    }

    fn failure(&self, failure: Failure<'_>) -> Response {
        let status = match failure {
            Failure::UnknownPath(_) => return discovery::page_not_found(),
            Failure::OtherMethod(_) => Status::method_not_allowed(),
            Failure::UnsafePath => Status::no_resource(),
            Failure::TooLarge => Status::too_large(body::MOST_BYTES),
            Failure::Internal(reason) => Status::internal(reason),
        };
        status.response()
    }

    fn tick(&self, world: &mut World) {
        for cluster in Cluster::all(&world.store) {
            controllers::tick(&mut Context { store: &mut world.store, clock: &world.clock, cluster: &cluster });
        }
    }

    /// As kubectl and the Kubernetes provider read it.
    fn environment(&self, world: &World, folder: &Path) -> Vec<(&'static str, String)> {
        let file = folder.join(kubeconfig::FILE).display().to_string();
        let current = kubeconfig::current(world, &Cluster::all(&world.store));
        vec![("KUBE_CONFIG_PATH", file.clone()), ("KUBE_CTX", current), ("KUBECONFIG", file)]
    }

    fn files(&self, world: &World) -> Vec<(&'static str, String)> {
        vec![(kubeconfig::FILE, kubeconfig::text(world))]
    }
}

/// Answers a request to the API server of this cluster.
fn serve(world: &mut World, cluster: &str, info: &RequestInfo, request: &Request) -> Response {
    let Some(mut cluster) = Cluster::load(&world.store, cluster) else {
        let text = format!("the emulator has no cluster `{cluster}`");
        return Response::json(StatusCode::NOT_FOUND, &json!({"error": text}));
    };
    if cluster.has_rbac() != world.settings.rbac {
        cluster.set_rbac(&mut world.store, &world.clock, world.settings.rbac);
    }
    let mut request = Cow::Borrowed(request);
    if request_info::is_apply(&request) && !world.settings.keeps(Rule::ApplyConflicts) {
        // An apply that meets no conflict is one that is forced.
        let query = &mut request.to_mut().query;
        query.retain(|(name, _)| name != "force");
        query.push(("force".to_owned(), "true".to_owned()));
    }
    answer(&mut Context { store: &mut world.store, clock: &world.clock, cluster: &cluster }, info, &request)
}

/// What a request is answered with.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// The emulator's documents; the cluster's are under `kubernetes/<name>/`.
    store: &'a mut Store,
    /// The emulated time.
    clock: &'a Clock,
    /// The cluster that is asked.
    cluster: &'a Cluster,
}

/// Answers a request to a cluster's API.
fn answer(context: &mut Context<'_>, info: &RequestInfo, request: &Request) -> Response {
    controllers::tick(context);
    let response = respond_to(context, info, request).unwrap_or_else(|status| status.response());
    if respond::wants_yaml(request) { respond::in_yaml(response) } else { response }
}

fn respond_to(context: &mut Context<'_>, info: &RequestInfo, request: &Request) -> Result<Response, Status> {
    let user = authentication::authenticate(context, request)?;
    let user = authentication::impersonate(context, user, request)?;
    let verb = info.verb.as_str();
    let Some(resource) = &info.resource else {
        let asked = Attributes { verb, path: Some(&info.path), ..Attributes::default() };
        authorization::authorize(context, &user, &asked)?;
        let parts: Vec<&str> = info.parts.iter().map(String::as_str).collect();
        return discovery::answer(context, request, &parts);
    };
    let Resource { group, version, namespace, resource: plural, name, subresource } = resource;
    // A selection of one object of a collection by its name needs the right to that one only.
    let selected = if matches!(verb, "list" | "watch" | "deletecollection") { selectors::named(request) } else { "" };
    let asked = Attributes {
        verb,
        path: None,
        group,
        resource: plural,
        subresource,
        namespace: resource.attributed_namespace(),
        name: if name.is_empty() { selected } else { name },
    };
    authorization::authorize(context, &user, &asked)?;
    if !discovery::has_group(group) {
        return Ok(discovery::page_not_found());
    }
    if !discovery::serves(group, version) {
        return Err(Status::no_resource());
    }
    if reviews::is_one(group, plural) {
        if !name.is_empty() {
            return Err(Status::no_resource());
        }
        return reviews::answer(context, &user, (group, plural, namespace), request);
    }
    let kind = kinds::find(group, version, plural)?;
    let misplaced = if kind.namespaced() { namespace.is_empty() && !name.is_empty() } else { !namespace.is_empty() };
    // A name with a slash, which only an escape in the path makes, is no name.
    if misplaced || info.parts.iter().any(|part| part.contains('/')) {
        return Err(Status::no_resource());
    }
    if plural == "serviceaccounts" && subresource == "token" {
        return tokens::answer(context, namespace, name, request);
    }
    let target =
        Target { kind, namespace: namespace.clone(), name: name.clone(), subresource: subresource.clone(), user };
    verbs::answer(context, &target, verb, request)
}
