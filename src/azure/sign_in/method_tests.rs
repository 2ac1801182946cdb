use super::*;
use crate::azure::config::AksWorkload;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn secret_of(text: &str) -> Option<Secret> {
    Some(Secret::new(text))
}

/// Everything needed for any method but the method itself.
fn base() -> Config {
    Config { tenant_id: some("tenant"), client_id: some("client"), use_cli: true, ..Config::default() }
}

fn refused(config: &Config) -> String {
    Method::choose(config).unwrap_err().to_string()
}

#[test]
fn methods_are_chosen_in_the_order_of_azurerm() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle.pfx");
    std::fs::write(&bundle, "x").unwrap();
    let mut config = Config {
        client_certificate_path: some(bundle.to_str().unwrap()),
        client_secret: secret_of("s"),
        use_oidc: true,
        oidc_token: secret_of("t"),
        oidc_token_file_path: some("/token"),
        ado_pipeline_service_connection_id: some("connection"),
        oidc_request_url: some("https://request"),
        oidc_request_token: secret_of("r"),
        use_msi: true,
        ..base()
    };
    let mut names = Vec::new();
    for step in 0..8 {
        match step {
            0 => {}
            1 => config.client_certificate_path = None,
            2 => config.client_secret = None,
            3 => config.oidc_token = None,
            4 => config.oidc_token_file_path = None,
            5 => config.ado_pipeline_service_connection_id = None,
            6 => config.use_oidc = false,
            _ => config.use_msi = false,
        }
        names.push(Method::choose(&config).unwrap().name());
    }
    assert_eq!(
        names,
        [
            "client certificate",
            "client secret",
            "OIDC token",
            "OIDC token file",
            "OIDC of Azure DevOps",
            "OIDC of GitHub",
            "managed identity",
            "Azure CLI"
        ]
    );
}

#[test]
fn a_method_that_is_asked_for_but_incomplete_is_an_error_that_names_it_and_what_to_set() {
    let no_client = Config { client_id: None, ..base() };
    let no_tenant = Config { tenant_id: None, ..base() };
    for (config, method, what) in [
        (
            Config { client_secret: secret_of("s"), ..no_client.clone() },
            "sign in with client secret: ",
            "ARM_CLIENT_ID",
        ),
        (
            Config { client_secret: secret_of("s"), ..no_tenant.clone() },
            "sign in with client secret: ",
            "ARM_TENANT_ID",
        ),
        (
            Config { client_secret_file_path: some("/no/such"), ..base() },
            "sign in with client secret: ",
            "client_secret_file_path",
        ),
        (
            Config { client_certificate_path: some("/no/such.pfx"), ..base() },
            "sign in with client certificate: ",
            "names no file: /no/such.pfx",
        ),
        (
            Config { client_certificate: secret_of("x"), ..no_client.clone() },
            "sign in with client certificate: ",
            "ARM_CLIENT_ID",
        ),
        (Config { use_oidc: true, ..base() }, "sign in with OIDC: ", "oidc_token_file_path"),
        (
            Config { use_oidc: true, oidc_token: secret_of("t"), ..no_tenant.clone() },
            "sign in with OIDC: ",
            "ARM_TENANT_ID",
        ),
        (
            Config { use_oidc: true, ado_pipeline_service_connection_id: some("c"), ..base() },
            "sign in with OIDC of Azure DevOps: ",
            "SYSTEM_OIDCREQUESTURI",
        ),
        (
            Config {
                use_oidc: true,
                ado_pipeline_service_connection_id: some("c"),
                oidc_request_url: some("https://x"),
                ..base()
            },
            "sign in with OIDC of Azure DevOps: ",
            "SYSTEM_ACCESSTOKEN",
        ),
        (
            Config { use_oidc: true, oidc_request_url: some("https://x"), ..base() },
            "sign in with OIDC of GitHub: ",
            "id-token: write",
        ),
        (
            Config { use_oidc: true, oidc_request_token: secret_of("x"), ..base() },
            "sign in with OIDC of GitHub: ",
            "oidc_request_url",
        ),
        (
            Config { use_oidc: true, oidc_request_token: secret_of("x"), oidc_request_url: some("here"), ..base() },
            "sign in with OIDC of GitHub: ",
            "is not a URL",
        ),
        (
            Config { use_aks_workload_identity: true, ..base() },
            "sign in with AKS workload identity: ",
            "AZURE_CLIENT_ID is not set",
        ),
        (
            Config { use_msi: true, msi_endpoint: some("nowhere"), ..base() },
            "sign in with managed identity: ",
            "`msi_endpoint`",
        ),
        (
            Config { use_msi: true, auxiliary_tenant_ids: vec!["t".into()], ..base() },
            "sign in with managed identity: ",
            "auxiliary_tenant_ids",
        ),
        (Config { use_cli: false, ..base() }, "sign in to Azure: ", "use_cli"),
        (
            Config { client_secret: secret_of("s"), tenant_id: some("a/b"), ..base() },
            "sign in with client secret: ",
            "neither a GUID nor",
        ),
    ] {
        let error = refused(&config);
        assert!(error.starts_with(method) && error.contains(what), "{error}");
    }
}

#[test]
fn values_and_files_must_agree() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        some(path.to_str().unwrap())
    };
    let config = Config {
        client_id: None,
        client_id_file_path: file("id", "client\n"),
        client_secret_file_path: file("secret", "s3cret\n"),
        ..base()
    };
    let application = Application { client_id: "client".into(), tenant_id: "tenant".into() };
    assert_eq!(Method::choose(&config).unwrap(), Method::Secret { application, secret: Secret::new("s3cret") });
    assert!(refused(&Config { client_secret: secret_of("other"), ..config.clone() }).contains("differ"));
    assert!(refused(&Config { client_id: some("other"), ..config.clone() }).contains("says `client`"));
    assert!(refused(&Config { client_secret_file_path: file("empty", " \n"), ..config }).contains("empty file"));
}

#[test]
fn the_pod_s_workload_identity_must_not_contradict_the_configuration() {
    let aks_workload = AksWorkload { client_id: some("client"), tenant_id: some("tenant"), token_file: some("/token") };
    let config = Config { use_aks_workload_identity: true, aks_workload, client_id: None, tenant_id: None, ..base() };
    assert_eq!(Method::choose(&config).unwrap().name(), "AKS workload identity");
    assert!(Method::choose(&Config { client_id: some("client"), ..config.clone() }).is_ok());
    let error = refused(&Config { tenant_id: some("other"), ..config });
    assert!(error.contains("`other`") && error.contains("AZURE_TENANT_ID"), "{error}");
}
