//! The catalogue of sign-in errors: every number that the emulator has, and an input that causes it.

use std::collections::BTreeSet;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use regex::Regex;
use serde_json::{Value, json};

use crate::core::http::Request;
use crate::core::jwt::SigningKey;
use crate::entra::issuer;
use crate::seed::Seed;
use crate::test::Api;

const TENANT: &str = "10000000-0000-4000-8000-000000000001";
const CI: &str = "30000000-0000-4000-8000-0000000000c1";
const BARE: &str = "30000000-0000-4000-8000-0000000000c2";
const WITHOUT_PRINCIPAL: &str = "30000000-0000-4000-8000-0000000000c3";
const ISSUER: &str = "https://ci.example";
const DARK: &str = "https://dark.example";

/// What is sent; what is empty is left out.
struct Input {
    tenant: &'static str,
    form: Vec<(&'static str, String)>,
}

struct Bed {
    api: Api,
    key: SigningKey,
    stranger: SigningKey,
    certificate: Certificate,
}

/// A certificate that is registered on the application, and one that is not.
struct Certificate {
    key: String,
    thumbprint: String,
    pem: String,
}

impl Certificate {
    fn new() -> Self {
        use base64::Engine as _;
        let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, certificate.der());
        let thumbprint = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
        Self { key: key.serialize_pem(), thumbprint, pem: certificate.pem() }
    }
}

impl Bed {
    fn new() -> Self {
        let (mut api, key, certificate) = (Api::new(), SigningKey::generate().unwrap(), Certificate::new());
        let seed = json!({
            "applications": [
                {"client_id": CI, "name": "ci", "secrets": ["s"], "expired_secrets": ["old"],
                 "certificates": [certificate.pem], "federated_identity_credentials": [
                    {"name": "main", "issuer": ISSUER, "subject": "repo:a"},
                    {"name": "dark", "issuer": DARK, "subject": "repo:a"},
                ]},
                {"client_id": BARE, "name": "bare"},
                {"client_id": WITHOUT_PRINCIPAL, "name": "homeless", "secrets": ["s"], "service_principal": false},
            ],
            "issuers": [{"issuer": ISSUER, "jwks": key.jwks()}],
        });
        Seed::parse(&seed.to_string()).unwrap().apply(&mut api.world).unwrap();
        // Fetched keys are good for seconds only, which a busy machine may take for this.
        api.world.clock.stop();
        issuer::remember(&mut api.world, DARK.to_owned(), Err("no route".to_owned()));
        Self { api, key, stranger: SigningKey::generate().unwrap(), certificate }
    }

    /// A request that would succeed, but for these parameters; one that is null is left out.
    fn with(&self, changes: Value) -> Input {
        let scope = "https://management.azure.com/.default";
        let mut form =
            json!({"grant_type": "client_credentials", "client_id": CI, "client_secret": "s", "scope": scope});
        json_patch::merge(&mut form, &changes);
        const NAMES: [&str; 7] = [
            "grant_type",
            "client_id",
            "client_secret",
            "scope",
            "client_assertion",
            "client_assertion_type",
            "unused",
        ];
        let form = NAMES.into_iter().filter_map(|name| Some((name, form.get(name)?.as_str()?.to_owned()))).collect();
        Input { tenant: TENANT, form }
    }

    fn asserting(&self, assertion: &str) -> Input {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        self.with(json!({"client_secret": null, "client_assertion_type": kind, "client_assertion": assertion}))
    }

    fn claims(&self, changes: Value) -> Value {
        let now = self.api.world.clock.unix();
        let mut claims = json!({"iss": ISSUER, "sub": "repo:a", "aud": "api://AzureADTokenExchange", "exp": now + 300});
        json_patch::merge(&mut claims, &changes);
        claims
    }

    /// A federated assertion that is good but for these claims.
    fn federated(&self, changes: Value) -> Input {
        self.asserting(&self.key.sign(&self.claims(changes)).unwrap())
    }

    /// An assertion that the application signs itself, good but for these claims.
    fn own(&self, changes: Value) -> Input {
        let audience = format!("https://127.0.0.1:8443/{TENANT}/oauth2/v2.0/token");
        let mut claims = self.claims(json!({"iss": CI, "sub": CI, "aud": audience}));
        json_patch::merge(&mut claims, &changes);
        let mut header = Header::new(Algorithm::RS256);
        header.x5t = Some(self.certificate.thumbprint.clone());
        let key = EncodingKey::from_rsa_pem(self.certificate.key.as_bytes()).unwrap();
        self.asserting(&jsonwebtoken::encode(&header, &claims, &key).unwrap())
    }

    /// An assertion signed by this algorithm under the name of a key that is published.
    fn signed(&self, algorithm: Algorithm, by: &SigningKey) -> Input {
        let mut header = Header::new(algorithm);
        header.kid = Some(self.key.kid().to_owned());
        let key = EncodingKey::from_rsa_pem(by.pem().as_bytes()).unwrap();
        self.asserting(&jsonwebtoken::encode(&header, &self.claims(json!({})), &key).unwrap())
    }

