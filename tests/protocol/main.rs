//! The provider's program as Terraform meets it: started as a plugin, spoken to over its socket.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy sees helpers outside #[test] as no tests"
)]

mod calls;
mod crypto;
mod host;
mod panic;

use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use azwi::protocol::proto::{
    go_plugin::{
        ConnInfo, Empty, grpc_broker_client::GrpcBrokerClient, grpc_controller_client::GrpcControllerClient,
        grpc_stdio_client::GrpcStdioClient,
    },
    tfplugin6 as tf,
};
use calls::null_configuration;
use host::{COOKIE, Certificate, Plugin, connect_plainly, ended_within, program, send};
use nix::sys::signal::Signal;
use rustls::version::{TLS12, TLS13};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

const TWO_SECONDS: Duration = Duration::from_secs(2);

/// Runs a test in a process of its own, which is this program once more; `None` in that process.
fn alone(test: &str) -> Option<Output> {
    const ALONE: &str = "AZWI_TEST_ALONE";
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", test, "--nocapture"]).env(ALONE, test);
    std::env::var_os(ALONE).is_none().then(|| program.output().unwrap())
}

#[test]
fn by_hand_nothing_is_on_stdout_and_stderr_explains() {
    let wrong = [(COOKIE.0, "wrong")];
    for environment in [&[][..], &wrong[..]] {
        let output = program().envs(environment.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        assert!(String::from_utf8(output.stderr).unwrap().contains("terraform init"));
    }
}

#[test]
fn a_host_that_sends_no_certificate_is_not_served() {
    let output = program().env(COOKIE.0, COOKIE.1).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8(output.stderr).unwrap().contains("TF_DISABLE_PLUGIN_TLS"));
}

#[test]
fn a_socket_that_cannot_be_made_is_explained() {
    let certificate = Certificate::like_go_plugin();
    let mut command = program();
    command.env(COOKIE.0, COOKIE.1).env("PLUGIN_CLIENT_CERT", certificate.pem);
    let output = command.env("PLUGIN_UNIX_SOCKET_DIR", "/nonexistent/folder").output().unwrap();
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/nonexistent/folder/plugin"));
}

#[tokio::test]
async fn the_line_names_protocol_6_and_the_socket_in_the_chosen_folder() {
    let plugin = Plugin::start_with(program().env("PLUGIN_MULTIPLEX_GRPC", "true"));
    assert!(plugin.line.starts_with("1|6|unix|/"), "{}", plugin.line);
    assert!(plugin.line.ends_with("|false\n"), "{}", plugin.line);
    assert_eq!(plugin.socket.parent(), Some(plugin.directory.path()));
}

#[tokio::test]
async fn a_client_with_the_hosts_certificate_is_served_in_both_versions_of_tls() {
    let plugin = Plugin::start();
    for version in [&TLS13, &TLS12] {
        let channel = plugin.connect_as(Some(&plugin.certificate), version).await.unwrap();
        let mut provider = tf::provider_client::ProviderClient::new(channel);
        let schema = provider.get_provider_schema(tf::get_provider_schema::Request {}).await.unwrap().into_inner();
        assert!(schema.provider.unwrap().block.is_some());
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_or_with_another_or_without_tls_is_refused() {
    let plugin = Plugin::start();
    let stranger = Certificate::like_go_plugin();
    let attempts = [
        plugin.connect_as(None, &TLS13).await,
        plugin.connect_as(None, &TLS12).await,
        plugin.connect_as(Some(&stranger), &TLS13).await,
        plugin.connect_as(Some(&stranger), &TLS12).await,
        connect_plainly(&plugin.socket).await,
    ];
    for channel in attempts.into_iter().flatten() {
        let mut provider = tf::provider_client::ProviderClient::new(channel);
        provider.get_metadata(tf::get_metadata::Request {}).await.unwrap_err();
    }
    // And the host is still served.
    plugin.provider().await.get_metadata(tf::get_metadata::Request {}).await.unwrap();
}

// On two threads: the test waits for the process on one, while the client says goodbye on the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_ends_the_process_in_time_and_removes_the_socket() {
    let mut plugin = Plugin::start();
    let channel = plugin.connect().await;
    // What Terraform leaves open.
    let mut stdio = GrpcStdioClient::new(channel.clone()).stream_stdio(()).await.unwrap().into_inner();
    let offers = tokio_stream::iter([ConnInfo::default()]);
    let offers = futures::StreamExt::chain(offers, futures::stream::pending());
    let mut broker = GrpcBrokerClient::new(channel.clone()).start_stream(offers).await.unwrap().into_inner();
    // Somebody who has connected and says nothing.
    let _silent = tokio::net::UnixStream::connect(&plugin.socket).await.unwrap();

    let started = Instant::now();
    GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
    assert_eq!(stdio.message().await.unwrap(), None, "the stream ends");
    assert_eq!(broker.message().await.unwrap(), None, "the stream ends");
    let (status, _) = plugin.ended_within(TWO_SECONDS);
    assert!(status.success() && started.elapsed() < TWO_SECONDS);
    assert_eq!(plugin.directory.path().read_dir().unwrap().count(), 0, "the socket is left behind");
}

#[tokio::test]
async fn the_health_service_serves_under_the_name_plugin() {
    let plugin = Plugin::start();
    let mut health = HealthClient::new(plugin.connect().await);
    let answer = health.check(HealthCheckRequest { service: "plugin".to_owned() }).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
}

#[tokio::test]
async fn neither_an_interrupt_nor_stop_provider_ends_the_server() {
    let plugin = Plugin::start();
    let mut provider = plugin.provider().await;
    plugin.signal(Signal::SIGINT);
    let stopped = provider.stop_provider(tf::stop_provider::Request {}).await.unwrap().into_inner();
    assert_eq!(stopped.error, "");
    plugin.signal(Signal::SIGINT);
    tokio::time::sleep(Duration::from_millis(200)).await;
    provider.get_provider_schema(tf::get_provider_schema::Request {}).await.unwrap();
}

// On two threads: the test waits for the process on one, while the client says goodbye on the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_the_process_and_removes_the_socket() {
    let mut plugin = Plugin::start();
    let channel = plugin.connect().await;
    let mut stdio = GrpcStdioClient::new(channel).stream_stdio(()).await.unwrap().into_inner();
    plugin.signal(Signal::SIGTERM);
    assert_eq!(stdio.message().await.unwrap(), None, "the stream ends");
    assert!(plugin.ended_within(TWO_SECONDS).0.success());
    assert!(!plugin.socket.exists());
}

