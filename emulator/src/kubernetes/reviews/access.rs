//! May I, may somebody: the access reviews.

use serde_json::{Value, json};

use super::{AUTHORIZATION, Review};
use crate::kubernetes::authentication::User;
use crate::kubernetes::authorization::{self, Attributes};
use crate::kubernetes::status::{FieldError, Status};
use crate::kubernetes::{Context, metadata};

/// The status of an access review.
///
/// # Errors
/// 422 for a question that asks nothing, two things at once, or about nobody.
pub(super) fn status(context: &Context<'_>, user: &User, review: &Review, asked: &Value) -> Result<Value, Status> {
    let errors = errors(review, asked);
    if !errors.is_empty() {
        // The API server does not name the kind here.
        return Err(Status::invalid("", AUTHORIZATION, "", &errors));
    }
    let null = Value::Null;
    let resource = asked.pointer("/spec/resourceAttributes").unwrap_or(&null);
    let path = asked.pointer("/spec/nonResourceAttributes").unwrap_or(&null);
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
    let subject = if review.kind == "SelfSubjectAccessReview" { user.clone() } else { somebody(asked) };
    let answer = authorization::allows(context, &subject, &attributes);
    let allowed = answer.is_ok();
    let (Ok(reason) | Err(reason)) = answer;
    Ok(if reason.is_empty() { json!({"allowed": allowed}) } else { json!({"allowed": allowed, "reason": reason}) })
}

fn errors(review: &Review, asked: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let resource = asked.pointer("/spec/resourceAttributes");
    let path = asked.pointer("/spec/nonResourceAttributes");
    let shown =
        |path: &Value| format!("{{\"Path\":{},\"Verb\":{}}}", json!(text(path, "path")), json!(text(path, "verb")));
    match (resource, path) {
        (Some(_), Some(path)) => {
            let rule = "cannot be specified in combination with resourceAttributes";
            errors.push(FieldError::invalid_as_shown("spec.nonResourceAttributes", shown(path), rule));
        }
        (None, None) => {
            let rule = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            errors.push(FieldError::invalid_value("spec.resourceAttributes", &Value::Null, rule));
        }
        _ => {}
    }
    if review.kind != "SelfSubjectAccessReview" {
        let subject = somebody(asked);
        if subject.name.is_empty() && subject.groups.is_empty() {
            errors.push(FieldError::invalid("spec.user", "", "at least one of user or group must be specified"));
        }
    }
    if review.namespaced {
        if let Some(path) = path {
            let rule = "disallowed on this kind of request";
            errors.push(FieldError::invalid_as_shown("spec.nonResourceAttributes", shown(path), rule));
        }
        let namespace = resource.map(|resource| text(resource, "namespace"));
        if let Some(namespace) = namespace.filter(|namespace| *namespace != metadata::text(asked, "namespace")) {
            let rule = "must match metadata.namespace";
            errors.push(FieldError::invalid("spec.resourceAttributes.namespace", &namespace, rule));
        }
    } else if let Some(metadata) = asked.get("metadata").and_then(Value::as_object)
        && metadata.keys().any(|field| field != "managedFields")
    {
        errors.push(FieldError::invalid_value("metadata", &json!(metadata), "must be empty"));
    }
    errors
}

/// Whom a question that is not about oneself is about.
fn somebody(asked: &Value) -> User {
    let of_spec = |name: &str| asked.get("spec").map(|spec| text(spec, name)).unwrap_or_default();
    let groups = asked.pointer("/spec/groups").and_then(Value::as_array);
    let groups = groups.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    User { name: of_spec("user"), uid: of_spec("uid"), groups, extra: Vec::new() }
}

fn text(part: &Value, name: &str) -> String {
    part.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
