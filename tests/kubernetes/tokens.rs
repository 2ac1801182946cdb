//! TokenRequest.

use azwi::kubernetes::{Fields, Kind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::wait;

#[tokio::test]
async fn a_token_has_the_accounts_subject_and_the_audience_asked_for() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    client.create_service_account(&cluster.namespace, "web", &Fields::default(), "azwi", &wait()).await.unwrap();
    let audience = ["api://AzureADTokenExchange".to_owned()];
    let token = client.service_account_token(&cluster.namespace, "web", &audience, 3600, &wait()).await.unwrap();
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(claims["sub"], format!("system:serviceaccount:{}:web", cluster.namespace));
    assert_eq!(claims["aud"][0], "api://AzureADTokenExchange");
    assert!(!format!("{token:?}").contains(&token.token), "a token does not show itself");
}

#[tokio::test]
async fn a_token_of_an_account_that_does_not_exist_or_for_too_short_is_refused() {
    let cluster = Cluster::new().await;
    let client = cluster.client();
    let error = client.service_account_token(&cluster.namespace, "none", &[], 3600, &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    client.create_service_account(&cluster.namespace, "web", &Fields::default(), "azwi", &wait()).await.unwrap();
    let error = client.service_account_token(&cluster.namespace, "web", &[], 599, &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert!(error.message.contains("10 minutes"), "{}", error.message);
}
