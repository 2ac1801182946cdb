//! Terraform's calls, one short method each. What they have in common is in `call`, what they do to
//! managed resources in `managed`, to data sources in `looked_up`.

use std::{pin::Pin, sync::Arc};

use futures::{Stream, stream};
use tonic::{Request, Status, Streaming};

use super::{
    absent::{self, absent},
    call::{Answer, call, reply},
    from_proto,
    looked_up::LookedUp,
    managed::Managed,
    proto::tfplugin6::{
        self as tf,
        provider_server::{Provider as Calls, ProviderServer},
    },
    to_proto,
};
use crate::{
    context::Report, data_source::AnyDataSource, data_sources, error::Result, provider::Provider,
    resource::AnyResource, resources,
};

/// The service, with all that this provider has, and the provider that it works with.
pub(super) fn service() -> (ProviderServer<Server>, Arc<Provider>) {
    let server = Server::new(resources::ALL, data_sources::ALL);
    let provider = Arc::clone(&server.provider);
    let service = ProviderServer::new(server)
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE);
    (service, provider)
}

/// As in HashiCorp's own SDK. tonic's 4 MiB would refuse a large state.
const LARGEST_MESSAGE: usize = 256 << 20;

/// The provider, as Terraform sees it.
pub(super) struct Server {
    provider: Arc<Provider>,
    managed: Managed,
    looked_up: LookedUp,
}

impl Server {
    pub(super) fn new(resources: &[&'static dyn AnyResource], data_sources: &[&'static dyn AnyDataSource]) -> Self {
        Self { provider: Arc::default(), managed: Managed::new(resources), looked_up: LookedUp::new(data_sources) }
    }

    fn provider_config(config: Option<tf::DynamicValue>) -> Result<crate::value::Value> {
        from_proto::value(config, &Provider::schema().value_type(), "the configuration of the provider")
    }
}

fn capabilities() -> Option<tf::ServerCapabilities> {
    Some(tf::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        // No resource takes over another's state so far.
        move_resource_state: false,
        generate_resource_config: true,
    })
}

type Messages<T> = Pin<Box<dyn Stream<Item = std::result::Result<T, Status>> + Send>>;

fn only<T: Send + 'static>(message: T) -> Answer<Messages<T>> {
    Ok(tonic::Response::new(Box::pin(stream::once(async { Ok(message) }))))
}

#[tonic::async_trait]
impl Calls for Server {
    async fn get_metadata(&self, _: Request<tf::get_metadata::Request>) -> Answer<tf::get_metadata::Response> {
        let resource = |name: &str| tf::get_metadata::ResourceMetadata { type_name: name.to_owned() };
        let data_source = |name: &str| tf::get_metadata::DataSourceMetadata { type_name: name.to_owned() };
        let response = async {
            Ok(tf::get_metadata::Response {
                server_capabilities: capabilities(),
                resources: self.managed.names().map(resource).collect(),
                data_sources: self.looked_up.names().map(data_source).collect(),
                ..Default::default()
            })
        };
        call("GetMetadata", "", response).await
    }

    async fn get_provider_schema(
        &self,
        _: Request<tf::get_provider_schema::Request>,
    ) -> Answer<tf::get_provider_schema::Response> {
        let response = async {
            Ok(tf::get_provider_schema::Response {
                provider: Some(to_proto::schema(&Provider::schema())),
                resource_schemas: self.managed.schemas(),
                data_source_schemas: self.looked_up.schemas(),
                server_capabilities: capabilities(),
                ..Default::default()
            })
        };
        call("GetProviderSchema", "", response).await
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<tf::get_resource_identity_schemas::Request>,
    ) -> Answer<tf::get_resource_identity_schemas::Response> {
        let response = async {
            let identity_schemas = self.managed.identity_schemas();
            Ok(tf::get_resource_identity_schemas::Response { identity_schemas, diagnostics: Vec::new() })
        };
        call("GetResourceIdentitySchemas", "", response).await
    }

    async fn validate_provider_config(
        &self,
        request: Request<tf::validate_provider_config::Request>,
    ) -> Answer<tf::validate_provider_config::Response> {
        let response = async {
            let config = Self::provider_config(request.into_inner().config)?;
            let errors = self.provider.validate(&config);
            Ok(tf::validate_provider_config::Response { diagnostics: to_proto::errors(errors) })
        };
        call("ValidateProviderConfig", "", response).await
    }

    async fn configure_provider(
        &self,
        request: Request<tf::configure_provider::Request>,
    ) -> Answer<tf::configure_provider::Response> {
        let request = request.into_inner();
        let response = async {
            let config = Self::provider_config(request.config)?;
            let report: Report = self.provider.configure(&config, &|name| std::env::var(name).ok());
            Ok(tf::configure_provider::Response { diagnostics: to_proto::report(report) })
        };
        call("ConfigureProvider", "", response).await
    }