#[test]
fn the_process_ends_when_its_host_is_gone() {
    // A shell that is the plugin's parent, and is then killed.
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg("\"$0\" & wait").arg(env!("CARGO_BIN_EXE_terraform-provider-azwi"));
    shell.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let plugin = Plugin::start_with(&mut shell);
    assert!(plugin.socket.exists());
    plugin.signal(Signal::SIGKILL);
    let started = Instant::now();
    while plugin.socket.exists() {
        assert!(started.elapsed() < Duration::from_secs(5), "the plugin outlives its host");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn the_log_is_json_at_the_level_that_was_asked_for() {
    let mut plugin = Plugin::start_with(program().env("TF_LOG", "ERROR").env("TF_LOG_PROVIDER", "debug"));
    let channel = plugin.connect().await;
    let mut provider = tf::provider_client::ProviderClient::new(channel.clone());
    provider.get_metadata(tf::get_metadata::Request {}).await.unwrap();
    let _ = plugin.connect_as(Some(&Certificate::like_go_plugin()), &TLS12).await.unwrap_err();
    GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
    let (_, stderr) = plugin.ended_within(TWO_SECONDS);
    let lines: Vec<serde_json::Value> = stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let served = lines.iter().find(|line| line["@message"] == "Served request").unwrap();
    assert_eq!((&served["tf_rpc"], &served["@level"]), (&"GetMetadata".into(), &"debug".into()));
    assert!(served["tf_req_id"].is_string() && served["tf_req_duration_ms"].is_u64());
    let warnings: Vec<_> = lines.iter().filter(|line| line["@level"] == "warn").collect();
    assert!(matches!(warnings[..], [refused] if refused["error"].is_string()), "{warnings:?}");
    assert!(lines.iter().all(|line| line["@level"] != "trace"));
}

#[tokio::test]
async fn in_debug_mode_one_client_after_another_is_served_until_an_interrupt() {
    let mut child = program().arg("--debug").spawn().unwrap();
    let mut printed = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.as_mut().unwrap());
    let reattach = loop {
        let start = printed.len();
        assert_ne!(std::io::BufRead::read_line(&mut stdout, &mut printed).unwrap(), 0, "{printed}");
        let line = printed[start..].trim();
        if let Some(value) = line.strip_prefix("TF_REATTACH_PROVIDERS='") {
            break serde_json::from_str::<serde_json::Value>(value.strip_suffix('\'').unwrap()).unwrap();
        }
    };
    let provider = &reattach["azwi/azwi"];
    assert_eq!((&provider["Protocol"], &provider["ProtocolVersion"]), (&"grpc".into(), &6.into()));
    assert_eq!((&provider["Pid"], &provider["Test"]), (&child.id().into(), &true.into()));
    assert_eq!(provider["Addr"]["Network"], "unix");
    let socket = std::path::PathBuf::from(provider["Addr"]["String"].as_str().unwrap());

    for _ in 0..2 {
        let channel = connect_plainly(&socket).await.unwrap();
        let mut client = tf::provider_client::ProviderClient::new(channel.clone());
        let schema = client.get_provider_schema(tf::get_provider_schema::Request {}).await.unwrap().into_inner();
        let msgpack = null_configuration(&schema.provider.unwrap());
        let config = Some(tf::DynamicValue { msgpack, json: Vec::new() });
        let request = tf::configure_provider::Request { config, ..Default::default() };
        assert_eq!(client.configure_provider(request).await.unwrap().into_inner().diagnostics, []);
        client.stop_provider(tf::stop_provider::Request {}).await.unwrap();
        GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
    }
    send(&child, Signal::SIGINT);
    assert!(ended_within(&mut child, TWO_SECONDS).0.success());
    assert!(!socket.exists());
}
