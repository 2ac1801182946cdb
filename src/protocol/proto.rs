//! The messages and services that `build.rs` makes of `proto/`.
//!
//! Nothing outside `protocol` may name them, but for the tests, which are clients.

/// Terraform's and OpenTofu's calls on a provider.
#[allow(clippy::all, missing_docs, unreachable_pub, reason = "generated")]
pub mod tfplugin6 {
    tonic::include_proto!("tfplugin6");
}

/// What go-plugin, which starts us, calls on every plugin.
#[allow(clippy::all, missing_docs, unreachable_pub, reason = "generated")]
pub mod go_plugin {
    tonic::include_proto!("plugin");
}
