//! The provider's program as Terraform meets it: started as a plugin, spoken to over its socket.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy sees helpers outside #[test] as no tests"
)]

mod host;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use azwi::protocol::proto::{
    go_plugin::{
        ConnInfo, Empty, grpc_broker_client::GrpcBrokerClient, grpc_controller_client::GrpcControllerClient,
        grpc_stdio_client::GrpcStdioClient,
    },
    tfplugin6::{self as tf, diagnostic::Severity},
};
use host::{COOKIE, Certificate, Plugin, connect_plainly, ended_within, program, send};
use nix::sys::signal::Signal;
use rustls::version::{TLS12, TLS13};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

const TWO_SECONDS: Duration = Duration::from_secs(2);

#[test]
fn by_hand_nothing_is_on_stdout_and_stderr_explains() {
    let wrong = [(COOKIE.0, "wrong")];
    for environment in [&[][..], &wrong[..]] {
        let output = program().envs(environment.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("This binary is a plugin."));
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
async fn every_call_of_a_kind_without_members_names_what_does_not_exist() {
    let plugin = Plugin::start();
    let mut provider = plugin.provider().await;
    let type_name = || "azwi_nothing".to_owned();
    let mut seen = 0;
    let mut told = |diagnostics: &[tf::Diagnostic]| {
        let [diagnostic] = diagnostics else { panic!("one diagnostic, not {diagnostics:?}") };
        assert_eq!(diagnostic.severity(), Severity::Error);
        assert!(diagnostic.summary.contains("`azwi_nothing`"), "{diagnostic:?}");
        seen += 1;
    };
    macro_rules! refused {
        ($($method:ident($module:ident $field:ident))*) => {$({
            let mut request = tf::$module::Request::default();
            request.$field = type_name();
            told(&provider.$method(request).await.unwrap().into_inner().diagnostics);
        })*};
    }
    refused! {
        validate_resource_config(validate_resource_config type_name)
        upgrade_resource_state(upgrade_resource_state type_name)
        upgrade_resource_identity(upgrade_resource_identity type_name)
        read_resource(read_resource type_name)
        plan_resource_change(plan_resource_change type_name)
        apply_resource_change(apply_resource_change type_name)
        import_resource_state(import_resource_state type_name)
        move_resource_state(move_resource_state target_type_name)
        generate_resource_config(generate_resource_config type_name)
        validate_data_resource_config(validate_data_resource_config type_name)
        read_data_source(read_data_source type_name)
        validate_ephemeral_resource_config(validate_ephemeral_resource_config type_name)
        open_ephemeral_resource(open_ephemeral_resource type_name)
        renew_ephemeral_resource(renew_ephemeral_resource type_name)
        close_ephemeral_resource(close_ephemeral_resource type_name)
        validate_list_resource_config(validate_list_resource_config type_name)
        validate_action_config(validate_action_config type_name)
        plan_action(plan_action action_type)
        validate_state_store_config(validate_state_store type_name)
        lock_state(lock_state type_name)
        unlock_state(unlock_state type_name)
        get_states(get_states type_name)
        delete_state(delete_state type_name)
    }
    let request = tf::configure_state_store::Request { type_name: type_name(), ..Default::default() };
    let configured = provider.configure_state_store(request).await.unwrap().into_inner();
    told(&configured.diagnostics);
    assert!(configured.capabilities.is_some(), "Terraform crashes without");

    let request = tf::read_state_bytes::Request { type_name: type_name(), ..Default::default() };
    let mut read = provider.read_state_bytes(request).await.unwrap().into_inner();
    told(&read.message().await.unwrap().unwrap().diagnostics);
    assert!(read.message().await.unwrap().is_none());

    let meta = Some(tf::RequestChunkMeta { type_name: type_name(), state_id: "s".to_owned() });
    let chunk = tf::write_state_bytes::RequestChunk { meta, ..Default::default() };
    let rest = tf::write_state_bytes::RequestChunk { bytes: vec![0; 1 << 20], ..Default::default() };
    let chunks = tokio_stream::iter([chunk, rest.clone(), rest]);
    told(&provider.write_state_bytes(chunks).await.unwrap().into_inner().diagnostics);

    let request = tf::list_resource::Request { type_name: type_name(), ..Default::default() };
    let mut list = provider.list_resource(request).await.unwrap().into_inner();
    told(&list.message().await.unwrap().unwrap().diagnostic);
    assert!(list.message().await.unwrap().is_none());

    let request = tf::invoke_action::Request { action_type: type_name(), ..Default::default() };
    let mut action = provider.invoke_action(request).await.unwrap().into_inner();
    let Some(tf::invoke_action::event::Type::Completed(completed)) = action.message().await.unwrap().unwrap().r#type
    else {
        panic!("the stream must end with a completed event")
    };
    told(&completed.diagnostics);
    assert!(action.message().await.unwrap().is_none());

    let request = tf::call_function::Request { name: type_name(), ..Default::default() };
    let called = provider.call_function(request).await.unwrap().into_inner();
    assert!(called.error.unwrap().text.contains("`azwi_nothing`"));
    // With the seven calls on the provider itself, these are the 36 of the service.
    assert_eq!(seen, 28);
}

#[tokio::test]
async fn the_calls_on_the_provider_itself_answer_before_and_after_it_is_configured() {
    let plugin = Plugin::start();
    let mut provider = plugin.provider().await;
    let schema = provider.get_provider_schema(tf::get_provider_schema::Request {}).await.unwrap().into_inner();
    let metadata = provider.get_metadata(tf::get_metadata::Request {}).await.unwrap().into_inner();
    assert_eq!(schema.server_capabilities, metadata.server_capabilities);
    assert!(schema.server_capabilities.unwrap().get_provider_schema_optional);
    let named: Vec<&str> = metadata.resources.iter().map(|resource| resource.type_name.as_str()).collect();
    assert_eq!(named, schema.resource_schemas.keys().collect::<Vec<_>>());
    let named: Vec<&str> = metadata.data_sources.iter().map(|source| source.type_name.as_str()).collect();
    assert_eq!(named, schema.data_source_schemas.keys().collect::<Vec<_>>());
    assert!(schema.resource_schemas.values().all(|schema| schema.block.is_some()));

    let identities = provider.get_resource_identity_schemas(tf::get_resource_identity_schemas::Request {});
    let identities = identities.await.unwrap().into_inner().identity_schemas;
    assert_eq!(identities.keys().collect::<Vec<_>>(), schema.resource_schemas.keys().collect::<Vec<_>>());
    let functions = provider.get_functions(tf::get_functions::Request {}).await.unwrap().into_inner();
    assert_eq!(functions.functions, schema.functions);

    let config = Some(tf::DynamicValue { msgpack: null_configuration(&schema.provider.unwrap()), json: Vec::new() });
    for _ in 0..2 {
        let request = tf::validate_provider_config::Request { config: config.clone() };
        let validated = provider.validate_provider_config(request).await.unwrap().into_inner();
        assert_eq!(validated.diagnostics, []);
        let request = tf::configure_provider::Request {
            terraform_version: "1.11.4".to_owned(),
            config: config.clone(),
            client_capabilities: None,
        };
        let configured = provider.configure_provider(request).await.unwrap().into_inner();
        assert_eq!(configured.diagnostics, []);
    }
}

/// An object with every attribute and block of `schema`, all null.
fn null_configuration(schema: &tf::Schema) -> Vec<u8> {
    let block = schema.block.as_ref().unwrap();
    let attributes = block.attributes.iter().map(|attribute| attribute.name.as_str());
    let names: Vec<&str> = attributes.chain(block.block_types.iter().map(|block| block.type_name.as_str())).collect();
    let mut bytes = Vec::new();
    let nulls = names.into_iter().map(|name| (name.into(), rmpv::Value::Nil)).collect();
    rmpv::encode::write_value(&mut bytes, &rmpv::Value::Map(nulls)).unwrap();
    bytes
}

#[tokio::test]
async fn malformed_msgpack_is_a_diagnostic_and_the_server_goes_on() {
    let plugin = Plugin::start();
    let mut provider = plugin.provider().await;
    for msgpack in [&[0xc1][..], &[0x81], &[0xdf, 0xff, 0xff, 0xff, 0xff], &[0x92; 100_000], b"{}", &[]] {
        let config = Some(tf::DynamicValue { msgpack: msgpack.to_vec(), json: Vec::new() });
        let request = tf::validate_provider_config::Request { config };
        let answer = provider.validate_provider_config(request).await.unwrap().into_inner();
        let [diagnostic] = &answer.diagnostics[..] else { panic!("{msgpack:x?}: {answer:?}") };
        assert_eq!(diagnostic.severity(), Severity::Error);
        assert_eq!(diagnostic.summary, "Cannot read the configuration of the provider");
    }
}

#[tokio::test]
async fn a_message_may_be_larger_than_grpc_allows_by_itself() {
    let plugin = Plugin::start();
    let config = Some(tf::DynamicValue { msgpack: vec![0x90; 20 << 20], json: Vec::new() });
    let request = tf::validate_provider_config::Request { config };
    let answer = plugin.provider().await.validate_provider_config(request).await.unwrap().into_inner();
    assert_eq!(answer.diagnostics.len(), 1);
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
    assert!(lines.iter().any(|line| line["@level"] == "warn" && line["@message"] == "A client was turned away"));
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
