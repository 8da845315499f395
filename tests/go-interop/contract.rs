//! What the Go programs know of the contract.

use std::{env, fs, path::Path};

/// `UPDATE_GOLDEN=1` writes it anew.
#[test]
fn the_go_programs_have_the_contract_of_the_proto_files() {
    let file = Path::new(super::programs::MODULE).join("contract/contract.binpb");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, counterfoil_proto::DESCRIPTORS).unwrap();
    }
    let kept = fs::read(&file).unwrap_or_default();
    assert!(
        kept == counterfoil_proto::DESCRIPTORS,
        "tests/go-interop/contract/contract.binpb has drifted: `just golden` rewrites it"
    );
}
