//! Who may do what in Azure Resource Manager: applications by the permissions of their seed, managed identities by the roles
//! that are assigned to them.

use azwi_emulator::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, IDENTITIES, body, credential};

const SUBSCRIPTION: &str = "/subscriptions/20000000-0000-4000-8000-000000000001";
const GROUP: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo";
const CLIENT: &str = "30000000-0000-4000-8000-0000000000a1";
const OBJECT: &str = "40000000-0000-4000-8000-0000000000a1";

const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
const IDENTITY_CONTRIBUTOR: &str = "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59";
const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";

/// An emulator, a client that may do everything, and the token of an application with these permissions.
async fn with_permissions(permissions: &Value) -> (Client, String) {
    let azure = Client::start(Options::default()).await;
    let application = json!({
        "client_id": CLIENT, "object_id": OBJECT, "name": "limited", "secrets": ["s"], "permissions": permissions,
    });
    assert_eq!(azure.control(Method::POST, "seed", Some(&json!({"applications": [application]}))).await.0, 204);
    let (status, answer) = azure.sign_in(&[("client_id", CLIENT), ("client_secret", "s")]).await;
    assert_eq!(status, 200, "{answer}");
    let token = answer["access_token"].as_str().unwrap().to_owned();
    (azure, token)
}

/// The token of a pod that acts as the identity `app`, and the identity's principal.
async fn pod(azure: &Client) -> (String, String) {
    let (_, identity) =
        azure.put(&format!("{IDENTITIES}/app?api-version=2023-01-31"), &json!({"location": "westeurope"})).await;
    let issuer = format!("{}/oidc/demo/", azure.url());
    let trust = json!({"properties": {
        "issuer": issuer, "subject": "system:serviceaccount:demo:app", "audiences": ["api://AzureADTokenExchange"],
    }});
    assert_eq!(azure.put(&credential("app", "pod"), &trust).await.0, 201);
    let text = |name: &str| identity["properties"][name].as_str().unwrap().to_owned();
    let (client, assertion) = (text("clientId"), azure.account_token("app").await);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form =
        [("client_id", client.as_str()), ("client_assertion_type", kind), ("client_assertion", assertion.as_str())];
    let (status, answer) = azure.sign_in(&form).await;
    assert_eq!(status, 200, "{answer}");
    (answer["access_token"].as_str().unwrap().to_owned(), text("principalId"))
}

/// Assigns a role as somebody who may, under a name that ends in these digits.
async fn assign(azure: &Client, scope: &str, role: &str, principal: &str, last: &str) -> String {
    let target = format!(
        "{scope}/providers/Microsoft.Authorization/roleAssignments/60000000-0000-4000-8000-0000000000{last}?api-version=2022-04-01"
    );
    let definition = format!("/providers/Microsoft.Authorization/roleDefinitions/{role}");
    let properties = json!({"roleDefinitionId": definition, "principalId": principal});
    let (status, answer) = azure.put(&target, &json!({"properties": properties})).await;
    assert_eq!(status, 201, "{answer}");
    target
}

async fn send(azure: &Client, token: &str, method: Method, target: &str, body: Option<&Value>) -> (u16, Value) {
    azure.send_as(token, method, &format!("{}{target}", azure.url()), body).await
}

#[tokio::test]
async fn an_application_may_do_what_its_permissions_list_and_nothing_else() {
    let actions = ["Microsoft.ManagedIdentity/*/read", "microsoft.managedidentity/userassignedidentities/write"];
    let (azure, token) = with_permissions(&json!([{"actions": actions}])).await;
    let identity = format!("{IDENTITIES}/app?api-version=2023-01-31");
    let location = json!({"location": "westeurope"});
    assert_eq!(send(&azure, &token, Method::PUT, &identity, Some(&location)).await.0, 201);
    assert_eq!(send(&azure, &token, Method::GET, &identity, None).await.0, 200);
    let list = format!("{IDENTITIES}/app/federatedIdentityCredentials?api-version=2023-01-31");
    assert_eq!(send(&azure, &token, Method::GET, &list, None).await.0, 200, "a pattern covers the types below");

    let refused = [
        (
            Method::PUT,
            credential("app", "one"),
            format!("{}/write", "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"),
        ),
        (Method::DELETE, identity.clone(), "Microsoft.ManagedIdentity/userAssignedIdentities/delete".to_owned()),
        (
            Method::GET,
            format!("{GROUP}?api-version=2021-04-01"),
            "Microsoft.Resources/subscriptions/resourceGroups/read".to_owned(),
        ),
    ];
    for (method, target, action) in refused {
        let wanted = body("a");
        let (status, answer) = send(&azure, &token, method, &target, Some(&wanted)).await;
        let scope = target.split('?').next().unwrap();
        let message = format!(
            "The client '{CLIENT}' with object id '{OBJECT}' does not have authorization to perform action '{action}' over scope \
             '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."
        );
        let error = json!({"error": {"code": "AuthorizationFailed", "message": message}});
        assert_eq!((status, answer), (403, error));
    }
    assert_eq!(azure.get(&identity).await.0, 200, "what was refused did not happen");
}

