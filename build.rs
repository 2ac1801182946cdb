//! Turns `proto/` into Rust.
//!
//! protox is a protobuf compiler written in Rust, so no `protoc` need be installed.

use std::error::Error;
use std::path::Path;

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(["proto/tfplugin6.proto", "proto/go_plugin.proto"], ["proto"])?;
    // The clients are for the tests, which play the host. Ordered maps make our answers the same every time.
    tonic_prost_build::configure().btree_map(".").compile_fds(files)?;
    // What Kubernetes sends is read by its description, without types.
    let files = ["pod", "core", "workload", "access"].map(|name| format!("proto/kubernetes/{name}.proto"));
    let described = protox::compile(files, ["proto"])?.encode_to_vec();
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("kubernetes.bin"), described)?;
    Ok(())
}
