//! The rules of federated identity credentials, one test each.

use serde_json::{Value, json};

use crate::test::Api;

const IDENTITY: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app";

fn target(name: &str) -> String {
    format!("{IDENTITY}/federatedIdentityCredentials/{name}?api-version=2023-01-31")
}

fn with_identity() -> Api {
    let mut api = Api::new();
    let (status, _) = api.put(&format!("{IDENTITY}?api-version=2023-01-31"), &json!({"location": "westeurope"}));
    assert_eq!(status, 201);
    api
}

fn body(subject: &str) -> Value {
    json!({"properties": {"issuer": "https://issuer.example/", "subject": subject, "audiences": ["api://AzureADTokenExchange"]}})
}

fn message((status, body): (u16, Value)) -> (u16, String) {
    (status, body["error"]["message"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_credential_is_made_changed_in_place_read_and_deleted() {
    let mut api = with_identity();
    let (status, made) = api.put(&target("first"), &body("a"));
    assert_eq!(status, 201, "{made}");
    assert!(made["id"].as_str().unwrap().ends_with("/userAssignedIdentities/app/federatedIdentityCredentials/first"));
    assert!(made.get("_changedMs").is_none());
    assert_eq!(api.put(&target("FIRST"), &body("b")).0, 200);
    let (_, read) = api.get(&target("first"));
    assert_eq!((&read["properties"]["subject"], &read["name"]), (&json!("b"), &json!("first")));
    assert_eq!(api.delete(&target("first")).0, 200);
    assert_eq!(api.delete(&target("first")).0, 204);
    assert_eq!(api.get(&target("first")).1["error"]["code"], "ResourceNotFound");
}

#[test]
fn each_rule_of_a_credential_is_refused_with_the_services_words() {
    let mut api = with_identity();
    let mut refused = |name: &str, properties: Value| {
        let (status, message) = message(api.put(&target(name), &json!({"properties": properties})));
        assert_eq!(status, 400, "{message}");
        message
    };
    let good = json!({"issuer": "https://i.example", "subject": "s", "audiences": ["a"]});
    let with = |field: &str, value: Value| {
        let mut changed = good.clone();
        changed[field] = value;
        changed
    };
    assert_eq!(refused("ab", good.clone()), "Federated Identity Credential name 'ab' is invalid.");
    assert!(refused("-abc", good.clone()).contains("is invalid"));
    assert!(refused(&"a".repeat(121), good.clone()).contains("is invalid"));
    assert_eq!(refused("abc", json!({})), "Federated Identity Credential from HTTP body has empty properties");
    assert!(refused("abc", with("subject", json!(""))).contains("must specify 'issuer', 'subject' and 'audience'"));
    assert!(refused("abc", with("issuer", Value::Null)).contains("must specify 'issuer', 'subject' and 'audience'"));
    assert!(refused("abc", with("audiences", json!([]))).contains("must specify 'issuer', 'subject' and 'audience'"));
    assert_eq!(
        refused("abc", with("audiences", json!(["a", "b"]))),
        "Federated identity credentials must have exactly one audience."
    );
    assert!(refused("abc", with("subject", json!("x".repeat(601)))).contains("at most 600"));
    assert!(refused("abc", with("issuer", json!("http://i.example"))).contains("not a valid https URL"));
    assert!(refused("abc", with("subject", json!(7))).contains("could not be deserialized"));
    assert!(refused("abc", json!([])).contains("could not be deserialized"));
}

#[test]
fn issuer_and_subject_are_unique_on_one_identity_and_the_error_can_be_switched() {
    let mut api = with_identity();
    api.put(&target("one"), &body("a"));
    assert_eq!(api.put(&target("one"), &body("a")).0, 200, "itself is no duplicate");
    let refused = message(api.put(&target("two"), &body("a")));
    assert_eq!(refused, (400, "Issuer and subject combination already exists for this Managed Identity.".to_owned()));
    assert_eq!(api.put(&target("two"), &body("A")).0, 201, "compared with case");
    api.world.settings.rules.duplicate_credential_status = 409;
    api.world.settings.rules.duplicate_credential_code = "Conflict".to_owned();
    let (status, refused) = api.put(&target("six"), &body("a"));
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("Conflict")));
}

#[test]
fn the_twenty_first_is_refused_and_changing_one_of_twenty_is_not() {
    let mut api = with_identity();
    for number in 0..20 {
        assert_eq!(api.put(&target(&format!("fic-{number}")), &body(&number.to_string())).0, 201);
    }
    assert_eq!(api.put(&target("fic-20"), &body("20")).0, 400);
    assert_eq!(api.put(&target("fic-3"), &body("new")).0, 200);
}

#[test]
fn a_second_write_while_one_is_under_way_is_refused_deletions_included() {
    let mut api = with_identity();
    api.put(&target("one"), &body("a"));
    let first = api.admit("PUT", &target("two"), &body("b")).unwrap();
    assert_eq!(first.as_deref(), Some(IDENTITY.to_lowercase().as_str()));
    api.world.busy.insert(first.unwrap());
    for (method, name) in [("PUT", "three"), ("DELETE", "one"), ("PUT", "one")] {
        let (status, refused) = api.send(method, &target(name), &body("c"));
        assert_eq!(status, 409);
        assert_eq!(refused["error"]["code"], "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("'{}'", IDENTITY.to_lowercase())), "{message}");
    }
    assert_eq!(api.get(&target("one")).0, 200, "reading is not writing");
}

#[test]
fn a_missing_identity_is_a_missing_parent() {
    let mut api = Api::new();
    let (status, refused) = api.put(&target("one"), &body("a"));
    assert_eq!((status, &refused["error"]["code"]), (404, &json!("ParentResourceNotFound")));
    assert_eq!(api.delete(&target("one")).0, 404);
}

#[test]
fn a_region_without_support_is_refused() {
    let mut api = with_identity();
    api.world.settings.rules.regions_without_credentials = vec!["West Europe".to_owned()];
    let refused = message(api.put(&target("one"), &body("a")));
    assert_eq!(refused.0, 405);
    assert!(refused.1.ends_with("Support for federated identity credentials not enabled."));
}

#[test]
fn a_flexible_credential_is_there_in_previews_and_bare_in_others() {
    let mut api = with_identity();
    let preview = target("flex").replace("2023-01-31", "2025-05-31-preview");
    let expression = json!({"value": "claims['sub'] matches 'repo:a/*'", "languageVersion": 1});
    let flexible = json!({"properties": {"issuer": "https://i.example", "audiences": ["a"], "claimsMatchingExpression": expression}});
    let (status, made) = api.put(&preview, &flexible);
    assert_eq!((status, &made["properties"]["claimsMatchingExpression"]), (201, &expression));
    let (_, old) = api.get(&target("flex"));
    assert_eq!(old["properties"], json!({"issuer": "https://i.example", "audiences": ["a"]}));
    assert_eq!(api.put(&target("six"), &flexible).0, 400, "an older version has no such property");
    let mut both = flexible.clone();
    both["properties"]["subject"] = json!("s");
    assert_eq!(api.put(&preview, &both).0, 400);
}

#[test]
fn a_list_comes_in_pages_that_follow_each_other() {
    let mut api = with_identity();
    for name in ["aaa", "bbb", "ccc"] {
        api.put(&target(name), &body(name));
    }
    let all = format!("{IDENTITY}/federatedIdentityCredentials?api-version=2023-01-31");
    let (_, first) = api.get(&format!("{all}&$top=2"));
    assert_eq!(first["value"].as_array().unwrap().len(), 2);
    api.delete(&target("bbb"));
    let next = first["nextLink"].as_str().unwrap().strip_prefix(&api.world.url.clone()).unwrap().to_owned();
    let (_, second) = api.get(&next);
    assert_eq!(second["value"][0]["name"], "ccc");
    assert!(second.get("nextLink").is_none());
    for wrong in ["$top=0", "$top=x", "$skiptoken=!"] {
        assert_eq!(api.get(&format!("{all}&{wrong}")).0, 400, "{wrong}");
    }
}
