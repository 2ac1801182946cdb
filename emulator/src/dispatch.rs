//! From a request to who answers it, in two steps without any waiting: [`admit`] and [`effect`].
//!
//! The surfaces share one port and are told apart by the path: `/_emulator` is the emulator itself, `/clusters/<name>` a
//! Kubernetes API server, `/oidc/<name>` a cluster's issuer, `/<tenant>/oauth2/…` Entra ID, `/v1.0` Microsoft Graph, and
//! everything else Azure Resource Manager. Only a vault has a port of its own, which tells it apart.

use http::StatusCode;
use serde_json::json;

use super::http::{Request, Response};
use super::kubernetes::{self, Piece, Watch, cluster::Cluster};
use super::operation::{self, Admission, Answer, Call, Found, Operation, Parameters, Stop};
use super::rule::Rule;
use super::world::World;
use super::{arm, control, entra, graph, key_vault, oidc};

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Control,
    Kubernetes,
    Issuer,
    Entra,
    Graph,
    ResourceManager,
    KeyVault,
}

/// Where a request goes.
pub(crate) struct Route {
    pub(crate) surface: Surface,
    /// The operation's name for log and faults.
    pub(crate) name: String,
    pub(crate) target: Target,
}

impl Route {
    /// What whoever sends this must be allowed to; see [`super::log::Entry::right`].
    pub(crate) fn right(&self) -> Option<String> {
        match &self.target {
            Target::Operation(operation, parameters) => operation.action(parameters),
            Target::Cluster(_, path) => {
                let parts: Vec<&str> = path.split('/').skip(1).collect();
                let group = match parts.as_slice() {
                    ["api", _, _, ..] => String::new(),
                    ["apis", group, _, _, ..] => format!(".{group}"),
                    _ => return None,
                };
                let (resource, verb) = self.name.rsplit_once('.')?;
                // Server-side apply is a kind of patch, for which there is no right of its own.
                Some(format!("{} {resource}{group}", if verb == "apply" { "patch" } else { verb }))
            }
            Target::Nobody(_) => None,
        }
    }
}

pub(crate) enum Target {
    Operation(&'static Operation, Parameters),
    /// A cluster and the path below it.
    Cluster(String, String),
    /// Nobody; this is the answer.
    Nobody(Response),
}

/// Finds who answers a request, which came in at the port of this vault or else at the one that all others share.
pub(crate) fn route(request: &Request, vault: Option<&str>) -> Route {
    let mut segments = request.segments();
    if let Some(vault) = vault {
        segments.insert(0, vault.to_owned());
    }
    let first = segments.first().map(String::as_str).unwrap_or_default();
    if let (None, "clusters", Some(cluster)) = (vault, first, segments.get(1)) {
        let path = request.path.trim_start_matches('/').splitn(3, '/').nth(2).unwrap_or_default();
        let target = Target::Cluster(cluster.clone(), format!("/{path}"));
        return Route { surface: Surface::Kubernetes, name: kubernetes_name(request, path), target };
    }
    let (surface, operations): (_, &[&[Operation]]) = match first {
        _ if vault.is_some() => (Surface::KeyVault, key_vault::OPERATIONS),
        "_emulator" => (Surface::Control, &[control::OPERATIONS]),
        "oidc" => (Surface::Issuer, &[oidc::OPERATIONS]),
        "v1.0" => (Surface::Graph, graph::OPERATIONS),
        _ => match operation::find(entra::OPERATIONS, request.method.as_str(), &segments) {
            Found::Nothing => (Surface::ResourceManager, arm::OPERATIONS),
            Found::Operation(..) | Found::OtherMethod => (Surface::Entra, entra::OPERATIONS),
        },
    };
    // A part that holds a slash once decoded would be taken for two parts of an id.
    let unsafe_part =
        |part: &String| part == "." || part == ".." || part.contains(['/', '\\']) || part.contains(char::is_control);
    if segments.iter().any(unsafe_part) {
        let error = arm::error::Error::new(
            StatusCode::BAD_REQUEST,
            "InvalidRequestUri",
            "The request path has a part that no name can be.",
        );
        return Route { surface, name: "unknown".to_owned(), target: Target::Nobody(error.response()) };
    }
    match operation::find(operations, request.method.as_str(), &segments) {
        Found::Operation(operation, parameters) => {
            Route { surface, name: operation.name.to_owned(), target: Target::Operation(operation, parameters) }
        }
        other => {
            let known = matches!(other, Found::OtherMethod);
            let response = match surface {
                Surface::ResourceManager | Surface::Entra => arm::error::unknown_path(&segments, known).response(),
                Surface::KeyVault => key_vault::unknown(known),
                Surface::Graph => graph::unknown(&segments),
                _ => Response::json(
                    if known { StatusCode::METHOD_NOT_ALLOWED } else { StatusCode::NOT_FOUND },
                    &json!({"error": format!("the emulator has no {} {}", request.method, request.path)}),
                ),
            };
            Route { surface, name: "unknown".to_owned(), target: Target::Nobody(response) }
        }
    }
}

/// A name for a request to a cluster, such as `serviceaccounts/token.create` or `pods.list`.
fn kubernetes_name(request: &Request, path: &str) -> String {
    let path = path.trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let rest = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] if !rest.is_empty() => rest,
        _ => {
            return format!(
                "{}.{}",
                if path.is_empty() { "root" } else { path },
                request.method.as_str().to_lowercase()
            );
        }
    };
    let rest = match rest {
        // A namespace's own parts; whatever else comes below a namespace is a resource in it.
        ["namespaces", _, "status" | "finalize"] => rest,
        ["namespaces", _, resource @ ..] if !resource.is_empty() => resource,
        other => other,
    };
    let (resource, named) = match rest {
        [resource] => ((*resource).to_owned(), false),
        [resource, _] => ((*resource).to_owned(), true),
        [resource, _, sub @ ..] => (format!("{resource}/{}", sub.join("/")), true),
        [] => (String::new(), false),
    };
    let content_type = request.header("content-type").unwrap_or_default();
    let verb = match (request.method.as_str(), named) {
        ("GET", true) => "get",
        ("GET", false) if matches!(request.query("watch"), Some("true" | "1")) => "watch",
        ("GET", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) if content_type.starts_with("application/apply-patch") => "apply",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "other",
    };
    format!("{resource}.{verb}")
}

