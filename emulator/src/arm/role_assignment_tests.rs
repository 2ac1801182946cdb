//! The rules of role assignments, one test each.

use serde_json::{Value, json};

use crate::test::Api;

const SUBSCRIPTION: &str = "/subscriptions/20000000-0000-4000-8000-000000000001";
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const NAME: &str = "60000000-0000-4000-8000-000000000001";
const OTHER: &str = "60000000-0000-4000-8000-000000000002";
/// The seeded application's service principal, known everywhere.
const PRINCIPAL: &str = "40000000-0000-4000-8000-000000000001";

fn target(scope: &str, name: &str) -> String {
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01")
}

fn body(principal: &str) -> Value {
    json!({"properties": {
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{READER}"),
        "principalId": principal,
        "principalType": "ServicePrincipal",
    }})
}

fn code((status, body): (u16, Value)) -> (u16, String) {
    (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn an_assignment_is_made_at_any_scope_and_its_role_shows_the_subscription() {
    let mut api = Api::new();
    let vault = format!("{SUBSCRIPTION}/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/v");
    let scopes = [
        SUBSCRIPTION,
        &format!("{SUBSCRIPTION}/resourceGroups/rg-demo"),
        &vault,
        "/providers/Microsoft.Management/managementGroups/g",
        "",
    ];
    for (number, scope) in scopes.iter().enumerate() {
        let name = NAME.replace("0001", &format!("001{number}"));
        let (status, made) = api.put(&target(scope, &name), &body(PRINCIPAL));
        assert_eq!(status, 201, "{scope}: {made}");
        let role = made["properties"]["roleDefinitionId"].as_str().unwrap();
        assert_eq!(role.starts_with(SUBSCRIPTION), scope.starts_with(SUBSCRIPTION), "{role}");
        assert_eq!(made["properties"]["scope"], if scope.is_empty() { "/" } else { scope });
        assert_eq!(api.get(&target(scope, &name)).1, made);
    }
    assert_eq!(api.get(&format!("/{}", target(SUBSCRIPTION, &NAME.replace("0001", "0010")))).0, 200, "a double slash");
    assert_eq!(
        code(api.put(
            &target("/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/none", NAME),
            &body(PRINCIPAL)
        ))
        .1,
        "ResourceGroupNotFound"
    );
    assert_eq!(code(api.put(&target("/nonsense", NAME), &body(PRINCIPAL))), (400, "InvalidScope".to_owned()));
}

#[test]
fn repeating_an_assignment_is_silent_under_its_own_name_and_a_conflict_under_another() {
    let mut api = Api::new();
    let (_, made) = api.put(&target(SUBSCRIPTION, NAME), &body(PRINCIPAL));
    let (status, again) = api.put(&target(SUBSCRIPTION, NAME), &body(PRINCIPAL));
    assert_eq!((status, again), (200, made));
    let (status, refused) = api.put(&target(SUBSCRIPTION, OTHER), &body(PRINCIPAL));
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("RoleAssignmentExists")));
    let text = refused["error"]["message"].as_str().unwrap();
    assert!(text.ends_with(&format!("role assignment is {}.", NAME.replace('-', ""))), "{text}");
}

#[test]
fn only_description_and_condition_change() {
    let mut api = Api::new();
    api.put(&target(SUBSCRIPTION, NAME), &body(PRINCIPAL));
    let mut described = body(PRINCIPAL);
    described["properties"]["description"] = json!("why");
    let (status, changed) = api.put(&target(SUBSCRIPTION, NAME), &described);
    assert_eq!((status, &changed["properties"]["description"]), (200, &json!("why")));
    let mut role = body(PRINCIPAL);
    role["properties"]["roleDefinitionId"] = json!("b24988ac-6180-42a0-ab88-20f7382dd24c");
    let elsewhere = format!("{SUBSCRIPTION}/resourceGroups/rg-demo");
    for (scope, body) in [(SUBSCRIPTION, role), (elsewhere.as_str(), described)] {
        assert_eq!(code(api.put(&target(scope, NAME), &body)), (400, "RoleAssignmentUpdateNotPermitted".to_owned()));
    }
}

#[test]
fn a_principal_has_to_exist_and_to_be_replicated() {
    let mut api = Api::new();
    let unknown = "70000000-0000-4000-8000-000000000001";
    let (status, refused) = api.put(&target(SUBSCRIPTION, NAME), &body(unknown));
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("PrincipalNotFound")));
    let text = refused["error"]["message"].as_str().unwrap();
    assert!(
        text.starts_with(&format!("Principal {} does not exist in the directory 1000", unknown.replace('-', ""))),
        "{text}"
    );

    api.world.settings.principal_replication_ms = 60_000;
    let identity =
        format!("{SUBSCRIPTION}/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app");
    let (_, identity) = api.put(&format!("{identity}?api-version=2023-01-31"), &json!({"location": "westeurope"}));
    let principal = identity["properties"]["principalId"].as_str().unwrap();
    let mut untyped = body(principal);
    untyped["properties"].as_object_mut().unwrap().remove("principalType");
    assert_eq!(code(api.put(&target(SUBSCRIPTION, NAME), &untyped)).1, "PrincipalNotFound");
    api.world.settings.rules.principal_type_skips_replication = false;
    assert_eq!(code(api.put(&target(SUBSCRIPTION, NAME), &body(principal))).1, "PrincipalNotFound");
    api.world.clock.advance(60_000);
    let (status, made) = api.put(&target(SUBSCRIPTION, NAME), &untyped);
    assert_eq!((status, &made["properties"]["principalType"]), (201, &json!("ServicePrincipal")));
    let mut user = body(principal);
    user["properties"]["principalType"] = json!("User");
    assert_eq!(code(api.put(&target(SUBSCRIPTION, OTHER), &user)).1, "UnmatchedPrincipalType");
}