#[tokio::test]
async fn a_permission_ends_at_its_scope_and_lacks_its_not_actions() {
    let permissions = json!([
        {"actions": ["*"], "not_actions": ["Microsoft.ManagedIdentity/*/delete"], "scope": GROUP.to_uppercase()},
    ]);
    let (azure, token) = with_permissions(&permissions).await;
    let identity = format!("{IDENTITIES}/app?api-version=2023-01-31");
    let location = json!({"location": "westeurope"});
    assert_eq!(send(&azure, &token, Method::PUT, &identity, Some(&location)).await.0, 201);
    assert_eq!(send(&azure, &token, Method::DELETE, &identity, None).await.0, 403);
    let other = identity.replace("rg-demo", "rg-demo-2");
    assert_eq!(send(&azure, &token, Method::GET, &other, None).await.0, 403, "whether it exists is not told");
    let all = format!("{SUBSCRIPTION}/resourceGroups?api-version=2021-04-01");
    let (status, answer) = send(&azure, &token, Method::GET, &all, None).await;
    let text = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(status == 403 && text.contains(&format!("over scope '{SUBSCRIPTION}' or")), "{status} {answer}");
    let (_, subscriptions) = send(&azure, &token, Method::GET, "/subscriptions?api-version=2022-12-01", None).await;
    let names: Vec<_> = subscriptions["value"].as_array().unwrap().iter().map(|it| it["displayName"].clone()).collect();
    assert_eq!(names, ["Demo"], "a subscription in which one may do nothing is not listed");
}

#[tokio::test]
async fn nothing_is_listed_for_who_may_nothing() {
    let (azure, token) = with_permissions(&json!([])).await;
    let types = [
        "Microsoft.ManagedIdentity/userAssignedIdentities?api-version=2023-01-31",
        "Microsoft.KeyVault/vaults?api-version=2023-07-01",
        "Microsoft.ContainerService/managedClusters?api-version=2024-09-01",
        "Microsoft.Kubernetes/connectedClusters?api-version=2024-01-01",
        "Microsoft.Authorization/roleDefinitions?api-version=2022-04-01",
        "Microsoft.Authorization/roleAssignments?api-version=2022-04-01",
    ];
    for scope in [SUBSCRIPTION, GROUP] {
        for name in types {
            let (status, answer) = send(&azure, &token, Method::GET, &format!("{scope}/providers/{name}"), None).await;
            assert_eq!((status, &answer["error"]["code"]), (403, &json!("AuthorizationFailed")), "{scope} {name}");
        }
    }
    let cluster = format!("{GROUP}/providers/Microsoft.ContainerService/managedClusters/demo");
    let action = format!("{cluster}/listClusterUserCredential?api-version=2024-09-01");
    let (status, answer) = send(&azure, &token, Method::POST, &action, None).await;
    let text = answer["error"]["message"].as_str().unwrap_or_default();
    let named = "'Microsoft.ContainerService/managedClusters/listClusterUserCredential/action' over scope '";
    assert!(status == 403 && text.contains(&format!("{named}{cluster}' or")), "{status} {answer}");
    for open in ["/subscriptions?api-version=2022-12-01", "/tenants?api-version=2022-12-01"] {
        assert_eq!(send(&azure, &token, Method::GET, open, None).await.0, 200, "{open}");
    }
}

