//! From settings to a connection: over TLS, through proxies, with plugins; and what is wrong with those that do not work.

use std::os::unix::fs::PermissionsExt as _;

use azwi::kubernetes::{Client, Environment, Exec, Kind, Proxies, Settings};

use crate::between::{Between, Fate, proxy, socks_proxy};
use crate::cluster::Cluster;
use crate::wait;

#[tokio::test]
async fn nothing_configured_says_what_to_set_and_contacts_nobody() {
    let error = Client::new(Settings::default()).service_account("app", "web", &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    for name in ["config_path", "KUBE_CONFIG_PATH", "host", "KUBE_HOST", "in_cluster_config"] {
        assert!(error.hint.contains(name), "{name} in {}", error.hint);
    }
}

#[tokio::test]
async fn a_server_behind_an_unknown_authority_is_refused_with_the_attribute_to_set() {
    let cluster = Cluster::new().await;
    let settings =
        Settings { host: Some(cluster.server.clone()), token: Some(cluster.token.clone()), ..Settings::default() };
    let trusting = Client::new(Settings { insecure: Some(true), ..settings.clone() });
    assert_eq!(trusting.service_account(&cluster.namespace, "web", &wait()).await, Ok(None));
    let start = std::time::Instant::now();
    let error = Client::new(settings).service_account(&cluster.namespace, "web", &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Untrusted);
    assert!(error.hint.contains("cluster_ca_certificate"), "{error}");
    assert!(start.elapsed() < std::time::Duration::from_secs(2), "it will not be trusted the next time either");
}

#[tokio::test]
async fn the_name_that_a_certificate_must_bear_can_be_set() {
    let cluster = Cluster::new().await;
    let Some(ca) = cluster.authority.clone() else { return };
    let settings = |name: &str| Settings {
        host: Some(cluster.server.clone()),
        token: Some(cluster.token.clone()),
        cluster_ca_certificate: Some(ca.clone()),
        tls_server_name: Some(name.to_owned()),
        ..Settings::default()
    };
    let right = Client::new(settings("127.0.0.1"));
    assert_eq!(right.service_account(&cluster.namespace, "web", &wait()).await, Ok(None));
    let wrong = Client::new(settings("other.example.org"));
    let error = wrong.service_account(&cluster.namespace, "web", &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Untrusted);
    assert!(error.hint.contains("tls_server_name"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let settings = Settings { host: Some("http://127.0.0.1:1".to_owned()), ..Settings::default() };
    let short = azwi::wait::Wait::at_most(std::time::Duration::from_secs(1));
    let error = Client::new(settings).service_account("app", "web", &short).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.message.contains("http://127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_told_by_where_it_came_from() {
    let cluster = Cluster::new().await;
    let settings = Settings { token: Some("wrong".to_owned()), ..cluster.settings() };
    let error = Client::new(settings).service_account(&cluster.namespace, "web", &wait()).await.unwrap_err();
    assert_eq!((error.kind, error.status), (Kind::Unauthorized, Some(401)));
    assert!(error.hint.contains("KUBE_TOKEN"), "what is set here wins over the kubeconfig: {error}");
}

#[tokio::test]
async fn a_proxy_is_used_and_signed_in_to() {
    let stand_in = Between::start(None, |_, _| async { Fate::Answer(404, vec![], String::new()) }).await;
    let proxy = proxy().await;
    let settings = Settings {
        host: Some(stand_in.url.clone()),
        proxy_url: Some(format!("http://user:p%40ss@{}", proxy.address)),
        ..Settings::default()
    };
    assert_eq!(Client::new(settings).service_account("app", "web", &wait()).await, Ok(None));
    let asked = proxy.log();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line(), format!("CONNECT {}", stand_in.url.trim_start_matches("http://")));
    assert_eq!(asked[0].header("proxy-authorization"), Some("Basic dXNlcjpwQHNz"), "user:p@ss");
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_used_unless_no_proxy_names_the_server() {
    let stand_in = Between::start(None, |_, _| async { Fate::Answer(404, vec![], String::new()) }).await;
    for (no_proxy, expected) in [(None, 1), (Some("127.0.0.1"), 0), (Some("*"), 0)] {
        let proxy = proxy().await;
        let environment = Environment {
            proxies: Proxies {
                all_proxy: Some(proxy.url()),
                no_proxy: no_proxy.map(str::to_owned),
                ..Proxies::default()
            },
            ..Environment::default()
        };
        let settings = Settings { host: Some(stand_in.url.clone()), environment, ..Settings::default() };
        assert_eq!(Client::new(settings).service_account("app", "web", &wait()).await, Ok(None));
        assert_eq!(proxy.log().len(), expected, "NO_PROXY={no_proxy:?}");
    }
}

#[tokio::test]
async fn a_socks_proxy_is_used() {
    let stand_in = Between::start(None, |_, _| async { Fate::Answer(404, vec![], String::new()) }).await;
    let (address, asked) = socks_proxy().await;
    let settings = Settings {
        host: Some(stand_in.url.clone()),
        proxy_url: Some(format!("socks5://{address}")),
        ..Settings::default()
    };
    assert_eq!(Client::new(settings).service_account("app", "web", &wait()).await, Ok(None));
    assert_eq!(asked.lock().unwrap().clone(), [stand_in.url.trim_start_matches("http://")]);
}

#[tokio::test]
async fn a_client_certificate_is_taken_as_it_is_pasted_and_refused_where_it_is_none() {
    let stand_in = Between::start(None, |_, _| async { Fate::Answer(404, vec![], String::new()) }).await;
    let made = rcgen::generate_simple_self_signed(vec!["client".to_owned()]).unwrap();
    let settings = |certificate: &str, key: &str| Settings {
        host: Some(stand_in.url.clone()),
        client_certificate: Some(certificate.to_owned()),
        client_key: Some(key.to_owned()),
        ..Settings::default()
    };
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let pasted = Client::new(settings(certificate.trim(), key.trim()));
    assert_eq!(pasted.service_account("app", "web", &wait()).await, Ok(None));
    let other = rcgen::generate_simple_self_signed(vec!["other".to_owned()]).unwrap().signing_key.serialize_pem();
    for (attribute, wrong) in [
        ("client_certificate", settings("x", &key)),
        ("client_certificate", settings(&key, &key)),
        ("client_key", settings(&certificate, "x")),
        ("client_key", settings(&certificate, &certificate)),
        ("client_key", settings(&certificate, &other)),
    ] {
        let error = Client::new(wrong).service_account("app", "web", &wait()).await.unwrap_err();
        assert_eq!((error.kind, error.attribute), (Kind::Configuration, Some(attribute)), "{error}");
        assert!(error.message.contains(&format!("`kubernetes.{attribute}`")), "{error}");
    }
}

fn plugin(folder: &std::path::Path, script: &str) -> Exec {
    let path = folder.join("plugin");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    Exec {
        api_version: "client.authentication.k8s.io/v1".to_owned(),
        command: path.display().to_string(),
        args: vec!["get-token".to_owned()],
        env: [("PLUGIN_TOKEN".to_owned(), "s3cret".to_owned())].into(),
    }
}

#[tokio::test]
async fn a_credential_plugin_signs_in_without_touching_our_pipes() {
    let folder = tempfile::tempdir().unwrap();
    let exec = plugin(
        folder.path(),
        r#"[ "$1" = get-token ] || exit 3
[ -z "$(cat)" ] || exit 4
echo "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"$PLUGIN_TOKEN\"}}""#,
    );
    let stand_in = Between::start(None, |_, _| async { Fate::Answer(404, vec![], String::new()) }).await;
    let settings = Settings { host: Some(stand_in.url.clone()), exec: Some(exec), ..Settings::default() };
    assert_eq!(Client::new(settings).service_account("app", "web", &wait()).await, Ok(None));
    assert_eq!(stand_in.signed_in(), ["Bearer s3cret"]);
}

#[tokio::test]
async fn a_credential_plugin_that_fails_is_quoted_without_what_it_printed() {
    let folder = tempfile::tempdir().unwrap();
    let exec = plugin(folder.path(), "echo token-on-stdout; echo 'not signed in: run az login' >&2; exit 7");
    let settings = Settings { host: Some("http://127.0.0.1:1".to_owned()), exec: Some(exec), ..Settings::default() };
    let error = Client::new(settings).service_account("app", "web", &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unauthorized);
    for part in ["`plugin`", "status 7: ", "run az login"] {
        assert!(error.message.contains(part), "{error}");
    }
    for secret in ["token-on-stdout", "s3cret", "get-token", "PLUGIN_TOKEN"] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}

#[tokio::test]
async fn failing_plugin_of_a_kubeconfig_shows_neither_arguments_nor_environment() {
    let folder = tempfile::tempdir().unwrap();
    let exec = plugin(folder.path(), "printf '\\033[31mno\\007' >&2; exit 1");
    let config = folder.path().join("config");
    let text = format!(
        "clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:1'}}}}]\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n\
         current-context: x\nusers: [{{name: u, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {}, \
         args: [--client-secret, s3cret], env: [{{name: SECRET, value: s3cret}}]}}}}}}]\n",
        exec.command
    );
    std::fs::write(&config, text).unwrap();
    let settings = Settings { config_path: Some(config.display().to_string()), ..Settings::default() };
    let error = Client::new(settings).service_account("app", "web", &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unauthorized);
    assert!(error.message.contains("`plugin`") && error.message.contains("status 1: \\u{1b}[31mno\\u{7}"), "{error}");
    for secret in ["s3cret", "--client-secret", "SECRET"] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}

#[tokio::test]
async fn plugin_with_useless_output_is_named_and_its_output_is_not_shown() {
    for (output, what) in [
        ("hunter2", "ExecCredential"),
        ("{\\\"kind\\\":\\\"ExecCredential\\\",\\\"token\\\":\\\"hunter2\\\"}", "ExecCredential"),
        ("{\\\"status\\\":{}}", "client certificate"),
        ("{\\\"status\\\":{\\\"token\\\":\\\"hunter2 hunter2\\\"}}", "character"),
        (
            "{\\\"status\\\":{\\\"token\\\":\\\"hunter2\\\",\\\"expirationTimestamp\\\":\\\"soon\\\"}}",
            "expirationTimestamp",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let exec = plugin(folder.path(), &format!("echo \"{output}\""));
        let settings =
            Settings { host: Some("http://127.0.0.1:1".to_owned()), exec: Some(exec), ..Settings::default() };
        let error = Client::new(settings).service_account("app", "web", &wait()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unauthorized);
        assert!(error.message.contains("`plugin`") && error.to_string().contains(what), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn hung_plugin_is_killed_at_the_deadline_and_when_the_run_is_stopped() {
    for stopped in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("sleep 300 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display());
        let exec = plugin(folder.path(), &script);
        let settings =
            Settings { host: Some("http://127.0.0.1:1".to_owned()), exec: Some(exec), ..Settings::default() };
        let limit = if stopped { 60 } else { 3 };
        let wait = azwi::wait::Wait::at_most(std::time::Duration::from_secs(limit));
        let client = Client::new(settings);
        let stop = async {
            while !pid.exists() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            if stopped {
                wait.cancel.cancel();
            }
        };
        let (answer, ()) = tokio::join!(client.service_account("app", "web", &wait), stop);
        let error = answer.unwrap_err();
        assert_eq!(error.kind, if stopped { Kind::Cancelled } else { Kind::TimedOut }, "{error}");
        let sleep = std::fs::read_to_string(&pid).unwrap().trim().to_owned();
        assert!(ends(&sleep).await, "the plugin's child {sleep} lives on");
    }
}

/// Whether a process ends within some seconds.
async fn ends(pid: &str) -> bool {
    let process = nix::unistd::Pid::from_raw(pid.parse().unwrap());
    for _ in 0..500 {
        // A zombie whose new parent has not looked yet is dead, too.
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if nix::sys::signal::kill(process, None).is_err() || state.contains(") Z ") {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn plugin_may_return_a_client_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["client".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["other".to_owned()]).unwrap();
    let stand_in = Between::start(None, |_, _| async { Fate::Answer(404, vec![], String::new()) }).await;
    let client = |key: String| {
        let status = serde_json::json!({"clientCertificateData": made.cert.pem(), "clientKeyData": key});
        std::fs::write(folder.path().join("answer"), serde_json::json!({"status": status}).to_string()).unwrap();
        let exec = plugin(folder.path(), &format!("cat {}", folder.path().join("answer").display()));
        Client::new(Settings { host: Some(stand_in.url.clone()), exec: Some(exec), ..Settings::default() })
    };
    let good = client(made.signing_key.serialize_pem());
    assert_eq!(good.service_account("app", "web", &wait()).await, Ok(None));
    assert_eq!(stand_in.signed_in(), [""; 0], "a certificate needs no header");
    let foreign = client(other.signing_key.serialize_pem());
    let error = foreign.service_account("app", "web", &wait()).await.unwrap_err();
    assert!(error.kind == Kind::Unauthorized && error.message.contains("`plugin`"), "{error}");
}

#[tokio::test]
async fn plugin_is_asked_again_when_its_token_expires_or_is_refused_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    for (expires, refusals, runs, tokens) in [
        ("2100-01-01T00:00:00Z", 0, "1", ["Bearer t1", "Bearer t1"]),
        // The first is of the connection itself, and has expired before the first request.
        ("2001-01-01T00:00:00Z", 0, "3", ["Bearer t2", "Bearer t3"]),
        ("2100-01-01T00:00:00Z", 1, "2", ["Bearer t1", "Bearer t2"]),
    ] {
        std::fs::write(&count, "0").unwrap();
        let script = format!(
            r#"n=$(($(cat {0}) + 1)); echo $n > {0}; echo "{{\"status\":{{\"token\":\"t$n\n\",\"expirationTimestamp\":\"{expires}\"}}}}""#,
            count.display()
        );
        let exec = plugin(folder.path(), &script);
        let stand_in = Between::start(None, move |_, before| async move {
            Fate::Answer(if before < refusals { 401 } else { 404 }, vec![], String::new())
        })
        .await;
        let client =
            Client::new(Settings { host: Some(stand_in.url.clone()), exec: Some(exec), ..Settings::default() });
        assert_eq!(client.service_account("app", "web", &wait()).await, Ok(None));
        if refusals == 0 {
            assert_eq!(client.service_account("app", "web", &wait()).await, Ok(None));
        }
        assert_eq!(
            (stand_in.signed_in().as_slice(), std::fs::read_to_string(&count).unwrap().trim()),
            (&tokens.map(str::to_owned)[..], runs)
        );
    }
}

#[tokio::test]
async fn white_space_around_a_token_does_not_count_wherever_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let stand_in = Between::start(None, |_, _| async { Fate::Answer(404, vec![], String::new()) }).await;
    let kubeconfig = |name: &str, user: &str| {
        let text = format!(
            "clusters: [{{name: c, cluster: {{server: '{}'}}}}]\nusers: [{{name: u, user: {user}}}]\n\
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n",
            stand_in.url
        );
        Settings { config_path: Some(file(name, &text)), ..Settings::default() }
    };
    let token_file = file("token", "padded\n");
    let sources = [
        Settings {
            host: Some(format!("{}\n", stand_in.url)),
            token: Some(" padded\n".to_owned()),
            ..Settings::default()
        },
        kubeconfig("a", r#"{token: "padded\n"}"#),
        kubeconfig("b", &format!("{{tokenFile: {token_file}}}")),
    ];
    for settings in sources {
        assert_eq!(Client::new(settings).service_account("app", "web", &wait()).await, Ok(None));
    }
    assert_eq!(stand_in.signed_in(), ["Bearer padded"; 3]);

    let torn_file = file("torn", "hunter2\nhunter2");
    let torn = [
        (
            "token",
            Settings {
                host: Some(stand_in.url.clone()),
                token: Some("hunter2\nhunter2".to_owned()),
                ..Settings::default()
            },
        ),
        ("config_path", kubeconfig("c", r#"{token: "hunter2\nhunter2"}"#)),
        ("config_path", kubeconfig("d", &format!("{{tokenFile: {torn_file}}}"))),
        ("config_path", kubeconfig("e", "{tokenFile: /no/such/token}")),
    ];
    for (attribute, settings) in torn {
        let error = Client::new(settings).service_account("app", "web", &wait()).await.unwrap_err();
        assert_eq!(error.attribute, Some(attribute), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_kubeconfig_that_does_not_exist_is_skipped_beside_one_that_does() {
    let stand_in = Between::start(None, |_, _| async { Fate::Answer(404, vec![], String::new()) }).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let text = format!(
        "clusters: [{{name: c, cluster: {{server: '{}'}}}}]\ncontexts: [{{name: x, context: {{cluster: c}}}}]\ncurrent-context: x\n",
        stand_in.url
    );
    std::fs::write(&path, text).unwrap();
    let several = |paths: &[&str]| Settings {
        config_paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        ..Settings::default()
    };
    let path = path.display().to_string();
    for paths in [["/no/such", path.as_str()], [path.as_str(), "/no/such"]] {
        assert_eq!(Client::new(several(&paths)).service_account("app", "web", &wait()).await, Ok(None));
    }
    for paths in [&["/no/such"][..], &["/no/such", "/nor/this"]] {
        let error = Client::new(several(paths)).service_account("app", "web", &wait()).await.unwrap_err();
        assert_eq!((error.kind, error.attribute), (Kind::Configuration, Some("config_paths")), "{error}");
        assert!(error.message.contains("/no/such"), "{error}");
    }
}

#[tokio::test]
async fn a_credential_plugin_that_is_not_installed_is_named() {
    let exec = Exec { command: "no-such-kubelogin".to_owned(), ..plugin(tempfile::tempdir().unwrap().path(), "") };
    let settings = Settings { host: Some("http://127.0.0.1:1".to_owned()), exec: Some(exec), ..Settings::default() };
    let error = Client::new(settings).service_account("app", "web", &wait()).await.unwrap_err();
    assert!(error.message.contains("no-such-kubelogin"), "{error}");
}