/// The first step. On success the call knows its caller, and what is returned is busy until the effect.
pub(crate) fn admit(world: &mut World, call: &mut Call<'_>) -> Admission {
    if let Some(arm) = call.operation.arm {
        call.caller = Some(arm::admit(world, call, arm)?);
    }
    (call.operation.admit)(world, call)
}

/// The second step of an operation.
pub(crate) fn effect(world: &mut World, call: &Call<'_>) -> Answer {
    (call.operation.answer)(world, call)
}

/// A cluster's answer, which has no steps.
pub(crate) fn cluster(world: &mut World, name: &str, path: &str, request: &Request) -> Response {
    let Some(mut cluster) = Cluster::load(&world.store, name) else {
        return Response::json(
            StatusCode::NOT_FOUND,
            &json!({"error": format!("the emulator has no cluster `{name}`")}),
        );
    };
    if cluster.has_rbac() != world.settings.rbac {
        cluster.set_rbac(&mut world.store, &world.clock, world.settings.rbac);
    }
    let mut request = Request { path: path.to_owned(), ..request.clone() };
    let apply = request.header("content-type").is_some_and(|it| it.starts_with("application/apply-patch"));
    if apply && !world.settings.keeps(Rule::ApplyConflicts) {
        // An apply that meets no conflict is one that is forced.
        request.query.retain(|(name, _)| name != "force");
        request.query.push(("force".to_owned(), "true".to_owned()));
    }
    let mut context = kubernetes::Context { store: &mut world.store, clock: &world.clock, cluster: &cluster };
    let mut response = kubernetes::answer(&mut context, &request);
    if let Some(watch) = &mut response.watch {
        watch.replaced = *world.pulse.borrow();
    }
    response
}

/// What there is of a watch since it was last asked; none when its cluster is gone.
pub(crate) fn go_on(world: &mut World, watch: &mut Watch) -> Option<Piece> {
    let cluster = Cluster::load(&world.store, watch.cluster())?;
    Some(watch.read(&mut kubernetes::Context { store: &mut world.store, clock: &world.clock, cluster: &cluster }))
}

/// The word how far a watch has come; none when its cluster is gone.
pub(crate) fn bookmark(world: &mut World, watch: &mut Watch) -> Option<String> {
    let cluster = Cluster::load(&world.store, watch.cluster())?;
    let context = kubernetes::Context { store: &mut world.store, clock: &world.clock, cluster: &cluster };
    Some(watch.bookmark(&context, false))
}

