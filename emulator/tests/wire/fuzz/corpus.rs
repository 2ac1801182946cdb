//! Valid requests to every surface, in an order in which each of them succeeds.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::{Client, IDENTITIES, body};

const SUBSCRIPTION: &str = "/subscriptions/20000000-0000-4000-8000-000000000001";
const GROUP: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo";
const TENANT: &str = "10000000-0000-4000-8000-000000000001";
const SECRETS_USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";

/// A request as it goes over the wire.
#[derive(Clone)]
pub(crate) struct Shot {
    /// Host and port.
    pub(crate) address: String,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Shot {
    pub(crate) fn new(address: &str, method: &str, target: &str) -> Self {
        Self {
            address: address.to_owned(),
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![("host".to_owned(), address.to_owned())],
            body: Bytes::new(),
        }
    }

    fn bearer(mut self, token: &str) -> Self {
        self.set("authorization", &format!("Bearer {token}"));
        self
    }

    fn body(mut self, content_type: &str, body: String) -> Self {
        self.set("content-type", content_type);
        self.body = body.into();
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Whether HTTP can carry it at all.
    pub(crate) fn can_be_sent(&self) -> bool {
        self.target.parse::<Uri>().is_ok()
            && self.headers.iter().all(|(_, value)| HeaderValue::from_bytes(value.as_bytes()).is_ok())
    }

    pub(crate) fn request(&self) -> http::Request<Full<Bytes>> {
        let mut request = http::Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::from_bytes(self.method.as_bytes()).unwrap();
        *request.uri_mut() = self.target.parse().unwrap();
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name.as_str()).unwrap();
            request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        request
    }
}

impl fmt::Display for Shot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} https://{}{}", self.method, self.address, self.target)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", String::from_utf8_lossy(&self.body).chars().take(4000).collect::<String>())
    }
}

/// Those to the services.
pub(crate) async fn services(azure: &Client) -> Vec<Shot> {
    let address = azure.url().replace("https://", "");
    let mut all = resource_manager(&address, azure.token());
    all.extend(entra(&address, &azure.account_token("fuzz").await));
    all.extend(kubernetes(&address, &azure.admin()));
    all.extend(vault(azure).await);
    all
}

fn json(address: &str, token: &str, method: &str, target: &str, body: &Value) -> Shot {
    let shot = Shot::new(address, method, target).bearer(token);
    if body.is_null() { shot } else { shot.body("application/json", body.to_string()) }
}

