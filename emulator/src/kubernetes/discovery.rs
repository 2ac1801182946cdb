//! What a client asks before it asks for objects: is the server well, which version is it, which groups and resources
//! does it have, and who issues its tokens.

use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::Context;
use super::kinds::{self, Kind};
use super::openapi;
use super::reviews;
use super::status::Status;
use crate::core::http::{Request, Response};

/// Parameters of the media type in which a client asks for all resources of all groups at once.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The media type of the second version of OpenAPI in protobuf.
const OPENAPI_2: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Whether this group has this version.
pub(super) fn serves(group: &str, version: &str) -> bool {
    groups().into_iter().any(|known| known == (group, version))
}

/// Whether there is such a group in any version; the core group is empty.
pub(super) fn has_group(group: &str) -> bool {
    groups().into_iter().any(|(known, _)| known == group)
}

/// The answer to a path that leads nowhere, which is no Status.
pub(super) fn page_not_found() -> Response {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// Answers a request for what is no resource.
///
/// # Errors
/// 405 for anything but a read.
pub(super) fn answer(context: &Context<'_>, request: &Request, parts: &[&str]) -> Result<Response, Status> {
    let json = |body: Value| Ok(Response::typed(StatusCode::OK, "application/json", &body));
    let cluster = context.cluster;
    let known = match parts {
        [] => json(json!({"paths": paths()})),
        ["healthz" | "livez" | "readyz", ..] => Ok(text(StatusCode::OK, "ok")),
        ["version"] => json(version()),
        [".well-known", "openid-configuration"] => json(json!({
            "issuer": cluster.issuer(),
            "jwks_uri": format!("{}/openid/v1/jwks", cluster.url()),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })),
        ["openid", "v1", "jwks"] => Ok(Response::typed(StatusCode::OK, "application/jwk-set+json", &cluster.jwks())),
        ["api"] if asks_for_all(request) => Ok(aggregated(&[("", "v1")])),
        ["apis"] if asks_for_all(request) => Ok(aggregated(&named_groups())),
        ["api"] => json(json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": authority(cluster.url())}],
        })),
        ["apis"] => {
            let groups: Vec<Value> = named_groups().into_iter().map(group_entry).collect();
            json(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["apis", group] => match named_groups().into_iter().find(|(name, _)| name == group) {
            Some(found) => {
                let mut entry = group_entry(found);
                if let Some(entry) = entry.as_object_mut() {
                    entry.insert("kind".to_owned(), json!("APIGroup"));
                    entry.insert("apiVersion".to_owned(), json!("v1"));
                }
                json(entry)
            }
            None => Ok(page_not_found()),
        },
        ["api", version] if serves("", version) => json(json!({
            "kind": "APIResourceList", "groupVersion": version, "resources": resources("", version),
        })),
        ["apis", group, version] if serves(group, version) && !group.is_empty() => json(json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{group}/{version}"),
            "resources": resources(group, version),
        })),
        ["openapi", "v2"] if request.header("accept").unwrap_or_default().contains("protobuf") => {
            let mut response = Response::empty(StatusCode::OK);
            response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(OPENAPI_2));
            response.body = bytes::Bytes::from_static(openapi::VERSION_2_PROTOBUF);
            Ok(response)
        }
        ["openapi", "v2"] => json(openapi::version_2()),
        ["openapi", "v3"] => json(openapi::index()),
        ["openapi", "v3", rest @ ..] => match openapi::document(&rest.join("/")) {
            Some(document) => json(document),
            None => Ok(page_not_found()),
        },
        ["api", _] => return Err(Status::no_resource()),
        ["apis", group, _] if has_group(group) => return Err(Status::no_resource()),
        _ => Ok(page_not_found()),
    };
    let is_found = known.as_ref().is_ok_and(|response| response.status == StatusCode::OK);
    if is_found && !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(Status::method_not_allowed());
    }
    known
}

