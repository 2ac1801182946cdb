//! Reviews: questions that are asked with a POST and kept nowhere. Who am I, may I, may somebody, is this token good?

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Context;
use super::authentication::{self, User};
use super::authorization::{self, Attributes};
use super::body::{Expected, Received};
use super::fields::Write;
use super::metadata;
use super::options::Options;
use super::respond::{self, Form};
use super::schema::{API_VERSION, Field, KIND, METADATA, STRING_LIST, Struct, Type};
use super::status::{FieldError, Status};
use crate::emulator::http::{Request, Response};

const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";

/// A kind of question.
pub(super) struct Review {
    pub(super) group: &'static str,
    pub(super) resource: &'static str,
    pub(super) kind: &'static str,
    pub(super) namespaced: bool,
    schema: &'static Struct,
}

/// The kinds of questions, in the order in which discovery lists them.
pub(super) static ALL: &[Review] = &[
    Review {
        group: AUTHENTICATION,
        resource: "selfsubjectreviews",
        kind: "SelfSubjectReview",
        namespaced: false,
        schema: &SELF_SUBJECT_REVIEW,
    },
    Review {
        group: AUTHENTICATION,
        resource: "tokenreviews",
        kind: "TokenReview",
        namespaced: false,
        schema: &TOKEN_REVIEW,
    },
    Review {
        group: AUTHORIZATION,
        resource: "localsubjectaccessreviews",
        kind: "LocalSubjectAccessReview",
        namespaced: true,
        schema: &SUBJECT_ACCESS_REVIEW,
    },
    Review {
        group: AUTHORIZATION,
        resource: "selfsubjectaccessreviews",
        kind: "SelfSubjectAccessReview",
        namespaced: false,
        schema: &SELF_SUBJECT_ACCESS_REVIEW,
    },
    Review {
        group: AUTHORIZATION,
        resource: "selfsubjectrulesreviews",
        kind: "SelfSubjectRulesReview",
        namespaced: false,
        schema: &SELF_SUBJECT_RULES_REVIEW,
    },
    Review {
        group: AUTHORIZATION,
        resource: "subjectaccessreviews",
        kind: "SubjectAccessReview",
        namespaced: false,
        schema: &SUBJECT_ACCESS_REVIEW,
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
    let Received { object, warnings } = expected.read(request, options.unknown)?;
    let write = Write {
        of: review.schema,
        version: &expected.api_version(),
        kind: review.kind,
        manager: &options.manager,
        subresource: "",
        reset: &[],
        now: &context.now(),
    };
    let mut asked = write.update(None, &object);
    let status = match review.kind {
        "SelfSubjectReview" => {
            metadata::set(&mut asked, "creationTimestamp", Value::from(context.now()));
            json!({"userInfo": user.info()})
        }
        "TokenReview" => token_status(context, &asked)?,
        "SelfSubjectRulesReview" => {
            asked = json!({"kind": review.kind, "apiVersion": expected.api_version(), "metadata": {}, "spec": {}});
            rules(user)
        }
        _ => access_status(context, user, review, &asked)?,
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
        None => json!({"user": {}, "error": "[invalid bearer token]"}),
    })
}

fn access_status(context: &Context<'_>, user: &User, review: &Review, asked: &Value) -> Result<Value, Status> {
    let null = Value::Null;
    let part = |name: &str| asked.pointer(&format!("/spec/{name}")).filter(|part| !part.is_null());
    let text = |part: &Value, name: &str| part.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (resource, path) = (part("resourceAttributes"), part("nonResourceAttributes"));
    let mut errors = Vec::new();
    if resource.is_some() == path.is_some() {
        let rule = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        let field = if resource.is_some() { "spec.nonResourceAttributes" } else { "spec.resourceAttributes" };
        errors.push(FieldError::invalid_value(field, &null, rule));
    }
    let subject = asked_user(review, asked, user);
    if subject.name.is_empty() && subject.groups.is_empty() {
        let rule = "at least one of user or group must be specified";
        errors.push(FieldError::invalid("spec.user", "", rule));
    }
    if !errors.is_empty() {
        // The API server does not name the kind here.
        return Err(Status::invalid("", AUTHORIZATION, "", &errors));
    }
    let (resource, path) = (resource.unwrap_or(&null), path.unwrap_or(&null));
    let url = text(path, "path");
    let verb = text(if path.is_null() { resource } else { path }, "verb");
    let names = ["group", "resource", "subresource", "namespace", "name"].map(|name| text(resource, name));
    let [group, kind, subresource, namespace, name] = &names;
    let attributes = Attributes {
        verb: &verb,
        path: Some(url.as_str()).filter(|_| !path.is_null()),
        group,
        resource: kind,
        subresource,
        namespace,
        name,
    };
    Ok(json!({"allowed": authorization::allows(context, &subject, &attributes)}))
}

