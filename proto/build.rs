//! Compiles the .proto files with protox: no protoc is needed on the machine.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 6] = [
    "workflow/plugin/external/iac.proto",
    "workflow/plugin/v1/plugin.proto",
    "plugin/grpc_broker.proto",
    "plugin/grpc_controller.proto",
    "plugin/grpc_stdio.proto",
    "grpc/health/v1/health.proto",
];

/// A protocol of our own, and no part of the contract.
const ADAPTER: &str = "counterfoil/adapter/v1/adapter.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;

    // The comments go into the generated code; at run time only names, numbers and types are read.
    let mut lean = descriptors.clone();
    for file in &mut lean.file {
        file.source_code_info = None;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("contract.binpb"), lean.encode_to_vec())?;

    let mut config = prost_build::Config::new();
    // Ordered maps make equal messages equal bytes.
    config.btree_map(["."]).bytes(["."]);
    #[cfg(feature = "grpc")]
    config.service_generator(tonic_prost_build::configure().service_generator());
    config.compile_fds(descriptors)?;
    // Cases of decoders and their answers are far smaller than those of engines.
    config.boxed(".counterfoil.adapter.v1.ToAdapter.kind.apply");
    config.boxed(".counterfoil.adapter.v1.FromAdapter.kind.applied");
    config.compile_fds(protox::compile([ADAPTER], ["proto"])?)?;
    Ok(())
}