#[test]
fn a_typed_principal_need_not_be_replicated_unless_the_rule_is_switched_off() {
    let mut api = Api::new();
    api.world.settings.principal_replication_ms = 60_000;
    let identity =
        format!("{SUBSCRIPTION}/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app");
    let (_, identity) = api.put(&format!("{identity}?api-version=2023-01-31"), &json!({"location": "westeurope"}));
    let principal = identity["properties"]["principalId"].as_str().unwrap();
    assert_eq!(api.put(&target(SUBSCRIPTION, NAME), &body(principal)).0, 201);
}

#[test]
fn malformed_requests_are_refused() {
    let mut api = Api::new();
    let mut put =
        |name: &str, properties: Value| code(api.put(&target(SUBSCRIPTION, name), &json!({"properties": properties})));
    assert_eq!(put("nope", body(PRINCIPAL)["properties"].clone()).1, "InvalidRoleAssignmentId");
    assert_eq!(put(NAME, json!({"principalId": PRINCIPAL})).1, "BadRequestFormat");
    assert_eq!(put(NAME, json!({"principalId": "x", "roleDefinitionId": READER})).1, "InvalidPrincipalId");
    assert_eq!(put(NAME, json!({"principalId": PRINCIPAL, "roleDefinitionId": "Reader"})).1, "InvalidRoleDefinitionId");
    assert_eq!(
        put(NAME, json!({"principalId": PRINCIPAL, "roleDefinitionId": OTHER})),
        (400, "RoleDefinitionDoesNotExist".to_owned())
    );
    assert_eq!(put(NAME, json!("x")), (400, "InvalidRequestContent".to_owned()));
}

#[test]
fn deleting_answers_what_was_deleted_and_then_nothing() {
    let mut api = Api::new();
    let (_, made) = api.put(&target(SUBSCRIPTION, NAME), &body(PRINCIPAL));
    let elsewhere = format!("{SUBSCRIPTION}/resourceGroups/rg-demo");
    assert_eq!(api.delete(&target(&elsewhere, NAME)).0, 204, "that scope has no such assignment");
    assert_eq!(api.delete(&target(SUBSCRIPTION, NAME)), (200, made));
    assert_eq!(api.delete(&target(SUBSCRIPTION, NAME)), (204, Value::Null));
    assert_eq!(code(api.get(&target(SUBSCRIPTION, NAME))), (404, "RoleAssignmentNotFound".to_owned()));
}

#[test]
fn a_list_has_what_is_at_above_and_below_and_filters() {
    let mut api = Api::new();
    let group = format!("{SUBSCRIPTION}/resourceGroups/rg-demo");
    api.put(&target(SUBSCRIPTION, NAME), &body(PRINCIPAL));
    api.put(&target(&group, OTHER), &body(PRINCIPAL));
    let mut count = |scope: &str, filter: &str| {
        let target =
            format!("{scope}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01{filter}");
        api.get(&target).1["value"].as_array().map(Vec::len)
    };
    assert_eq!(count(SUBSCRIPTION, ""), Some(2));
    assert_eq!(count(SUBSCRIPTION, "&$filter=atScope()"), Some(1));
    assert_eq!(count(&group, "&$filter=atScope()"), Some(2));
    assert_eq!(count(SUBSCRIPTION, &format!("&$filter=principalId+eq+'{PRINCIPAL}'")), Some(2));
    assert_eq!(count(SUBSCRIPTION, &format!("&$filter=atScope()+and+assignedTo('{PRINCIPAL}')")), Some(1));
    assert_eq!(count(SUBSCRIPTION, &format!("&$filter=principalId+eq+'{OTHER}'")), Some(0));
    assert_eq!(count(SUBSCRIPTION, "&$filter=colour+eq+'red'"), None);
}

#[test]
fn an_assignment_outlives_its_principal_but_not_its_scope() {
    let mut api = Api::new();
    let identity =
        format!("{SUBSCRIPTION}/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app");
    let (_, made) = api.put(&format!("{identity}?api-version=2023-01-31"), &json!({"location": "westeurope"}));
    let principal = made["properties"]["principalId"].as_str().unwrap();
    api.put(&target(SUBSCRIPTION, NAME), &body(principal));
    api.put(&target(&identity, OTHER), &body(PRINCIPAL));
    api.delete(&format!("{identity}?api-version=2023-01-31"));
    assert_eq!(api.get(&target(SUBSCRIPTION, NAME)).0, 200);
    assert_eq!(code(api.get(&target(&identity, OTHER))).1, "ResourceNotFound");
    let (_, all) =
        api.get(&format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"));
    assert_eq!(all["value"].as_array().unwrap().len(), 1);
}
