//! Every call of the protocol, with what a host sends and with what no host should send.

use azwi::protocol::proto::tfplugin6::{self as tf, diagnostic::Severity};

use crate::host::Plugin;

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
pub(crate) fn null_configuration(schema: &tf::Schema) -> Vec<u8> {
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
        assert!(diagnostic.summary.contains("configuration"), "{diagnostic:?}");
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
