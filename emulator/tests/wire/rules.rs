//! Each rule of the emulator has a check here that sees the rule kept, and that sees it broken once it is switched off.
//!
//! So a rule that stops being kept by mistake is noticed, and a check that would notice nothing is, too.

use azwi_emulator::Options;
use azwi_emulator::jwt::SigningKey;
use azwi_emulator::rule::Rule;
use clap::ValueEnum as _;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, IDENTITIES, body, credential};

const ISSUER: &str = "https://ci.example";
const ELSEWHERE: &str = "https://elsewhere.example";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const VAULT: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo";
const SECRETS_USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";

#[tokio::test]
async fn every_rule_is_kept_and_the_test_of_it_fails_without_it() {
    let cloud = Cloud::start().await;
    for &rule in Rule::value_variants() {
        assert!(cloud.keeps(rule).await, "{rule:?} is not kept");
        cloud.set(json!({"without": [rule]})).await;
        assert!(!cloud.keeps(rule).await, "{rule:?} is kept although it is switched off, or its check sees nothing");
        cloud.set(json!({"without": []})).await;
    }
}

/// An emulator and the keys of two issuers that it knows.
struct Cloud {
    azure: Client,
    key: SigningKey,
    elsewhere: SigningKey,
}

impl Cloud {
    async fn start() -> Self {
        let azure = Client::start(Options::default()).await;
        let (key, elsewhere) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        for (issuer, key) in [(ISSUER, &key), (ELSEWHERE, &elsewhere)] {
            let keys = json!({"issuer": issuer, "jwks": key.jwks()});
            assert_eq!(azure.control(Method::PUT, "issuers", Some(&keys)).await.0, 204);
        }
        Self { azure, key, elsewhere }
    }

