//! The services that go-plugin, which starts us, wants beside the provider's own.
//!
//! Terraform and OpenTofu open the broker and the stdio stream as they connect and then leave them
//! be. Both stay open until the end, for some hosts take a stream that ends as a plugin that died.

use std::pin::Pin;

use futures::{Stream, StreamExt as _, stream};
use tonic::{Request, Response, Status, Streaming, transport::server::Router};
use tonic_health::ServingStatus;

use super::{
    lifetime::End,
    proto::go_plugin::{
        ConnInfo, Empty, StdioData,
        grpc_broker_server::{GrpcBroker, GrpcBrokerServer},
        grpc_controller_server::{GrpcController, GrpcControllerServer},
        grpc_stdio_server::{GrpcStdio, GrpcStdioServer},
    },
};

/// Adds the services to `router`. Shutdown begins `end`, and all that is open ends with it.
pub(super) async fn add_to(router: Router, end: &End, shutdown: Shutdown) -> Router {
    let (health, health_service) = tonic_health::server::health_reporter();
    // The name under which go-plugin's Ping asks.
    health.set_service_status("plugin", ServingStatus::Serving).await;
    let services = Services { end: end.clone(), shutdown };
    router
        .add_service(health_service)
        .add_service(GrpcControllerServer::new(services.clone()))
        .add_service(GrpcStdioServer::new(services.clone()))
        .add_service(GrpcBrokerServer::new(services))
}

/// What a host's Shutdown does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shutdown {
    /// Ends the process: the host started us and kills us in two seconds.
    EndsUs,
    /// Nothing: a developer started us, and the next client is to find us as well.
    IsIgnored,
}

#[derive(Debug, Clone)]
struct Services {
    end: End,
    shutdown: Shutdown,
}

type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl GrpcController for Services {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!(ignored = self.shutdown == Shutdown::IsIgnored, "The host asked us to end");
        if self.shutdown == Shutdown::EndsUs {
            self.end.at_once();
        }
        Ok(Response::new(Empty {}))
    }
}

#[tonic::async_trait]
impl GrpcStdio for Services {
    type StreamStdioStream = Messages<StdioData>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        // We write nothing to standard output after the handshake, and standard error goes to the host by itself.
        let nothing = stream::once(self.end.begun()).filter_map(|()| async { None });
        Ok(Response::new(Box::pin(nothing)))
    }
}

#[tonic::async_trait]
impl GrpcBroker for Services {
    type StartStreamStream = Messages<ConnInfo>;

    async fn start_stream(
        &self,
        offers: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        // Reads what comes, so that the host is never held up, and answers nothing.
        let unanswered = offers.into_inner().filter_map(|_| async { None });
        Ok(Response::new(Box::pin(unanswered.take_until(self.end.begun()))))
    }
}
