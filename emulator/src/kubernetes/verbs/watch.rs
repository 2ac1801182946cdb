//! Watches: what changes, for as long as somebody listens.
//!
//! A watch keeps nothing but its place: it reads on in the history of its cluster whenever its client has taken what it
//! was given. So the history is all that is buffered for any number of watches, and a client that is slower than the
//! history is long hears what it hears when it comes back too late: its version is gone.

use std::fmt::Write as _;
use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use rand::Rng as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Target;
use crate::core::http::{Request, Response};
use crate::core::stream::{Following, Piece};
use crate::core::world::World;
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::kinds::Kind;
use crate::kubernetes::objects::Change;
use crate::kubernetes::options::{exact, flag, number};
use crate::kubernetes::respond::Form;
use crate::kubernetes::selectors::{Fields, Labels};
use crate::kubernetes::status::{FieldError, Status};
use crate::kubernetes::{Context, decode, go, metadata};

/// As many changes as are read at once.
const BATCH: usize = 100;
/// How long a watch lasts at least that does not say: kube-apiserver's `--min-request-timeout`. At most it is twice that.
const SHORTEST: Duration = Duration::from_secs(1800);
/// How often a client is told how far the history has come, where it asked for that.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long before its end it is told once more.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// A watch: what it is of, and how far it has come.
struct Watch {
    cluster: String,
    kind: &'static dyn Kind,
    /// None for all.
    namespace: Option<String>,
    labels: Labels,
    fields: Fields,
    form: Form,
    ends: Instant,
    /// Whether its client wants bookmarks.
    bookmarks: bool,
    /// When there is to be the next one.
    next_bookmark: Option<Instant>,
    start: Start,
    /// The last revision that it has told of.
    at: u64,
    /// Whether the next table is the first, which alone has columns.
    first: bool,
}

/// What it begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Only with what changes.
    Changes,
    /// With what there is.
    Objects,
    /// With what there is, and the word that this was all.
    ObjectsAndWord,
}

/// Answers a watch with what there is to say at once; the rest is for whoever goes on with it.
///
/// # Errors
/// 400 for a bad selector, 500 for a bad revision, 422 for options that do not go together. A revision that is gone is
/// an event, not an error.
pub(super) fn watch(context: &mut Context<'_>, target: &Target, request: &Request) -> Result<Response, Status> {
    let mut watch = Watch::read_from(context, target, request)?;
    context.compact();
    let mut body = String::new();
    let ends = loop {
        let piece = watch.read(context);
        body.push_str(&piece.text);
        if piece.ends || !piece.more {
            break piece.ends;
        }
    };
    let mut response = Response::empty(StatusCode::OK);
    response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.body = body.into();
    if !ends {
        response.following = Some(Box::new(watch));
    }
    Ok(response)
}

impl Following for Watch {
    fn ends(&self) -> Instant {
        self.ends
    }

    fn next(&mut self, world: &mut World) -> Option<Piece> {
        let cluster = Cluster::load(&world.store, &self.cluster)?;
        let mut context = Context { store: &mut world.store, clock: &world.clock, cluster: &cluster };
        let mut piece = self.read(&mut context);
        if piece.text.is_empty() && !piece.more && self.next_bookmark.is_some_and(|at| at <= Instant::now()) {
            self.schedule_bookmark();
            piece.text = self.bookmark(&context, false);
        }
        piece.wake = self.next_bookmark;
        Some(piece)
    }
}

impl Watch {
    fn read_from(context: &Context<'_>, target: &Target, request: &Request) -> Result<Self, Status> {
        let form = Form::asked(request)?;
        let errors = errors(request);
        if !errors.is_empty() {
            return Err(Status::invalid("ListOptions", "meta.k8s.io", "", &errors));
        }
        let from = revision_of(exact(request, "resourceVersion").unwrap_or_default())?;
        let start = match exact(request, "sendInitialEvents") {
            Some(_) if flag(request, "sendInitialEvents") => Start::ObjectsAndWord,
            None | Some("") if from == 0 => Start::Objects,
            _ => Start::Changes,
        };
        let lasts = match number(request, "timeoutSeconds")? {
            None | Some(0) => SHORTEST.mul_f64(rand::rng().random_range(1.0..2.0)),
            Some(seconds) => Duration::from_secs(u64::try_from(seconds).unwrap_or(0)),
        };
        let mut watch = Self {
            cluster: context.cluster.name().to_owned(),
            kind: target.kind,
            namespace: Some(target.namespace.clone()).filter(|namespace| !namespace.is_empty()),
            labels: Labels::parse(exact(request, "labelSelector").unwrap_or_default())?,
            fields: Fields::parse(target.kind, exact(request, "fieldSelector").unwrap_or_default())?,
            form,
            ends: Instant::now() + lasts,
            bookmarks: flag(request, "allowWatchBookmarks"),
            next_bookmark: None,
            start,
            at: if from == 0 { context.revision() } else { from },
            first: true,
        };
        watch.schedule_bookmark();
        Ok(watch)
    }