fn resource_manager(address: &str, token: &str) -> Vec<Shot> {
    let location = json!({"location": "westeurope"});
    let identity = json!({"location": "westeurope", "tags": {"a": "b"}, "properties": {"isolationScope": "Regional"}});
    let role = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}");
    let assignment = json!({"properties": {"roleDefinitionId": role, "principalType": "ServicePrincipal",
        "principalId": "40000000-0000-4000-8000-000000000001", "description": "d"}});
    let cluster = json!({"location": "westeurope", "sku": {"name": "Base", "tier": "Free"},
        "identity": {"type": "SystemAssigned"}, "properties": {"oidcIssuerProfile": {"enabled": true},
        "securityProfile": {"workloadIdentity": {"enabled": true}}, "aadProfile": {"managed": true}}});
    let vault = json!({"location": "westeurope", "properties": {"tenantId": TENANT, "enableRbacAuthorization": true,
        "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}});
    let flexible = json!({"properties": {"issuer": "https://token.example", "audiences": ["a"],
        "claimsMatchingExpression": {"value": "claims['sub'] matches 'repo:*'", "languageVersion": 1}}});
    let app = format!("{IDENTITIES}/app");
    let credentials = format!("{app}/federatedIdentityCredentials");
    let clusters = format!("{GROUP}/providers/Microsoft.ContainerService/managedClusters");
    let vaults = format!("{GROUP}/providers/Microsoft.KeyVault/vaults");
    let assignments = format!("{GROUP}/providers/Microsoft.Authorization/roleAssignments");
    let one = "90000000-0000-4000-8000-000000000001";
    let check = format!("{SUBSCRIPTION}/providers/Microsoft.KeyVault/checkNameAvailability");
    let none = Value::Null;
    let aks = "api-version=2024-09-01";
    let list: Vec<(&str, String, &Value)> = vec![
        ("PUT", format!("{app}?api-version=2024-11-30"), &identity),
        ("GET", format!("{app}?api-version=2023-01-31"), &none),
        ("PATCH", format!("{app}?api-version=2024-11-30"), &identity),
        ("GET", format!("{IDENTITIES}?api-version=2023-01-31"), &none),
        ("PUT", format!("{credentials}/flexible?api-version=2025-01-31-preview"), &flexible),
        ("GET", format!("{credentials}?api-version=2023-01-31&$top=1"), &none),
        ("DELETE", format!("{credentials}/flexible?api-version=2023-01-31"), &none),
        ("PUT", format!("{assignments}/{one}?api-version=2022-04-01"), &assignment),
        ("GET", format!("{assignments}?api-version=2022-04-01&$filter=atScope()"), &none),
        ("GET", format!("{role}?api-version=2022-04-01"), &none),
        (
            "GET",
            format!(
                "{GROUP}/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01&$filter=roleName%20eq%20'Reader'"
            ),
            &none,
        ),
        ("PUT", format!("{clusters}/demo?{aks}"), &cluster),
        ("PATCH", format!("{clusters}/demo?{aks}"), &cluster),
        ("GET", format!("{clusters}?{aks}"), &none),
        ("POST", format!("{clusters}/demo/listClusterUserCredential?{aks}&format=exec"), &none),
        ("PUT", format!("{vaults}/kv-demo?api-version=2023-07-01"), &vault),
        ("PATCH", format!("{vaults}/kv-demo?api-version=2023-07-01"), &vault),
        ("POST", format!("{check}?api-version=2023-07-01"), &vault),
        ("PUT", format!("{SUBSCRIPTION}/resourceGroups/rg-fuzz?api-version=2021-04-01"), &location),
        ("GET", format!("{GROUP}/resources?api-version=2021-04-01"), &none),
        ("GET", "/subscriptions?api-version=2022-12-01".to_owned(), &none),
        ("GET", "/tenants?api-version=2022-12-01".to_owned(), &none),
        ("GET", "/metadata/endpoints?api-version=2022-09-01".to_owned(), &none),
    ];
    let mut all: Vec<Shot> =
        list.iter().map(|(method, target, body)| json(address, token, method, target, body)).collect();
    let put = format!("{credentials}/main?api-version=2023-01-31");
    all.insert(4, json(address, token, "PUT", &put, &body("system:serviceaccount:demo:fuzz")));
    all
}

fn entra(address: &str, assertion: &str) -> Vec<Shot> {
    let token = |version: &str, form: &[(&str, &str)]| {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let shot = Shot::new(address, "POST", &format!("/{TENANT}/oauth2/{version}token"));
        shot.body("application/x-www-form-urlencoded", form)
    };
    let get = |target: &str| Shot::new(address, "GET", &format!("/{TENANT}/{target}"));
    let id = ("client_id", "30000000-0000-4000-8000-000000000001");
    let (grant, secret) = (("grant_type", "client_credentials"), ("client_secret", "azwi-emulator-secret"));
    let scope = ("scope", "https://vault.azure.net/.default");
    let mut all = vec![
        token("v2.0/", &[grant, id, secret, scope]),
        token("", &[grant, id, secret, ("resource", "https://management.azure.com/")]),
        get("v2.0/.well-known/openid-configuration"),
        get("discovery/v2.0/keys"),
        Shot::new(
            address,
            "GET",
            "/common/discovery/instance?api-version=1.1&authorization_endpoint=https://x/t/authorize",
        ),
        Shot::new(address, "GET", "/oidc/demo/.well-known/openid-configuration"),
        Shot::new(address, "GET", "/oidc/demo/openid/v1/jwks"),
    ];
    // The last of this application's ways to sign in is refused, so that it is only a beginning for what is worse.
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    for assertion in [assertion, "eyJhbGciOiJub25lIn0.e30."] {
        let mut odd = token("v2.0/", &[grant, id, scope, kind, ("client_assertion", assertion)]);
        odd.target.push_str("?secret-too");
        let with_secret = token("v2.0/", &[grant, id, secret, scope, kind]);
        odd.body = [with_secret.body, format!("&x={assertion}").into()].concat().into();
        all.push(odd);
    }
    all
}

fn kubernetes(address: &str, token: &str) -> Vec<Shot> {
    let path = |rest: &str| format!("/clusters/demo{rest}");
    let accounts = path("/api/v1/namespaces/demo/serviceaccounts");
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "fuzz",
        "annotations": {"azure.workload.identity/client-id": "x"}, "labels": {"a": "b"}}});
    let made = json!({"metadata": {"generateName": "fuzz-", "labels": {"a": "b"}}});
    let container = json!({"name": "c", "image": "i", "env": [{"name": "A", "value": "b"}]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "fuzz-",
        "labels": {"azure.workload.identity/use": "true"}},
        "spec": {"serviceAccountName": "fuzz", "containers": [container]}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generateName": "fuzz-"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}}});
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "demo"}}});
    let request = json!({"spec": {"audiences": ["a"], "expirationSeconds": 3600}});
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
    let send = |method: &str, target: &str, body: &Value| json(address, token, method, target, body);
    let patch = |kind: &str, target: &str, body: Value| {
        Shot::new(address, "PATCH", target).bearer(token).body(kind, body.to_string())
    };
    let none = Value::Null;
    let one = format!("{accounts}/fuzz");
    vec![
        patch("application/apply-patch+yaml", &format!("{one}?fieldManager=fuzz&force=true"), account.clone()),
        send("PUT", &one, &account),
        patch("application/merge-patch+json", &one, json!({"metadata": {"annotations": {"c": "d"}}})),
        patch("application/strategic-merge-patch+json", &one, json!({"secrets": [{"name": "s"}]})),
        patch("application/json-patch+json", &one, json!([{"op": "add", "path": "/metadata/labels", "value": {}}])),
        send("GET", &one, &none),
        send("POST", &accounts, &made),
        send("GET", &format!("{accounts}?limit=1&labelSelector=a%3Db&fieldSelector=metadata.name%3Dfuzz"), &none),
        send("POST", &format!("{one}/token"), &request),
        send("POST", &path("/api/v1/namespaces/demo/pods"), &pod),
        send("GET", &path("/api/v1/pods"), &none),
        send("POST", &path("/apis/apps/v1/namespaces/demo/deployments"), &deployment),
        send("POST", &path("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"), &review),
        send("DELETE", &format!("{one}?dryRun=All"), &options),
        send("GET", &path("/api"), &none),
        send("GET", &path("/apis/apps/v1"), &none),
        send("GET", &path("/openapi/v3"), &none),
        send("GET", &path("/version"), &none),
    ]
}

