//! Rights by roles: what the Roles and ClusterRoles that are bound to somebody let him do.
//!
//! The reason of an access review names the binding, the role and the subject, in the words that were recorded.

use serde_json::{Value, json};

use super::authentication::User;
use super::authorization::Attributes;
use super::kinds::{ClusterRole, ClusterRoleBinding, Kind, RBAC_GROUP, Role, RoleBinding};
use super::{Context, go, metadata, verbs};

/// A role that somebody has.
struct Grant {
    rules: Vec<Value>,
    /// As a review explains it.
    reason: String,
}

/// Why somebody may do this, which is empty for the administrators, who are not asked for a role; or as an error the roles
/// that are bound to him and are not there.
pub(super) fn allows(context: &Context<'_>, user: &User, attributes: &Attributes<'_>) -> Result<String, String> {
    if user.groups.iter().any(|group| group == "system:masters") {
        return Ok(String::new());
    }
    let (grants, missing) = grants(context, user, attributes.namespace);
    if let Some(grant) = grants.into_iter().find(|grant| grant.rules.iter().any(|rule| covers(rule, attributes))) {
        return Ok(grant.reason);
    }
    Err(match missing.as_slice() {
        [] => String::new(),
        [one] => format!("RBAC: {one}"),
        _ => format!("RBAC: [{}]", missing.join(", ")),
    })
}

/// The rules that somebody has in a namespace.
pub(super) fn rules(context: &Context<'_>, user: &User, namespace: &str) -> Vec<Value> {
    grants(context, user, namespace).0.into_iter().flat_map(|grant| grant.rules).collect()
}

