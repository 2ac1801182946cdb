//! Every way to sign in gets a token, and each says what is wrong when it cannot.

use std::sync::Mutex;

use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use azwi::azure::config::AksWorkload;
use azwi::azure::{Azure, Config, ErrorKind, Secret};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::Method;
use rcgen::PublicKeyData;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::environment::{cli_folder, serve};
use super::fixtures::{ARM, Bundle, SUBSCRIPTION, TENANT, bundle, config, nobody, secret, some, token};
use super::server::{Asked, Reply, Server};

async fn entra() -> Server {
    serve(|asked| token(asked).unwrap_or(Reply::Close)).await
}

fn application(server: &Server) -> Config {
    Config { tenant_id: some(TENANT), client_id: some("client"), ..nobody(server) }
}

async fn signed_in(config: Config) -> String {
    Azure::new(config).unwrap().token(ARM).await.unwrap().token.expose().to_owned()
}

/// The assertions that were presented.
fn assertions(server: &Server) -> Vec<String> {
    server.log().iter().filter_map(|asked| asked.form("client_assertion")).collect()
}

#[tokio::test]
async fn a_client_secret_is_exchanged_for_a_token_once_for_a_scope() {
    let server = entra().await;
    let azure = Azure::new(config(&server)).unwrap();
    assert!(server.log().is_empty(), "making a client asks nobody");
    let (first, second) = tokio::join!(azure.token(ARM), azure.token(ARM));
    assert_eq!(first.unwrap().token.expose(), format!("{TENANT}|{ARM}"));
    assert_eq!(second.unwrap().token, azure.token(ARM).await.unwrap().token);
    assert_eq!(server.log().len(), 1);
    let asked = &server.log()[0];
    assert_eq!(asked.form("client_secret").as_deref(), Some("s3cret"));
    assert_eq!(asked.form("grant_type").as_deref(), Some("client_credentials"));
    assert_eq!(azure.tenant_id().await.unwrap(), TENANT);
}

#[tokio::test]
async fn a_refusal_of_entra_is_told_in_its_words_whatever_is_escaped_in_them() {
    let answers = [
        r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Trace ID: t","error_codes":[7000215],"trace_id":"t-1"}"#,
        "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret \\\"provided\\\".\\r\\nTrace ID: t\",\"error_codes\":[7000215],\"trace_id\":\"t-1\"}",
    ];
    for answer in answers {
        let server = serve(move |_| Reply::text(401, answer)).await;
        let error = Azure::new(config(&server)).unwrap().token(ARM).await.unwrap_err();
        assert_eq!((error.kind, error.status), (ErrorKind::SignIn, Some(401)));
        assert_eq!((error.code.as_deref(), error.request_id.as_deref()), (Some("AADSTS7000215"), Some("t-1")));
        let text = error.to_string();
        assert!(error.operation.ends_with("client secret") && text.contains("Invalid client secret"), "{text}");
        assert!(text.contains("ARM_CLIENT_SECRET") && !text.contains("s3cret"), "{text}");
        assert_eq!(server.log().len(), 1, "a refusal is not tried again");
    }
}

#[tokio::test]
async fn entra_is_asked_again_when_it_is_overloaded() {
    let first = Mutex::new(true);
    let server = serve(move |asked| {
        if std::mem::take(&mut *first.lock().unwrap()) {
            return Reply::text(503, "busy");
        }
        token(asked).unwrap()
    })
    .await;
    signed_in(config(&server)).await;
    assert_eq!(server.log().len(), 2);
}

