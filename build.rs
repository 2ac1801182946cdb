//! Turns `proto/` into Rust.
//!
//! protox is a protobuf compiler written in Rust, so no `protoc` need be installed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(["proto/tfplugin6.proto", "proto/go_plugin.proto"], ["proto"])?;
    // The clients are for the tests, which play the host. Ordered maps make our answers the same every time.
    tonic_prost_build::configure().btree_map(".").compile_fds(files)?;
    Ok(())
}
