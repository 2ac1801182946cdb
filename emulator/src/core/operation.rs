//! An operation: what a service can be asked, declared once, in the file of the resource it is about.
//!
//! Its name is the service's own (the `operationId` of its specification), and is what the request log, faults and denials
//! know it by. An answer comes in two steps with the configured latency between them: admission, which may refuse at once
//! and marks what is being written, and the effect.

use std::pin::Pin;

use super::http::{Request, Response};
use super::surface::{Failure, Surface};
use super::world::World;

/// One operation of a service.
pub(crate) struct Operation {
    /// The service's name for it.
    pub(crate) name: &'static str,
    /// The HTTP method.
    pub(crate) method: &'static str,
    /// The path. `{name}` is one part of it; a first `{*scope}` is any number of parts. Literal parts ignore case.
    pub(crate) path: &'static str,
    /// What its service checks first, if that depends on the operation.
    pub(crate) access: Option<Access>,
    /// The first step.
    pub(crate) admit: fn(&World, &Call<'_>) -> Admission,
    /// The second step.
    pub(crate) answer: fn(&mut World, &Call<'_>) -> Answer,
}

/// An operation on resources of a type, with versions and a right.
#[derive(Clone, Copy)]
pub(crate) struct Access {
    /// Such as `Microsoft.ManagedIdentity/userAssignedIdentities`.
    pub(crate) resource_type: &'static str,
    /// The api-versions that have it.
    pub(crate) versions: &'static [&'static str],
    pub(crate) need: Need,
}

/// The action that a caller must be allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need {
    /// The action that the resource type and the method make up, as nearly everywhere.
    OfMethod,
    /// This action, where the service has another name for it; `{namespace}` in it is that part of the path.
    Action(&'static str),
    /// None: being signed in is enough.
    Nothing,
}

/// The application or managed identity that a token was issued to.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) tenant: String,
    pub(crate) client_id: String,
    pub(crate) object_id: String,
}

/// One request to an operation.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) operation: &'static Operation,
    pub(crate) parameters: &'a Parameters,
    /// Who asks, if the surface has found out.
    pub(crate) caller: Option<Caller>,
}

/// What admission decides: an answer at once, or to go on. What is named stays busy until the effect is there, and a
/// second request for it is refused by its own admission.
pub(crate) type Admission = Result<Option<String>, Stop>;

/// What the second step ends with.
pub(crate) type Answer = Result<Response, Stop>;

/// Why a request does not go on.
pub(crate) enum Stop {
    /// This is its answer.
    Refused(Box<Response>),
    /// Something has to be fetched first. Once it is in the world, the operation is asked again.
    Fetch(Fetch),
}

/// Fetches something over the network, while the world is free for other requests.
pub(crate) type Fetch = Box<dyn FnOnce(reqwest::Client) -> Pin<Box<dyn Future<Output = Fetched> + Send>> + Send>;

/// Puts what was fetched into the world.
pub(crate) type Fetched = Box<dyn FnOnce(&mut World) + Send>;

impl Stop {
    /// The answer of a refusal, in the form of this surface.
    pub(crate) fn into_response(self, surface: &dyn Surface) -> Response {
        match self {
            Self::Refused(response) => *response,
            Self::Fetch(_) => surface.failure(Failure::Internal("What was fetched was not enough for an answer.")),
        }
    }
}

impl From<Response> for Stop {
    fn from(response: Response) -> Self {
        Self::Refused(Box::new(response))
    }
}

