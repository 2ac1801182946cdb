//! POST: a new object.

use http::StatusCode;
use rand::seq::IndexedRandom;
use serde_json::Value;

use super::{Target, admit_to_namespace};
use crate::core::http::{Request, Response};
use crate::kubernetes::body::{Expected, Received};
use crate::kubernetes::kinds::Kind;
use crate::kubernetes::metadata::{self, NameRule};
use crate::kubernetes::options::Options;
use crate::kubernetes::respond::{self, Form};
use crate::kubernetes::status::Status;
use crate::kubernetes::{Context, admission, controllers};

/// A generated name is a prefix of at most this many characters and five more.
const LONGEST_PREFIX: usize = 58;
/// The letters that Kubernetes generates names of: no vowels, so that no words appear.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Answers a POST.
///
/// # Errors
/// Whatever is wrong with it.
pub(super) fn create(context: &mut Context<'_>, target: &Target, request: &Request) -> Result<Response, Status> {
    let Target { kind, namespace, .. } = target;
    let form = Form::asked(request)?;
    let options = Options::of_create(request)?;
    let Received { mut object, warnings } = Expected::of_kind(*kind).read(request, options.unknown)?;
    // Before anybody could own them.
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        metadata::set(&mut object, field, Value::Null);
    }
    enter_namespace(*kind, &mut object, namespace)?;
    kind.default(&mut object);
    let write = super::write(context, *kind, "", &options.manager);
    let object = write.update(None, &object);
    if !matches!(metadata::text(&object, "resourceVersion"), "" | "0") && !options.dry_run {
        return Err(Status::internal("resourceVersion should not be set on objects to be created"));
    }
    let created = keep(context, *kind, object, options.dry_run)?;
    Ok(respond::warned(form.object(context, StatusCode::CREATED, *kind, &created), &warnings))
}

/// Gives a new object what the server decides, checks it, and keeps it unless this is a dry run.
///
/// # Errors
/// Whatever is wrong with it, and 409 where its name is taken.
pub(in crate::kubernetes) fn keep(
    context: &mut Context<'_>,
    kind: &dyn Kind,
    mut object: Value,
    dry_run: bool,
) -> Result<Value, Status> {
    let namespace = metadata::text(&object, "namespace").to_owned();
    admit_to_namespace(context, kind, &namespace, metadata::text(&object, "name"))?;
    admission::admit(context, kind, &mut object)?;
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"] {
        metadata::set(&mut object, field, Value::Null);
    }
    metadata::set(&mut object, "uid", Value::from(uuid::Uuid::new_v4().to_string()));
    metadata::set(&mut object, "creationTimestamp", Value::from(context.now()));
    if metadata::text(&object, "name").is_empty() && !metadata::text(&object, "generateName").is_empty() {
        let name = generated(metadata::text(&object, "generateName"));
        metadata::set(&mut object, "name", Value::from(name));
    }
    if kind.has_generation() {
        metadata::set(&mut object, "generation", Value::from(1));
    }
    kind.prepare_create(&mut object);
    let name = metadata::text(&object, "name").to_owned();
    let mut errors = kind.validate(&object);
    if errors.is_empty() {
        errors = metadata::validate(&object, kind.namespaced(), NameRule::PathSegment);
    }
    if !errors.is_empty() {
        return Err(kind.invalid(&name, &errors));
    }
    if let Some(existing) = context.object(kind, &namespace, &name) {
        let deleting = !metadata::text(existing, "deletionTimestamp").is_empty();
        return Err(Status::already_exists(kind, &name, deleting));
    }
    if dry_run {
        return Ok(object);
    }
    let created = context.write(kind, object);
    controllers::created(context, kind, &created);
    Ok(created)
}

/// Puts an object into the namespace of its path.
fn enter_namespace(kind: &dyn Kind, object: &mut Value, namespace: &str) -> Result<(), Status> {
    if !kind.namespaced() {
        metadata::set(object, "namespace", Value::Null);
        return Ok(());
    }
    let own = metadata::text(object, "namespace");
    if !own.is_empty() && own != namespace {
        return Err(Status::another_namespace());
    }
    metadata::set(object, "namespace", Value::from(namespace));
    Ok(())
}

fn generated(prefix: &str) -> String {
    let mut name: String = prefix.chars().take(LONGEST_PREFIX).collect();
    let mut random = rand::rng();
    name.extend((0..5).filter_map(|_| LETTERS.choose(&mut random)).map(|letter| char::from(*letter)));
    name
}
