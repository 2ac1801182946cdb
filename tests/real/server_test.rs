//! That the server is what the other tests take it for.

use crate::server::{ADMIN, ANONYMOUS, DEV, Server};

#[tokio::test]
async fn the_server_is_the_version_that_was_built_and_keeps_users_apart() {
    let server = Server::shared().await;
    let version = server.http(ADMIN).get("/version").await;
    assert_eq!((version.body["gitVersion"].as_str(), version.body["minor"].as_str()), (Some("v1.34.4"), Some("34")));
    let secrets = "/api/v1/namespaces/default/secrets";
    assert_eq!(server.http(ADMIN).get(secrets).await.status, 200);
    assert_eq!(server.http(DEV).get(secrets).await.status, 403);
    assert_eq!(server.http(ANONYMOUS).get(secrets).await.status, 403);
}

#[tokio::test]
async fn anybody_can_read_the_issuers_documents_and_they_agree() {
    let server = Server::shared().await;
    let document = server.http(ANONYMOUS).get("/.well-known/openid-configuration").await.body;
    assert_eq!(document["issuer"], server.issuer.as_str());
    let keys = document["jwks_uri"].as_str().unwrap().strip_prefix(&server.url).unwrap();
    let keys = server.http(ANONYMOUS).get(keys).await;
    assert_eq!(keys.content_type, "application/jwk-set+json");
    assert_eq!(keys.body["keys"].as_array().map(Vec::len), Some(1));
}