/// Makes the roles that every cluster has, unless they are there.
pub(super) fn establish(context: &mut Context<'_>) {
    let read = json!(["get", "list", "watch"]);
    let write = json!(["create", "delete", "deletecollection", "patch", "update"]);
    let core = json!([
        "events",
        "namespaces",
        "pods",
        "pods/log",
        "pods/status",
        "serviceaccounts",
        "services",
        "services/status"
    ]);
    let apps = [
        "deployments",
        "deployments/scale",
        "deployments/status",
        "replicasets",
        "replicasets/scale",
        "replicasets/status",
    ];
    let view = json!([
        {"apiGroups": [""], "resources": core, "verbs": read},
        {"apiGroups": ["apps"], "resources": apps, "verbs": read},
    ]);
    let mut edit = view.as_array().cloned().unwrap_or_default();
    edit.extend([
        json!({"apiGroups": [""], "resources": ["pods", "pods/attach", "pods/exec", "pods/portforward"], "verbs": write}),
        json!({"apiGroups": [""], "resources": ["serviceaccounts", "services"], "verbs": write}),
        json!({"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}),
        json!({"apiGroups": ["apps"], "verbs": write,
               "resources": ["deployments", "deployments/scale", "replicasets", "replicasets/scale"]}),
    ]);
    let own = json!(["rolebindings", "roles"]);
    let mut admin = edit.clone();
    admin.extend([
        json!({"apiGroups": [RBAC_GROUP], "resources": own, "verbs": write}),
        json!({"apiGroups": [RBAC_GROUP], "resources": own, "verbs": read}),
        json!({"apiGroups": ["authorization.k8s.io"], "resources": ["localsubjectaccessreviews"], "verbs": ["create"]}),
    ]);
    let all = json!([
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]);
    let paths = |paths: &[&str]| json!([{"nonResourceURLs": paths, "verbs": ["get"]}]);
    let reviews = json!([
        {"apiGroups": ["authorization.k8s.io"], "verbs": ["create"],
         "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
        {"apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"]},
    ]);
    let discovery = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz"];
    let discovery = [&discovery[..], &["/version", "/version/"]].concat();
    let issuer = ["/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks"];
    let public = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
    let everybody = ["system:authenticated", "system:unauthenticated"];
    let built_in: [(&str, Value, &[&str]); 8] = [
        ("cluster-admin", all, &["system:masters"]),
        ("admin", json!(admin), &[]),
        ("edit", json!(edit), &[]),
        ("view", view, &[]),
        ("system:basic-user", reviews, &["system:authenticated"]),
        ("system:discovery", paths(&discovery), &["system:authenticated"]),
        ("system:public-info-viewer", paths(&public), &everybody),
        ("system:service-account-issuer-discovery", paths(&issuer), &["system:serviceaccounts"]),
    ];
    for (name, rules, groups) in built_in {
        let kinds: [&dyn Kind; 2] = [&ClusterRole, &ClusterRoleBinding];
        let subjects: Vec<Value> =
            groups.iter().map(|group| json!({"kind": "Group", "apiGroup": RBAC_GROUP, "name": group})).collect();
        let role = json!({"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": name});
        for kind in kinds.into_iter().take(if groups.is_empty() { 1 } else { 2 }) {
            if context.object(kind, "", name).is_some() {
                continue;
            }
            let labels = json!({"kubernetes.io/bootstrapping": "rbac-defaults"});
            let mut object = json!({
                "kind": kind.kind(), "apiVersion": kind.api_version(), "metadata": {"name": name, "labels": labels},
            });
            if let Some(object) = object.as_object_mut() {
                if kind.kind() == ClusterRole.kind() {
                    object.insert("rules".to_owned(), rules.clone());
                } else {
                    object.insert("roleRef".to_owned(), role.clone());
                    object.insert("subjects".to_owned(), json!(subjects));
                }
            }
            // What is written here breaks no rule.
            let _ = verbs::create_object(context, kind, object, false);
        }
    }
}

/// The roles that somebody has everywhere and in this namespace, and what is said of those that are not there.
fn grants(context: &Context<'_>, user: &User, namespace: &str) -> (Vec<Grant>, Vec<String>) {
    let mut bindings = context.objects(&ClusterRoleBinding, None);
    if !namespace.is_empty() {
        bindings.extend(context.objects(&RoleBinding, Some(namespace)));
    }
    let (mut grants, mut missing) = (Vec::new(), Vec::new());
    for (_, binding) in &bindings {
        let subjects = binding.get("subjects").and_then(Value::as_array);
        if let Some(subject) = subjects.into_iter().flatten().find(|subject| is_meant(user, subject)) {
            match grant(context, binding, subject) {
                Ok(grant) => grants.push(grant),
                Err(why) => missing.push(why),
            }
        }
    }
    (grants, missing)
}

fn grant(context: &Context<'_>, binding: &Value, subject: &Value) -> Result<Grant, String> {
    let namespace = metadata::text(binding, "namespace");
    let (kind, name) = (text(binding, "/roleRef/kind"), text(binding, "/roleRef/name"));
    let role = match kind {
        "Role" => context.object(&Role, namespace, name),
        _ => context.object(&ClusterRole, "", name),
    };
    let role = role.ok_or_else(|| format!("{}.{RBAC_GROUP} {} not found", kind.to_lowercase(), go::quote(name)))?;
    let whole = |name: &str, namespace: &str| {
        go::quote(&if namespace.is_empty() { name.to_owned() } else { format!("{name}/{namespace}") })
    };
    let reason = format!(
        "RBAC: allowed by {} {} of {kind} {} to {} {}",
        text(binding, "/kind"),
        whole(metadata::text(binding, "name"), namespace),
        go::quote(name),
        text(subject, "/kind"),
        whole(text(subject, "/name"), text(subject, "/namespace")),
    );
    Ok(Grant { rules: role.get("rules").and_then(Value::as_array).cloned().unwrap_or_default(), reason })
}

fn is_meant(user: &User, subject: &Value) -> bool {
    let name = text(subject, "/name");
    match text(subject, "/kind") {
        "User" => user.name == name,
        "Group" => user.groups.iter().any(|group| group == name),
        _ => user.name == format!("system:serviceaccount:{}:{name}", text(subject, "/namespace")),
    }
}

/// Whether a rule lets somebody do this.
fn covers(rule: &Value, attributes: &Attributes<'_>) -> bool {
    let list = |field: &str| rule.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let has = |field: &str, wanted: &str| list(field).any(|item| item == "*" || item == wanted);
    if !has("verbs", attributes.verb) {
        return false;
    }
    if let Some(path) = attributes.path {
        return list("nonResourceURLs").any(|url| match url.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => url == path,
        });
    }
    let Attributes { resource, subresource, .. } = attributes;
    let whole = if subresource.is_empty() { (*resource).to_owned() } else { format!("{resource}/{subresource}") };
    let any_below = format!("*/{subresource}");
    let resources = has("resources", &whole) || !subresource.is_empty() && list("resources").any(|it| it == any_below);
    let named = list("resourceNames").next().is_none() || list("resourceNames").any(|name| name == attributes.name);
    has("apiGroups", attributes.group) && resources && named
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
