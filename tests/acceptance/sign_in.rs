//! Who signs in, by what: block against environment, mistakes that are told at plan, and secrets that are told to nobody.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::azwi::{Azwi, changes, each_with_its_own_emulator, on_an_emulated_cluster_only, under_every_terraform};

const IDENTITY: &str = r#"
resource "azwi_user_assigned_identity" "app" {
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}
"#;

const ACCOUNT: &str = r#"
resource "azwi_service_account" "app" {
  name      = "app"
  namespace = var.namespace
  client_id = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11"
}
"#;

/// What no one may read: every secret of these tests holds it.
const SECRET: &str = "hunter2";

fn provider(attributes: &str) -> String {
    format!("provider \"azwi\" {{\n{attributes}\n}}\n")
}

/// Writes an executable script and returns its path.
fn script(azwi: &Azwi, name: &str, text: &str) -> String {
    let path = azwi.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path.display().to_string()
}

/// Puts an `az` in front of PATH.
fn az(azwi: &mut Azwi, text: &str) {
    let az = script(azwi, "bin/az", text);
    let folder = Path::new(&az).parent().unwrap().display();
    let path = format!("{folder}:{}", azwi.environment["PATH"]);
    azwi.environment.insert("PATH".to_owned(), path);
}

/// The first cluster of the emulator: its address, a token, and its authority's certificate as a file.
fn cluster(azwi: &Azwi) -> (String, String, String) {
    let config: serde_json::Value = serde_saphyr::from_str(&azwi.emulator.kubeconfig()).unwrap();
    let cluster = &config["clusters"][0]["cluster"];
    let user = &config["users"][0]["user"];
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let authority = azwi.environment["SSL_CERT_FILE"].clone();
    (text(&cluster["server"]), text(&user["token"]), authority)
}

#[test]
fn block_that_says_oidc_never_signs_in_with_the_secret_of_the_environment() {
    each_with_its_own_emulator(|azwi| {
        assert!(azwi.environment.contains_key("ARM_CLIENT_SECRET"), "or this shows nothing");
        for block in ["use_oidc = true\n  client_secret = \"\"", "use_oidc = true"] {
            azwi.write(&format!("{}{IDENTITY}", provider(&format!("  {block}\n  oidc_token = \"{SECRET}\""))));
            azwi.apply_fails().says(&["OIDC", "AADSTS"]);
        }
        azwi.emulator.assert_empty(&azwi.group, &azwi.namespace);
    });
}

#[test]
fn missing_subscription_fails_plan_unless_something_supplies_it() {
    each_with_its_own_emulator(|mut azwi| {
        let subscription = azwi.environment.remove("ARM_SUBSCRIPTION_ID").unwrap();
        azwi.write(IDENTITY);
        let before = azwi.emulator.requests();
        let missing = ["subscription_id", "ARM_SUBSCRIPTION_ID"];
        azwi.run(&["plan", "-json"]).failed().says(&missing);

        // Without a secret the Azure CLI signs in, and may supply one.
        let secret = azwi.environment.remove("ARM_CLIENT_SECRET").unwrap();
        az(&mut azwi, "echo 'ERROR: Please run az login to setup account.' >&2; exit 1");
        azwi.run(&["plan", "-json"]).failed().says(&[&missing[..], &["`az`", "status 1", "az login"]].concat());
        az(&mut azwi, &format!("echo '{{\"id\": \"{subscription}\", \"tenantId\": \"t\"}}'"));
        assert_eq!(azwi.plan(), changes([("azwi_user_assigned_identity.app", "create")]));
        assert_eq!(azwi.emulator.requests(), before);

        azwi.environment.insert("ARM_CLIENT_SECRET".to_owned(), secret);
        azwi.write(&format!("{}{IDENTITY}", provider(&format!("  subscription_id = \"{subscription}\""))));
        azwi.plan();
    });
}

#[test]
fn subscription_that_is_a_name_or_zero_fails_plan_where_it_is_set() {
    each_with_its_own_emulator(|mut azwi| {
        let before = azwi.emulator.requests();
        for wrong in ["Demo", "00000000-0000-0000-0000-000000000000"] {
            azwi.write(&format!("{}{IDENTITY}", provider(&format!("  subscription_id = \"{wrong}\""))));
            azwi.run(&["validate", "-json"]).failed().on("subscription_id", &[wrong, "GUID"]);
            azwi.write(
                &IDENTITY.replace("location ", "subscription_id = \"WRONG\"\n  location ").replace("WRONG", wrong),
            );
            azwi.run(&["validate", "-json"]).failed().on("subscription_id", &[wrong]);
            azwi.write(IDENTITY);
            azwi.environment.insert("ARM_SUBSCRIPTION_ID".to_owned(), wrong.to_owned());
            azwi.run(&["plan", "-json"]).failed().says(&["ARM_SUBSCRIPTION_ID", wrong]);
        }
        assert_eq!(azwi.emulator.requests(), before);
    });
}

