//! Roles: found by name or nearly, assigned to principals that Azure may not know yet.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use azwi::azure::identities::IdentitySpec;
use azwi::azure::role_assignments::Grant;
use azwi::azure::{ErrorKind, RoleAssignmentId, RoleDefinitionId, Scope};
use http::Method;
use serde_json::{Value, json};

use super::environment::serve;
use super::fixtures::{ROLE, SUBSCRIPTION, azure, identity, identity_json, token, wait};
use super::server::{Asked, Reply};

fn scope() -> Scope {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/shop").parse().unwrap()
}

fn id() -> RoleAssignmentId {
    RoleAssignmentId::new(scope(), "66666666-7777-8888-9999-000000000000").unwrap()
}

fn grant(principal: &str) -> Grant {
    Grant {
        role: RoleDefinitionId::new(scope(), ROLE).unwrap(),
        principal_id: principal.to_owned(),
        principal_type: "ServicePrincipal".to_owned(),
        description: Some("for the shop".to_owned()),
        condition: None,
        condition_version: None,
        delegated_managed_identity_resource_id: None,
    }
}

fn assigned(grant: &Grant) -> Value {
    json!({"id": id().to_string(), "name": id().name(), "properties": {"roleDefinitionId": grant.role.to_string(),
        "principalId": grant.principal_id, "description": grant.description}})
}

fn unknown_principal() -> Reply {
    Reply::error(
        400,
        "PrincipalNotFound",
        "Principal 1 does not exist in the directory 2. Check that you have the correct principal ID.",
    )
}

#[tokio::test]
async fn a_principal_that_is_not_known_yet_is_waited_for() {
    let principal = "cccccccc-0000-0000-0000-000000000001";
    let writes = AtomicUsize::new(0);
    let server = serve(move |asked| match asked.method {
        Method::PUT if writes.fetch_add(1, Ordering::SeqCst) < 2 => unknown_principal(),
        Method::PUT => Reply::json(201, assigned(&grant(principal))),
        _ => token(asked).unwrap(),
    })
    .await;
    azure(&server).role_assignments().put(&id(), &grant(principal), &wait()).await.unwrap();
    assert_eq!(server.count(Method::PUT, id().name()), 3);
}

#[tokio::test]
async fn a_principal_that_stays_unknown_is_given_longer_if_we_created_it() {
    let principal = "cccccccc-0000-0000-0000-000000000002";
    let server = serve(move |asked| {
        if asked.path.contains("userAssignedIdentities") {
            let mut identity = identity_json("fresh");
            identity["properties"]["principalId"] = principal.to_uppercase().into();
            return Reply::json(201, identity);
        }
        token(asked).unwrap_or_else(unknown_principal)
    })
    .await;
    let azure = azure(&server);
    let waited = async || {
        let start = Instant::now();
        let error = azure.role_assignments().put(&id(), &grant(principal), &wait()).await.unwrap_err();
        assert!(error.is_principal_not_found() && error.to_string().contains("client id"), "{error}");
        start.elapsed()
    };
    let before = waited().await;
    let spec = IdentitySpec { location: "eastus".to_owned(), ..IdentitySpec::default() };
    azure.identities().put(&identity("fresh"), &spec, &wait()).await.unwrap();
    let after = waited().await;
    let patience = super::fixtures::hurry();
    assert!(before >= patience.other_principal && before < patience.new_principal, "{before:?}");
    assert!(after >= patience.new_principal, "{after:?}");
}

#[tokio::test]
async fn the_same_grant_under_another_name_is_a_conflict_that_names_it() {
    let server = serve(|asked| {
        token(asked).unwrap_or_else(|| {
            Reply::error(
                409,
                "RoleAssignmentExists",
                "The role assignment already exists. The ID of the existing role assignment is 2f826ae117284c63bbb7a8a150a5a52d.",
            )
        })
    })
    .await;
    let error =
        azure(&server).role_assignments().put(&id(), &grant(super::fixtures::PRINCIPAL), &wait()).await.unwrap_err();
    assert!(error.kind == ErrorKind::Conflict && error.is_role_assignment_exists());
    assert_eq!(error.existing_role_assignment().as_deref(), Some("2f826ae1-1728-4c63-bbb7-a8a150a5a52d"));
    assert_eq!(server.count(Method::PUT, id().name()), 1);
}

