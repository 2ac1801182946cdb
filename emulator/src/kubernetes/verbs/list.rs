//! Lists: all of a collection, or a page of it.
//!
//! The pages of one list show the collection at the revision of the first. Where that revision is no longer kept, the
//! answer is 410 with a token that goes on with what there is now.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::Target;
use crate::core::http::{Request, Response};
use crate::kubernetes::options::{exact, number};
use crate::kubernetes::respond::Form;
use crate::kubernetes::selectors::{Fields, Labels};
use crate::kubernetes::status::{FieldError, Status};
use crate::kubernetes::{Context, go};

/// What a list answers with: its metadata and its objects.
pub(super) struct Page {
    pub(super) metadata: Value,
    pub(super) objects: Vec<Value>,
}

/// Answers a GET of a collection.
///
/// # Errors
/// 400 for a bad selector or token, 410 for an old token, 504 for a revision that is not there yet.
pub(super) fn list(context: &mut Context<'_>, target: &Target, request: &Request) -> Result<Response, Status> {
    let form = Form::asked(request)?;
    let page = page(context, target, request)?;
    Ok(form.list(context, target.kind, &page.metadata, &page.objects))
}

/// The page of a collection that a request asks for.
///
/// # Errors
/// As for a list.
pub(super) fn page(context: &mut Context<'_>, target: &Target, request: &Request) -> Result<Page, Status> {
    let labels = Labels::parse(exact(request, "labelSelector").unwrap_or_default())?;
    let fields = Fields::parse(target.kind, exact(request, "fieldSelector").unwrap_or_default())?;
    let namespace = Some(target.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let mut limit = usize::try_from(number(request, "limit")?.unwrap_or(0)).unwrap_or(0);
    let asked = exact(request, "resourceVersion").unwrap_or_default();
    let exactly = is_exact(request, asked)?;
    let current = context.revision();

    let (objects, revision, start) = if let Some(token) = exact(request, "continue").filter(|token| !token.is_empty()) {
        if !asked.is_empty() && asked != "0" {
            return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
        }
        let token = Token::parse(token)?;
        context.compact();
        let revision = u64::try_from(token.revision).unwrap_or(current);
        let objects = context
            .objects_at(target.kind, namespace, revision)
            .ok_or_else(|| Status::expired_page(Token { revision: -1, start: token.start.clone() }.text()))?;
        (objects, revision, token.start)
    } else {
        let asked = revision_of(asked)?;
        if asked > current {
            return Err(Status::too_new(asked, current));
        }
        if exactly || asked > 0 && limit > 0 && exact(request, "resourceVersionMatch").is_none() {
            context.compact();
            let objects = context.objects_at(target.kind, namespace, asked);
            (objects.ok_or_else(Status::expired_version)?, asked, String::new())
        } else {
            // From its cache, which revision 0 asks for, the API server answers with all there is.
            if exact(request, "resourceVersion") == Some("0") {
                limit = 0;
            }
            (context.objects(target.kind, namespace), current, String::new())
        }
    };

    let chosen = |object: &Value| labels.choose(object) && fields.choose(target.kind, object);
    let mut rest: Vec<(String, Value)> =
        objects.into_iter().filter(|(key, object)| *key >= start && chosen(object)).collect();
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".to_owned(), Value::from(revision.to_string()));
    if limit > 0 && rest.len() > limit {
        let remaining = rest.split_off(limit).len();
        if let Some((last, _)) = rest.last() {
            let token = Token { revision: i64::try_from(revision).unwrap_or(i64::MAX), start: format!("{last}\0") };
            metadata.insert("continue".to_owned(), Value::from(token.text()));
        }
        if labels.is_empty() && fields.is_empty() {
            metadata.insert("remainingItemCount".to_owned(), json!(remaining));
        }
    }
    Ok(Page { metadata: Value::Object(metadata), objects: rest.into_iter().map(|(_, object)| object).collect() })
}

/// Whether the collection is asked for as it was at exactly this revision.
///
/// # Errors
/// 422 when `resourceVersionMatch` is none, or does not go with the rest of the query.
fn is_exact(request: &Request, version: &str) -> Result<bool, Status> {
    let field = "resourceVersionMatch";
    let wanted = exact(request, field).unwrap_or_default();
    if wanted.is_empty() {
        return Ok(false);
    }
    let mut errors = Vec::new();
    let mut forbidden = |when: &str| errors.push(FieldError::forbidden(field, &format!("{field} {when}")));
    if version.is_empty() {
        forbidden("is forbidden unless resourceVersion is provided");
    }
    if exact(request, "continue").is_some_and(|token| !token.is_empty()) {
        forbidden("is forbidden when continue is provided");
    }
    if !matches!(wanted, "Exact" | "NotOlderThan") {
        errors.push(FieldError::not_supported(field, wanted, &["Exact", "NotOlderThan", ""]));
    }
    if wanted == "Exact" && version == "0" {
        let why = format!("{field} \"exact\" is forbidden for resourceVersion \"0\"");
        errors.push(FieldError::forbidden(field, &why));
    }
    if errors.is_empty() {
        Ok(wanted == "Exact")
    } else {
        Err(Status::invalid("ListOptions", "meta.k8s.io", "", &errors))
    }
}

/// A revision of the query.
///
/// # Errors
/// 400 when it is no number.
fn revision_of(text: &str) -> Result<u64, Status> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let why = format!(
            "invalid resource version: resourceVersion: Invalid value: {0}: strconv.ParseUint: parsing {0}: invalid syntax",
            go::quote(text)
        );
        Status::bad_request(why)
    })
}

/// Where a list goes on.
struct Token {
    /// -1 for what there is now.
    revision: i64,
    /// The first key that may be on the next page.
    start: String,
}

/// Go's decoder does not look at the bits that are left over at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

impl Token {
    fn parse(text: &str) -> Result<Self, Status> {
        let bad =
            |why: String| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = LENIENT.decode(text).map_err(|error| {
            let at = match error {
                base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                base64::DecodeError::InvalidLength(at) => at,
                base64::DecodeError::InvalidPadding => text.len(),
            };
            bad(format!("illegal base64 data at input byte {at}"))
        })?;
        let token = go::parse_json(&bytes).map_err(bad)?;
        match token.get("v").and_then(Value::as_str).unwrap_or_default() {
            "meta.k8s.io/v1" => {}
            other => return Err(bad(format!("server does not recognize this encoded version {other}"))),
        }
        let revision = token.get("rv").and_then(Value::as_i64).unwrap_or(0);
        if revision == 0 {
            return Err(bad("incorrect encoded start resourceVersion (version meta.k8s.io/v1)".to_owned()));
        }
        let start = token.get("start").and_then(Value::as_str).unwrap_or_default();
        let start = start.strip_prefix('/').unwrap_or(start);
        if start.is_empty() {
            return Err(bad("encoded start key empty (version meta.k8s.io/v1)".to_owned()));
        }
        if start.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(bad(start.to_owned()));
        }
        Ok(Self { revision, start: start.to_owned() })
    }

    fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": self.revision, "start": self.start}).to_string())
    }
}