    /// Plans the next bookmark, if its client wants any: the last one comes shortly before the end.
    fn schedule_bookmark(&mut self) {
        let left = self.ends.saturating_duration_since(Instant::now());
        let last = left.checked_sub(LAST_BOOKMARK).filter(|last| !last.is_zero());
        let wait = last.map_or(BOOKMARKS, |last| last.min(BOOKMARKS));
        self.next_bookmark = self.bookmarks.then(|| Instant::now() + wait);
    }

    /// What has happened since it was last asked.
    fn read(&mut self, context: &mut Context<'_>) -> Piece {
        let mut piece = Piece::default();
        let start = std::mem::replace(&mut self.start, Start::Changes);
        if start != Start::Changes {
            for (_, object) in context.objects(self.kind, self.namespace.as_deref()) {
                if self.chooses(&object) {
                    self.write(context, &mut piece.text, "ADDED", &object);
                }
            }
            self.at = context.revision();
            if start == Start::ObjectsAndWord && self.bookmarks {
                piece.text.push_str(&self.bookmark(context, true));
            }
            return piece;
        }
        let Some(changes) = context.changes_since(self.kind, self.namespace.as_deref(), self.at, BATCH) else {
            let gone = json!({"type": "ERROR", "object": Status::expired_watch().body()});
            return Piece { text: format!("{gone}\n"), ends: true, ..Piece::default() };
        };
        piece.more = changes.len() == BATCH;
        self.at = match changes.last() {
            Some(last) if piece.more => last.revision,
            _ => self.at.max(context.revision()),
        };
        for change in changes {
            self.tell(context, &mut piece.text, change);
        }
        piece
    }

    /// The word how far it has come; the first one that ends what there was at the beginning says so.
    fn bookmark(&mut self, context: &Context<'_>, initial: bool) -> String {
        let mut object = decode::zero(self.kind.schema());
        let annotations = if initial { json!({"k8s.io/initial-events-end": "true"}) } else { Value::Null };
        if let Some(object) = object.as_object_mut() {
            object.insert("kind".to_owned(), json!(self.kind.kind()));
            object.insert("apiVersion".to_owned(), json!(self.kind.api_version()));
            object.insert("metadata".to_owned(), json!({"resourceVersion": self.at.to_string()}));
        }
        metadata::set(&mut object, "annotations", annotations);
        let mut line = String::new();
        self.write(context, &mut line, "BOOKMARK", &object);
        line
    }

    /// What comes into a selection is added to it, and what leaves it is deleted from it.
    fn tell(&mut self, context: &Context<'_>, text: &mut String, change: Change) {
        let before = change.before.filter(|object| self.chooses(object));
        match (before, change.after.filter(|object| self.chooses(object))) {
            (None, Some(after)) => self.write(context, text, "ADDED", &after),
            (Some(_), Some(after)) => self.write(context, text, "MODIFIED", &after),
            (Some(mut before), None) => {
                metadata::set(&mut before, "resourceVersion", Value::from(change.revision.to_string()));
                self.write(context, text, "DELETED", &before);
            }
            (None, None) => {}
        }
    }

    fn chooses(&self, object: &Value) -> bool {
        self.labels.choose(object) && self.fields.choose(self.kind, object)
    }

    fn write(&mut self, context: &Context<'_>, text: &mut String, event: &str, object: &Value) {
        let mut object = self.form.of(context, self.kind, object);
        if !std::mem::take(&mut self.first)
            && let Some(columns) = object.get_mut("columnDefinitions")
        {
            *columns = Value::Null;
        }
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", json!({"type": event, "object": object}));
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch {{ {} of {}, at {} }}", self.kind.plural(), self.cluster, self.at)
    }
}

/// What is wrong with the options that make a watch begin like a list.
fn errors(request: &Request) -> Vec<FieldError> {
    const MATCH: &str = "resourceVersionMatch";
    let matched = exact(request, MATCH).unwrap_or_default();
    let initial = exact(request, "sendInitialEvents").is_some_and(|value| !value.is_empty());
    let mut errors = Vec::new();
    if initial && matched != "NotOlderThan" {
        let rule = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        errors.push(FieldError::forbidden(MATCH, rule));
    }
    if matched.is_empty() {
        return errors;
    }
    if !initial {
        let rule = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
        errors.push(FieldError::forbidden(MATCH, rule));
    }
    if matched != "NotOlderThan" {
        errors.push(FieldError::not_supported(MATCH, matched, &["NotOlderThan"]));
    }
    if exact(request, "continue").is_some_and(|token| !token.is_empty()) {
        errors.push(FieldError::forbidden(MATCH, "resourceVersionMatch is forbidden when continue is provided"));
    }
    errors
}

/// The revision that a watch starts from; 0 where it does not say. Unlike a list, a bad one is the server's own mistake.
fn revision_of(text: &str) -> Result<u64, Status> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let shown = go::quote(text);
        let why = format!("strconv.ParseUint: parsing {shown}: invalid syntax");
        Status::internal(format!("resourceVersion: Invalid value: {shown}: {why}"))
    })
}
