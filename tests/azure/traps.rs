//! The traps of the generated clients, a test each. Their letters are in the order in which a user would meet them.

use azwi::azure::role_assignments::{Filter, Grant};
use azwi::azure::{Azure, Config, ErrorKind, RoleAssignmentId, RoleDefinitionId, Scope};
use http::Method;
use serde_json::json;

use super::environment::{serve, serve_untrusted};
use super::fixtures::{
    PRINCIPAL, ROLE, SUBSCRIPTION, azure, config, credential, credential_json, identity, some, token, wait,
};
use super::server::{Asked, Reply, Server};

const NAME: &str = "66666666-7777-8888-9999-000000000000";

fn assignment(scope: &str) -> RoleAssignmentId {
    RoleAssignmentId::new(scope.parse().unwrap(), NAME).unwrap()
}

fn grant() -> Grant {
    Grant {
        role: RoleDefinitionId::new(format!("/subscriptions/{SUBSCRIPTION}").parse().unwrap(), ROLE).unwrap(),
        principal_id: PRINCIPAL.to_owned(),
        principal_type: "ServicePrincipal".to_owned(),
        description: None,
        condition: None,
        condition_version: None,
        delegated_managed_identity_resource_id: None,
    }
}

fn assignment_json() -> serde_json::Value {
    json!({"id": "/x", "name": NAME, "properties": {"roleDefinitionId": grant().role.to_string(), "principalId": PRINCIPAL}})
}

/// The requests that were not for tokens.
fn arm(server: &Server) -> Vec<Asked> {
    server.log().into_iter().filter(|asked| token(asked).is_none()).collect()
}

#[tokio::test]
async fn a_flexible_credential_breaks_neither_a_read_nor_a_list() {
    let flexible = json!({"id": "/x/flexible", "name": "flexible", "properties": {"issuer": "https://i", "audiences": ["a"],
        "claimsMatchingExpression": {"languageVersion": 1, "value": "claims['sub'] matches 'repo:*'"}}});
    let server = serve(move |asked| match asked.path.rsplit('/').next() {
        Some("flexible") => Reply::json(200, flexible.clone()),
        Some("federatedIdentityCredentials") => {
            Reply::json(200, json!({"value": [credential_json("plain", "https://i", "s"), flexible]}))
        }
        _ => token(asked).unwrap(),
    })
    .await;
    let azure = azure(&server);
    let one = azure.credentials().get(&credential("shop", "flexible"), &wait()).await.unwrap().unwrap();
    assert_eq!(one.properties.subject, None);
    let all = azure.credentials().list(&identity("shop"), &wait()).await.unwrap();
    assert_eq!(all.iter().map(|credential| credential.name.as_str()).collect::<Vec<_>>(), ["plain", "flexible"]);
}

#[tokio::test]
async fn deleting_an_assignment_that_is_gone_succeeds() {
    let server = serve(|asked| token(asked).unwrap_or(Reply::text(204, ""))).await;
    azure(&server).role_assignments().delete(&assignment("/"), &wait()).await.unwrap();
    assert_eq!(arm(&server).len(), 1);
}

#[tokio::test]
async fn a_new_assignment_is_sent_without_nulls_and_as_a_service_principal() {
    let server = serve(|asked| token(asked).unwrap_or_else(|| Reply::json(201, assignment_json()))).await;
    azure(&server).role_assignments().put(&assignment("/"), &grant(), &wait()).await.unwrap();
    assert_eq!(
        arm(&server)[0].json(),
        json!({"properties": {"roleDefinitionId": grant().role.to_string(), "principalId": PRINCIPAL, "principalType": "ServicePrincipal"}})
    );
}

#[tokio::test]
async fn a_path_starts_with_one_slash_whatever_the_scope() {
    let server = serve(|asked| token(asked).unwrap_or_else(|| Reply::json(200, assignment_json()))).await;
    let azure = azure(&server);
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/shop");
    for scope in ["/", group.as_str()] {
        azure.role_assignments().get(&assignment(scope), &wait()).await.unwrap();
        azure.role_assignments().put(&assignment(scope), &grant(), &wait()).await.unwrap();
        azure.role_assignments().delete(&assignment(scope), &wait()).await.unwrap();
        azure.role_assignments().list(&scope.parse().unwrap(), &Filter::AtScope, &wait()).await.unwrap();
    }
    let paths: Vec<String> = arm(&server).into_iter().map(|asked| asked.path).collect();
    let root = format!("/providers/Microsoft.Authorization/roleAssignments/{NAME}");
    assert_eq!(paths[0], root);
    assert_eq!(paths[4], format!("{group}{root}"));
    assert!(paths.iter().all(|path| path.starts_with('/') && !path.contains("//")), "{paths:?}");
}