#[test]
fn subscription_of_the_provider_may_be_its_whole_id() {
    under_every_terraform(|mut azwi| {
        let subscription = azwi.environment.remove("ARM_SUBSCRIPTION_ID").unwrap();
        azwi.environment.insert("ARM_SUBSCRIPTION_ID".to_owned(), format!("/subscriptions/{subscription}"));
        azwi.applied(IDENTITY);
        azwi.destroy();
    });
}

#[test]
fn left_over_variables_beside_a_complete_block_do_not_matter() {
    on_an_emulated_cluster_only("its kubeconfig has one token for all", |mut azwi| {
        let (host, token, authority) = cluster(&azwi);
        for (name, text) in [
            ("KUBE_CTX", "left-over"),
            ("KUBE_CTX_CLUSTER", "left-over"),
            ("KUBE_CONFIG_PATH", "/left/over"),
            ("KUBE_USER", "left-over"),
            ("KUBE_INSECURE", "true"),
            ("KUBE_CLUSTER_ID", "left-over"),
        ] {
            azwi.environment.insert(name.to_owned(), text.to_owned());
        }
        fs::write(azwi.path("token"), format!("{token}\n")).unwrap();
        let block = format!(
            "  kubernetes {{\n    host = \"{host}\"\n    token = file(\"token\")\n    cluster_ca_certificate = file(\"{authority}\")\n  }}"
        );
        azwi.applied(&format!("{}{ACCOUNT}", provider(&block)));
        azwi.destroy();
    });
}

#[test]
fn token_that_ends_in_a_line_end_signs_in_wherever_it_comes_from() {
    on_an_emulated_cluster_only("its kubeconfig has one token for all", |mut azwi| {
        let (host, token, _) = cluster(&azwi);
        let kubeconfig = azwi.environment.remove("KUBE_CONFIG_PATH").unwrap();
        azwi.environment.insert("KUBE_HOST".to_owned(), format!("{host}\n"));
        azwi.environment.insert("KUBE_TOKEN".to_owned(), format!("{token}\n"));
        azwi.applied(ACCOUNT);
        azwi.environment.insert("KUBE_TOKEN".to_owned(), format!("{SECRET}\n{SECRET}"));
        azwi.run(&["plan", "-json"]).failed().says(&["KUBE_TOKEN"]);
        azwi.environment.remove("KUBE_HOST");
        azwi.environment.remove("KUBE_TOKEN");

        let mut config: serde_json::Value = serde_saphyr::from_str(&fs::read_to_string(kubeconfig).unwrap()).unwrap();
        config["users"][0]["user"]["token"] = format!("{token}\n").into();
        azwi.file("padded", &config.to_string());
        azwi.environment.insert("KUBE_CONFIG_PATH".to_owned(), azwi.path("padded").display().to_string());
        azwi.applied(ACCOUNT);
        azwi.destroy();
    });
}

#[test]
fn mistakes_in_the_kubernetes_block_are_told_on_their_attribute() {
    each_with_its_own_emulator(|azwi| {
        let before = azwi.emulator.requests();
        for (attribute, text) in [
            ("host", "cluster.example.org"),
            ("host", "https://me:hunter2@cluster.example.org"),
            ("cluster_ca_certificate", "/etc/ssl/ca.pem"),
            ("client_certificate", "LS0tLS1CRUdJTg=="),
            ("client_key", "hunter2"),
            ("tls_server_name", "https://cluster.example.org"),
            ("proxy_url", "proxy:3128"),
            ("token", "hunter2\\nhunter2"),
        ] {
            azwi.write(&format!(
                "{}{ACCOUNT}",
                provider(&format!("  kubernetes {{\n    {attribute} = \"{text}\"\n  }}"))
            ));
            let told = azwi.run(&["validate", "-json"]).failed();
            let detail = &told.on(attribute, &[]).detail;
            assert!(!detail.contains(SECRET), "{detail}");
        }
        assert_eq!(azwi.emulator.requests(), before);
    });
}