#[tokio::test]
async fn a_client_certificate_signs_an_assertion_that_names_it() {
    let server = entra().await;
    let Bundle { key, der, pem: certificate_pem, pfx } = bundle("p@ss");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.pfx");
    std::fs::write(&path, &pfx).unwrap();
    let in_file = Config {
        client_certificate_path: some(path.to_str().unwrap()),
        client_certificate_password: secret("p@ss"),
        ..application(&server)
    };
    let in_text = Config {
        client_certificate: Some(Secret::new(BASE64_STANDARD.encode(&pfx))),
        client_certificate_password: secret("p@ss"),
        ..application(&server)
    };
    for config in [in_file.clone(), in_text.clone()] {
        signed_in(config).await;
    }
    for assertion in assertions(&server) {
        let parts: Vec<&str> = assertion.split('.').collect();
        let part = |index: usize| BASE64_URL_SAFE_NO_PAD.decode(parts[index]).unwrap();
        let header: Value = serde_json::from_slice(&part(0)).unwrap();
        let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&der));
        assert_eq!(header, json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}));
        let claims: Value = serde_json::from_slice(&part(1)).unwrap();
        assert_eq!(claims["aud"], format!("{}/{TENANT}/oauth2/v2.0/token", server.url()));
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("client"), &json!("client")));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap(), 600);
        UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.der_bytes())
            .verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &part(2))
            .unwrap();
    }
    assert_eq!(assertions(&server).len(), 2);

    let pem = folder.path().join("cert.pem");
    std::fs::write(&pem, certificate_pem).unwrap();
    for (config, what) in [
        (Config { client_certificate_password: secret("wrong"), ..in_file.clone() }, "ARM_CLIENT_CERTIFICATE_PASSWORD"),
        (Config { client_certificate: secret("!"), ..in_text }, "not base64"),
        (Config { client_certificate_path: some(pem.to_str().unwrap()), ..in_file }, "openssl pkcs12 -export"),
    ] {
        let error = Azure::new(config).unwrap().token(ARM).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.to_string().contains("client certificate") && error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn an_oidc_token_is_presented_as_it_is_and_a_file_is_read_again_each_time() {
    let server = entra().await;
    let given = Config { use_oidc: true, oidc_token: secret("given"), ..application(&server) };
    signed_in(given).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "first\n").unwrap();
    let in_file = Config { use_oidc: true, oidc_token_file_path: some(path.to_str().unwrap()), ..application(&server) };
    let azure = Azure::new(in_file).unwrap();
    azure.token(ARM).await.unwrap();
    std::fs::write(&path, "second\n").unwrap();
    azure.token("https://graph.example/.default").await.unwrap();
    assert_eq!(assertions(&server), ["given", "first", "second"]);
    assert_eq!(
        server.log()[0].form("client_assertion_type").as_deref(),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    std::fs::remove_file(&path).unwrap();
    let error = azure.token("https://vault.example/.default").await.unwrap_err().to_string();
    assert!(
        error.contains("OIDC token file") && error.contains("oidc_token_file_path") && error.contains("token"),
        "{error}"
    );
}

#[tokio::test]
async fn a_pod_s_workload_identity_signs_in() {
    let server = entra().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("azure-identity-token");
    std::fs::write(&path, "projected").unwrap();
    let aks_workload =
        AksWorkload { client_id: some("pod"), tenant_id: some(TENANT), token_file: some(path.to_str().unwrap()) };
    signed_in(Config { use_aks_workload_identity: true, aks_workload, ..nobody(&server) }).await;
    assert_eq!(assertions(&server), ["projected"]);
    assert_eq!(server.log()[0].form("client_id").as_deref(), Some("pod"));
}

#[tokio::test]
async fn github_hands_out_a_token_for_the_cloud_s_audience() {
    let server = serve(|asked| match asked.path.as_str() {
        "/actions/token" if asked.header("authorization") == Some("bearer may-ask") => {
            Reply::json(200, json!({"value": "of-github"}))
        }
        "/actions/token" => Reply::json(403, json!({"message": "Resource not accessible by integration"})),
        _ => token(asked).unwrap(),
    })
    .await;
    let config = Config {
        use_oidc: true,
        oidc_request_url: Some(format!("{}/actions/token?api-version=2.0", server.url())),
        oidc_request_token: secret("may-ask"),
        ..application(&server)
    };
    signed_in(config.clone()).await;
    assert_eq!(assertions(&server), ["of-github"]);
    let asked = &server.log()[0];
    assert_eq!((asked.method.clone(), asked.query("audience")), (Method::GET, some("api://AzureADTokenExchange")));
    assert_eq!(asked.query("api-version").as_deref(), Some("2.0"));

    let refused = Azure::new(Config { oidc_request_token: secret("may-not"), ..config }).unwrap();
    let error = refused.token(ARM).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::SignIn, Some(403)));
    let text = error.to_string();
    assert!(error.operation.ends_with("OIDC of GitHub") && text.contains("not accessible"), "{text}");
    assert!(text.contains("permissions") && !text.contains("may-not") && !text.contains("audience="), "{text}");
}

