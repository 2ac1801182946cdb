//! The chain as a whole: what was applied lets a service account's token become an access token, and no longer when it is destroyed.

use crate::azwi::{Azwi, NOTHING, under_every_terraform};

const CHAIN: &str = r#"variable "issuer" {}

resource "azwi_user_assigned_identity" "app" {
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}

resource "azwi_federated_identity_credential" "app" {
  name                      = "demo"
  user_assigned_identity_id = azwi_user_assigned_identity.app.id
  issuer                    = var.issuer
  subject                   = azwi_service_account.app.subject
}

resource "azwi_service_account" "app" {
  name      = "app"
  namespace = var.namespace
  client_id = azwi_user_assigned_identity.app.client_id
}
"#;

/// The cluster whose issuer has signed the token is asked for its keys over the network, where it is a real one.
#[test]
fn a_token_of_the_account_becomes_an_access_token_of_the_identity() {
    under_every_terraform(|mut azwi| {
        azwi.environment.insert("TF_VAR_issuer".to_owned(), azwi.emulator.issuer());
        let state = azwi.applied(CHAIN);
        let client = state.get("azwi_user_assigned_identity.app", "client_id");
        let account = azwi.emulator.account_token(&azwi.namespace, "app", "api://AzureADTokenExchange");
        let token = azwi.emulator.exchange(&client, &account).unwrap();
        assert_eq!(token.matches('.').count(), 2, "an access token is a JWT");

        let other = azwi.emulator.account_token(&azwi.namespace, "app", "somebody-else");
        assert!(refusal(&azwi, &client, &other).contains("AADSTS700212"), "no audience of the credential");
        azwi.emulator.create_account(&azwi.namespace, "other", &serde_json::json!({}));
        let other = azwi.emulator.account_token(&azwi.namespace, "other", "api://AzureADTokenExchange");
        assert!(refusal(&azwi, &client, &other).contains("AADSTS700213"), "no subject of a credential");
        azwi.emulator.delete_account(&azwi.namespace, "other");

        azwi.write(CHAIN.split("resource \"azwi_federated").next().unwrap());
        azwi.apply();
        assert_eq!(azwi.plan(), NOTHING);
        assert!(refusal(&azwi, &client, &account).contains("AADSTS70025"), "no credential at all");
        azwi.destroy();
    });
}

#[track_caller]
fn refusal(azwi: &Azwi, client: &str, token: &str) -> String {
    azwi.emulator.exchange(client, token).expect_err("should have been refused")
}