#[tokio::test]
async fn a_filter_arrives_as_meant_and_the_next_page_is_asked_for_as_told() {
    let server = serve(|asked| {
        if asked.query("$skipToken").is_some() {
            return Reply::json(200, json!({"value": [], "nextLink": ""}));
        }
        let next =
            format!("https://{}{}?api-version=2022-04-01&$skipToken=a%2Bb", asked.header("host").unwrap(), asked.path);
        token(asked).unwrap_or_else(|| Reply::json(200, json!({"value": [assignment_json()], "nextLink": next})))
    })
    .await;
    let scope: Scope = format!("/subscriptions/{SUBSCRIPTION}").parse().unwrap();
    let all = azure(&server)
        .role_assignments()
        .list(&scope, &Filter::Principal(PRINCIPAL.to_owned()), &wait())
        .await
        .unwrap();
    assert_eq!(all.len(), 1);
    let asked = arm(&server);
    assert_eq!(asked[0].query("$filter"), Some(format!("principalId eq '{PRINCIPAL}'")));
    assert!(!asked[0].raw_query.contains('+'), "{}", asked[0].raw_query);
    assert_eq!(asked[1].raw_query, "api-version=2022-04-01&$skipToken=a%2Bb");
}

#[tokio::test]
async fn a_next_page_elsewhere_does_not_get_our_token() {
    let thief = serve(|_| Reply::json(200, json!({"value": []}))).await;
    let next = format!("{}/more", thief.url());
    let server =
        serve(move |asked| token(asked).unwrap_or_else(|| Reply::json(200, json!({"value": [], "nextLink": next}))))
            .await;
    let error = azure(&server).credentials().list(&identity("shop"), &wait()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Decode);
    assert!(thief.log().is_empty());
}

#[tokio::test]
async fn every_request_says_who_asks_and_how_to_find_it_again() {
    let server =
        serve(|asked| token(asked).unwrap_or_else(|| Reply::json(200, credential_json("a-b", "i", "s")))).await;
    let config = Config { correlation_request_id: some("run-1"), user_agent_suffix: some("pid-x"), ..config(&server) };
    let azure = Azure::new(config.clone()).unwrap();
    azure.credentials().get(&credential("shop", "a-b"), &wait()).await.unwrap();
    azure.credentials().get(&credential("shop", "a-b"), &wait()).await.unwrap();
    let asked = arm(&server);
    for asked in &asked {
        assert_eq!(asked.header("accept"), Some("application/json"));
        assert_eq!(asked.header("x-ms-correlation-request-id"), Some("run-1"));
        let agent = asked.header("user-agent").unwrap();
        assert!(agent.starts_with("terraform-provider-azwi/") && agent.ends_with(" pid-x"), "{agent}");
    }
    let id = |index: usize| asked[index].header("x-ms-client-request-id").unwrap().to_owned();
    assert_ne!(id(0), id(1));

    let silent = Azure::new(Config { disable_correlation_request_id: true, ..config }).unwrap();
    silent.credentials().get(&credential("shop", "a-b"), &wait()).await.unwrap();
    assert_eq!(arm(&server).last().unwrap().header("x-ms-correlation-request-id"), None);
}

#[tokio::test]
async fn a_private_authority_is_trusted_by_ssl_cert_file_and_any_other_is_not() {
    // That it is trusted every other test here shows.
    let server = serve_untrusted().await;
    let start = std::time::Instant::now();
    let error = Azure::new(config(&server)).unwrap().token("https://x/.default").await.unwrap_err();
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "no second attempt changes a certificate");
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
    assert!(server.log().is_empty());
}

#[tokio::test]
async fn an_endpoint_with_a_path_is_kept_by_the_generated_clients() {
    let server =
        serve(|asked| token(asked).unwrap_or_else(|| Reply::json(200, credential_json("a-b", "i", "s")))).await;
    let mut config = config(&server);
    config.endpoints.resource_manager_endpoint = Some(format!("{}/arm", server.url()));
    let azure = Azure::new(config).unwrap();
    azure.credentials().get(&credential("shop", "a-b"), &wait()).await.unwrap();
    azure.credentials().list(&identity("shop"), &wait()).await.unwrap();
    assert!(arm(&server).iter().all(|asked| asked.path.starts_with("/arm/subscriptions/")));
    assert_eq!(server.count(Method::GET, "/federatedIdentityCredentials/a-b"), 1);
}
