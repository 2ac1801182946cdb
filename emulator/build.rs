//! Compiles the descriptions of Kubernetes' messages, by which its binary form is read without generated types.

use std::error::Error;
use std::path::Path;

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = ["pod", "core", "workload", "access"].map(|name| format!("proto/kubernetes/{name}.proto"));
    let described = protox::compile(files, ["proto"])?.encode_to_vec();
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("kubernetes.bin"), described)?;
    Ok(())
}
