//! Clients: whatever signs in with a client id, which is an application or a managed identity.

use serde::Deserialize as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::assertion::Certificate;
use super::seed::{Application, DEFAULT_AUDIENCE, Permission};
use super::{principal, tenant};
use crate::core::guid::guid;
use crate::core::json::Json as _;
use crate::core::store::Store;

/// A client, as far as signing in is concerned.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) client_id: String,
    pub(crate) object_id: String,
    pub(crate) name: String,
    pub(crate) secrets: Vec<String>,
    pub(crate) expired_secrets: Vec<String>,
    /// Whether there is a service principal that it signs in as.
    pub(crate) service_principal: bool,
    pub(crate) certificates: Vec<String>,
    /// The managed identity's resource id; an application has none.
    pub(crate) identity: Option<String>,
    pub(crate) credentials: Vec<Credential>,
}

/// A federated identity credential, as the token endpoint sees it.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    /// What tells it apart from all others.
    pub(crate) id: String,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) subject: Subject,
    /// When it was last changed, in milliseconds since 1970.
    pub(crate) changed_ms: i64,
    /// What it was before that.
    pub(crate) before: Option<Box<Credential>>,
}

/// Whom a credential trusts.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// Exactly this subject.
    Exact(String),
    /// Whatever claims this expression accepts.
    Matching(String),
}

/// The client with this client id in a tenant.
pub(crate) fn find(store: &Store, tenant: &str, client_id: &str) -> Option<Client> {
    let document = store.get(&key(tenant, client_id))?;
    let text = |field: &str| document[field].as_str().unwrap_or_default().to_owned();
    let texts = |field: &str| -> Vec<String> {
        document[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let identity = document.at("identity").as_str().map(str::to_owned);
    let own = document.at("federatedIdentityCredentials").as_array().into_iter().flatten();
    let credentials = match &identity {
        None => own.filter_map(|it| credential(&format!("{client_id}|{}", it.text("name")), it)).collect(),
        Some(id) => {
            let prefix = format!("arm{}/federatedidentitycredentials/", id.to_lowercase());
            store.under(&prefix).filter_map(|(key, document)| credential(key, document)).collect()
        }
    };
    Some(Client {
        client_id: text("appId"),
        object_id: text("objectId"),
        name: text("displayName"),
        secrets: texts("secrets"),
        expired_secrets: texts("expiredSecrets"),
        service_principal: principal::get(store, tenant, document.text("objectId")).is_some(),
        certificates: texts("certificates"),
        identity,
        credentials,
    })
}

/// The clients of a tenant.
pub(crate) fn all(store: &Store, tenant: &str) -> Vec<Client> {
    let prefix = key(tenant, "");
    store.under(&prefix).filter_map(|(_, document)| find(store, tenant, document.text("appId"))).collect()
}

/// What the seed lets a client do in Azure Resource Manager: none where that is everything. A managed identity may do nothing
/// that no role lets it do, and so may a client that is gone while its token lives on.
pub(crate) fn permissions(store: &Store, tenant: &str, client_id: &str) -> Option<Vec<Permission>> {
    let Some(document) = store.get(&key(tenant, client_id)) else { return Some(Vec::new()) };
    match document.get("permissions") {
        Some(permissions) => Some(Vec::deserialize(permissions).unwrap_or_default()),
        None => document.get("identity").is_some().then(Vec::new),
    }
}

fn credential(id: &str, document: &Value) -> Option<Credential> {
    let properties = &document.at("properties");
    let subject = match properties.at("subject").as_str() {
        Some(subject) => Subject::Exact(subject.to_owned()),
        None => Subject::Matching(properties.at("claimsMatchingExpression").at("value").as_str()?.to_owned()),
    };
    Some(Credential {
        id: id.to_owned(),
        issuer: properties.at("issuer").as_str()?.to_owned(),
        audience: properties.at("audiences")[0].as_str()?.to_owned(),
        subject,
        changed_ms: document.at("_changedMs").as_i64().unwrap_or(0),
        before: credential(id, document.at("_before")).map(Box::new),
    })
}

/// Puts an application of the seed and its service principal there.
///
/// # Errors
/// When an id is not a GUID or a certificate is not one.
pub(crate) fn put_application(store: &mut Store, application: &Application, tenant: &str) -> Result<(), String> {
    let client_id = guid(&application.client_id, "an application")?;
    let object_id = match &application.object_id {
        Some(id) => guid(id, "a service principal")?,
        None => Uuid::new_v5(&Uuid::NAMESPACE_OID, client_id.as_bytes()).to_string(),
    };
    for pem in &application.certificates {
        Certificate::parse(pem).map_err(|error| format!("a certificate of application {client_id}: {error}"))?;
    }
    let credentials: Vec<Value> = application
        .federated_identity_credentials
        .iter()
        .map(|it| {
            let audience = it.audience.as_deref().unwrap_or(DEFAULT_AUDIENCE);
            json!({"name": it.name, "properties": {"issuer": it.issuer, "subject": it.subject, "audiences": [audience]}})
        })
        .collect();
    if application.service_principal {
        principal::put(store, tenant, &object_id, &application.name, "ServicePrincipal", 0);
    }
    for permission in application.permissions.iter().flatten() {
        if permission.scope.as_deref().is_some_and(|scope| !scope.starts_with('/')) {
            return Err(format!(
                "application {client_id}: the scope of a permission is an id, which begins with a slash"
            ));
        }
    }
    let mut document = json!({
        "appId": client_id,
        "objectId": object_id,
        "displayName": application.name,
        "secrets": application.secrets,
        "expiredSecrets": application.expired_secrets,
        "certificates": application.certificates,
        "federatedIdentityCredentials": credentials,
    });
    if let (Some(document), Some(permissions)) = (document.as_object_mut(), &application.permissions) {
        document.insert("permissions".to_owned(), json!(permissions));
    }
    store.put(key(tenant, &client_id), document);
    Ok(())
}

/// Puts the client of a managed identity there.
pub(super) fn put_identity(store: &mut Store, tenant: &str, client_id: &str, object_id: &str, name: &str, id: &str) {
    let document = json!({"appId": client_id, "objectId": object_id, "displayName": name, "identity": id});
    store.put(key(tenant, client_id), document);
}

/// Removes a client.
pub(super) fn remove(store: &mut Store, tenant: &str, client_id: &str) {
    store.remove(&key(tenant, client_id));
}

fn key(tenant: &str, client_id: &str) -> String {
    format!("{}/clients/{}", tenant::key(tenant), client_id.to_lowercase())
}