    async fn set(&self, settings: Value) {
        let (status, answer) = self.azure.control(Method::PATCH, "settings", Some(&settings)).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Whether a rule is kept. What a check does not expect at all fails the test.
    async fn keeps(&self, rule: Rule) -> bool {
        match rule {
            Rule::CredentialQuota => self.keeps_the_quota().await,
            Rule::CredentialUniqueness => {
                let (app, _) = self.identity().await;
                self.azure.put(&credential(&app, "first"), &body("repo:a")).await;
                refused(self.azure.put(&credential(&app, "second"), &body("repo:a")).await, 400)
            }
            Rule::CredentialConcurrency => self.keeps_writers_apart().await,
            Rule::TokenSignature => self.refuses(&self.elsewhere, json!({"iss": ISSUER}), 7_000_272).await,
            Rule::TokenIssuer => self.refuses(&self.elsewhere, json!({"iss": ELSEWHERE}), 700_211).await,
            Rule::TokenSubject => self.refuses(&self.key, json!({"sub": "repo:b"}), 700_213).await,
            Rule::TokenAudience => self.refuses(&self.key, json!({"aud": "api://other"}), 700_212).await,
            Rule::Propagation => self.keeps_what_is_new_unknown().await,
            Rule::ApplyConflicts => self.keeps_owners().await,
            Rule::VaultRole => {
                let (app, _) = self.identity().await;
                self.trust(&app).await;
                let token = self.access_token(&app).await;
                self.is_refused_by_the_vault(&token).await
            }
        }
    }

    /// A new identity: its name, and what Azure made of it.
    async fn identity(&self) -> (String, Value) {
        let name = format!("app-{}", Uuid::new_v4().simple());
        let target = format!("{IDENTITIES}/{name}?api-version=2023-01-31");
        let (status, made) = self.azure.put(&target, &json!({"location": "westeurope"})).await;
        assert_eq!(status, 201, "{made}");
        (name, made)
    }

    async fn trust(&self, app: &str) {
        let trusted = json!({"properties": {"issuer": ISSUER, "subject": "repo:a", "audiences": [AUDIENCE]}});
        assert_eq!(self.azure.put(&credential(app, "main"), &trusted).await.0, 201);
    }

    /// Signs in as an identity with an assertion that is good but for these changes.
    async fn sign_in(&self, app: &str, key: &SigningKey, changes: Value, scope: &str) -> (u16, Value) {
        let (_, identity) = self.azure.get(&format!("{IDENTITIES}/{app}?api-version=2023-01-31")).await;
        let expires = time::OffsetDateTime::now_utc().unix_timestamp() + 600;
        let mut claims = json!({"iss": ISSUER, "sub": "repo:a", "aud": AUDIENCE, "exp": expires});
        json_patch::merge(&mut claims, &changes);
        let assertion = key.sign(&claims).unwrap();
        let form = [
            ("client_id", identity["properties"]["clientId"].as_str().unwrap()),
            ("scope", scope),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ];
        self.azure.sign_in(&form).await
    }

    /// A token for vaults.
    async fn access_token(&self, app: &str) -> String {
        let (status, answer) = self.sign_in(app, &self.key, json!({}), "https://vault.azure.net/.default").await;
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn refuses(&self, key: &SigningKey, changes: Value, code: u64) -> bool {
        let (app, _) = self.identity().await;
        self.trust(&app).await;
        let (status, answer) = self.sign_in(&app, key, changes, "https://management.azure.com/.default").await;
        assert!(status == 200 || answer["error_codes"] == json!([code]), "{answer}");
        status != 200
    }

    async fn keeps_the_quota(&self) -> bool {
        let (app, _) = self.identity().await;
        for n in 0..20 {
            let (status, answer) =
                self.azure.put(&credential(&app, &format!("number-{n}")), &body(&n.to_string())).await;
            assert_eq!(status, 201, "{answer}");
        }
        refused(self.azure.put(&credential(&app, "number-20"), &body("20")).await, 400)
    }

    async fn keeps_writers_apart(&self) -> bool {
        let (app, _) = self.identity().await;
        self.set(json!({"latency_ms": 200})).await;
        let (first, second) = (credential(&app, "first"), credential(&app, "second"));
        let (one, two) = (body("1"), body("2"));
        let ((first, _), (second, _)) = tokio::join!(self.azure.put(&first, &one), self.azure.put(&second, &two));
        self.set(json!({"latency_ms": 0})).await;
        match (first, second) {
            (201, 409) | (409, 201) => true,
            (201, 201) => false,
            other => panic!("{other:?}"),
        }
    }

    /// Credentials, principals and roles: all three wait, or none.
    async fn keeps_what_is_new_unknown(&self) -> bool {
        let minute = json!({
            "credential_propagation_ms": 60_000, "principal_replication_ms": 60_000, "role_propagation_ms": 60_000,
            "rules": {"principal_type_skips_replication": false},
        });
        self.set(minute).await;
        let (app, made) = self.identity().await;
        self.trust(&app).await;
        let scope = "https://vault.azure.net/.default";
        let signed_in = self.sign_in(&app, &self.key, json!({}), scope).await;
        let assigned = self.assign(&made).await;
        // The vault is asked by somebody who is known for long, and has had a role for no time.
        self.set(json!({"credential_propagation_ms": 0, "principal_replication_ms": 0})).await;
        let known = self.assign(&made).await;
        assert!(known.0 == 201 || known.0 == 409, "{known:?}");
        let read = self.is_refused_by_the_vault(&self.access_token(&app).await).await;
        self.set(json!({"role_propagation_ms": 0, "rules": {"principal_type_skips_replication": true}})).await;
        let waits = [signed_in.0 != 200, refused(assigned, 400), read];
        assert!(waits.iter().all(|wait| *wait == waits[0]), "some of it waits and some does not: {waits:?}");
        waits[0]
    }

    async fn assign(&self, identity: &Value) -> (u16, Value) {
        let name = Uuid::new_v4();
        let target = format!("{VAULT}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01");
        let role = format!("/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}");
        let principal = &identity["properties"]["principalId"];
        let assignment =
            json!({"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"});
        self.azure.put(&target, &json!({"properties": assignment})).await
    }

    async fn is_refused_by_the_vault(&self, token: &str) -> bool {
        let (_, vault) = self.azure.get(&format!("{VAULT}?api-version=2023-07-01")).await;
        let uri = vault["properties"]["vaultUri"].as_str().unwrap();
        let secret = format!("{uri}secrets/db-password?api-version=7.4");
        let (status, answer) = self.azure.get_with(Some(token), &secret).await;
        assert!(status == 200 || answer["error"]["innererror"]["code"] == "ForbiddenByRbac", "{answer}");
        status != 200
    }

    async fn keeps_owners(&self) -> bool {
        let name = format!("account-{}", Uuid::new_v4().simple());
        let apply = async |manager: &str| {
            let path = format!("namespaces/demo/serviceaccounts/{name}?fieldManager={manager}");
            let annotations = json!({"azure.workload.identity/client-id": manager});
            let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": name, "annotations": annotations}});
            self.azure.apply(&path, &account).await
        };
        assert_eq!(apply("first").await.0, 201);
        let second = apply("second").await;
        assert!(second.0 == 200 || second.1["reason"] == "Conflict", "{second:?}");
        second.0 == 409
    }
}

/// Whether a write was refused with this status; anything but that or a success is a mistake of the test.
fn refused((status, answer): (u16, Value), expected: u16) -> bool {
    assert!(status == expected || status == 201, "{status}: {answer}");
    status == expected
}
