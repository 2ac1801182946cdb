//! `--debug`: the provider is started by a developer, perhaps under a debugger, and Terraform finds
//! it through an environment variable.
//!
//! There is no TLS here, as hosts expect none. The socket's permissions keep others out.

use serde_json::json;

use super::listener::Listener;

/// What to tell the developer.
pub(super) fn instructions(listener: &Listener, address: &str) -> String {
    format!(
        "The provider is running. In the shell that runs Terraform or OpenTofu, set\n\n\t\
         TF_REATTACH_PROVIDERS='{}'\n\n\
         It serves one run after another until you interrupt it.\n",
        reattach(listener, address)
    )
}

/// `Test` keeps the host from sending Shutdown, and from killing us, when its run is over.
fn reattach(listener: &Listener, address: &str) -> serde_json::Value {
    json!({
        address: {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": std::process::id(),
            "Test": true,
            "Addr": { "Network": listener.network(), "String": listener.address() },
        }
    })
}
