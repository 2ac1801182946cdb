//! Reviews: questions that are asked with a POST and kept nowhere. Who am I, may I, may somebody, is this token good?

mod access;
mod schemas;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Context;
use super::authentication::{self, User};
use super::body::{Expected, Received};
use super::fields::Write;
use super::metadata;
use super::options::Options;
use super::rbac;
use super::respond::{self, Form};
use super::schema::Struct;
use super::status::Status;
use crate::core::http::{Request, Response};

const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";

/// A kind of question.
pub(super) struct Review {
    pub(super) group: &'static str,
    pub(super) resource: &'static str,
    pub(super) kind: &'static str,
    pub(super) namespaced: bool,
    pub(super) schema: &'static Struct,
}

/// The kinds of questions, in the order in which discovery lists them.
pub(super) static ALL: &[Review] = &[
    Review {
        group: AUTHENTICATION,
        resource: "selfsubjectreviews",
        kind: "SelfSubjectReview",
        namespaced: false,
        schema: &schemas::SELF_SUBJECT_REVIEW,
    },
    Review {
        group: AUTHENTICATION,
        resource: "tokenreviews",
        kind: "TokenReview",
        namespaced: false,
        schema: &schemas::TOKEN_REVIEW,
    },
    Review {
        group: AUTHORIZATION,
        resource: "localsubjectaccessreviews",
        kind: "LocalSubjectAccessReview",
        namespaced: true,
        schema: &schemas::SUBJECT_ACCESS_REVIEW,
    },
    Review {
        group: AUTHORIZATION,
        resource: "selfsubjectaccessreviews",
        kind: "SelfSubjectAccessReview",
        namespaced: false,
        schema: &schemas::SELF_SUBJECT_ACCESS_REVIEW,
    },
    Review {
        group: AUTHORIZATION,
        resource: "selfsubjectrulesreviews",
        kind: "SelfSubjectRulesReview",
        namespaced: false,
        schema: &schemas::SELF_SUBJECT_RULES_REVIEW,
    },
    Review {
        group: AUTHORIZATION,
        resource: "subjectaccessreviews",
        kind: "SubjectAccessReview",
        namespaced: false,
        schema: &schemas::SUBJECT_ACCESS_REVIEW,
    },
];

/// Whether this resource is a question.
pub(super) fn is_one(group: &str, resource: &str) -> bool {
    ALL.iter().any(|review| review.group == group && review.resource == resource)
}

/// Answers a question, given the group, the resource and the namespace of its path.
///
/// # Errors
/// 405 for anything but a POST, 422 for a question that asks nothing.
pub(super) fn answer(
    context: &mut Context<'_>,
    user: &User,
    (group, resource, namespace): (&str, &str, &str),
    request: &Request,
) -> Result<Response, Status> {
    let review = ALL.iter().find(|review| review.group == group && review.resource == resource);
    let review = review.ok_or_else(Status::no_resource)?;
    if request.method != Method::POST {
        return Err(Status::method_not_allowed());
    }
    if review.namespaced == namespace.is_empty() {
        return Err(Status::no_resource());
    }
    Form::asked(request)?;
    let options = Options::of_create(request)?;
    let expected = Expected { of: review.schema, group: review.group, version: "v1", kind: review.kind };
    let Received { mut object, warnings } = expected.read(request, options.unknown)?;
    // Protobuf has a status that says nothing in what is asked, which nobody owns.
    let says_nothing = |status: &serde_json::Map<String, Value>| status.values().all(|value| *value == json!(false));
    if let Some(object) = object.as_object_mut()
        && object.get("status").and_then(Value::as_object).is_some_and(says_nothing)
    {
        object.remove("status");
    }
    let write = Write {
        of: review.schema,
        version: expected.api_version(),
        kind: review.kind,
        manager: &options.manager,
        subresource: "",
        reset: &[],
        now: context.now(),
    };
    let mut asked = write.update(None, &object);
    if review.namespaced {
        metadata::set(&mut asked, "namespace", Value::from(namespace));
    }
    let bare =
        |metadata: Value| json!({"kind": review.kind, "apiVersion": expected.api_version(), "metadata": metadata});
    let status = match review.kind {
        "SelfSubjectReview" => {
            asked = bare(json!({"creationTimestamp": context.now()}));
            json!({"userInfo": user.info()})
        }
        "TokenReview" => token_status(context, &asked)?,
        "SelfSubjectRulesReview" => {
            let namespace = asked.pointer("/spec/namespace").and_then(Value::as_str).map(str::to_owned);
            let namespace = namespace.ok_or_else(|| Status::bad_request("no namespace on request"))?;
            asked = bare(json!({}));
            if let Some(asked) = asked.as_object_mut() {
                asked.insert("spec".to_owned(), json!({}));
            }
            rules(context, user, &namespace)
        }
        _ => access::status(context, user, review, &asked)?,
    };
    if let Some(asked) = asked.as_object_mut() {
        asked.insert("status".to_owned(), status);
    }
    Ok(respond::warned(Response::typed(StatusCode::CREATED, "application/json", &asked), &warnings))
}

fn token_status(context: &Context<'_>, asked: &Value) -> Result<Value, Status> {
    let token = asked.pointer("/spec/token").and_then(Value::as_str).unwrap_or_default();
    if token.is_empty() {
        let why = "token is required for TokenReview in authentication";
        return Err(Status::bad_request(why));
    }
    let audiences: Vec<String> = match asked.pointer("/spec/audiences").and_then(Value::as_array) {
        Some(audiences) => audiences.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => context.cluster.api_audiences().to_vec(),
    };
    Ok(match authentication::user_of(context, token, &audiences) {
        Some(user) => json!({"authenticated": true, "user": user.info(), "audiences": audiences}),
        None => json!({"user": {}, "error": "invalid bearer token"}),
    })
}

/// What somebody may do, as a list: everything, where RBAC is off and he signed in.
fn rules(context: &Context<'_>, user: &User, namespace: &str) -> Value {
    if context.cluster.has_rbac() {
        let is_path = |rule: &Value| rule.get("nonResourceURLs").is_some();
        let (paths, resources): (Vec<Value>, Vec<Value>) =
            rbac::rules(context, user, namespace).into_iter().partition(is_path);
        return json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false});
    }
    if user.is_anonymous() {
        return json!({"resourceRules": [], "nonResourceRules": [], "incomplete": false});
    }
    json!({
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": false,
    })
}