/// Whom a question about rights is about.
fn asked_user(review: &Review, asked: &Value, user: &User) -> User {
    if review.kind == "SelfSubjectAccessReview" {
        return user.clone();
    }
    let text = |pointer: &str| asked.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let groups = asked.pointer("/spec/groups").and_then(Value::as_array);
    let groups = groups.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    User { name: text("/spec/user"), uid: text("/spec/uid"), groups, extra: Vec::new() }
}

/// What somebody may do, as a list: everything, where RBAC is off and he signed in.
fn rules(user: &User) -> Value {
    if user.is_anonymous() {
        return json!({"resourceRules": [], "nonResourceRules": [], "incomplete": false});
    }
    json!({
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": false,
    })
}

static SELF_SUBJECT_REVIEW: Struct = Struct {
    go: "SelfSubjectReview",
    atomic: false,
    fields: &[KIND, API_VERSION, METADATA, Field::given("status", Type::Any)],
};

static TOKEN_REVIEW: Struct = Struct {
    go: "TokenReview",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&TOKEN_REVIEW_SPEC)),
        Field::given("status", Type::Any),
    ],
};

static TOKEN_REVIEW_SPEC: Struct = Struct {
    go: "TokenReviewSpec",
    atomic: false,
    fields: &[Field::filled("token", Type::String), Field::filled("audiences", STRING_LIST)],
};

static SELF_SUBJECT_ACCESS_REVIEW: Struct = Struct {
    go: "SelfSubjectAccessReview",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&SELF_ACCESS_SPEC)),
        Field::given("status", Type::Any),
    ],
};

static SELF_ACCESS_SPEC: Struct =
    Struct { go: "SelfSubjectAccessReviewSpec", atomic: false, fields: &[RESOURCE, NON_RESOURCE] };

static SUBJECT_ACCESS_REVIEW: Struct = Struct {
    go: "SubjectAccessReview",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&ACCESS_SPEC)),
        Field::given("status", Type::Any),
    ],
};

static ACCESS_SPEC: Struct = Struct {
    go: "SubjectAccessReviewSpec",
    atomic: false,
    fields: &[
        RESOURCE,
        NON_RESOURCE,
        Field::filled("user", Type::String),
        Field::filled("groups", STRING_LIST),
        Field::filled("extra", Type::Map(&STRING_LIST)),
        Field::filled("uid", Type::String),
    ],
};

static SELF_SUBJECT_RULES_REVIEW: Struct = Struct {
    go: "SelfSubjectRulesReview",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&RULES_SPEC)),
        Field::given("status", Type::Any),
    ],
};

static RULES_SPEC: Struct =
    Struct { go: "SelfSubjectRulesReviewSpec", atomic: false, fields: &[Field::filled("namespace", Type::String)] };

const RESOURCE: Field = Field::given("resourceAttributes", Type::Struct(&RESOURCE_ATTRIBUTES));
const NON_RESOURCE: Field = Field::given("nonResourceAttributes", Type::Struct(&NON_RESOURCE_ATTRIBUTES));

static RESOURCE_ATTRIBUTES: Struct = Struct {
    go: "ResourceAttributes",
    atomic: false,
    fields: &[
        Field::filled("namespace", Type::String),
        Field::filled("verb", Type::String),
        Field::filled("group", Type::String),
        Field::filled("version", Type::String),
        Field::filled("resource", Type::String),
        Field::filled("subresource", Type::String),
        Field::filled("name", Type::String),
        Field::given("fieldSelector", Type::Any),
        Field::given("labelSelector", Type::Any),
    ],
};

static NON_RESOURCE_ATTRIBUTES: Struct = Struct {
    go: "NonResourceAttributes",
    atomic: false,
    fields: &[Field::filled("path", Type::String), Field::filled("verb", Type::String)],
};
