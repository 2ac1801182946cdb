//! What a client sees of replicas: some know, some do not, and one that was asked too early is the last to know.

use serde_json::{Value, json};

use crate::core::http::Request;
use crate::core::jwt::SigningKey;
use crate::seed::Seed;
use crate::test::Api;

const IDENTITY: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app";
const ISSUER: &str = "https://ci.example";

/// An identity that trusts `repo:a`, written under these settings, and somebody who signs in as it.
struct Pod {
    api: Api,
    key: SigningKey,
    client: String,
}

impl Pod {
    fn new(settings: &Value) -> Self {
        let (mut api, key) = (Api::new(), SigningKey::generate().unwrap());
        api.world.clock.stop();
        let seed = json!({"issuers": [{"issuer": ISSUER, "jwks": key.jwks()}]});
        Seed::parse(&seed.to_string()).unwrap().apply(&mut api.world).unwrap();
        api.world.settings = api.world.settings.changed(settings).unwrap();
        let (_, made) = api.put(&format!("{IDENTITY}?api-version=2023-01-31"), &json!({"location": "westeurope"}));
        let client = made["properties"]["clientId"].as_str().unwrap().to_owned();
        Self { api, key, client }
    }

    fn trust(&mut self, subject: &str) {
        let credential = json!({"properties": {"issuer": ISSUER, "subject": subject, "audiences": ["a"]}});
        let target = format!("{IDENTITY}/federatedIdentityCredentials/main?api-version=2023-01-31");
        assert!(self.api.put(&target, &credential).0 < 300);
    }

    /// 0 when it is signed in, else the number of the error.
    fn sign_in(&mut self, subject: &str) -> u64 {
        let expires = self.api.world.clock.unix() + 600;
        let claims = json!({"iss": ISSUER, "sub": subject, "aud": "a", "exp": expires});
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "https://management.azure.com/.default"),
            ("client_id", &self.client),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &self.key.sign(&claims).unwrap()),
        ];
        let mut request = Request::test("POST", "/10000000-0000-4000-8000-000000000001/oauth2/v2.0/token");
        request.body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().into();
        let body: Value = serde_json::from_slice(&self.api.exchange(&request).body).unwrap();
        body["error_codes"][0].as_u64().unwrap_or_default()
    }

    /// Signs in once each second for so many seconds.
    fn seconds(&mut self, seconds: usize) -> Vec<u64> {
        let second = |pod: &mut Self| {
            let answer = pod.sign_in("repo:a");
            pod.api.world.clock.advance(1000);
            answer
        };
        (0..seconds).map(|_| second(self)).collect()
    }
}

fn minute(seed: u64, miss_ms: u64) -> Vec<u64> {
    let replicas = json!({"count": 3, "seed": seed, "spread_ms": 20_000, "miss_ms": miss_ms});
    let mut pod = Pod::new(&json!({"credential_propagation_ms": 5_000, "token_replicas": replicas}));
    pod.trust("repo:a");
    pod.seconds(60)
}

/// The second in which the last sign-in failed.
fn last_failure(answers: &[u64]) -> usize {
    answers.iter().rposition(|answer| *answer != 0).unwrap()
}

#[test]
fn a_sign_in_may_fail_after_one_that_succeeded_until_every_replica_knows() {
    let of_seeds: Vec<_> = (0..4).map(|seed| minute(seed, 0)).collect();
    for answers in &of_seeds {
        assert!(answers[..4].iter().all(|answer| *answer == 70021), "nobody knows it yet: {answers:?}");
        assert!(answers[26..].iter().all(|answer| *answer == 0), "everybody knows it: {answers:?}");
    }
    let flaps = |answers: &[u64]| answers.iter().skip_while(|answer| **answer != 0).any(|answer| *answer == 70021);
    assert!(of_seeds.iter().any(|answers| flaps(answers)), "{of_seeds:?}");
    assert_eq!(minute(1, 0), of_seeds[1], "the same seed, the same answers");
    assert_ne!(of_seeds[2], of_seeds[1]);
}

#[test]
fn who_asks_too_early_waits_longer() {
    let (asked, patient) = (minute(1, 30_000), minute(1, 0));
    assert!(last_failure(&asked) > last_failure(&patient) + 5, "{asked:?}\n{patient:?}");
    assert!(last_failure(&asked) < 56, "a miss is forgotten after its time: {asked:?}");
}

#[test]
fn a_search_in_vain_before_the_credential_was_made_counts_too() {
    let mut pod = Pod::new(&json!({"token_replicas": {"count": 1, "miss_ms": 10_000}}));
    assert_eq!(pod.sign_in("repo:a"), 70025);
    pod.trust("repo:a");
    assert_eq!(pod.sign_in("repo:a"), 70021);
    pod.api.world.clock.advance(10_000);
    assert_eq!(pod.sign_in("repo:a"), 0);
}

#[test]
fn a_replica_that_has_not_heard_of_a_change_takes_the_credential_as_it_was() {
    let settings = json!({"credential_propagation_ms": 5_000, "rules": {"unknown_credential_is_70021": false}});
    let mut pod = Pod::new(&settings);
    pod.trust("repo:a");
    assert_eq!(pod.sign_in("repo:a"), 70025, "it knows of no credential at all");
    pod.api.world.clock.advance(5_000);
    assert_eq!(pod.sign_in("repo:a"), 0);
    pod.trust("repo:b");
    assert_eq!((pod.sign_in("repo:a"), pod.sign_in("repo:b")), (0, 700_213));
    pod.api.world.clock.advance(5_000);
    assert_eq!((pod.sign_in("repo:a"), pod.sign_in("repo:b")), (700_213, 0));
}
