//! Around every call: what is logged of it, and that whatever goes wrong becomes a diagnostic.
//!
//! Terraform takes a gRPC error for a defect of the plugin and hides what it says, so none is sent.

use std::time::Instant;

use tonic::{Response, Status};
use tracing::Instrument as _;

use super::{
    ADDRESS, panic,
    proto::tfplugin6::{self as tf, Diagnostic, diagnostic::Severity},
    to_proto,
};
use crate::{
    context::Report,
    error::{Error, Result},
};

/// What a method of the service returns. There is never an `Err`.
pub(super) type Answer<T> = std::result::Result<Response<T>, Status>;

/// A response that can tell of an error.
pub(super) trait Reply: Default {
    /// Where errors and warnings go.
    fn diagnostics(&mut self) -> &mut Vec<Diagnostic>;
}

/// Runs the body of the call `rpc` on the object type `object`, which is empty for the provider itself.
pub(super) async fn call<R: Reply>(
    rpc: &'static str,
    object: &str,
    body: impl Future<Output = Result<R>>,
) -> Answer<R> {
    Ok(Response::new(reply(rpc, object, body).await))
}

/// As [`call`], for an answer that goes into a stream.
pub(super) async fn reply<R: Reply>(rpc: &'static str, object: &str, body: impl Future<Output = Result<R>>) -> R {
    // At level error, so that whatever is logged in the call carries these fields.
    let span = tracing::error_span!(
        "call",
        tf_rpc = rpc,
        tf_req_id = %uuid::Uuid::new_v4(),
        tf_provider_addr = ADDRESS,
        tf_resource_type = object,
    );
    async {
        let started = Instant::now();
        tracing::trace!("Received request");
        let mut reply = match panic::guard(body).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => refusal(error),
            Err(panic) => refusal(Error::defect(format!("{rpc} stopped halfway: {panic}."))),
        };
        let count = |reply: &mut R, severity| reply.diagnostics().iter().filter(|d| d.severity() == severity).count();
        tracing::debug!(
            tf_req_duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            diagnostic_error_count = count(&mut reply, Severity::Error),
            diagnostic_warning_count = count(&mut reply, Severity::Warning),
            "Served request"
        );
        reply
    }
    .instrument(span)
    .await
}

fn refusal<R: Reply>(error: Error) -> R {
    let mut reply = R::default();
    *reply.diagnostics() = to_proto::report(Report { errors: vec![error], warnings: Vec::new() });
    reply
}

macro_rules! replies {
    ($($response:ident)*) => {$(
        impl Reply for tf::$response::Response {
            fn diagnostics(&mut self) -> &mut Vec<Diagnostic> {
                &mut self.diagnostics
            }
        }
    )*};
}

replies! {
    get_metadata get_provider_schema get_resource_identity_schemas get_functions
    validate_provider_config configure_provider
    validate_resource_config upgrade_resource_state upgrade_resource_identity read_resource plan_resource_change
    apply_resource_change import_resource_state move_resource_state generate_resource_config
    validate_data_resource_config read_data_source
    validate_ephemeral_resource_config open_ephemeral_resource renew_ephemeral_resource close_ephemeral_resource
    validate_list_resource_config validate_action_config plan_action
    validate_state_store configure_state_store read_state_bytes write_state_bytes lock_state unlock_state get_states
    delete_state
}

impl Reply for tf::list_resource::Event {
    fn diagnostics(&mut self) -> &mut Vec<Diagnostic> {
        &mut self.diagnostic
    }
}

impl Reply for tf::invoke_action::event::Completed {
    fn diagnostics(&mut self) -> &mut Vec<Diagnostic> {
        &mut self.diagnostics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_and_a_panic_become_diagnostics() {
        let failed = async { Err(Error::new("No such thing", "Make one.")) };
        let reply: tf::read_resource::Response = call("ReadResource", "azwi_x", failed).await.unwrap().into_inner();
        assert_eq!(reply.diagnostics[0].summary, "No such thing");

        let panicked = async { panic!("the seventh seal") };
        let reply: tf::read_resource::Response = call("ReadResource", "azwi_x", panicked).await.unwrap().into_inner();
        let [diagnostic] = &reply.diagnostics[..] else { panic!("{reply:?}") };
        assert_eq!(diagnostic.severity(), Severity::Error);
        assert!(diagnostic.detail.contains("ReadResource") && diagnostic.detail.contains("the seventh seal"));
    }
}