/// The version that the recordings were made with, as its releases print it.
fn version() -> Value {
    json!({
        "major": "1", "minor": "34", "emulationMajor": "1", "emulationMinor": "34",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "33",
        "gitVersion": "v1.34.4", "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}

/// Group and version of everything there is, sorted; the core group is empty.
fn groups() -> Vec<(&'static str, &'static str)> {
    let mut groups: Vec<_> = kinds::ALL.iter().map(|kind| (kind.group(), kind.version())).collect();
    groups.extend(reviews::ALL.iter().map(|review| (review.group, "v1")));
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn named_groups() -> Vec<(&'static str, &'static str)> {
    groups().into_iter().filter(|(group, _)| !group.is_empty()).collect()
}

fn paths() -> Vec<String> {
    let mut paths: Vec<String> =
        ["/.well-known/openid-configuration", "/api", "/api/v1", "/apis", "/healthz", "/livez"]
            .into_iter()
            .chain(["/openid/v1/jwks", "/readyz", "/version"])
            .map(str::to_owned)
            .collect();
    for (group, version) in named_groups() {
        paths.extend([format!("/apis/{group}"), format!("/apis/{group}/{version}")]);
    }
    paths.sort();
    paths
}

fn group_entry((group, version): (&str, &str)) -> Value {
    let entry = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [entry], "preferredVersion": entry})
}

/// The resources of a group and version, as the old form of discovery lists them.
fn resources(group: &str, version: &str) -> Vec<Value> {
    let mut resources = Vec::new();
    for kind in kinds_of(group, version) {
        let mut entry = json!({
            "name": kind.plural(), "singularName": kind.kind().to_ascii_lowercase(), "namespaced": kind.namespaced(),
            "kind": kind.kind(), "verbs": kind.verbs(), "storageVersionHash": kind.storage_hash(),
        });
        add_names(&mut entry, kind);
        resources.push(entry);
        for part in kind.subresources() {
            let mut entry = json!({
                "name": format!("{}/{}", kind.plural(), part.name), "singularName": "",
                "namespaced": kind.namespaced(), "kind": part.kind, "verbs": part.verbs,
            });
            if let (Some(entry), false) = (entry.as_object_mut(), part.group.is_empty()) {
                entry.insert("group".to_owned(), json!(part.group));
                entry.insert("version".to_owned(), json!(part.version));
            }
            resources.push(entry);
        }
    }
    for review in reviews::ALL.iter().filter(|review| review.group == group) {
        resources.push(json!({
            "name": review.resource, "singularName": review.kind.to_ascii_lowercase(),
            "namespaced": review.namespaced, "kind": review.kind, "verbs": ["create"],
        }));
    }
    resources
}

/// All resources of these groups in one document.
fn aggregated(groups: &[(&str, &str)]) -> Response {
    let items: Vec<Value> = groups
        .iter()
        .map(|(group, version)| {
            let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
            let version =
                json!({"version": version, "resources": aggregated_resources(group, version), "freshness": "Current"});
            json!({"metadata": metadata, "versions": [version]})
        })
        .collect();
    let body = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    });
    Response::typed(StatusCode::OK, AGGREGATED, &body)
}

fn aggregated_resources(group: &str, version: &str) -> Vec<Value> {
    let scope = |namespaced: bool| if namespaced { "Namespaced" } else { "Cluster" };
    let kind_of = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut resources = Vec::new();
    for kind in kinds_of(group, version) {
        let parts: Vec<Value> = kind
            .subresources()
            .iter()
            .map(|part| {
                let response = kind_of(part.group, part.version, part.kind);
                json!({"subresource": part.name, "responseKind": response, "verbs": part.verbs})
            })
            .collect();
        let mut entry = json!({
            "resource": kind.plural(), "responseKind": kind_of("", "", kind.kind()), "scope": scope(kind.namespaced()),
            "singularResource": kind.kind().to_ascii_lowercase(), "verbs": kind.verbs(),
        });
        add_names(&mut entry, kind);
        if let (Some(entry), false) = (entry.as_object_mut(), parts.is_empty()) {
            entry.insert("subresources".to_owned(), Value::Array(parts));
        }
        resources.push(entry);
    }
    for review in reviews::ALL.iter().filter(|review| review.group == group) {
        resources.push(json!({
            "resource": review.resource, "responseKind": kind_of("", "", review.kind),
            "scope": scope(review.namespaced), "singularResource": review.kind.to_ascii_lowercase(),
            "verbs": ["create"],
        }));
    }
    resources
}

fn kinds_of(group: &str, version: &str) -> impl Iterator<Item = &'static dyn Kind> {
    kinds::ALL.iter().copied().filter(move |kind| kind.group() == group && kind.version() == version)
}

fn add_names(entry: &mut Value, kind: &dyn Kind) {
    let mut names = Map::new();
    if !kind.short_names().is_empty() {
        names.insert("shortNames".to_owned(), json!(kind.short_names()));
    }
    if !kind.categories().is_empty() {
        names.insert("categories".to_owned(), json!(kind.categories()));
    }
    if let Some(entry) = entry.as_object_mut() {
        entry.append(&mut names);
    }
}

fn asks_for_all(request: &Request) -> bool {
    let accept = request.header("accept").unwrap_or_default();
    let first = accept.split(',').next().unwrap_or_default().replace(' ', "");
    first.contains("as=APIGroupDiscoveryList") && first.contains("v=v2;")
        || first.ends_with("v=v2;as=APIGroupDiscoveryList")
}

/// Host and port of an address.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

fn text(code: StatusCode, body: &'static str) -> Response {
    let mut response = Response::empty(code);
    response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.body = bytes::Bytes::from_static(body.as_bytes());
    response
}
