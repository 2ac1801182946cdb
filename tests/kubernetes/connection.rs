//! From settings to a connection: over TLS, through proxies, with plugins; and what is wrong with those that do not work.

use std::os::unix::fs::PermissionsExt as _;

use azwi::kubernetes::{Client, Environment, Exec, Kind, Settings};

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
    for (no_proxy, expected) in [(None, 1), (Some("127.0.0.1"), 0)] {
        let proxy = proxy().await;
        let environment = Environment {
            all_proxy: Some(proxy.url()),
            no_proxy: no_proxy.map(str::to_owned),
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
    for wrong in [settings("x", &key), settings(&certificate, "x"), settings(&certificate, &certificate)] {
        let error = Client::new(wrong).service_account("app", "web", &wait()).await.unwrap_err();
        assert_eq!((error.kind, error.attribute), (Kind::Configuration, Some("client_certificate")), "{error}");
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
    let command = exec.command.clone();
    let settings = Settings { host: Some("http://127.0.0.1:1".to_owned()), exec: Some(exec), ..Settings::default() };
    let error = Client::new(settings).service_account("app", "web", &wait()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unauthorized);
    assert!(error.message.contains(&command) && error.message.contains("run az login"), "{error}");
    assert!(!error.to_string().contains("token-on-stdout"), "{error}");
}

#[tokio::test]
async fn a_credential_plugin_that_is_not_installed_is_named() {
    let exec = Exec { command: "no-such-kubelogin".to_owned(), ..plugin(tempfile::tempdir().unwrap().path(), "") };
    let settings = Settings { host: Some("http://127.0.0.1:1".to_owned()), exec: Some(exec), ..Settings::default() };
    let error = Client::new(settings).service_account("app", "web", &wait()).await.unwrap_err();
    assert!(error.message.contains("no-such-kubelogin"), "{error}");
}