impl Operation {
    /// An operation that is admitted without conditions.
    pub(crate) const fn new(
        name: &'static str,
        method: &'static str,
        path: &'static str,
        answer: fn(&mut World, &Call<'_>) -> Answer,
    ) -> Self {
        Self { name, method, path, access: None, admit: |_, _| Ok(None), answer }
    }

    /// The same with its first step.
    pub(crate) const fn admitting(mut self, admit: fn(&World, &Call<'_>) -> Admission) -> Self {
        self.admit = admit;
        self
    }

    /// The same for callers who may do something else than type and method say.
    pub(crate) const fn needing(mut self, need: Need) -> Self {
        if let Some(access) = &mut self.access {
            access.need = need;
        }
        self
    }

    /// The action that a caller must be allowed, as roles and errors name it: `Microsoft.KeyVault/vaults/read`. None where being
    /// signed in is enough, and where the service does not say.
    pub(crate) fn action(&self, parameters: &Parameters) -> Option<String> {
        let access = self.access?;
        let verb = match (access.need, self.method) {
            (Need::Nothing, _) => return None,
            (Need::Action(action), _) => return Some(action.replace("{namespace}", parameters.get("namespace"))),
            (Need::OfMethod, "GET" | "HEAD") => "read",
            (Need::OfMethod, "DELETE") => "delete",
            (Need::OfMethod, "POST") => "action",
            (Need::OfMethod, _) => "write",
        };
        Some(format!("{}/{verb}", access.resource_type))
    }
}

impl Call<'_> {
    /// A part of the path, as sent.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name)
    }
}

/// The parts of a path that its template names.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// The part of this name; empty where the template has none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }
}

/// What a set of operations makes of a path and a method.
pub(crate) enum Found {
    /// This operation.
    Operation(&'static Operation, Parameters),
    /// The path is known, not with this method.
    OtherMethod,
    /// No operation has such a path.
    Nothing,
}

/// Finds the operation of a request; the first that fits is it.
pub(crate) fn find(operations: &[&'static [Operation]], method: &str, segments: &[String]) -> Found {
    let mut found = Found::Nothing;
    for operation in operations.iter().copied().flatten() {
        if let Some(parameters) = matches(operation.path, segments) {
            if operation.method == method {
                return Found::Operation(operation, parameters);
            }
            found = Found::OtherMethod;
        }
    }
    found
}

fn matches(template: &'static str, segments: &[String]) -> Option<Parameters> {
    let mut template: Vec<&'static str> = template.split('/').filter(|part| !part.is_empty()).collect();
    let mut parameters = Vec::new();
    let mut segments = segments;
    if let Some(scope) = template.first().and_then(|part| part.strip_prefix("{*")) {
        template.remove(0);
        let (front, rest) = segments.split_at_checked(segments.len().checked_sub(template.len())?)?;
        let path: String = front.iter().map(|part| format!("/{part}")).collect();
        parameters.push((scope.trim_end_matches('}'), path));
        segments = rest;
    }
    if template.len() != segments.len() {
        return None;
    }
    for (part, segment) in template.into_iter().zip(segments) {
        match part.strip_prefix('{') {
            Some(name) => parameters.push((name.trim_end_matches('}'), segment.clone())),
            None if part.eq_ignore_ascii_case(segment) => {}
            None => return None,
        }
    }
    Some(Parameters(parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(template: &'static str, path: &str) -> Option<Parameters> {
        matches(template, &Request::test("GET", path).segments())
    }

    #[test]
    fn literals_ignore_case_and_parameters_keep_it() {
        let found = parse("/subscriptions/{s}/resourceGroups/{g}", "/Subscriptions/A/resourcegroups/B%20b/").unwrap();
        assert_eq!((found.get("s"), found.get("g"), found.get("x")), ("A", "B b", ""));
        assert_eq!(parse("/subscriptions/{s}", "/subscriptions/a/b"), None);
        assert_eq!(parse("/subscriptions/{s}", "/tenants/a"), None);
    }

    #[test]
    fn a_scope_is_any_number_of_parts_even_after_a_double_slash() {
        let template = "/{*scope}/providers/Microsoft.Authorization/roleAssignments/{name}";
        let path = "//subscriptions/a/providers/microsoft.authorization/roleassignments/n";
        assert_eq!(parse(template, path).unwrap().get("scope"), "/subscriptions/a");
        let root = parse(template, "/providers/Microsoft.Authorization/roleAssignments/n").unwrap();
        assert_eq!((root.get("scope"), root.get("name")), ("", "n"));
        assert_eq!(parse(template, "/roleAssignments/n"), None);
    }
}