/// A way to sign in that fails: a name, what the environment has for it, and the configuration.
struct Failing {
    name: &'static str,
    environment: Vec<(&'static str, String)>,
    config: String,
}

/// Every way to sign in, each with secrets, and each in vain.
fn failing(azwi: &Azwi) -> Vec<Failing> {
    let client = azwi.environment["ARM_CLIENT_ID"].clone();
    let metadata = format!("https://{}", azwi.environment["ARM_METADATA_HOSTNAME"]);
    let bundle = azwi.path("bundle.pfx");
    fs::write(&bundle, "no bundle").unwrap();
    let token_file = azwi.path("secret-token");
    fs::write(&token_file, SECRET).unwrap();
    let azure = |name, environment: &[(&'static str, &str)]| Failing {
        name,
        environment: environment.iter().map(|(name, text)| (*name, (*text).to_owned())).collect(),
        config: IDENTITY.to_owned(),
    };
    let plugin = script(azwi, "plugin", "echo hunter2; echo not signed in >&2; exit 3");
    let users = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {plugin}, args: [--secret, hunter2], env: [{{name: S, value: hunter2}}]}}}}"
    );
    let kubeconfig = |name: &str, user: &str| {
        let path = azwi.path(name);
        let text = format!(
            "clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1'}}}}]\nusers: [{{name: u, user: {user}}}]\n\
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n"
        );
        fs::write(&path, text).unwrap();
        ("KUBE_CONFIG_PATH", path.display().to_string())
    };
    let cluster = |name, variable| Failing { name, environment: vec![variable], config: ACCOUNT.to_owned() };
    let torn = azwi.path("torn");
    fs::write(&torn, "hunter2\nhunter2").unwrap();
    vec![
        azure("client secret", &[("ARM_CLIENT_SECRET", SECRET)]),
        azure(
            "client certificate",
            &[("ARM_CLIENT_CERTIFICATE_PATH", bundle.to_str().unwrap()), ("ARM_CLIENT_CERTIFICATE_PASSWORD", SECRET)],
        ),
        azure(
            "certificate in text",
            &[("ARM_CLIENT_CERTIFICATE", SECRET), ("ARM_CLIENT_CERTIFICATE_PASSWORD", SECRET)],
        ),
        azure("OIDC token", &[("ARM_USE_OIDC", "true"), ("ARM_OIDC_TOKEN", SECRET)]),
        azure("torn OIDC token", &[("ARM_USE_OIDC", "true"), ("ARM_OIDC_TOKEN", "hunter2\nhunter2")]),
        azure(
            "OIDC token file",
            &[("ARM_USE_OIDC", "true"), ("ARM_OIDC_TOKEN_FILE_PATH", token_file.to_str().unwrap())],
        ),
        azure(
            "GitHub",
            &[
                ("ARM_USE_OIDC", "true"),
                ("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("{metadata}/none?x={SECRET}")),
                ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", SECRET),
            ],
        ),
        azure(
            "Azure DevOps",
            &[
                ("ARM_USE_OIDC", "true"),
                ("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "connection"),
                ("SYSTEM_OIDCREQUESTURI", &format!("{metadata}/none?x={SECRET}")),
                ("SYSTEM_ACCESSTOKEN", SECRET),
            ],
        ),
        azure(
            "managed identity",
            &[("ARM_USE_MSI", "true"), ("ARM_MSI_ENDPOINT", &format!("{metadata}/none?x={SECRET}"))],
        ),
        azure(
            "App Service",
            &[
                ("ARM_USE_MSI", "true"),
                ("IDENTITY_ENDPOINT", &format!("{metadata}/none")),
                ("IDENTITY_HEADER", SECRET),
                ("ARM_CLIENT_ID", &client),
            ],
        ),
        azure("Azure CLI", &[("ARM_USE_CLI", "true")]),
        cluster("plugin of a kubeconfig", kubeconfig("a", &users)),
        cluster("no such plugin", kubeconfig("b", &users.replace(&plugin, "/no/such/plugin"))),
        cluster(
            "plugin without an answer",
            kubeconfig("c", &users.replace(&plugin, &script(azwi, "talks", "echo token hunter2"))),
        ),
        cluster("torn token", kubeconfig("d", "{token: \"hunter2\\nhunter2\"}")),
        cluster("torn token file", kubeconfig("e", &format!("{{tokenFile: {}}}", torn.display()))),
        cluster(
            "auth provider",
            kubeconfig(
                "f",
                &format!("{{auth-provider: {{name: gcp, config: {{cmd-path: {plugin}, cmd-args: hunter2}}}}}}"),
            ),
        ),
        cluster(
            "key that is none",
            kubeconfig("g", "{client-certificate-data: aHVudGVyMg==, client-key-data: aHVudGVyMg==}"),
        ),
        cluster("password", kubeconfig("h", "{username: me, password: hunter2}")),
        Failing {
            name: "plugin of the block",
            environment: vec![("TF_VAR_secret", SECRET.to_owned())],
            config: format!(
                "variable \"secret\" {{}}\n{}{ACCOUNT}",
                provider(&format!(
                    "  kubernetes {{\n    host = \"https://127.0.0.1:1\"\n    exec {{\n      api_version = \"client.authentication.k8s.io/v1\"\n      \
                     command = \"{plugin}\"\n      args = [\"--secret\", var.secret]\n      env = {{ SECRET = var.secret }}\n    }}\n  }}"
                ))
            ),
        },
    ]
}

#[test]
fn secrets_are_in_no_diagnostic_log_or_state_however_signing_in_fails() {
    on_an_emulated_cluster_only("its metadata host is the emulator's", |mut azwi| {
        az(&mut azwi, "echo hunter2; echo 'ERROR: AADSTS700082: The refresh token has expired.' >&2; exit 1");
        azwi.environment.insert("TF_LOG".to_owned(), "TRACE".to_owned());
        let usual = azwi.environment.clone();
        for way in failing(&azwi) {
            azwi.environment = usual.clone();
            azwi.environment.remove("ARM_CLIENT_SECRET");
            azwi.environment.extend(way.environment.into_iter().map(|(name, text)| (name.to_owned(), text)));
            azwi.write(&way.config);
            let run = azwi.run(&["apply", "-json", "-input=false", "-auto-approve"]);
            assert!(!run.status.success() && !run.diagnostics("error").is_empty(), "{} should fail:\n{run}", way.name);
            for diagnostic in run.diagnostics("error").iter().chain(&run.diagnostics("warning")) {
                let text = format!("{diagnostic}");
                assert!(!text.contains(SECRET) && !text.contains("aHVudGVyMg"), "{}: {text}", way.name);
                assert!(!text.contains("panic"), "{}: {text}", way.name);
            }
            // Terraform's own lines may tell the environment; the provider's may not.
            let ours = run.stderr.lines().filter(|line| line.contains("provider.terraform-provider-azwi"));
            let telling: Vec<&str> = ours.filter(|line| line.contains(SECRET)).collect();
            assert!(telling.is_empty(), "{}: {telling:#?}", way.name);
            let state = fs::read_to_string(azwi.path("terraform.tfstate")).unwrap_or_default();
            assert!(!state.contains(SECRET), "{}: {state}", way.name);
        }
    });
}

#[test]
fn hung_plugin_does_not_outlive_an_interrupted_run() {
    on_an_emulated_cluster_only("its plugin never answers", |azwi| {
        let pid = azwi.path("pid");
        let plugin =
            script(&azwi, "plugin", &format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display()));
        let block = format!(
            "  kubernetes {{\n    host = \"https://127.0.0.1:1\"\n    exec {{\n      api_version = \"client.authentication.k8s.io/v1\"\n      \
             command = \"{plugin}\"\n    }}\n  }}"
        );
        azwi.write(&format!("{}{ACCOUNT}", provider(&block)));
        let apply = azwi.start_apply();
        azwi.emulator.wait_until("the plugin runs", |_| pid.exists());
        let group = format!("-{}", apply.id());
        assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
        let start = Instant::now();
        azwi.finish_apply(apply).failed();
        assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
        let sleep = nix::unistd::Pid::from_raw(fs::read_to_string(&pid).unwrap().trim().parse().unwrap());
        // A zombie whose new parent has not looked yet is dead, too.
        let zombie = || fs::read_to_string(format!("/proc/{sleep}/stat")).is_ok_and(|state| state.contains(") Z "));
        azwi.emulator
            .wait_until("the plugin's child is gone", |_| nix::sys::signal::kill(sleep, None).is_err() || zombie());
    });
}

#[test]
fn no_proxy_exempts_addresses_from_the_proxy_on_both_planes() {
    on_an_emulated_cluster_only("it has an IP address", |mut azwi| {
        azwi.environment.insert("HTTPS_PROXY".to_owned(), "http://127.0.0.1:1".to_owned());
        let port = azwi.environment["ARM_METADATA_HOSTNAME"].rsplit(':').next().unwrap().to_owned();
        for no_proxy in
            ["*".to_owned(), "example.org, *".to_owned(), format!("127.0.0.1:{port}"), "127.0.0.0/8".to_owned()]
        {
            azwi.environment.insert("NO_PROXY".to_owned(), no_proxy.replace("127.0.0.1", &host(&azwi)));
            azwi.applied(&format!("{IDENTITY}{ACCOUNT}"));
            azwi.destroy();
        }
    });
}

/// The emulator's host, without its port.
fn host(azwi: &Azwi) -> String {
    let address = &azwi.environment["ARM_METADATA_HOSTNAME"];
    address.rsplit_once(':').unwrap().0.to_owned()
}