#[tokio::test]
async fn a_role_adds_to_an_application_s_permissions() {
    let (azure, token) = with_permissions(&json!([])).await;
    let vaults = format!("{GROUP}/providers/Microsoft.KeyVault/vaults?api-version=2023-07-01");
    assert_eq!(send(&azure, &token, Method::GET, &vaults, None).await.0, 403);
    let target = assign(&azure, SUBSCRIPTION, READER, OBJECT, "01").await;
    assert_eq!(send(&azure, &token, Method::GET, &vaults, None).await.0, 200);
    assert_eq!(azure.delete(&target).await.0, 200);
    assert_eq!(send(&azure, &token, Method::GET, &vaults, None).await.0, 403);
}

#[tokio::test]
async fn a_managed_identity_has_the_roles_that_are_assigned_to_it() {
    let azure = Client::start(Options::default()).await;
    let (token, principal) = pod(&azure).await;
    let own = format!("{IDENTITIES}/app?api-version=2023-01-31");
    assert_eq!(send(&azure, &token, Method::GET, &own, None).await.0, 403, "not even itself without a role");

    let reader = assign(&azure, GROUP, READER, &principal, "11").await;
    assert_eq!(send(&azure, &token, Method::GET, &own, None).await.0, 200);
    let location = json!({"location": "westeurope"});
    assert_eq!(send(&azure, &token, Method::PUT, &own, Some(&location)).await.0, 403);

    let contributor = assign(&azure, &format!("{IDENTITIES}/app"), IDENTITY_CONTRIBUTOR, &principal, "12").await;
    assert_eq!(send(&azure, &token, Method::PUT, &credential("app", "two"), Some(&body("two"))).await.0, 201);
    let other = format!("{IDENTITIES}/other?api-version=2023-01-31");
    assert_eq!(send(&azure, &token, Method::PUT, &other, Some(&location)).await.0, 403, "only below its scope");

    azure.delete(&reader).await;
    azure.delete(&contributor).await;
    assign(&azure, GROUP, CONTRIBUTOR, &principal, "13").await;
    assert_eq!(send(&azure, &token, Method::PUT, &other, Some(&location)).await.0, 201);
    let grant = reader.replace("000011?", "000014?");
    let reader_to_itself = json!({"properties": {
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{READER}"), "principalId": principal,
    }});
    let (status, answer) = send(&azure, &token, Method::PUT, &grant, Some(&reader_to_itself)).await;
    let text = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(status == 403 && text.contains("Microsoft.Authorization/roleAssignments/write"), "{status} {answer}");
    assign(&azure, GROUP, OWNER, &principal, "15").await;
    assert_eq!(send(&azure, &token, Method::PUT, &grant, Some(&reader_to_itself)).await.0, 201);
}

#[tokio::test]
async fn a_new_role_takes_its_time_where_that_is_asked_for() {
    let azure = Client::start(Options::default()).await;
    let (token, principal) = pod(&azure).await;
    azure.control(Method::PATCH, "settings", Some(&json!({"role_propagation_ms": 60_000}))).await;
    assign(&azure, GROUP, READER, &principal, "21").await;
    let own = format!("{IDENTITIES}/app?api-version=2023-01-31");
    assert_eq!(send(&azure, &token, Method::GET, &own, None).await.0, 403);
    azure.control(Method::POST, "clock", Some(&json!({"advance_ms": 61_000}))).await;
    assert_eq!(send(&azure, &token, Method::GET, &own, None).await.0, 200);
}

#[tokio::test]
async fn the_log_tells_which_right_a_request_needed() {
    let azure = Client::start(Options::default()).await;
    azure.get(&format!("{GROUP}/resources?api-version=2021-04-01")).await;
    azure.account_token("app").await;
    let log = azure.emulator().log(0);
    let rights: Vec<_> = log.iter().map(|entry| entry.right.as_deref().unwrap_or_default()).collect();
    let expected = [
        "",
        "Microsoft.Resources/subscriptions/resourceGroups/resources/read",
        "create serviceaccounts",
        "create serviceaccounts/token",
    ];
    assert_eq!(rights, expected);
}

#[tokio::test]
async fn a_scope_that_is_no_id_is_refused_with_the_seed() {
    let azure = Client::start(Options::default()).await;
    let application = json!({
        "client_id": CLIENT, "name": "limited", "permissions": [{"actions": ["*"], "scope": "rg-demo"}],
    });
    let (status, answer) = azure.control(Method::POST, "seed", Some(&json!({"applications": [application]}))).await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains(CLIENT), "{answer}");
}