    async fn stop_provider(&self, _: Request<tf::stop_provider::Request>) -> Answer<tf::stop_provider::Response> {
        tracing::debug!("The user asked to stop");
        self.provider.stop();
        Ok(tonic::Response::new(tf::stop_provider::Response::default()))
    }

    async fn validate_resource_config(
        &self,
        request: Request<tf::validate_resource_config::Request>,
    ) -> Answer<tf::validate_resource_config::Response> {
        let name = request.get_ref().type_name.clone();
        call("ValidateResourceConfig", &name, async { self.managed.validate(request.into_inner()) }).await
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<tf::upgrade_resource_state::Request>,
    ) -> Answer<tf::upgrade_resource_state::Response> {
        let name = request.get_ref().type_name.clone();
        call("UpgradeResourceState", &name, async { self.managed.upgrade(request.into_inner()) }).await
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<tf::upgrade_resource_identity::Request>,
    ) -> Answer<tf::upgrade_resource_identity::Response> {
        let name = request.get_ref().type_name.clone();
        call("UpgradeResourceIdentity", &name, async { self.managed.upgrade_identity(request.into_inner()) }).await
    }

    async fn read_resource(&self, request: Request<tf::read_resource::Request>) -> Answer<tf::read_resource::Response> {
        let name = request.get_ref().type_name.clone();
        call("ReadResource", &name, self.managed.read(&self.provider, request.into_inner())).await
    }

    async fn plan_resource_change(
        &self,
        request: Request<tf::plan_resource_change::Request>,
    ) -> Answer<tf::plan_resource_change::Response> {
        let name = request.get_ref().type_name.clone();
        call("PlanResourceChange", &name, self.managed.plan(&self.provider, request.into_inner())).await
    }

    async fn apply_resource_change(
        &self,
        request: Request<tf::apply_resource_change::Request>,
    ) -> Answer<tf::apply_resource_change::Response> {
        let name = request.get_ref().type_name.clone();
        call("ApplyResourceChange", &name, self.managed.apply(&self.provider, request.into_inner())).await
    }

    async fn import_resource_state(
        &self,
        request: Request<tf::import_resource_state::Request>,
    ) -> Answer<tf::import_resource_state::Response> {
        let name = request.get_ref().type_name.clone();
        call("ImportResourceState", &name, self.managed.import(&self.provider, request.into_inner())).await
    }

    async fn move_resource_state(
        &self,
        request: Request<tf::move_resource_state::Request>,
    ) -> Answer<tf::move_resource_state::Response> {
        let name = request.get_ref().target_type_name.clone();
        call("MoveResourceState", &name, async { self.managed.take_over(request.get_ref()) }).await
    }

    async fn generate_resource_config(
        &self,
        request: Request<tf::generate_resource_config::Request>,
    ) -> Answer<tf::generate_resource_config::Response> {
        let name = request.get_ref().type_name.clone();
        call("GenerateResourceConfig", &name, async { self.managed.generate(request.into_inner()) }).await
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<tf::validate_data_resource_config::Request>,
    ) -> Answer<tf::validate_data_resource_config::Response> {
        let name = request.get_ref().type_name.clone();
        call("ValidateDataResourceConfig", &name, async { self.looked_up.validate(request.into_inner()) }).await
    }

    async fn read_data_source(
        &self,
        request: Request<tf::read_data_source::Request>,
    ) -> Answer<tf::read_data_source::Response> {
        let name = request.get_ref().type_name.clone();
        call("ReadDataSource", &name, self.looked_up.read(&self.provider, request.into_inner())).await
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<tf::validate_ephemeral_resource_config::Request>,
    ) -> Answer<tf::validate_ephemeral_resource_config::Response> {
        let name = &request.get_ref().type_name;
        call("ValidateEphemeralResourceConfig", name, absent("ephemeral resource", name)).await
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<tf::open_ephemeral_resource::Request>,
    ) -> Answer<tf::open_ephemeral_resource::Response> {
        let name = &request.get_ref().type_name;
        call("OpenEphemeralResource", name, absent("ephemeral resource", name)).await
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<tf::renew_ephemeral_resource::Request>,
    ) -> Answer<tf::renew_ephemeral_resource::Response> {
        let name = &request.get_ref().type_name;
        call("RenewEphemeralResource", name, absent("ephemeral resource", name)).await
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<tf::close_ephemeral_resource::Request>,
    ) -> Answer<tf::close_ephemeral_resource::Response> {
        let name = &request.get_ref().type_name;
        call("CloseEphemeralResource", name, absent("ephemeral resource", name)).await
    }