    fn send(&mut self, input: &Input) -> Value {
        let mut request = Request::test("POST", &format!("/{}/oauth2/v2.0/token", input.tenant));
        request.body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&input.form).finish().into();
        serde_json::from_slice(&self.api.exchange(&request).body).unwrap()
    }
}

/// An input by the number of the error that it causes.
type Cause = (u32, fn(&mut Bed) -> Input);

const CAUSES: &[Cause] = &[
    (50027, |bed| bed.asserting("no.token.this")),
    (50059, |bed| Input { tenant: "common", ..bed.with(json!({})) }),
    (50166, |bed| bed.federated(json!({"iss": DARK}))),
    (501_661, |bed| {
        bed.api.world.settings.rules.unreachable_issuer_code = 501_661;
        bed.federated(json!({"iss": DARK}))
    }),
    (90061, |bed| {
        bed.api.world.settings.rules.unreachable_issuer_code = 90061;
        bed.federated(json!({"iss": DARK}))
    }),
    (70003, |bed| bed.with(json!({"grant_type": "password"}))),
    (70011, |bed| bed.with(json!({"scope": "a b"}))),
    (70021, |bed| {
        bed.api.world.settings.credential_propagation_ms = 10_000_000_000_000;
        bed.federated(json!({}))
    }),
    (70025, |bed| Input {
        form: [bed.federated(json!({})).form, vec![("client_id", BARE.to_owned())]].concat(),
        tenant: TENANT,
    }),
    (90002, |bed| Input { tenant: "nowhere.example", ..bed.with(json!({})) }),
    (500_011, |bed| bed.with(json!({"scope": "https://nowhere.example/.default"}))),
    (700_016, |bed| bed.with(json!({"client_id": TENANT}))),
    (700_021, |bed| bed.own(json!({"sub": BARE}))),
    (700_023, |bed| bed.own(json!({"aud": "https://elsewhere.example"}))),
    (700_024, |bed| bed.federated(json!({"exp": 1}))),
    (700_027, |bed| bed.signed(Algorithm::RS256, &bed.stranger)),
    (700_211, |bed| bed.federated(json!({"iss": "https://ci.example/"}))),
    (700_212, |bed| bed.federated(json!({"aud": "api://other"}))),
    (700_213, |bed| bed.federated(json!({"sub": "repo:b"}))),
    (7_002_138, |bed| bed.federated(json!({"sub": "REPO:a"}))),
    (700_222, |bed| bed.federated(json!({"iss": format!("https://sts.windows.net/{TENANT}/")}))),
    (900_023, |bed| Input { tenant: "no_tenant", ..bed.with(json!({})) }),
    (900_144, |bed| bed.with(json!({"client_id": null}))),
    (900_145, |bed| {
        let mut input = bed.federated(json!({}));
        input.form.retain(|(name, _)| *name != "client_assertion_type");
        input.form.push(("client_assertion_type", "saml".to_owned()));
        input
    }),
    (1_002_012, |bed| bed.with(json!({"scope": "https://management.azure.com"}))),
    (5_002_730, |bed| bed.signed(Algorithm::RS512, &bed.key)),
    (7_000_215, |bed| bed.with(json!({"client_secret": "wrong"}))),
    (7_000_218, |bed| bed.with(json!({"client_secret": null}))),
    (7_000_222, |bed| bed.with(json!({"client_secret": "old"}))),
    (7_000_229, |bed| bed.with(json!({"client_id": WITHOUT_PRINCIPAL}))),
    (7_000_272, |bed| bed.asserting(&bed.stranger.sign(&bed.claims(json!({}))).unwrap())),
];

#[test]
fn every_number_is_reached_by_an_input_that_causes_it() {
    let mut bed = Bed::new();
    for sound in [bed.with(json!({})), bed.federated(json!({})), bed.own(json!({}))] {
        assert!(bed.send(&sound)["access_token"].is_string(), "what the inputs are made from is good");
    }
    for (number, cause) in CAUSES {
        let input = cause(&mut bed);
        let answer = bed.send(&input);
        assert_eq!(answer["error_codes"], json!([number]), "{answer}");
        let text = answer["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{number}: ")), "{text}");
        bed.api.world.settings = crate::core::settings::Settings::default();
    }
}

#[test]
fn no_number_is_without_an_input() {
    let sources = [
        include_str!("assertion.rs"),
        include_str!("federated.rs"),
        include_str!("resource.rs"),
        include_str!("token.rs"),
    ];
    let number = Regex::new(r"(?:SignInError::(?:request|client|new)|mismatch)\(\s*([0-9_]+)").unwrap();
    let all = |source: &&str| -> Vec<u32> {
        number.captures_iter(source).map(|found| found[1].replace('_', "").parse().unwrap()).collect()
    };
    let mut written: BTreeSet<u32> = sources.iter().flat_map(all).collect();
    assert!(written.remove(&90033), "the one for a key that cannot sign, which no input causes");
    written.extend([50166, 501_661, 90061]);
    assert_eq!(written, CAUSES.iter().map(|(number, _)| *number).collect());
}
