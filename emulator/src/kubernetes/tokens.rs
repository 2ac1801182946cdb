//! TokenRequest: a signed token of a service account, for an audience and a time.

use http::{Method, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use time::Duration;

use super::body::{Expected, Received};
use super::fields::Write;
use super::kinds::{Kind, Pod, ServiceAccount};
use super::options::Options;
use super::respond::{self, Form};
use super::schema::{API_VERSION, Field, KIND, METADATA, STRING_LIST, Struct, Type};
use super::status::{FieldError, Status};
use super::{Context, decode, go, metadata, verbs};
use crate::core::http::{Request, Response};

const SHORTEST_SECONDS: i64 = 600;
const LONGEST_SECONDS: i64 = 1 << 32;
const DEFAULT_SECONDS: i64 = 3600;

const TOKEN_REQUEST: Expected =
    Expected { of: &SCHEMA, group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" };

/// Answers a POST to a service account's `token`.
///
/// # Errors
/// 404 for a missing account or bound object, 422 for an expiration that is too short or too long, 400 for an object
/// that no token is bound to.
pub(super) fn answer(
    context: &mut Context<'_>,
    namespace: &str,
    name: &str,
    request: &Request,
) -> Result<Response, Status> {
    if request.method != Method::POST || name.is_empty() {
        return Err(Status::method_not_allowed());
    }
    Form::asked(request)?;
    let options = Options::of_create(request)?;
    let Received { object: mut asked, warnings } = TOKEN_REQUEST.read(request, options.unknown)?;
    if let Some(spec) = asked.get_mut("spec").and_then(Value::as_object_mut)
        && spec.get("expirationSeconds").is_none_or(Value::is_null)
    {
        spec.insert("expirationSeconds".to_owned(), json!(DEFAULT_SECONDS));
    }
    let write = Write {
        of: TOKEN_REQUEST.of,
        version: TOKEN_REQUEST.api_version(),
        kind: TOKEN_REQUEST.kind,
        manager: &options.manager,
        subresource: "token",
        reset: &[],
        now: context.now(),
    };
    let mut asked = write.update(None, &asked);
    let given = |field: &str| metadata::text(&asked, field).to_owned();
    if !given("namespace").is_empty() && given("namespace") != namespace {
        return Err(Status::another_namespace());
    }
    if !given("name").is_empty() && given("name") != name {
        let rule = "must match the service account name if specified";
        let error = FieldError::invalid("metadata.name", &given("name"), rule);
        return Err(Status::invalid(TOKEN_REQUEST.kind, TOKEN_REQUEST.group, name, &[error]));
    }
    let account: &dyn Kind = &ServiceAccount;
    let found = context.object(account, namespace, name).ok_or_else(|| account.not_found(name))?;
    let uid = metadata::text(found, "uid").to_owned();
    verbs::admit_to_namespace(context, account, namespace, name)?;
    let audiences = match asked.pointer("/spec/audiences").and_then(Value::as_array) {
        Some(audiences) if !audiences.is_empty() => json!(audiences),
        _ => json!(context.cluster.api_audiences()),
    };
    let seconds = asked.pointer("/spec/expirationSeconds").and_then(Value::as_i64).unwrap_or(DEFAULT_SECONDS);
    check_expiration(seconds)?;
    let bound = asked.pointer("/spec/boundObjectRef").cloned().unwrap_or(Value::Null);
    let pod = bound_pod(context, (namespace, name), &bound)?;

    let now = context.clock.now();
    let token = sign(context, (namespace, name, &uid), pod, (&audiences, seconds))?;
    for (field, value) in [("name", name), ("namespace", namespace), ("uid", &uid)] {
        metadata::set(&mut asked, field, Value::from(value));
    }
    metadata::set(&mut asked, "creationTimestamp", Value::from(decode::timestamp(now)));
    if let Some(asked) = asked.as_object_mut() {
        let expires = decode::timestamp(now + Duration::seconds(seconds));
        asked.insert("status".to_owned(), json!({"token": token, "expirationTimestamp": expires}));
    }
    if let Some(spec) = asked.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("audiences".to_owned(), audiences);
    }
    Ok(respond::warned(Response::typed(StatusCode::CREATED, "application/json", &asked), &warnings))
}

fn check_expiration(seconds: i64) -> Result<(), Status> {
    let rule = match seconds {
        ..SHORTEST_SECONDS => "may not specify a duration less than 10 minutes",
        SHORTEST_SECONDS..=LONGEST_SECONDS => return Ok(()),
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    let error = FieldError::invalid_value("spec.expirationSeconds", &json!(seconds), rule);
    Err(Status::invalid(TOKEN_REQUEST.kind, TOKEN_REQUEST.group, "", &[error]))
}

/// The pod that a token is bound to, as its claims name it. Of the other kinds that a token can be bound to there are no
/// objects.
fn bound_pod(
    context: &Context<'_>,
    (namespace, account): (&str, &str),
    bound: &Value,
) -> Result<Option<Value>, Status> {
    if bound.is_null() {
        return Ok(None);
    }
    let text = |name: &str| bound.get(name).and_then(Value::as_str).unwrap_or_default();
    let (version, kind, name) = (text("apiVersion"), text("kind"), text("name"));
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    match (group, kind) {
        ("", "Pod" | "Secret" | "Node") if name.is_empty() => Err(Status::bad_request("Name parameter required.")),
        ("", "Pod") => {
            let pod = context.object(&Pod, namespace, name).ok_or_else(|| Status::not_found("pods", "", name))?;
            let (wanted, uid) = (text("uid"), metadata::text(pod, "uid"));
            if pod.pointer("/spec/serviceAccountName").and_then(Value::as_str) != Some(account) {
                let why = format!(
                    "cannot bind token for serviceaccount {} to pod running with different serviceaccount name.",
                    go::quote(account)
                );
                return Err(Status::bad_request(why));
            }
            if !wanted.is_empty() && wanted != uid {
                let why = format!(
                    "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might \
                     have been deleted and then recreated"
                );
                return Err(Status::conflict("Pod", "", name, &why));
            }
            Ok(Some(json!({"name": name, "uid": uid})))
        }
        ("", "Secret") => Err(Status::not_found("secrets", "", name)),
        ("", "Node") => Err(Status::not_found("nodes", "", name)),
        _ => {
            let slash = if version.contains('/') { "" } else { "/" };
            Err(Status::bad_request(format!("cannot bind token to object of type {slash}{version}, Kind={kind}")))
        }
    }
}

fn sign(
    context: &Context<'_>,
    (namespace, name, uid): (&str, &str, &str),
    pod: Option<Value>,
    (audiences, seconds): (&Value, i64),
) -> Result<String, Status> {
    let cluster = context.cluster;
    let now = context.clock.unix();
    let mut claims = json!({
        "aud": audiences, "exp": now + seconds, "iat": now, "iss": cluster.issuer(), "jti": uuid::Uuid::new_v4().to_string(),
        "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}},
        "nbf": now, "sub": format!("system:serviceaccount:{namespace}:{name}"),
    });
    if let (Some(pod), Some(private)) = (pod, claims.get_mut("kubernetes.io").and_then(Value::as_object_mut)) {
        private.insert("pod".to_owned(), pod);
    }
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(cluster.key_id().to_owned());
    // A real API server names no type.
    header.typ = None;
    EncodingKey::from_rsa_pem(cluster.signing_key().as_bytes())
        .and_then(|key| jsonwebtoken::encode(&header, &claims, &key))
        .map_err(|error| {
            let why = format!("the signing key of the cluster {} cannot be used: {error}", go::quote(cluster.name()));
            Status::bad_request(why)
        })
}

static SCHEMA: Struct = Struct {
    go: "TokenRequest",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&SPEC)),
        Field::always("status", Type::Struct(&STATUS)),
    ],
};

static SPEC: Struct = Struct {
    go: "TokenRequestSpec",
    atomic: false,
    fields: &[
        Field::nullable("audiences", STRING_LIST),
        Field::nullable("expirationSeconds", Type::Integer),
        Field::nullable("boundObjectRef", Type::Struct(&BOUND_OBJECT)),
    ],
};

static BOUND_OBJECT: Struct = Struct {
    go: "BoundObjectReference",
    atomic: false,
    fields: &[KIND, API_VERSION, Field::filled("name", Type::String), Field::filled("uid", Type::String)],
};

static STATUS: Struct = Struct {
    go: "TokenRequestStatus",
    atomic: false,
    fields: &[Field::always("token", Type::String), Field::nullable("expirationTimestamp", Type::Time)],
};