    async fn get_functions(&self, _: Request<tf::get_functions::Request>) -> Answer<tf::get_functions::Response> {
        call("GetFunctions", "", async { Ok(tf::get_functions::Response::default()) }).await
    }

    async fn call_function(&self, request: Request<tf::call_function::Request>) -> Answer<tf::call_function::Response> {
        Ok(tonic::Response::new(absent::function(&request.get_ref().name)))
    }

    type ListResourceStream = Messages<tf::list_resource::Event>;

    async fn list_resource(&self, request: Request<tf::list_resource::Request>) -> Answer<Self::ListResourceStream> {
        let name = &request.get_ref().type_name;
        only(reply("ListResource", name, absent("list resource", name)).await)
    }

    async fn validate_list_resource_config(
        &self,
        request: Request<tf::validate_list_resource_config::Request>,
    ) -> Answer<tf::validate_list_resource_config::Response> {
        let name = &request.get_ref().type_name;
        call("ValidateListResourceConfig", name, absent("list resource", name)).await
    }

    async fn validate_action_config(
        &self,
        request: Request<tf::validate_action_config::Request>,
    ) -> Answer<tf::validate_action_config::Response> {
        let name = &request.get_ref().type_name;
        call("ValidateActionConfig", name, absent("action", name)).await
    }

    async fn plan_action(&self, request: Request<tf::plan_action::Request>) -> Answer<tf::plan_action::Response> {
        let name = &request.get_ref().action_type;
        call("PlanAction", name, absent("action", name)).await
    }

    type InvokeActionStream = Messages<tf::invoke_action::Event>;

    async fn invoke_action(&self, request: Request<tf::invoke_action::Request>) -> Answer<Self::InvokeActionStream> {
        use tf::invoke_action::{Event, event::Type};
        let name = &request.get_ref().action_type;
        let completed = reply("InvokeAction", name, absent("action", name)).await;
        only(Event { r#type: Some(Type::Completed(completed)) })
    }

    async fn validate_state_store_config(
        &self,
        request: Request<tf::validate_state_store::Request>,
    ) -> Answer<tf::validate_state_store::Response> {
        let name = &request.get_ref().type_name;
        call("ValidateStateStoreConfig", name, absent("state store", name)).await
    }

    async fn configure_state_store(
        &self,
        request: Request<tf::configure_state_store::Request>,
    ) -> Answer<tf::configure_state_store::Response> {
        let name = &request.get_ref().type_name;
        let mut response: tf::configure_state_store::Response =
            reply("ConfigureStateStore", name, absent("state store", name)).await;
        // Terraform crashes without them, also beside an error.
        response.capabilities = Some(tf::StateStoreServerCapabilities::default());
        Ok(tonic::Response::new(response))
    }

    type ReadStateBytesStream = Messages<tf::read_state_bytes::Response>;

    async fn read_state_bytes(
        &self,
        request: Request<tf::read_state_bytes::Request>,
    ) -> Answer<Self::ReadStateBytesStream> {
        let name = &request.get_ref().type_name;
        only(reply("ReadStateBytes", name, absent("state store", name)).await)
    }

    async fn write_state_bytes(
        &self,
        request: Request<Streaming<tf::write_state_bytes::RequestChunk>>,
    ) -> Answer<tf::write_state_bytes::Response> {
        // Only the first chunk says what the state store is called. The rest is not waited for.
        let first = request.into_inner().message().await.ok().flatten();
        let name = first.and_then(|chunk| chunk.meta).map(|meta| meta.type_name).unwrap_or_default();
        call("WriteStateBytes", &name, absent("state store", &name)).await
    }

    async fn lock_state(&self, request: Request<tf::lock_state::Request>) -> Answer<tf::lock_state::Response> {
        let name = &request.get_ref().type_name;
        call("LockState", name, absent("state store", name)).await
    }

    async fn unlock_state(&self, request: Request<tf::unlock_state::Request>) -> Answer<tf::unlock_state::Response> {
        let name = &request.get_ref().type_name;
        call("UnlockState", name, absent("state store", name)).await
    }

    async fn get_states(&self, request: Request<tf::get_states::Request>) -> Answer<tf::get_states::Response> {
        let name = &request.get_ref().type_name;
        call("GetStates", name, absent("state store", name)).await
    }

    async fn delete_state(&self, request: Request<tf::delete_state::Request>) -> Answer<tf::delete_state::Response> {
        let name = &request.get_ref().type_name;
        call("DeleteState", name, absent("state store", name)).await
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