#[tokio::test]
async fn azure_devops_hands_out_a_token_for_a_service_connection() {
    let server = serve(|asked| match asked.path.as_str() {
        "/oidctoken" if asked.header("authorization") == Some("Bearer job") => {
            Reply::json(200, json!({"oidcToken": "of-devops"}))
        }
        "/oidctoken" => Reply::text(401, ""),
        _ => token(asked).unwrap(),
    })
    .await;
    let config = Config {
        use_oidc: true,
        ado_pipeline_service_connection_id: some("connection"),
        oidc_request_url: Some(format!("{}/oidctoken", server.url())),
        oidc_request_token: secret("job"),
        ..application(&server)
    };
    signed_in(config.clone()).await;
    assert_eq!(assertions(&server), ["of-devops"]);
    let asked = &server.log()[0];
    assert_eq!((asked.method.clone(), asked.query("serviceConnectionId")), (Method::POST, some("connection")));
    assert_eq!(
        (asked.query("api-version").as_deref(), asked.header("x-tfs-fedauthredirect")),
        (Some("7.1"), Some("Suppress"))
    );

    let error =
        Azure::new(Config { oidc_request_token: secret("no"), ..config }).unwrap().token(ARM).await.unwrap_err();
    assert_eq!(error.status, Some(401));
    assert!(error.operation.ends_with("OIDC of Azure DevOps"), "{error}");
}

/// The metadata service: refuses without its header, knows one identity, and writes times as text.
fn metadata(asked: &Asked) -> Reply {
    if asked.header("metadata") != Some("true") {
        return Reply::text(400, "no header");
    }
    if asked.query("client_id").is_some_and(|id| id != "assigned") {
        return Reply::json(400, json!({"error": "invalid_request", "error_description": "Identity not found"}));
    }
    let payload = BASE64_URL_SAFE_NO_PAD.encode(json!({"tid": TENANT}).to_string());
    Reply::json(
        200,
        json!({"access_token": format!("e30.{payload}.s"), "expires_on": "4102444800", "resource": asked.query("resource"), "token_type": "Bearer"}),
    )
}

#[tokio::test]
async fn a_managed_identity_gets_its_token_from_the_metadata_service() {
    let server = serve(metadata).await;
    let config = Config {
        use_msi: true,
        msi_endpoint: Some(format!("{}/metadata/identity/oauth2/token", server.url())),
        client_id: some("assigned"),
        ..nobody(&server)
    };
    let azure = Azure::new(config.clone()).unwrap();
    azure.token(ARM).await.unwrap();
    let asked = &server.log()[0];
    assert_eq!(asked.query("resource").as_deref(), Some("https://arm.example"));
    assert_eq!(
        (asked.query("api-version").as_deref(), asked.query("client_id").as_deref()),
        (Some("2018-02-01"), Some("assigned"))
    );
    assert_eq!(azure.tenant_id().await.unwrap(), TENANT, "the tenant is in the token");

    let stranger =
        Azure::new(Config { client_id: some("stranger"), msi_api_version: some("2019-08-01"), ..config }).unwrap();
    let error = stranger.token(ARM).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::SignIn, Some(400)));
    let text = error.to_string();
    assert!(error.operation.ends_with("managed identity") && text.contains("Identity not found"), "{text}");
    assert!(text.contains("`client_id`"), "{text}");
    assert_eq!(server.log().last().unwrap().query("api-version").as_deref(), Some("2019-08-01"));
}

#[tokio::test]
async fn the_metadata_service_is_waited_for_while_it_is_updated() {
    let first = Mutex::new(true);
    let server =
        serve(
            move |asked| {
                if std::mem::take(&mut *first.lock().unwrap()) { Reply::text(410, "") } else { metadata(asked) }
            },
        )
        .await;
    signed_in(Config { use_msi: true, msi_endpoint: Some(server.url()), ..nobody(&server) }).await;
    assert_eq!(server.log().len(), 2);
}

