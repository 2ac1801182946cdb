//! Who asks: the administrator's token, a service account's token, a token of Entra ID, or nobody.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::kinds::ServiceAccount;
use super::status::Status;
use super::{Context, metadata};
use crate::emulator::http::Request;
use crate::emulator::jwt::{Lookup, Unverified, find_key};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) groups: Vec<String>,
    /// Pairs of a key and its values.
    pub(super) extra: Vec<(String, Vec<String>)>,
}

impl User {
    /// Whoever sends no token.
    pub(super) fn anonymous() -> Self {
        Self::new("system:anonymous", "", &["system:unauthenticated"])
    }

    fn new(name: &str, uid: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Self { name: name.to_owned(), uid: uid.to_owned(), groups, extra: Vec::new() }
    }

    /// Whether this is nobody.
    pub(super) fn is_anonymous(&self) -> bool {
        self.name == "system:anonymous"
    }

    /// As reviews print it.
    pub(super) fn info(&self) -> Value {
        let mut info = json!({"username": self.name, "groups": self.groups});
        if let Value::Object(info) = &mut info {
            if !self.uid.is_empty() {
                info.insert("uid".to_owned(), Value::from(self.uid.as_str()));
            }
            if !self.extra.is_empty() {
                let extra = self.extra.iter().map(|(key, values)| (key.clone(), json!(values))).collect();
                info.insert("extra".to_owned(), Value::Object(extra));
            }
        }
        info
    }
}

/// Tells who sent a request.
///
/// # Errors
/// 401 when it carries a token that is not good.
pub(super) fn authenticate(context: &Context<'_>, request: &Request) -> Result<User, Status> {
    match request.bearer() {
        None | Some("") => Ok(User::anonymous()),
        Some(token) => user_of(context, token, context.cluster.api_audiences()).ok_or_else(Status::unauthorized),
    }
}

/// The user of a token that is meant for one of these audiences; none where it is not good.
pub(super) fn user_of(context: &Context<'_>, token: &str, audiences: &[String]) -> Option<User> {
    if token == context.cluster.admin_token() {
        return Some(User::new("kubernetes-admin", "", &["system:masters", "system:authenticated"]));
    }
    if let Some(user) = super::entra::user_of(context, token) {
        return Some(user);
    }
    let claims = claims(context, token)?;
    let meant = |audience: &Value| audience.as_str().is_some_and(|it| audiences.iter().any(|other| other == it));
    if !claims.get("aud").and_then(Value::as_array).into_iter().flatten().any(meant) {
        return None;
    }
    let private = claims.get("kubernetes.io")?;
    let text = |pointer: &str| private.pointer(pointer).and_then(Value::as_str);
    let (namespace, name) = (text("/namespace")?, text("/serviceaccount/name")?);
    let account = context.object(&ServiceAccount, namespace, name)?;
    // A token does not outlive its account, nor pass to a successor of the same name.
    if text("/serviceaccount/uid")? != metadata::text(account, "uid") {
        return None;
    }
    let groups = ["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}"), "system:authenticated"];
    let mut user =
        User::new(&format!("system:serviceaccount:{namespace}:{name}"), metadata::text(account, "uid"), &groups);
    if let Some(id) = claims.get("jti").and_then(Value::as_str) {
        user.extra.push(("authentication.kubernetes.io/credential-id".to_owned(), vec![format!("JTI={id}")]));
    }
    Some(user)
}

/// The claims of a token that this cluster signed and whose time has come and not gone.
fn claims(context: &Context<'_>, token: &str) -> Option<Value> {
    let token = Unverified::parse(token)?;
    let Lookup::Found(key) = find_key(&context.cluster.jwks(), token.header.kid.as_deref()) else { return None };
    let now = context.clock.unix();
    let good = token.signed_by(&key, &[Algorithm::RS256])
        && token.claim("iss") == Some(context.cluster.issuer())
        && token.time("exp")? > now
        && token.time("nbf")? <= now;
    good.then_some(Value::Object(token.claims))
}
