//! Who asks: the administrator's token, a service account's token, a token of Entra ID, or nobody.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::authorization::{self, Attributes};
use super::kinds::{Pod, ServiceAccount};
use super::status::Status;
use super::{Context, metadata};
use crate::core::http::Request;
use crate::core::jwt::{Lookup, Unverified, find_key};

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

/// The user whom the request wants to be taken for, who is the one who sent it unless its headers name another.
///
/// # Errors
/// 403 when the sender may not be taken for him, and 500, as the real API server has it, for the rest of a user without
/// his name.
pub(super) fn impersonate(context: &Context<'_>, sender: User, request: &Request) -> Result<User, Status> {
    const EXTRA: &str = "impersonate-extra-";
    let values = |header: &str| -> Vec<String> {
        let values = request.headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
        values.map(str::to_owned).collect()
    };
    let mut groups = values("impersonate-group");
    let uid = request.header("impersonate-uid").unwrap_or_default();
    let extra: Vec<(String, Vec<String>)> = request
        .headers
        .keys()
        .filter_map(|header| Some((header.as_str().strip_prefix(EXTRA)?, values(header.as_str()))))
        .map(|(key, values)| (percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned(), values))
        .collect();
    let Some(name) = request.header("impersonate-user") else {
        if groups.is_empty() && uid.is_empty() && extra.is_empty() {
            return Ok(sender);
        }
        return Err(Status::internal("requested groups, a uid or extras without impersonating a user"));
    };
    let may = |asked: Attributes<'_>| {
        authorization::authorize(context, &sender, &Attributes { verb: "impersonate", ..asked })
    };
    let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let (resource, namespace, own) = match account {
        Some((namespace, own)) => ("serviceaccounts", namespace, own),
        None => ("users", "", name),
    };
    may(Attributes { resource, namespace, name: own, ..Attributes::default() })?;
    for group in &groups {
        may(Attributes { resource: "groups", name: group, ..Attributes::default() })?;
    }
    let of_authentication = Attributes { group: "authentication.k8s.io", ..Attributes::default() };
    for (key, values) in &extra {
        for value in values {
            may(Attributes { resource: "userextras", subresource: key, name: value, ..of_authentication.clone() })?;
        }
    }
    if !uid.is_empty() {
        may(Attributes { resource: "uids", name: uid, ..of_authentication })?;
    }
    if let (Some((namespace, _)), true) = (account, groups.is_empty()) {
        groups.extend(["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]);
    }
    let anonymous = User::anonymous();
    let everybody = if name == anonymous.name { "system:unauthenticated" } else { "system:authenticated" };
    if !groups.iter().any(|group| group == everybody) {
        groups.push(everybody.to_owned());
    }
    Ok(User { name: name.to_owned(), uid: uid.to_owned(), groups, extra })
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
    // Nor does a token that is bound to a pod outlive that.
    let pod = match text("/pod/name") {
        Some(pod) => {
            let uid = metadata::text(context.object(&Pod, namespace, pod)?, "uid");
            (text("/pod/uid")? == uid).then(|| (pod.to_owned(), uid.to_owned()))
        }
        None => None,
    };
    if pod.is_none() && text("/pod/name").is_some() {
        return None;
    }
    let groups = ["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}"), "system:authenticated"];
    let mut user =
        User::new(&format!("system:serviceaccount:{namespace}:{name}"), metadata::text(account, "uid"), &groups);
    if let Some(id) = claims.get("jti").and_then(Value::as_str) {
        user.extra.push(("authentication.kubernetes.io/credential-id".to_owned(), vec![format!("JTI={id}")]));
    }
    if let Some((name, uid)) = pod {
        user.extra.push(("authentication.kubernetes.io/pod-name".to_owned(), vec![name]));
        user.extra.push(("authentication.kubernetes.io/pod-uid".to_owned(), vec![uid]));
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