/// Lets the controllers of all clusters do what it is time for.
pub(crate) fn tick(world: &mut World) {
    for cluster in Cluster::all(&world.store) {
        kubernetes::tick(&mut kubernetes::Context { store: &mut world.store, clock: &world.clock, cluster: &cluster });
    }
}

/// Adds what every answer of a surface carries.
pub(crate) fn finish(
    world: &World,
    surface: Surface,
    request: &Request,
    call: Option<&Call<'_>>,
    response: Response,
) -> Response {
    match surface {
        Surface::ResourceManager => arm::finish(world, request, call, response),
        Surface::Entra => response
            .with("x-ms-request-id", &uuid::Uuid::new_v4().to_string())
            .with("x-content-type-options", "nosniff"),
        Surface::KeyVault => key_vault::finish(world, call.map(|call| call.parameter("vault")), response),
        Surface::Control | Surface::Kubernetes | Surface::Issuer | Surface::Graph => response,
    }
}

/// The answer to a request whose body is longer than anybody takes.
pub(crate) fn too_large(surface: Surface) -> Response {
    let message = "The request content is larger than the maximum of 4 MB.";
    if surface == Surface::Kubernetes {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "Request entity too large: limit is 3145728", "reason": "RequestEntityTooLarge", "code": 413,
        });
        return Response::typed(StatusCode::PAYLOAD_TOO_LARGE, "application/json", &status);
    }
    arm::error::Error::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestContentTooLarge", message).response()
}

/// The answer when something broke that must not: a bug of the emulator, or a full disk.
pub(crate) fn broken(reason: &str) -> Response {
    arm::error::Error::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", reason).response()
}

impl Stop {
    /// The answer of a refusal; a wish for an issuer's keys that was not fulfilled is a bug.
    pub(crate) fn into_response(self) -> Response {
        match self {
            Self::Refused(response) => *response,
            Self::NeedsIssuer(issuer) => broken(&format!("the keys of {issuer} were asked for again")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_the_surface_and_the_operation() {
        let name = |method: &str, target: &str| {
            let route = route(&Request::test(method, target), None);
            (route.surface, route.name)
        };
        assert_eq!(name("POST", "/t/oauth2/v2.0/token"), (Surface::Entra, "Token_v2".to_owned()));
        assert_eq!(name("GET", "/Subscriptions/x"), (Surface::ResourceManager, "Subscriptions_Get".to_owned()));
        assert_eq!(name("GET", "/clusters/a/api/v1/namespaces/n/serviceaccounts").1, "serviceaccounts.list");
        assert_eq!(name("GET", "/clusters/a/api/v1/namespaces/n").1, "namespaces.get");
        assert_eq!(
            name("POST", "/clusters/a/api/v1/namespaces/n/serviceaccounts/s/token").1,
            "serviceaccounts/token.create"
        );
        assert_eq!(name("GET", "/clusters/a/apis/apps/v1/deployments?watch=true").1, "deployments.watch");
        assert_eq!(name("GET", "/clusters/a/readyz").1, "readyz.get");
        assert_eq!(name("GET", "/oidc/a/.well-known/openid-configuration").0, Surface::Issuer);
        assert_eq!(name("GET", "/_emulator/log").0, Surface::Control);
        let at_vault = |target: &str| route(&Request::test("GET", target), Some("v"));
        assert_eq!(
            (at_vault("/secrets/a/").name.as_str(), at_vault("/secrets").surface),
            ("GetSecret", Surface::KeyVault)
        );
        assert_eq!(at_vault("/clusters/a/api").name, "unknown", "nothing else is behind a vault's port");
        assert_eq!(at_vault("/_emulator/log").name, "unknown");
    }

    #[test]
    fn a_part_that_smuggles_a_slash_reaches_nobody() {
        for path in [
            "/subscriptions/a%2Fb",
            "/subscriptions/..",
            "/subscriptions/%2e%2e",
            "/subscriptions/a%5Cb",
            "/subscriptions/a%00",
        ] {
            let Target::Nobody(response) = route(&Request::test("GET", path), None).target else { panic!("{path}") };
            assert_eq!(response.status, 400);
        }
        let Target::Nobody(response) = route(&Request::test("POST", "/subscriptions/a"), None).target else { panic!() };
        assert_eq!(response.status, 405);
        let Target::Nobody(response) =
            route(&Request::test("GET", "/subscriptions/a/providers/Microsoft.Nope/things/x"), None).target
        else {
            panic!()
        };
        assert_eq!(response.status, 404);
    }
}
