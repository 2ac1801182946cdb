//! Against the emulator, which verifies what it is shown: signatures, issuers, subjects, secrets.

use std::sync::LazyLock;

use azwi::azure::config::{AksWorkload, Endpoints};
use azwi::azure::credentials::Trust;
use azwi::azure::identities::IdentitySpec;
use azwi::azure::role_assignments::{Filter, Grant};
use azwi::azure::{Azure, Config, CredentialId, ErrorKind, IdentityId, RoleAssignmentId, Scope};
use azwi_emulator::seed::{Application, Credential, Issuer, default_seed};
use azwi_emulator::{Emulator, Options};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::json;

use super::environment::{serve, trust_also};
use super::fixtures::{Bundle, bundle, secret, some, wait};
use super::server::Reply;

const CLIENT: &str = "30000000-0000-4000-8000-0000000000aa";
const ISSUER: &str = "https://pipelines.example";

struct World {
    emulator: Emulator,
    certificate: Bundle,
    pipeline: EncodingKey,
    tenant: String,
    subscription: String,
}

/// One emulator for all: an application with a secret, a certificate and a trusted issuer.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    super::environment::setup();
    let certificate = bundle("p@ss");
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let pipeline = EncodingKey::from_rsa_pem(key.serialize_pem().as_bytes()).unwrap();
    let mut public = Jwk::from_encoding_key(&pipeline, Algorithm::RS256).unwrap();
    public.common.key_id = Some("1".to_owned());
    let mut seed = default_seed();
    let tenant = seed.tenants[0].id.clone();
    let subscription = seed.subscriptions[0].id.clone();
    seed.issuers.push(Issuer { issuer: ISSUER.to_owned(), jwks: json!({ "keys": [public] }) });
    let trusted = |subject: &str| Credential {
        name: subject.to_owned(),
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        audience: None,
    };
    seed.applications.push(Application {
        client_id: CLIENT.to_owned(),
        object_id: None,
        name: "pipeline".to_owned(),
        tenant: None,
        secrets: vec!["right".to_owned()],
        expired_secrets: Vec::new(),
        service_principal: true,
        certificates: vec![certificate.pem.clone()],
        federated_identity_credentials: vec![trusted("main")],
        permissions: None,
    });
    // It has a runtime of its own, which cannot be started on a thread of another's.
    let options = Options { seed: Some(seed), ..Options::default() };
    let emulator = std::thread::spawn(|| Emulator::start(options)).join().unwrap().unwrap();
    trust_also(&emulator.ca_pem);
    World { emulator, certificate, pipeline, tenant, subscription }
});

/// A token as a pipeline gets it.
fn assertion(subject: &str) -> String {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let claims = json!({"iss": ISSUER, "sub": subject, "aud": "api://AzureADTokenExchange", "iat": now, "nbf": now, "exp": now + 300});
    let header = Header { kid: Some("1".to_owned()), ..Header::new(Algorithm::RS256) };
    jsonwebtoken::encode(&header, &claims, &WORLD.pipeline).unwrap()
}

fn base() -> Config {
    let url = WORLD.emulator.url.clone();
    Config {
        tenant_id: Some(WORLD.tenant.clone()),
        client_id: some(CLIENT),
        subscription_id: Some(WORLD.subscription.clone()),
        endpoints: Endpoints {
            active_directory_authority_host: Some(url.clone()),
            resource_manager_endpoint: Some(url),
            resource_manager_audience: some("https://management.azure.com/"),
            microsoft_graph_endpoint: None,
        },
        ..Config::default()
    }
}

fn with_secret() -> Config {
    Config { client_secret: secret("right"), ..base() }
}

fn identity(name: &str) -> IdentityId {
    let group = format!("/subscriptions/{}/resourceGroups/rg-demo", WORLD.subscription);
    format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}").parse().unwrap()
}

/// A token that Resource Manager takes.
async fn works(config: Config) {
    let azure = Azure::new(config).unwrap();
    let method = azure.sign_in_method();
    let found = azure.identities().get(&identity("nobody"), &wait()).await;
    assert_eq!(found.unwrap_or_else(|error| panic!("{method}: {error}")), None);
}

#[tokio::test]
async fn every_method_that_entra_decides_gets_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        some(path.to_str().unwrap())
    };
    let token = assertion("main");
    let pipeline = {
        let token = token.clone();
        serve(move |_| Reply::json(200, json!({"value": token, "oidcToken": token}))).await
    };
    let oidc = Config { use_oidc: true, ..base() };
    let asks = Config {
        oidc_request_url: Some(format!("{}/token?x=y", pipeline.url())),
        oidc_request_token: secret("t"),
        ..oidc.clone()
    };
    works(with_secret()).await;
    works(Config {
        client_certificate_path: write("bundle.pfx", &WORLD.certificate.pfx),
        client_certificate_password: secret("p@ss"),
        ..base()
    })
    .await;
    works(Config { oidc_token: secret(&token), ..oidc.clone() }).await;
    works(Config { oidc_token_file_path: write("token", token.as_bytes()), ..oidc }).await;
    works(asks.clone()).await;
    works(Config { ado_pipeline_service_connection_id: some("c"), ..asks }).await;
    let aks_workload = AksWorkload {
        client_id: some(CLIENT),
        tenant_id: Some(WORLD.tenant.clone()),
        token_file: write("azure-identity-token", token.as_bytes()),
    };
    works(Config { use_aks_workload_identity: true, aks_workload, ..base() }).await;
    works(Config {
        metadata_host: WORLD.emulator.url.strip_prefix("https://").map(str::to_owned),
        endpoints: Endpoints::default(),
        ..with_secret()
    })
    .await;
}