#[tokio::test]
async fn the_azure_cli_gives_tokens_a_tenant_and_a_subscription() {
    let server = entra().await;
    let cli = Config { use_cli: true, subscription_id: None, ..nobody(&server) };
    let azure = Azure::new(cli.clone()).unwrap();
    assert_eq!(azure.subscription_id().await.unwrap().guid(), SUBSCRIPTION);
    assert_eq!(azure.tenant_id().await.unwrap(), TENANT);
    let token = azure.token(ARM).await.unwrap();
    assert!(token.token.expose().contains("--scope https://arm.example/.default"), "{}", token.token.expose());
    azure.token(ARM).await.unwrap();
    assert!(server.log().is_empty());

    let elsewhere =
        signed_in(Config { tenant_id: some("contoso.example"), subscription_id: some(SUBSCRIPTION), ..cli.clone() })
            .await;
    assert!(elsewhere.contains("--tenant contoso.example") && !elsewhere.contains("--subscription"), "{elsewhere}");
    let calls = std::fs::read_to_string(cli_folder().join("calls")).unwrap();
    assert_eq!(calls.matches("account show").count(), 1);

    for (tenant, what) in [("expired", "AADSTS700082"), ("missing", "Install the Azure CLI")] {
        let error =
            Azure::new(Config { tenant_id: some(tenant), ..cli.clone() }).unwrap().token(ARM).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::SignIn);
        assert!(error.operation.ends_with("Azure CLI") && error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn auxiliary_tenants_send_their_tokens_along() {
    let server = serve(|asked| token(asked).unwrap_or(Reply::error(404, "ResourceNotFound", "gone"))).await;
    let config = Config { auxiliary_tenant_ids: vec!["other-1".into(), "other-2".into()], ..config(&server) };
    let azure = Azure::new(config).unwrap();
    azure.identities().get(&super::fixtures::identity("shop"), &super::fixtures::wait()).await.unwrap();
    let asked = server.log().into_iter().last().unwrap();
    let own = format!("Bearer {TENANT}|{ARM}");
    assert_eq!(asked.header("authorization"), Some(own.as_str()));
    let others = format!("Bearer other-1|{ARM}, Bearer other-2|{ARM}");
    assert_eq!(asked.header("x-ms-authorization-auxiliary"), Some(others.as_str()));
}

#[tokio::test]
async fn a_metadata_host_is_asked_at_first_use_and_only_once() {
    let server = serve(|asked| {
        let host = format!("https://{}", asked.header("host").unwrap());
        match asked.path.as_str() {
            "/metadata/endpoints" => Reply::json(
                200,
                json!([
                    {"name": "AzureCloud", "resourceManager": host, "authentication": {"loginEndpoint": host, "audiences": ["https://of.metadata/"]}},
                    {"name": "Other", "resourceManager": "https://other"},
                ]),
            ),
            _ => token(asked).unwrap_or(Reply::error(404, "ResourceNotFound", "gone")),
        }
    })
    .await;
    let config = Config {
        metadata_host: Some(server.address.to_string()),
        tenant_id: some(TENANT),
        client_id: some("client"),
        client_secret: secret("s"),
        ..Config::default()
    };
    let azure = Azure::new(config).unwrap();
    assert!(server.log().is_empty());
    azure.identities().get(&super::fixtures::identity("shop"), &super::fixtures::wait()).await.unwrap();
    azure.identities().get(&super::fixtures::identity("shop"), &super::fixtures::wait()).await.unwrap();
    assert_eq!(server.count(Method::GET, "/metadata/endpoints"), 1);
    let scope = server.log().iter().find_map(|asked| asked.form("scope")).unwrap();
    assert_eq!(scope, "https://of.metadata/.default");
}

#[tokio::test]
async fn answer_that_is_no_token_is_not_quoted() {
    for answer in ["\"hunter2\"", "{\"access_token\": [\"hunter2\"]}", "hunter2"] {
        let server = serve(move |_| Reply::text(200, answer)).await;
        let ways = [
            config(&server),
            Config { use_oidc: true, oidc_token: secret("given"), ..application(&server) },
            Config { use_msi: true, msi_endpoint: Some(server.url()), ..nobody(&server) },
            Config {
                use_oidc: true,
                oidc_request_url: Some(server.url()),
                oidc_request_token: secret("may-ask"),
                ..application(&server)
            },
        ];
        for config in ways {
            let error = Azure::new(config).unwrap().token(ARM).await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}

#[tokio::test]
async fn hung_azure_cli_is_killed_when_nobody_waits_for_it() {
    let azure =
        Azure::new(Config { use_cli: true, tenant_id: some("hangs"), subscription_id: None, ..nobody(&entra().await) })
            .unwrap();
    let pid = cli_folder().join("hangs");
    let waiting = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        tokio::select! {
            token = azure.token(ARM) => panic!("{token:?}"),
            () = async { while !pid.exists() { tokio::time::sleep(std::time::Duration::from_millis(10)).await } } => {}
        }
    });
    waiting.await.unwrap();
    let sleep = std::fs::read_to_string(&pid).unwrap();
    let process = nix::unistd::Pid::from_raw(sleep.trim().parse().unwrap());
    for _ in 0..500 {
        // A zombie whose new parent has not looked yet is dead, too.
        let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        if nix::sys::signal::kill(process, None).is_err() || state.contains(") Z ") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the child of az lives on");
}