async fn vault(azure: &Client) -> Vec<Shot> {
    let target = format!("{GROUP}/providers/Microsoft.KeyVault/vaults/kv-demo?api-version=2023-07-01");
    let (_, vault) = azure.get(&target).await;
    let uri = vault["properties"]["vaultUri"].as_str().unwrap();
    let address = uri.trim_start_matches("https://").trim_end_matches('/').to_owned();
    let form = [("client_secret", "azwi-emulator-secret"), ("scope", "https://vault.azure.net/.default")];
    let token = azure.sign_in(&form).await.1["access_token"].as_str().unwrap().to_owned();
    // Everybody may, so that what comes after roles is reached, too.
    let without = json!({"without": ["vault_role"]});
    assert_eq!(azure.control(reqwest::Method::PATCH, "settings", Some(&without)).await.0, 200);
    let send = |method: &str, target: &str, body: Value| json(&address, &token, method, target, &body);
    let secret = json!({"value": "v", "contentType": "text/plain", "tags": {"a": "b"},
        "attributes": {"enabled": true, "nbf": 1, "exp": 4_000_000_000_u64}});
    vec![
        send("PUT", "/secrets/fuzz?api-version=7.4", secret.clone()),
        send("GET", "/secrets/fuzz/?api-version=7.4", Value::Null),
        send("GET", "/secrets?api-version=7.4&maxresults=1", Value::Null),
        send("GET", "/secrets/fuzz/versions?api-version=7.4", Value::Null),
        send("PUT", "/secrets/other?api-version=7.4", secret),
        send("GET", "/deletedsecrets?api-version=7.4", Value::Null),
    ]
}

/// Those to the emulator itself.
pub(crate) fn control(azure: &Client) -> Vec<Shot> {
    let address = azure.url().replace("https://", "");
    let send =
        |method: &str, what: &str, body: Value| json(&address, "x", method, &format!("/_emulator/{what}"), &body);
    let settings = json!({"latency_ms": 0, "throttle": "off", "page_size": 2, "without": ["propagation"],
        "deny": [{"operation": "X", "scope": "/"}], "token_replicas": {"count": 2, "seed": 1, "spread_ms": 5},
        "rules": {"credential_limit": 3, "regions_without_credentials": []}});
    let faults = json!([{"match": {"method": "GET", "path": "^/x", "operation": "X", "nth": [1, 2], "probability": 0.5},
        "effect": {"status": 500, "body": {"a": 1}, "headers": {"a": "b"}, "delay_ms": 1, "drop": "before"}}]);
    let seed = json!({"tenants": [{"id": TENANT, "name": "t.example"}],
        "resource_groups": [{"name": "rg-more", "location": "eastus"}],
        "applications": [{"client_id": SECRETS_USER, "name": "a", "secrets": ["s"], "certificates": []}],
        "vaults": [{"name": "kv-demo", "resource_group": "rg-demo", "secrets": {"a": "b"}}],
        "clusters": [{"name": "demo", "namespaces": ["a"], "azure": {"resource_group": "rg-demo"}}]});
    vec![
        send("GET", "settings", Value::Null),
        send("PUT", "settings", settings),
        send("PUT", "faults", faults),
        send("POST", "seed", seed),
        send("POST", "clock", json!({"advance_ms": 3_600_000})),
        send("GET", "clock", Value::Null),
        send("GET", "log?since=0", Value::Null),
        send("GET", "log/counts", Value::Null),
        send("PUT", "issuers", json!({"issuer": "https://x", "jwks": {"keys": [{"kid": "a"}]}})),
        send("PUT", "state", azure.emulator().state()),
        send("POST", "clock", json!({"advance_ms": -3_600_000})),
    ]
}