#[tokio::test]
async fn what_entra_refuses_is_told_with_its_code_the_method_and_what_to_set() {
    let stranger = "30000000-0000-4000-8000-0000000000ff";
    let nowhere = "10000000-0000-4000-8000-0000000000ff";
    for (config, code, what) in [
        (Config { client_secret: secret("wrong"), ..base() }, "AADSTS7000215", "client_secret"),
        (Config { client_id: some(stranger), ..with_secret() }, "AADSTS700016", "client_id"),
        (Config { tenant_id: some(nowhere), ..with_secret() }, "AADSTS90002", "tenant_id"),
        (
            Config { use_oidc: true, oidc_token: Some(assertion("branch").into()), ..base() },
            "AADSTS700213",
            "federated identity credential",
        ),
    ] {
        let azure = Azure::new(config).unwrap();
        let method = azure.sign_in_method();
        let error = azure.identities().get(&identity("nobody"), &wait()).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::SignIn, Some(code)), "{error}");
        assert!(error.operation.contains(method) && error.hint.as_deref().unwrap().contains(what), "{error}");
    }
}

#[tokio::test]
async fn an_oidc_token_file_that_changes_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, assertion("branch")).unwrap();
    let config = Config { use_oidc: true, oidc_token_file_path: some(path.to_str().unwrap()), ..base() };
    let azure = Azure::new(config).unwrap();
    assert_eq!(azure.identities().get(&identity("nobody"), &wait()).await.unwrap_err().kind, ErrorKind::SignIn);
    std::fs::write(&path, assertion("main")).unwrap();
    azure.identities().get(&identity("nobody"), &wait()).await.unwrap();
}

#[tokio::test]
async fn an_identity_its_credentials_and_its_roles_come_and_go() {
    let azure = Azure::new(with_secret()).unwrap();
    let (id, wait) = (identity("shop"), wait());
    let spec = IdentitySpec { location: "westeurope".to_owned(), ..IdentitySpec::default() };
    let made = azure.identities().put(&id, &spec, &wait).await.unwrap();
    assert!(spec.describes(&azure.identities().get(&id, &wait).await.unwrap().unwrap()));

    let credential = |name: &str| CredentialId::new(id.clone(), name).unwrap();
    let trust = |subject: &str| Trust {
        issuer: "https://issuer.example/".to_owned(),
        subject: subject.to_owned(),
        audience: azure.token_exchange_audience().to_owned(),
    };
    let credentials = azure.credentials();
    for n in 0..20 {
        credentials.put(&credential(&format!("name-{n}")), &trust(&n.to_string()), &wait).await.unwrap();
    }
    assert_eq!(credentials.list(&id, &wait).await.unwrap().len(), 20);
    let changed = credentials.put(&credential("name-0"), &trust("other"), &wait).await.unwrap();
    assert_eq!(changed.properties.subject.as_deref(), Some("other"));
    let duplicate = credentials.put(&credential("name-0"), &trust("1"), &wait).await.unwrap_err();
    assert!(duplicate.is_duplicate_issuer_and_subject(), "{duplicate}");
    let hurried = Azure::new(with_secret()).unwrap().with_patience(super::fixtures::hurry());
    let full = hurried.credentials().put(&credential("one-more"), &trust("more"), &wait).await.unwrap_err();
    assert!(full.kind == ErrorKind::Conflict && full.to_string().contains("20"), "{full}");
    credentials.delete(&credential("name-0"), &wait).await.unwrap();
    credentials.delete(&credential("name-0"), &wait).await.unwrap();
    assert_eq!(credentials.get(&credential("name-0"), &wait).await.unwrap(), None);

    let scope: Scope = id.group().into();
    let role = azure.role_definitions().find(&scope, "Key Vault Secrets User", &wait).await.unwrap();
    let grant = Grant {
        role: role.id.parse().unwrap(),
        principal_id: made.properties.principal_id.clone(),
        principal_type: "ServicePrincipal".to_owned(),
        description: None,
        condition: None,
        condition_version: None,
        delegated_managed_identity_resource_id: None,
    };
    let assignment = |name: &str| RoleAssignmentId::new(scope.clone(), name).unwrap();
    let (first, second) = ("66666666-7777-8888-9999-000000000001", "66666666-7777-8888-9999-000000000002");
    azure.role_assignments().put(&assignment(first), &grant, &wait).await.unwrap();
    let twice = azure.role_assignments().put(&assignment(second), &grant, &wait).await.unwrap_err();
    assert!(twice.is_role_assignment_exists(), "{twice}");
    let all =
        azure.role_assignments().list(&scope, &Filter::Principal(grant.principal_id.clone()), &wait).await.unwrap();
    assert!(all.iter().any(|found| grant.describes(found)));
    let unknown = Grant { principal_id: made.properties.client_id.clone(), ..grant.clone() };
    let mistaken = hurried.role_assignments().put(&assignment(second), &unknown, &wait).await.unwrap_err();
    assert!(mistaken.is_principal_not_found() && mistaken.to_string().contains("client id"), "{mistaken}");
    azure.role_assignments().delete(&assignment(first), &wait).await.unwrap();
    assert_eq!(azure.role_assignments().get(&assignment(first), &wait).await.unwrap(), None);

    let orphan = CredentialId::new(identity("nobody"), "web").unwrap();
    let missing = hurried.credentials().put(&orphan, &trust("s"), &wait).await.unwrap_err();
    assert!(missing.kind == ErrorKind::NotFound && missing.hint.is_some(), "{missing}");

    azure.identities().delete(&id, &wait).await.unwrap();
    assert_eq!(azure.identities().get(&id, &wait).await.unwrap(), None);
}