#[tokio::test]
async fn an_assignment_whose_answer_was_lost_is_read_back() {
    let grant = grant(super::fixtures::PRINCIPAL);
    let theirs = grant.clone();
    let server = serve(move |asked| match asked.method {
        Method::PUT => Reply::Close,
        Method::GET => Reply::json(200, assigned(&theirs)),
        _ => token(asked).unwrap(),
    })
    .await;
    azure(&server).role_assignments().put(&id(), &grant, &wait()).await.unwrap();
    assert_eq!(server.count(Method::PUT, id().name()), 1);
}

#[tokio::test]
async fn an_assignment_across_tenants_is_read_and_deleted_in_its_tenant() {
    let grant = grant(super::fixtures::PRINCIPAL);
    let server = serve(move |asked| token(asked).unwrap_or_else(|| Reply::json(200, assigned(&grant)))).await;
    let azure = azure(&server);
    let tenant = "99999999-2222-3333-4444-555555555555";
    let across = id().in_tenant(tenant).unwrap();
    azure.role_assignments().get(&across, &wait()).await.unwrap();
    azure.role_assignments().delete(&across, &wait()).await.unwrap();
    let log: Vec<_> = server.log().into_iter().filter(|asked| token(asked).is_none()).collect();
    assert!(log.iter().all(|asked| asked.query("tenantId").as_deref() == Some(tenant)), "{log:?}");
}

fn roles(asked: &Asked) -> Reply {
    let role = |name: &str, guid: &str| {
        json!({"id": format!("/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{guid}"), "name": guid,
            "properties": {"roleName": name, "type": "BuiltInRole", "permissions": [{"actions": ["*/read"]}]}})
    };
    let all = vec![
        role("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
        role("Azure Service Bus Data Sender", "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39"),
        role("Shop's Own", "00000000-3385-48ef-bd42-f606fba81ae7"),
    ];
    let value: Vec<Value> = match asked.query("$filter") {
        Some(filter) => {
            let name = filter.strip_prefix("roleName eq '").unwrap().strip_suffix('\'').unwrap().replace("''", "'");
            all.into_iter().filter(|role| role["properties"]["roleName"] == name.as_str()).collect()
        }
        None => all,
    };
    token(asked).unwrap_or_else(|| Reply::json(200, json!({ "value": value })))
}

#[tokio::test]
async fn a_role_is_found_by_its_name_and_a_wrong_name_gets_the_near_ones() {
    let server = serve(roles).await;
    let azure = azure(&server);
    let found = azure.role_definitions().find(&scope(), "Shop's Own", &wait()).await.unwrap();
    assert_eq!(found.name, "00000000-3385-48ef-bd42-f606fba81ae7");
    assert_eq!(found.properties.permissions[0].actions, ["*/read"]);
    let error = azure.role_definitions().find(&scope(), "Service Bus Data Sender", &wait()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.to_string().contains("`Azure Service Bus Data Sender`"), "{error}");
    let error = azure.role_definitions().find(&scope(), "Nothing Like It", &wait()).await.unwrap_err();
    assert!(error.to_string().contains("az role definition list"), "{error}");
}

#[tokio::test]
async fn a_role_is_read_by_id_or_is_not_there() {
    let server = serve(|asked| match asked.path.rsplit('/').next() {
        Some(ROLE) => {
            Reply::json(200, json!({"id": "/x", "name": ROLE, "properties": {"roleName": "Key Vault Secrets User"}}))
        }
        _ => token(asked).unwrap_or_else(|| {
            Reply::error(404, "RoleDefinitionDoesNotExist", "The specified role definition with ID 'x' does not exist.")
        }),
    })
    .await;
    let azure = azure(&server);
    let get = async |guid: &str| {
        azure.role_definitions().get(&scope(), &RoleDefinitionId::new(scope(), guid).unwrap(), &wait()).await.unwrap()
    };
    assert_eq!(get(ROLE).await.unwrap().properties.role_name, "Key Vault Secrets User");
    assert_eq!(get("00000000-3385-48ef-bd42-f606fba81ae7").await, None);
}
